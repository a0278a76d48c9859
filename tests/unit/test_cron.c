#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "cron/cron.h"
#include "proto/timefmt.h"
#include "tests/lib/chance.h"
#include "tests/lib/cronwalk.h"
#include "tests/lib/unit.h"

#define EIGHT_YEARS (INT64_C(8) * 366 * 86400)

static int64_t ms_of(const char *text)
{
	int64_t ms;

	ck_assert_msg(timefmt_read(text, &ms) == 0, "%s", text);
	return ms;
}

static struct cron cron_of(const char *text)
{
	char why[CRON_WHY] = "";
	struct cron cron;

	ck_assert_msg(cron_parse(text, &cron, why, sizeof(why)) == 0, "%s %s", text, why);
	return cron;
}

static struct zone *zone_of(const char *name)
{
	struct zone *zone;
	char why[300] = "";

	ck_assert_msg(zone_open(name, &zone, why, sizeof(why)) == 0, "%s %s", name, why);
	return zone;
}

/* ---- by hand ---- */

/* Each row: the firings that follow one another, in UTC; "-" stands for none. */
static const struct {
	const char *zone, *cron, *after;
	const char *next[4];
} rows[] = {
	/* Strictly after, and by the second. */
	{ "UTC", "* * * * *", "2026-11-20T18:00:00Z", { "2026-11-20T18:01:00Z", "2026-11-20T18:02:00Z" } },
	{ "UTC", "* * * * *", "2026-11-20T17:59:59.999Z", { "2026-11-20T18:00:00Z", "2026-11-20T18:01:00Z" } },
	{ "UTC", "* * * * *", "2026-11-20T18:00:00.001Z", { "2026-11-20T18:01:00Z" } },
	{ "UTC", "0 0 1 1 *", "1970-01-01T00:00:00Z", { "1971-01-01T00:00:00Z" } },
	{ "UTC", "0 0 1 1 *", "1969-07-20T20:17:40Z", { "1970-01-01T00:00:00Z" } },
	{ "UTC", "59 23 31 12 *", "9999-12-31T23:58:59Z", { "9999-12-31T23:59:00Z", "-" } },
	/* Nicknames. */
	{ "UTC", "@hourly", "2026-11-20T18:30:00Z", { "2026-11-20T19:00:00Z", "2026-11-20T20:00:00Z" } },
	{ "UTC", "@daily", "2026-11-20T18:30:00Z", { "2026-11-21T00:00:00Z", "2026-11-22T00:00:00Z" } },
	{ "UTC", "@midnight", "2026-11-20T18:30:00Z", { "2026-11-21T00:00:00Z" } },
	{ "UTC", "@weekly", "2026-11-20T18:30:00Z", { "2026-11-22T00:00:00Z", "2026-11-29T00:00:00Z" } },
	{ "UTC", "@monthly", "2026-11-20T18:30:00Z", { "2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z" } },
	{ "UTC", "@yearly", "2026-11-20T18:30:00Z", { "2027-01-01T00:00:00Z", "2028-01-01T00:00:00Z" } },
	{ "UTC", "@annually", "2026-11-20T18:30:00Z", { "2027-01-01T00:00:00Z" } },
	/* Days: either matches if both are restricted, both must if one begins with a star. 2026-11-13 is a Friday. */
	{ "UTC", "30 4 1,15 * 5", "2026-11-10T00:00:00Z",
	  { "2026-11-13T04:30:00Z", "2026-11-15T04:30:00Z", "2026-11-20T04:30:00Z", "2026-11-27T04:30:00Z" } },
	{ "UTC", "0 0 13 * *", "2026-11-10T00:00:00Z", { "2026-11-13T00:00:00Z", "2026-12-13T00:00:00Z" } },
	{ "UTC", "0 0 */2 * mon", "2026-11-10T00:00:00Z", { "2026-11-23T00:00:00Z", "2026-12-07T00:00:00Z" } },
	{ "UTC", "0 0 13 * */5", "2026-11-10T00:00:00Z",
	  { "2026-11-13T00:00:00Z", "2026-12-13T00:00:00Z", "2027-06-13T00:00:00Z" } },
	{ "UTC", "0 0 1-31 * mon", "2026-11-10T00:00:00Z", { "2026-11-11T00:00:00Z", "2026-11-12T00:00:00Z" } },
	/* Leap years; 2100 is none. */
	{ "UTC", "0 0 29 2 *", "2024-02-29T00:00:00Z", { "2028-02-29T00:00:00Z", "2032-02-29T00:00:00Z" } },
	{ "UTC", "0 0 29 2 *", "2096-02-29T00:00:00Z", { "2104-02-29T00:00:00Z" } },
	{ "UTC", "0 0 31 * *", "2026-01-31T00:00:00Z", { "2026-03-31T00:00:00Z", "2026-05-31T00:00:00Z" } },
	/* No date, or none in time: a Sunday that is a February 29 comes every 28 years. */
	{ "UTC", "0 0 30 2 *", "2026-01-01T00:00:00Z", { "-" } },
	{ "UTC", "0 0 31 4,6,9,11 *", "2026-01-01T00:00:00Z", { "-" } },
	{ "UTC", "0 0 29 2 */7", "2026-01-01T00:00:00Z", { "2032-02-29T00:00:00Z", "-" } },
	/* Berlin, 2026-03-29: 02:00 is followed by 03:00 (01:00 UTC). */
	{ "Europe/Berlin", "30 2 * * *", "2026-03-28T00:00:00Z",
	  { "2026-03-28T01:30:00Z", "2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z" } },
	{ "Europe/Berlin", "0,30 2,3 29 3 *", "2026-03-28T00:00:00Z", { "2026-03-29T01:00:00Z", "2026-03-29T01:30:00Z" } },
	{ "Europe/Berlin", "*/30 2 * * *", "2026-03-28T01:30:00Z", { "2026-03-30T00:00:00Z", "2026-03-30T00:30:00Z" } },
	{ "Europe/Berlin", "15 * * * *", "2026-03-29T00:00:00Z", { "2026-03-29T00:15:00Z", "2026-03-29T01:15:00Z" } },
	{ "Europe/Berlin", "30 */2 * * *", "2026-03-28T23:00:00Z", { "2026-03-28T23:30:00Z", "2026-03-29T02:30:00Z" } },
	{ "Europe/Berlin", "30 2 * * *", "2026-03-29T00:59:59.999Z", { "2026-03-29T01:00:00Z" } },
	{ "Europe/Berlin", "30 2 * * *", "2026-03-29T01:00:00Z", { "2026-03-30T00:30:00Z" } },
	{ "Europe/Berlin", "30 2 * * 6", "2026-03-28T12:00:00Z", { "2026-04-04T00:30:00Z" } },
	/* Berlin, 2026-10-25: 02:00 to 03:00 comes twice, from 00:00 and from 01:00 UTC. */
	{ "Europe/Berlin", "30 2 * * *", "2026-10-24T12:00:00Z", { "2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z" } },
	{ "Europe/Berlin", "30 2 * * *", "2026-10-25T01:10:00Z", { "2026-10-26T01:30:00Z" } },
	{ "Europe/Berlin", "0 2,3 * * *", "2026-10-24T12:00:00Z",
	  { "2026-10-25T00:00:00Z", "2026-10-25T02:00:00Z", "2026-10-26T01:00:00Z" } },
	{ "Europe/Berlin", "30 * * * *", "2026-10-25T00:00:00Z",
	  { "2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z", "2026-10-25T02:30:00Z" } },
	{ "Europe/Berlin", "*/30 2 * * *", "2026-10-24T12:00:00Z",
	  { "2026-10-25T00:00:00Z", "2026-10-25T00:30:00Z", "2026-10-25T01:00:00Z", "2026-10-25T01:30:00Z" } },
	/* New York, behind the end of the table. */
	{ "America/New_York", "30 2 * * *", "2060-03-13T12:00:00Z", { "2060-03-14T07:00:00Z", "2060-03-15T06:30:00Z" } },
	{ "America/New_York", "30 1 * * *", "2060-11-06T12:00:00Z", { "2060-11-07T05:30:00Z", "2060-11-08T06:30:00Z" } },
	/* Lord Howe: half an hour, on 2026-10-04 at 02:00 (15:30 UTC), and back on 2026-04-05 at 02:00 (15:00 UTC). */
	{ "Australia/Lord_Howe", "15 2 * * *", "2026-10-02T18:00:00Z", { "2026-10-03T15:30:00Z", "2026-10-04T15:15:00Z" } },
	{ "Australia/Lord_Howe", "45 1 * * *", "2026-04-03T18:00:00Z", { "2026-04-04T14:45:00Z", "2026-04-05T15:15:00Z" } },
	/* Sao Paulo, 2018-11-04: there was no midnight. */
	{ "America/Sao_Paulo", "0 0 * * *", "2018-11-03T04:00:00Z", { "2018-11-04T03:00:00Z", "2018-11-05T02:00:00Z" } },
	{ "America/Sao_Paulo", "@hourly", "2018-11-04T02:30:00Z", { "2018-11-04T03:00:00Z" } },
	/* Kolkata: half past of UTC. */
	{ "Asia/Kolkata", "0 9 * * mon-fri", "2026-11-20T18:00:00Z", { "2026-11-23T03:30:00Z", "2026-11-24T03:30:00Z" } },
	/* Troll jumps two hours; Apia left out the whole of 2011-12-30, which is no summer time. */
	{ "Antarctica/Troll", "30 1,2 * * *", "2026-03-28T12:00:00Z", { "2026-03-29T01:00:00Z", "2026-03-29T23:30:00Z" } },
	{ "Pacific/Apia", "30 12 * * *", "2011-12-29T12:00:00Z", { "2011-12-29T22:30:00Z", "2011-12-30T22:30:00Z" } },
	/* Casey, three hours: back, the day goes on (2018-03-11, 04:00); forward, it is a new one (2018-10-07, 04:00). */
	{ "Antarctica/Casey", "30 3 * * *", "2018-03-10T00:00:00Z", { "2018-03-10T16:30:00Z", "2018-03-11T19:30:00Z" } },
	{ "Antarctica/Casey", "30 4 * * *", "2018-10-05T00:00:00Z", { "2018-10-05T20:30:00Z", "2018-10-07T17:30:00Z" } },
};

