/* why: what a job waits for. */
#include "client/cmd.h"
#include "client/ids.h"
#include "client/table.h"

/* The answer, headed by the id that it is about. */
static void why_show(void *arg, int64_t id, json_t *answer)
{
	json_t *row = json_pack("{s:I}", "id", (json_int_t)id);

	if (row != NULL && json_object_update(row, answer) == 0)
		table_add(arg, row);
	json_decref(row);
}

static int why_main(struct ctl *ctl, const struct cmd *cmd, int argc, char **argv)
{
	static const char *const columns[] = { "id", "state", "reason", "message", NULL };
	struct table *table;
	struct ids ids;
	int code;

	if (!ids_read(ctl, cmd, argc, argv, NULL, &ids, &code))
		return code;
	table = table_new(ctl, columns);
	code = table != NULL ? ids_call(ctl, &ids, "job.explain", NULL, why_show, table) : CTL_JOB;
	table_free(&table);
	ids_free(&ids);
	return code;
}

const struct cmd cmd_why = {
	"why", "ID...", "say why jobs do not run",
	"In a word and in a sentence, as it is at this moment. With --json also, where it applies, which jobs block it,\n"
	"when it starts at the earliest and how many are ahead of it.\n",
	"jobctl why 42\n"
	"jobctl list -s ready -o id | xargs jobctl why\n",
	{ NULL, NULL }, why_main
};
