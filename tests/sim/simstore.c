#include "simstore.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "coro/timer.h"
#include "sim.h"

enum { BATCH = 64 };

static struct {
	struct store kept;		/* holds the memory store while no life has it open */
	struct op_list ops;
	size_t waiting;
	struct timer turn;
	struct store *open;
	void (*on_crash)(void);
	bool dead, calm;
	mono_us fails_until, failed_at;
	int failure;			/* -EIO, or -ENOSPC: then what makes room gets through */
} s;

static void store_turn(struct timer *t);

void simstore_make(void (*on_crash)(void))
{
	const struct store_conf conf = { .directory = "" };
	char why[8];

	memset(&s, 0, sizeof(s));
	STAILQ_INIT(&s.ops);
	s.on_crash = on_crash;
	store_memory.open(&s.kept, &conf, why, sizeof(why));
	must(0, timer_open(&s.turn, store_turn) == 0, "no timer for the store");
}

void simstore_free(void)
{
	timer_close(&s.turn);
	store_memory.close(&s.kept);
}

const struct memory_store *simstore_kept(void)
{
	return s.kept.impl;
}

size_t simstore_waiting(void)
{
	return s.waiting;
}

bool simstore_dead(void)
{
	return s.dead;
}

void simstore_crash(void)
{
	if (s.dead)
		return;
	trace(0, "crash, %zu operations under way", s.waiting);
	figures.crashes++;
	s.dead = true;
	s.on_crash();
}

void simstore_calm(void)
{
	s.calm = true;
	s.fails_until = 0;
}

mono_us simstore_failed_at(void)
{
	return s.failed_at;
}

/* ---- carrying out ---- */

static bool refuses(const struct store_op *op)
{
	if (clock_mono() >= s.fails_until || op_reads(op))
		return false;
	return s.failure == -EIO || !op_completes(op);
}

static void carry_out(struct store_op *op)
{
	if (s.dead || refuses(op)) {
		if (!s.dead)
			s.failed_at = clock_mono();
		op->rc = s.dead ? -EIO : s.failure;
		store_op_done(s.open, op);
		return;
	}
	figures.operations++;
	store_memory.submit(s.open, op);
}

static void maybe_fail(void)
{
	if (s.calm || s.dead || clock_mono() < s.fails_until || !one_in(shape.outage_in))
		return;
	s.failure = one_in(2) ? -EIO : -ENOSPC;
	s.fails_until = clock_after(between(1, one_in(4) ? 5000 : 200) * 1000);
	figures.outages++;
	trace(0, "the store fails (%s) until %lld", strerror(-s.failure), (long long)s.fails_until);
}

static void set_turn(void)
{
	mono_us wait = s.dead ? 0 : one_in(8) ? 1 : between(1, shape.latency);

	if (!heap_holds(&s.turn.node))
		timer_set(&s.turn, clock_after(wait));
}

static void store_turn(struct timer *t)
{
	struct store_op *op;

	(void)t;
	maybe_fail();
	for (int n = one_in(4) ? 1 : BATCH; n > 0 && (op = STAILQ_FIRST(&s.ops)) != NULL; n--) {
		if (!s.calm && one_in(shape.crash_in))
			simstore_crash();
		STAILQ_REMOVE_HEAD(&s.ops, link);
		s.waiting--;
		carry_out(op);
	}
	if (!STAILQ_EMPTY(&s.ops))
		set_turn();
}

/* ---- the back end ---- */

static enum store_open_result sim_open(struct store *st, const struct store_conf *conf, char *why, size_t why_size)
{
	const struct memory_store *m = s.kept.impl;

	(void)conf, (void)why, (void)why_size;
	st->impl = s.kept.impl;
	st->seq = m->seq;
	s.open = st;
	s.dead = false;
	s.fails_until = 0;
	return STORE_OPEN_OK;
}

static void sim_close(struct store *st)
{
	struct store_op *op;

	while ((op = STAILQ_FIRST(&s.ops)) != NULL) {
		STAILQ_REMOVE_HEAD(&s.ops, link);
		s.waiting--;
		carry_out(op);
	}
	st->impl = NULL;
	s.open = NULL;
}

