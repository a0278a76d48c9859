#include "store/sqlite_job.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store/rules_graph.h"
#include "store/sqlite_tx.h"

enum {
	JOBS_KEPT = 16384,
	AGENDA_AT_ONCE = 1		/* long past */
};

/* ---- in memory ---- */

void sqlite_jobs_init(struct sqlite_jobs *jobs)
{
	jobs->by_id = NULL;
	TAILQ_INIT(&jobs->used);
	TAILQ_INIT(&jobs->dirty);
	TAILQ_INIT(&jobs->moving);
}

static void job_forget(struct sqlite_jobs *jobs, struct sqlite_job *j)
{
	if (j->dirty)
		TAILQ_REMOVE(&jobs->dirty, j, unwritten);
	if (j->moving)
		TAILQ_REMOVE(&jobs->moving, j, moving_link);
	TAILQ_REMOVE(&jobs->used, j, used);
	HASH_DEL(jobs->by_id, j);
	free(j);
}

void sqlite_jobs_trim(struct sqlite_jobs *jobs)
{
	while (HASH_COUNT(jobs->by_id) > JOBS_KEPT)
		job_forget(jobs, TAILQ_FIRST(&jobs->used));
}

void sqlite_jobs_forget(struct sqlite_jobs *jobs)
{
	struct sqlite_job *j;

	while ((j = TAILQ_FIRST(&jobs->used)) != NULL)
		job_forget(jobs, j);
}

/* Room for one more job; NULL after a failure, which sticks. */
static struct sqlite_job *job_new(struct sqlite_tx *tx)
{
	struct sqlite_job *j = malloc(sizeof(*j));

	if (j == NULL)
		sqlite_db_fail(&tx->db, -ENOMEM, "out of memory");
	return j;
}

/* Takes its place among the jobs; freed after a failure, which sticks. */
static int job_keep(struct sqlite_tx *tx, struct sqlite_job *j)
{
	j->id = j->row.k.row.id;
	j->written = j->row.k;
	j->dirty = j->moving = false;
	HASH_ADD(hh, tx->jobs.by_id, id, sizeof(j->id), j);
	if (j->hh.tbl == NULL) {
		free(j);
		return sqlite_db_fail(&tx->db, -ENOMEM, "out of memory");
	}
	TAILQ_INSERT_TAIL(&tx->jobs.used, j, used);
	return 0;
}

/* Takes its place among the jobs, as the tables have it. */
static int job_keep_read(struct sqlite_tx *tx, struct sqlite_job *j)
{
	j->flow = sqlite_flow_at(&tx->flows, &tx->db, j->row.flow);
	return job_keep(tx, j);
}

int sqlite_job_know(struct sqlite_tx *tx, const struct sqlite_row *row)
{
	int64_t id = row->k.row.id;
	struct sqlite_job *j;

	HASH_FIND(hh, tx->jobs.by_id, &id, sizeof(id), j);
	if (j != NULL)
		return tx->db.failed;
	j = job_new(tx);
	if (j == NULL)
		return tx->db.failed;
	j->row = *row;
	return job_keep_read(tx, j);
}

int sqlite_job_get(struct sqlite_tx *tx, int64_t id, struct sqlite_job **out)
{
	struct sqlite_job *j;
	int rc;

	HASH_FIND(hh, tx->jobs.by_id, &id, sizeof(id), j);
	*out = j;
	if (j != NULL) {
		TAILQ_REMOVE(&tx->jobs.used, j, used);
		TAILQ_INSERT_TAIL(&tx->jobs.used, j, used);
		return 0;
	}
	j = job_new(tx);
	if (j == NULL)
		return tx->db.failed;
	rc = sqlite_row_load(&j->row, &tx->db, &tx->lanes, id);
	if (rc != 0) {
		free(j);
		return rc;
	}
	*out = j;
	return job_keep_read(tx, j);
}

/* ---- what is searched: agenda and holder ---- */

/* When the job is on the agenda; 0: it is not. */
static wall_ms job_agenda(const struct job_kept *k, enum sqlite_agenda kind)
{
	switch (kind) {
	case AGENDA_DUE:
		return k->row.state == JOB_SCHEDULED ? k->row.run_at : 0;
	case AGENDA_EXPIRE:
		return job_state_waiting(k->row.state) && k->row.attempt == 0 ? k->row.expires_at : 0;
	case AGENDA_PRUNE:
		return k->retain >= 0 && rules_prunable(k) ? k->final_at + k->retain : 0;
	case AGENDA_FILL:
		return rules_graph_fills(k) ? AGENDA_AT_ONCE : 0;
	default:
		return k->graph >= GRAPH_MOVING ? AGENDA_AT_ONCE : 0;
	}
}

