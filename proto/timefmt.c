#include "proto/timefmt.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static char *timefmt_digits(char *to, unsigned value, int width)
{
	for (int i = width - 1; i >= 0; i--, value /= 10)
		to[i] = (char)('0' + value % 10);
	return to + width;
}

void timefmt_write(char out[TIMEFMT_SIZE], int64_t ms)
{
	struct tm tm;
	time_t seconds;
	char *to = out;

	ms = ms < 0 ? 0 : ms > TIMEFMT_LAST_MS ? TIMEFMT_LAST_MS : ms;
	seconds = (time_t)(ms / 1000);
	gmtime_r(&seconds, &tm);
	to = timefmt_digits(to, (unsigned)tm.tm_year + 1900, 4);
	*to++ = '-';
	to = timefmt_digits(to, (unsigned)tm.tm_mon + 1, 2);
	*to++ = '-';
	to = timefmt_digits(to, (unsigned)tm.tm_mday, 2);
	*to++ = 'T';
	to = timefmt_digits(to, (unsigned)tm.tm_hour, 2);
	*to++ = ':';
	to = timefmt_digits(to, (unsigned)tm.tm_min, 2);
	*to++ = ':';
	to = timefmt_digits(to, (unsigned)tm.tm_sec, 2);
	*to++ = '.';
	to = timefmt_digits(to, (unsigned)(ms % 1000), 3);
	*to++ = 'Z';
	*to = '\0';
}

static bool timefmt_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Reads exactly `width` digits and then, unless NUL, one of `ends`. */
static bool timefmt_number(const char **text, int width, const char *ends, int min, int max, int *value)
{
	*value = 0;
	for (int i = 0; i < width; i++, (*text)++) {
		if (!timefmt_is_digit(**text))
			return false;
		*value = *value * 10 + (**text - '0');
	}
	if (*value < min || *value > max)
		return false;
	if (ends == NULL)
		return true;
	return **text != '\0' && strchr(ends, *(*text)++) != NULL;
}

static int timefmt_days_of(int year, int month)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return month == 2 && leap ? 29 : days[month - 1];
}

/* ".123456" if there: any number of decimals, cut to milliseconds. */
static bool timefmt_decimals(const char **text, int *ms)
{
	int unit = 100;

	*ms = 0;
	if (**text != '.')
		return true;
	if (!timefmt_is_digit(*++*text))
		return false;
	for (; timefmt_is_digit(**text); (*text)++, unit /= 10)
		*ms += (**text - '0') * unit;
	return true;
}

/* "Z" or "+hh:mm", and the end. */
static bool timefmt_offset(const char *text, int *minutes)
{
	int sign = *text == '-' ? -1 : 1;
	int hour, minute;

	*minutes = 0;
	if (*text == 'Z' || *text == 'z')
		return text[1] == '\0';
	if (*text != '+' && *text != '-')
		return false;
	text++;
	if (!timefmt_number(&text, 2, ":", 0, 23, &hour) || !timefmt_number(&text, 2, NULL, 0, 59, &minute))
		return false;
	*minutes = sign * (hour * 60 + minute);
	return *text == '\0';
}

int timefmt_read(const char *text, int64_t *ms)
{
	int year, month, day, hour, minute, second, fraction, offset;
	struct tm tm = { 0 };
	int64_t seconds;

	if (!timefmt_number(&text, 4, "-", 0, 9999, &year) || !timefmt_number(&text, 2, "-", 1, 12, &month) ||
	    !timefmt_number(&text, 2, "Tt ", 1, timefmt_days_of(year, month), &day) ||
	    !timefmt_number(&text, 2, ":", 0, 23, &hour) || !timefmt_number(&text, 2, ":", 0, 59, &minute) ||
	    !timefmt_number(&text, 2, NULL, 0, 60, &second) || !timefmt_decimals(&text, &fraction) ||
	    !timefmt_offset(text, &offset))
		return -EINVAL;
	tm.tm_year = year - 1900;
	tm.tm_mon = month - 1;
	tm.tm_mday = day;
	tm.tm_hour = hour;
	tm.tm_min = minute;
	tm.tm_sec = second;
	seconds = (int64_t)timegm(&tm) - offset * 60;
	if (second == 60 && seconds % 86400 != 0)
		return -EINVAL;		/* a leap second comes before midnight UTC; it is taken for the second after it */
	*ms = seconds * 1000 + fraction;
	return 0;
}

