#include "client/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/cmd.h"
#include "client/ctl.h"
#include "config.h"

enum { OPTIONS_MAX = 64, OPTIONS_FIRST = 256 /* getopt's value of row 0: beyond any letter */ };

static const char *const options_colors[] = { "auto", "always", "never", NULL };

const struct opt options_global[] = {
	{ 'H', "host", "ADDRESS", "the daemon: host:port, tls://host:port or unix:PATH", opt_text, offsetof(struct ctl, address), NULL, NULL },
	{ 0, "token-file", "FILE", "log in with the token in this file", opt_text, offsetof(struct ctl, token_file), NULL, NULL },
	{ 0, "json", NULL, "print records as JSON, one a line", opt_flag, offsetof(struct ctl, json), NULL, NULL },
	{ 'q', "quiet", NULL, "say nothing on stderr but errors", opt_flag, offsetof(struct ctl, quiet), NULL, NULL },
	{ 0, "color", "WHEN", "auto, always or never", opt_text, offsetof(struct ctl, color), NULL, options_colors },
	{ 'h', "help", NULL, "show this help", opt_flag, offsetof(struct ctl, help), NULL, NULL },
	{ 0, "version", NULL, "show the version", opt_flag, offsetof(struct ctl, version), NULL, NULL },
	{ 0, NULL, NULL, NULL, NULL, 0, NULL, NULL }
};

/* The rows in force, with what each fills. */
struct options {
	const struct opt *row[OPTIONS_MAX];
	void *into[OPTIONS_MAX];
	int n;
	struct option longs[OPTIONS_MAX + 1];
	char shorts[OPTIONS_MAX * 3 + 3];
};

static void options_add(struct options *o, const struct opt *table, void *into)
{
	char *letters = o->shorts + strlen(o->shorts);

	for (; table != NULL && table->name != NULL && o->n < OPTIONS_MAX; table++) {
		int has = table->value == NULL ? no_argument : table->value[0] == '[' ? optional_argument : required_argument;

		o->longs[o->n] = (struct option){ table->name, has, NULL, OPTIONS_FIRST + o->n };
		if (table->letter != 0)
			letters += sprintf(letters, "%c%s", table->letter,
					   has == optional_argument ? "::" : has == required_argument ? ":" : "");
		o->row[o->n] = table;
		o->into[o->n++] = into;
	}
}

static int options_index(const struct options *o, int c)
{
	if (c >= OPTIONS_FIRST)
		return c - OPTIONS_FIRST;
	for (int i = 0; i < o->n; i++)
		if (o->row[i]->letter == c)
			return i;
	return -1;
}

static const char *options_name(const struct cmd *cmd)
{
	return cmd != NULL ? cmd->name : NULL;
}

static int options_complain(const struct cmd *cmd, const char *text)
{
	const char *name = options_name(cmd);

	ctl_error("%s%s%s; see `jobctl %s%s--help`", name != NULL ? name : "", name != NULL ? ": " : "", text,
		  name != NULL ? name : "", name != NULL ? " " : "");
	return CTL_USAGE;
}

int options_misused(const struct cmd *cmd, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return options_complain(cmd, text);
}

/* getopt's own complaint, in our words. */
static int options_unknown(const struct cmd *cmd, int c, char **argv)
{
	const char *word = argv[optind - 1];
	char letter[3] = { '-', (char)optopt, '\0' };

	if (c == ':')
		return options_misused(cmd, "%s needs a value", optopt < OPTIONS_FIRST ? letter : word);
	if (optopt >= OPTIONS_FIRST)
		return options_misused(cmd, "%s takes no value", word);
	return options_misused(cmd, "unknown option %s", optopt != 0 ? letter : word);
}

static bool options_allowed(const struct opt *opt, const char *value)
{
	char list[160] = "";
	size_t len = 0;

	if (opt->words == NULL || value == NULL)
		return true;
	for (const char *const *word = opt->words; *word != NULL; word++) {
		if (strcmp(*word, value) == 0)
			return true;
		len += (size_t)snprintf(list + len, sizeof(list) - len, "%s%s", word == opt->words ? "" : word[1] == NULL ? " or " : ", ", *word);
	}
	ctl_error("--%s: it is %s, not \"%s\"", opt->name, list, value);
	return false;
}

static bool options_take(struct options *o, const struct cmd *cmd, int c, char **argv)
{
	int i = c == '?' || c == ':' ? -1 : options_index(o, c);

	if (i < 0) {
		options_unknown(cmd, c, argv);
		return false;
	}
	return options_allowed(o->row[i], optarg) && o->row[i]->take(o->row[i], optarg, o->into[i]) == 0;
}

/* Plain words are gathered at the front of argv, which getopt has passed already. */
static bool options_scan(struct options *o, const struct cmd *cmd, int argc, char **argv, struct words *w)
{
	int c;

	memset(w, 0, sizeof(*w));
	w->v = argv + 1;
	opterr = 0;
	optind = 0;	/* makes glibc's getopt begin anew */
	while ((c = getopt_long(argc, argv, o->shorts, o->longs, NULL)) != -1) {
		if (c == 1)
			w->v[w->n++] = optarg;
		else if (!options_take(o, cmd, c, argv))
			return false;
	}
	w->rest = argv + optind;
	w->rest_n = argc - optind;
	w->dashes = optind > 1 && strcmp(argv[optind - 1], "--") == 0;
	return true;
}

bool options_read(struct ctl *ctl, const struct cmd *cmd, int argc, char **argv, bool stop, void *own, void *shared,
		  struct words *w, int *code)
{
	struct options o = { .n = 0 };

	/* "+": stops at the first plain word; "-": hands out plain words in order, as option 1. ":" tells a lacking value. */
	strcpy(o.shorts, stop ? "+:" : "-:");
	if (cmd != NULL) {
		options_add(&o, cmd->options[0], own);
		options_add(&o, cmd->options[1], shared);
	}
	options_add(&o, options_global, ctl);
	*code = CTL_USAGE;
	if (!options_scan(&o, cmd, argc, argv, w))
		return false;
	*code = CTL_DONE;
	if (ctl->version)
		puts("jobctl " PACKAGE_VERSION);
	else if (ctl->help && cmd != NULL)
		cmd_help(cmd, stdout);
	else if (ctl->help && w->rest_n == 0)
		cmd_help_all(stdout);
	return !ctl->version && !(ctl->help && (cmd != NULL || w->rest_n == 0));
}

int options_expect(const struct cmd *cmd, struct words *w, int min, int max)
{
	memmove(w->v + w->n, w->rest, (size_t)w->rest_n * sizeof(*w->v));
	w->n += w->rest_n;
	w->rest_n = 0;
	if (w->n < min)
		return options_misused(cmd, "it needs %s", cmd->args);
	if (w->n > max)
		return options_misused(cmd, "\"%s\" is too much: it takes %s", w->v[max], max == 0 ? "nothing" : cmd->args);
	return 0;
}

bool options_words(struct ctl *ctl, const struct cmd *cmd, int argc, char **argv, void *own, struct words *w, int min, int max, int *code)
{
	if (!options_read(ctl, cmd, argc, argv, false, own, NULL, w, code))
		return false;
	*code = options_expect(cmd, w, min, max);
	return *code == 0;
}
