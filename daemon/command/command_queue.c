/* command_queue: queue.list, queue.get, queue.set, queue.pause, queue.resume, queue.purge. */
#include <errno.h>

#include "command/command.h"
#include "parts.h"

enum { QUEUES_A_TURN = 256 };	/* written before others get the loop */

#define STATES_WAITING (1u << JOB_HELD | 1u << JOB_BLOCKED | 1u << JOB_SCHEDULED | 1u << JOB_READY)
#define RATE_MIN 1e-6
#define RATE_MAX 1e6

/* The settings in force. */
static void put_limits(struct jwriter *w, const struct queue_settings *limits)
{
	jw_put_int(w, "weight", limits->weight);
	if (limits->concurrency > 0)
		jw_put_int(w, "concurrency", limits->concurrency);
	if (limits->rate.per_second > 0) {
		jw_key(w, "rate");
		jw_object(w);
		jw_put_real(w, "per_second", limits->rate.per_second);
		jw_put_int(w, "burst", limits->rate.burst);
		jw_object_end(w);
	}
	if (limits->max_ready > 0)
		jw_put_int(w, "max_ready", limits->max_ready);
}

static void put_queue(struct jwriter *w, const struct queue *q)
{
	wall_ms oldest = queue_oldest_ready(q);

	jw_object(w);
	jw_put_string(w, "name", q->name);
	jw_put_bool(w, "paused", q->paused);
	put_limits(w, &q->limits);
	jw_key(w, "counts");
	jw_object(w);
	for (int s = JOB_NONE + 1; s < JOB_STATES; s++)
		jw_put_int(w, job_state_name((enum job_state)s), queue_count(q, (enum job_state)s));
	jw_object_end(w);
	if (oldest != 0) {
		wall_ms age = clock_wall() - oldest;

		jw_put_seconds(w, "oldest_ready_seconds", age > 0 ? age : 0);
	}
	jw_object_end(w);
}

/* All of them, the loop given away now and then. That is safe: queues are added at the end, and none goes. */
static int put_queues(struct call *call)
{
	const struct queue *q, *next;
	unsigned n = 0;
	int rc = 0;

	HASH_ITER(hh, call->parts->backlog.queues.by_name, q, next) {
		if (++n % QUEUES_A_TURN == 0)
			rc = coro_yield();
		if (rc != 0)
			return command_fail(call, rc);
		put_queue(&call->w, q);
	}
	return 0;
}

static int queue_list(struct call *call)
{
	if (params_done(&call->params) != 0 || command_enter_large(call) != 0)
		return -1;
	jw_object(&call->w);
	jw_key(&call->w, "queues");
	jw_array(&call->w);
	if (put_queues(call) != 0)
		return -1;
	jw_array_end(&call->w);
	jw_object_end(&call->w);
	return 0;
}

static int fail_unknown(struct call *call, const char *name)
{
	return rpc_error_set(&call->error, RPC_NOT_FOUND, "name", "there is no queue \"%.64s\"", name);
}

static int put_named(struct call *call, const char *name)
{
	const struct queue *q = queue_find(&call->parts->backlog.queues, name);

	if (q == NULL)
		return fail_unknown(call, name);
	put_queue(&call->w, q);
	return 0;
}

static int queue_get(struct call *call)
{
	const char *name = params_need_string(&call->params, "name");

	return params_done(&call->params) != 0 ? -1 : put_named(call, name);
}

/* Makes the queue where there is none, and says what it is afterwards. */
static int change_queue(struct call *call, const struct queue_row *row, unsigned members)
{
	bool pauses = (members & QUEUE_PAUSED) != 0 && row->paused;
	struct queue *q;
	int rc;

	if (call->error.kind == RPC_OK && !queue_name_ok(row->name))
		params_refuse(&call->params, "name", "must be " QUEUE_NAME_RULE);
	if (params_done(&call->params) != 0)
		return -1;
	if (!backlog_make_queue(&call->parts->backlog, row->name))
		return rpc_error_set(&call->error, RPC_OVERLOADED, "name", "there is no room for another queue");
	q = queue_find(&call->parts->backlog.queues, row->name);
	if (pauses)
		backlog_stop_queue(&call->parts->backlog, q);	/* from now on: what starts is on disk before the pause, and told before its reply */
	rc = store_queue_set(call->parts->store, row, members);
	if (pauses)
		backlog_start_queue(&call->parts->backlog, q);
	return rc != 0 ? command_fail(call, rc) : put_named(call, row->name);
}