START_TEST(by_hand)
{
	struct cron cron = cron_of(rows[_i].cron);
	struct zone *zone = zone_of(rows[_i].zone);
	wall_ms at = ms_of(rows[_i].after);

	for (int i = 0; i < 4 && rows[_i].next[i] != NULL; i++) {
		wall_ms expected = rows[_i].next[i][0] != '-' ? ms_of(rows[_i].next[i]) : -1;
		char got[TIMEFMT_SIZE];

		at = cron_next(&cron, zone, at);
		timefmt_write(got, at);
		ck_assert_msg(at == expected, "%s in %s: %s, not %s", rows[_i].cron, rows[_i].zone, at >= 0 ? got : "none",
			      rows[_i].next[i]);
	}
	zone_close(&zone);
}
END_TEST

/* ---- against the slow way ---- */

static const char *const zones[] = { "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe",
				     "America/Sao_Paulo", "UTC", "Antarctica/Troll", "Africa/Casablanca",
				     "America/Santiago", "America/Scoresbysund", "Europe/Dublin", "Asia/Gaza",
				     "Antarctica/Casey" };

static const struct {
	const char *from, *until;
} windows[] = { { "2016-06-01T00:00:00Z", "2047-01-01T00:00:00Z" }, { "2058-01-01T00:00:00Z", "2076-01-01T00:00:00Z" } };

