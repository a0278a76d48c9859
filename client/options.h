/*
 * options: what a command takes, as tables, and their reading by getopt_long.
 *
 * A row says where its value goes: into a struct at an offset, or into a JSON
 * object under a member's path ("retry.max_attempts").
 */
#ifndef JOBCTL_OPTIONS_H
#define JOBCTL_OPTIONS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cmd;
struct ctl;

struct opt {
	char letter;			/* 0: none */
	const char *name;		/* NULL ends a table */
	const char *value;		/* what its value is called; "[SPAN]": may be left out; NULL: takes none */
	const char *help;
	/* Takes the value (NULL: left out). 0; or -1, having said what is wrong. */
	int (*take)(const struct opt *opt, const char *value, void *into);
	size_t at;			/* offset in a struct */
	const char *member;		/* path in a JSON object */
	const char *const *words;	/* the values there are, NULL-ended; NULL: any */
};

/* What is no option. */
struct words {
	char **v;
	int n;
	char **rest;			/* after "--" */
	int rest_n;
	bool dashes;			/* there was a "--" */
};

/* Every command takes these too; into a struct ctl. */
extern const struct opt options_global[];

/*
 * Reads argv (argv[0] is the command's name) by the command's tables: its own
 * into `own`, those it shares into `shared`, the global ones into ctl. False:
 * it is over (help was asked for and given, or the usage is wrong and was
 * said), with *code to exit with. stop: nothing after the first plain word is
 * an option. *w points into argv, which is reordered.
 */
bool options_read(struct ctl *ctl, const struct cmd *cmd, int argc, char **argv, bool stop, void *own, void *shared,
		  struct words *w, int *code);

/* Says that the command is used wrongly. CTL_USAGE. */
int options_misused(const struct cmd *cmd, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* For a command to which "--" means nothing: joins what came after it to the others. 0; or CTL_USAGE unless min to max were given. */
int options_expect(const struct cmd *cmd, struct words *w, int min, int max);

/* Both: reads a line of the command's own options and of min to max words. False: it is over, with *code. */
bool options_words(struct ctl *ctl, const struct cmd *cmd, int argc, char **argv, void *own, struct words *w, int min, int max, int *code);

/* ---- what a row may do with its value ---- */

/* Into a struct. */
int opt_flag(const struct opt *opt, const char *value, void *into);		/* bool */
int opt_text(const struct opt *opt, const char *value, void *into);		/* const char * */
int opt_number(const struct opt *opt, const char *value, void *into);		/* int64_t, not negative */
int opt_span(const struct opt *opt, const char *value, void *into);		/* int64_t, milliseconds; left out: stays */

/* Into a JSON object; a member that is there already is replaced. */
int opt_json_true(const struct opt *opt, const char *value, void *into);
int opt_json_text(const struct opt *opt, const char *value, void *into);
int opt_json_int(const struct opt *opt, const char *value, void *into);
int opt_json_real(const struct opt *opt, const char *value, void *into);
int opt_json_span(const struct opt *opt, const char *value, void *into);	/* "1h30m" → seconds */
int opt_json_time(const struct opt *opt, const char *value, void *into);	/* "18:30" → RFC 3339 */
int opt_json_value(const struct opt *opt, const char *value, void *into);	/* any JSON */
int opt_json_pair(const struct opt *opt, const char *value, void *into);	/* "K=V" → a member of that object, once each */
int opt_json_names(const struct opt *opt, const char *value, void *into);	/* "a,b", added to that array */
int opt_json_ids(const struct opt *opt, const char *value, void *into);		/* "12,13", added to that array */
int opt_json_limit(const struct opt *opt, const char *value, void *into);	/* "KEY=N" → {"key", "limit"} */

#endif
