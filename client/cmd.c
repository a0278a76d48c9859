#include "client/cmd.h"

#include <stdio.h>
#include <string.h>

const struct cmd *const cmd_table[] = {
	&cmd_run, &cmd_submit,
	&cmd_list, &cmd_count, &cmd_show, &cmd_why, &cmd_wait, &cmd_logs,
	&cmd_cancel, &cmd_retry, &cmd_hold, &cmd_release, &cmd_update, &cmd_delete,
	&cmd_queue_list, &cmd_queue_show, &cmd_queue_set, &cmd_queue_pause, &cmd_queue_resume, &cmd_queue_purge,
	&cmd_schedule_list, &cmd_schedule_show, &cmd_schedule_put, &cmd_schedule_delete, &cmd_schedule_trigger,
	&cmd_watch, &cmd_top,
	&cmd_status, &cmd_ping, &cmd_drain, &cmd_resume, &cmd_reload, &cmd_backup,
	&cmd_completion, &cmd_help_command,
	NULL
};

/* Is argv's beginning the name, word for word? How many words that are; 0: it is not. */
static int cmd_matches(const char *name, int argc, char **argv)
{
	int words = 0;

	while (words < argc) {
		size_t len = strcspn(name, " ");

		if (strlen(argv[words]) != len || memcmp(argv[words], name, len) != 0)
			return 0;
		words++;
		if (name[len] == '\0')
			return words;
		name += len + 1;
	}
	return 0;
}

void cmd_family(const char *first, char *names, size_t size)
{
	size_t len = strlen(first), end = 0;

	for (const struct cmd *const *cmd = cmd_table; *cmd != NULL; cmd++)
		if (strncmp((*cmd)->name, first, len) == 0 && (*cmd)->name[len] == ' ' && end < size)
			end += (size_t)snprintf(names + end, size - end, "%s%s", end > 0 ? ", " : "", (*cmd)->name + len + 1);
}

int cmd_unknown(const char *first, const char *second)
{
	char known[400] = "";

	cmd_family(first, known, sizeof(known));
	if (known[0] == '\0')
		ctl_error("there is no command \"%s\"; see `jobctl --help`", first);
	else if (second == NULL || second[0] == '-')
		ctl_error("%s: it needs one of: %s", first, known);
	else
		ctl_error("%s: there is no \"%s\", only: %s", first, second, known);
	return CTL_USAGE;
}

const struct cmd *cmd_find(int argc, char **argv, int *words)
{
	for (const struct cmd *const *cmd = cmd_table; *cmd != NULL; cmd++) {
		*words = cmd_matches((*cmd)->name, argc, argv);
		if (*words > 0)
			return *cmd;
	}
	return NULL;
}
