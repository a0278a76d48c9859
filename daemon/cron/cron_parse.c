/* The text of an expression, from left to right; each complaint names the field, what is wrong, and what is allowed. */
#include "cron/cron.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "proto/utf8.h"

enum { CRON_FIELDS = 5, CRON_SHOWN = 24, CRON_NUMBER_MAX = 9999, CRON_WEEKDAY_MAX = 7 };

static const char *const cron_months[] = { "jan", "feb", "mar", "apr", "may", "jun",
					   "jul", "aug", "sep", "oct", "nov", "dec", NULL };
static const char *const cron_weekdays[] = { "sun", "mon", "tue", "wed", "thu", "fri", "sat", NULL };

struct cron_field {
	const char *name;
	int low, high;
	const char *const *names;	/* from `low` on; NULL: numbers only */
	const char *allowed;
};

enum cron_place { CRON_MINUTE, CRON_HOUR, CRON_DAY, CRON_MONTH, CRON_WEEKDAY };

static const struct cron_field cron_fields[CRON_FIELDS] = {
	[CRON_MINUTE] = { "minute", 0, 59, NULL, "0-59" },
	[CRON_HOUR] = { "hour", 0, 23, NULL, "0-23" },
	[CRON_DAY] = { "day-of-month", 1, 31, NULL, "1-31" },
	[CRON_MONTH] = { "month", 1, 12, cron_months, "1-12 or jan-dec" },
	[CRON_WEEKDAY] = { "day-of-week", 0, CRON_WEEKDAY_MAX, cron_weekdays, "0-7 (0 and 7 are Sunday) or sun-sat" },
};

static const struct {
	const char *name, *fields;
} cron_nicknames[] = {
	{ "@yearly", "0 0 1 1 *" }, { "@annually", "0 0 1 1 *" }, { "@monthly", "0 0 1 * *" },
	{ "@weekly", "0 0 * * 0" }, { "@daily", "0 0 * * *" }, { "@midnight", "0 0 * * *" },
	{ "@hourly", "0 * * * *" },
};

#define CRON_NICKNAMES "@yearly (or @annually), @monthly, @weekly, @daily (or @midnight) or @hourly"

/* Where the reading is, and where complaints go. */
struct cron_text {
	const char *at, *end;	/* of the field */
	const char *begin;
	const struct cron_field *field;
	char *why;
	size_t why_size;
};

static int cron_shown(const char *text, size_t len)
{
	return (int)utf8_clip(text, len, CRON_SHOWN);
}

static __attribute__((format(printf, 2, 3)))
int cron_refuse(struct cron_text *t, const char *fmt, ...)
{
	size_t len = (size_t)(t->end - t->begin);
	char problem[160];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(problem, sizeof(problem), fmt, ap);
	va_end(ap);
	snprintf(t->why, t->why_size, "has a bad %s field, \"%.*s\": %s; allowed are *, values and ranges of %s, "
		 "steps behind * or a range, and lists of these", t->field->name, cron_shown(t->begin, len), t->begin,
		 problem, t->field->allowed);
	return -EINVAL;
}

static bool cron_take(struct cron_text *t, char c)
{
	if (t->at == t->end || *t->at != c)
		return false;
	t->at++;
	return true;
}

/* ---- a value ---- */

/* The end of what was meant as one value. */
static size_t cron_word_length(const struct cron_text *t)
{
	size_t len = 0;

	while (t->at + len < t->end && strchr(",-/*", t->at[len]) == NULL)
		len++;
	return len;
}

static int cron_number(const char *digits, size_t len)
{
	int value = 0;

	for (size_t i = 0; i < len; i++) {
		if (digits[i] < '0' || digits[i] > '9')
			return -1;
		if (value <= CRON_NUMBER_MAX)
			value = value * 10 + (digits[i] - '0');
	}
	return len > 0 ? value : -1;
}

static int cron_name(const struct cron_field *field, const char *word, size_t len)
{
	for (int i = 0; len == 3 && field->names != NULL && field->names[i] != NULL; i++)
		if (strncasecmp(field->names[i], word, len) == 0)
			return field->low + i;
	return -1;
}

static int cron_value(struct cron_text *t, int *value)
{
	size_t len = cron_word_length(t);
	const char *word = t->at;

	if (len == 0)
		return cron_refuse(t, "a value is missing %s", t->at == t->end ? "at its end" : "in it");
	*value = cron_number(word, len);
	if (*value < 0)
		*value = cron_name(t->field, word, len);
	if (*value < 0)
		return cron_refuse(t, "\"%.*s\" is no %s", cron_shown(word, len), word,
				   t->field->names != NULL ? "number and no name of three letters" : "number");
	if (*value < t->field->low || *value > t->field->high)
		return cron_refuse(t, "%.*s is not within %d-%d", cron_shown(word, len), word, t->field->low,
				   t->field->high);
	t->at += len;
	return 0;
}

/* ---- a list ---- */

