#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "client/times.h"
#include "proto/timefmt.h"
#include "tests/lib/unit.h"

static wall_ms now;

static wall_ms fake_wall(void)
{
	return now;
}

static mono_us fake_mono(void)
{
	return 0;
}

static void setup(void)
{
	static const struct clock_source source = { fake_wall, fake_mono };

	setenv("TZ", "Europe/Berlin", 1);
	tzset();
	ck_assert_int_eq(timefmt_read("2026-11-20T22:30:00.123Z", &now), 0);	/* 23:30 in Berlin */
	clock_set_source(&source);
}

static void expect(const char *text, const char *wanted)
{
	char got[TIMEFMT_SIZE], why[200] = "";
	int64_t ms;

	ck_assert_msg(times_read(text, &ms, why, sizeof(why)) == 0, "%s: %s", text, why);
	timefmt_write(got, ms);
	ck_assert_str_eq(got, wanted);
}

START_TEST(plain_times_are_local)
{
	expect("2026-12-01", "2026-11-30T23:00:00.000Z");
	expect("2026-12-01T09:00", "2026-12-01T08:00:00.000Z");
	expect("2026-12-01 09:00", "2026-12-01T08:00:00.000Z");
	expect("2026-12-01T09:00:30", "2026-12-01T08:00:30.000Z");
	expect("2026-12-01 09:00:30", "2026-12-01T08:00:30.000Z");
	expect("2026-07-01T09:00", "2026-07-01T07:00:00.000Z");
	expect("18:30", "2026-11-20T17:30:00.000Z");
	expect("23:59:59", "2026-11-20T22:59:59.000Z");
	expect("2028-02-29", "2028-02-28T23:00:00.000Z");
}
END_TEST

START_TEST(others_are_as_they_say)
{
	expect("now", "2026-11-20T22:30:00.123Z");
	expect("@0", "1970-01-01T00:00:00.000Z");
	expect("@1790000000", "2026-09-21T14:13:20.000Z");
	expect("2026-12-01T09:00:00Z", "2026-12-01T09:00:00.000Z");
	expect("2026-12-01T09:00:00.5+05:30", "2026-12-01T03:30:00.500Z");
	expect("2026-12-01T09:00+05:30", "2026-12-01T03:30:00.000Z");
	expect("2026-12-01T09:00-01:00", "2026-12-01T10:00:00.000Z");
	expect("2026-12-01 09:00Z", "2026-12-01T09:00:00.000Z");
}
END_TEST

START_TEST(a_clock_change_leaves_an_hour_out_and_has_one_twice)
{
	char why[200];
	int64_t ms;

	expect("2026-03-29T01:59", "2026-03-29T00:59:00.000Z");
	expect("2026-03-29T03:00", "2026-03-29T01:00:00.000Z");
	ck_assert_int_eq(times_read("2026-03-29T02:30", &ms, why, sizeof(why)), -1);
	ck_assert_str_eq(why, "there is no such time as \"2026-03-29T02:30\" in this time zone");
	ck_assert_int_eq(times_read("2026-10-25T02:30", &ms, why, sizeof(why)), 0);	/* either of the two */
}
END_TEST

START_TEST(all_else_is_refused)
{
	static const char *const texts[] = {
		"", "soon", "tomorrow", "25:00", "12:60", "2026-13-01", "2026-02-30", "2027-02-29", "2026-12-01T", "2026-12-01Tx", "2026-12-01T09",
		"12:30 ", "@", "@x", "@-5", "@1e9", "@99999999999999999999", "20261201", "2026-12-01T09:00+01:00x", "10m", "+1",
		" 18:30", "2026-12-01T24:00", "2026-12-01T09:60Z", "2026-12-01T09:00+", "2026-12-01T09:00+01", "2026-12-01T09:00:60",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		char why[200] = "";
		int64_t ms;

		ck_assert_msg(times_read(texts[i], &ms, why, sizeof(why)) == -1, "\"%s\" was taken", texts[i]);
		ck_assert_uint_gt(strlen(why), 0);
	}
}
END_TEST

START_TEST(times_and_spans_are_shown)
{
	static const struct {
		int64_t ms;
		const char *text;
	} spans[] = {
		{ 0, "0s" }, { 1, "0.001s" }, { 1500, "1.5s" }, { 59999, "59.999s" }, { 60000, "1m 0s" }, { 3599000, "59m 59s" },
		{ 3600000, "1h 0m" }, { 5400000, "1h 30m" }, { 90000000, "1d 1h" }, { 864000000, "10d 0h" },
	};
	char text[TIMES_SIZE];

	times_show(text, now);
	ck_assert_str_eq(text, "2026-11-20 23:30:00");
	for (size_t i = 0; i < sizeof(spans) / sizeof(spans[0]); i++) {
		timefmt_write_span(text, spans[i].ms);
		ck_assert_str_eq(text, spans[i].text);
	}
}
END_TEST

START_TEST(seconds_are_whole_where_they_can_be)
{
	json_t *whole = times_seconds(90000), *part = times_seconds(250);

	ck_assert(json_is_integer(whole));
	ck_assert_int_eq(json_integer_value(whole), 90);
	ck_assert(json_is_real(part));
	ck_assert_double_eq(json_real_value(part), 0.25);
	json_decref(whole);
	json_decref(part);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("client_times");
	TCase *tc = tcase_create("times");

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, plain_times_are_local);
	tcase_add_test(tc, others_are_as_they_say);
	tcase_add_test(tc, a_clock_change_leaves_an_hour_out_and_has_one_twice);
	tcase_add_test(tc, all_else_is_refused);
	tcase_add_test(tc, times_and_spans_are_shown);
	tcase_add_test(tc, seconds_are_whole_where_they_can_be);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	return unit_run(suite());
}
