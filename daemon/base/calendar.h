/*
 * calendar: dates of the Gregorian calendar as counts of days, without a time zone.
 *
 * Day 0 is 1970-01-01. The calendar is carried on before 1582 and after 9999, as RFC 3339 and the C library's
 * gmtime do. Years may be any that a day's number in 64 bits has room for, give or take a factor of a thousand.
 */
#ifndef JOBD_CALENDAR_H
#define JOBD_CALENDAR_H

#include <stdint.h>

struct calendar_date {
	int64_t year;
	int month;		/* 1-12 */
	int day;		/* 1-31 */
};

/* The day's number. */
int64_t calendar_day(int64_t year, int month, int day);

/* The date of a day. */
struct calendar_date calendar_date_of(int64_t day);

/* 0 = Sunday .. 6 = Saturday */
int calendar_weekday(int64_t day);

/* 28-31 */
int calendar_month_length(int64_t year, int month);

/* Rounds down: the day in which a second lies, the minute in which... `unit` > 0. */
static inline int64_t calendar_floor(int64_t value, int64_t unit)
{
	return value / unit - (value % unit < 0);
}

#endif
