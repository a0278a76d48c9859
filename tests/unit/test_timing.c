/* When schedules fire: in virtual time, which may jump. */
#include <string.h>

#include "store/rules_schedule.h"
#include "tests/lib/unit.h"
#include "timing.h"

enum { SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE };

#define DAY (INT64_C(24) * HOUR)
#define T0 INT64_C(1700000040000)	/* a whole minute: 2023-11-14T22:14:00Z */

static struct timing timing;
static struct schedule_row row;
static struct schedule_fire fire;

static void use_every(wall_ms every)
{
	timing = (struct timing){ .every = every };
	row = (struct schedule_row){ .name = "s", .every = every, .timezone = "UTC", .catch_up = CATCH_UP_ONE, .next = T0 + every,
				     .since = T0 };
}

static struct zone *zone;

static void use_cron(const char *text, const char *where, wall_ms from)
{
	char why[CRON_WHY];

	zone_close(&zone);
	ck_assert_int_eq(zone_open(where, &zone, why, sizeof(why)), 0);
	timing = (struct timing){ .zone = zone };
	ck_assert_int_eq(cron_parse(text, &timing.cron, why, sizeof(why)), 0);
	row = (struct schedule_row){ .name = "s", .cron = text, .timezone = where, .catch_up = CATCH_UP_ONE, .since = from };
	row.next = timing_next(&timing, 0, from);
}

/* What the plan says now: false, or `fire`. */
static bool plan(wall_ms now, wall_ms awake)
{
	memset(&fire, 0, sizeof(fire));
	return timing_plan(&timing, &row, now, awake, &fire);
}

/* Carries out the plan as the store would; false: there was nothing to do. */
static bool step(wall_ms now, wall_ms awake)
{
	struct submission *job = (struct submission *)&row;	/* there is one; nobody looks */

	if (!plan(now, awake))
		return false;
	fire.job = job;
	fire.version = row.version;
	ck_assert_int_eq(rules_schedule_fire(&row, &fire, false, now), 0);
	return true;
}

/* ---- times ---- */

START_TEST(every_counts_from_its_beat)
{
	use_every(10);
	ck_assert_int_eq(timing_next(&timing, 1000, 1000), 1010);
	ck_assert_int_eq(timing_next(&timing, 1000, 1009), 1010);
	ck_assert_int_eq(timing_next(&timing, 1000, 1010), 1020);
	ck_assert_int_eq(timing_next(&timing, 1000, 999), 1000);
	ck_assert_int_eq(timing_next(&timing, 1000, 985), 990);
	ck_assert_int_eq(timing_next(&timing, 1000, 990), 1000);
	ck_assert_int_eq(timing_next(&timing, 1000, 1000000007), 1000000010);
}
END_TEST

START_TEST(a_jitter_is_always_the_same_and_spread)
{
	wall_ms low = HOUR, high = 0;

	ck_assert_int_eq(timing_due("a", 0, T0), T0);
	for (int i = 0; i < 1000; i++) {
		wall_ms late = timing_due("a", MINUTE, T0 + i) - T0 - i;

		ck_assert_int_eq(timing_due("a", MINUTE, T0 + i), T0 + i + late);
		ck_assert_int_ge(late, 0);
		ck_assert_int_le(late, MINUTE);
		low = late < low ? late : low;
		high = late > high ? late : high;
	}
	ck_assert_int_lt(low, MINUTE / 50);
	ck_assert_int_gt(high, MINUTE - MINUTE / 50);
	ck_assert_int_ne(timing_due("a", HOUR, T0), timing_due("b", HOUR, T0));
}
END_TEST

START_TEST(the_gap_is_the_shortest_one)
{
	use_every(7 * SECOND);
	ck_assert_int_eq(timing_gap(&timing, T0), 7 * SECOND);
	use_cron("0,50 * * * *", "UTC", T0);
	ck_assert_int_eq(timing_gap(&timing, T0), 10 * MINUTE);
	use_cron("0 0 29 2 *", "UTC", T0);
	ck_assert_int_eq(timing_gap(&timing, T0), 1461 * DAY);
}
END_TEST

