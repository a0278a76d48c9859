/* queues: the records of queues as rows. */
#ifndef JOBCTL_QUEUES_H
#define JOBCTL_QUEUES_H

#include <jansson.h>

struct ctl;
struct words;

extern const char *const queues_columns[];

/* As names_call; the answers are queues' records, and are shown. */
int queues_table(struct ctl *ctl, const char *method, const struct words *names, json_t *more);

#endif
