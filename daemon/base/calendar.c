/*
 * Years are counted from March here, so that the leap day ends a year and the
 * days before each month are one formula; 400 years are 146097 days.
 */
#include "base/calendar.h"

#include <stdbool.h>

enum {
	DAYS_OF_400_YEARS = 146097,
	DAYS_OF_100_YEARS = 36524,	/* without the leap day that a fourth century has */
	DAYS_OF_4_YEARS = 1461,
	DAYS_OF_YEAR = 365,
	DAYS_TO_1970 = 719468		/* from 0000-03-01 */
};

/* Days of a year before its n-th month; March is 0. */
static int calendar_days_before(int n)
{
	return (153 * n + 2) / 5;
}

int64_t calendar_day(int64_t year, int month, int day)
{
	int64_t from_march = month > 2 ? year : year - 1;
	int64_t era = calendar_floor(from_march, 400);
	int64_t y = from_march - era * 400;

	return era * DAYS_OF_400_YEARS + y * DAYS_OF_YEAR + y / 4 - y / 100 + calendar_days_before((month + 9) % 12) +
	       day - 1 - DAYS_TO_1970;
}

struct calendar_date calendar_date_of(int64_t day)
{
	int64_t era = calendar_floor(day + DAYS_TO_1970, DAYS_OF_400_YEARS);
	int64_t rest = day + DAYS_TO_1970 - era * DAYS_OF_400_YEARS;
	int64_t century = rest / DAYS_OF_100_YEARS - rest / (DAYS_OF_400_YEARS - 1);
	int64_t four, one;
	int n;

	rest -= century * DAYS_OF_100_YEARS;
	four = rest / DAYS_OF_4_YEARS;
	rest -= four * DAYS_OF_4_YEARS;
	one = rest / DAYS_OF_YEAR - rest / (DAYS_OF_4_YEARS - 1);
	rest -= one * DAYS_OF_YEAR;
	n = (int)((5 * rest + 2) / 153);
	return (struct calendar_date){
		.year = era * 400 + century * 100 + four * 4 + one + (n >= 10),
		.month = n < 10 ? n + 3 : n - 9,
		.day = (int)rest - calendar_days_before(n) + 1,
	};
}

int calendar_weekday(int64_t day)
{
	int64_t since_sunday = day + 4;		/* 1970-01-01 was a Thursday */

	return (int)(since_sunday - calendar_floor(since_sunday, 7) * 7);
}

int calendar_month_length(int64_t year, int month)
{
	static const int lengths[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return month == 2 && leap ? 29 : lengths[month - 1];
}
