#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/calendar.h"
#include "tests/lib/chance.h"
#include "tests/lib/unit.h"
#include "cron/zone.h"
#include "cron/zone_cache.h"

enum { DAY = 86400, WHY = 300 };

static struct zone *open_it(const char *name)
{
	struct zone *zone;
	char why[WHY] = "";

	ck_assert_msg(zone_open(name, &zone, why, sizeof(why)) == 0, "%s %s", name, why);
	return zone;
}

/* ---- names ---- */

START_TEST(utc_needs_no_files)
{
	struct zone_span span;
	struct zone *zone;
	char why[WHY];

	ck_assert_int_eq(zone_open_in("/nonexistent", "UTC", &zone, why, sizeof(why)), 0);
	span = zone_span(zone, 0);
	ck_assert(span.from == INT64_MIN && span.until == INT64_MAX && span.offset == 0);
	zone_close(&zone);
	ck_assert_ptr_null(zone);
	zone_close(&zone);
}
END_TEST

START_TEST(names_that_cannot_be)
{
	static const char *const names[] = {
		"", "/", "/etc/passwd", "/usr/share/zoneinfo/UTC", "../zoneinfo/UTC", "Europe/../UTC", "..", ".", "./UTC",
		"Europe/", "Europe//Berlin", "Europe/Berlin\n", " UTC", "UTC ", "zone.tab", "Europe\\Berlin",
		"M\xc3\xbcnchen", "Europe/Berlin%s", "UTC;", "UTC0,M3.2.0", ":UTC",
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct zone *zone = (struct zone *)&i;
		char why[WHY] = "";

		ck_assert_msg(zone_open(names[i], &zone, why, sizeof(why)) == -EINVAL, "%s", names[i]);
		ck_assert_ptr_null(zone);
		ck_assert_str_eq(why, "must be the name of an IANA time zone, such as Europe/Berlin or UTC: letters, "
				 "digits, _, +, - and single slashes between them");
	}
}
END_TEST

START_TEST(zones_that_are_not_here)
{
	static const char *const names[] = { "Europe/Atlantis", "Europe", "Berlin", "UTC/UTC", "Europe/Berlin/Mitte",
					     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct zone *zone;
		char why[WHY] = "", expected[WHY];

		ck_assert_msg(zone_open(names[i], &zone, why, sizeof(why)) == -ENOENT, "%s", names[i]);
		snprintf(expected, sizeof(expected), "must be an IANA time zone that this machine knows: there is no \"%s\" in "
			 ZONE_DIRECTORY, names[i]);
		ck_assert_str_eq(why, expected);
	}
}
END_TEST

START_TEST(no_zones_at_all)
{
	struct zone *zone;
	char why[WHY] = "";

	ck_assert_int_eq(zone_open_in("/nonexistent", "Europe/Berlin", &zone, why, sizeof(why)), -ENOENT);
	ck_assert_str_eq(why, "must be \"UTC\" here: this machine has no time zones, for there is no /nonexistent "
			 "(package tzdata)");
}
END_TEST

START_TEST(leap_seconds_are_no_unix_time)
{
	struct zone *zone;
	char why[WHY] = "";

	ck_assert_int_eq(zone_open("right/Europe/Berlin", &zone, why, sizeof(why)), -EBADMSG);
	ck_assert_str_eq(why, "cannot be used: /usr/share/zoneinfo/right/Europe/Berlin counts leap seconds, which Unix time "
			 "does not");
}
END_TEST

/* ---- the cache ---- */

static const char *const many[] = { "Africa/Abidjan", "Africa/Cairo", "Africa/Lagos", "America/Bogota", "America/Lima", "Asia/Baku",
				    "Asia/Dhaka", "Asia/Dubai", "Asia/Kabul", "Asia/Karachi", "Asia/Manila", "Asia/Seoul",
				    "Asia/Tokyo", "Asia/Yangon", "Europe/Paris", "Europe/Rome", "Europe/Sofia" };

