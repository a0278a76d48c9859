/* timetable: when a schedule's times are, found out without the code that is judged: by beats, or minute by minute. */
#ifndef JOBD_SIM_TIMETABLE_H
#define JOBD_SIM_TIMETABLE_H

#include <stdbool.h>

#include "base/clock.h"

struct timetable {
	wall_ms every, origin;		/* its beats are at origin + n * every; 0: by cron */
	int cron;			/* which expression; */
	bool local;			/* by the clocks of the world's zone, not by UTC */
};

/* The clocks of a world that begins at that time in that zone; and their end. */
void timetable_begin(const char *zone, wall_ms begin);
void timetable_end(void);

/* One with no origin yet. */
struct timetable timetable_some(wall_ms least);
const char *timetable_cron(const struct timetable *t);		/* NULL: by beats */
const char *timetable_zone(const struct timetable *t);
bool timetable_alike(const struct timetable *a, const struct timetable *b);

/* The first time strictly after `after`. */
wall_ms timetable_next(const struct timetable *t, wall_ms after);

#endif