static void job_agenda_run(struct sqlite_db *db, enum sqlite_sql sql, enum sqlite_agenda kind, wall_ms at, int64_t id)
{
	struct sqlite_query q;

	if (at == 0)
		return;
	q = sqlite_query(db, sql);
	sqlite_bind_int(&q, (int64_t)kind);
	sqlite_bind_int(&q, at);
	sqlite_bind_int(&q, id);
	sqlite_run(&q);
}

static void job_holder_run(struct sqlite_db *db, enum sqlite_sql sql, const struct sqlite_job *j, bool active)
{
	struct sqlite_query q = sqlite_query(db, sql);

	sqlite_bind_text(&q, j->row.unique_key);
	sqlite_bind_int(&q, active);
	sqlite_bind_int(&q, j->id);
	sqlite_run(&q);
}

/* From what the tables have (NULL: nothing) to what the job is now (NULL: gone). */
static void job_search(struct sqlite_db *db, const struct sqlite_job *j, const struct job_kept *from, const struct job_kept *to)
{
	for (int kind = 0; kind < AGENDAS; kind++) {
		wall_ms before = from != NULL ? job_agenda(from, (enum sqlite_agenda)kind) : 0;
		wall_ms after = to != NULL ? job_agenda(to, (enum sqlite_agenda)kind) : 0;

		if (before == after)
			continue;
		job_agenda_run(db, SQL_AGENDA_DELETE, (enum sqlite_agenda)kind, before, j->id);
		job_agenda_run(db, SQL_AGENDA_PUT, (enum sqlite_agenda)kind, after, j->id);
	}
	if (j->row.unique_key[0] == '\0')
		return;
	if (from != NULL && to != NULL && job_state_final(from->row.state) == job_state_final(to->row.state))
		return;
	if (from != NULL)
		job_holder_run(db, SQL_HOLDER_DELETE, j, !job_state_final(from->row.state));
	if (to != NULL)
		job_holder_run(db, SQL_HOLDER_PUT, j, !job_state_final(to->row.state));
}

int sqlite_jobs_flush(struct sqlite_tx *tx)
{
	struct sqlite_job *j;

	while ((j = TAILQ_FIRST(&tx->jobs.dirty)) != NULL) {
		TAILQ_REMOVE(&tx->jobs.dirty, j, unwritten);
		j->dirty = false;
		job_search(&tx->db, j, &j->written, &j->row.k);
		sqlite_row_update(&tx->db, &j->row);
		j->written = j->row.k;
	}
	return tx->db.failed;
}

/* ---- change ---- */

static void job_delete_by(struct sqlite_db *db, enum sqlite_sql sql, int64_t id)
{
	struct sqlite_query q = sqlite_query(db, sql);

	sqlite_bind_int(&q, id);
	sqlite_run(&q);
}

static void job_trim_by(struct sqlite_db *db, enum sqlite_sql sql, int64_t id, int last)
{
	struct sqlite_query q = sqlite_query(db, sql);

	sqlite_bind_int(&q, id);
	sqlite_bind_int(&q, last);
	sqlite_run(&q);
}

/* The latest attempt's entry, as the job and its error say it, goes to the history; the oldest leave it. */
static void job_archive(struct sqlite_db *db, const struct job_kept *was)
{
	struct sqlite_query q = sqlite_query(db, SQL_ATTEMPT_PUT);

	sqlite_bind_int(&q, was->row.id);
	sqlite_bind_int(&q, was->row.attempt);
	sqlite_bind_int(&q, was->row.started_at);
	sqlite_bind_int(&q, was->row.finished_at);
	sqlite_bind_int(&q, was->outcome);
	sqlite_bind_text(&q, was->where[0] != '\0' ? was->where : NULL);
	sqlite_run(&q);
	if (was->row.attempt >= RULES_HISTORY_MAX) {
		job_trim_by(db, SQL_ATTEMPT_TRIM, was->row.id, was->row.attempt - RULES_HISTORY_MAX + 1);
		job_trim_by(db, SQL_OUTPUT_TRIM, was->row.id, was->row.attempt - RULES_HISTORY_MAX + 1);
	}
}

/* Where nothing has been said yet, the output is what is kept of it. */
static void job_put_error(struct sqlite_db *db, struct sqlite_job *j, const struct effect *e)
{
	struct sqlite_query q = sqlite_query(db, SQL_RESULT_ERROR);

	sqlite_bind_int(&q, j->id);
	sqlite_bind_text(&q, e->reason);
	sqlite_bind_text(&q, e->message);
	sqlite_bind_int(&q, j->row.k.row.attempt);
	sqlite_run(&q);
	j->row.said = true;
}

