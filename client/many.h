/* many: the jobs that pass a filter, changed at once. */
#ifndef JOBCTL_MANY_H
#define JOBCTL_MANY_H

#include <jansson.h>
#include <stdbool.h>

struct ctl;

/*
 * verb: cancel, retry, delete, hold or release. Asks first, unless `sure` or
 * nobody is there to be asked; prints how many jobs passed the filter and how
 * many of them were changed. The exit code; CTL_JOB: the answer was no.
 */
int many_change(struct ctl *ctl, const char *verb, json_t *filter, bool sure);

#endif
