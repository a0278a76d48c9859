#include "store/sqlite_checkpoint.h"

#include <errno.h>

#include "base/log.h"
#include "base/thread.h"
#include "store/sqlite_file.h"

enum {				/* frames: pages of 4 KiB in the log */
	CHECKPOINT_BULK = 4096,		/* so many not yet moved: the thread's */
	CHECKPOINT_REST = 512,		/* so few left after it: the writer's */
	CHECKPOINT_LONG = 16384		/* so long a log: the writer's, whatever it takes */
};

/* How many frames are in the database now; -1 after a failure. */
static int checkpoint_run(struct sqlite_checkpoint *cp, struct sqlite_db *db, int how)
{
	int frames = -1, moved = -1, rc = SQLITE_CANTOPEN;

	if (db->h != NULL)
		rc = sqlite3_wal_checkpoint_v2(db->h, NULL, how, &frames, &moved);
	if (rc == SQLITE_BUSY)
		return how == SQLITE_CHECKPOINT_PASSIVE ? 0 : -1;
	if (rc != SQLITE_OK && !cp->failed)
		log_warning("store: the log could not be moved into %s: %s", cp->path,
			    db->h != NULL ? sqlite3_errmsg(db->h) : sqlite3_errstr(rc));
	cp->failed = rc != SQLITE_OK;
	return rc == SQLITE_OK ? moved : -1;
}

/* ---- the thread ---- */

static int checkpoint_bulk(struct sqlite_checkpoint *cp)
{
	int moved;

	if (cp->db.h == NULL)
		sqlite_file_open_reader(&cp->db, cp->path);
	moved = checkpoint_run(cp, &cp->db, SQLITE_CHECKPOINT_PASSIVE);
	if (moved < 0)
		sqlite_db_close(&cp->db);	/* opened anew next time */
	return moved;
}

static void *checkpoint_main(void *arg)
{
	struct sqlite_checkpoint *cp = arg;
	int moved;

	pthread_setname_np(pthread_self(), "store log");
	pthread_mutex_lock(&cp->mutex);
	for (;;) {
		while (!cp->asked && !cp->closed)
			pthread_cond_wait(&cp->changed, &cp->mutex);
		if (cp->closed)
			break;
		cp->asked = false;
		pthread_mutex_unlock(&cp->mutex);
		moved = checkpoint_bulk(cp);
		pthread_mutex_lock(&cp->mutex);
		cp->busy = false;
		if (moved > 0)
			cp->moved = moved;
		pthread_cond_broadcast(&cp->changed);
	}
	pthread_mutex_unlock(&cp->mutex);
	return NULL;
}

int sqlite_checkpoint_start(struct sqlite_checkpoint *cp, const char *path)
{
	int rc;

	*cp = (struct sqlite_checkpoint){ .path = path };
	rc = pthread_mutex_init(&cp->mutex, NULL);
	if (rc != 0)
		return -rc;
	rc = pthread_cond_init(&cp->changed, NULL);
	if (rc == 0) {
		rc = -thread_start(&cp->thread, checkpoint_main, cp);
		if (rc != 0)
			pthread_cond_destroy(&cp->changed);
	}
	if (rc != 0)
		pthread_mutex_destroy(&cp->mutex);
	return -rc;
}

void sqlite_checkpoint_stop(struct sqlite_checkpoint *cp, struct sqlite_db *db)
{
	pthread_mutex_lock(&cp->mutex);
	cp->closed = true;
	pthread_cond_broadcast(&cp->changed);
	pthread_mutex_unlock(&cp->mutex);
	pthread_join(cp->thread, NULL);
	sqlite_db_close(&cp->db);
	if (db->h != NULL)
		checkpoint_run(cp, db, SQLITE_CHECKPOINT_PASSIVE);
	pthread_cond_destroy(&cp->changed);
	pthread_mutex_destroy(&cp->mutex);
}

/* ---- the writer ---- */

static void checkpoint_wait(struct sqlite_checkpoint *cp)
{
	pthread_mutex_lock(&cp->mutex);
	while (cp->busy)
		pthread_cond_wait(&cp->changed, &cp->mutex);
	pthread_mutex_unlock(&cp->mutex);
}

/* Begins the bulk where it is due. True: what is left is the writer's to move now. */
static bool checkpoint_due(struct sqlite_checkpoint *cp, int frames)
{
	bool rest = false;

	pthread_mutex_lock(&cp->mutex);
	if (frames < cp->moved)
		cp->moved = 0;		/* it has been begun anew */
	if (frames >= CHECKPOINT_LONG) {
		rest = true;
	} else if (!cp->busy && frames - cp->moved >= CHECKPOINT_BULK) {
		cp->busy = cp->asked = true;
		pthread_cond_broadcast(&cp->changed);
	} else if (!cp->busy && cp->moved > 0 && frames > cp->moved) {
		rest = frames - cp->moved <= CHECKPOINT_REST;
	}
	pthread_mutex_unlock(&cp->mutex);
	return rest;
}

static void checkpoint_moved(struct sqlite_checkpoint *cp, int moved)
{
	pthread_mutex_lock(&cp->mutex);
	cp->moved = moved > 0 ? moved : 0;
	pthread_mutex_unlock(&cp->mutex);
}

void sqlite_checkpoint_commit(struct sqlite_checkpoint *cp, struct sqlite_db *db, int frames)
{
	if (!checkpoint_due(cp, frames))
		return;
	checkpoint_wait(cp);
	checkpoint_moved(cp, checkpoint_run(cp, db, SQLITE_CHECKPOINT_PASSIVE));
}

bool sqlite_checkpoint_truncate(struct sqlite_checkpoint *cp, struct sqlite_db *db)
{
	int moved;

	checkpoint_wait(cp);
	moved = checkpoint_run(cp, db, SQLITE_CHECKPOINT_TRUNCATE);
	checkpoint_moved(cp, 0);
	return moved >= 0;
}
