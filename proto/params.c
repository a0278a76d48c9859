#include "proto/params.h"

#include <assert.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "proto/placeholder.h"
#include "proto/timefmt.h"
#include "proto/utf8.h"

enum { PARAMS_NAME_SHOWN = 64 };	/* bytes of a name or word from outside that a message repeats */

#define PARAMS_2_63 9223372036854775808.0

void params_init(struct params *p, json_t *object, const char *path, struct rpc_error *error)
{
	p->object = object;
	p->path = path;
	p->error = error;
	p->asked_len = 0;
	p->open = false;
}

void params_init_inner(struct params *p, json_t *object, struct params *outer, const char *name, char *path, size_t size)
{
	snprintf(path, size, "%s%s.", outer->path, name);
	params_init(p, object, path, outer->error);
	p->open = outer->open;
}

/* ---- complaints ---- */

static __attribute__((format(printf, 3, 0)))
void params_blame(struct params *p, const char *name, const char *fmt, va_list ap)
{
	char field[sizeof(p->error->field) + 8], message[sizeof(p->error->message)];
	const char *shown = name[0] != '\0' ? name : "\"\"";

	vsnprintf(message, sizeof(message), fmt, ap);
	snprintf(field, sizeof(field), "%s%s", p->path, shown);
	rpc_error_set(p->error, RPC_INVALID_PARAMS, field, "\"%s%.*s\" %s", p->path,
		      (int)utf8_clip(name, strlen(name), PARAMS_NAME_SHOWN), name, message);
}

int params_refuse(struct params *p, const char *name, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	params_blame(p, name, fmt, ap);
	va_end(ap);
	return -1;
}

static const char *params_type_name(const json_t *value)
{
	static const char *const names[] = {
		[JSON_OBJECT] = "an object", [JSON_ARRAY] = "an array", [JSON_STRING] = "a string",
		[JSON_INTEGER] = "a number", [JSON_REAL] = "a number", [JSON_TRUE] = "true",
		[JSON_FALSE] = "false", [JSON_NULL] = "null",
	};

	return names[json_typeof(value)];
}

static void params_refuse_type(struct params *p, const char *name, const char *allowed, const json_t *value)
{
	params_refuse(p, name, "must be %s, not %s", allowed, params_type_name(value));
}

/* ---- finding a member ---- */

bool params_value_later(const struct params *p, const json_t *value)
{
	return p->open && placeholder_is_result(value);
}

bool params_later(const struct params *p, const char *name)
{
	return p->open && params_value_later(p, json_object_get(p->object, name));
}

/* The member; NULL if absent, if it comes later, or if something was wrong before. */
static json_t *params_find(struct params *p, const char *name)
{
	if (p->error->kind != RPC_OK)
		return NULL;
	assert(p->asked_len < PARAMS_ASKED_MAX);
	p->asked[p->asked_len++] = name;
	return params_later(p, name) ? NULL : json_object_get(p->object, name);
}

static json_t *params_need(struct params *p, const char *name, const char *allowed)
{
	json_t *value = params_find(p, name);

	if (value == NULL && p->error->kind == RPC_OK && !params_later(p, name))
		params_refuse(p, name, "is missing: it must be %s", allowed);
	return value;
}

bool params_has(struct params *p, const char *name)
{
	return params_find(p, name) != NULL || params_later(p, name);
}

/* ---- strings ---- */

static const char *params_text(struct params *p, const char *name, json_t *value, const char *absent)
{
	if (value == NULL)
		return absent;
	if (!json_is_string(value)) {
		params_refuse_type(p, name, "a string", value);
		return absent;
	}
	if (strlen(json_string_value(value)) != json_string_length(value)) {
		params_refuse(p, name, "must be a string without a NUL (\\u0000) in it");
		return absent;
	}
	return json_string_value(value);
}

const char *params_need_string(struct params *p, const char *name)
{
	return params_text(p, name, params_need(p, name, "a string"), "");
}

const char *params_string(struct params *p, const char *name, const char *absent)
{
	return params_text(p, name, params_find(p, name), absent);
}

const char *params_bytes(struct params *p, const char *name, size_t *len)
{
	json_t *value = params_find(p, name);

	*len = 0;
	if (value == NULL)
		return NULL;
	if (!json_is_string(value)) {
		params_refuse_type(p, name, "a string", value);
		return NULL;
	}
	*len = json_string_length(value);
	return json_string_value(value);
}

/* "a", "b" or "c" */
static void params_list_words(char *out, size_t size, const char *const *words)
{
	size_t n = 0;

	for (size_t i = 0; words[i] != NULL && n < size; i++) {
		const char *between = i == 0 ? "" : words[i + 1] == NULL ? " or " : ", ";

		n += (size_t)snprintf(out + n, size - n, "%s\"%s\"", between, words[i]);
	}
}