enum { ZONES = sizeof(zones) / sizeof(zones[0]), WINDOWS = sizeof(windows) / sizeof(windows[0]) };

struct beside {
	const char *name;
	struct zone *zone;
	struct cronwalk_clock clock;
	long cases;
};

/* The slow way is slower yet under a sanitizer, which learns nothing from more of the same. */
static int share_of(int n)
{
	return getenv("JOBD_SANITIZED") != NULL ? n / 5 : n;
}

/* Loop tests run over zones times windows. */
static void beside_open(struct beside *b, int i)
{
	b->name = zones[i / WINDOWS];
	b->zone = zone_of(b->name);
	b->cases = 0;
	cronwalk_clock_open(&b->clock, b->name, ms_of(windows[i % WINDOWS].from) / 1000,
			    ms_of(windows[i % WINDOWS].until) / 1000);
}

static void beside_close(struct beside *b)
{
	cronwalk_clock_close(&b->clock);
	zone_close(&b->zone);
}

/* What was found the slow way once, and holds for each later time that it still lies ahead of. */
struct slow {
	wall_ms after, next;	/* next -1: none; 0: nothing known */
};

static wall_ms slow_next(struct slow *known, const struct beside *b, const struct cronwalk *walk, wall_ms after)
{
	if (known->next <= 0 || after < known->after || after >= known->next)
		*known = (struct slow){ after, cronwalk_next(walk, &b->clock, after, EIGHT_YEARS) };
	return known->next;
}

