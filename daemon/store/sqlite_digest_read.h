/* sqlite_digest_read: digests as the file has them; and a thread that reads in those of what it has held before. */
#ifndef JOBD_SQLITE_DIGEST_READ_H
#define JOBD_SQLITE_DIGEST_READ_H

#include <stdatomic.h>

#include "store/sqlite_digest.h"

struct digest_thread {
	struct sqlite_digests *digests;
	const char *path;
	pthread_t thread;
	bool started;
	atomic_bool stop;
};

/*
 * The first digest that has jobs, from *number on, upwards or down; false: there
 * is none, or after a failure, which sticks to db.
 */
bool sqlite_digest_find(struct sqlite_db *db, bool down, int64_t *number);
/* That digest, its flows too if asked for: as its row has it, or else made of its jobs. False after a failure, which sticks. */
bool sqlite_digest_read(struct sqlite_db *db, int64_t number, bool flows, struct digest_copy *out);
bool sqlite_digest_make(struct sqlite_db *db, int64_t number, bool flows, struct digest_copy *out);

/* Before any thread is there: reads in the newest, as many as go in that time. What fails is left for later. */
void sqlite_digests_begin(struct sqlite_digests *d, struct sqlite_db *db, int64_t next_id, mono_us patience);
/* The rest. 0 or -errno. */
int sqlite_digests_start(struct digest_thread *t, struct sqlite_digests *d, const char *path);
void sqlite_digests_stop(struct digest_thread *t);

#endif
