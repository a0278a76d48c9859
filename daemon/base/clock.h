/*
 * clock: the two times there are, behind a source that tests may replace.
 *
 * Wall times are milliseconds since 1970-01-01 UTC: they are what is stored,
 * sent and shown. Monotonic times are microseconds since some past moment:
 * they are what is waited for. The two types have different units so that a
 * mix-up shows.
 */
#ifndef JOBD_CLOCK_H
#define JOBD_CLOCK_H

#include <stdint.h>

typedef int64_t wall_ms;	/* a wall time, or a span of it; 0 = none where a time may lack */
typedef int64_t mono_us;	/* a monotonic time, or a span of it */

#define MONO_NEVER INT64_MAX	/* a deadline that never comes */
#define MONO_PAST 0		/* a deadline that has passed: ask without waiting */

struct clock_source {
	wall_ms (*wall)(void);
	mono_us (*mono)(void);
};

wall_ms clock_wall(void);
mono_us clock_mono(void);

/* The deadline `span` from now; never overflows, MONO_NEVER stays so. */
mono_us clock_after(mono_us span);

/* Replaces the source, for tests; NULL goes back to the system's clocks. */
void clock_set_source(const struct clock_source *source);

#endif
