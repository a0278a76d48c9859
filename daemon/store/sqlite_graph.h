/*
 * sqlite_graph: submissions that name others, in the writer's transaction.
 *
 * One that names only jobs that are there is inserted as what it is to be. One
 * that names a submission behind it in the call is inserted as waiting, and
 * its edges are made once all are there (sqlite_graph_late).
 */
#ifndef JOBD_SQLITE_GRAPH_H
#define JOBD_SQLITE_GRAPH_H

#include "store/sqlite_tx.h"

/* Inserts the i-th submission, which names others. 0, -ENOENT (`missing` says which is not there), or the failure. */
int sqlite_graph_submit(struct sqlite_tx *tx, struct store_op *op, size_t i);

/* Makes the edges of those that have waited for the others. As above; *at is the one to blame. */
int sqlite_graph_late(struct sqlite_tx *tx, struct store_op *op, size_t *at);

/* A final job comes back: its edges to what it names are made anew, and say what it waits for. 0 or the failure. */
int sqlite_graph_again(struct sqlite_tx *tx, struct store_op *op, struct sqlite_job *j);

#endif
