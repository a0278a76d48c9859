/*
 * sqlite_request: the answers that submits with a request_id were given, for
 * as long as the same answer is owed to who asks again.
 */
#ifndef JOBD_SQLITE_REQUEST_H
#define JOBD_SQLITE_REQUEST_H

#include "store/sqlite_tx.h"

/* Gives the submission the answer that its request_id was given before, if it was. False after a failure, too. */
bool sqlite_request_answer(struct sqlite_tx *tx, struct submission *s, wall_ms now);
/* Keeps the answer of one that has a request_id. 0 or the failure. */
int sqlite_request_keep(struct sqlite_tx *tx, const struct submission *s, wall_ms now);

/* Forgets those whose time is over, at most max; how many. */
size_t sqlite_request_prune(struct sqlite_tx *tx, wall_ms now, size_t max);

#endif
