/*
 * What time brings about: scheduled jobs fall due, others expire, final ones
 * are pruned; and at start, what was cut off comes back.
 *
 * Each finds at most `max` ids by a partial index, and only then changes the
 * jobs: the index is not walked while it changes.
 */
#include <errno.h>
#include <stdlib.h>

#include "store/sqlite_edge.h"
#include "store/sqlite_request.h"
#include "store/sqlite_verbs.h"

struct time_ids {
	int64_t *v;
	size_t n, max;
};

/* Room for max ids; and what was changed before is where it can be found. */
static int time_open(struct time_ids *ids, struct sqlite_tx *tx, size_t max)
{
	ids->n = 0;
	ids->max = max;
	ids->v = malloc((max > 0 ? max : 1) * sizeof(ids->v[0]));
	if (ids->v == NULL)
		return sqlite_db_fail(&tx->db, -ENOMEM, "out of memory");
	return sqlite_jobs_flush(tx);
}

/* Adds what a bound query gives. */
static void time_add(struct time_ids *ids, struct sqlite_query *q)
{
	while (sqlite_next(q))
		ids->v[ids->n++] = sqlite_int(q, 0);
}

/* Adds jobs whose time has come, at most `limit`. */
static void time_add_agenda(struct time_ids *ids, struct sqlite_tx *tx, enum sqlite_agenda kind, wall_ms until, size_t limit)
{
	struct sqlite_query q = sqlite_query(&tx->db, SQL_AGENDA_DUE);

	sqlite_bind_int(&q, until);
	sqlite_bind_int(&q, (int64_t)limit);
	sqlite_bind_int(&q, (int64_t)kind);
	time_add(ids, &q);
}

static void time_add_final(struct time_ids *ids, struct sqlite_tx *tx, wall_ms until, size_t limit)
{
	struct sqlite_query q = sqlite_query(&tx->db, SQL_FINAL);

	sqlite_bind_int(&q, until);
	sqlite_bind_int(&q, (int64_t)limit);
	time_add(ids, &q);
}

static void time_change(struct sqlite_tx *tx, struct store_op *op, int64_t id, rule_fn *rule)
{
	struct sqlite_job *j;
	struct job_kept was;
	struct effect e = { 0 };

	if (sqlite_job_get(tx, id, &j) != 0) {
		sqlite_db_fail(&tx->db, -EUCLEAN, "a time is set for no job");
		return;
	}
	was = j->row.k;
	if (rule(&j->row.k, op->now, &e) != 0)
		sqlite_db_fail(&tx->db, -EUCLEAN, "a time is set for a job in another state");
	else if (rule == rules_delete)
		sqlite_job_drop(tx, op, j, &was, &e);
	else
		sqlite_job_change(tx, op, j, &was, &e);
}

/* Changes them all, and lets what follows find them so. */
static int time_close(struct time_ids *ids, struct sqlite_tx *tx, struct store_op *op, rule_fn *rule)
{
	for (size_t i = 0; i < ids->n && tx->db.failed == 0; i++)
		time_change(tx, op, ids->v[i], rule);
	free(ids->v);
	return sqlite_jobs_flush(tx);
}

static wall_ms time_next(struct sqlite_tx *tx, enum sqlite_agenda kind)
{
	struct sqlite_query q = sqlite_query(&tx->db, SQL_AGENDA_NEXT);

	sqlite_bind_int(&q, (int64_t)kind);
	return sqlite_value(&q, 0);
}

static int time_agenda(struct sqlite_tx *tx, struct store_op *op, enum sqlite_agenda kind, rule_fn *rule)
{
	struct time_ids ids;

	if (time_open(&ids, tx, op->time.max) == 0)
		time_add_agenda(&ids, tx, kind, op->now, ids.max);
	time_close(&ids, tx, op, rule);
	*op->time.next = time_next(tx, kind);
	return tx->db.failed;
}

