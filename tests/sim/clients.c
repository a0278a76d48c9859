#include "clients.h"

#include <stdlib.h>
#include <string.h>

#include "command/command.h"
#include "life.h"
#include "limits.h"
#include "many.h"
#include "plans.h"
#include "queues.h"
#include "sim.h"
#include "simstore.h"

enum { CLOCK_BACK = 5 * 3600 * 1000 };		/* ms: so far is further than a clock that was right can be set back */

static void nobody_reads(void *arg)
{
	(void)arg;
}

/* ---- one request ---- */

json_t *client_call(struct client *c, const char *method, json_t *params, struct rpc_error *error)
{
	const struct command *command = command_find(method);
	struct call call;
	json_t *result = NULL;

	must(0, command != NULL && params != NULL, "no call of %s can be made", method);
	memset(&call, 0, sizeof(call));
	memset(error, 0, sizeof(*error));
	call.parts = &life_parts;
	call.mailbox = &c->mailbox;
	buf_init(&call.result);
	jw_init(&call.w, &call.result);
	params_init(&call.params, params, "", &call.error);
	trace(0, "client %d: %s", c->number, method);
	if (command_run(command, &call) == 0)
		result = json_loadb(buf_data(&call.result), buf_len(&call.result), JSON_DECODE_ANY, NULL);
	must(0, result != NULL || call.error.kind != RPC_OK, "%s: neither result nor error", method);
	if (call.then != NULL) {
		c->replied(c, result);
		call.then(&call);
	}
	if (call.large)
		mailbox_leave_large(&c->mailbox);
	if (!simstore_dead())
		*error = call.error;
	else if (result != NULL)
		json_decref(result);
	buf_free(&call.result);
	json_decref(params);
	return simstore_dead() ? NULL : result;
}

bool client_excused(const struct rpc_error *e, mono_us since)
{
	if (simstore_dead())
		return true;
	if (e->kind == RPC_STORAGE)
		return simstore_failed_at() >= since;
	return e->kind == RPC_SHUTTING_DOWN && life_parts.shutting_down;
}

/* ---- waits and reads ---- */

static void wait_for_one(struct client *c)
{
	struct wish *w = client_some_job();
	struct rpc_error error;
	mono_us since = clock_mono();
	json_t *record;
	int64_t id;

	if (w == NULL)
		return;
	id = w->id;
	record = client_call(c, "job.wait", json_pack("{s:I, s:f}", "id", (json_int_t)id, "timeout", (double)below(5000) / 1000),
			     &error);
	must(id, record != NULL || error.kind == RPC_TIMEOUT || error.kind == RPC_NOT_FOUND || client_excused(&error, since),
	     "cannot be waited for: %s", error.message);
	json_decref(record);
}

static bool reason_fits(const struct wish *w, const char *reason)
{
	switch (w->state) {
	case JOB_HELD:
		return strcmp(reason, "held") == 0;
	case JOB_BLOCKED:
		return strcmp(reason, "dependency") == 0;
	case JOB_SCHEDULED:
		return strcmp(reason, w->row.attempt > 0 ? "retry" : "delay") == 0;
	case JOB_READY:
		if (life_draining())
			return strcmp(reason, "draining") == 0;
		if (queue_paused(w->queue) ||
		    ((many_purges(w->queue) || queue_may_stand(w->queue)) && strcmp(reason, "queue_paused") == 0))
			return strcmp(reason, "queue_paused") == 0;
		if (limits_explain(w, reason))
			return true;
		return strcmp(reason, "next") == 0 || strcmp(reason, w->type < SIM_TYPES_IO ? "io_busy" : "pool_busy") == 0;
	default:
		return reason[0] == '\0';
	}
}

static void look_at_one(struct client *c)
{
	struct wish *w = client_some_job();
	struct rpc_error error;
	const char *state, *reason;
	uint64_t seq;
	json_t *record;
	int64_t id;

	if (w == NULL)
		return;
	id = w->id;
	seq = model_seq();
	record = client_call(c, "job.get", json_pack("{s:I}", "id", (json_int_t)id), &error);
	if (record != NULL && model_seq() == seq) {
		state = json_string_value(json_object_get(record, "state"));
		reason = json_string_value(json_object_get(record, "reason"));
		must(id, state != NULL && strcmp(state, job_state_name(w->state)) == 0, "is %s, and its record says %s",
		     job_state_name(w->state), state);
		must(id, reason_fits(w, reason != NULL ? reason : ""), "is %s, and the reason is %s", state, reason);
	}
	must(id, record != NULL || error.kind == RPC_NOT_FOUND || client_excused(&error, 0), "cannot be read: %s", error.message);
	json_decref(record);
}

