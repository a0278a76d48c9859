#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cron/cron.h"
#include "tests/lib/chance.h"
#include "tests/lib/unit.h"

#define ALL_MINUTES (UINT64_C(0xfffffffffffffff))
#define ALL_HOURS 0xffffffu
#define ALL_DAYS 0xfffffffeu
#define ALL_MONTHS 0x1ffeu
#define ALL_WEEKDAYS 0x7fu
#define BIT(n) (UINT64_C(1) << (n))

static struct cron read_it(const char *text)
{
	char why[CRON_WHY] = "";
	struct cron cron;

	ck_assert_msg(cron_parse(text, &cron, why, sizeof(why)) == 0, "%s %s", text, why);
	return cron;
}

static void expect(const char *text, uint64_t minutes, uint64_t hours, uint64_t days, uint64_t months, uint64_t weekdays)
{
	struct cron cron = read_it(text);

	ck_assert_msg(cron.minutes == minutes, "%s: minutes %llx", text, (unsigned long long)cron.minutes);
	ck_assert_msg(cron.hours == hours, "%s: hours %x", text, cron.hours);
	ck_assert_msg(cron.days == days, "%s: days %x", text, cron.days);
	ck_assert_msg(cron.months == months, "%s: months %x", text, cron.months);
	ck_assert_msg(cron.weekdays == weekdays, "%s: weekdays %x", text, cron.weekdays);
}

START_TEST(five_fields)
{
	expect("* * * * *", ALL_MINUTES, ALL_HOURS, ALL_DAYS, ALL_MONTHS, ALL_WEEKDAYS);
	expect("0 0 1 1 0", BIT(0), BIT(0), BIT(1), BIT(1), BIT(0));
	expect("59 23 31 12 6", BIT(59), BIT(23), BIT(31), BIT(12), BIT(6));
	expect("007 08 09 010 *", BIT(7), BIT(8), BIT(9), BIT(10), ALL_WEEKDAYS);
	expect(" \t0  1\t2 3 4 \t", BIT(0), BIT(1), BIT(2), BIT(3), BIT(4));
}
END_TEST

START_TEST(ranges_steps_and_lists)
{
	expect("8-11 * * * *", BIT(8) | BIT(9) | BIT(10) | BIT(11), ALL_HOURS, ALL_DAYS, ALL_MONTHS, ALL_WEEKDAYS);
	expect("*/20 */8 */10 */6 */3", BIT(0) | BIT(20) | BIT(40), BIT(0) | BIT(8) | BIT(16),
	       BIT(1) | BIT(11) | BIT(21) | BIT(31), BIT(1) | BIT(7), BIT(0) | BIT(3) | BIT(6));
	expect("5-20/7 3-3 * * *", BIT(5) | BIT(12) | BIT(19), BIT(3), ALL_DAYS, ALL_MONTHS, ALL_WEEKDAYS);
	expect("1,2,5,9 0-4,8-12/2 1,1,1 * *", BIT(1) | BIT(2) | BIT(5) | BIT(9), 0x1f | BIT(8) | BIT(10) | BIT(12), BIT(1),
	       ALL_MONTHS, ALL_WEEKDAYS);
	expect("*/100 0-23/99999999999999999999 *,5 * *", BIT(0), BIT(0), ALL_DAYS, ALL_MONTHS, ALL_WEEKDAYS);
	expect("0 0 * * */7", BIT(0), BIT(0), ALL_DAYS, ALL_MONTHS, BIT(0));
}
END_TEST

START_TEST(names_whatever_their_case)
{
	expect("0 0 * jan,FEB,Mar mon", BIT(0), BIT(0), ALL_DAYS, BIT(1) | BIT(2) | BIT(3), BIT(1));
	expect("0 0 * OCT-dec/2 MON-fri", BIT(0), BIT(0), ALL_DAYS, BIT(10) | BIT(12), 0x3e);
	expect("0 0 * apr-6 sun-2", BIT(0), BIT(0), ALL_DAYS, BIT(4) | BIT(5) | BIT(6), 0x7);
	expect("0 0 * aug,sep,jul,may,jun,nov tue,wed,thu,sat", BIT(0), BIT(0), ALL_DAYS,
	       BIT(5) | BIT(6) | BIT(7) | BIT(8) | BIT(9) | BIT(11), BIT(2) | BIT(3) | BIT(4) | BIT(6));
}
END_TEST

