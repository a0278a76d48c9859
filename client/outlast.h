/*
 * outlast: waiting that a restart of the daemon does not end, for jobs outlast it too.
 *
 * A daemon that is told to end refuses what it is asked, goes when what runs has
 * ended, and may be back soon after.
 */
#ifndef JOBCTL_OUTLAST_H
#define JOBCTL_OUTLAST_H

#include <jansson.h>
#include <stdint.h>

struct ctl;

/*
 * As ctl_call of job.wait, going on over another connection where one is lost.
 * params: who, and for what; stolen. timeout_ms: -1: for ever; else becomes what
 * is left of it.
 */
json_t *outlast_wait(struct ctl *ctl, json_t *params, int64_t *timeout_ms, int *code);

#endif
