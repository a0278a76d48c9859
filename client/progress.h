/* progress: how far a long command is, on stderr if that is a terminal. */
#ifndef JOBCTL_PROGRESS_H
#define JOBCTL_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"

struct ctl;

struct progress {
	bool shown;			/* there is somebody to see it */
	bool drawn;			/* it stands on the line */
	int64_t total;			/* of `done`'s units; 0: not known */
	mono_us started, last;
};

void progress_start(struct progress *p, const struct ctl *ctl, int64_t total);
/* Draws it anew, ten times a second at most: `done` of the total, and a count of what people count. */
void progress_set(struct progress *p, int64_t done, int64_t count, const char *noun);
/* Takes it off the line, so that something else can be printed there. */
void progress_clear(struct progress *p);

#endif