/* ---- what is to be done ---- */

START_TEST(nothing_before_its_time)
{
	use_every(MINUTE);
	ck_assert(!plan(T0, T0));
	ck_assert(!plan(T0 + MINUTE - 1, T0));
	ck_assert(plan(T0 + MINUTE, T0));
	ck_assert_int_eq(fire.kind, FIRE_DUE);
	ck_assert_int_eq(fire.expected, T0 + MINUTE);
	ck_assert_int_eq(fire.at, T0 + MINUTE);
	ck_assert_int_eq(fire.next, T0 + 2 * MINUTE);
	row.paused = true;
	ck_assert(!plan(T0 + HOUR, T0));
	row.paused = false;
	row.next = 0;
	ck_assert(!plan(T0 + HOUR, T0));
}
END_TEST

START_TEST(nothing_before_its_jitter)
{
	wall_ms due;

	use_every(MINUTE);
	row.jitter = 50 * SECOND;
	due = timing_due("s", row.jitter, row.next);
	ck_assert_int_gt(due, row.next);
	ck_assert(!plan(due - 1, T0));
	ck_assert(plan(due, T0));
	ck_assert_int_eq(fire.at, T0 + MINUTE);
	ck_assert_int_eq(fire.next, T0 + 2 * MINUTE);
}
END_TEST

START_TEST(one_makes_up_for_the_last_only)
{
	use_every(MINUTE);
	ck_assert(plan(T0 + 10 * MINUTE + 30 * SECOND, T0));
	ck_assert_int_eq(fire.kind, FIRE_DUE);
	ck_assert_int_eq(fire.at, T0 + 10 * MINUTE);
	ck_assert_int_eq(fire.next, T0 + 11 * MINUTE);
}
END_TEST

START_TEST(none_makes_up_for_nothing_that_was_missed)
{
	use_every(MINUTE);
	row.catch_up = CATCH_UP_NONE;
	/* Seen in time: it was watched for. */
	ck_assert(plan(T0 + MINUTE + 20 * SECOND, T0));
	ck_assert_int_eq(fire.kind, FIRE_DUE);
	ck_assert_int_eq(fire.at, T0 + MINUTE);
	/* Nobody was awake then. */
	ck_assert(plan(T0 + MINUTE + 20 * SECOND, T0 + MINUTE));
	ck_assert_int_eq(fire.kind, FIRE_MOVE);
	ck_assert_int_eq(fire.next, T0 + 2 * MINUTE);
	/* Awake, and yet too late. */
	use_every(HOUR);
	row.catch_up = CATCH_UP_NONE;
	ck_assert(plan(T0 + HOUR + 2 * MINUTE, T0));
	ck_assert_int_eq(fire.kind, FIRE_MOVE);
	ck_assert_int_eq(fire.next, T0 + 2 * HOUR);
}
END_TEST

static void expect_all(wall_ms now, wall_ms first, int n, wall_ms gap)
{
	row.catch_up = CATCH_UP_ALL;
	for (int i = 0; i < n; i++) {
		ck_assert(step(now, now));
		ck_assert_int_eq(fire.kind, FIRE_DUE);
		ck_assert_int_eq(fire.at, first + i * gap);
	}
	ck_assert(!step(now, now));
	ck_assert_int_gt(row.next, now);
}

START_TEST(all_makes_up_for_each)
{
	use_every(MINUTE);
	expect_all(T0 + 10 * MINUTE + 1, T0 + MINUTE, 10, MINUTE);
	use_cron("* * * * *", "UTC", T0);
	expect_all(T0 + 10 * MINUTE + 1, T0 + MINUTE, 10, MINUTE);
}
END_TEST

