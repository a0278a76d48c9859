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

/* The values of options that take several of them at once, which their tables cannot say. */
static const char *completion_several(const struct opt *opt)
{
	static const struct {
		const char *name, *values;
	} several[] = {
		{ "state", "held blocked scheduled ready running succeeded failed cancelled expired" },
		{ "reason", "held dependency delay retry draining queue_paused no_worker rate queue_concurrency key_concurrency io_busy pool_busy next" },
	};

	for (size_t i = 0; i < sizeof(several) / sizeof(several[0]); i++)
		if (strcmp(several[i].name, opt->name) == 0)
			return several[i].values;
	return NULL;
}

/* Has it a known set of values? */
static bool completion_valued(const struct opt *opt)
{
	return opt->words != NULL || completion_several(opt) != NULL;
}

/* The values with spaces between. */
static void completion_values(const struct opt *opt)
{
	if (opt->words == NULL)
		fputs(completion_several(opt), stdout);
	for (const char *const *word = opt->words; word != NULL && *word != NULL; word++)
		printf("%s%s", *word, word[1] != NULL ? " " : "");
}

/* Is its value a file's name? */
static bool completion_is_file(const struct opt *opt)
{
	return opt->value != NULL && (strcmp(opt->value, "FILE") == 0 || strcmp(opt->value, "DIR") == 0);
}

/* Are its words, or some of them, those of a command line, which may be anything? */
static bool completion_takes_files(const struct cmd *cmd)
{
	return strstr(cmd->args, "CMD") != NULL;
}

static void completion_names(void)
{
	for (const struct cmd *const *cmd = cmd_table; *cmd != NULL; cmd++)
		if (completion_first(cmd))
			printf(" %.*s", (int)strcspn((*cmd)->name, " "), (*cmd)->name);
}

/* The words that the command itself can be followed by, where they are known. */
static void completion_arguments(const struct cmd *cmd)
{
	if (cmd == &cmd_completion)
		fputs("bash zsh fish", stdout);
	if (cmd == &cmd_help_command)
		completion_names();
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
	printf("\t%s|\"help %s\") words=\"%s\" ;;\n", first, first, seconds);
}

/* Values of options that have a fixed set of them. */
static void bash_values(const struct cmd *cmd, const struct opt *opt)
{
	const char *name = cmd != NULL ? cmd->name : "";

	if (!completion_valued(opt))
		return;
	printf("\t\"%s --%s\"", name, opt->name);
	if (opt->letter != 0)
		printf("|\"%s -%c\"", name, opt->letter);
	fputs(") words=\"", stdout);
	completion_values(opt);
	fputs("\" ;;\n", stdout);
}

static void bash_begin(void)
{
	fputs("# bash completion for jobctl: source <(jobctl completion bash)\n"
	      "_jobctl() {\n"
	      "\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} command= words= i\n"
	      "\t[[ $prev == = ]] && prev=${COMP_WORDS[COMP_CWORD-2]}\n"
	      "\t[[ $cur == = ]] && cur=\n"
	      "\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
	      "\t\tcase ${COMP_WORDS[i]} in\n"
	      "\t\t-H|--host|--token-file|--color) ((i++)); [[ ${COMP_WORDS[i]} == = ]] && ((i++)) ;;\n"
	      "\t\t-*) ;;\n"
	      "\t\t*)\tcommand=${COMP_WORDS[i]}\n"
	      "\t\t\tcase $command in\n"
	      "\t\t\thelp) ((i + 1 < COMP_CWORD)) && command+=\" ${COMP_WORDS[i+1]}\" ;;\n",
	      stdout);
	completion_families(bash_family);
	fputs("\t\t\tesac\n\t\t\tbreak ;;\n\t\tesac\n\tdone\n\tcase $command in\n\t'') words=\"", stdout);
	completion_names();
	completion_table(NULL, options_global, bash_opt);
	fputs("\" ;;\n", stdout);
	completion_families(bash_seconds);
}

