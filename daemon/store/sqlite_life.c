/* A job's own life: submitted, claimed, settled. */
#include <errno.h>

#include "store/rules_graph.h"
#include "store/sqlite_graph.h"
#include "store/sqlite_request.h"
#include "store/sqlite_queue.h"
#include "store/sqlite_verbs.h"

/* ---- submit ---- */

static int64_t life_holder_id(struct sqlite_tx *tx, const char *key, bool active)
{
	struct sqlite_query q = sqlite_query(&tx->db, SQL_HOLDER_GET);

	sqlite_bind_text(&q, key);
	sqlite_bind_int(&q, active);
	return sqlite_value(&q, 0);
}

/* The newest job that the submission's key is taken by, or NULL: 0, or the failure. */
static int life_holder(struct sqlite_tx *tx, const struct submission *s, struct sqlite_job **holder)
{
	int64_t id, final = 0;
	int rc;

	*holder = NULL;
	sqlite_jobs_flush(tx);
	id = life_holder_id(tx, s->spec->unique_key, true);
	if (s->unique_scope == UNIQUE_ALL)
		final = life_holder_id(tx, s->spec->unique_key, false);
	if (final > id)
		id = final;
	if (id == 0)
		return tx->db.failed;
	rc = sqlite_job_get(tx, id, holder);
	return rc == -ENOENT ? sqlite_db_fail(&tx->db, -EUCLEAN, "a key is held by no job") : rc;
}

static int life_replace(struct sqlite_tx *tx, struct store_op *op, struct sqlite_job *holder)
{
	struct job_kept was = holder->row.k;
	struct effect e = { 0 };

	rules_cancel(&holder->row.k, op->now, &e);
	return sqlite_job_change(tx, op, holder, &was, &e);
}

/* Settles the matter of the unique key. 0: insert it; 1: it is answered; or what the rule says. */
static int life_unique(struct sqlite_tx *tx, struct store_op *op, struct submission *s)
{
	struct sqlite_job *holder;

	if (s->spec->unique_key == NULL || life_holder(tx, s, &holder) != 0 || holder == NULL)
		return tx->db.failed;
	s->id = holder->id;
	s->state = holder->row.k.row.state;
	switch (rules_unique(s, s->state)) {
	case UNIQUE_ANSWER:
		s->existing = true;
		return 1;
	case UNIQUE_TAKEN:
		return -EEXIST;
	case UNIQUE_RUNS:
		return -EBUSY;
	case UNIQUE_CANCEL:
		break;
	}
	return life_replace(tx, op, holder);
}

static int life_room(struct sqlite_tx *tx, struct submission *s)
{
	const struct sqlite_lane *lane = sqlite_lane_of(&tx->lanes, s->spec->queue, s->spec->type);

	if (lane == NULL)
		return sqlite_db_fail(&tx->db, -ENOMEM, "out of memory");
	return rules_room(s, lane->in->waiting);
}

static int life_insert(struct sqlite_tx *tx, struct store_op *op, size_t i)
{
	static const struct graph_start alone;
	struct submission *s = &op->submit.v[i];
	struct effect e = { 0 };
	struct job_kept k;

	s->fresh = true;
	if (s->after_n > 0)
		return sqlite_graph_submit(tx, op, i);
	rules_submit(&k, s, &alone, tx->next_id++, op->now, &e, NULL);
	s->id = k.row.id;
	s->state = k.row.state;
	return sqlite_job_insert(tx, op, &k, s->spec, s->spec, &e);
}

static int life_submit_one(struct sqlite_tx *tx, struct store_op *op, size_t i)
{
	struct submission *s = &op->submit.v[i];
	int rc;

	s->existing = s->fresh = false;
	if (sqlite_request_answer(tx, s, op->now))
		return 0;
	if (s->known_only)
		return tx->db.failed != 0 ? tx->db.failed : -EDQUOT;
	rc = life_unique(tx, op, s);
	if (rc == 0 && s->max_ready > 0)
		rc = life_room(tx, s);
	if (rc == 0)
		rc = life_insert(tx, op, i);
	return rc < 0 ? rc : sqlite_request_keep(tx, s, op->now);
}

