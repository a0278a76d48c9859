#include "client/top_view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/cell.h"
#include "client/frame.h"
#include "client/times.h"
#include "proto/jobstate.h"
#include "proto/timefmt.h"

enum {
	TOP_NAME = 18,		/* columns of a queue's name, at least */
	TOP_LOW = 16,		/* a screen of fewer rows has one of figures each for the daemon and for the jobs */
	TOP_BAR = 10
};

struct top_column {
	const char *head, *member;
	int width;
};

static double top_number(json_t *object, const char *path)
{
	return json_number_value(cell_find(object, path));
}

static long long top_count(json_t *object, const char *path)
{
	return (long long)json_integer_value(cell_find(object, path));
}

static const char *top_text(json_t *object, const char *path)
{
	const char *text = json_string_value(cell_find(object, path));

	return text != NULL ? text : "";
}

/* ---- the figures ---- */

/* "name value", in the next row where this one has no room for it; on a low screen then not at all. */
static void top_item(struct frame *f, const char *name, const char *style, const char *value)
{
	int width = frame_width(name) + 1 + frame_width(value) + (f->column > 0 ? 2 : 0);

	if (width > frame_room(f) && f->height < TOP_LOW)
		return;
	if (width > frame_room(f) && f->column > 0)
		frame_next(f);
	frame_text(f, NULL, f->column > 0 ? "  " : "");
	frame_text(f, FRAME_DIM, name);
	frame_text(f, NULL, " ");
	frame_text(f, style, value);
}

static void top_title(struct frame *f, const struct top_data *data)
{
	char version[64], clock[TIMES_SIZE];
	int room;

	snprintf(version, sizeof(version), "jobd %s", top_text(data->status, "version"));
	times_show(clock, data->now);
	frame_text(f, FRAME_BOLD, version);
	frame_text(f, NULL, " ");
	room = frame_room(f) - (int)strlen(clock) - 1;
	if (room > 0)
		frame_field(f, NULL, data->address, room, false);
	frame_text(f, NULL, " ");
	frame_text(f, NULL, room > 0 ? clock : strchr(clock, ' ') + 1);
	frame_next(f);
}

static void top_jobs(struct frame *f, const struct top_data *data)
{
	json_t *counts = json_object_get(data->status, "counts"), *count;
	const char *state;
	char text[32];

	json_object_foreach(counts, state, count) {
		if (json_integer_value(count) == 0 && strcmp(state, "ready") != 0 && strcmp(state, "running") != 0)
			continue;
		snprintf(text, sizeof(text), "%lld", (long long)json_integer_value(count));
		top_item(f, state, cell_state_color(state), text);
	}
	if (data->ended >= 0) {
		snprintf(text, sizeof(text), "%.*f/s", data->ended < 10 ? 1 : 0, data->ended);
		top_item(f, "ended", NULL, text);
	}
	frame_next(f);
}

static void top_daemon(struct frame *f, const struct top_data *data)
{
	json_t *status = data->status;
	char text[TIMES_SIZE + 40];

	timefmt_write_span(text, (int64_t)top_number(status, "uptime") * 1000);
	top_item(f, "up", NULL, text);
	snprintf(text, sizeof(text), "%.1f ms (worst %.0f)", top_number(status, "loop.lag_ms"), top_number(status, "loop.lag_max_ms"));
	top_item(f, "lag", NULL, text);
	snprintf(text, sizeof(text), "%lld/%lld busy", top_count(status, "pool.busy"), top_count(status, "pool.processes"));
	top_item(f, "pool", NULL, text);
	snprintf(text, sizeof(text), "%lld/%lld", top_count(status, "io.running"), top_count(status, "io.limit"));
	top_item(f, "io", NULL, text);
	snprintf(text, sizeof(text), "%lld", top_count(status, "coroutines.alive"));
	top_item(f, "coroutines", NULL, text);
	snprintf(text, sizeof(text), "%lld", top_count(status, "connections.open"));
	top_item(f, "connections", NULL, text);
	snprintf(text, sizeof(text), "%.1f ms (worst %.0f)", top_number(status, "store.commit_ms"), top_number(status, "store.commit_max_ms"));
	top_item(f, "commit", NULL, text);
	frame_next(f);
}