int sqlite_time_due(struct sqlite_tx *tx, struct store_op *op)
{
	return time_agenda(tx, op, AGENDA_DUE, rules_due);
}

int sqlite_time_expire(struct sqlite_tx *tx, struct store_op *op)
{
	return time_agenda(tx, op, AGENDA_EXPIRE, rules_expire);
}

/* ---- prune ---- */

/* When the next final record is to go; 0 if there is none. Too many may be left where unfinished jobs name them. */
static wall_ms time_prune_next(struct sqlite_tx *tx, const struct store_op *op, size_t removed)
{
	struct sqlite_query q = sqlite_query(&tx->db, SQL_FINAL_NEXT);
	wall_ms by_default = sqlite_value(&q, 0), by_own = time_next(tx, AGENDA_PRUNE);

	if (removed > 0 && tx->lanes.finals > op->time.retain_jobs)
		return op->now;
	if (by_default != 0)
		by_default += op->time.retain;
	if (by_default == 0 || (by_own != 0 && by_own < by_default))
		return by_own;
	return by_default;
}

/*
 * Those whose time is over; or, where that leaves too many, the oldest: first
 * of those that asked for no time of their own.
 */
static void time_find_old(struct time_ids *ids, struct sqlite_tx *tx, const struct store_op *op)
{
	int64_t surplus = tx->lanes.finals - op->time.retain_jobs;
	size_t many = surplus < (int64_t)ids->max ? (size_t)surplus : ids->max;

	time_add_final(ids, tx, op->now - op->time.retain, ids->max);
	time_add_agenda(ids, tx, AGENDA_PRUNE, op->now, ids->max - ids->n);
	if (surplus <= (int64_t)ids->n)
		return;
	ids->n = 0;
	time_add_final(ids, tx, INT64_MAX, many);
	time_add_agenda(ids, tx, AGENDA_PRUNE, INT64_MAX, many - ids->n);
}

int sqlite_time_prune(struct sqlite_tx *tx, struct store_op *op)
{
	struct time_ids ids;

	if (time_open(&ids, tx, op->time.max) == 0)
		time_find_old(&ids, tx, op);
	*op->time.removed = ids.n;
	time_close(&ids, tx, op, rules_delete);
	*op->time.removed += sqlite_request_prune(tx, op->now, op->time.max);
	*op->time.next = time_prune_next(tx, op, ids.n);
	return tx->db.failed;
}

/* ---- resolve ---- */

int sqlite_time_resolve(struct sqlite_tx *tx, struct store_op *op)
{
	size_t budget = op->time.max;
	struct time_ids ids;

	if (time_open(&ids, tx, op->time.max) == 0)
		time_add_agenda(&ids, tx, AGENDA_RESOLVE, INT64_MAX, ids.max);
	for (size_t i = 0; i < ids.n && budget > 0 && tx->db.failed == 0; i++) {
		struct sqlite_job *j;

		if (sqlite_job_get(tx, ids.v[i], &j) != 0) {
			sqlite_db_fail(&tx->db, -EUCLEAN, "edges of no job are to follow");
		} else {
			sqlite_job_touch(tx, op, j);
			sqlite_edge_follow(tx, op, &budget);
		}
	}
	free(ids.v);
	sqlite_jobs_flush(tx);
	*op->time.next = time_next(tx, AGENDA_RESOLVE);
	return tx->db.failed;
}

/* ---- recover ---- */

int sqlite_time_recover(struct sqlite_tx *tx, struct store_op *op)
{
	struct sqlite_query q;
	struct time_ids ids;

	if (time_open(&ids, tx, op->time.max) == 0) {
		q = sqlite_query(&tx->db, SQL_RUNNING);
		sqlite_bind_int(&q, (int64_t)ids.max);
		time_add(&ids, &q);
	}
	*op->time.left = ids.n == ids.max;
	return time_close(&ids, tx, op, rules_recover);
}