int params_word(struct params *p, const char *name, int absent, const char *const *words)
{
	json_t *value = params_find(p, name);
	const char *text = json_string_value(value);
	char allowed[160];
	size_t len = json_string_length(value);

	if (value == NULL)
		return absent;
	for (int i = 0; text != NULL && words[i] != NULL; i++)
		if (strlen(words[i]) == len && memcmp(words[i], text, len) == 0)
			return i;
	params_list_words(allowed, sizeof(allowed), words);
	if (text == NULL)
		params_refuse_type(p, name, allowed, value);
	else
		params_refuse(p, name, "must be %s, not \"%.*s\"", allowed,
			      (int)utf8_clip(text, len, PARAMS_NAME_SHOWN), text);
	return absent;
}

/* ---- numbers ---- */

bool params_whole(const json_t *value, int64_t *out)
{
	double real = json_real_value(value);

	if (json_is_integer(value)) {
		*out = json_integer_value(value);
		return true;
	}
	if (!json_is_real(value) || real != trunc(real) || real < -PARAMS_2_63 || real >= PARAMS_2_63)
		return false;
	*out = (int64_t)real;
	return true;
}

static void params_refuse_int(struct params *p, const char *name, int64_t min, int64_t max, const json_t *value)
{
	char allowed[80];

	if (max == INT64_MAX)
		snprintf(allowed, sizeof(allowed), "an integer, at least %lld", (long long)min);
	else
		snprintf(allowed, sizeof(allowed), "an integer from %lld to %lld", (long long)min, (long long)max);
	if (value == NULL)
		params_refuse(p, name, "is missing: it must be %s", allowed);
	else if (json_is_integer(value))
		params_refuse(p, name, "must be %s, not %lld", allowed, (long long)json_integer_value(value));
	else if (json_is_real(value))
		params_refuse(p, name, "must be %s, not %.15g", allowed, json_real_value(value));
	else
		params_refuse_type(p, name, allowed, value);
}

/* absent NULL: the member is required. */
static int64_t params_integer(struct params *p, const char *name, const int64_t *absent, int64_t min, int64_t max)
{
	json_t *value = params_find(p, name);
	int64_t n;

	if (value != NULL && params_whole(value, &n) && n >= min && n <= max)
		return n;
	if (p->error->kind == RPC_OK && (value != NULL || absent == NULL) && !params_later(p, name))
		params_refuse_int(p, name, min, max, value);
	return absent != NULL ? *absent : 0;
}

int64_t params_need_int(struct params *p, const char *name, int64_t min, int64_t max)
{
	return params_integer(p, name, NULL, min, max);
}

int64_t params_id(struct params *p, const char *name)
{
	return params_integer(p, name, NULL, 1, INT64_MAX);
}

int64_t params_int(struct params *p, const char *name, int64_t absent, int64_t min, int64_t max)
{
	return params_integer(p, name, &absent, min, max);
}

double params_real(struct params *p, const char *name, double absent, double min, double max)
{
	json_t *value = params_find(p, name);
	char allowed[80];
	double real = json_number_value(value);

	if (value == NULL)
		return absent;
	if (json_is_number(value) && real >= min && real <= max)
		return real;
	snprintf(allowed, sizeof(allowed), "a number from %.15g to %.15g", min, max);
	if (json_is_number(value))
		params_refuse(p, name, "must be %s, not %.15g", allowed, real);
	else
		params_refuse_type(p, name, allowed, value);
	return absent;
}

bool params_bool(struct params *p, const char *name, bool absent)
{
	json_t *value = params_find(p, name);

	if (value == NULL)
		return absent;
	if (!json_is_boolean(value)) {
		params_refuse_type(p, name, "true or false", value);
		return absent;
	}
	return json_is_true(value);
}

/* ---- times ---- */

/*
 * Milliseconds of so many seconds, rounded up. What decimal fractions lack as
 * binary ones is made good first: 0.07 s are 70 ms, not 71.
 */
static double params_span_ms(double seconds)
{
	double ms = seconds * 1000, near = nearbyint(ms);

	if (near > 0 && fabs(ms - near) <= near * 1e-9)
		return near;
	return ceil(ms);
}

int64_t params_span(struct params *p, const char *name, int64_t absent_ms, int64_t min_ms, int64_t max_ms)
{
	json_t *value = params_find(p, name);
	double ms = params_span_ms(json_number_value(value));
	char allowed[80];

	if (value == NULL)
		return absent_ms;
	if (json_is_number(value) && ms >= (double)min_ms && ms >= 0 && ms <= (double)max_ms && ms < PARAMS_2_63)
		return (int64_t)ms;
	if (max_ms == INT64_MAX)
		snprintf(allowed, sizeof(allowed), "seconds, a number of at least %.15g", (double)min_ms / 1000);
	else
		snprintf(allowed, sizeof(allowed), "seconds, a number from %.15g to %.15g", (double)min_ms / 1000,
			 (double)max_ms / 1000);
	if (json_is_number(value))
		params_refuse(p, name, "must be %s, not %.15g", allowed, json_number_value(value));
	else
		params_refuse_type(p, name, allowed, value);
	return absent_ms;
}

