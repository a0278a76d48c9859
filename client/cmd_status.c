/* status: how the daemon is. Shows whatever members there are, so that a newer daemon's are shown too. */
#include <string.h>

#include "client/cmd.h"
#include "client/table.h"

/* What stands on its own comes first, then each group under its name. */
static void status_show(struct ctl *ctl, json_t *status)
{
	json_t *alone = json_object(), *value;
	const char *name;

	json_object_foreach(status, name, value)
		if (!json_is_object(value))
			json_object_set(alone, name, value);
	table_members(ctl, alone, NULL, NULL);
	json_decref(alone);
	json_object_foreach(status, name, value) {
		if (!json_is_object(value))
			continue;
		if (ctl->out_terminal)
			printf("\n%s%s%s\n", ctl_colored(ctl, true) ? "\033[1m" : "", name, ctl_colored(ctl, true) ? "\033[0m" : "");
		table_members(ctl, value, name, NULL);
	}
}

static int status_main(struct ctl *ctl, const struct cmd *cmd, int argc, char **argv)
{
	json_t *status;
	struct words w;
	int code;

	if (!options_words(ctl, cmd, argc, argv, NULL, &w, 0, 0, &code))
		return code;
	status = ctl_call(ctl, "daemon.status", NULL, &code);
	if (status != NULL && ctl->json)
		ctl_print_json(status);
	else if (status != NULL)
		status_show(ctl, status);
	json_decref(status);
	return code;
}

const struct cmd cmd_status = {
	"status", "", "show how the daemon is",
	"Jobs by state, the loop's lag, coroutines, the pool, connections, the store. In a pipe each line is a name\n"
	"such as loop.lag_ms, a tab and a value.\n",
	"jobctl status\n"
	"jobctl status | grep -w counts.ready\n",
	{ NULL, NULL }, status_main
};