/* What somebody should see at once. */
static void top_alarms(struct frame *f, const struct top_data *data)
{
	if (json_is_true(json_object_get(data->status, "draining"))) {
		frame_text(f, FRAME_YELLOW, "draining: nothing is started until `jobctl resume`");
		frame_next(f);
	}
	if (json_is_false(cell_find(data->status, "store.writable"))) {
		frame_text(f, FRAME_RED, "the store cannot be written: nothing is started or accepted");
		frame_next(f);
	}
	if (data->problem != NULL) {
		frame_text(f, FRAME_RED, data->problem);
		frame_next(f);
	}
}

int64_t top_view_ended(const json_t *status)
{
	json_t *counts = json_object_get(status, "counts"), *count;
	const char *state;
	int64_t ended = 0;

	json_object_foreach(counts, state, count)
		if (job_state_final(job_state_of(state)))
			ended += json_integer_value(count);
	return ended;
}

/* ---- queues ---- */

static const struct top_column top_queue_columns[] = {
	{ "READY", "counts.ready", 8 }, { "RUNNING", "counts.running", 8 }, { "SCHEDULED", "counts.scheduled", 10 },
	{ "BLOCKED", "counts.blocked", 8 }, { "HELD", "counts.held", 7 }, { "OLDEST", "oldest_ready_seconds", 8 },
	{ "WEIGHT", "weight", 7 }, { "LIMIT", "concurrency", 7 },
};

enum { TOP_QUEUE_COLUMNS = sizeof(top_queue_columns) / sizeof(top_queue_columns[0]) };

/* The busiest first, then by name. */
static int top_queue_order(const void *left, const void *right)
{
	json_t *a = *(json_t *const *)left, *b = *(json_t *const *)right;
	long long busy_a = top_count(a, "counts.running") + top_count(a, "counts.ready");
	long long busy_b = top_count(b, "counts.running") + top_count(b, "counts.ready");

	if (busy_a != busy_b)
		return busy_a > busy_b ? -1 : 1;
	return strcmp(top_text(a, "name"), top_text(b, "name"));
}

/* How many of the columns fit beside a name of a sensible width. */
static int top_queue_fit(int width, int *name)
{
	int n = 0, used = 0;

	while (n < TOP_QUEUE_COLUMNS && used + top_queue_columns[n].width + TOP_NAME <= width)
		used += top_queue_columns[n++].width;
	*name = width - used < 40 ? width - used : 40;
	return n;
}

static void top_queue(struct frame *f, json_t *queue, int columns, int name_width)
{
	bool paused = json_is_true(json_object_get(queue, "paused"));
	char text[TIMES_SIZE + 80];

	snprintf(text, sizeof(text), "%s%s", paused ? "paused: " : "", top_text(queue, "name"));
	frame_field(f, paused ? FRAME_YELLOW : NULL, text, name_width, false);
	for (int i = 0; i < columns; i++) {
		json_t *value = cell_find(queue, top_queue_columns[i].member);

		text[0] = '\0';
		if (value != NULL && strcmp(top_queue_columns[i].head, "OLDEST") == 0)
			timefmt_write_span(text, (int64_t)json_number_value(value) * 1000);
		else if (value != NULL)
			snprintf(text, sizeof(text), "%lld", (long long)json_integer_value(value));
		frame_field(f, NULL, text, top_queue_columns[i].width, true);
	}
	frame_next(f);
}

static void top_queues(struct frame *f, json_t *queues, int rows)
{
	size_t n = json_array_size(queues);
	json_t **order = calloc(n > 0 ? n : 1, sizeof(json_t *));
	int name_width, columns = top_queue_fit(f->width, &name_width);
	char head[64] = "QUEUE";

	if ((size_t)rows < n)
		snprintf(head, sizeof(head), "QUEUE, %d of %zu", rows, n);
	frame_field(f, FRAME_REVERSE, head, name_width, false);
	for (int i = 0; i < columns; i++)
		frame_field(f, FRAME_REVERSE, top_queue_columns[i].head, top_queue_columns[i].width, true);
	frame_field(f, FRAME_REVERSE, "", frame_room(f), false);
	frame_next(f);
	for (size_t i = 0; order != NULL && i < n; i++)
		order[i] = json_array_get(queues, i);
	if (order != NULL)
		qsort(order, n, sizeof(json_t *), top_queue_order);
	for (size_t i = 0; order != NULL && i < n && (int)i < rows; i++)
		top_queue(f, order[i], columns, name_width);
	free(order);
}

