/*
 * The front: each verb becomes an op, and its caller parks until the back end
 * has ended it. Policy lives in rules.c, storage in a back end; here is only
 * the way there and back.
 */
#include "store/store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/op.h"
#include "store/store_backend.h"

enum store_open_result store_open(const struct store_backend *backend, const struct store_conf *conf,
				  const struct store_observer *observer, struct store **out, char *why, size_t why_size)
{
	struct store *st = calloc(1, sizeof(*st));
	enum store_open_result rc = STORE_OPEN_FAILED;

	*out = NULL;
	if (st == NULL) {
		snprintf(why, why_size, "%s: out of memory", conf->directory);
		return rc;
	}
	st->backend = backend;
	st->observer = *observer;
	store_set_retention(st, conf->retain, conf->retain_jobs);
	rc = backend->open(st, conf, why, why_size);
	if (rc != STORE_OPEN_OK) {
		free(st);
		return rc;
	}
	*out = st;
	return STORE_OPEN_OK;
}

void store_close(struct store **st)
{
	if (*st == NULL)
		return;
	(*st)->closing = true;
	(*st)->backend->close(*st);
	free(*st);
	*st = NULL;
}

void store_counts(struct store *st, void (*each)(void *arg, const struct lane_count *count), void *arg)
{
	st->backend->counts(st, each, arg);
}

void store_flows(struct store *st, void (*each)(void *arg, const struct flow_count *flow), void *arg)
{
	st->backend->flows(st, each, arg);
}

void store_firsts(struct store *st, void (*each)(void *arg, const struct ready_first *first), void *arg)
{
	st->backend->firsts(st, each, arg);
}

void store_queues(struct store *st, void (*each)(void *arg, const struct queue_row *queue), void *arg)
{
	st->backend->queues(st, each, arg);
}

void store_schedules(struct store *st, void (*each)(void *arg, const struct schedule_change *schedule), void *arg)
{
	st->backend->schedules(st, each, arg);
}

uint64_t store_seq(const struct store *st)
{
	return st->seq;
}

void store_set_retention(struct store *st, wall_ms retain, int64_t retain_jobs)
{
	st->retain = retain;
	st->retain_jobs = retain_jobs;
}

void store_stats(struct store *st, struct store_stats *out)
{
	memset(out, 0, sizeof(*out));
	out->backend = st->backend->name;
	st->backend->stats(st, out);
}

bool store_op_tell(struct store *st, struct store_op *op, mono_us until)
{
	struct note *note;

	while ((note = STAILQ_FIRST(&op->notes)) != NULL) {
		STAILQ_REMOVE_HEAD(&op->notes, link);
		st->seq = note->change.seq;
		st->observer.changed(st->observer.arg, &note->change);
		free(note);
		if (until != MONO_NEVER && clock_mono() >= until)
			break;
	}
	return STAILQ_EMPTY(&op->notes);
}

void store_op_done(struct store *st, struct store_op *op)
{
	store_op_tell(st, op, MONO_NEVER);
	if (op->verb == VERB_SUBMIT && op->submit.n > 0 && op->submit.v[0].admitted != NULL)
		*op->submit.v[0].admitted -= op->submit.n;
	if (op->verb == VERB_QUEUE_SET && op->rc == 0)
		st->observer.queue_changed(st->observer.arg, &op->queue.row);
	if (op->schedule_told != NULL && op->rc == 0 && st->observer.schedule_changed != NULL)
		st->observer.schedule_changed(st->observer.arg, op->schedule_told);
	if (op->unresolved && st->observer.unresolved != NULL)
		st->observer.unresolved(st->observer.arg);
	if (op->unfilled && st->observer.unfilled != NULL)
		st->observer.unfilled(st->observer.arg);
	if (op->done != NULL)
		op->done(op);
	else
		latch_set(&op->latch);
}

int store_call(struct store *st, struct store_op *op)
{
	st->backend->submit(st, op);
	latch_wait(&op->latch);
	return op->rc;
}

/* ---- a job's life ---- */

int store_submit(struct store *st, struct submission *v, size_t n, wall_ms now, size_t *at)
{
	struct store_op op;

	op_init(&op, VERB_SUBMIT, now);
	op.submit.v = v;
	op.submit.n = n;
	op.submit.at = at;
	return store_call(st, &op);
}

int store_claim(struct store *st, const struct claim *claim, struct job_spec **load)
{
	struct store_op op;

	op_init(&op, VERB_CLAIM, claim->started_at);
	op.claim.claim = claim;
	op.claim.load = load;
	if (load != NULL)
		*load = NULL;
	return store_call(st, &op);
}

struct claim_soon {
	struct store_op op;
	struct claim claim;
	void (*done)(void *arg, int rc);
	void *arg;
};

static void claim_soon_done(struct store_op *op)
{
	struct claim_soon *soon = (struct claim_soon *)op;

	soon->done(soon->arg, op->rc);
	free(soon);
}

int store_claim_soon(struct store *st, const struct claim *claim, void (*done)(void *arg, int rc), void *arg)
{
	struct claim_soon *soon = st->closing ? NULL : malloc(sizeof(*soon));

	if (soon == NULL)
		return -ENOMEM;
	op_init(&soon->op, VERB_CLAIM, claim->started_at);
	soon->claim = *claim;
	soon->op.claim.claim = &soon->claim;
	soon->op.done = claim_soon_done;
	soon->done = done;
	soon->arg = arg;
	st->backend->submit(st, &soon->op);
	return 0;
}