_Static_assert(sizeof(many) / sizeof(many[0]) == ZONE_CACHE_MAX + 1, "one too many");

static const struct zone *get(struct zone_cache *cache, const char *name)
{
	const struct zone *zone;
	char why[WHY];

	ck_assert_msg(zone_cache_get(cache, name, &zone, why, sizeof(why)) == 0, "%s %s", name, why);
	return zone;
}

START_TEST(the_cache_keeps_the_zones_used_last)
{
	struct zone_cache cache = { 0 };
	const struct zone *zones[ZONE_CACHE_MAX], *zone;
	char why[WHY];

	for (int i = 0; i < ZONE_CACHE_MAX; i++)
		zones[i] = get(&cache, many[i]);
	for (int i = 0; i < ZONE_CACHE_MAX; i++)
		ck_assert_ptr_eq(get(&cache, many[i]), zones[i]);
	/* The first is in use again: the second has to go. */
	get(&cache, many[0]);
	ck_assert_int_eq(zone_cache_get(&cache, "Europe/Atlantis", &zone, why, sizeof(why)), -ENOENT);
	ck_assert_ptr_null(zone);
	ck_assert_int_eq(zone_offset(get(&cache, many[ZONE_CACHE_MAX]), 1795219200), 7200);
	ck_assert_ptr_eq(get(&cache, many[0]), zones[0]);
	ck_assert_str_eq(cache.entries[1].name, many[ZONE_CACHE_MAX]);
	for (int i = 2; i < ZONE_CACHE_MAX; i++)
		ck_assert_ptr_eq(get(&cache, many[i]), zones[i]);
	ck_assert_int_eq(zone_offset(get(&cache, many[1]), 1782000000), 10800);
	zone_cache_clear(&cache);
	ck_assert_int_eq(zone_offset(get(&cache, "UTC"), 0), 0);
	zone_cache_clear(&cache);
}
END_TEST

/* ---- beside the C library ---- */

static const char *const some[] = {
	"Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "America/Sao_Paulo", "UTC", "Etc/GMT+12",
	"Africa/Casablanca", "Africa/Cairo", "Africa/Monrovia", "America/Asuncion", "America/Havana", "America/Santiago",
	"America/Scoresbysund", "America/St_Johns", "Antarctica/Casey", "Antarctica/Troll", "Asia/Beirut", "Asia/Gaza",
	"Asia/Jerusalem", "Asia/Kathmandu", "Asia/Tehran", "Asia/Tokyo", "Europe/Chisinau", "Europe/Dublin", "Europe/London", "Europe/Moscow",
	"Pacific/Apia", "Pacific/Chatham", "Pacific/Easter", "Pacific/Kiritimati", "EST5EDT", "Factory",
};

static void use_zone(const char *name)
{
	char path[100];

	snprintf(path, sizeof(path), ":%s", name);
	ck_assert_int_eq(setenv("TZ", path, 1), 0);
	tzset();
}

static void expect_like_libc(const struct zone *zone, const char *name, int64_t at)
{
	time_t seconds = at;
	struct tm tm;

	localtime_r(&seconds, &tm);
	if (zone_offset(zone, at) != tm.tm_gmtoff)
		ck_abort_msg("%s at %lld: %d, not %ld", name, (long long)at, (int)zone_offset(zone, at), tm.tm_gmtoff);
}

START_TEST(at_any_time)
{
	struct zone *zone = open_it(some[_i]);

	use_zone(some[_i]);
	chance_seed((uint64_t)_i);
	for (int64_t at = 0; at < INT64_C(200) * 366 * DAY; at += 1 + chance_below(4 * DAY))
		expect_like_libc(zone, some[_i], at);
	zone_close(&zone);
}
END_TEST

