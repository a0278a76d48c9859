/* queues: the commands that take queues by name. */
#ifndef JOBCTL_QUEUES_H
#define JOBCTL_QUEUES_H

#include <jansson.h>

struct ctl;
struct words;

/* The columns of queues as rows. */
extern const char *const queues_columns[];

/*
 * Calls a method that takes {"name"}, and the members of `more` beside it
 * (NULL: none), for each of the words. A refusal is said, and the others go
 * on. The exit code: of the last refusal.
 */
int queues_each(struct ctl *ctl, const char *method, const struct words *names, json_t *more,
		void (*each)(void *arg, const char *name, json_t *answer), void *arg);

/* The same where the answers are queues' records, which are shown as rows. */
int queues_table(struct ctl *ctl, const char *method, const struct words *names, json_t *more);

#endif
