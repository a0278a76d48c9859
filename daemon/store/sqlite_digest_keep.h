/*
 * sqlite_digest_keep: digests in the file, so that after a start few are to be
 * made of what the tables have.
 *
 * A row is exact, or it is not there: it goes in the transaction of the first
 * change. One is written, in a transaction that writes anyway, for so and so
 * many changes, of the digest that has been left alone for the longest; and all
 * are when the file is closed. It holds runs of jobs that are alike.
 */
#ifndef JOBD_SQLITE_DIGEST_KEEP_H
#define JOBD_SQLITE_DIGEST_KEEP_H

#include "store/sqlite_digest.h"

/* In a transaction, once sqlite_digests_touch has seen its ops; room: the disk is not full. 0 or -errno. */
int sqlite_digests_write(struct sqlite_digests *d, struct sqlite_db *db, const struct op_list *ops, bool room);
/* At the end, in a transaction of its own; what fails is not kept. */
void sqlite_digests_write_all(struct sqlite_digests *d, struct sqlite_db *db);

/* What is kept of that number; false: nothing, or it is damaged. */
bool sqlite_digest_kept(struct sqlite_db *db, int64_t number, struct digest_copy *out);

#endif