/* Is there a value to set? A null is none: it clears the member. */
static bool take_clear(struct params *p, const char *name, unsigned bit, unsigned *members)
{
	const json_t *value = params_any(p, name);

	if (value == NULL)
		return false;
	*members |= bit;
	return !json_is_null(value);
}

static void read_rate(struct params *p, struct rate *rate)
{
	struct params of_rate;

	params_init(&of_rate, params_object(p, "rate"), "rate.", p->error);
	rate->per_second = params_real(&of_rate, "per_second", 0, RATE_MIN, RATE_MAX);
	if (p->error->kind == RPC_OK && rate->per_second <= 0)
		params_refuse(&of_rate, "per_second", "is missing: it must be a number of starts a second");
	rate->burst = params_int(&of_rate, "burst", rate_burst(rate->per_second), 1, QUEUE_BURST_MAX);
	params_done(&of_rate);
}

static int queue_set(struct call *call)
{
	struct params *p = &call->params;
	struct queue_row row = { .name = params_need_string(p, "name") };
	unsigned members = 0;

	if (take_clear(p, "weight", QUEUE_WEIGHT, &members))
		row.set.weight = params_int(p, "weight", 0, 1, QUEUE_WEIGHT_MAX);
	if (take_clear(p, "concurrency", QUEUE_CONCURRENCY, &members))
		row.set.concurrency = params_int(p, "concurrency", 0, 1, INT64_MAX);
	if (take_clear(p, "rate", QUEUE_RATE, &members))
		read_rate(p, &row.set.rate);
	if (take_clear(p, "max_ready", QUEUE_MAX_READY, &members))
		row.set.max_ready = params_int(p, "max_ready", 0, 1, INT64_MAX);
	return change_queue(call, &row, members);
}

static int set_paused(struct call *call, bool paused)
{
	struct queue_row row = { .name = params_need_string(&call->params, "name"), .paused = paused };

	return change_queue(call, &row, QUEUE_PAUSED);
}

static int queue_pause(struct call *call)
{
	return set_paused(call, true);
}

static int queue_resume(struct call *call)
{
	return set_paused(call, false);
}

/* Nothing of the queue starts until it is over: what had not started at the call is cancelled, all of it. */
static int purge(struct call *call, struct queue *q)
{
	const char *const queues[] = { q->name, NULL };
	struct job_filter filter = { .queues = queues };
	int64_t matched, done;
	int rc;

	backlog_stop_queue(&call->parts->backlog, q);
	rc = command_cancel_all(call, &filter, STATES_WAITING, &matched, &done);
	backlog_start_queue(&call->parts->backlog, q);
	if (rc != 0)
		return -1;
	jw_object(&call->w);
	jw_put_int(&call->w, "cancelled", done);
	jw_object_end(&call->w);
	return 0;
}

static int queue_purge(struct call *call)
{
	const char *name = params_need_string(&call->params, "name");
	struct queue *q;
	int rc;

	if (params_done(&call->params) != 0)
		return -1;
	q = queue_find(&call->parts->backlog.queues, name);
	if (q == NULL)
		return fail_unknown(call, name);
	if (command_enter_bulk(call) != 0)
		return -1;
	rc = purge(call, q);
	command_leave_bulk(call);
	return rc;
}

const struct command command_queue_list = { "queue.list", true, queue_list };
const struct command command_queue_get = { "queue.get", false, queue_get };
const struct command command_queue_set = { "queue.set", true, queue_set };
const struct command command_queue_pause = { "queue.pause", true, queue_pause };
const struct command command_queue_resume = { "queue.resume", true, queue_resume };
const struct command command_queue_purge = { "queue.purge", true, queue_purge };
