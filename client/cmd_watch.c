/* watch: what happens, as it happens. */
#include <stddef.h>
#include <string.h>

#include "client/cmd.h"
#include "client/ids.h"
#include "client/interrupt.h"
#include "client/job_options.h"
#include "client/table.h"

/* The paths of an event's members, as the lines show them. */
static const char *const watch_columns[] = { "at", "id", "type", "queue", "state", "attempt", "error", NULL };

/* Wider than their heads, which is what makes libsmartcols keep to them. */
static const int watch_widths[] = { 19, 7, 10, 12, 10, 8, 10 };

static const struct opt watch_options[] = {
	{ 'Q', "queue", "NAME,...", "only jobs of these queues", opt_json_names, 0, "queues", NULL },
	{ 's', "state", "STATE,...", "only changes to these states", opt_json_names, 0, "states", NULL },
	{ 0, "type", "TYPE,...", "only jobs of these types", opt_json_names, 0, "types", NULL },
	{ 0, NULL, NULL, NULL, NULL, 0, NULL, NULL }
};

/* ---- showing ---- */

/* The event's members and its job's on one level, for a row. */
static json_t *watch_row(json_t *event)
{
	json_t *row = json_copy(json_object_get(event, "job")), *progress = json_object_get(event, "progress");

	if (row == NULL)
		return NULL;
	json_object_set(row, "at", json_object_get(event, "at"));
	if (json_object_get(event, "error") != NULL)
		json_object_set(row, "error", json_object_get(event, "error"));
	else if (progress != NULL)
		json_object_set(row, "error", progress);
	return row;
}

/* False: nobody reads any more. */
static bool watch_show(struct ctl *ctl, struct table *table, json_t *event)
{
	json_t *row;

	if (ctl->json) {
		ctl_print_json(event);
		return ctl_flush();
	}
	row = watch_row(event);
	if (row != NULL)
		table_add(table, row);
	json_decref(row);
	table_flush(table);
	return ctl_flush();
}

/* ---- watching ---- */

static bool watch_is(const json_t *event, const char *kind)
{
	const char *is = json_string_value(json_object_get(event, "kind"));

	return is != NULL && strcmp(is, kind) == 0;
}

static int watch_subscribe(struct ctl *ctl, json_t *params)
{
	int code;

	json_decref(ctl_call(ctl, "event.subscribe", json_incref(params), &code));
	return code;
}

/* One event. -1: go on; else the exit code. */
static int watch_event(struct ctl *ctl, json_t *params, struct table *table, json_t *event)
{
	bool lagged = watch_is(event, "lagged");
	bool read = watch_show(ctl, table, event);
	int code;

	if (!read)
		return CTL_DONE;
	if (!lagged)
		return -1;
	ctl_note(ctl, "too slow: events were lost here");
	code = watch_subscribe(ctl, params);
	return code == CTL_DONE ? -1 : code;
}

/* Ctrl-C ends it, and well. */
static int watch_loop(struct ctl *ctl, json_t *params, struct table *table)
{
	int signals = interrupt_open(), code = signals < 0 ? CTL_JOB : watch_subscribe(ctl, params);
	struct jobd_error error;

	if (code == CTL_DONE)
		code = -1;
	while (code < 0) {
		json_t *event = jobd_event(ctl->conn, 0, &error);

		if (event != NULL)
			code = watch_event(ctl, params, table, event);
		else if (error.code != 0 || strcmp(error.reason, "timeout") != 0)
			code = ctl_refused(NULL, &error);
		else if (interrupt_wait(signals, ctl, -1) != 0)
			code = CTL_DONE;
		json_decref(event);
	}
	if (signals >= 0)
		interrupt_close(signals);
	return code;
}

/* Words are ids: {"jobs": [...]}. */
static int watch_put_ids(const struct cmd *cmd, const struct words *w, json_t *params)
{
	json_t *ids = json_array();

	for (int i = 0; i < w->n; i++) {
		int64_t id = ids_parse(cmd, w->v[i]);

		if (id == 0 || json_array_append_new(ids, json_integer(id)) < 0) {
			json_decref(ids);
			return id == 0 ? CTL_USAGE : CTL_JOB;
		}
	}
	if (w->n > 0)
		return ctl_put(params, "jobs", ids) ? CTL_DONE : CTL_JOB;
	json_decref(ids);
	return CTL_DONE;
}

static int watch_main(struct ctl *ctl, const struct cmd *cmd, int argc, char **argv)
{
	json_t *params = json_object();
	struct table *table = NULL;
	struct words w;
	int code;

	if (options_read(ctl, cmd, argc, argv, false, params, NULL, &w, &code)) {
		code = options_expect(cmd, &w, 0, INT32_MAX);
		if (code == 0)
			code = watch_put_ids(cmd, &w, params);
		if (code == 0)
			code = (table = table_new(ctl, watch_columns)) != NULL ? ctl_connect(ctl) : CTL_JOB;
		if (code == 0) {
			table_set_widths(table, watch_widths);
			code = watch_loop(ctl, params, table);
		}
	}
	table_free(&table);
	json_decref(params);
	return code;
}

const struct cmd cmd_watch = {
	"watch", "[ID...]", "show events as they come",
	"A line for each change of a job's state: time, id, type, queue, state, attempt, error. Ctrl-C ends it.\n",
	"jobctl watch\n"
	"jobctl watch --queue mail --state failed --json\n",
	{ watch_options, NULL }, watch_main
};
