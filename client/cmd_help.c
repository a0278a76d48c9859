/* help, and the texts of --help, from the same tables that the commands are read by. */
#include <string.h>

#include "client/cmd.h"

enum { HELP_COLUMN = 30 };

static void help_option(const struct opt *opt, FILE *out)
{
	char left[64];
	int n;

	if (opt->letter != 0)
		n = snprintf(left, sizeof(left), "  -%c, --%s", opt->letter, opt->name);
	else
		n = snprintf(left, sizeof(left), "      --%s", opt->name);
	if (opt->value != NULL && opt->value[0] == '[')
		n += snprintf(left + n, sizeof(left) - (size_t)n, "[=%s", opt->value + 1);
	else if (opt->value != NULL)
		n += snprintf(left + n, sizeof(left) - (size_t)n, " %s", opt->value);
	if (n < HELP_COLUMN - 1)
		fprintf(out, "%-*s%s\n", HELP_COLUMN, left, opt->help);
	else
		fprintf(out, "%s\n%*s%s\n", left, HELP_COLUMN, "", opt->help);
}

static void help_options(const char *title, const struct opt *table, FILE *out)
{
	if (table == NULL)
		return;
	fprintf(out, "\n%s:\n", title);
	for (; table->name != NULL; table++)
		help_option(table, out);
}

static void help_examples(const char *examples, FILE *out)
{
	fputs("\nExamples:\n", out);
	while (*examples != '\0') {
		size_t len = strcspn(examples, "\n");

		fprintf(out, "  %.*s\n", (int)len, examples);
		examples += len + (examples[len] == '\n');
	}
}

void cmd_help(const struct cmd *cmd, FILE *out)
{
	bool options = cmd->options[0] != NULL || cmd->options[1] != NULL;

	fprintf(out, "Usage: jobctl %s%s%s%s\n\njobctl %s: %s.\n", cmd->name, options ? " [OPTION...]" : "", *cmd->args != '\0' ? " " : "",
		cmd->args, cmd->name, cmd->summary);
	if (cmd->help != NULL)
		fprintf(out, "\n%s", cmd->help);
	help_options("Options", cmd->options[0], out);
	help_options(cmd->options[0] != NULL ? "Further options" : "Options", cmd->options[1], out);
	help_options("Global options", options_global, out);
	help_examples(cmd->examples, out);
}

bool cmd_help_family(const char *first, FILE *out)
{
	size_t len = strlen(first);
	bool any = false;

	for (const struct cmd *const *cmd = cmd_table; *cmd != NULL; cmd++) {
		if (strncmp((*cmd)->name, first, len) != 0 || (*cmd)->name[len] != ' ')
			continue;
		if (!any)
			fprintf(out, "Usage: jobctl %s COMMAND [ARG...]\n\nCommands:\n", first);
		fprintf(out, "  %-18s%s\n", (*cmd)->name, (*cmd)->summary);
		any = true;
	}
	return any;
}

void cmd_help_all(FILE *out)
{
	fputs("Usage: jobctl [-H ADDRESS] [--json] [-q] COMMAND [ARG...]\n\nTalks to jobd, which runs jobs.\n\nCommands:\n", out);
	for (const struct cmd *const *cmd = cmd_table; *cmd != NULL; cmd++)
		fprintf(out, "  %-18s%s\n", (*cmd)->name, (*cmd)->summary);
	help_options("Global options", options_global, out);
	fputs("\nThe address comes from -H, else from JOBD_ADDRESS, else the first that answers of: the Unix socket where jobd\n"
	      "would put it for this user, /run/jobd/jobd.sock, 127.0.0.1:7420.\n"
	      "\nExit codes: 0 done; 1 the job failed, was cancelled or expired; 2 wrong usage; 3 no daemon there; 4 the daemon\n"
	      "refused; 5 a wait timed out. `run` exits as its command does, see `jobctl run --help`.\n", out);
	help_examples("jobctl run make -j4\n"
		      "jobctl submit http url=https://example.org --delay 10m\n"
		      "jobctl list --state failed\n", out);
}

static int help_main(struct ctl *ctl, const struct cmd *cmd, int argc, char **argv)
{
	const struct cmd *about;
	struct words w;
	int code, taken;

	if (!options_words(ctl, cmd, argc, argv, NULL, &w, 0, 2, &code))
		return code;
	if (w.n == 0) {
		cmd_help_all(stdout);
		return CTL_DONE;
	}
	about = cmd_find(w.n, w.v, &taken);
	if (about == NULL && w.n == 1 && cmd_help_family(w.v[0], stdout))
		return CTL_DONE;
	if (about == NULL)
		return cmd_unknown(w.v[0], w.n > 1 ? w.v[1] : NULL);
	cmd_help(about, stdout);
	return CTL_DONE;
}

const struct cmd cmd_help_command = {
	"help", "[COMMAND]", "explain a command",
	NULL,
	"jobctl help submit\n"
	"jobctl help queue list\n",
	{ NULL, NULL }, help_main
};
