/* cancel, retry, hold, release and delete: a method each, for every id. */
#include <string.h>

#include "client/cmd.h"
#include "client/ids.h"
#include "client/table.h"

static void change_show(void *arg, json_t *answer)
{
	table_add(arg, answer);
}

static int change_main(struct ctl *ctl, const struct cmd *cmd, int argc, char **argv)
{
	static const char *const record[] = { "id", "state", "type", "queue", NULL };
	static const char *const only_id[] = { "id", NULL };
	struct table *table;
	struct ids ids;
	char method[32];
	int code;

	if (!ids_read(ctl, cmd, argc, argv, NULL, &ids, &code))
		return code;
	snprintf(method, sizeof(method), "job.%s", cmd->name);
	table = table_new(ctl, strcmp(cmd->name, "delete") == 0 ? only_id : record);
	code = table != NULL ? ids_call(ctl, &ids, method, change_show, table) : CTL_JOB;
	table_free(&table);
	ids_free(&ids);
	return code;
}

const struct cmd cmd_cancel = {
	"cancel", "ID...", "cancel jobs, stopping those that run",
	"Waits until what runs has stopped, and prints the jobs.\n",
	"jobctl cancel 42 43\n"
	"jobctl list -s ready -o id | xargs jobctl cancel\n",
	{ NULL, NULL }, change_main
};

const struct cmd cmd_retry = {
	"retry", "ID...", "run jobs that are over again",
	"The same id, with a fresh budget of attempts.\n",
	"jobctl retry 42\n"
	"jobctl list -s failed --all -o id | xargs jobctl retry\n",
	{ NULL, NULL }, change_main
};

const struct cmd cmd_hold = {
	"hold", "ID...", "park jobs that have not started",
	NULL,
	"jobctl hold 42\n",
	{ NULL, NULL }, change_main
};

const struct cmd cmd_release = {
	"release", "ID...", "let held jobs go on",
	NULL,
	"jobctl release 42\n",
	{ NULL, NULL }, change_main
};

const struct cmd cmd_delete = {
	"delete", "ID...", "delete the records of jobs that are over",
	NULL,
	"jobctl delete 42 43\n",
	{ NULL, NULL }, change_main
};