/* ---- running jobs ---- */

enum { TOP_ID = 9, TOP_TYPE = 10, TOP_QUEUE = 16, TOP_ATTEMPT = 4, TOP_TIME = 9, TOP_WIDE = 72 };

/* "[####      ]  42 % message", as far as it goes. */
static void top_progress(struct frame *f, json_t *job)
{
	const json_t *fraction = cell_find(job, "progress.fraction");
	double done = json_number_value(fraction);
	char bar[TOP_BAR + 1];

	if (fraction != NULL) {
		done = done < 0 ? 0 : done > 1 ? 1 : done;
		memset(bar, ' ', TOP_BAR);
		memset(bar, '#', (size_t)(done * TOP_BAR));
		bar[TOP_BAR] = '\0';
		if (frame_room(f) >= TOP_BAR + 8)
			frame_printf(f, NULL, "[%s] ", bar);
		frame_printf(f, NULL, "%3.0f %% ", done * 100);
	}
	frame_text(f, NULL, top_text(job, "progress.message"));
}

static void top_job(struct frame *f, json_t *job, wall_ms now)
{
	char id[24], span[TIMES_SIZE] = "", attempt[24];
	wall_ms started;

	snprintf(id, sizeof(id), "%lld", top_count(job, "id"));
	snprintf(attempt, sizeof(attempt), "%lld", top_count(job, "attempt"));
	if (timefmt_read(top_text(job, "started_at"), &started) == 0)
		timefmt_write_span(span, now > started ? (now - started) / 1000 * 1000 : 0);
	frame_field(f, NULL, id, TOP_ID - 1, true);
	frame_text(f, NULL, " ");
	frame_field(f, NULL, top_text(job, "type"), TOP_TYPE, false);
	if (f->width >= TOP_WIDE) {
		frame_text(f, NULL, " ");
		frame_field(f, NULL, top_text(job, "queue"), TOP_QUEUE, false);
		frame_field(f, NULL, attempt, TOP_ATTEMPT, true);
	}
	frame_field(f, NULL, span, TOP_TIME, true);
	frame_text(f, NULL, "  ");
	top_progress(f, job);
	frame_next(f);
}

static void top_running(struct frame *f, const struct top_data *data)
{
	long long all = top_count(data->status, "counts.running");
	size_t n = json_array_size(data->running);
	char head[160];

	if (f->width >= TOP_WIDE)
		snprintf(head, sizeof(head), "%*s %-*s %-*s%*s%*s  PROGRESS", TOP_ID - 1, "ID", TOP_TYPE, "TYPE", TOP_QUEUE, "QUEUE",
			 TOP_ATTEMPT, "ATT", TOP_TIME, "TIME");
	else
		snprintf(head, sizeof(head), "%*s %-*s%*s  PROGRESS", TOP_ID - 1, "ID", TOP_TYPE, "TYPE", TOP_TIME, "TIME");
	frame_field(f, FRAME_REVERSE, head, f->width, false);
	frame_next(f);
	for (size_t i = 0; i < n && frame_rows(f) > 0; i++) {
		if (frame_rows(f) == 1 && all - (long long)i > 1) {
			frame_printf(f, FRAME_DIM, "and %lld more", all - (long long)i);
			frame_next(f);
			return;
		}
		top_job(f, json_array_get(data->running, i), data->now);
	}
}

/* ---- all of it ---- */

/* The rows of the queues: what they need, unless the running jobs need it as well. */
static int top_share(const struct frame *f, const struct top_data *data)
{
	int free_rows = frame_rows(f) - 3;	/* two heads, and a line between */
	int queues = (int)json_array_size(data->queues), running = (int)json_array_size(data->running);
	int fair = free_rows > 2 ? free_rows / 2 : 1;

	if (queues + running <= free_rows || queues <= fair)
		return queues;
	return free_rows - running > fair ? free_rows - running : fair;
}

void top_view(struct frame *f, const struct top_data *data)
{
	top_title(f, data);
	top_daemon(f, data);
	top_jobs(f, data);
	top_alarms(f, data);
	frame_next(f);
	top_queues(f, data->queues, top_share(f, data));
	frame_next(f);
	top_running(f, data);
}