START_TEST(all_makes_up_for_the_last_hundred)
{
	use_every(MINUTE);
	expect_all(T0 + 1000 * MINUTE, T0 + 901 * MINUTE, 100, MINUTE);
	use_every(MINUTE);
	expect_all(T0 + 100 * MINUTE, T0 + MINUTE, 100, MINUTE);
	use_every(MINUTE);
	expect_all(T0 + 101 * MINUTE, T0 + 2 * MINUTE, 100, MINUTE);
	use_cron("* * * * *", "UTC", T0);
	expect_all(T0 + 1000 * MINUTE, T0 + 901 * MINUTE, 100, MINUTE);
}
END_TEST

/* Times that lie in heaps far apart: found, and each once. */
START_TEST(all_of_a_sparse_expression)
{
	use_cron("0 0 1 jan *", "UTC", T0);
	row.catch_up = CATCH_UP_ALL;
	for (int year = 0; year < 7; year++)
		ck_assert(step(T0 + 7 * 365 * DAY, T0));
	ck_assert(!step(T0 + 7 * 365 * DAY, T0));
	use_cron("* * 1 jan *", "UTC", T0);
	row.catch_up = CATCH_UP_ONE;
	ck_assert(step(T0 + 7 * 365 * DAY, T0));
	ck_assert_int_eq(fire.at % DAY, DAY - MINUTE);
	ck_assert(!step(T0 + 7 * 365 * DAY, T0));
}
END_TEST

/* Brute force: whatever the wakes, what fires is what lies between, each once and in order. */
START_TEST(whenever_it_is_looked_at)
{
	static const char *const texts[] = { "* * * * *", "*/7 3-5 * * *", "13 13 * * fri", "30 2 * * *", "0 0 31 * *" };
	wall_ms from = T0;

	for (size_t t = 0; t < sizeof(texts) / sizeof(texts[0]); t++) {
		wall_ms now = from, want;

		use_cron(texts[t], "Europe/Berlin", from);
		row.catch_up = CATCH_UP_ALL;
		want = row.next;
		for (int i = 1; i < 3000; i++) {
			now += (wall_ms)i * 7919 % (90 * MINUTE);
			while (step(now, now)) {
				ck_assert_int_eq(fire.at, want);
				want = timing_next(&timing, 0, want);
			}
			ck_assert_int_gt(want, now);
		}
	}
}
END_TEST

/* ---- the clock is set ---- */

START_TEST(a_step_back_fires_nothing_twice)
{
	use_cron("*/10 * * * *", "UTC", T0);
	ck_assert(step(T0 + 6 * MINUTE, T0));
	ck_assert_int_eq(fire.at, T0 + 6 * MINUTE);
	/* An hour back: the times of that hour were. */
	for (wall_ms now = T0 - HOUR; now < T0 + 16 * MINUTE; now += MINUTE)
		ck_assert(!step(now, now));
	ck_assert(step(T0 + 16 * MINUTE, T0));
	ck_assert_int_eq(fire.at, T0 + 16 * MINUTE);
}
END_TEST

START_TEST(a_clock_that_was_wrong_begins_anew)
{
	use_cron("@daily", "UTC", T0);
	ck_assert(step(T0 + 5 * 365 * DAY, T0));
	ck_assert(!plan(T0 + 5 * 365 * DAY - 2 * HOUR, T0));
	ck_assert(step(T0, T0));
	ck_assert_int_eq(fire.kind, FIRE_MOVE);
	ck_assert_int_eq(row.next, (T0 / DAY + 1) * DAY);
	ck_assert_int_eq(row.since, T0);
	ck_assert(!step(T0, T0));
}
END_TEST