START_TEST(at_every_change)
{
	struct zone *zone = open_it(some[_i]);
	int64_t end = INT64_C(200) * 366 * DAY;
	struct zone_span span = zone_span(zone, 0);

	use_zone(some[_i]);
	for (int n = 0; span.until < end; n++) {
		struct zone_span next = zone_span(zone, span.until);

		ck_assert_int_lt(n, 1000);
		expect_like_libc(zone, some[_i], span.until - 1);
		expect_like_libc(zone, some[_i], span.until);
		/* They meet; each second of one is in it. */
		ck_assert(next.from == span.until && next.until > next.from);
		ck_assert(zone_span(zone, next.from).until == next.until);
		if (next.until < end)
			ck_assert(zone_span(zone, next.until - 1).from == next.from);
		span = next;
	}
	zone_close(&zone);
}
END_TEST

START_TEST(at_the_ends_of_time)
{
	static const int64_t ends[] = { INT64_MIN, -(INT64_C(1) << 55) - 1, -(INT64_C(1) << 55), -(INT64_C(1) << 40),
					-INT64_C(5000000000), 0, INT64_C(1) << 40, (INT64_C(1) << 55) - 1, INT64_C(1) << 55, INT64_MAX };
	struct zone *zone = open_it(some[_i]);

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		struct zone_span span = zone_span(zone, ends[i]);

		ck_assert(span.from <= ends[i] && (ends[i] < span.until || span.until == INT64_MAX));
		ck_assert_int_le(abs(span.offset), 16 * 3600);
	}
	zone_close(&zone);
}
END_TEST

/* ---- the rule at the end ---- */

static const struct {
	const char *text;
	int64_t at;
	int64_t from, until;
	int offset;
} rules[] = {
	/* 2026-11-21T00:00:00Z and 2026-06-21T00:00:00Z */
	{ "UTC0", 1795219200, INT64_MIN, INT64_MAX, 0 },
	{ "<+0530>-5:30", 1795219200, INT64_MIN, INT64_MAX, 19800 },
	{ "ABC+1:02:03", 1795219200, INT64_MIN, INT64_MAX, -3723 },
	{ "CET-1CEST,M3.5.0,M10.5.0/3", 1795219200, 1792890000, 1806195600, 3600 },
	{ "CET-1CEST,M3.5.0,M10.5.0/3", 1782000000, 1774746000, 1792890000, 7200 },
	{ "IST-1GMT0,M10.5.0,M3.5.0/1", 1795219200, 1792890000, 1806195600, 0 },
	{ "NZST-12NZDT,M9.5.0,M4.1.0/3", 1795219200, 1790431200, 1806760800, 46800 },
	/* Before the midnight that it names, and days after it. */
	{ "<-02>2<-01>,M3.5.0/-1,M10.5.0/0", 1795219200, 1792890000, 1806195600, -7200 },
	{ "EET-2EEST,M3.4.4/50,M10.4.4/50", 1782000000, 1774656000, 1792796400, 10800 },
	/* Days by number: J60 is March 1 in any year, 59 is only where no leap day comes before it. */
	{ "AAA0BBB,J60/0,J300/0", 1714521600, 1709251200, 1729983600, 3600 },
	{ "AAA0BBB,59/0,299/0", 1714521600, 1709164800, 1729897200, 3600 },
	/* Always summer (RFC 9636, section 3.3.2): each year's stretch meets the next one's. */
	{ "XXX3EDT4,0/0,J365/23", 1795219200, 1767236400, 1798772400, -14400 },
};

START_TEST(rules_by_hand)
{
	struct zone_rule rule;
	struct zone_span span;

	ck_assert_int_eq(zone_rule_parse(rules[_i].text, strlen(rules[_i].text), &rule), 0);
	span = zone_rule_span(&rule, rules[_i].at);
	ck_assert_msg(span.offset == rules[_i].offset, "%s: %d", rules[_i].text, span.offset);
	ck_assert_msg(span.from == rules[_i].from && span.until == rules[_i].until, "%s: %lld to %lld", rules[_i].text,
		      (long long)span.from, (long long)span.until);
}
END_TEST

