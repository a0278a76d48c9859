/* names: the commands that take queues or schedules by name. */
#ifndef JOBCTL_NAMES_H
#define JOBCTL_NAMES_H

#include <jansson.h>

struct ctl;
struct words;

/*
 * Calls a method that takes {"name"}, and the members of `more` beside it
 * (NULL: none), for each of the words. A refusal is said, and the others go
 * on. The exit code: of the last refusal.
 */
int names_call(struct ctl *ctl, const char *method, const struct words *names, json_t *more,
	       void (*each)(void *arg, const char *name, json_t *answer), void *arg);

/* For `each`: adds the answer to a table, headed by the name that it is about. */
void names_add(void *table, const char *name, json_t *answer);

#endif