static void job_forget_result(struct sqlite_db *db, struct sqlite_job *j)
{
	if (j->row.said)
		job_delete_by(db, SQL_RESULT_DELETE, j->id);
	j->row.said = false;
}

/* A settlement says anew all there is to say of its job; of those that it lets go it says nothing. */
static void job_put_result(struct sqlite_db *db, struct sqlite_job *j, const struct settlement *s, const struct effect *e)
{
	struct sqlite_query q;

	if (s->result == NULL && e->reason == NULL && s->progress == NULL && s->output_bytes[0] == 0 &&
	    s->output_bytes[1] == 0) {
		job_forget_result(db, j);
		return;
	}
	q = sqlite_query(db, SQL_RESULT_PUT);
	sqlite_bind_int(&q, j->id);
	sqlite_bind_text(&q, e->reason);
	sqlite_bind_text(&q, e->message);
	sqlite_bind_text(&q, s->progress);
	sqlite_bind_int(&q, s->output_bytes[0]);
	sqlite_bind_int(&q, s->output_bytes[1]);
	sqlite_bind_text(&q, s->result);
	sqlite_run(&q);
	j->row.said = true;
}

void sqlite_job_touch(struct sqlite_tx *tx, struct store_op *op, struct sqlite_job *j)
{
	op->unfilled |= rules_graph_fills(&j->row.k);
	if (!j->dirty) {
		j->dirty = true;
		TAILQ_INSERT_TAIL(&tx->jobs.dirty, j, unwritten);
	}
	if (j->row.k.graph >= GRAPH_MOVING && !j->moving) {
		j->moving = true;
		TAILQ_INSERT_TAIL(&tx->jobs.moving, j, moving_link);
	}
}

/* Its flow is told of the change; it has none once it is final. */
static int job_note(struct sqlite_tx *tx, struct store_op *op, struct sqlite_job *j, const struct job_kept *was,
		    const struct effect *e)
{
	struct sqlite_flow *flow = j->flow;

	if (job_state_final(j->row.k.row.state)) {
		j->flow = NULL;
		j->row.flow = 0;
	}
	return sqlite_tx_note(tx, op, was->row.state, &j->row.k, j->row.lane, flow, e);
}

int sqlite_job_revive(struct sqlite_tx *tx, struct sqlite_job *j)
{
	struct job_spec *spec = sqlite_row_spec(&j->row, &tx->db, true);
	int rc = spec != NULL ? sqlite_flow_of(&tx->flows, &tx->db, j->row.lane, spec, &j->flow) : tx->db.failed;

	if (rc == 0)
		j->row.flow = j->flow != NULL ? j->flow->row.id : 0;
	job_spec_unref(&spec);
	return rc;
}

int sqlite_job_change(struct sqlite_tx *tx, struct store_op *op, struct sqlite_job *j, const struct job_kept *was,
		      const struct effect *e)
{
	if (e->archive)
		job_archive(&tx->db, was);
	if (e->forget)
		job_forget_result(&tx->db, j);
	if (op_settles(op, j->id))
		job_put_result(&tx->db, j, op->settle, e);
	else if (e->reason != NULL)
		job_put_error(&tx->db, j, e);
	sqlite_job_touch(tx, op, j);
	return job_note(tx, op, j, was, e);
}

/* Where the job is of another lane now, its flow is another. */
static int job_reflow(struct sqlite_tx *tx, struct sqlite_job *j)
{
	const struct flow_row *row = &j->flow->row;
	struct job_spec like = { .group = row->group, .concurrency_key = row->key, .concurrency_limit = row->limit };
	int rc = sqlite_flow_of(&tx->flows, &tx->db, j->row.lane, &like, &j->flow);

	if (rc == 0)
		j->row.flow = j->flow->row.id;
	return rc;
}

int sqlite_job_move(struct sqlite_tx *tx, struct store_op *op, struct sqlite_job *j, const struct job_kept *was,
		    struct sqlite_lane *was_lane, const struct effect *e)
{
	struct sqlite_flow *was_flow = j->flow;
	struct sqlite_query q;
	int rc = was_flow != NULL && j->row.lane != was_lane ? job_reflow(tx, j) : 0;