static void count_all(struct client *c)
{
	struct rpc_error error;
	uint64_t seq = model_seq();
	json_t *answer = client_call(c, "job.count", json_object(), &error);
	json_t *by_state = json_object_get(answer, "by_state");

	if (answer != NULL && model_seq() == seq)
		for (int s = JOB_NONE + 1; s < JOB_STATES; s++)
			must(0, json_integer_value(json_object_get(by_state, job_state_name((enum job_state)s))) ==
			     model_count((enum job_state)s), "job.count does not count the jobs %s", job_state_name((enum job_state)s));
	json_decref(answer);
}

/* ---- queues, the daemon ---- */

static void set_paused(struct client *c, int queue, bool paused)
{
	struct rpc_error error;
	mono_us since = clock_mono();
	json_t *answer;

	if (paused)
		queue_pausing(queue, true);
	answer = client_call(c, paused ? "queue.pause" : "queue.resume", json_pack("{s:s}", "name", sim_queues[queue]), &error);
	if (paused)
		queue_pausing(queue, false);
	must(0, answer != NULL || client_excused(&error, since), "queue %s: %s", sim_queues[queue], error.message);
	json_decref(answer);
}

static void set_queue(struct client *c, int queue, const char *member, json_t *value)
{
	struct rpc_error error;
	mono_us since = clock_mono();
	json_t *answer = client_call(c, "queue.set", json_pack("{s:s, s:o}", "name", sim_queues[queue], member, value), &error);

	must(0, answer != NULL || client_excused(&error, since), "queue %s: %s", sim_queues[queue], error.message);
	json_decref(answer);
}

static const char *const limits[] = { "weight", "max_ready", "concurrency", "rate" };

static void set_limits(struct client *c, int queue)
{
	unsigned which = below(4);
	json_t *value = NULL;

	if (one_in(3))
		value = json_null();
	else if (which == 3)
		value = json_pack("{s:f, s:i}", "per_second", (double)between(1, 400) / 2, "burst", (int)between(1, 20));
	else
		value = json_integer(which == 0 ? between(1, 6) : which == 1 ? between(20, 400) : between(1, 8));
	set_queue(c, queue, limits[which], value);
}

static void set_draining(struct client *c, bool draining)
{
	struct rpc_error error;

	json_decref(client_call(c, draining ? "daemon.drain" : "daemon.resume", json_object(), &error));
}

static void disturb(struct client *c)
{
	unsigned what = below(12);

	if (what >= 10)
		set_limits(c, (int)below(SIM_QUEUES));
	else if (shape.steady)
		client_submits(c);
	else if (what < 4)
		set_paused(c, (int)below(SIM_QUEUES), true);
	else if (what < 8)
		set_paused(c, (int)below(SIM_QUEUES), false);
	else
		set_draining(c, what == 8 && one_in(3));
}

/* ---- life ---- */

static void ask_something(struct client *c)
{
	unsigned what = below(shape.plans ? 108 : 100);

	if (what < 45)
		client_submits(c);
	else if (what < 52)
		client_submits_many(c);
	else if (what < 60)
		client_asks(c, ASK_CANCEL);
	else if (what < 64)
		client_asks(c, shape.steady ? ASK_CANCEL : ASK_HOLD);
	else if (what < 71)
		client_asks(c, ASK_RELEASE);
	else if (what < 75)
		client_asks(c, ASK_RETRY);
	else if (what < 78)
		client_asks(c, ASK_DELETE);
	else if (what < 82)
		wait_for_one(c);
	else if (what < 90)
		look_at_one(c);
	else if (what < 91)
		count_all(c);
	else if (what < 94)
		client_updates(c);
	else if (what < 96)
		client_asks_again(c);
	else if (what < 97)
		one_in(4) ? client_purges(c) : client_asks_many(c);
	else if (what < 100)
		disturb(c);
	else
		client_plans(c);
}

void client_main(void *arg)
{
	struct client c = { .number = (int)(intptr_t)arg };
	int rc = 0;

	mailbox_init(&c.mailbox, nobody_reads, NULL);
	while (rc == 0 && !client_enough() && !life_parts.shutting_down) {
		ask_something(&c);
		if (one_in(shape.step_in))
			life_step_clock(one_in(3) ? -between(1, one_in(10) ? CLOCK_BACK : 3000) : between(1, one_in(10) ? 3600 * 1000 : 3000));
		rc = one_in(3) ? coro_yield() : coro_sleep(clock_after(between(0, shape.think) * 1000));
	}
	mailbox_free(&c.mailbox);
}

void client_tidy(void)
{
	struct client c = { .number = -1 };

	mailbox_init(&c.mailbox, nobody_reads, NULL);
	set_draining(&c, false);
	client_ends_plans(&c);
	life_right_clock();
	for (int q = 0; q < SIM_QUEUES; q++) {
		set_paused(&c, q, false);
		for (int i = 0; i < 4; i++)
			set_queue(&c, q, limits[i], json_null());
	}
	for (int64_t id = 1; id <= model_last_id(); id++) {
		const struct wish *w = model_find(id);

		if (w != NULL && w->state == JOB_HELD)
			client_releases(&c, id);
	}
	mailbox_free(&c.mailbox);
}
