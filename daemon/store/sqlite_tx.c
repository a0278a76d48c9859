#include "store/sqlite_tx.h"

#include <errno.h>
#include <string.h>

enum {
	SEQ_BLOCK = 1 << 20,		/* event numbers granted at a time: so many are skipped by a restart at most */
	PAGE_SIZE = 4096,
	CHUNK = 1 << 20,		/* the file grows by so much */
	EDGES_MAX = 1024		/* followed by the verbs of one transaction: the rest is store_resolve's */
};

static int64_t tx_counter(struct sqlite_db *db, const char *name, int64_t absent)
{
	struct sqlite_query q = sqlite_query(db, SQL_COUNTER_GET);

	sqlite_bind_text(&q, name);
	return sqlite_value(&q, absent);
}

static int tx_counter_put(struct sqlite_db *db, const char *name, int64_t value)
{
	struct sqlite_query q = sqlite_query(db, SQL_COUNTER_PUT);

	sqlite_bind_text(&q, name);
	sqlite_bind_int(&q, value);
	return sqlite_run(&q);
}

int sqlite_tx_load(struct sqlite_tx *tx)
{
	struct sqlite_query last = sqlite_query(&tx->db, SQL_JOB_LAST);
	int64_t last_id = sqlite_value(&last, 0);

	sqlite_jobs_init(&tx->jobs);
	sqlite_running_init(&tx->running);
	tx->id_floor = tx_counter(&tx->db, "next_id", 1);
	tx->next_id = last_id >= tx->id_floor ? last_id + 1 : tx->id_floor;
	tx->seq_ceiling = (uint64_t)tx_counter(&tx->db, "seq", 0);
	tx->seq = tx->seq_ceiling;
	if (sqlite_lanes_load(&tx->lanes, &tx->db) != 0)
		return tx->db.failed;
	return sqlite_flows_load(&tx->flows, &tx->db, &tx->lanes);
}

void sqlite_tx_free(struct sqlite_tx *tx)
{
	sqlite_jobs_forget(&tx->jobs);
	sqlite_running_forget(&tx->running);
	sqlite_flows_free(&tx->flows);
	sqlite_lanes_free(&tx->lanes);
	sqlite_db_close(&tx->db);
}

/* Ends what is begun, unless SQLite has after a failure. For want of memory it may not: then the next beginning tries again. */
static void tx_cut_off(struct sqlite_tx *tx)
{
	if (tx->db.h != NULL && !sqlite3_get_autocommit(tx->db.h))
		sqlite3_exec(tx->db.h, "ROLLBACK", NULL, NULL, NULL);
}

int sqlite_tx_begin(struct sqlite_tx *tx)
{
	struct sqlite_query q;

	sqlite_db_clear(&tx->db);
	tx_cut_off(tx);
	tx->before.next_id = tx->next_id;
	tx->before.id_floor = tx->id_floor;
	tx->before.seq = tx->seq;
	tx->before.seq_ceiling = tx->seq_ceiling;
	tx->deleted = false;
	tx->edges_left = EDGES_MAX;
	if (!sqlite3_get_autocommit(tx->db.h))
		return sqlite_db_fail(&tx->db, -ENOMEM, "out of memory");
	q = sqlite_query(&tx->db, SQL_BEGIN);
	return sqlite_run(&q);
}

/*
 * Has the disk grant the room that the database file will need for this
 * transaction now, while it can still be refused: a checkpoint may then fail,
 * but never for want of room.
 */
static int tx_allocate(struct sqlite_tx *tx)
{
	struct sqlite_query q = sqlite_query(&tx->db, SQL_PAGE_COUNT);
	int64_t bytes = sqlite_value(&q, 0) * PAGE_SIZE;
	int chunk = CHUNK;

	if (tx->db.failed != 0 || bytes <= tx->allocated)
		return tx->db.failed;
	sqlite3_file_control(tx->db.h, "main", SQLITE_FCNTL_CHUNK_SIZE, &chunk);
	if (sqlite3_file_control(tx->db.h, "main", SQLITE_FCNTL_SIZE_HINT, &bytes) != SQLITE_OK)
		return sqlite_db_fail(&tx->db, -ENOSPC, "the database file cannot grow");
	tx->allocated = (bytes + CHUNK - 1) / CHUNK * CHUNK;
	return 0;
}