/* An interval is one, whatever clocks show. */
START_TEST(every_goes_on_after_a_step_back)
{
	use_every(10 * SECOND);
	ck_assert(!step(T0 - SECOND, T0));
	ck_assert(step(T0 - HOUR, T0));
	ck_assert_int_eq(fire.kind, FIRE_MOVE);
	ck_assert_int_eq(row.next, T0 - HOUR + 10 * SECOND);
	ck_assert(!step(T0 - HOUR, T0));
	ck_assert(step(T0 - HOUR + 10 * SECOND, T0));
	ck_assert_int_eq(fire.kind, FIRE_DUE);
}
END_TEST

START_TEST(a_step_forward_is_time_that_was_missed)
{
	use_cron("0 * * * *", "UTC", T0);
	ck_assert(step(T0 + DAY, T0 + DAY));
	ck_assert_int_eq(fire.at, (T0 + DAY) / HOUR * HOUR);
	ck_assert(!step(T0 + DAY, T0 + DAY));
	use_cron("0 * * * *", "UTC", T0);
	row.catch_up = CATCH_UP_NONE;
	ck_assert(step(T0 + DAY, T0 + DAY));
	ck_assert_int_eq(fire.kind, FIRE_MOVE);
	ck_assert(!step(T0 + DAY, T0 + DAY));
}
END_TEST

/* ---- summer time ---- */

#define BERLIN_SPRING INT64_C(1711846800000)	/* 2024-03-31T01:00:00Z: 2:00 becomes 3:00 */
#define BERLIN_AUTUMN INT64_C(1729990800000)	/* 2024-10-27T01:00:00Z: 3:00 becomes 2:00 */

START_TEST(left_out_by_the_clocks_it_fires_right_after)
{
	use_cron("30 2 * * *", "Europe/Berlin", BERLIN_SPRING - HOUR);
	ck_assert(!step(BERLIN_SPRING - 1, T0));
	ck_assert(step(BERLIN_SPRING, T0));
	ck_assert_int_eq(fire.at, BERLIN_SPRING);
	ck_assert_int_eq(row.next, BERLIN_SPRING + 23 * HOUR + 30 * MINUTE);
}
END_TEST

START_TEST(come_twice_by_the_clocks_it_fires_once)
{
	use_cron("30 2 * * *", "Europe/Berlin", BERLIN_AUTUMN - HOUR);
	ck_assert(step(BERLIN_AUTUMN - 30 * MINUTE, T0));
	ck_assert(!step(BERLIN_AUTUMN + 30 * MINUTE, T0));
	ck_assert_int_eq(row.next, BERLIN_AUTUMN + 24 * HOUR + 30 * MINUTE);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("timing");
	TCase *times = tcase_create("times"), *plans = tcase_create("plans"), *clocks = tcase_create("clocks");

	tcase_add_test(times, every_counts_from_its_beat);
	tcase_add_test(times, a_jitter_is_always_the_same_and_spread);
	tcase_add_test(times, the_gap_is_the_shortest_one);
	suite_add_tcase(suite, times);
	tcase_add_test(plans, nothing_before_its_time);
	tcase_add_test(plans, nothing_before_its_jitter);
	tcase_add_test(plans, one_makes_up_for_the_last_only);
	tcase_add_test(plans, none_makes_up_for_nothing_that_was_missed);
	tcase_add_test(plans, all_makes_up_for_each);
	tcase_add_test(plans, all_makes_up_for_the_last_hundred);
	tcase_add_test(plans, all_of_a_sparse_expression);
	tcase_add_test(plans, whenever_it_is_looked_at);
	suite_add_tcase(suite, plans);
	tcase_add_test(clocks, a_step_back_fires_nothing_twice);
	tcase_add_test(clocks, a_clock_that_was_wrong_begins_anew);
	tcase_add_test(clocks, every_goes_on_after_a_step_back);
	tcase_add_test(clocks, a_step_forward_is_time_that_was_missed);
	tcase_add_test(clocks, left_out_by_the_clocks_it_fires_right_after);
	tcase_add_test(clocks, come_twice_by_the_clocks_it_fires_once);
	suite_add_tcase(suite, clocks);
	return unit_run(suite);
}