int store_settle(struct store *st, struct settlement *s)
{
	struct store_op op;

	op_init(&op, VERB_SETTLE, s->finished_at);
	op.settle = s;
	return store_call(st, &op);
}

static int store_ask(struct store *st, enum store_verb verb, int64_t id, wall_ms now, enum job_state *state)
{
	struct store_op op;

	op_init(&op, verb, now);
	op.ask.id = id;
	op.ask.state = state;
	*state = JOB_NONE;
	return store_call(st, &op);
}

int store_cancel(struct store *st, int64_t id, wall_ms now, enum job_state *state)
{
	return store_ask(st, VERB_CANCEL, id, now, state);
}

int store_hold(struct store *st, int64_t id, wall_ms now, enum job_state *state)
{
	return store_ask(st, VERB_HOLD, id, now, state);
}

int store_release(struct store *st, int64_t id, wall_ms now, enum job_state *state)
{
	return store_ask(st, VERB_RELEASE, id, now, state);
}

int store_retry(struct store *st, int64_t id, wall_ms now, enum job_state *state)
{
	return store_ask(st, VERB_RETRY, id, now, state);
}

int store_delete(struct store *st, int64_t id, wall_ms now, enum job_state *state)
{
	return store_ask(st, VERB_DELETE, id, now, state);
}

int store_update(struct store *st, const struct job_update *update, wall_ms now, enum job_state *state)
{
	struct store_op op;

	op_init(&op, VERB_UPDATE, now);
	op.update.update = update;
	op.update.state = state;
	*state = JOB_NONE;
	return store_call(st, &op);
}

/* ---- time ---- */

int store_due(struct store *st, wall_ms now, size_t max, wall_ms *next)
{
	struct store_op op;

	op_init(&op, VERB_DUE, now);
	op.time.max = max;
	op.time.next = next;
	return store_call(st, &op);
}

int store_expire(struct store *st, wall_ms now, size_t max, wall_ms *next)
{
	struct store_op op;

	op_init(&op, VERB_EXPIRE, now);
	op.time.max = max;
	op.time.next = next;
	return store_call(st, &op);
}

int store_prune(struct store *st, wall_ms now, size_t max, wall_ms *next, size_t *removed)
{
	struct store_op op;

	op_init(&op, VERB_PRUNE, now);
	op.time.max = max;
	op.time.next = next;
	op.time.removed = removed;
	op.time.retain = st->retain;
	op.time.retain_jobs = st->retain_jobs;
	*removed = 0;
	return store_call(st, &op);
}

int store_recover(struct store *st, wall_ms now, size_t max, bool *left)
{
	struct store_op op;

	op_init(&op, VERB_RECOVER, now);
	op.time.max = max;
	op.time.left = left;
	return store_call(st, &op);
}

/* ---- the working set ---- */

struct page_call {
	struct store_op op;
	void (*done)(void *arg, int rc, const struct job_row *rows, size_t n);
	void *arg;
	char names[];			/* queue, type */
};

static void page_done(struct store_op *op)
{
	struct page_call *call = (struct page_call *)op;

	call->done(call->arg, op->rc, op->page.rows, op->page.n);
	op_reset(op);
	free(call);
}

int store_ready_page(struct store *st, const char *queue, const char *type, int64_t flow, int after_priority,
		     int64_t after_id, size_t max, void (*done)(void *arg, int rc, const struct job_row *rows, size_t n), void *arg)
{
	size_t queue_size = strlen(queue) + 1, type_size = strlen(type) + 1;
	struct page_call *call = st->closing ? NULL : malloc(sizeof(*call) + queue_size + type_size);

	if (call == NULL)
		return -ENOMEM;
	op_init(&call->op, VERB_READY_PAGE, 0);
	call->op.page.queue = memcpy(call->names, queue, queue_size);
	call->op.page.type = memcpy(call->names + queue_size, type, type_size);
	call->op.page.flow = flow;
	call->op.page.after_priority = after_priority;
	call->op.page.after_id = after_id;
	call->op.page.max = max;
	call->op.done = page_done;
	call->done = done;
	call->arg = arg;
	st->backend->submit(st, &call->op);
	return 0;
}

/* ---- output ---- */

int store_output_append(struct store *st, int64_t id, int attempt, int stream, int64_t offset, const void *data,
			size_t len)
{
	struct store_op op;

	op_init(&op, VERB_OUTPUT_APPEND, 0);
	op.output.id = id;
	op.output.attempt = attempt;
	op.output.stream = stream;
	op.output.offset = offset;
	op.output.data = data;
	op.output.len = len;
	return store_call(st, &op);
}

int store_output_read(struct store *st, int64_t id, int attempt, int stream, int64_t offset, size_t limit,
		      struct output_page *out)
{
	struct store_op op;

	op_init(&op, VERB_OUTPUT_READ, 0);
	op.output.id = id;
	op.output.attempt = attempt;
	op.output.stream = stream;
	op.output.offset = offset;
	op.output.len = limit;
	op.output.page = out;
	memset(out, 0, sizeof(*out));
	return store_call(st, &op);
}

/* ---- queues ---- */

int store_queue_set(struct store *st, const struct queue_row *row, unsigned members)
{
	struct store_op op;

	op_init(&op, VERB_QUEUE_SET, 0);
	op.queue.row = *row;
	op.queue.members = members;
	return store_call(st, &op);
}

int store_probe(struct store *st)
{
	struct store_op op;

	op_init(&op, VERB_PROBE, 0);
	return store_call(st, &op);
}