	if (rc != 0) {
		j->row.k = *was;
		j->row.lane = was_lane;
		j->flow = was_flow;
		return rc;
	}
	q = sqlite_query(&tx->db, SQL_JOB_MOVE);
	sqlite_bind_int(&q, j->id);
	sqlite_bind_int(&q, j->row.lane->id);
	sqlite_bind_int(&q, j->row.k.row.priority);
	sqlite_run(&q);
	sqlite_job_touch(tx, op, j);
	return sqlite_tx_note_moved(tx, op, was->row.state, was_lane, was_flow, &j->row.k, j->row.lane, j->flow, e);
}

int sqlite_job_tags(struct sqlite_tx *tx, const struct sqlite_job *j, const char *tags)
{
	struct job_spec *spec = sqlite_row_spec(&j->row, &tx->db, true);
	struct sqlite_query q;

	if (spec == NULL)
		return tx->db.failed;
	sqlite_row_tags(&tx->db, false, j->id, spec->tags);
	job_spec_unref(&spec);
	q = sqlite_query(&tx->db, SQL_SPEC_TAGS);
	sqlite_bind_int(&q, j->id);
	sqlite_bind_text(&q, tags);
	sqlite_run(&q);
	return sqlite_row_tags(&tx->db, true, j->id, tags);
}

int sqlite_job_drop(struct sqlite_tx *tx, struct store_op *op, struct sqlite_job *j, const struct job_kept *was,
		    const struct effect *e)
{
	struct job_spec *spec = sqlite_row_spec(&j->row, &tx->db, true);

	if (spec != NULL)
		sqlite_row_tags(&tx->db, false, j->id, spec->tags);
	job_spec_unref(&spec);
	job_search(&tx->db, j, &j->written, NULL);
	job_delete_by(&tx->db, SQL_JOB_DELETE, j->id);
	job_delete_by(&tx->db, SQL_SPEC_DELETE, j->id);
	if (j->row.k.graph & GRAPH_AFTER)
		job_delete_by(&tx->db, SQL_WAITS_DELETE, j->id);
	job_forget_result(&tx->db, j);
	if (j->row.k.row.attempt > 0) {
		job_trim_by(&tx->db, SQL_ATTEMPT_TRIM, j->id, INT32_MAX);
		job_trim_by(&tx->db, SQL_OUTPUT_TRIM, j->id, INT32_MAX);
	}
	tx->deleted = true;
	sqlite_tx_note(tx, op, was->row.state, &j->row.k, j->row.lane, NULL, e);
	job_forget(&tx->jobs, j);
	return tx->db.failed;
}

/* ---- insert ---- */

/* The flow of a new job; one that is final at once needs none. */
static int job_first_flow(struct sqlite_tx *tx, struct sqlite_job *j, const struct job_spec *spec)
{
	int rc = 0;

	j->flow = NULL;
	if (j->row.lane == NULL)
		rc = sqlite_db_fail(&tx->db, -ENOMEM, "out of memory");
	else if (!job_state_final(j->row.k.row.state))
		rc = sqlite_flow_of(&tx->flows, &tx->db, j->row.lane, spec, &j->flow);
	j->row.flow = j->flow != NULL ? j->flow->row.id : 0;
	return rc;
}

int sqlite_job_insert(struct sqlite_tx *tx, struct store_op *op, const struct job_kept *k, const struct job_spec *spec,
		      struct job_spec *told_spec, const struct effect *e)
{
	struct job_kept told = *k;
	struct sqlite_job *j = job_new(tx);
	int rc;

	if (j == NULL)
		return tx->db.failed;
	j->row.k = *k;
	j->row.said = false;
	j->row.unique_key[0] = '\0';
	if (spec->unique_key != NULL)
		memccpy(j->row.unique_key, spec->unique_key, '\0', sizeof(j->row.unique_key));
	j->row.lane = sqlite_lane_of(&tx->lanes, spec->queue, spec->type);
	rc = job_first_flow(tx, j, spec);
	if (rc != 0) {
		free(j);
		return rc;
	}
	if (job_keep(tx, j) != 0)
		return tx->db.failed;
	sqlite_row_insert(&tx->db, &j->row);
	sqlite_row_insert_spec(&tx->db, j->id, spec);
	sqlite_row_tags(&tx->db, true, j->id, spec->tags);
	job_search(&tx->db, j, NULL, k);
	op->unfilled |= rules_graph_fills(k);
	if (e->reason != NULL) {
		job_put_error(&tx->db, j, e);
		sqlite_job_touch(tx, op, j);
	}
	told.row.spec = told_spec;
	return sqlite_tx_note(tx, op, JOB_NONE, &told, j->row.lane, j->flow, e);
}
