#include "client/names.h"

#include "client/ctl.h"
#include "client/options.h"
#include "client/table.h"

int names_call(struct ctl *ctl, const char *method, const struct words *names, json_t *more,
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

void names_add(void *table, const char *name, json_t *answer)
{
	json_t *row = json_pack("{s:s}", "name", name);

	if (row != NULL && json_object_update(row, answer) == 0)
		table_add(table, row);
	json_decref(row);
}