/* The firing, which both agree on. */
static wall_ms beside_next(struct beside *b, const char *text, const struct cron *cron, wall_ms after, wall_ms expected)
{
	char at[TIMEFMT_SIZE], got[TIMEFMT_SIZE], slow[TIMEFMT_SIZE];
	wall_ms next = cron_next(cron, b->zone, after);

	b->cases++;
	if (next != expected) {
		timefmt_write(at, after);
		timefmt_write(got, next);
		timefmt_write(slow, expected);
		ck_abort_msg("%s in %s after %s: %s, not %s", text, b->name, at, next >= 0 ? got : "none",
			     expected >= 0 ? slow : "none");
	}
	return next;
}

static const char *const expressions[] = {
	"* * * * *", "*/7 * * * *", "30 * * * *", "0 */2 * * *", "*/20 1-3 * * *", "0-59/20 1-3 * * *", "0 0 * * *",
	"59 23 * * *",
	"30 2 * * *", "30 1 * * *", "15 0,1,2,3 * * *", "0 3 * * *", "59 1-3 * * *", "0 1-4 * * sun", "45 1 * * 0",
	"10 2 * * 7",
	"0 12 1 * *", "30 2 29 3 *", "30 2 31 * *", "0 0 29 2 *", "0 0 1 1 *", "15 2 1-7 * sun", "15 2 */7 * sun",
	"0 9 * * mon-fri",
	"30 4 1,15 * 5", "5,35 23,0 * * *", "1 2 3 4 5", "30 2 * 3,10,11 *", "0 0-23 * * *",
};

enum { EXPRESSIONS = sizeof(expressions) / sizeof(expressions[0]) };

/* Before, at and behind this moment, each expression. */
static void beside_moment(struct beside *b, struct slow known[EXPRESSIONS], wall_ms moment)
{
	static const wall_ms distances[] = { -90000000, -5400000, -1860000, -60000, -1, 0, 1, 60000, 1740000, 3660000,
					     5700000 };

	for (size_t e = 0; e < EXPRESSIONS; e++) {
		struct cron cron = cron_of(expressions[e]);
		struct cronwalk walk;

		cronwalk_read(&walk, expressions[e]);
		for (size_t i = 0; i < sizeof(distances) / sizeof(distances[0]); i++) {
			wall_ms after = moment + distances[i];

			beside_next(b, expressions[e], &cron, after, slow_next(&known[e], b, &walk, after));
		}
	}
}

