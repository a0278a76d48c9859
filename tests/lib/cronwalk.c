#include "tests/lib/cronwalk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "tests/lib/unit.h"

enum { QUARTER = 15 * 60, STRIDE = 24, JUMP_MAX = 3 * 60, RUN_IN = 4 * 3600 };

/* ---- the clock on the wall ---- */

/* In minutes. */
static int offset_of(int64_t at)
{
	time_t seconds = at;
	struct tm tm;

	localtime_r(&seconds, &tm);
	hold(tm.tm_gmtoff % 60 == 0);
	return (int)(tm.tm_gmtoff / 60);
}

/* Six hours: where both ends are alike, all is; else each quarter is asked for. */
static void fill(struct cronwalk_clock *clock, size_t from, size_t until)
{
	int64_t first = clock->from + (int64_t)from * QUARTER, last = clock->from + (int64_t)until * QUARTER - 1;
	int offset = offset_of(first);
	bool alike = offset == offset_of(last);

	for (size_t i = from; i < until; i++) {
		int64_t at = clock->from + (int64_t)i * QUARTER;

		clock->offsets[i] = alike ? offset : offset_of(at);
		if (!alike && clock->offsets[i] != offset_of(at + QUARTER - 1))
			clock->offsets[i] = CRONWALK_MIXED;
	}
}

void cronwalk_clock_open(struct cronwalk_clock *clock, const char *zone, int64_t from, int64_t until)
{
	char path[100];
	size_t n;

	/* An unknown zone would silently be UTC. */
	snprintf(path, sizeof(path), ":%s", zone);
	hold(setenv("TZ", path, 1) == 0);
	tzset();
	clock->from = from - from % QUARTER;
	clock->until = until - until % QUARTER;
	n = (size_t)(clock->until - clock->from) / QUARTER;
	clock->offsets = calloc(n, sizeof(clock->offsets[0]));
	hold(clock->offsets != NULL);
	for (size_t i = 0; i < n; i += STRIDE)
		fill(clock, i, i + STRIDE < n ? i + STRIDE : n);
}

void cronwalk_clock_close(struct cronwalk_clock *clock)
{
	free(clock->offsets);
}

/* In minutes. */
static int64_t local_of(const struct cronwalk_clock *clock, int64_t at)
{
	int offset;

	hold(at >= clock->from && at < clock->until);
	offset = clock->offsets[(at - clock->from) / QUARTER];
	return at / 60 + (offset != CRONWALK_MIXED ? offset : offset_of(at));
}

int64_t cronwalk_clock_change(const struct cronwalk_clock *clock, int64_t at)
{
	for (at += QUARTER - at % QUARTER; at < clock->until; at += QUARTER)
		if (clock->offsets[(at - clock->from) / QUARTER] != clock->offsets[(at - clock->from) / QUARTER - 1])
			break;
	return at;
}

/* ---- the expression ---- */

static int value_of(const char *text, int names_from)
{
	static const char names[2][12][4] = {
		{ "sun", "mon", "tue", "wed", "thu", "fri", "sat" },
		{ "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec" },
	};

	for (int i = 0; i < 12; i++)
		if (names[names_from][i][0] != '\0' && strncasecmp(text, names[names_from][i], 3) == 0)
			return i + names_from;
	return atoi(text);
}

static void read_item(char *item, bool *set, int low, int high)
{
	int names_from = high == 12 ? 1 : 0;
	char *slash = strchr(item, '/'), *dash = strchr(item, '-');
	int step = slash != NULL ? atoi(slash + 1) : 1;

	if (item[0] != '*') {
		low = value_of(item, names_from);
		high = dash != NULL ? value_of(dash + 1, names_from) : low;
	}
	for (int i = low; i <= high; i += step)
		set[i] = true;
}

static bool read_field(char *field, bool *set, int low, int high)
{
	bool star = field[0] == '*';
	char *rest;

	for (char *item = strtok_r(field, ",", &rest); item != NULL; item = strtok_r(NULL, ",", &rest))
		read_item(item, set, low, high);
	return star;
}

void cronwalk_read(struct cronwalk *walk, const char *text)
{
	char field[5][200];
	bool star_minute, star_hour, star_day, star_weekday;

	memset(walk, 0, sizeof(*walk));
	hold(sscanf(text, "%199s %199s %199s %199s %199s", field[0], field[1], field[2], field[3], field[4]) == 5);
	star_minute = read_field(field[0], walk->minutes, 0, 59);
	star_hour = read_field(field[1], walk->hours, 0, 23);
	star_day = read_field(field[2], walk->days, 1, 31);
	read_field(field[3], walk->months, 1, 12);
	star_weekday = read_field(field[4], walk->weekdays, 0, 7);
	walk->weekdays[0] = walk->weekdays[0] || walk->weekdays[7];
	walk->both_days = star_day || star_weekday;
	walk->wildcard = star_minute || star_hour;
}

static bool matches(const struct cronwalk *walk, int64_t local)
{
	time_t seconds = local * 60;
	struct tm tm;
	bool day, weekday;

	if (!walk->minutes[local % 60] || !walk->hours[local / 60 % 24])
		return false;
	gmtime_r(&seconds, &tm);
	day = walk->days[tm.tm_mday];
	weekday = walk->weekdays[tm.tm_wday];
	return walk->months[tm.tm_mon + 1] && (walk->both_days ? day && weekday : day || weekday);
}

/* ---- crond's loop ---- */

/* One wake-up at this local minute; *virtual is the minute up to which all jobs have run. */
static bool wakes(const struct cronwalk *walk, int64_t local, int64_t *virtual)
{
	int64_t ahead = local - *virtual;
	bool fires = false;

	if (ahead == 1 || ahead > JUMP_MAX || ahead < -JUMP_MAX) {
		*virtual = local;
		return matches(walk, local);
	}
	if (walk->wildcard)
		fires = matches(walk, local);
	for (; *virtual < local; ++*virtual)
		if (!walk->wildcard && matches(walk, *virtual + 1))
			fires = true;
	return fires;
}

int64_t cronwalk_next(const struct cronwalk *walk, const struct cronwalk_clock *clock, int64_t after_ms, int64_t span)
{
	int64_t at = after_ms / 60000 * 60 - RUN_IN;
	int64_t virtual = local_of(clock, at);

	for (at += 60; at <= after_ms / 1000 + span && at < clock->until; at += 60)
		if (wakes(walk, local_of(clock, at), &virtual) && at * 1000 > after_ms)
			return at * 1000;
	return -1;
}
