/* ids: the commands that take one job or several by id. */
#ifndef JOBCTL_IDS_H
#define JOBCTL_IDS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cmd;
struct ctl;
struct words;

struct ids {
	int64_t *v;		/* at least one */
	size_t n;
};

/* The id that the word is; 0 if it is none, which was said. */
int64_t ids_parse(const struct cmd *cmd, const char *word);

/* Reads a command line of ids and the command's own options. False: it is over, with *code. */
bool ids_read(struct ctl *ctl, const struct cmd *cmd, int argc, char **argv, void *own, struct ids *out, int *code);
/* All the words as ids; at least one. False: was said. */
bool ids_of(const struct cmd *cmd, const struct words *w, struct ids *out);
void ids_free(struct ids *ids);

/* As a JSON array; NULL: out of memory. */
json_t *ids_array(const struct ids *ids);

/*
 * Calls a method that takes {"id"}, and the members of `more` beside it (NULL:
 * none), for each of them, many in flight, and hands the answers over in order.
 * A refusal is said, and the others go on. The exit code: of the last refusal.
 */
int ids_call(struct ctl *ctl, const struct ids *ids, const char *method, json_t *more,
	     void (*each)(void *arg, int64_t id, json_t *answer), void *arg);

#endif