/* A step, if there is one. */
static int cron_step(struct cron_text *t, int low, bool range, int *step)
{
	size_t len;

	*step = 1;
	if (!cron_take(t, '/'))
		return 0;
	len = cron_word_length(t);
	if (!range)
		return cron_refuse(t, "a step needs a range before it, such as %d-%d/%.*s", low, t->field->high,
				   len > 0 ? cron_shown(t->at, len) : 1, len > 0 ? t->at : "2");
	*step = cron_number(t->at, len);
	if (*step < 1)
		return cron_refuse(t, "its step must be a number, 1 or more");
	t->at += len;
	return 0;
}

static int cron_range(struct cron_text *t, int *low, int *high, bool *range)
{
	const char *from = t->at;

	*low = t->field->low;
	*high = t->field->high;
	*range = true;
	if (cron_take(t, '*'))
		return 0;
	if (cron_value(t, low) != 0)
		return -EINVAL;
	*high = *low;
	*range = cron_take(t, '-');
	if (!*range)
		return 0;
	if (cron_value(t, high) != 0)
		return -EINVAL;
	if (*high == 0 && *low > 0 && t->field->high == CRON_WEEKDAY_MAX)
		*high = CRON_WEEKDAY_MAX;	/* a week may end in Sunday */
	if (*high < *low)
		return cron_refuse(t, "the range %.*s runs backwards", cron_shown(from, (size_t)(t->at - from)), from);
	return 0;
}

static int cron_list(struct cron_text *t, uint64_t *bits)
{
	int low, high, step;
	bool range;

	*bits = 0;
	do {
		if (cron_range(t, &low, &high, &range) != 0 || cron_step(t, low, range, &step) != 0)
			return -EINVAL;
		for (int value = low; value <= high; value += step)
			*bits |= UINT64_C(1) << value;
	} while (cron_take(t, ','));
	if (t->at == t->end)
		return 0;
	return cron_refuse(t, "\"%.*s\" has no meaning there", cron_shown(t->at, (size_t)(t->end - t->at)), t->at);
}

/* ---- the whole ---- */

static const char cron_blank[] = " \t";

static unsigned cron_count_fields(const char *text)
{
	unsigned n = 0;

	for (text += strspn(text, cron_blank); *text != '\0'; text += strspn(text, cron_blank)) {
		text += strcspn(text, cron_blank);
		n++;
	}
	return n;
}

static int cron_parse_fields(const char *text, struct cron *out, char *why, size_t why_size)
{
	uint64_t bits[CRON_FIELDS];
	bool star[CRON_FIELDS];

	for (int i = 0; i < CRON_FIELDS; i++) {
		struct cron_text t = { .field = &cron_fields[i], .why = why, .why_size = why_size };

		t.begin = t.at = text + strspn(text, cron_blank);
		t.end = text = t.begin + strcspn(t.begin, cron_blank);
		star[i] = t.begin[0] == '*';
		if (cron_list(&t, &bits[i]) != 0)
			return -EINVAL;
	}
	*out = (struct cron){
		.minutes = bits[CRON_MINUTE],
		.hours = (uint32_t)bits[CRON_HOUR],
		.days = (uint32_t)bits[CRON_DAY],
		.months = (uint16_t)bits[CRON_MONTH],
		.weekdays = (uint8_t)((bits[CRON_WEEKDAY] | bits[CRON_WEEKDAY] >> CRON_WEEKDAY_MAX) & 0x7f),
		.either_day = !star[CRON_DAY] && !star[CRON_WEEKDAY],
		.wildcard = star[CRON_MINUTE] || star[CRON_HOUR],
	};
	return 0;
}

/* The fields that a nickname stands for; NULL if it is none. */
static const char *cron_nickname(const char *word, size_t len)
{
	for (size_t i = 0; i < sizeof(cron_nicknames) / sizeof(cron_nicknames[0]); i++)
		if (strlen(cron_nicknames[i].name) == len && strncasecmp(cron_nicknames[i].name, word, len) == 0)
			return cron_nicknames[i].fields;
	return NULL;
}

static int cron_parse_nickname(const char *text, struct cron *out, char *why, size_t why_size)
{
	const char *word = text + strspn(text, cron_blank);
	size_t len = strlen(word);
	const char *fields;

	while (len > 0 && strchr(cron_blank, word[len - 1]) != NULL)
		len--;
	fields = cron_nickname(word, len);
	if (fields != NULL)
		return cron_parse_fields(fields, out, why, why_size);
	if (len == strlen("@reboot") && strncasecmp(word, "@reboot", len) == 0)
		snprintf(why, why_size, "cannot be @reboot, for a schedule names times: it may be five fields, "
			 CRON_NICKNAMES);
	else
		snprintf(why, why_size, "cannot be \"%.*s\": it may be five fields, " CRON_NICKNAMES,
			 cron_shown(word, len), word);
	return -EINVAL;
}

int cron_parse(const char *text, struct cron *out, char *why, size_t why_size)
{
	unsigned n;

	if (text[strspn(text, cron_blank)] == '@')
		return cron_parse_nickname(text, out, why, why_size);
	n = cron_count_fields(text);
	if (n == CRON_FIELDS)
		return cron_parse_fields(text, out, why, why_size);
	snprintf(why, why_size, "must have five fields (minute, hour, day of month, month, day of week), not %u; or be "
		 CRON_NICKNAMES, n);
	return -EINVAL;
}
