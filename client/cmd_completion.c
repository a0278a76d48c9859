/* completion: scripts for the shells, out of the tables that the commands are read by. */
#include <string.h>

#include "client/cmd.h"

/* ---- what all three need ---- */

typedef void completion_opt(const struct cmd *cmd, const struct opt *opt);

static void completion_table(const struct cmd *cmd, const struct opt *table, completion_opt *each)
{
	for (; table != NULL && table->name != NULL; table++)
		each(cmd, table);
}

static void completion_options(const struct cmd *cmd, completion_opt *each)
{
	completion_table(cmd, cmd->options[0], each);
	completion_table(cmd, cmd->options[1], each);
	completion_table(cmd, options_global, each);
}

/* Is this command the first of its family? "queue list" of "queue". */
static bool completion_first(const struct cmd *const *cmd)
{
	size_t len = strcspn((*cmd)->name, " ");

	return cmd == cmd_table || strncmp(cmd[-1]->name, (*cmd)->name, len) != 0 ||
	       (cmd[-1]->name[len] != ' ' && cmd[-1]->name[len] != '\0');
}

/* Does the option's value stand in a word of its own? */
static bool completion_takes(const struct opt *opt)
{
	return opt->value != NULL && opt->value[0] != '[';
}

/* In single quotes; `quote` is what a quote within becomes. */
static void completion_quote(const char *text, const char *quote)
{
	putchar('\'');
	for (; *text != '\0'; text++) {
		if (*text == '\'')
			fputs(quote, stdout);
		else
			putchar(*text);
	}
	putchar('\'');
}

static void completion_words(const char *const *words)
{
	for (; *words != NULL; words++)
		printf("%s%s", *words, words[1] != NULL ? " " : "");
}

static void completion_names(void)
{
	for (const struct cmd *const *cmd = cmd_table; *cmd != NULL; cmd++)
		if (completion_first(cmd))
			printf(" %.*s", (int)strcspn((*cmd)->name, " "), (*cmd)->name);
}

/* Each family's first word, and its second ones with spaces between. */
static void completion_families(void (*each)(const char *first, const char *seconds))
{
	for (const struct cmd *const *cmd = cmd_table; *cmd != NULL; cmd++) {
		size_t len = strcspn((*cmd)->name, " ");
		char first[32], seconds[200] = "";

		if ((*cmd)->name[len] == '\0' || !completion_first(cmd))
			continue;
		snprintf(first, sizeof(first), "%.*s", (int)len, (*cmd)->name);
		cmd_family(first, seconds, sizeof(seconds));
		for (char *comma = seconds; (comma = strchr(comma, ',')) != NULL;)
			memmove(comma, comma + 1, strlen(comma));
		each(first, seconds);
	}
}

/* ---- bash ---- */

static void bash_opt(const struct cmd *cmd, const struct opt *opt)
{
	(void)cmd;
	printf(" --%s", opt->name);
}

/* The command is both words where the second is one of the family's and complete. */
static void bash_family(const char *first, const char *seconds)
{
	printf("\t\t\t%s) case \" %s \" in *\" ${COMP_WORDS[i+1]} \"*) ((i + 1 < COMP_CWORD)) && command+=\" ${COMP_WORDS[i+1]}\" ;; esac ;;\n",
	       first, seconds);
}

static void bash_seconds(const char *first, const char *seconds)
{
	printf("\t%s) words=\"%s\" ;;\n", first, seconds);
}

/* Values of options that have a fixed set of them. */
static void bash_values(const struct cmd *cmd, const struct opt *opt)
{
	if (opt->words == NULL)
		return;
	printf("\t\"%s --%s\") words=\"", cmd->name, opt->name);
	completion_words(opt->words);
	printf("\" ;;\n");
}

static void completion_bash(void)
{
	fputs("# bash completion for jobctl: source <(jobctl completion bash)\n"
	      "_jobctl() {\n"
	      "\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} command= words= i\n"
	      "\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
	      "\t\tcase ${COMP_WORDS[i]} in\n"
	      "\t\t-H|--host|--token-file|--color) ((i++)) ;;\n"
	      "\t\t-*) ;;\n"
	      "\t\t*)\tcommand=${COMP_WORDS[i]}\n",
	      stdout);
	fputs("\t\t\tcase $command in\n", stdout);
	completion_families(bash_family);
	fputs("\t\t\tesac\n\t\t\tbreak ;;\n\t\tesac\n\tdone\n\tcase $command in\n\t'') words=\"", stdout);
	completion_names();
	completion_table(NULL, options_global, bash_opt);
	fputs("\" ;;\n", stdout);
	completion_families(bash_seconds);
	for (const struct cmd *const *cmd = cmd_table; *cmd != NULL; cmd++) {
		printf("\t\"%s\") words=\"", (*cmd)->name);
		completion_options(*cmd, bash_opt);
		fputs("\" ;;\n", stdout);
	}
	fputs("\tesac\n\tcase \"$command $prev\" in\n", stdout);
	for (const struct cmd *const *cmd = cmd_table; *cmd != NULL; cmd++)
		completion_options(*cmd, bash_values);
	fputs("\t*\" --file\"|*\" --cwd\"|*\" --token-file\") words= ;;\n"
	      "\tesac\n"
	      "\tCOMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
	      "}\n"
	      "complete -o bashdefault -o default -F _jobctl jobctl\n",
	      stdout);
}