static void completion_bash(void)
{
	bash_begin();
	for (const struct cmd *const *cmd = cmd_table; *cmd != NULL; cmd++) {
		printf("\t\"%s\") words=\"", (*cmd)->name);
		completion_arguments(*cmd);
		completion_options(*cmd, bash_opt);
		fputs("\" ;;\n", stdout);
	}
	fputs("\tesac\n\tcase \"$command $prev\" in\n", stdout);
	completion_table(NULL, options_global, bash_values);
	for (const struct cmd *const *cmd = cmd_table; *cmd != NULL; cmd++)
		completion_options(*cmd, bash_values);
	fputs("\t*\" --file\"|*\" -f\"|*\" --cwd\"|*\" -C\"|*\" --token-file\") words= ;;\n"
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
	printf("\t%s|'help %s')\tfound=(%s) ;;\n", first, first, seconds);
}

static void zsh_values(const struct cmd *cmd, const struct opt *opt)
{
	const char *name = cmd != NULL ? cmd->name : "";

	if (!completion_valued(opt) && !completion_is_file(opt))
		return;
	printf("\t'%s --%s'", name, opt->name);
	if (opt->letter != 0)
		printf("|'%s -%c'", name, opt->letter);
	fputs(")\tfound=(", stdout);
	if (completion_valued(opt))
		completion_values(opt);
	printf(") files=%d ;;\n", completion_is_file(opt));
}

static void zsh_begin(void)
{
	fputs("#compdef jobctl\n"
	      "# zsh completion for jobctl: jobctl completion zsh > \"${fpath[1]}/_jobctl\"\n"
	      "_jobctl() {\n"
	      "\tlocal -a found\n"
	      "\tlocal command= i none=1 files=0\n"
	      "\tfor ((i = 2; i < CURRENT; i++)); do\n"
	      "\t\tcase ${words[i]} in\n"
	      "\t\t-H|--host|--token-file|--color) ((i++)) ;;\n"
	      "\t\t-*) ;;\n"
	      "\t\t*) command=${words[i]}\n\t\t\tcase $command in\n"
	      "\t\t\thelp) ((i + 1 < CURRENT)) && command+=\" ${words[i+1]}\" ;;\n",
	      stdout);
	completion_families(zsh_family);
	fputs("\t\t\tesac\n\t\t\tbreak ;;\n\t\tesac\n\tdone\n\tcase $command in\n\t'')\tfound=(", stdout);
	completion_names();
	fputs(") ;;\n", stdout);
	completion_families(zsh_seconds);
}

static void completion_zsh(void)
{
	zsh_begin();
	for (const struct cmd *const *cmd = cmd_table; *cmd != NULL; cmd++) {
		printf("\t'%s')\tfiles=%d found=(", (*cmd)->name, completion_takes_files(*cmd));
		completion_arguments(*cmd);
		completion_options(*cmd, zsh_opt);
		fputs(") ;;\n", stdout);
	}
	fputs("\tesac\n\tcase \"$command ${words[CURRENT-1]}\" in\n", stdout);
	completion_table(NULL, options_global, zsh_values);
	for (const struct cmd *const *cmd = cmd_table; *cmd != NULL; cmd++)
		completion_options(*cmd, zsh_values);
	fputs("\tesac\n"
	      "\t_describe jobctl found && none=0\n"
	      "\t((files)) && _files && none=0\n"
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
		printf(" -n '__jobctl_is \"%s\"'", cmd->name);
	printf(" -l %s", opt->name);
	if (opt->letter != 0)
		printf(" -s %c", opt->letter);
	if (completion_takes(opt))
		fputs(completion_is_file(opt) ? " -r -F" : " -x", stdout);
	if (completion_valued(opt)) {
		fputs(" -a '", stdout);
		completion_values(opt);
		fputs("'", stdout);
	}
	fputs(" -d ", stdout);
	completion_quote(opt->help, "\\'");
	putchar('\n');
}

static void fish_family(const char *first, const char *seconds)
{
	(void)seconds;
	printf(" %s", first);
}

static void fish_help(const char *first, const char *seconds)
{
	printf("complete -c jobctl -n '__jobctl_is \"help %s\"' -a '%s'\n", first, seconds);
}

/* What the line says so far is the command: one word, or two where the first names a family. */
static void fish_begin(void)
{
	fputs("# fish completion for jobctl: jobctl completion fish > ~/.config/fish/completions/jobctl.fish\n"
	      "function __jobctl_is\n"
	      "\tset -l words (commandline -opc)\n"
	      "\tset -l found\n"
	      "\tset -l skip 1\n"
	      "\tfor word in $words\n"
	      "\t\tif test $skip = 1\n"
	      "\t\t\tset skip 0\n"
	      "\t\telse if contains -- $word -H --host --token-file --color\n"
	      "\t\t\tset skip 1\n"
	      "\t\telse if not string match -q -- '-*' $word\n"
	      "\t\t\tset -a found $word\n"
	      "\t\t\tcontains -- $found[1] help", stdout);
	completion_families(fish_family);
	fputs("; and not set -q found[2]; or break\n"
	      "\t\tend\n"
	      "\tend\n"
	      "\ttest \"$found\" = \"$argv\"\n"
	      "end\n"
	      "complete -c jobctl -f\n", stdout);
}

/* The command's name, at the place where it is to be typed. */
static void fish_name(const char *before, const char *name, int len, const char *summary)
{
	printf("complete -c jobctl -n '__jobctl_is \"%s\"' -a %.*s -d ", before, len, name);
	completion_quote(summary, "\\'");
	putchar('\n');
}

static void fish_command(const struct cmd *const *cmd)
{
	const char *name = (*cmd)->name;
	int len = (int)strcspn(name, " ");
	char first[32];

	snprintf(first, sizeof(first), "%.*s", len, name);
	if (completion_first(cmd)) {
		fish_name("", name, len, (*cmd)->summary);
		fish_name("help", name, len, (*cmd)->summary);
	}
	if (name[len] == ' ')
		fish_name(first, name + len + 1, (int)strlen(name + len + 1), (*cmd)->summary);
	if (completion_takes_files(*cmd))
		printf("complete -c jobctl -n '__jobctl_is \"%s\"' -F\n", name);
	completion_table(*cmd, (*cmd)->options[0], fish_opt);
	completion_table(*cmd, (*cmd)->options[1], fish_opt);
}

static void completion_fish(void)
{
	fish_begin();
	completion_table(NULL, options_global, fish_opt);
	for (const struct cmd *const *cmd = cmd_table; *cmd != NULL; cmd++)
		fish_command(cmd);
	completion_families(fish_help);
	fputs("complete -c jobctl -n '__jobctl_is completion' -a 'bash zsh fish'\n", stdout);
}

/* ---- the command ---- */

static int completion_main(struct ctl *ctl, const struct cmd *cmd, int argc, char **argv)
{
	struct words w;
	int code;

	if (!options_words(ctl, cmd, argc, argv, NULL, &w, 1, 1, &code))
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