START_TEST(at_every_change_of_some_years)
{
	wall_ms first = ms_of(windows[_i % WINDOWS].from) + 86400000 * 2;
	struct slow known[EXPRESSIONS] = { 0 };
	int64_t change = first / 1000;
	struct beside b;

	beside_open(&b, _i);
	beside_moment(&b, known, first);
	for (int i = 0; i < share_of(10); i++) {
		change = cronwalk_clock_change(&b.clock, change);
		if (change + EIGHT_YEARS >= b.clock.until)
			break;
		beside_moment(&b, known, change * 1000);
	}
	beside_close(&b);
	ck_assert_int_ge(b.cases, 300);
}
END_TEST

START_TEST(over_leap_days_and_new_years)
{
	static const char *const moments[2][6] = {
		{ "2024-02-28T23:59:30Z", "2024-12-31T23:59:59.999Z", "2027-02-28T12:00:00Z", "2028-02-29T00:00:00Z",
		  "2036-12-31T23:00:00Z", "2037-12-31T23:59:00Z" },
		{ "2060-02-29T12:00:00Z", "2060-12-31T23:59:59Z", "2061-02-28T20:00:00Z", "2063-12-31T23:30:00Z",
		  "2064-02-29T00:00:00Z", "2067-03-01T00:00:00Z" },
	};
	struct slow known[EXPRESSIONS] = { 0 };
	struct beside b;

	beside_open(&b, _i);
	for (int i = 0; i < share_of(6); i++)
		beside_moment(&b, known, ms_of(moments[_i % WINDOWS][i]));
	beside_close(&b);
	ck_assert_int_ge(b.cases, 300);
}
END_TEST

/* ---- at random ---- */

/* CRON_SEED=n repeats a run. */
static uint64_t seed_of(void)
{
	const char *given = getenv("CRON_SEED");
	uint64_t seed = given != NULL ? strtoull(given, NULL, 10) : (uint64_t)time(NULL) * 1000 + (uint64_t)getpid();

	fprintf(stderr, "CRON_SEED=%llu\n", (unsigned long long)seed);
	return seed;
}

static int put_item(char *to, size_t size, int low, int high)
{
	int a = low + (int)chance_below((unsigned)(high - low + 1)), b = a + (int)chance_below((unsigned)(high - a + 1));

	switch (chance_below(6)) {
	case 0:
		return snprintf(to, size, "*");
	case 1:
		return snprintf(to, size, "*/%u", 1 + chance_below((unsigned)high + 5));
	case 2:
		return snprintf(to, size, "%d-%d", a, b);
	case 3:
		return snprintf(to, size, "%d-%d/%u", a, b, 1 + chance_below(9));
	default:
		return snprintf(to, size, "%d", a);
	}
}

static void put_expression(char *to, size_t size)
{
	static const int lows[] = { 0, 0, 1, 1, 0 }, highs[] = { 59, 23, 31, 12, 7 };
	size_t len = 0;

	for (int field = 0; field < 5; field++) {
		/* Half of the later fields are free, or dates would be rare; some hours lie where clocks jump. */
		bool plain = field >= 2 && chance_below(2) == 0;
		int high = field == 1 && chance_below(2) == 0 ? 3 : highs[field];

		len += (size_t)snprintf(to + len, size - len, "%s%s", field > 0 ? " " : "", plain ? "*" : "");
		for (unsigned items = plain ? 0 : 1 + chance_below(3); items > 0; items--) {
			len += (size_t)put_item(to + len, size - len, lows[field], high);
			len += (size_t)snprintf(to + len, size - len, "%s", items > 1 ? "," : "");
		}
	}
}