/* ---- zsh ---- */

static void zsh_opt(const struct cmd *cmd, const struct opt *opt)
{
	char text[256];

	(void)cmd;
	snprintf(text, sizeof(text), "--%s:%s", opt->name, opt->help);
	for (char *colon = strchr(text, ':'); (colon = strchr(colon + 1, ':')) != NULL;)
		*colon = ' ';
	fputs("\n\t\t\t", stdout);
	completion_quote(text, "'\\''");
}

static void zsh_family(const char *first, const char *seconds)
{
	printf("\t\t\t%s) [[ \" %s \" == *\" ${words[i+1]} \"* ]] && ((i + 1 < CURRENT)) && command+=\" ${words[i+1]}\" ;;\n", first, seconds);
}

static void zsh_seconds(const char *first, const char *seconds)
{
	printf("\t%s)\tfound=(%s) ;;\n", first, seconds);
}

static void completion_zsh(void)
{
	fputs("#compdef jobctl\n"
	      "# zsh completion for jobctl: jobctl completion zsh > \"${fpath[1]}/_jobctl\"\n"
	      "_jobctl() {\n"
	      "\tlocal -a found\n"
	      "\tlocal command= i none=1\n"
	      "\tfor ((i = 2; i < CURRENT; i++)); do\n"
	      "\t\tcase ${words[i]} in\n"
	      "\t\t-H|--host|--token-file|--color) ((i++)) ;;\n"
	      "\t\t-*) ;;\n"
	      "\t\t*) command=${words[i]}\n\t\t\tcase $command in\n",
	      stdout);
	completion_families(zsh_family);
	fputs("\t\t\tesac\n\t\t\tbreak ;;\n\t\tesac\n\tdone\n\tcase $command in\n\t'')\tfound=(", stdout);
	completion_names();
	fputs(") ;;\n", stdout);
	completion_families(zsh_seconds);
	for (const struct cmd *const *cmd = cmd_table; *cmd != NULL; cmd++) {
		printf("\t'%s')\tfound=(", (*cmd)->name);
		completion_options(*cmd, zsh_opt);
		fputs(") ;;\n", stdout);
	}
	fputs("\tesac\n"
	      "\t_describe -o jobctl found && none=0\n"
	      "\t[[ -n $command ]] && _files && none=0\n"
	      "\treturn $none\n"
	      "}\n"
	      "if [ \"$funcstack[1]\" = _jobctl ]; then _jobctl \"$@\"; else compdef _jobctl jobctl; fi\n",
	      stdout);
}

/* ---- fish ---- */

static void fish_opt(const struct cmd *cmd, const struct opt *opt)
{
	fputs("complete -c jobctl", stdout);
	if (cmd != NULL)
		printf(" -n '__fish_seen_subcommand_from %.*s'", (int)strcspn(cmd->name, " "), cmd->name);
	printf(" -l %s", opt->name);
	if (opt->letter != 0)
		printf(" -s %c", opt->letter);
	if (completion_takes(opt))
		fputs(" -r", stdout);
	if (opt->words != NULL) {
		fputs(" -f -a '", stdout);
		completion_words(opt->words);
		fputs("'", stdout);
	}
	fputs(" -d ", stdout);
	completion_quote(opt->help, "\\'");
	putchar('\n');
}

static void completion_fish(void)
{
	fputs("# fish completion for jobctl: jobctl completion fish > ~/.config/fish/completions/jobctl.fish\n", stdout);
	completion_table(NULL, options_global, fish_opt);
	for (const struct cmd *const *cmd = cmd_table; *cmd != NULL; cmd++) {
		size_t len = strcspn((*cmd)->name, " ");

		if (completion_first(cmd)) {
			printf("complete -c jobctl -f -n __fish_use_subcommand -a %.*s -d ", (int)len, (*cmd)->name);
			completion_quote((*cmd)->summary, "\\'");
			putchar('\n');
		}
		if ((*cmd)->name[len] == ' ') {
			printf("complete -c jobctl -f -n '__fish_seen_subcommand_from %.*s' -a %s -d ", (int)len, (*cmd)->name,
			       (*cmd)->name + len + 1);
			completion_quote((*cmd)->summary, "\\'");
			putchar('\n');
		}
		completion_table(*cmd, (*cmd)->options[0], fish_opt);
		completion_table(*cmd, (*cmd)->options[1], fish_opt);
	}
}

/* ---- the command ---- */

static int completion_main(struct ctl *ctl, const struct cmd *cmd, int argc, char **argv)
{
	struct words w;
	int code;

	if (!options_read(ctl, cmd, argc, argv, false, NULL, NULL, &w, &code))
		return code;
	code = options_expect(cmd, &w, 1, 1);
	if (code != 0)
		return code;
	if (strcmp(w.v[0], "bash") == 0)
		completion_bash();
	else if (strcmp(w.v[0], "zsh") == 0)
		completion_zsh();
	else if (strcmp(w.v[0], "fish") == 0)
		completion_fish();
	else
		return options_misused(cmd, "it knows bash, zsh and fish, not \"%s\"", w.v[0]);
	return CTL_DONE;
}

const struct cmd cmd_completion = {
	"completion", "bash|zsh|fish", "print a shell's completion script",
	NULL,
	"source <(jobctl completion bash)\n"
	"jobctl completion fish > ~/.config/fish/completions/jobctl.fish\n",
	{ NULL, NULL }, completion_main
};
