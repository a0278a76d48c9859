/*
 * timing: when a schedule fires, as arithmetic. Pure: the time is an argument.
 *
 * A firing is known by the time that it is for. With a jitter it comes later
 * than that, by a part of the jitter that is always the same for that schedule
 * and that time.
 */
#ifndef JOBD_TIMING_H
#define JOBD_TIMING_H

#include <stdbool.h>
#include <stddef.h>

#include "cron/cron.h"
#include "store/store.h"

struct timing {
	wall_ms every;			/* 0: by cron */
	struct cron cron;
	const struct zone *zone;	/* borrowed */
};

enum {
	TIMING_CATCH_UP_MAX = 100,	/* firings that "all" makes up for: the last ones */
	TIMING_LATE = 60 * 1000		/* ms: later than that counts as missed, whatever the cause */
};

/* The first time strictly after `after`; `beat` is one of its times, which `every` counts from. 0: there is none. */
wall_ms timing_next(const struct timing *t, wall_ms beat, wall_ms after);

/*
 * The shortest time between two of the next firings: a jitter has to be less, so that they come in order. 0: there
 * are no two.
 */
wall_ms timing_gap(const struct timing *t, wall_ms after);

/* When the firing for this time is to come. */
wall_ms timing_due(const char *name, wall_ms jitter, wall_ms at);

/* Has the clock been set back so far that what is next is none of the schedule's times any more, but a leftover? */
bool timing_clock_back(wall_ms every, wall_ms since, wall_ms next, wall_ms now);

/*
 * What is to be done with a schedule now, as its catch_up says: fills in kind,
 * expected, at and next. False: nothing. What was due up to `awake` nobody could
 * see to, and is missed.
 */
bool timing_plan(const struct timing *t, const struct schedule_row *row, wall_ms now, wall_ms awake,
		 struct schedule_fire *fire);

#endif
