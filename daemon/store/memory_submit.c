/* The memory back end's submit: all is looked at first, so that nothing need be undone. */
#include <errno.h>
#include <string.h>

#include "store/memory.h"
#include "store/rules_graph.h"

struct memory_job *memory_holder(const struct memory_store *m, const struct submission *s)
{
	for (size_t i = m->n; i > 0; i--) {
		struct memory_job *j = m->jobs[i - 1];

		if (j->spec->unique_key != NULL && strcmp(j->spec->unique_key, s->spec->unique_key) == 0 &&
		    (s->unique_scope == UNIQUE_ALL || !job_state_final(j->k.row.state)))
			return j;
	}
	return NULL;
}

/* Will the i-th be answered as one with its request_id was, before this call or in it? */
static bool memory_answered(const struct memory_store *m, const struct store_op *op, size_t i)
{
	struct submission s = op->submit.v[i];

	if (memory_request_answer(m, &s, op->now))
		return true;
	for (size_t k = 0; s.request_id != NULL && k < i; k++)
		if (op->submit.v[k].request_id != NULL && strcmp(op->submit.v[k].request_id, s.request_id) == 0)
			return true;
	return false;
}

/* The one of the submissions before it that would hold its key by then. */
static const struct submission *memory_holder_before(const struct memory_store *m, const struct store_op *op, size_t i)
{
	const struct submission *v = op->submit.v;

	for (size_t k = i; k > 0; k--)
		if (v[k - 1].spec->unique_key != NULL && !v[k - 1].existing && !memory_answered(m, op, k - 1) &&
		    strcmp(v[k - 1].spec->unique_key, v[i].spec->unique_key) == 0)
			return &v[k - 1];
	return NULL;
}

/* Does the i-th add a job: is it neither answered by a request id nor by a unique key? */
static bool memory_adds(const struct memory_store *m, const struct store_op *op, size_t i)
{
	return !op->submit.v[i].existing && !memory_answered(m, op, i);
}

/* The queue in which the i-th makes room by replacing a job; NULL: in none. */
static const char *memory_replaced_in(const struct memory_store *m, const struct store_op *op, size_t i)
{
	const struct submission *s = &op->submit.v[i], *before;
	const struct memory_job *holder;

	if (s->spec->unique_key == NULL || s->unique_on_conflict != UNIQUE_REPLACE || !memory_adds(m, op, i))
		return NULL;
	before = memory_holder_before(m, op, i);
	if (before != NULL)
		return before->spec->queue;
	holder = memory_holder(m, s);
	return holder != NULL && job_state_waiting(holder->k.row.state) ? holder->spec->queue : NULL;
}

/* Has the queue of the i-th room for it, behind those before it? */
static int memory_room(const struct memory_store *m, struct store_op *op, size_t i)
{
	const struct submission *v = op->submit.v;
	const char *queue = v[i].spec->queue, *replaced;
	int64_t waiting;

	if (v[i].max_ready == 0)
		return 0;
	waiting = memory_queue_waiting(m, queue);
	for (size_t k = 0; k <= i; k++) {
		replaced = memory_replaced_in(m, op, k);
		waiting -= replaced != NULL && strcmp(replaced, queue) == 0;
		waiting += k < i && memory_adds(m, op, k) && strcmp(v[k].spec->queue, queue) == 0;
	}
	return rules_room(&op->submit.v[i], waiting);
}

/* Is all there that it names, and that is not of this call? */
static int memory_named_check(const struct memory_store *m, struct store_op *op, size_t i)
{
	struct submission *s = &op->submit.v[i];

	for (size_t k = 0; k < s->after_n; k++) {
		struct submission other = s->after[k] < 0 ? op->submit.v[-1 - s->after[k]] : (struct submission){ .id = s->after[k] };

		if (s->after[k] < 0 && !memory_request_answer(m, &other, op->now))
			continue;
		s->missing = other.id;
		if (memory_find(m, other.id) == NULL)
			return -ENOENT;
	}
	return 0;
}

static int memory_may_add(const struct memory_store *m, struct store_op *op, size_t i)
{
	int rc = memory_room(m, op, i);

	return rc != 0 ? rc : memory_named_check(m, op, i);
}

