/*
 * Time is looked at in stretches of one offset (zone_span). Inside one, local
 * time is plain arithmetic, and a month's matching days are one mask; where two
 * meet, local time jumps forward, back, or not at all.
 */
#include "cron/cron.h"

#include "base/calendar.h"
#include "proto/timefmt.h"

enum { SECOND_MS = 1000, MINUTE = 60, HOUR = 3600, DAY = 86400, HOUR_MINUTES = 60, DAY_MINUTES = 1440 };

#define CRON_HORIZON (INT64_C(8) * 366 * DAY)	/* over 2100, too, from one February 29 to the next */
#define CRON_JUMP (3 * HOUR)		/* forward less, back no more than this: the same day goes on */
#define CRON_NO_MATCH INT64_MIN

/* ---- matches in a calendar without jumps ---- */

/* The first matching minute of the day from this one on, or -1. */
static int cron_minute(const struct cron *c, int from)
{
	int hour = from / HOUR_MINUTES;
	uint64_t minutes = c->minutes >> (from % HOUR_MINUTES);
	uint32_t hours;

	if ((c->hours >> hour & 1) != 0 && minutes != 0)
		return from + __builtin_ctzll(minutes);
	hours = c->hours >> hour >> 1;
	if (hours == 0)
		return -1;
	return (hour + 1 + __builtin_ctz(hours)) * HOUR_MINUTES + __builtin_ctzll(c->minutes);
}

/* The matching days of a month: bit n is the n-th. */
static uint32_t cron_days(const struct cron *c, int64_t year, int month)
{
	uint32_t all = (uint32_t)(UINT64_C(2) << calendar_month_length(year, month)) - 2;
	uint64_t weekdays = 0;
	int first;

	if ((c->months >> month & 1) == 0)
		return 0;
	first = calendar_weekday(calendar_day(year, month, 1));
	for (int week = 0; week < 6; week++)
		weekdays |= (uint64_t)c->weekdays << week * 7;
	weekdays = weekdays >> first << 1;
	return all & (uint32_t)(c->either_day ? c->days | weekdays : c->days & weekdays);
}

/* The first matching minute in [from, until), both in minutes of local time, or CRON_NO_MATCH. */
static int64_t cron_match(const struct cron *c, int64_t from, int64_t until, unsigned *months)
{
	int64_t day = calendar_floor(from, DAY_MINUTES);
	struct calendar_date date = calendar_date_of(day);
	int first = cron_minute(c, (int)(from - day * DAY_MINUTES));	/* of this day; later ones begin at 0 */
	int after = first >= 0 ? date.day : date.day + 1;

	while (calendar_day(date.year, date.month, 1) * DAY_MINUTES < until) {
		uint32_t days = (uint32_t)(cron_days(c, date.year, date.month) & UINT64_MAX << after);

		++*months;
		if (days != 0) {
			int found = __builtin_ctz(days);
			int minute = found == date.day ? first : cron_minute(c, 0);
			int64_t match = calendar_day(date.year, date.month, found) * DAY_MINUTES + minute;

			return match < until ? match : CRON_NO_MATCH;
		}
		date.year += date.month == 12;
		date.month = date.month % 12 + 1;
		date.day = after = 0;
	}
	return CRON_NO_MATCH;
}

/* The same in seconds, both ends as they come: a minute counts where it begins. */
static int64_t cron_match_seconds(const struct cron *c, int64_t from, int64_t until, unsigned *months)
{
	int64_t first = calendar_floor(from + MINUTE - 1, MINUTE), end = calendar_floor(until + MINUTE - 1, MINUTE), match;

	if (first >= end)
		return CRON_NO_MATCH;
	match = cron_match(c, first, end, months);
	return match != CRON_NO_MATCH ? match * MINUTE : CRON_NO_MATCH;
}

/* ---- over the jumps ---- */

/*
 * The first firing in the stretch `now`, from `start` on and before `end`, or -1. At the stretch's begin local time
 * jumped by so many seconds.
 */
static int64_t cron_fire(const struct cron *c, const struct zone_span *now, int64_t jump, int64_t start, int64_t end,
			 unsigned *months)
{
	int64_t local = start + now->offset, match;

	if (!c->wildcard && jump > 0 && jump < CRON_JUMP && start == now->from &&
	    cron_match_seconds(c, local - jump, local, months) != CRON_NO_MATCH)
		return start;
	if (!c->wildcard && jump < 0 && jump >= -CRON_JUMP && local < now->from + now->offset - jump)
		local = now->from + now->offset - jump;
	match = cron_match_seconds(c, local, (end < now->until ? end : now->until) + now->offset, months);
	return match != CRON_NO_MATCH ? match - now->offset : -1;
}

wall_ms cron_next_counting(const struct cron *cron, const struct zone *zone, wall_ms after, unsigned *months)
{
	int64_t start = after < 0 ? 0 : after / SECOND_MS + 1;
	int64_t end = start + CRON_HORIZON, jump = 0, fire;
	struct zone_span now;

	*months = 0;
	if (after >= TIMEFMT_LAST_MS)
		return -1;
	now = zone_span(zone, start);
	if (now.from != INT64_MIN)
		jump = now.offset - zone_offset(zone, now.from - 1);
	for (;;) {
		fire = cron_fire(cron, &now, jump, start, end, months);
		if (fire >= 0 || now.until >= end)
			break;
		start = now.until;
		jump = -now.offset;
		now = zone_span(zone, start);
		jump += now.offset;
	}
	return fire >= 0 && fire <= TIMEFMT_LAST_MS / SECOND_MS ? fire * SECOND_MS : -1;
}

wall_ms cron_next(const struct cron *cron, const struct zone *zone, wall_ms after)
{
	unsigned months;

	return cron_next_counting(cron, zone, after, &months);
}
