/* What people ask for: cancel, hold, release, retry, delete, update. */
#include <errno.h>

#include "store/sqlite_edge.h"
#include "store/sqlite_graph.h"
#include "store/sqlite_verbs.h"

/* Would the job, back among the active, share its unique key with another? */
static bool ask_key_taken(struct sqlite_tx *tx, const struct sqlite_job *j)
{
	struct sqlite_query q;

	if (j->row.unique_key[0] == '\0')
		return false;
	sqlite_jobs_flush(tx);
	q = sqlite_query(&tx->db, SQL_HOLDER_GET);
	sqlite_bind_text(&q, j->row.unique_key);
	sqlite_bind_int(&q, true);
	return sqlite_value(&q, 0) != 0;
}

static int ask_allowed(struct sqlite_tx *tx, rule_fn *rule, const struct sqlite_job *j)
{
	if (rule == rules_retry && job_state_final(j->row.k.row.state) && ask_key_taken(tx, j))
		return -EEXIST;
	return tx->db.failed;
}

/* What is not final has its flow: before the change, so that the change is told with it. */
static int ask_revive(struct sqlite_tx *tx, rule_fn *rule, struct sqlite_job *j)
{
	return rule == rules_retry && job_state_final(j->row.k.row.state) ? sqlite_job_revive(tx, j) : 0;
}

/* The change that the op's rule makes. 0, what forbids it, or the failure. */
static int ask_change(struct sqlite_tx *tx, struct store_op *op, struct sqlite_job *j)
{
	rule_fn *rule = op_ask_rule(op);
	struct job_kept was = j->row.k;
	struct effect e = { 0 };
	int rc = ask_allowed(tx, rule, j);

	if (rc == 0)
		rc = ask_revive(tx, rule, j);
	if (rc == 0 && rule == rules_retry && job_state_final(was.row.state) && (was.graph & GRAPH_AFTER))
		rc = sqlite_graph_again(tx, op, j);
	if (rc == 0)
		rc = rule(&j->row.k, op->now, &e);
	if (rc != 0 || !e.changed)
		return rc;
	if (rule != rules_delete)
		return sqlite_job_change(tx, op, j, &was, &e);
	sqlite_edge_remove(tx, op, j);
	return sqlite_job_drop(tx, op, j, &was, &e);
}

int sqlite_ask(struct sqlite_tx *tx, struct store_op *op)
{
	struct sqlite_job *j;
	int rc = sqlite_job_get(tx, op->ask.id, &j);

	if (rc != 0)
		return rc;
	*op->ask.state = j->row.k.row.state;
	rc = ask_change(tx, op, j);
	if (rc == 0)
		*op->ask.state = op->verb == VERB_DELETE ? JOB_NONE : j->row.k.row.state;
	return rc;
}

int sqlite_ask_many(struct sqlite_tx *tx, struct store_op *op)
{
	const struct job_many *many = op->many.many;

	*op->many.done = 0;
	for (size_t i = 0; i < many->n && tx->db.failed == 0; i++) {
		struct sqlite_job *j;

		if (sqlite_job_get(tx, many->ids[i], &j) != 0)
			continue;
		if ((many->states & 1u << j->row.k.row.state) != 0)
			*op->many.done += ask_change(tx, op, j) == 0;
		else
			*op->many.done += op_took_along(op, &j->row.k);
	}
	return tx->db.failed;
}

/* The lane it is to be in, if there is room. 0, -EXFULL, or the failure. */
static int ask_lane(struct sqlite_tx *tx, const struct job_update *u, struct sqlite_lane **lane)
{
	const struct sqlite_lane *was = *lane;

	if ((u->what & UPDATE_QUEUE) == 0)
		return 0;
	*lane = sqlite_lane_of(&tx->lanes, u->queue, was->type);
	if (*lane == NULL)
		return sqlite_db_fail(&tx->db, -ENOMEM, "out of memory");
	return (*lane)->in != was->in ? rules_update_room(u, (*lane)->in->waiting) : 0;
}

int sqlite_ask_update(struct sqlite_tx *tx, struct store_op *op)
{
	const struct job_update *u = op->update.update;
	struct sqlite_lane *lane, *was_lane;
	struct sqlite_job *j;
	struct job_kept was, k;
	struct effect e = { 0 };
	int rc = sqlite_job_get(tx, u->id, &j);

	if (rc != 0)
		return rc;
	was = k = j->row.k;
	lane = was_lane = j->row.lane;
	*op->update.state = was.row.state;
	rc = rules_update(&k, u, op->now, &e);
	if (rc == 0)
		rc = ask_lane(tx, u, &lane);
	if (rc != 0)
		return rc;
	*op->update.state = k.row.state;
	j->row.k = k;
	j->row.lane = lane;
	rc = sqlite_job_move(tx, op, j, &was, was_lane, &e);
	if (rc == 0 && (u->what & UPDATE_TAGS))
		rc = sqlite_job_tags(tx, j, u->tags);
	return rc;
}

int sqlite_ask_probe(struct sqlite_tx *tx, struct store_op *op)
{
	(void)op;
	return sqlite_tx_probe(tx);
}