START_TEST(rules_that_are_none)
{
	static const char *const bad[] = {
		"", "U", "UTC", "UT0", "UTC+", "UTC25", "UTC0 ", "UTC0:60", "UTC0:0:60", "UTC0:", "<UTC0", "<+3>0", "<+03>",
		"+03-3", "CET-1CEST", "CET-1CEST,", "CET-1CEST,M3.5.0", "CET-1CEST,M3.5.0,", "CET-1CEST,M13.5.0,M10.5.0",
		"CET-1CEST,M0.5.0,M10.5.0", "CET-1CEST,M3.6.0,M10.5.0", "CET-1CEST,M3.0.0,M10.5.0",
		"CET-1CEST,M3.5.7,M10.5.0", "CET-1CEST,M3.5,M10.5.0", "CET-1CEST,M3.5.0/168,M10.5.0",
		"CET-1CEST,M3.5.0/,M10.5.0", "CET-1CEST,J0,J365", "CET-1CEST,J1,J366", "CET-1CEST,0,366",
		"CET-1CEST,M3.5.0,M10.5.0/3x", "CET-1CEST,M3.5.0,M10.5.0,", "CET-1CEST,M3.5.0;M10.5.0", "CET-1CE,M3.5.0,M10.5.0", "CET-1CEST25,M3.5.0,M10.5.0",
		"UTC99999999999999999999", "CET-1CEST,M3.5.0/99999999999,M10.5.0",
	};
	struct zone_rule rule;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(zone_rule_parse(bad[i], strlen(bad[i]), &rule) == -EINVAL, "%s", bad[i]);
}
END_TEST

/* ---- the calendar ---- */

START_TEST(dates_like_the_c_library)
{
	for (int64_t day = -200 * 366; day < INT64_C(10000) * 366; day += day % 5 + 6) {
		struct calendar_date date = calendar_date_of(day);
		time_t seconds = day * DAY;
		struct tm tm;

		gmtime_r(&seconds, &tm);
		hold(date.year == tm.tm_year + 1900 && date.month == tm.tm_mon + 1 && date.day == tm.tm_mday);
		hold(calendar_weekday(day) == tm.tm_wday);
		hold(calendar_day(date.year, date.month, date.day) == day);
		hold(calendar_day(date.year, date.month, 1) + calendar_month_length(date.year, date.month) ==
		     calendar_day(date.month == 12 ? date.year + 1 : date.year, date.month % 12 + 1, 1));
	}
}
END_TEST

START_TEST(every_day_of_four_centuries)
{
	int64_t day = calendar_day(1899, 12, 31);

	for (int64_t year = 1900; year < 2301; year++)
		for (int month = 1; month <= 12; month++)
			for (int d = 1; d <= calendar_month_length(year, month); d++) {
				struct calendar_date date = calendar_date_of(++day);

				hold(date.year == year && date.month == month && date.day == d);
				hold(calendar_day(year, month, d) == day);
			}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("zone");
	TCase *tc = tcase_create("zone");
	int zones = sizeof(some) / sizeof(some[0]);

	tcase_add_test(tc, dates_like_the_c_library);
	tcase_add_test(tc, every_day_of_four_centuries);
	tcase_add_loop_test(tc, rules_by_hand, 0, sizeof(rules) / sizeof(rules[0]));
	tcase_add_test(tc, rules_that_are_none);
	tcase_add_test(tc, utc_needs_no_files);
	tcase_add_test(tc, names_that_cannot_be);
	tcase_add_test(tc, zones_that_are_not_here);
	tcase_add_test(tc, no_zones_at_all);
	tcase_add_test(tc, leap_seconds_are_no_unix_time);
	tcase_add_test(tc, the_cache_keeps_the_zones_used_last);
	tcase_add_loop_test(tc, at_every_change, 0, zones);
	tcase_add_loop_test(tc, at_any_time, 0, zones);
	tcase_add_loop_test(tc, at_the_ends_of_time, 0, zones);
	suite_add_tcase(suite, tc);
	return unit_run(suite);
}
