#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "proto/timefmt.h"
#include "tests/lib/unit.h"

static void expect_time(const char *text, const char *utc)
{
	char out[TIMEFMT_SIZE];
	int64_t ms;

	ck_assert_msg(timefmt_read(text, &ms) == 0, "%s", text);
	timefmt_write(out, ms);
	ck_assert_str_eq(out, utc);
}

START_TEST(writes_utc_with_milliseconds)
{
	char out[TIMEFMT_SIZE];

	timefmt_write(out, 0);
	ck_assert_str_eq(out, "1970-01-01T00:00:00.000Z");
	timefmt_write(out, INT64_C(1795197600123));
	ck_assert_str_eq(out, "2026-11-20T18:00:00.123Z");
	timefmt_write(out, INT64_C(951782400001));
	ck_assert_str_eq(out, "2000-02-29T00:00:00.001Z");
	timefmt_write(out, TIMEFMT_LAST_MS);
	ck_assert_str_eq(out, "9999-12-31T23:59:59.999Z");
}
END_TEST

START_TEST(writes_the_nearest_it_can)
{
	char out[TIMEFMT_SIZE];

	timefmt_write(out, -1);
	ck_assert_str_eq(out, "1970-01-01T00:00:00.000Z");
	timefmt_write(out, INT64_MAX);
	ck_assert_str_eq(out, "9999-12-31T23:59:59.999Z");
}
END_TEST

START_TEST(reads_every_form_of_rfc_3339)
{
	expect_time("2026-11-20T18:00:00Z", "2026-11-20T18:00:00.000Z");
	expect_time("2026-11-20t18:00:00z", "2026-11-20T18:00:00.000Z");
	expect_time("2026-11-20 18:00:00Z", "2026-11-20T18:00:00.000Z");
	expect_time("2026-11-20T18:00:00.1Z", "2026-11-20T18:00:00.100Z");
	expect_time("2026-11-20T18:00:00.12Z", "2026-11-20T18:00:00.120Z");
	expect_time("2026-11-20T18:00:00.1239999999999999999999Z", "2026-11-20T18:00:00.123Z");
	expect_time("2026-11-20T18:00:00+00:00", "2026-11-20T18:00:00.000Z");
	expect_time("2026-11-20T18:00:00-00:00", "2026-11-20T18:00:00.000Z");
	expect_time("2026-11-20T18:00:00+05:30", "2026-11-20T12:30:00.000Z");
	expect_time("2026-11-20T18:00:00.5-08:00", "2026-11-21T02:00:00.500Z");
	expect_time("2026-01-01T00:30:00+01:00", "2025-12-31T23:30:00.000Z");
	expect_time("2026-12-31T23:59:59+23:59", "2026-12-31T00:00:59.000Z");
}
END_TEST

START_TEST(knows_the_calendar)
{
	static const char *const bad[] = { "2025-02-29T00:00:00Z", "2100-02-29T00:00:00Z", "2026-04-31T00:00:00Z",
					   "2026-00-10T00:00:00Z", "2026-13-10T00:00:00Z", "2026-01-00T00:00:00Z",
					   "2026-01-32T00:00:00Z" };
	int64_t ms;

	expect_time("2024-02-29T00:00:00Z", "2024-02-29T00:00:00.000Z");
	expect_time("2000-02-29T00:00:00Z", "2000-02-29T00:00:00.000Z");
	expect_time("2024-12-31T23:59:59.999Z", "2024-12-31T23:59:59.999Z");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(timefmt_read(bad[i], &ms) == -EINVAL, "%s", bad[i]);
}
END_TEST

START_TEST(a_leap_second_is_the_next_second)
{
	int64_t ms;

	expect_time("2016-12-31T23:59:60Z", "2017-01-01T00:00:00.000Z");
	expect_time("2016-12-31T15:59:60.25-08:00", "2017-01-01T00:00:00.250Z");
	ck_assert_int_eq(timefmt_read("2016-12-31T23:58:60Z", &ms), -EINVAL);
	ck_assert_int_eq(timefmt_read("2016-12-31T12:59:60Z", &ms), -EINVAL);
}
END_TEST

START_TEST(before_1970_is_negative)
{
	int64_t ms;

	ck_assert_int_eq(timefmt_read("1969-12-31T23:59:59.999Z", &ms), 0);
	ck_assert_int_eq(ms, -1);
	ck_assert_int_eq(timefmt_read("0000-01-01T00:00:00Z", &ms), 0);
	ck_assert_int_eq(ms, INT64_C(-62167219200000));
}
END_TEST

