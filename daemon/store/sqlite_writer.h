/*
 * sqlite_writer: the thread that owns the write connection.
 *
 * It takes whatever ops have queued, carries them out in one transaction, syncs,
 * and puts them through the door. When the disk fails it undoes the transaction
 * and says so to the callers; it looks again from time to time and heals by itself.
 */
#ifndef JOBD_SQLITE_WRITER_H
#define JOBD_SQLITE_WRITER_H

#include <pthread.h>

#include "store/sqlite_checkpoint.h"
#include "store/sqlite_digest.h"
#include "store/sqlite_door.h"
#include "store/sqlite_inbox.h"
#include "store/sqlite_space.h"
#include "store/sqlite_tx.h"

enum sqlite_health {
	SQLITE_HEALTHY,
	SQLITE_FULL_DISK,		/* only what ends work or makes room is carried out */
	SQLITE_FAILING			/* nothing is */
};

struct sqlite_writer {
	struct sqlite_tx tx;
	struct sqlite_inbox inbox;
	struct sqlite_space space;
	struct sqlite_door *door;
	struct sqlite_digests *digests;
	const char *path;
	pthread_t thread;
	enum sqlite_health health;
	bool damaged;			/* a part of the file is: said so */
	mono_us probe_at, probe_after;	/* not healthy: when to look again */
	int wal_frames;			/* in the log, as of the last commit */
	uint64_t pages;			/* written to it */
	struct sqlite_checkpoint checkpoint;
	int64_t database_bytes, wal_bytes;	/* the files' */
	pthread_mutex_t figures_mutex;
	struct store_stats figures;
};

/* The connection (tx.db), digests, the reserve and what is in memory are loaded by the caller. 0 or -errno. */
int sqlite_writer_start(struct sqlite_writer *w, const char *path, struct sqlite_door *door);
/* Carries out what is in the inbox, then ends the thread, and checkpoints. */
void sqlite_writer_stop(struct sqlite_writer *w);
void sqlite_writer_figures(struct sqlite_writer *w, struct store_stats *out);

#endif
