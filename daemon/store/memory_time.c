/* The memory back end: what time brings about. */
#include "store/memory.h"

struct memory_time {		/* what a verb of time looks for */
	rule_fn *rule;
	bool (*concerns)(const struct job_kept *k);
	wall_ms (*when)(const struct memory_store *m, const struct job_kept *k);
};

static bool memory_is_scheduled(const struct job_kept *k)
{
	return k->row.state == JOB_SCHEDULED;
}

static bool memory_may_expire(const struct job_kept *k)
{
	return job_state_waiting(k->row.state) && k->row.attempt == 0 && k->row.expires_at > 0;
}

static bool memory_is_final(const struct job_kept *k)
{
	return rules_prunable(k);
}

static bool memory_runs(const struct job_kept *k)
{
	return k->row.state == JOB_RUNNING;
}

static wall_ms memory_when_due(const struct memory_store *m, const struct job_kept *k)
{
	(void)m;
	return k->row.run_at;
}

static wall_ms memory_when_expired(const struct memory_store *m, const struct job_kept *k)
{
	(void)m;
	return k->row.expires_at;
}

static wall_ms memory_when_pruned(const struct memory_store *m, const struct job_kept *k)
{
	return rules_prune_at(k, m->retain);
}

static wall_ms memory_when_cut_off(const struct memory_store *m, const struct job_kept *k)
{
	(void)m, (void)k;
	return 0;
}

static const struct memory_time *memory_time_of(enum store_verb verb)
{
	static const struct memory_time due = { rules_due, memory_is_scheduled, memory_when_due };
	static const struct memory_time expire = { rules_expire, memory_may_expire, memory_when_expired };
	static const struct memory_time prune = { rules_delete, memory_is_final, memory_when_pruned };
	static const struct memory_time recover = { rules_recover, memory_runs, memory_when_cut_off };

	return verb == VERB_DUE ? &due : verb == VERB_EXPIRE ? &expire : verb == VERB_PRUNE ? &prune : &recover;
}

/* The one that comes first; NULL if there is none. */
static struct memory_job *memory_first(const struct memory_store *m, const struct memory_time *t)
{
	struct memory_job *first = NULL;

	for (size_t i = 0; i < m->n; i++)
		if (t->concerns(&m->jobs[i]->k) &&
		    (first == NULL || t->when(m, &m->jobs[i]->k) < t->when(m, &first->k)))
			first = m->jobs[i];
	return first;
}

static int64_t memory_finals(const struct memory_store *m)
{
	int64_t finals = 0;

	for (size_t i = 0; i < m->n; i++)
		finals += job_state_final(m->jobs[i]->k.row.state);
	return finals;
}

int memory_time(struct memory_store *m, struct store_op *op)
{
	const struct memory_time *t = memory_time_of(op->verb);
	int64_t surplus = op->verb == VERB_PRUNE ? memory_finals(m) - op->time.retain_jobs : 0;
	struct memory_job *j;
	size_t n = 0;

	if (op->verb == VERB_PRUNE)
		m->retain = op->time.retain;
	while ((j = memory_first(m, t)) != NULL && n < op->time.max) {
		if (t->when(m, &j->k) > op->now && (int64_t)n >= surplus)
			break;
		memory_apply(m, op, j, t->rule);
		n++;
	}
	if (op->time.next != NULL)
		*op->time.next = j == NULL ? 0 : surplus > (int64_t)n ? op->now : t->when(m, &j->k);
	if (op->time.removed != NULL)
		*op->time.removed = n + memory_request_prune(m, op->now, op->time.max);
	if (op->time.left != NULL)
		*op->time.left = j != NULL;
	return 0;
}