START_TEST(refuses_all_else)
{
	static const char *const bad[] = {
		"", "now", "2026", "2026-11-20", "2026-11-20T18:00Z", "2026-11-20T18:00:00", "2026-11-20T18:00:00.Z", "2026-11-20T18:00:00,5Z",
		"2026-11-20T24:00:00Z", "2026-11-20T18:60:00Z", "2026-11-20T18:00:61Z", "2026-11-20T18:00:00+0100", "2026-11-20T18:00:00+01",
		"2026-11-20T18:00:00+24:00", "2026-11-20T18:00:00+01:60", "2026-11-20T18:00:00Z ", " 2026-11-20T18:00:00Z",
		"2026-11-20T18:00:00ZZ", "26-11-20T18:00:00Z", "+2026-11-20T18:00:00Z", "12026-11-20T18:00:00Z", "2026-1-20T18:00:00Z",
		"2026/11/20T18:00:00Z", "2026-11-20_18:00:00Z", "2026-11-20T18:00:00 Z", "-026-11-20T18:00:00Z", "2026-11-20T 8:00:00Z",
	};
	int64_t ms;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(timefmt_read(bad[i], &ms) == -EINVAL, "%s", bad[i]);
}
END_TEST

/* Days over four centuries, each compared with the C library's calendar, in an odd local time zone. */
START_TEST(agrees_with_the_c_library)
{
	setenv("TZ", "Pacific/Chatham", 1);
	tzset();
	for (int64_t day = 0; day < 400 * 365; day += 13) {
		time_t seconds = day * 86400 + day % 86400;
		char out[TIMEFMT_SIZE], libc[TIMEFMT_SIZE + 4];
		struct tm tm;
		int64_t ms;

		timefmt_write(out, (int64_t)seconds * 1000);
		strftime(libc, sizeof(libc), "%Y-%m-%dT%H:%M:%S.000Z", gmtime_r(&seconds, &tm));
		ck_assert_str_eq(out, libc);
		ck_assert_int_eq(timefmt_read(out, &ms), 0);
		ck_assert_int_eq(ms, (int64_t)seconds * 1000);
	}
}
END_TEST

/* ---- spans ---- */

static void expect_span(const char *text, int64_t ms)
{
	int64_t got = -1;

	ck_assert_msg(timefmt_read_span(text, &got) == 0, "%s", text);
	ck_assert_msg(got == ms, "%s: %lld", text, (long long)got);
}

START_TEST(spans_as_people_write_them)
{
	expect_span("0", 0);
	expect_span("90", 90000);
	expect_span("1.5", 1500);
	expect_span("250ms", 250);
	expect_span("1s", 1000);
	expect_span("10m", 600000);
	expect_span("1h30m", 5400000);
	expect_span("1.5h", 5400000);
	expect_span("2d", 172800000);
	expect_span("1w", 604800000);
	expect_span("1w2d3h4m5s6ms", 788645006);
	expect_span("1h0.5s", 3600500);
	expect_span("0.07", 70);
	expect_span("007", 7000);
}
END_TEST

START_TEST(the_least_bit_is_not_none)
{
	expect_span("0.0001", 1);
	expect_span("0.5ms", 1);
	expect_span("0.000000000000000000001", 1);
	expect_span("1.0010000000000001", 1002);
	expect_span("0.000000000000000000000", 0);
}
END_TEST

START_TEST(other_spans_are_refused)
{
	static const char *const bad[] = { "", " ", "s", "-1", "+1", "1x", "1 s", " 1", "1 ", "1h30", "30m1h", "1h1h", "1..5", ".5", "1.", "1.s",
					   "1e3", "1H", "ms", "1mss", "1,5", "inf", "nan", "0x10", "1h-1m", "1hm" };
	int64_t ms = 42;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(timefmt_read_span(bad[i], &ms) == -EINVAL, "%s", bad[i]);
	ck_assert_int_eq(ms, 42);
}
END_TEST

START_TEST(spans_do_not_overflow)
{
	static const char *const big[] = { "9223372036854775808", "9223372036854776", "99999999999999999999999999", "15250284453w",
					   "15250284452w4d", "9223372036854775.808" };
	int64_t ms;

	for (size_t i = 0; i < sizeof(big) / sizeof(big[0]); i++)
		ck_assert_msg(timefmt_read_span(big[i], &ms) == -ERANGE, "%s", big[i]);
	expect_span("9223372036854775.807", INT64_MAX);
	expect_span("9223372036854775807ms", INT64_MAX);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("timefmt");
	TCase *t = tcase_create("timefmt");

	tcase_add_test(t, writes_utc_with_milliseconds);
	tcase_add_test(t, writes_the_nearest_it_can);
	tcase_add_test(t, reads_every_form_of_rfc_3339);
	tcase_add_test(t, knows_the_calendar);
	tcase_add_test(t, a_leap_second_is_the_next_second);
	tcase_add_test(t, before_1970_is_negative);
	tcase_add_test(t, refuses_all_else);
	tcase_add_test(t, agrees_with_the_c_library);
	tcase_add_test(t, spans_as_people_write_them);
	tcase_add_test(t, the_least_bit_is_not_none);
	tcase_add_test(t, other_spans_are_refused);
	tcase_add_test(t, spans_do_not_overflow);
	suite_add_tcase(s, t);
	return unit_run(s);
}