static void tx_write_counters(struct sqlite_tx *tx)
{
	if (tx->deleted && tx->id_floor != tx->next_id) {
		tx->id_floor = tx->next_id;
		tx_counter_put(&tx->db, "next_id", tx->id_floor);
	}
	if (tx->seq > tx->seq_ceiling) {
		tx->seq_ceiling = tx->seq + SEQ_BLOCK;
		tx_counter_put(&tx->db, "seq", (int64_t)tx->seq_ceiling);
	}
}

int sqlite_tx_commit(struct sqlite_tx *tx)
{
	struct sqlite_query q;

	sqlite_jobs_flush(tx);
	sqlite_running_write(&tx->running, &tx->db);
	tx_write_counters(tx);
	sqlite_lanes_write(&tx->lanes, &tx->db);
	sqlite_flows_write(&tx->flows, &tx->db);
	tx_allocate(tx);
	q = sqlite_query(&tx->db, SQL_COMMIT);
	sqlite_run(&q);
	sqlite_jobs_trim(&tx->jobs);
	if (tx->db.failed == 0)
		sqlite_flows_end(&tx->flows);
	return tx->db.failed;
}

void sqlite_tx_rollback(struct sqlite_tx *tx)
{
	sqlite_jobs_forget(&tx->jobs);
	sqlite_running_forget(&tx->running);
	sqlite_flows_end(&tx->flows);
	tx->next_id = tx->before.next_id;
	tx->id_floor = tx->before.id_floor;
	tx->seq = tx->before.seq;
	tx->seq_ceiling = tx->before.seq_ceiling;
	tx_cut_off(tx);
}

int sqlite_tx_probe(struct sqlite_tx *tx)
{
	return tx_counter_put(&tx->db, "probe", 0);
}

/* One job, from a state in one lane and flow to a state in another, or in the same. */
static void tx_count(struct sqlite_tx *tx, struct sqlite_lane *from_lane, struct sqlite_flow *from_flow, enum job_state from,
		     struct sqlite_lane *lane, struct sqlite_flow *flow, enum job_state to)
{
	if (from_lane == lane) {
		sqlite_lane_move(&tx->lanes, lane, from, to);
		sqlite_flow_move(&tx->flows, flow, from, to);
		return;
	}
	sqlite_lane_move(&tx->lanes, from_lane, from, JOB_NONE);
	sqlite_flow_move(&tx->flows, from_flow, from, JOB_NONE);
	sqlite_lane_move(&tx->lanes, lane, JOB_NONE, to);
	sqlite_flow_move(&tx->flows, flow, JOB_NONE, to);
}

int sqlite_tx_note_moved(struct sqlite_tx *tx, struct store_op *op, enum job_state from, struct sqlite_lane *from_lane,
			 struct sqlite_flow *from_flow, const struct job_kept *k, struct sqlite_lane *lane,
			 struct sqlite_flow *flow, const struct effect *e)
{
	struct note *note = op_note(op, from, k, lane->queue, lane->type, flow != NULL ? &flow->row : NULL, e);

	if (note == NULL)
		return sqlite_db_fail(&tx->db, -ENOMEM, "out of memory");
	note->lane = lane;
	note->counted = flow;
	note->from_lane = from_lane;
	note->from_counted = from_flow;
	if (from_lane != lane) {
		note->change.from_queue = from_lane->queue;
		note->change.from_flow = from_flow != NULL ? from_flow->row.id : 0;
	}
	note->change.seq = ++tx->seq;
	tx_count(tx, from_lane, from_flow, from, lane, flow, k->row.state);
	sqlite_running_note(&tx->running, &tx->db, k->row.id, from, k->row.state);
	return tx->db.failed;
}

int sqlite_tx_note(struct sqlite_tx *tx, struct store_op *op, enum job_state from, const struct job_kept *k,
		   struct sqlite_lane *lane, struct sqlite_flow *flow, const struct effect *e)
{
	return sqlite_tx_note_moved(tx, op, from, lane, flow, k, lane, flow, e);
}

void sqlite_tx_undo(struct sqlite_tx *tx, struct store_op *op)
{
	struct note *note;

	STAILQ_FOREACH(note, &op->notes, link)
		tx_count(tx, note->lane, note->counted, note->change.to, note->from_lane, note->from_counted, note->change.from);
	op_reset(op);
}