static void sim_submit(struct store *st, struct store_op *op)
{
	(void)st;
	STAILQ_INSERT_TAIL(&s.ops, op, link);
	s.waiting++;
	set_turn();
}

static void sim_counts(struct store *st, void (*each)(void *arg, const struct lane_count *count), void *arg)
{
	const struct memory_store *m = st->impl;

	for (size_t i = 0; i < m->n; i++) {
		const struct memory_job *j = m->jobs[i];

		each(arg, &(struct lane_count){ j->spec->queue, j->spec->type, j->k.row.state, 1 });
	}
}

static void sim_flows(struct store *st, void (*each)(void *arg, const struct flow_count *flow), void *arg)
{
	struct memory_store *m = st->impl;
	size_t n = HASH_COUNT(m->flows);
	struct flow_count *flows = memory_alloc(n, sizeof(*flows));

	for (size_t i = 0; i < m->n; i++) {
		const struct memory_job *j = m->jobs[i];
		struct flow_row row;

		if (job_state_final(j->k.row.state) || !memory_flow_of(m, j->spec, &row))
			continue;
		flows[row.id - 1].queue = j->spec->queue;
		flows[row.id - 1].type = j->spec->type;
		flows[row.id - 1].row = row;
		flows[row.id - 1].unfinished++;
		flows[row.id - 1].ready += j->k.row.state == JOB_READY;
	}
	for (size_t i = 0; i < n; i++)
		if (flows[i].unfinished > 0)
			each(arg, &flows[i]);
	free(flows);
}

/* The first of each order, found by looking at all of them; as flows are numbered from 1 up, those without one come last. */
static void sim_firsts(struct store *st, void (*each)(void *arg, const struct ready_first *first), void *arg)
{
	struct memory_store *m = st->impl;
	size_t flows = HASH_COUNT(m->flows), n = flows;
	struct ready_first *firsts = memory_alloc(flows + m->n, sizeof(*firsts));

	for (size_t i = 0; i < m->n; i++) {
		const struct memory_job *j = m->jobs[i];
		struct ready_first own = { j->spec->queue, j->spec->type, 0, j->k.row.priority, j->k.row.id }, *first = firsts + flows;
		struct flow_row row;

		if (j->k.row.state != JOB_READY)
			continue;
		if (memory_flow_of(m, j->spec, &row)) {
			own.flow = row.id;
			first = &firsts[row.id - 1];
		} else {
			while (first < firsts + n && (strcmp(first->queue, own.queue) != 0 || strcmp(first->type, own.type) != 0))
				first++;
			n += first == firsts + n;
		}
		if (first->id == 0 || own.priority > first->priority || (own.priority == first->priority && own.id < first->id))
			*first = own;
	}
	for (size_t i = 0; i < n; i++)
		if (firsts[i].id != 0)
			each(arg, &firsts[i]);
	free(firsts);
}

static void sim_queues(struct store *st, void (*each)(void *arg, const struct queue_row *queue), void *arg)
{
	const struct memory_store *m = st->impl;

	for (size_t i = 0; i < m->queues_n; i++) {
		struct queue_row row = m->queues[i].row;

		row.name = m->queues[i].name;
		row.bucket = m->queues[i].bucket;
		each(arg, &row);
	}
}

static void sim_stats(struct store *st, struct store_stats *out)
{
	store_memory.stats(st, out);
}

static void sim_schedules(struct store *st, void (*each)(void *arg, const struct schedule_change *schedule), void *arg)
{
	(void)st;
	store_memory.schedules(&s.kept, each, arg);
}

const struct store_backend simstore = {
	.name = "simulated",
	.open = sim_open,
	.close = sim_close,
	.submit = sim_submit,
	.counts = sim_counts,
	.flows = sim_flows,
	.firsts = sim_firsts,
	.queues = sim_queues,
	.schedules = sim_schedules,
	.stats = sim_stats,
};
