/*
 * The memory back end: for tests and simulation. Jobs lie in an array by id,
 * and everything is found by walking it. Rules and the way of completion are
 * those of the other back end; ops are carried out one by one, at once, save
 * that one submitted from inside another's completion waits for its turn.
 * Being for tests, it ends the process where memory runs out.
 */
#include "store/memory.h"

#include <stdlib.h>

#include "store/store_backend.h"

enum { EDGES_MAX = 1024 };	/* as in sqlite_tx.c */

static int memory_carry_out(struct memory_store *m, struct store_op *op)
{
	static int (*const verbs[VERBS])(struct memory_store *m, struct store_op *op) = {
		[VERB_SUBMIT] = memory_submit,
		[VERB_CLAIM] = memory_claim,
		[VERB_SETTLE] = memory_settle,
		[VERB_CANCEL] = memory_ask,
		[VERB_HOLD] = memory_ask,
		[VERB_RELEASE] = memory_ask,
		[VERB_RETRY] = memory_ask,
		[VERB_DELETE] = memory_ask,
		[VERB_UPDATE] = memory_update,
		[VERB_CANCEL_MANY] = memory_ask_many,
		[VERB_RETRY_MANY] = memory_ask_many,
		[VERB_DELETE_MANY] = memory_ask_many,
		[VERB_DUE] = memory_time,
		[VERB_EXPIRE] = memory_time,
		[VERB_PRUNE] = memory_time,
		[VERB_RECOVER] = memory_time,
		[VERB_RESOLVE] = memory_resolve,
		[VERB_FILL] = memory_fill,
		[VERB_READY_PAGE] = memory_ready_page,
		[VERB_OUTPUT_APPEND] = memory_output_append,
		[VERB_QUEUE_SET] = memory_queue_set,
		[VERB_FILLINGS] = memory_fillings,
		[VERB_SUBMIT_DRY] = memory_submit_dry,
		[VERB_SCHEDULE_PUT] = memory_schedule_put,
		[VERB_SCHEDULE_DELETE] = memory_schedule_delete,
		[VERB_SCHEDULE_FIRE] = memory_schedule_fire,
		[VERB_BACKUP] = memory_backup,
		[VERB_GET] = memory_get,
		[VERB_LIST] = memory_list,
		[VERB_AHEAD] = memory_ahead,
		[VERB_BLOCKERS] = memory_blockers,
		[VERB_COUNT] = memory_count,
		[VERB_MATCH] = memory_match,
		[VERB_OUTPUT_READ] = memory_output_read,
		[VERB_SCHEDULE_GET] = memory_schedule_get,
		[VERB_SCHEDULE_LIST] = memory_schedule_list,
	};

	size_t budget = EDGES_MAX;
	int rc = verbs[op->verb] != NULL ? verbs[op->verb](m, op) : 0;

	memory_follow(m, op, &budget);
	return rc;
}

static void memory_free_dropped(struct memory_store *m)
{
	struct memory_job *j;

	while ((j = m->dropped) != NULL) {
		m->dropped = j->next_dropped;
		memory_job_free(j);
	}
	job_spec_unref(&m->dropped_spec);
}

static void memory_submit_op(struct store *st, struct store_op *op)
{
	struct memory_store *m = st->impl;

	STAILQ_INSERT_TAIL(&m->ops, op, link);
	if (m->busy)
		return;
	m->busy = true;
	while ((op = STAILQ_FIRST(&m->ops)) != NULL) {
		STAILQ_REMOVE_HEAD(&m->ops, link);
		op->rc = memory_carry_out(m, op);
		m->operations++;
		store_op_done(st, op);
		memory_free_dropped(m);
	}
	m->busy = false;
}

static enum store_open_result memory_open(struct store *st, const struct store_conf *conf, char *why, size_t why_size)
{
	struct memory_store *m = memory_alloc(1, sizeof(*m));

	(void)conf, (void)why, (void)why_size;
	STAILQ_INIT(&m->ops);
	STAILQ_INIT(&m->moving);
	st->impl = m;
	return STORE_OPEN_OK;
}

static void memory_close(struct store *st)
{
	struct memory_store *m = st->impl;

	memory_free_edges(m);
	for (size_t i = 0; i < m->n; i++)
		memory_job_free(m->jobs[i]);
	free(m->jobs);
	memory_request_free(m);
	free(m->queues);
	memory_schedule_free(m);
	memory_flow_free(m);
	free(m);
}

/* Empty when opened. */
static void memory_counts(struct store *st, void (*each)(void *arg, const struct lane_count *count), void *arg)
{
	(void)st, (void)each, (void)arg;
}

static void memory_flows(struct store *st, void (*each)(void *arg, const struct flow_count *flow), void *arg)
{
	(void)st, (void)each, (void)arg;
}

static void memory_firsts(struct store *st, void (*each)(void *arg, const struct ready_first *first), void *arg)
{
	(void)st, (void)each, (void)arg;
}

static void memory_queues(struct store *st, void (*each)(void *arg, const struct queue_row *queue), void *arg)
{
	(void)st, (void)each, (void)arg;
}

/* Those that are there: for a store around this one, which lives longer than the process that it plays. */
static void memory_schedules(struct store *st, void (*each)(void *arg, const struct schedule_change *schedule), void *arg)
{
	memory_schedule_each(st->impl, each, arg);
}

static void memory_stats(struct store *st, struct store_stats *out)
{
	const struct memory_store *m = st->impl;

	out->transactions = out->operations = m->operations;
	out->writable = true;
}

const struct store_backend store_memory = {
	.name = "memory",
	.open = memory_open,
	.close = memory_close,
	.submit = memory_submit_op,
	.counts = memory_counts,
	.flows = memory_flows,
	.firsts = memory_firsts,
	.queues = memory_queues,
	.schedules = memory_schedules,
	.stats = memory_stats,
};
