/* What the rows of option tables do with their values. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "client/ctl.h"
#include "client/options.h"
#include "client/times.h"
#include "proto/jtext.h"
#include "proto/timefmt.h"

/* ---- into a struct ---- */

int opt_flag(const struct opt *opt, const char *value, void *into)
{
	(void)value;
	*(bool *)(void *)((char *)into + opt->at) = true;
	return 0;
}

int opt_text(const struct opt *opt, const char *value, void *into)
{
	*(const char **)(void *)((char *)into + opt->at) = value;
	return 0;
}

static int opt_read_int(const struct opt *opt, const char *value, int64_t min, int64_t *number)
{
	char *end;

	errno = 0;
	*number = strtoll(value, &end, 10);
	if (errno == 0 && end != value && *end == '\0' && *number >= min && strchr("-0123456789", value[0]) != NULL)
		return 0;
	ctl_error("--%s: it is a whole number%s, not \"%s\"", opt->name, min == 0 ? " that is not negative" : "", value);
	return -1;
}

int opt_number(const struct opt *opt, const char *value, void *into)
{
	return opt_read_int(opt, value, 0, (int64_t *)(void *)((char *)into + opt->at));
}

static int opt_read_span(const struct opt *opt, const char *value, int64_t *ms)
{
	int rc = timefmt_read_span(value, ms);

	if (rc == -ERANGE)
		ctl_error("--%s: \"%s\" is too long a duration", opt->name, value);
	else if (rc < 0)
		ctl_error("--%s: it is a duration such as 90, 0.5, 250ms, 10m or 1h30m, not \"%s\"", opt->name, value);
	return rc;
}

int opt_span(const struct opt *opt, const char *value, void *into)
{
	return value == NULL ? 0 : opt_read_span(opt, value, (int64_t *)(void *)((char *)into + opt->at));
}

/* ---- into a JSON object ---- */

/* The object that holds the member of that path, made if need be; *name is the path's last part. */
static json_t *opt_holder(json_t *object, const char *path, const char **name)
{
	const char *dot = strchr(path, '.');
	json_t *inner;

	*name = path;
	if (dot == NULL)
		return object;
	inner = json_object_getn(object, path, (size_t)(dot - path));
	if (inner == NULL) {
		inner = json_object();
		if (json_object_setn_new(object, path, (size_t)(dot - path), inner) < 0)
			return NULL;
	}
	return opt_holder(inner, dot + 1, name);
}

static int opt_put(const struct opt *opt, json_t *into, json_t *value)
{
	const char *name;
	json_t *holder = opt_holder(into, opt->member, &name);

	if (holder != NULL && json_object_set_new(holder, name, value) == 0)
		return 0;
	if (holder == NULL)
		json_decref(value);
	ctl_error("out of memory");
	return -1;
}

int opt_json_true(const struct opt *opt, const char *value, void *into)
{
	(void)value;
	return opt_put(opt, into, json_true());
}

/* Command lines are bytes; JSON is UTF-8. */
static int opt_check_text(const struct opt *opt, const char *value)
{
	if (jtext_utf8(value, strlen(value)))
		return 0;
	ctl_error("--%s: the value is not UTF-8", opt->name);
	return -1;
}

int opt_json_text(const struct opt *opt, const char *value, void *into)
{
	return opt_check_text(opt, value) < 0 ? -1 : opt_put(opt, into, json_string(value));
}

int opt_json_int(const struct opt *opt, const char *value, void *into)
{
	int64_t number;

	return opt_read_int(opt, value, INT64_MIN, &number) < 0 ? -1 : opt_put(opt, into, json_integer(number));
}

int opt_json_real(const struct opt *opt, const char *value, void *into)
{
	char *end;
	double number = strtod(value, &end);
	json_t *real = end != value && *end == '\0' ? json_real(number) : NULL;

	if (real != NULL)
		return opt_put(opt, into, real);
	ctl_error("--%s: it is a number, not \"%s\"", opt->name, value);
	return -1;
}

int opt_json_span(const struct opt *opt, const char *value, void *into)
{
	int64_t ms;

	if (opt_read_span(opt, value, &ms) < 0)
		return -1;
	return opt_put(opt, into, times_seconds(ms));
}

int opt_json_time(const struct opt *opt, const char *value, void *into)
{
	char text[TIMEFMT_SIZE], why[160];
	int64_t ms;

	if (times_read(value, &ms, why, sizeof(why)) < 0) {
		ctl_error("--%s: %s", opt->name, why);
		return -1;
	}
	if (times_is_clock(value) && ms < clock_wall()) {
		ctl_error("--%s: %s has passed today; a later day is said as 2026-12-01T%s, at once as now", opt->name, value, value);
		return -1;
	}
	timefmt_write(text, ms);
	return opt_put(opt, into, json_string(text));
}