START_TEST(sunday_is_0_and_7)
{
	expect("0 0 * * 7", BIT(0), BIT(0), ALL_DAYS, ALL_MONTHS, BIT(0));
	expect("0 0 * * 5-7", BIT(0), BIT(0), ALL_DAYS, ALL_MONTHS, BIT(5) | BIT(6) | BIT(0));
	expect("0 0 * * fri-sun", BIT(0), BIT(0), ALL_DAYS, ALL_MONTHS, BIT(5) | BIT(6) | BIT(0));
	expect("0 0 * * mon-sun", BIT(0), BIT(0), ALL_DAYS, ALL_MONTHS, ALL_WEEKDAYS);
	expect("0 0 * * 6-0", BIT(0), BIT(0), ALL_DAYS, ALL_MONTHS, BIT(6) | BIT(0));
	expect("0 0 * * 0-7", BIT(0), BIT(0), ALL_DAYS, ALL_MONTHS, ALL_WEEKDAYS);
	expect("0 0 * * sun-sun", BIT(0), BIT(0), ALL_DAYS, ALL_MONTHS, BIT(0));
	expect("0 0 * * 7-7", BIT(0), BIT(0), ALL_DAYS, ALL_MONTHS, BIT(0));
}
END_TEST

START_TEST(nicknames)
{
	expect("@yearly", BIT(0), BIT(0), BIT(1), BIT(1), ALL_WEEKDAYS);
	expect("@annually", BIT(0), BIT(0), BIT(1), BIT(1), ALL_WEEKDAYS);
	expect("@monthly", BIT(0), BIT(0), BIT(1), ALL_MONTHS, ALL_WEEKDAYS);
	expect("@weekly", BIT(0), BIT(0), ALL_DAYS, ALL_MONTHS, BIT(0));
	expect("@daily", BIT(0), BIT(0), ALL_DAYS, ALL_MONTHS, ALL_WEEKDAYS);
	expect(" @MidNight\t", BIT(0), BIT(0), ALL_DAYS, ALL_MONTHS, ALL_WEEKDAYS);
	expect("@hourly", BIT(0), ALL_HOURS, ALL_DAYS, ALL_MONTHS, ALL_WEEKDAYS);
}
END_TEST

START_TEST(a_star_at_the_beginning_counts)
{
	/* Days: either will do only if neither field begins with a star. */
	ck_assert(read_it("0 0 1 * 1").either_day);
	ck_assert(read_it("0 0 1-31 * 0-7").either_day);
	ck_assert(read_it("0 0 1,*/2 * 1").either_day);
	ck_assert(!read_it("0 0 * * 1").either_day);
	ck_assert(!read_it("0 0 1 * *").either_day);
	ck_assert(!read_it("0 0 */2 * 1").either_day);
	ck_assert(!read_it("0 0 1 * */2").either_day);
	ck_assert(!read_it("0 0 *,1 * 1").either_day);
	/* Wildcards: the minute or the hour; no other field. */
	ck_assert(read_it("* 0 1 1 1").wildcard);
	ck_assert(read_it("0 * 1 1 1").wildcard);
	ck_assert(read_it("*/5 0 1 1 1").wildcard);
	ck_assert(read_it("0 */2 1 1 1").wildcard);
	ck_assert(read_it("@hourly").wildcard);
	ck_assert(!read_it("0 0 * * *").wildcard);
	ck_assert(!read_it("0-59 0-23 * * *").wildcard);
	ck_assert(!read_it("0,*/2 0 * * *").wildcard);
	ck_assert(!read_it("@daily").wildcard);
}
END_TEST

/* ---- what is refused ---- */

#define NICKNAMES "@yearly (or @annually), @monthly, @weekly, @daily (or @midnight) or @hourly"
#define FIVE(n) "must have five fields (minute, hour, day of month, month, day of week), not " #n "; or be " NICKNAMES
#define BAD(field, text, problem, allowed) \
	"has a bad " field " field, \"" text "\": " problem "; allowed are *, values and ranges of " allowed \
	", steps behind * or a range, and lists of these"
#define MINUTE(text, problem) BAD("minute", text, problem, "0-59")
#define HOUR(text, problem) BAD("hour", text, problem, "0-23")
#define DAY(text, problem) BAD("day-of-month", text, problem, "1-31")
#define MONTH(text, problem) BAD("month", text, problem, "1-12 or jan-dec")
#define WEEKDAY(text, problem) BAD("day-of-week", text, problem, "0-7 (0 and 7 are Sunday) or sun-sat")

