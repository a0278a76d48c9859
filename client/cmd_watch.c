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
	{ 0, "since", "SEQ", "first what has come after the event of that seq; 0: all that is kept", opt_json_int, 0, "since", NULL },
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

struct watch {
	struct ctl *ctl;
	json_t *params;
	struct table *table;
	int64_t subscription;
	int64_t seq;		/* of the last event that was shown */
};

static bool watch_is(const json_t *event, const char *kind)
{
	const char *is = json_string_value(json_object_get(event, "kind"));

	return is != NULL && strcmp(is, kind) == 0;
}

static int watch_subscribe(struct watch *w)
{
	json_t *since = json_object_get(w->params, "since"), *answer;
	int code;

	answer = ctl_call(w->ctl, "event.subscribe", json_incref(w->params), &code);
	if (json_is_true(json_object_get(answer, "missed")))
		ctl_note(w->ctl, "some of the events after %lld are not kept any more", (long long)json_integer_value(since));
	w->subscription = json_integer_value(json_object_get(answer, "subscription"));
	w->seq = json_integer_value(since != NULL ? since : json_object_get(answer, "seq"));
	json_decref(answer);
	return code;
}

/* Was too slow: goes on where it was cut off. The daemon has ended the subscription, the library has not. -1: go on; else the exit code. */
static int watch_again(struct watch *w, const json_t *lagged)
{
	int code = CTL_DONE;

	if (json_object_get(lagged, "subscription") == NULL)
		json_decref(ctl_call(w->ctl, "event.unsubscribe", json_pack("{s:I}", "subscription", (json_int_t)w->subscription), &code));
	if (code == CTL_DONE)
		code = ctl_put(w->params, "since", json_integer(w->seq)) ? watch_subscribe(w) : CTL_JOB;
	return code == CTL_DONE ? -1 : code;
}

/* One event. -1: go on; else the exit code. */
static int watch_event(struct watch *w, json_t *event)
{
	const json_t *subscription = json_object_get(event, "subscription");
	int64_t seq = json_integer_value(json_object_get(event, "seq"));

	if (subscription != NULL && json_integer_value(subscription) != w->subscription)
		return -1;	/* of the one before */
	if (seq > w->seq)
		w->seq = seq;
	if (watch_is(event, "lagged"))
		return watch_again(w, event);
	return watch_show(w->ctl, w->table, event) ? -1 : CTL_DONE;
}

/* Where somebody may want to go on. */
static int watch_left(const struct watch *w)
{
	if (w->ctl->err_terminal)
		ctl_note(w->ctl, "--since %lld goes on from here", (long long)w->seq);
	return CTL_DONE;
}

/* Ctrl-C ends it, and well. */
static int watch_loop(struct watch *w)
{
	int signals = interrupt_open(), code = signals < 0 ? CTL_JOB : watch_subscribe(w);
	struct jobd_error error;

	if (code == CTL_DONE)
		code = -1;
	while (code < 0) {
		json_t *event = jobd_event(w->ctl->conn, 0, &error);

		if (event != NULL)
			code = watch_event(w, event);
		else if (error.code != 0 || strcmp(error.reason, "timeout") != 0)
			code = ctl_refused(NULL, &error);
		else if (interrupt_wait(signals, w->ctl, -1) != 0)
			code = watch_left(w);
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
	struct watch watch = { .ctl = ctl, .params = json_object() };
	struct words w;
	int code;

	if (options_read(ctl, cmd, argc, argv, false, watch.params, NULL, &w, &code)) {
		code = options_expect(cmd, &w, 0, INT32_MAX);
		if (code == 0)
			code = watch_put_ids(cmd, &w, watch.params);
		if (code == 0)
			code = (watch.table = table_new(ctl, watch_columns)) != NULL ? ctl_connect(ctl) : CTL_JOB;
		if (code == 0) {
			table_set_widths(watch.table, watch_widths);
			code = watch_loop(&watch);
		}
	}
	table_free(&watch.table);
	json_decref(watch.params);
	return code;
}

const struct cmd cmd_watch = {
	"watch", "[ID...]", "show events as they come",
	"A line for each change of a job's state: time, id, type, queue, state, attempt, error. Ctrl-C ends it. With --json\n"
	"each event has its seq, from which --since goes on; who is too slow for them misses none that the daemon keeps.\n",
	"jobctl watch\n"
	"jobctl watch --since 0\n"
	"jobctl watch --queue mail --state failed --json\n",
	{ watch_options, NULL }, watch_main
};
