/*
 * sqlite_edge: the edges between jobs, in the writer's transaction.
 *
 * A job whose edges are to follow (GRAPH_MOVING) stands in the list `moving`
 * and, until it is through, on the agenda. They are followed from job to job
 * along that list, never by recursion, and no further than a budget allows.
 */
#ifndef JOBD_SQLITE_EDGE_H
#define JOBD_SQLITE_EDGE_H

#include "store/rules_graph.h"
#include "store/sqlite_tx.h"

/* Follows the edges of the jobs in `moving`, which is empty afterwards; what is left is op->unresolved. */
void sqlite_edge_follow(struct sqlite_tx *tx, struct store_op *op, size_t *budget);

/* A new edge. */
void sqlite_edge_add(struct sqlite_tx *tx, struct store_op *op, struct sqlite_job *parent, struct sqlite_job *child);

/* Takes away the edges to the job's parents that are still there, however many. */
void sqlite_edge_remove(struct sqlite_tx *tx, struct store_op *op, struct sqlite_job *child);

#endif
