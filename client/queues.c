#include "client/queues.h"

#include "client/ctl.h"
#include "client/options.h"
#include "client/table.h"

const char *const queues_columns[] = {
	"name", "paused", "weight", "counts.held", "counts.blocked", "counts.scheduled", "counts.ready", "counts.running",
	"oldest_ready_seconds", "concurrency", "rate", "max_ready", NULL
};

int queues_each(struct ctl *ctl, const char *method, const struct words *names, json_t *more,
		void (*each)(void *arg, const char *name, json_t *answer), void *arg)
{
	int code = CTL_DONE, last;

	for (int i = 0; i < names->n && code != CTL_NO_DAEMON; i++) {
		json_t *params = json_pack("{s:s}", "name", names->v[i]), *answer;

		if (params == NULL || (more != NULL && json_object_update(params, more) < 0)) {
			ctl_error("the name \"%s\" is not UTF-8", names->v[i]);
			json_decref(params);
			code = CTL_USAGE;
			continue;
		}
		answer = ctl_call(ctl, method, params, &last);
		if (answer != NULL)
			each(arg, names->v[i], answer);
		else
			code = last;
		json_decref(answer);
	}
	return code;
}

static void queues_add(void *arg, const char *name, json_t *queue)
{
	(void)name;
	table_add(arg, queue);
}

int queues_table(struct ctl *ctl, const char *method, const struct words *names, json_t *more)
{
	struct table *table = table_new(ctl, queues_columns);
	int code = table != NULL ? queues_each(ctl, method, names, more, queues_add, table) : CTL_JOB;

	table_free(&table);
	return code;
}