START_TEST(random_expressions)
{
	uint64_t seed = seed_of();
	struct beside b;

	chance_seed(seed + (uint64_t)_i);
	beside_open(&b, _i);
	while (b.cases < share_of(200)) {
		int64_t span = b.clock.until - b.clock.from - EIGHT_YEARS - 2 * 86400;
		wall_ms at = (b.clock.from + 86400) * 1000 + (wall_ms)(chance_bits() % ((uint64_t)span * 1000));
		char text[300], what[400];
		struct cronwalk walk;
		struct cron cron;

		/* Half of them start within a day of a jump. */
		if (chance_below(2) == 0) {
			int64_t change = cronwalk_clock_change(&b.clock, at / 1000);

			if (change + EIGHT_YEARS + 86400 < b.clock.until)
				at = change * 1000 + (wall_ms)(chance_bits() % 86400000) - 80000000;
		}
		put_expression(text, sizeof(text));
		snprintf(what, sizeof(what), "%s (CRON_SEED=%llu)", text, (unsigned long long)seed);
		cron = cron_of(text);
		cronwalk_read(&walk, text);
		for (int i = 0; i < 3 && at >= 0 && at / 1000 + EIGHT_YEARS + 60 < b.clock.until; i++)
			at = beside_next(&b, what, &cron, at, cronwalk_next(&walk, &b.clock, at, EIGHT_YEARS));
	}
	beside_close(&b);
}
END_TEST

/* ---- what it costs ---- */

static void expect_cheap(const struct cron *cron, const struct zone *zone, wall_ms after, const char *text)
{
	unsigned months = 0;

	cron_next_counting(cron, zone, after, &months);
	/* Eight years and some days touch 98 months; each change of the offset begins a look at a month again, and a jump is a look too. */
	ck_assert_msg(months > 0 && months <= 98 + 3 * 34, "%s: %u months", text, months);
}

START_TEST(a_look_is_never_long)
{
	static const char *const rare[] = { "0 0 30 2 *", "0 0 31 2,4,6,9,11 *", "0 0 29 2 *", "59 23 29 2 */7", "0 0 31 2 */2",
					    "* * 30 2 *", "30 2 30 2 *" };
	struct zone *zone = zone_of(zones[_i]);

	for (size_t e = 0; e < sizeof(rare) / sizeof(rare[0]); e++) {
		struct cron cron = cron_of(rare[e]);

		for (int64_t year = 0; year < 150; year++)
			expect_cheap(&cron, zone, year * 365 * 86400000, rare[e]);
	}
	chance_seed((uint64_t)_i);
	for (int i = 0; i < 20000; i++) {
		char text[300];
		struct cron cron;

		put_expression(text, sizeof(text));
		cron = cron_of(text);
		expect_cheap(&cron, zone, (wall_ms)(chance_bits() % INT64_C(6000000000000)), text);
	}
	zone_close(&zone);
}
END_TEST

/* Whatever the mask, and at the ends of time. */
START_TEST(any_time_will_do)
{
	static const wall_ms ends[] = { INT64_MIN, -60001, -1, 0, 59999, TIMEFMT_LAST_MS - 1, TIMEFMT_LAST_MS,
					TIMEFMT_LAST_MS + 1, INT64_MAX };
	struct cron always = cron_of("* * * * *"), never = cron_of("0 0 30 2 *");
	struct zone *zone = zone_of(zones[_i]);

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		wall_ms next = cron_next(&always, zone, ends[i]);

		ck_assert(next == -1 || (next >= 0 && next > ends[i] && next <= TIMEFMT_LAST_MS && next % 60000 == 0));
		ck_assert_int_eq(cron_next(&never, zone, ends[i]), -1);
	}
	ck_assert_int_eq(cron_next(&always, zone, INT64_MAX), -1);
	ck_assert_int_eq(cron_next(&always, zone, INT64_MIN), 0);
	zone_close(&zone);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("cron");
	TCase *tc = tcase_create("cron");

	tcase_add_loop_test(tc, by_hand, 0, sizeof(rows) / sizeof(rows[0]));
	tcase_add_loop_test(tc, at_every_change_of_some_years, 0, ZONES * WINDOWS);
	tcase_add_loop_test(tc, over_leap_days_and_new_years, 0, ZONES * WINDOWS);
	tcase_add_loop_test(tc, random_expressions, 0, ZONES * WINDOWS);
	tcase_add_loop_test(tc, a_look_is_never_long, 0, ZONES);
	tcase_add_loop_test(tc, any_time_will_do, 0, ZONES);
	suite_add_tcase(suite, tc);
	return unit_run(suite);
}
