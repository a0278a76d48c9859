/*
 * sqlite_tx: what the writer's transactions work on: the write connection, and
 * what is kept in memory beside it (jobs touched lately, lanes and their counts,
 * the next id, the next event number), which follows the transaction back when it is undone.
 */
#ifndef JOBD_SQLITE_TX_H
#define JOBD_SQLITE_TX_H

#include "store/op.h"
#include "store/sqlite_db.h"
#include "store/sqlite_flow.h"
#include "store/sqlite_job.h"
#include "store/sqlite_lane.h"
#include "store/sqlite_running.h"

struct sqlite_tx {
	struct sqlite_db db;
	struct sqlite_lanes lanes;
	struct sqlite_flows flows;
	struct sqlite_jobs jobs;
	struct sqlite_running running;
	int64_t next_id;
	uint64_t seq;			/* the last one given */
	bool deleted;			/* jobs were: next_id must outlive them */
	int64_t id_floor;		/* as written: no id below it is given again */
	uint64_t seq_ceiling;		/* as written: none above it was given */
	struct {			/* as they were at the beginning, to go back to */
		int64_t next_id, id_floor;
		uint64_t seq, seq_ceiling;
	} before;
	size_t edges_left;		/* that verbs may still follow in this transaction */
	int64_t allocated;		/* bytes of the database file that the disk has granted */
};

/* Reads what is kept in memory from an open database. 0 or -errno. */
int sqlite_tx_load(struct sqlite_tx *tx);
void sqlite_tx_free(struct sqlite_tx *tx);

int sqlite_tx_begin(struct sqlite_tx *tx);
/* 0: it is on the disk. Else -errno: call sqlite_tx_rollback. */
int sqlite_tx_commit(struct sqlite_tx *tx);
/* Undoes the transaction in the file; the notes of its ops are undone one by one (sqlite_tx_undo). */
void sqlite_tx_rollback(struct sqlite_tx *tx);

/* Writes something that says nothing, to see whether a write reaches the disk. 0 or -errno. */
int sqlite_tx_probe(struct sqlite_tx *tx);

/*
 * A job of this lane and flow (or NULL) came from state `from` to k's: counted, and noted in the
 * op to be told. `e` as in op_note. 0 or -ENOMEM, which sticks.
 */
int sqlite_tx_note(struct sqlite_tx *tx, struct store_op *op, enum job_state from, const struct job_kept *k,
		   struct sqlite_lane *lane, struct sqlite_flow *flow, const struct effect *e);
/* The same for one that came from another lane, and its flow there. */
int sqlite_tx_note_moved(struct sqlite_tx *tx, struct store_op *op, enum job_state from, struct sqlite_lane *from_lane,
			 struct sqlite_flow *from_flow, const struct job_kept *k, struct sqlite_lane *lane,
			 struct sqlite_flow *flow, const struct effect *e);
/* Forgets what the op has done: its notes are uncounted, its results freed. */
void sqlite_tx_undo(struct sqlite_tx *tx, struct store_op *op);

#endif
