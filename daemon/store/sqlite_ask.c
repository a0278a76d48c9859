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

static int ask_allowed(struct sqlite_tx *tx, const struct store_op *op, const struct sqlite_job *j)
{
	if (op->verb == VERB_RETRY && job_state_final(j->row.k.row.state) && ask_key_taken(tx, j))
		return -EEXIST;
	return tx->db.failed;
}

int sqlite_ask(struct sqlite_tx *tx, struct store_op *op)
{
	struct sqlite_job *j;
	struct job_kept was;
	struct effect e = { 0 };
	int rc = sqlite_job_get(tx, op->ask.id, &j);

	if (rc != 0)
		return rc;
	was = j->row.k;
	*op->ask.state = was.row.state;
	rc = ask_allowed(tx, op, j);
	if (rc == 0 && op->verb == VERB_RETRY && job_state_final(was.row.state) && (was.graph & GRAPH_AFTER))
		rc = sqlite_graph_again(tx, op, j);
	if (rc == 0)
		rc = op_ask_rule(op)(&j->row.k, op->now, &e);
	if (rc != 0)
		return rc;
	*op->ask.state = j->row.k.row.state;
	if (!e.changed)
		return 0;
	if (op->verb != VERB_DELETE)
		return sqlite_job_change(tx, op, j, &was, &e);
	sqlite_edge_remove(tx, op, j);
	return sqlite_job_drop(tx, op, j, &was, &e);
}

int sqlite_ask_update(struct sqlite_tx *tx, struct store_op *op)
{
	const struct job_update *u = op->update.update;
	struct sqlite_lane *was_lane;
	struct sqlite_job *j;
	struct job_kept was;
	struct effect e = { 0 };
	int rc = sqlite_job_get(tx, u->id, &j);

	if (rc != 0)
		return rc;
	was = j->row.k;
	was_lane = j->row.lane;
	*op->update.state = was.row.state;
	rc = rules_update(&j->row.k, u, op->now, &e);
	if (rc != 0)
		return rc;
	*op->update.state = j->row.k.row.state;
	if (u->what & UPDATE_QUEUE)
		j->row.lane = sqlite_lane_of(&tx->lanes, u->queue, was_lane->type);
	if (j->row.lane == NULL)
		return sqlite_db_fail(&tx->db, -ENOMEM, "out of memory");
	if (u->what & UPDATE_TAGS)
		sqlite_job_tags(tx, j, u->tags);
	return sqlite_job_move(tx, op, j, &was, was_lane, &e);
}

int sqlite_ask_probe(struct sqlite_tx *tx, struct store_op *op)
{
	(void)op;
	return sqlite_tx_probe(tx);
}