/* RFC 3339 text or Unix seconds → ms; false if it is neither. */
static bool params_time_ms(const json_t *value, int64_t *ms)
{
	const char *text = json_string_value(value);
	double number;

	if (text != NULL)
		return strlen(text) == json_string_length(value) && timefmt_read(text, ms) == 0;
	number = json_number_value(value) * 1000;
	if (!json_is_number(value) || fabs(number) > (double)TIMEFMT_LAST_MS)
		return false;
	*ms = (int64_t)nearbyint(number);
	return true;
}

int64_t params_time(struct params *p, const char *name)
{
	json_t *value = params_find(p, name);
	int64_t ms = 0;

	if (value == NULL)
		return 0;
	if (!params_time_ms(value, &ms) || ms < 0 || ms > TIMEFMT_LAST_MS) {
		params_refuse(p, name, "must be a time of the years 1970 to 9999: RFC 3339 (2026-11-20T18:00:00Z) "
			      "or Unix seconds as a number");
		return 0;
	}
	return ms > 0 ? ms : 1;		/* 0 says "absent" */
}

/* ---- lists ---- */

static bool params_plain(const json_t *value)
{
	return json_is_string(value) && strlen(json_string_value(value)) == json_string_length(value);
}

int params_strings(struct params *p, const char *name, bool or_one, const char **out, size_t max)
{
	json_t *value = params_find(p, name);
	size_t n = json_is_array(value) ? json_array_size(value) : 1;

	if (value == NULL)
		return -1;
	if (n > max)
		return params_refuse(p, name, "may have at most %zu elements", max);
	for (size_t i = 0; i < n; i++) {
		json_t *one = json_is_array(value) ? json_array_get(value, i) : value;

		if (!params_plain(one) || (one == value && !or_one))
			return params_refuse(p, name, "must be %san array of strings, without a NUL (\\u0000) in them",
					     or_one ? "a string or " : "");
		out[i] = json_string_value(one);
	}
	return (int)n;
}

int params_ids(struct params *p, const char *name, int64_t *out, size_t max)
{
	json_t *value = params_find(p, name);

	if (value == NULL)
		return -1;
	if (!json_is_array(value) || json_array_size(value) > max)
		return params_refuse(p, name, "must be an array of at most %zu job ids", max);
	for (size_t i = 0; i < json_array_size(value); i++)
		if (!params_whole(json_array_get(value, i), &out[i]) || out[i] < 1)
			return params_refuse(p, name, "must hold job ids: positive integers");
	return (int)json_array_size(value);
}

/* ---- nested values ---- */

json_t *params_any(struct params *p, const char *name)
{
	return params_find(p, name);
}

static json_t *params_if_object(struct params *p, const char *name, json_t *value)
{
	if (value == NULL || json_is_object(value))
		return value;
	params_refuse_type(p, name, "an object", value);
	return NULL;
}

json_t *params_object(struct params *p, const char *name)
{
	return params_if_object(p, name, params_find(p, name));
}

json_t *params_need_object(struct params *p, const char *name)
{
	return params_if_object(p, name, params_need(p, name, "an object"));
}

json_t *params_array(struct params *p, const char *name, size_t max)
{
	json_t *value = params_find(p, name);

	if (value == NULL)
		return NULL;
	if (!json_is_array(value)) {
		params_refuse_type(p, name, "an array", value);
		return NULL;
	}
	if (json_array_size(value) > max) {
		params_refuse(p, name, "may have at most %zu elements, not %zu", max, json_array_size(value));
		return NULL;
	}
	return value;
}

/* ---- the end ---- */

static bool params_was_asked(const struct params *p, const char *name, size_t among)
{
	for (size_t i = 0; i < among; i++)
		if (strcmp(p->asked[i], name) == 0)
			return true;
	return false;
}

static void params_refuse_unknown(struct params *p, const char *name)
{
	char allowed[256] = "";
	size_t n = 0;

	for (size_t i = 0; i < p->asked_len && n < sizeof(allowed); i++)
		if (!params_was_asked(p, p->asked[i], i))
			n += (size_t)snprintf(allowed + n, sizeof(allowed) - n, "%s%s", n > 0 ? ", " : "", p->asked[i]);
	if (n > 0)
		params_refuse(p, name, "is not a member here; allowed are: %s", allowed);
	else
		params_refuse(p, name, "is not a member here; none is allowed");
}

int params_done(struct params *p)
{
	const char *name;
	json_t *value;

	if (p->error->kind != RPC_OK)
		return -1;
	json_object_foreach(p->object, name, value) {
		if (!params_was_asked(p, name, p->asked_len)) {
			params_refuse_unknown(p, name);
			return -1;
		}
	}
	return 0;
}
