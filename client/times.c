#include "client/times.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "proto/timefmt.h"

#define TIMES_LAST 253402300799LL	/* the end of the year 9999 */

/* Reads it by the first format that fits to the end, into fields that begin as `tm`. */
static bool times_scan(const char *text, struct tm *tm)
{
	static const char *const formats[] = {
		"%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S", "%H:%M", "%H:%M:%S",
	};
	const struct tm begin = *tm;

	if (text[0] < '0' || text[0] > '9')
		return false;	/* strptime would pass over space */
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		const char *end;

		*tm = begin;
		end = strptime(text, formats[i], tm);
		if (end != NULL && *end == '\0')
			return true;
	}
	return false;
}

/* Local fields → seconds. A date that the calendar, or an hour that the clock's change leaves out, comes back as another. */
static bool times_local(const struct tm *fields, time_t *seconds)
{
	struct tm tm = *fields;

	tm.tm_isdst = -1;
	*seconds = mktime(&tm);
	return tm.tm_year == fields->tm_year && tm.tm_mon == fields->tm_mon && tm.tm_mday == fields->tm_mday && tm.tm_hour == fields->tm_hour &&
	       tm.tm_min == fields->tm_min && tm.tm_sec == fields->tm_sec;
}

static bool times_unix(const char *text, int64_t *ms)
{
	char *end;
	long long seconds;

	if (text[0] != '@' || text[1] < '0' || text[1] > '9')
		return false;
	errno = 0;
	seconds = strtoll(text + 1, &end, 10);
	if (errno != 0 || *end != '\0' || seconds > TIMES_LAST)
		return false;
	*ms = seconds * 1000;
	return true;
}

/* RFC 3339, whose seconds may be left out here as they may in a local time. */
static bool times_rfc3339(const char *text, int64_t *ms)
{
	static const size_t minutes = sizeof("2026-12-01T09:00") - 1;
	char full[TIMES_SIZE];

	if (timefmt_read(text, ms) == 0)
		return true;
	if (strlen(text) <= minutes || strchr("Zz+-", text[minutes]) == NULL)
		return false;
	return snprintf(full, sizeof(full), "%.*s:00%s", (int)minutes, text, text + minutes) < (int)sizeof(full) &&
	       timefmt_read(full, ms) == 0;
}

int times_read(const char *text, int64_t *ms, char *why, size_t why_size)
{
	time_t now = (time_t)(clock_wall() / 1000), seconds;
	struct tm tm;

	if (strcmp(text, "now") == 0) {
		*ms = clock_wall();
		return 0;
	}
	if (times_unix(text, ms) || times_rfc3339(text, ms))
		return 0;
	localtime_r(&now, &tm);
	tm.tm_hour = tm.tm_min = tm.tm_sec = 0;
	if (!times_scan(text, &tm)) {
		snprintf(why, why_size, "a time is written 2026-12-01T09:00, 2026-12-01, 18:30, @UNIX or RFC 3339, not \"%.40s\"", text);
		return -1;
	}
	if (!times_local(&tm, &seconds)) {
		snprintf(why, why_size, "there is no such time as \"%.40s\" in this time zone", text);
		return -1;
	}
	*ms = (int64_t)seconds * 1000;
	return 0;
}

bool times_is_clock(const char *text)
{
	struct tm tm = { 0 };

	return times_scan(text, &tm) && strchr(text, '-') == NULL;
}

void times_show(char out[TIMES_SIZE], int64_t ms)
{
	time_t seconds = (time_t)(ms / 1000);
	struct tm tm;

	localtime_r(&seconds, &tm);
	strftime(out, TIMES_SIZE, "%Y-%m-%d %H:%M:%S", &tm);
}

json_t *times_seconds(int64_t ms)
{
	return ms % 1000 == 0 ? json_integer(ms / 1000) : json_real((double)ms / 1000);
}
