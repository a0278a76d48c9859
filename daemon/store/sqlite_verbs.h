/*
 * sqlite_verbs: the verbs that change something, inside the writer's
 * transaction. Each returns what its caller is to be told; a failure of the
 * database sticks to tx->db, and the whole transaction is undone.
 */
#ifndef JOBD_SQLITE_VERBS_H
#define JOBD_SQLITE_VERBS_H

#include "store/sqlite_tx.h"

/* sqlite_life.c */
int sqlite_life_submit(struct sqlite_tx *tx, struct store_op *op);
int sqlite_life_claim(struct sqlite_tx *tx, struct store_op *op);
int sqlite_life_settle(struct sqlite_tx *tx, struct store_op *op);
/* sqlite_ask.c */
int sqlite_ask(struct sqlite_tx *tx, struct store_op *op);
int sqlite_ask_many(struct sqlite_tx *tx, struct store_op *op);
int sqlite_ask_update(struct sqlite_tx *tx, struct store_op *op);
int sqlite_ask_probe(struct sqlite_tx *tx, struct store_op *op);	/* writes, and changes nothing */
/* sqlite_queue.c */
int sqlite_queue_set(struct sqlite_tx *tx, struct store_op *op);
/* sqlite_schedule.c */
int sqlite_schedule_put(struct sqlite_tx *tx, struct store_op *op);
int sqlite_schedule_delete(struct sqlite_tx *tx, struct store_op *op);
int sqlite_schedule_fire(struct sqlite_tx *tx, struct store_op *op);
/* sqlite_time.c */
int sqlite_time_due(struct sqlite_tx *tx, struct store_op *op);
int sqlite_time_expire(struct sqlite_tx *tx, struct store_op *op);
int sqlite_time_prune(struct sqlite_tx *tx, struct store_op *op);
int sqlite_time_recover(struct sqlite_tx *tx, struct store_op *op);
int sqlite_time_resolve(struct sqlite_tx *tx, struct store_op *op);
/* sqlite_fill.c */
int sqlite_fill(struct sqlite_tx *tx, struct store_op *op);
/* sqlite_ready.c */
int sqlite_ready_page(struct sqlite_tx *tx, struct store_op *op);

struct ready_firsts {
	struct ready_first *v;	/* the caller's to free */
	size_t n, cap;
};

/* Finds what is first of each order of ready jobs, for store_firsts. 0, or a failure, which sticks. */
int sqlite_ready_firsts(struct sqlite_tx *tx, struct ready_firsts *firsts);

/* sqlite_output.c */
int sqlite_output_append(struct sqlite_tx *tx, struct store_op *op);

/* Carries the op out by its verb. */
int sqlite_verb(struct sqlite_tx *tx, struct store_op *op);

#endif