static int life_submit_each(struct sqlite_tx *tx, struct store_op *op)
{
	size_t at = 0;
	int rc = 0;

	for (size_t i = 0; i < op->submit.n && rc == 0; i++) {
		at = i;
		rc = life_submit_one(tx, op, i);
	}
	if (rc == 0)
		rc = sqlite_graph_late(tx, op, &at);
	if (rc != 0 && op->submit.at != NULL)
		*op->submit.at = at;
	return rc;
}

/* Can the op be refused after something was done: one inserted, or the holder of a key cancelled? */
static bool life_submit_in_parts(const struct store_op *op)
{
	for (size_t i = 0; i < op->submit.n; i++) {
		const struct submission *s = &op->submit.v[i];
		bool takes = s->spec->unique_key != NULL && s->unique_on_conflict != UNIQUE_EXISTING;
		bool asks = s->max_ready > 0 || s->after_n > 0 || s->spec->group != NULL || s->spec->concurrency_key != NULL;

		if ((takes || asks) && op->submit.n > 1)
			return true;
		if (takes && asks)
			return true;
	}
	return false;
}

static int life_run(struct sqlite_tx *tx, enum sqlite_sql sql)
{
	struct sqlite_query q = sqlite_query(&tx->db, sql);

	return sqlite_run(&q);
}

/* Ids given in a part that was undone are of no job. */
static void life_forget_ids(struct store_op *op, int64_t next_id)
{
	for (size_t i = 0; i < op->submit.n; i++)
		if (op->submit.v[i].id >= next_id)
			op->submit.v[i].id = 0;
}

int sqlite_life_submit(struct sqlite_tx *tx, struct store_op *op)
{
	int64_t next_id = tx->next_id;
	uint64_t seq = tx->seq;
	int rc;

	if (!life_submit_in_parts(op))
		return life_submit_each(tx, op);
	sqlite_jobs_flush(tx);
	life_run(tx, SQL_SAVEPOINT);
	rc = life_submit_each(tx, op);
	if (rc != 0 && tx->db.failed == 0) {
		life_run(tx, SQL_SAVEPOINT_UNDO);
		sqlite_jobs_forget(&tx->jobs);
		sqlite_tx_undo(tx, op);
		life_forget_ids(op, next_id);
		tx->next_id = next_id;
		tx->seq = seq;
	}
	life_run(tx, SQL_SAVEPOINT_END);
	return rc;
}

/* ---- claim, settle ---- */

static int life_slots(const struct claim *c, const struct sqlite_job *j)
{
	const struct sqlite_key *key = j->flow != NULL ? j->flow->key : NULL;

	return rules_slots(c, j->row.lane->queue, j->row.lane->in->running, key != NULL ? key->running : 0,
			   key != NULL ? j->flow->row.limit : 0);
}

static int life_token(struct sqlite_tx *tx, const struct claim *c, const struct sqlite_job *j)
{
	return c->rate.per_second > 0 ? sqlite_queue_token(&tx->db, j->row.lane->queue, &c->rate, c->token_at) : 0;
}

int sqlite_life_claim(struct sqlite_tx *tx, struct store_op *op)
{
	struct sqlite_job *j;
	struct job_kept was;
	struct effect e = { 0 };
	int rc = sqlite_job_get(tx, op->claim.claim->id, &j);

	if (rc != 0)
		return rc;
	was = j->row.k;
	rc = life_slots(op->claim.claim, j);
	if (rc == 0)
		rc = rules_claim(&j->row.k, op->claim.claim, &e);
	if (rc != 0)
		return rc;
	rc = life_token(tx, op->claim.claim, j);
	if (rc != 0) {
		j->row.k = was;
		return rc;
	}
	if (op->claim.load != NULL)
		*op->claim.load = sqlite_row_spec(&j->row, &tx->db, false);
	return sqlite_job_change(tx, op, j, &was, &e);
}

int sqlite_life_settle(struct sqlite_tx *tx, struct store_op *op)
{
	struct sqlite_job *j;
	struct job_kept was;
	struct effect e = { 0 };
	int rc = sqlite_job_get(tx, op->settle->id, &j);

	if (rc != 0)
		return rc;
	was = j->row.k;
	rc = rules_settle(&j->row.k, op->settle, &e);
	return rc != 0 ? rc : sqlite_job_change(tx, op, j, &was, &e);
}
