/* show: records, readable. */
#include <stdbool.h>

#include "client/cmd.h"
#include "client/ids.h"
#include "client/table.h"

struct show {
	const struct ctl *ctl;
	bool first;
};

static void show_history(const struct ctl *ctl, json_t *history)
{
	static const char *const columns[] = { "attempt", "started_at", "finished_at", "outcome", "error", "where", NULL };
	struct table *table;
	json_t *attempt;
	size_t i;

	if (json_array_size(history) == 0)
		return;
	table = table_new(ctl, columns);
	if (table == NULL)
		return;
	printf("\n");
	json_array_foreach(history, i, attempt)
		table_add(table, attempt);
	table_free(&table);
}

/* In a pipe the history is one more member, so that every line is a name and a value. */
static void show_record(void *arg, int64_t id, json_t *record)
{
	static const char *const apart[] = { "history", NULL };
	struct show *show = arg;
	const struct ctl *ctl = show->ctl;

	(void)id;
	if (ctl->json) {
		ctl_print_json(record);
		return;
	}
	if (!show->first)
		printf("\n");
	show->first = false;
	table_members(ctl, record, NULL, ctl->out_terminal ? apart : NULL);
	if (ctl->out_terminal)
		show_history(ctl, json_object_get(record, "history"));
}

static int show_main(struct ctl *ctl, const struct cmd *cmd, int argc, char **argv)
{
	struct show show = { ctl, true };
	struct ids ids;
	int code;

	if (!ids_read(ctl, cmd, argc, argv, NULL, &ids, &code))
		return code;
	code = ids_call(ctl, &ids, "job.get", NULL, show_record, &show);
	ids_free(&ids);
	return code;
}

const struct cmd cmd_show = {
	"show", "ID...", "show all there is to know of jobs",
	"A member a line. In a pipe its name and its value have a tab between.\n",
	"jobctl show 42\n"
	"jobctl show 42 --json | jq .result\n",
	{ NULL, NULL }, show_main
};