static const struct {
	const char *text, *why;
} refused[] = {
	{ "", FIVE(0) },
	{ " \t ", FIVE(0) },
	{ "* * * *", FIVE(4) },
	{ "* * * * * *", FIVE(6) },
	{ "0 0 1 1 * 2027 x", FIVE(7) },
	{ "@reboot", "cannot be @reboot, for a schedule names times: it may be five fields, " NICKNAMES },
	{ " @REBOOT ", "cannot be @reboot, for a schedule names times: it may be five fields, " NICKNAMES },
	{ "@", "cannot be \"@\": it may be five fields, " NICKNAMES },
	{ "@day", "cannot be \"@day\": it may be five fields, " NICKNAMES },
	{ "@dailyx", "cannot be \"@dailyx\": it may be five fields, " NICKNAMES },
	{ "@daily x", "cannot be \"@daily x\": it may be five fields, " NICKNAMES },
	{ "@every_single_time_that_is_possible", "cannot be \"@every_single_time_that_\": it may be five fields, " NICKNAMES },
	{ "60 * * * *", MINUTE("60", "60 is not within 0-59") },
	{ "* 24 * * *", HOUR("24", "24 is not within 0-23") },
	{ "* * 0 * *", DAY("0", "0 is not within 1-31") },
	{ "* * 32 * *", DAY("32", "32 is not within 1-31") },
	{ "* * * 0 *", MONTH("0", "0 is not within 1-12") },
	{ "* * * 13 *", MONTH("13", "13 is not within 1-12") },
	{ "* * * * 8", WEEKDAY("8", "8 is not within 0-7") },
	{ "99999999999999999999 * * * *", MINUTE("99999999999999999999", "99999999999999999999 is not within 0-59") },
	{ "4294967296 * * * *", MINUTE("4294967296", "4294967296 is not within 0-59") },
	{ "-1 * * * *", MINUTE("-1", "a value is missing in it") },
	{ "+1 * * * *", MINUTE("+1", "\"+1\" is no number") },
	{ "1.5 * * * *", MINUTE("1.5", "\"1.5\" is no number") },
	{ "mon * * * *", MINUTE("mon", "\"mon\" is no number") },
	{ "0 0 L * *", DAY("L", "\"L\" is no number") },
	{ "0 0 ? * *", DAY("?", "\"?\" is no number") },
	{ "* * * mon *", MONTH("mon", "\"mon\" is no number and no name of three letters") },
	{ "* * * january *", MONTH("january", "\"january\" is no number and no name of three letters") },
	{ "* * * * jan", WEEKDAY("jan", "\"jan\" is no number and no name of three letters") },
	{ "* * * * mo", WEEKDAY("mo", "\"mo\" is no number and no name of three letters") },
	{ "* * * * 5#2", WEEKDAY("5#2", "\"5#2\" is no number and no name of three letters") },
	{ "1, * * * *", MINUTE("1,", "a value is missing at its end") },
	{ ",1 * * * *", MINUTE(",1", "a value is missing in it") },
	{ "1,,2 * * * *", MINUTE("1,,2", "a value is missing in it") },
	{ "1- * * * *", MINUTE("1-", "a value is missing at its end") },
	{ "1-- * * * *", MINUTE("1--", "a value is missing in it") },
	{ "5-1 * * * *", MINUTE("5-1", "the range 5-1 runs backwards") },
	{ "0,5-0 * * * *", MINUTE("0,5-0", "the range 5-0 runs backwards") },
	{ "* * * dec-jan *", MONTH("dec-jan", "the range dec-jan runs backwards") },
	{ "* * * * sat-mon", WEEKDAY("sat-mon", "the range sat-mon runs backwards") },
	{ "1-60 * * * *", MINUTE("1-60", "60 is not within 0-59") },
	{ "1-2-3 * * * *", MINUTE("1-2-3", "\"-3\" has no meaning there") },
	{ "5/15 * * * *", MINUTE("5/15", "a step needs a range before it, such as 5-59/15") },
	{ "* 2/ * * *", HOUR("2/", "a step needs a range before it, such as 2-23/2") },
	{ "*/0 * * * *", MINUTE("*/0", "its step must be a number, 1 or more") },
	{ "*/ * * * *", MINUTE("*/", "its step must be a number, 1 or more") },
	{ "*/-1 * * * *", MINUTE("*/-1", "its step must be a number, 1 or more") },
	{ "*/x * * * *", MINUTE("*/x", "its step must be a number, 1 or more") },
	{ "* * * */jan *", MONTH("*/jan", "its step must be a number, 1 or more") },
	{ "*/2/2 * * * *", MINUTE("*/2/2", "\"/2\" has no meaning there") },
	{ "** * * * *", MINUTE("**", "\"*\" has no meaning there") },
	{ "*5 * * * *", MINUTE("*5", "\"5\" has no meaning there") },
	{ "5* * * * *", MINUTE("5*", "\"*\" has no meaning there") },
	{ "*-5 * * * *", MINUTE("*-5", "\"-5\" has no meaning there") },
	{ "0 0 * * \xc3\xa9", WEEKDAY("\xc3\xa9", "\"\xc3\xa9\" is no number and no name of three letters") },
	/* A long text is cut on a character's border. */
	{ "aaaaaaaaaaaaaaaaaaaaaaa\xc3\xa9 0 * * *", MINUTE("aaaaaaaaaaaaaaaaaaaaaaa", "\"aaaaaaaaaaaaaaaaaaaaaaa\" is no number") },
	/* Newlines part no fields. */
	{ "0 0 *\n* * *", DAY("*\n*", "\"\n*\" has no meaning there") },
};

