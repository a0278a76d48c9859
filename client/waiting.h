/*
 * waiting: says on stderr why the job that is being followed does not run, if
 * it takes longer than a moment, and again when the reason is another.
 */
#ifndef JOBCTL_WAITING_H
#define JOBCTL_WAITING_H

#include <jansson.h>
#include <stdint.h>

#include "base/clock.h"

struct ctl;

struct waiting {
	struct ctl *ctl;
	mono_us at;		/* when to ask; MONO_NEVER: it runs, or is over */
	mono_us pause;		/* until it is asked again */
	int64_t asked;		/* the request under way; 0: none */
	char said[32];		/* the reason that was told */
};

/* It waits from now on. */
void waiting_start(struct waiting *w, struct ctl *ctl);
/* It does not wait any more. */
void waiting_stop(struct waiting *w);
/* An event of kind "state" has come. */
void waiting_event(struct waiting *w, const json_t *event);

/* Asks if it is time to, and tells what has been answered. */
void waiting_step(struct waiting *w, int64_t id);
/* How long to wait for the daemon at most before the next step, in ms; -1: for ever. */
int waiting_timeout(const struct waiting *w);

#endif