/* Would the i-th be refused? Nothing is changed yet, so that all or none are added. */
static int memory_submit_check(struct memory_store *m, struct store_op *op, size_t i)
{
	struct submission *s = &op->submit.v[i];
	const struct submission *before;
	struct memory_job *holder;
	enum unique_verdict verdict;

	s->existing = false;
	if (memory_answered(m, op, i))
		return 0;
	if (s->known_only)
		return -EDQUOT;
	if (s->spec->unique_key == NULL)
		return memory_may_add(m, op, i);
	before = memory_holder_before(m, op, i);
	holder = before == NULL ? memory_holder(m, s) : NULL;
	if (before == NULL && holder == NULL)
		return memory_may_add(m, op, i);
	s->id = holder != NULL ? holder->k.row.id : 0;
	s->state = holder != NULL ? holder->k.row.state : JOB_HELD;	/* waiting, whichever way */
	verdict = rules_unique(s, s->state);
	s->existing = verdict == UNIQUE_ANSWER;
	if (s->existing)
		return 0;
	if (verdict == UNIQUE_CANCEL)
		return memory_may_add(m, op, i);
	return verdict == UNIQUE_TAKEN ? -EEXIST : verdict == UNIQUE_RUNS ? -EBUSY : 0;
}

struct memory_job *memory_insert(struct memory_store *m, struct store_op *op, struct submission *s,
				 const struct graph_start *start, struct effect *e, char *why)
{
	struct memory_job *j = memory_alloc(1, sizeof(*j));

	TAILQ_INIT(&j->down);
	TAILQ_INIT(&j->up);
	rules_submit(&j->k, s, start, ++m->last_id, op->now, e, why);
	j->spec = job_spec_ref(s->spec);
	m->jobs = memory_grow(m->jobs, m->n, sizeof(m->jobs[0]));
	m->jobs[m->n++] = j;
	s->id = j->k.row.id;
	s->state = j->k.row.state;
	memory_set(&j->reason, e->reason);
	memory_set(&j->message, e->message);
	memory_note(m, op, JOB_NONE, j, e);
	memory_touch(m, op, j);
	return j;
}

static void memory_submit_one(struct memory_store *m, struct store_op *op, size_t i)
{
	static const struct graph_start alone;
	struct submission *s = &op->submit.v[i];
	struct effect e = { 0 };
	struct memory_job *holder = s->spec->unique_key != NULL ? memory_holder(m, s) : NULL;

	s->fresh = false;
	if (memory_request_answer(m, s, op->now))
		return;
	/* One of the call that was to hold the key may have been cancelled as it began. */
	s->existing = s->existing && holder != NULL;
	if (s->existing) {
		s->id = holder->k.row.id;
		s->state = holder->k.row.state;
		memory_request_keep(m, s, op->now);
		return;
	}
	if (holder != NULL)
		memory_apply(m, op, holder, rules_cancel);
	s->fresh = true;
	if (s->after_n > 0)
		memory_graph_insert(m, op, i);
	else
		memory_insert(m, op, s, &alone, &e, NULL);
	memory_request_keep(m, s, op->now);
}

int memory_submit(struct memory_store *m, struct store_op *op)
{
	for (size_t i = 0; i < op->submit.n; i++) {
		int rc = memory_submit_check(m, op, i);

		if (rc != 0 && op->submit.at != NULL)
			*op->submit.at = i;
		if (rc != 0)
			return rc;
	}
	for (size_t i = 0; i < op->submit.n; i++)
		memory_submit_one(m, op, i);
	memory_graph_late(m, op);
	return 0;
}

int memory_submit_dry(struct memory_store *m, struct store_op *op)
{
	struct submission *s = op->submit.v;
	struct graph_start start = { 0 };
	char why[RULES_WHY_SIZE];
	struct effect e = { 0 };
	struct job_kept k;

	if (memory_named_check(m, op, 0) != 0)
		return -ENOENT;
	for (size_t i = 0; i < s->after_n; i++)
		rules_graph_parent(&start, &memory_find(m, s->after[i])->k, s->after_run);
	rules_submit(&k, s, &start, 0, op->now, &e, why);
	s->state = k.row.state;
	return 0;
}
