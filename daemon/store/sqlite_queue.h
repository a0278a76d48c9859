/* sqlite_queue: what is set of queues, and the tokens of their rates. */
#ifndef JOBD_SQLITE_QUEUE_H
#define JOBD_SQLITE_QUEUE_H

#include "store/sqlite_db.h"
#include "store/store.h"

/* Each queue of which something was set, with its bucket. The row is borrowed for the call. 0 or -errno. */
int sqlite_queues_each(struct sqlite_db *db, void (*each)(void *arg, const struct queue_row *queue), void *arg);

/* Takes a token of the queue's rate and records it. 0; -EAGAIN: there is none; or the failure. */
int sqlite_queue_token(struct sqlite_db *db, const char *name, const struct rate *rate, wall_ms now);

#endif
