/* watch: what happens, as it happens. */
#include <stddef.h>
#include <string.h>

#include "base/clock.h"
#include "client/cmd.h"
#include "client/ids.h"
#include "client/interrupt.h"
#include "client/job_options.h"
#include "client/table.h"

enum {
	WATCH_PATIENCE = 5000000,	/* microseconds that a daemon that is gone may take to be back */
	WATCH_PAUSE = 50,		/* milliseconds between tries */
	WATCH_TRY = 1000		/* milliseconds that one may hold up Ctrl-C */
};

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
	int signals;		/* see interrupt_open */
};

static bool watch_is(const json_t *event, const char *kind)
{
	const char *is = json_string_value(json_object_get(event, "kind"));

	return is != NULL && strcmp(is, kind) == 0;
}

/* Says that not all that was asked for is told. */
static void watch_missed(const struct watch *w, long long since, long long seq)
{
	if (since > seq)
		ctl_note(w->ctl, "there is no event %lld yet: the latest is %lld", since, seq);
	else
		ctl_note(w->ctl, "some of the events after %lld are not kept any more", since);
}

/* 0; -1. */
static int watch_subscribe(struct watch *w, struct jobd_error *error)
{
	json_t *since = json_object_get(w->params, "since");
	json_t *answer = jobd_call(w->ctl->conn, "event.subscribe", json_incref(w->params), error);
	int64_t seq = json_integer_value(json_object_get(answer, "seq"));

	if (answer == NULL)
		return -1;
	if (json_is_true(json_object_get(answer, "missed")))
		watch_missed(w, json_integer_value(since), seq);
	w->subscription = json_integer_value(json_object_get(answer, "subscription"));
	w->seq = since != NULL && json_integer_value(since) < seq ? json_integer_value(since) : seq;
	json_decref(answer);
	return 0;
}

/* Goes on where it was cut off. */
static int watch_resume(struct watch *w, struct jobd_error *error)
{
	if (json_object_set_new(w->params, "since", json_integer(w->seq)) == 0)
		return watch_subscribe(w, error);
	*error = (struct jobd_error){ .reason = "memory", .message = "out of memory" };
	return -1;
}

/* Was too slow. The daemon has ended the subscription, the library has not. 0; -1. */
static int watch_lagged(struct watch *w, const json_t *lagged, struct jobd_error *error)
{
	json_t *ended;

	if (json_object_get(lagged, "subscription") != NULL)
		return watch_resume(w, error);
	ended = jobd_call(w->ctl->conn, "event.unsubscribe", json_pack("{s:I}", "subscription", (json_int_t)w->subscription), error);
	json_decref(ended);
	return ended != NULL ? watch_resume(w, error) : -1;
}

/* Where somebody may want to go on. */
static int watch_left(const struct watch *w)
{
	if (w->ctl->err_terminal)
		ctl_note(w->ctl, "--since %lld goes on from here", (long long)w->seq);
	return CTL_DONE;
}

/* The connection is gone: goes on over a new one, for the daemon may be restarted. -1: it does; else the exit code. */
static int watch_lost(struct watch *w, const struct jobd_error *lost)
{
	mono_us deadline = clock_after(WATCH_PATIENCE);
	struct jobd_error error;

	while (jobd_lost(lost) && clock_mono() < deadline) {
		if (ctl_again_once(w->ctl, WATCH_TRY, &error) == 0 && watch_resume(w, &error) == 0)
			return -1;
		if (!jobd_lost(&error))
			return ctl_refused(NULL, &error);
		if (interrupt_wait(w->signals, w->ctl, WATCH_PAUSE) != 0)
			return watch_left(w);
	}
	return ctl_refused(NULL, lost);
}

/* One event. -1: go on; else the exit code. */
static int watch_event(struct watch *w, json_t *event)
{
	struct jobd_error error;
	const json_t *subscription = json_object_get(event, "subscription");
	int64_t seq = json_integer_value(json_object_get(event, "seq"));

	if (subscription != NULL && json_integer_value(subscription) != w->subscription)
		return -1;	/* of the one before */
	if (seq > w->seq)
		w->seq = seq;
	if (watch_is(event, "lagged"))
		return watch_lagged(w, event, &error) == 0 ? -1 : watch_lost(w, &error);
	return watch_show(w->ctl, w->table, event) ? -1 : CTL_DONE;
}


/* Ctrl-C ends it, and well. */
static int watch_loop(struct watch *w)
{
	struct jobd_error error;
	int code;

	w->signals = interrupt_open();
	if (w->signals < 0)
		return CTL_JOB;
	code = watch_subscribe(w, &error) == 0 ? -1 : ctl_refused(NULL, &error);
	while (code < 0) {
		json_t *event = jobd_event(w->ctl->conn, 0, &error);

		if (event != NULL)
			code = watch_event(w, event);
		else if (!ctl_nothing(&error))
			code = watch_lost(w, &error);
		else if (interrupt_wait(w->signals, w->ctl, -1) != 0)
			code = watch_left(w);
		json_decref(event);
	}
	interrupt_close(w->signals);
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

	if (options_words(ctl, cmd, argc, argv, watch.params, &w, 0, INT32_MAX, &code)) {
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