int opt_json_value(const struct opt *opt, const char *value, void *into)
{
	char why[200];
	json_t *json = jtext_parse(value, strlen(value), why, sizeof(why));

	if (json != NULL)
		return opt_put(opt, into, json);
	ctl_error("--%s: the value is not JSON: %s", opt->name, why);
	return -1;
}

/* The array or object at the member's path, made if need be; NULL: out of memory. */
static json_t *opt_container(const struct opt *opt, json_t *into, json_t *(*make)(void))
{
	const char *name;
	json_t *holder = opt_holder(into, opt->member, &name), *container = json_object_get(holder, name);

	if (container == NULL && holder != NULL && json_object_set_new(holder, name, make()) == 0)
		container = json_object_get(holder, name);
	return container;
}

int opt_json_pair(const struct opt *opt, const char *value, void *into)
{
	const char *equals = strchr(value, '=');
	json_t *object;

	if (equals == NULL || equals == value) {
		ctl_error("--%s: it is %s, not \"%s\"", opt->name, opt->value, value);
		return -1;
	}
	if (opt_check_text(opt, value) < 0)
		return -1;
	object = opt_container(opt, into, json_object);
	if (json_object_getn(object, value, (size_t)(equals - value)) != NULL) {
		ctl_error("--%s: \"%.*s\" is given twice", opt->name, (int)(equals - value), value);
		return -1;
	}
	if (json_object_setn_new(object, value, (size_t)(equals - value), json_string(equals + 1)) == 0)
		return 0;
	ctl_error("out of memory");
	return -1;
}

/* Adds each part of "a,b" to the member's array, as what `part` makes of it (NULL: it is wrong, which was said). 0; or -1, said. */
static int opt_list(const struct opt *opt, const char *value, json_t *into, json_t *(*part)(const struct opt *opt, const char *text, size_t len))
{
	json_t *array = opt_container(opt, into, json_array), *item;

	for (size_t len = strcspn(value, ",");; len = strcspn(value, ",")) {
		if (len == 0) {
			ctl_error("--%s: it is %s, without an empty one", opt->name, opt->value);
			return -1;
		}
		item = part(opt, value, len);
		if (item == NULL)
			return -1;
		if (json_array_append_new(array, item) < 0) {
			ctl_error("out of memory");
			return -1;
		}
		if (value[len] == '\0')
			return 0;
		value += len + 1;
	}
}

static json_t *opt_part_name(const struct opt *opt, const char *text, size_t len)
{
	json_t *name = json_stringn(text, len);

	(void)opt;
	if (name == NULL)
		ctl_error("out of memory");
	return name;
}

static json_t *opt_part_id(const struct opt *opt, const char *text, size_t len)
{
	char digits[24];
	int64_t id;

	snprintf(digits, sizeof(digits), "%.*s", (int)len, text);
	if (len >= sizeof(digits) || strspn(digits, "0123456789") != len || opt_read_int(opt, digits, 0, &id) < 0 || id == 0) {
		ctl_error("--%s: a job's id is a positive number, not \"%.*s\"", opt->name, (int)len, text);
		return NULL;
	}
	return json_integer(id);
}

int opt_json_names(const struct opt *opt, const char *value, void *into)
{
	return opt_check_text(opt, value) < 0 ? -1 : opt_list(opt, value, into, opt_part_name);
}

int opt_json_ids(const struct opt *opt, const char *value, void *into)
{
	return opt_list(opt, value, into, opt_part_id);
}

/* A key may have an "=" of its own: the last one counts. */
int opt_json_limit(const struct opt *opt, const char *value, void *into)
{
	const char *equals = strrchr(value, '=');
	json_t *pair = NULL;
	int64_t limit;

	if (json_object_get(into, opt->member) != NULL) {
		ctl_error("--%s: a job has one key at most", opt->name);
		return -1;
	}
	if (equals == NULL || equals == value) {
		ctl_error("--%s: it is %s, not \"%s\"", opt->name, opt->value, value);
		return -1;
	}
	if (opt_check_text(opt, value) < 0 || opt_read_int(opt, equals + 1, 0, &limit) < 0)
		return -1;
	pair = json_pack("{s:s%, s:I}", "key", value, (size_t)(equals - value), "limit", (json_int_t)limit);
	return opt_put(opt, into, pair);
}
