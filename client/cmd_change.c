/* cancel, retry, hold, release and delete: a method each, for every id or for all that pass a filter. */
#include <string.h>

#include "client/cmd.h"
#include "client/ids.h"
#include "client/job_options.h"
#include "client/many.h"
#include "client/table.h"

static const struct opt change_options[] = {
	{ 'y', "yes", NULL, "with filters: do not ask", opt_flag, 0, NULL, NULL },
	{ 0, NULL, NULL, NULL, NULL, 0, NULL, NULL }
};

static void change_show(void *arg, int64_t id, json_t *answer)
{
	(void)id;
	table_add(arg, answer);
}

static int change_each(struct ctl *ctl, const struct cmd *cmd, const struct ids *ids)
{
	static const char *const record[] = { "id", "state", "type", "queue", NULL };
	static const char *const only_id[] = { "id", NULL };
	struct table *table = table_new(ctl, strcmp(cmd->name, "delete") == 0 ? only_id : record);
	char method[32];
	int code;

	snprintf(method, sizeof(method), "job.%s", cmd->name);
	code = table != NULL ? ids_call(ctl, ids, method, NULL, change_show, table) : CTL_JOB;
	table_free(&table);
	return code;
}

static int change_some(struct ctl *ctl, const struct cmd *cmd, struct words *w, json_t *filter, bool sure)
{
	struct ids ids;
	int code = options_expect(cmd, w, 0, INT32_MAX);

	if (code != 0)
		return code;
	if (w->n == 0 && json_object_size(filter) == 0)
		return options_misused(cmd, "it needs ID..., or filters such as --queue");
	if (w->n == 0)
		return many_change(ctl, cmd->name, filter, sure);
	if (json_object_size(filter) > 0)
		return options_misused(cmd, "it takes ids or filters, not both");
	if (!ids_of(cmd, w, &ids))
		return CTL_USAGE;
	code = change_each(ctl, cmd, &ids);
	ids_free(&ids);
	return code;
}

static int change_main(struct ctl *ctl, const struct cmd *cmd, int argc, char **argv)
{
	bool sure = false;
	json_t *filter = json_object();
	struct words w;
	int code;

	if (options_read(ctl, cmd, argc, argv, false, &sure, filter, &w, &code))
		code = change_some(ctl, cmd, &w, filter, sure);
	json_decref(filter);
	return code;
}

#define CHANGE_FILTERS \
	"With filters instead of ids it is done to all jobs that pass them, on a terminal after a question, and what is\n" \
	"printed is how many there were and to how many of them it was done.\n"

const struct cmd cmd_cancel = {
	"cancel", "ID...", "cancel jobs, stopping those that run",
	"Waits until what runs has stopped, and prints the jobs.\n"
	CHANGE_FILTERS,
	"jobctl cancel 42 43\n"
	"jobctl cancel --queue mail --state ready,scheduled\n",
	{ change_options, filter_options }, change_main
};

const struct cmd cmd_retry = {
	"retry", "ID...", "run jobs that are over again",
	"The same id, with a fresh budget of attempts.\n"
	CHANGE_FILTERS,
	"jobctl retry 42\n"
	"jobctl retry --state failed --tag customer=7 --yes\n",
	{ change_options, filter_options }, change_main
};

const struct cmd cmd_hold = {
	"hold", "ID...", "park jobs that have not started",
	CHANGE_FILTERS,
	"jobctl hold 42\n"
	"jobctl hold --type http\n",
	{ change_options, filter_options }, change_main
};

const struct cmd cmd_release = {
	"release", "ID...", "let held jobs go on",
	CHANGE_FILTERS,
	"jobctl release 42\n"
	"jobctl release --queue mail\n",
	{ change_options, filter_options }, change_main
};

const struct cmd cmd_delete = {
	"delete", "ID...", "delete the records of jobs that are over",
	CHANGE_FILTERS,
	"jobctl delete 42 43\n"
	"jobctl delete --state succeeded --queue mail\n",
	{ change_options, filter_options }, change_main
};
