#include "client/queues.h"

#include "client/ctl.h"
#include "client/names.h"
#include "client/table.h"

const char *const queues_columns[] = {
	"name", "paused", "weight", "counts.held", "counts.blocked", "counts.scheduled", "counts.ready", "counts.running",
	"oldest_ready_seconds", "concurrency", "rate", "max_ready", NULL
};

static void queues_add(void *arg, const char *name, json_t *queue)
{
	(void)name;
	table_add(arg, queue);
}

int queues_table(struct ctl *ctl, const char *method, const struct words *names, json_t *more)
{
	struct table *table = table_new(ctl, queues_columns);
	int code = table != NULL ? names_call(ctl, method, names, more, queues_add, table) : CTL_JOB;

	table_free(&table);
	return code;
}
