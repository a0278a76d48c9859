#include "cron/zone_rule.h"

#include <errno.h>

#include "base/calendar.h"

enum { DAY = 86400, HOUR = 3600, MINUTE = 60 };

#define ZONE_RULE_FAR (INT64_C(1) << 55)	/* so many seconds away a rule has no meaning, and sums still fit */

/* ---- reading ---- */

struct zone_rule_text {
	const char *at, *end;
};

static bool zone_rule_take(struct zone_rule_text *t, char c)
{
	if (t->at == t->end || *t->at != c)
		return false;
	t->at++;
	return true;
}

static bool zone_rule_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool zone_rule_is_letter(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static bool zone_rule_number(struct zone_rule_text *t, int min, int max, int *out)
{
	const char *from = t->at;

	for (*out = 0; t->at < t->end && zone_rule_is_digit(*t->at) && *out <= max; t->at++)
		*out = *out * 10 + (*t->at - '0');
	return t->at > from && *out >= min && *out <= max;
}

/* "CEST" or "<+03>": what it says has no meaning here. */
static bool zone_rule_name(struct zone_rule_text *t)
{
	bool quoted = zone_rule_take(t, '<');
	const char *from = t->at;

	while (t->at < t->end && (zone_rule_is_letter(*t->at) ||
				  (quoted && (zone_rule_is_digit(*t->at) || *t->at == '+' || *t->at == '-'))))
		t->at++;
	return t->at - from >= 3 && (!quoted || zone_rule_take(t, '>'));
}

/* "[+-]h[:mm[:ss]]" in seconds. */
static bool zone_rule_clock(struct zone_rule_text *t, int hours_max, int32_t *out)
{
	bool negative = zone_rule_take(t, '-');
	int hours, minutes = 0, seconds = 0;

	if (!negative)
		zone_rule_take(t, '+');
	if (!zone_rule_number(t, 0, hours_max, &hours))
		return false;
	if (zone_rule_take(t, ':')) {
		if (!zone_rule_number(t, 0, 59, &minutes))
			return false;
		if (zone_rule_take(t, ':') && !zone_rule_number(t, 0, 59, &seconds))
			return false;
	}
	*out = (hours * HOUR + minutes * MINUTE + seconds) * (negative ? -1 : 1);
	return true;
}

/* POSIX counts west of Greenwich. */
static bool zone_rule_offset(struct zone_rule_text *t, int32_t *out)
{
	if (!zone_rule_clock(t, 24, out))
		return false;
	*out = -*out;
	return true;
}

static bool zone_rule_date(struct zone_rule_text *t, struct zone_rule_moment *m)
{
	if (zone_rule_take(t, 'M')) {
		m->form = ZONE_RULE_WEEKDAY;
		return zone_rule_number(t, 1, 12, &m->month) && zone_rule_take(t, '.') &&
		       zone_rule_number(t, 1, 5, &m->week) && zone_rule_take(t, '.') &&
		       zone_rule_number(t, 0, 6, &m->day);
	}
	m->form = zone_rule_take(t, 'J') ? ZONE_RULE_JULIAN : ZONE_RULE_DAY;
	return zone_rule_number(t, m->form == ZONE_RULE_JULIAN, 365, &m->day);
}

static bool zone_rule_moment(struct zone_rule_text *t, struct zone_rule_moment *m)
{
	m->seconds = 2 * HOUR;
	return zone_rule_take(t, ',') && zone_rule_date(t, m) &&
	       (!zone_rule_take(t, '/') || zone_rule_clock(t, 167, &m->seconds));
}

static bool zone_rule_summer(struct zone_rule_text *t, struct zone_rule *out)
{
	out->has_summer = true;
	out->summer = out->standard + HOUR;
	if (!zone_rule_name(t))
		return false;
	if (t->at < t->end && *t->at != ',' && !zone_rule_offset(t, &out->summer))
		return false;
	return zone_rule_moment(t, &out->begin) && zone_rule_moment(t, &out->end);
}

int zone_rule_parse(const char *text, size_t len, struct zone_rule *out)
{
	struct zone_rule_text t = { text, text + len };

	*out = (struct zone_rule){ 0 };
	if (!zone_rule_name(&t) || !zone_rule_offset(&t, &out->standard))
		return -EINVAL;
	if (t.at < t.end && !zone_rule_summer(&t, out))
		return -EINVAL;
	return t.at == t.end ? 0 : -EINVAL;
}

/* ---- reckoning ---- */

static int64_t zone_rule_day(const struct zone_rule_moment *m, int64_t year)
{
	int64_t first;
	int day;

	switch (m->form) {
	case ZONE_RULE_JULIAN:
		return calendar_day(year, 1, 1) + m->day - 1 + (m->day >= 60 && calendar_month_length(year, 2) == 29);
	case ZONE_RULE_DAY:
		return calendar_day(year, 1, 1) + m->day;
	case ZONE_RULE_WEEKDAY:
		break;
	}
	first = calendar_day(year, m->month, 1);
	day = (m->day - calendar_weekday(first) + 7) % 7 + (m->week - 1) * 7;
	if (day >= calendar_month_length(year, m->month))
		day -= 7;		/* the fifth that is not: the last */
	return first + day;
}

/* Lets the span end or begin at a change, if it is nearer than what was found. Of two at once the later told holds. */
static void zone_rule_narrow(struct zone_span *span, int64_t at, int64_t change, int32_t offset)
{
	if (change > at) {
		if (change < span->until)
			span->until = change;
	} else if (change >= span->from) {
		span->from = change;
		span->offset = offset;
	}
}

struct zone_span zone_rule_span(const struct zone_rule *rule, int64_t at)
{
	struct zone_span span = { -ZONE_RULE_FAR, ZONE_RULE_FAR, rule->standard };
	int64_t year;

	if (!rule->has_summer)
		return (struct zone_span){ INT64_MIN, INT64_MAX, rule->standard };
	if (at < span.from)
		return (struct zone_span){ INT64_MIN, span.from, rule->standard };
	if (at >= span.until)
		return (struct zone_span){ span.until, INT64_MAX, rule->standard };
	year = calendar_date_of(calendar_floor(at, DAY)).year;
	/* A moment may lie a week outside its year; so what surrounds `at` may be of the years beside. */
	for (int64_t y = year - 2; y <= year + 2; y++) {
		int64_t begin = zone_rule_day(&rule->begin, y) * DAY + rule->begin.seconds - rule->standard;
		int64_t end = zone_rule_day(&rule->end, y) * DAY + rule->end.seconds - rule->summer;

		zone_rule_narrow(&span, at, begin, rule->summer);
		zone_rule_narrow(&span, at, end, rule->standard);
	}
	return span;
}
