/*
 * cron: a cron expression → the times at which it fires. Pure: the time is an argument.
 *
 * Five fields as Vixie cron has them: minute 0-59, hour 0-23, day of month
 * 1-31, month 1-12 or jan-dec, day of week 0-7 or sun-sat (0 and 7 are Sunday),
 * each a list of *, values and ranges, with steps behind * and ranges. A range
 * of weekdays may end in sun or 0 ("fri-sun"), as in cronie. Or one of @yearly,
 * @annually, @monthly, @weekly, @daily, @midnight, @hourly.
 *
 * Days: if both day fields are restricted, a day that matches either will do; if
 * one begins with * ("*" and "*" with a step alike), a day must match both.
 *
 * Where local time jumps, cronie's rule (crond(8), cron.c): an expression whose
 * minute or hour begins with * is a wildcard and follows the clocks on the wall,
 * so that it fires in both of two like hours and not in one that is left out.
 * Any other one means times of the day. One that is left out by a jump of less
 * than three hours fires once, right after the jump, however many of its times
 * were left out; one that comes twice within three hours fires the first time only.
 * Larger jumps are a new beginning: what was left out is left out.
 */
#ifndef JOBD_CRON_H
#define JOBD_CRON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "cron/zone.h"

#define CRON_NO_DATE "has no date within eight years"	/* what to say when cron_next finds none */

/* An expression that has been read. Plain values: copy it at will. */
struct cron {
	uint64_t minutes;	/* bit n: minute n */
	uint32_t hours;
	uint32_t days;		/* of the month; bit 0 is unused */
	uint16_t months;	/* bit 0 is unused */
	uint8_t weekdays;	/* bit 0: Sunday .. 6: Saturday */
	bool either_day;	/* both day fields are restricted: one match will do */
	bool wildcard;		/* minute or hour begins with * */
};

/*
 * 0, or -EINVAL: then *why is a sentence without its subject ("has a bad hour
 * field ..."): the name of the member that held the text goes before it. It fits in
 * CRON_WHY bytes; less of a buffer cuts it.
 */
int cron_parse(const char *text, struct cron *out, char *why, size_t why_size);

enum { CRON_WHY = 300 };

/* The first firing strictly after that time (before 1970: from 1970 on); -1: there is none within eight years of it. */
wall_ms cron_next(const struct cron *cron, const struct zone *zone, wall_ms after);

/* The same, which also counts how many months of the calendar were looked at: what it costs, without a clock. */
wall_ms cron_next_counting(const struct cron *cron, const struct zone *zone, wall_ms after, unsigned *months);

#endif
