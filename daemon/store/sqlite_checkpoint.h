/*
 * sqlite_checkpoint: moves the log into the database, beside the writer.
 *
 * The log is begun anew, in its old place, once all of it has been moved. A
 * thread of its own does the bulk while the writer goes on; the writer moves
 * what came meanwhile itself, when that is little, or when the log has grown
 * too long. So the log grows once and is kept, and a commit seldom waits.
 */
#ifndef JOBD_SQLITE_CHECKPOINT_H
#define JOBD_SQLITE_CHECKPOINT_H

#include <pthread.h>

#include "store/sqlite_db.h"

struct sqlite_checkpoint {
	const char *path;
	struct sqlite_db db;		/* the thread's */
	pthread_t thread;
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	bool asked, busy, closed;
	int moved;			/* frames of this log that are in the database */
	bool failed;			/* the last one: it is logged once */
};

/* The path must live on. 0 or -errno. */
int sqlite_checkpoint_start(struct sqlite_checkpoint *cp, const char *path);
/* Ends the thread; what is left is moved by this connection, if it is open. */
void sqlite_checkpoint_stop(struct sqlite_checkpoint *cp, struct sqlite_db *db);

/* The writer, after a commit that left the log so long: what is to be done is begun, or done by its own connection. */
void sqlite_checkpoint_commit(struct sqlite_checkpoint *cp, struct sqlite_db *db, int frames);

/* The writer, when the disk is full: moves all of the log and gives its room back. False: it could not. */
bool sqlite_checkpoint_truncate(struct sqlite_checkpoint *cp, struct sqlite_db *db);

#endif