/* ---- spans ---- */

static const struct {
	const char *name;
	int64_t ms;
} timefmt_units[] = {		/* longest first: a span names them in this order */
	{ "w", 7 * 86400000 }, { "d", 86400000 }, { "h", 3600000 }, { "m", 60000 }, { "s", 1000 }, { "ms", 1 },
};

enum { TIMEFMT_UNITS = sizeof(timefmt_units) / sizeof(timefmt_units[0]), TIMEFMT_SECOND = 4 };

/* The unit at *text, moved past: its index; the number of units if it is none. */
static size_t timefmt_unit(const char **text)
{
	size_t len = strspn(*text, "abcdefghijklmnopqrstuvwxyz"), u;

	for (u = 0; u < TIMEFMT_UNITS; u++)
		if (strlen(timefmt_units[u].name) == len && memcmp(timefmt_units[u].name, *text, len) == 0)
			break;
	*text += len;
	return u;
}

struct timefmt_decimal {
	int64_t whole;
	int64_t billionths;
	bool rest;		/* something smaller yet */
};

static int timefmt_decimal(const char **text, struct timefmt_decimal *d)
{
	memset(d, 0, sizeof(*d));
	if (!timefmt_is_digit(**text))
		return -EINVAL;
	for (; timefmt_is_digit(**text); (*text)++)
		if (__builtin_mul_overflow(d->whole, 10, &d->whole) ||
		    __builtin_add_overflow(d->whole, **text - '0', &d->whole))
			return -ERANGE;
	if (**text != '.')
		return 0;
	if (!timefmt_is_digit(*++*text))
		return -EINVAL;
	for (int64_t unit = 100000000; timefmt_is_digit(**text); (*text)++, unit /= 10) {
		d->billionths += (**text - '0') * unit;
		d->rest |= unit == 0 && **text != '0';
	}
	return 0;
}

/* Rounded up, so that the least bit of time is not "none". */
static int timefmt_add(int64_t *ms, const struct timefmt_decimal *d, int64_t unit)
{
	int64_t whole, part = d->billionths * unit;

	part = part / 1000000000 + (part % 1000000000 != 0 || d->rest);
	if (__builtin_mul_overflow(d->whole, unit, &whole) || __builtin_add_overflow(*ms, whole, ms) ||
	    __builtin_add_overflow(*ms, part, ms))
		return -ERANGE;
	return 0;
}

int timefmt_read_span(const char *text, int64_t *ms)
{
	const char *start = text;
	size_t least = 0;	/* units before this one have gone by */
	int64_t sum = 0;
	int rc;

	do {
		struct timefmt_decimal d;
		bool first = text == start;
		size_t unit;

		rc = timefmt_decimal(&text, &d);
		if (rc < 0)
			return rc;
		unit = *text == '\0' && first ? TIMEFMT_SECOND : timefmt_unit(&text);
		if (unit < least || unit >= TIMEFMT_UNITS)
			return -EINVAL;
		least = unit + 1;
		rc = timefmt_add(&sum, &d, timefmt_units[unit].ms);
		if (rc < 0)
			return rc;
	} while (*text != '\0');
	*ms = sum;
	return 0;
}

void timefmt_write_span(char out[TIMEFMT_SPAN_SIZE], int64_t ms)
{
	static const struct {
		const char *name;
		int64_t ms;
	} units[] = { { "d", 86400000 }, { "h", 3600000 }, { "m", 60000 }, { "s", 1000 } };

	for (size_t i = 0; i + 1 < sizeof(units) / sizeof(units[0]); i++) {
		if (ms < units[i].ms)
			continue;
		snprintf(out, TIMEFMT_SPAN_SIZE, "%lld%s %lld%s", (long long)(ms / units[i].ms), units[i].name,
			 (long long)(ms % units[i].ms / units[i + 1].ms), units[i + 1].name);
		return;
	}
	snprintf(out, TIMEFMT_SPAN_SIZE, "%gs", (double)ms / 1000);
}
