#include "client/cell.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "client/times.h"
#include "proto/jobstate.h"
#include "proto/jtext.h"
#include "proto/timefmt.h"

json_t *cell_find(json_t *record, const char *path)
{
	for (;;) {
		size_t len = strcspn(path, ".");

		record = json_object_getn(record, path, len);
		if (record == NULL || path[len] == '\0')
			return record;
		path += len + 1;
	}
}

static bool cell_ends(const char *name, const char *end)
{
	size_t n = strlen(name), m = strlen(end);

	return n >= m && strcmp(name + n - m, end) == 0;
}

static void cell_put_error(struct buf *out, const json_t *error)
{
	const char *reason = json_string_value(json_object_get(error, "reason"));
	const char *message = json_string_value(json_object_get(error, "message"));

	buf_printf(out, "%s%s%s", reason != NULL ? reason : "", reason != NULL && message != NULL ? ": " : "",
		   message != NULL ? message : "");
}

static void cell_put_bytes(struct buf *out, double bytes)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };
	size_t unit = 0;

	for (; bytes >= 1024 && unit < 4; unit++)
		bytes /= 1024;
	buf_printf(out, unit == 0 ? "%.0f %s" : "%.1f %s", bytes, units[unit]);
}

static bool cell_put_time(struct buf *out, const char *text)
{
	char shown[TIMES_SIZE];
	int64_t ms;

	if (text == NULL || timefmt_read(text, &ms) < 0)
		return false;
	times_show(shown, ms);
	buf_puts(out, shown);
	return true;
}

static void cell_put_span(struct buf *out, double seconds)
{
	char shown[TIMES_SIZE];

	timefmt_write_span(shown, (int64_t)(seconds * 1000));
	buf_puts(out, shown);
}

/* "5/m, burst 2": by the unit in which it is no fraction. */
static bool cell_put_rate(struct buf *out, const json_t *rate)
{
	static const struct {
		const char *name;
		double seconds;
	} units[] = { { "s", 1 }, { "m", 60 }, { "h", 3600 }, { "d", 86400 } };
	double per_second = json_number_value(json_object_get(rate, "per_second"));
	size_t unit = 0;

	while (unit < 3 && per_second * units[unit].seconds < 1)
		unit++;
	buf_printf(out, "%.6g/%s, burst %.6g", per_second * units[unit].seconds, units[unit].name,
		   json_number_value(json_object_get(rate, "burst")));
	return true;
}

/* "2 ready, 1 running": what there is any of. */
static bool cell_put_counts(struct buf *out, json_t *counts)
{
	const char *state, *between = "";
	json_t *count;

	json_object_foreach(counts, state, count) {
		if (json_integer_value(count) == 0)
			continue;
		buf_printf(out, "%s%lld %s", between, (long long)json_integer_value(count), state);
		between = ", ";
	}
	if (*between == '\0')
		buf_puts(out, "no jobs");
	return true;
}

/* What is easier to read than what the wire has. False: nothing is. */
static bool cell_put_people(struct buf *out, const char *name, const json_t *value)
{
	if (cell_ends(name, "_at") || strcmp(name, "scheduled_for") == 0 || strcmp(name, "at") == 0 || strcmp(name, "next") == 0 || strcmp(name, "now") == 0)
		return cell_put_time(out, json_string_value(value));
	if (strcmp(name, "rate") == 0 && json_is_object(value))
		return cell_put_rate(out, value);
	if (strcmp(name, "counts") == 0 && json_is_object(value))
		return cell_put_counts(out, (json_t *)(uintptr_t)value);
	if (!json_is_number(value))
		return false;
	if (cell_ends(name, "_bytes"))
		cell_put_bytes(out, json_number_value(value));
	else if (strcmp(name, "timeout") == 0 || strcmp(name, "uptime") == 0 || strcmp(name, "every") == 0 || strcmp(name, "jitter") == 0 ||
		 cell_ends(name, "_seconds"))
		cell_put_span(out, json_number_value(value));
	else
		return false;
	return true;
}

void cell_put(struct buf *out, const char *name, const json_t *value, bool people)
{
	if (value == NULL || json_is_null(value) || (people && cell_put_people(out, name, value)))
		return;
	if (json_is_string(value))
		buf_put(out, json_string_value(value), json_string_length(value));
	else if (strcmp(name, "error") == 0 && json_is_object(value))
		cell_put_error(out, value);
	else
		jtext_put(out, value);
}

bool cell_numeric(const char *name)
{
	static const char *const numbers[] = { "id", "attempt", "max_attempts", "priority", "weight", "total", "count", "matched", "done", "concurrency", "max_ready", "last_job" };

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		if (strcmp(numbers[i], name) == 0)
			return true;
	return job_state_of(name) != JOB_NONE || cell_ends(name, "_bytes") || cell_ends(name, "_seconds");
}

#define RED "\033[31m"
#define GREEN "\033[32m"
#define YELLOW "\033[33m"
#define BLUE "\033[34m"
#define MAGENTA "\033[35m"
#define CYAN "\033[36m"

const char *cell_state_color(const char *state)
{
	static const char *const colors[JOB_STATES] = {
		[JOB_HELD] = MAGENTA, [JOB_BLOCKED] = MAGENTA, [JOB_SCHEDULED] = CYAN, [JOB_RUNNING] = BLUE,
		[JOB_SUCCEEDED] = GREEN, [JOB_FAILED] = RED, [JOB_CANCELLED] = YELLOW, [JOB_EXPIRED] = YELLOW,
	};

	return colors[job_state_of(state)];
}

const char *cell_color(const char *name, const json_t *value)
{
	return strcmp(name, "state") == 0 && json_is_string(value) ? cell_state_color(json_string_value(value)) : NULL;
}