START_TEST(each_with_its_sentence)
{
	char why[CRON_WHY] = "", shorter[10] = "123456789";
	struct cron cron;

	ck_assert_int_eq(cron_parse(refused[_i].text, &cron, why, sizeof(why)), -EINVAL);
	ck_assert_str_eq(why, refused[_i].why);
	/* A buffer that is too small cuts it. */
	ck_assert_int_eq(cron_parse(refused[_i].text, &cron, shorter, sizeof(shorter)), -EINVAL);
	ck_assert_int_eq(strlen(shorter), sizeof(shorter) - 1);
	ck_assert(strncmp(shorter, why, sizeof(shorter) - 1) == 0);
}
END_TEST

/* ---- whatever comes ---- */

static void expect_sane(const char *text)
{
	char why[CRON_WHY] = "";
	struct cron cron;

	if (cron_parse(text, &cron, why, sizeof(why)) != 0) {
		hold(why[0] != '\0');
		hold(strlen(why) < sizeof(why) - 1);		/* not cut */
		return;
	}
	hold(cron.minutes != 0 && (cron.minutes & ~ALL_MINUTES) == 0);
	hold(cron.hours != 0 && (cron.hours & ~ALL_HOURS) == 0);
	hold(cron.days != 0 && (cron.days & ~ALL_DAYS) == 0);
	hold(cron.months != 0 && (cron.months & ~ALL_MONTHS) == 0);
	hold(cron.weekdays != 0 && (cron.weekdays & ~ALL_WEEKDAYS) == 0);
}

START_TEST(random_bytes)
{
	static const char likely[] = "0123456789  *,-/*\t@adefijmnorsu";

	chance_seed(7);
	for (int i = 0; i < 300000; i++) {
		char text[64];
		size_t len = chance_below(sizeof(text));

		for (size_t j = 0; j < len; j++)
			text[j] = i % 4 != 0 ? likely[chance_below(sizeof(likely) - 1)] : (char)(1 + chance_below(255));
		text[len] = '\0';
		expect_sane(text);
	}
}
END_TEST

/* A good one with a byte or two changed: most of the ways to be nearly right. */
START_TEST(nearly_right)
{
	static const char good[] = "*/5,1-3 8-17/3,20 1,15-31 jan,mar-dec/2 mon-fri,0";

	chance_seed(8);
	for (int i = 0; i < 300000; i++) {
		char text[sizeof(good)];

		memcpy(text, good, sizeof(good));
		for (unsigned n = 1 + chance_below(3); n > 0; n--)
			text[chance_below(sizeof(good) - 1)] = (char)(1 + chance_below(127));
		expect_sane(text);
	}
}
END_TEST

START_TEST(a_long_list)
{
	char text[100000] = "0";
	struct cron cron;
	size_t len = 1;

	while (len < sizeof(text) - 20)
		len += (size_t)snprintf(text + len, sizeof(text) - len, ",%zu", len % 60);
	strcpy(text + len, " * * * *");
	cron = read_it(text);
	ck_assert_uint_eq(cron.minutes & (BIT(0) | BIT(1)), BIT(0) | BIT(1));
	memcpy(text + len - 2, ",x", 2);
	expect_sane(text);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("cron_parse");
	TCase *tc = tcase_create("cron_parse");

	tcase_add_test(tc, five_fields);
	tcase_add_test(tc, ranges_steps_and_lists);
	tcase_add_test(tc, names_whatever_their_case);
	tcase_add_test(tc, sunday_is_0_and_7);
	tcase_add_test(tc, nicknames);
	tcase_add_test(tc, a_star_at_the_beginning_counts);
	tcase_add_loop_test(tc, each_with_its_sentence, 0, sizeof(refused) / sizeof(refused[0]));
	tcase_add_test(tc, random_bytes);
	tcase_add_test(tc, nearly_right);
	tcase_add_test(tc, a_long_list);
	suite_add_tcase(suite, tc);
	return unit_run(suite);
}
