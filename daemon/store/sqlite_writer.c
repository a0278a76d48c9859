#include "store/sqlite_writer.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "base/thread.h"
#include "store/sqlite_digest_keep.h"
#include "store/sqlite_verbs.h"

enum {
	BATCH_OPS = 4096,
	BATCH_BYTES = 16 << 20,
	PROBE_FIRST = 2500,	/* after a failure; then twice as long each time, up to */
	PROBE_LAST = 320 * 1000,
	WAL_HEADER = 32,
	WAL_FRAME = 4096 + 24
};

/* ---- one transaction ---- */

static int writer_op(struct sqlite_writer *w, struct store_op *op)
{
	if (w->health == SQLITE_FULL_DISK && !op_completes(op))
		return -ENOSPC;
	return sqlite_verb(&w->tx, op);
}

/* 0: all ops of the batch have their answers, durably. Else none has left a trace. */
static int writer_transaction(struct sqlite_writer *w, struct op_list *batch)
{
	struct sqlite_tx *tx = &w->tx;
	struct store_op *op;
	int rc = sqlite_tx_begin(tx);

	STAILQ_FOREACH(op, batch, link) {
		if (tx->db.failed != 0)
			break;
		op->rc = writer_op(w, op);
	}
	if (tx->db.failed == 0) {
		sqlite_door_committing(w->door);
		sqlite_digests_touch(w->digests, batch);
		sqlite_digests_write(w->digests, &tx->db, batch, w->health == SQLITE_HEALTHY);
		sqlite_tx_commit(tx);
	}
	rc = tx->db.failed;
	if (rc == 0) {
		sqlite_digests_apply(w->digests, batch);
	} else {
		sqlite_digests_drop(w->digests);
		STAILQ_FOREACH(op, batch, link)
			sqlite_tx_undo(tx, op);
		sqlite_tx_rollback(tx);
	}
	return rc;
}

static int writer_wal_grew(void *arg, sqlite3 *h, const char *name, int frames)
{
	struct sqlite_writer *w = arg;

	(void)h, (void)name;
	w->pages += (uint64_t)(frames > w->wal_frames ? frames - w->wal_frames : frames);	/* it may have begun anew */
	w->wal_frames = frames;
	return SQLITE_OK;
}

/* ---- sizes ---- */

static int64_t writer_size(const char *path, const char *suffix)
{
	char name[PATH_MAX + 8];
	struct stat st;

	snprintf(name, sizeof(name), "%s%s", path, suffix);
	return stat(name, &st) == 0 ? st.st_size : 0;
}

/* The files' sizes: looked at now and then, reckoned on from there. */
static void writer_measure(struct sqlite_writer *w)
{
	w->database_bytes = writer_size(w->path, "");
	w->wal_bytes = writer_size(w->path, "-wal");
}

static void writer_reckon(struct sqlite_writer *w)
{
	int64_t wal = WAL_HEADER + (int64_t)w->wal_frames * WAL_FRAME;

	if (wal > w->wal_bytes)
		w->wal_bytes = wal;
	if (w->tx.allocated > w->database_bytes)
		w->database_bytes = w->tx.allocated;
}

/* ---- health ---- */

static void writer_turn(struct sqlite_writer *w, enum sqlite_health health, const char *why)
{
	if (health == w->health)
		return;
	if (health == SQLITE_HEALTHY)
		log_info("store: %s can be written again", w->path);
	else
		log_error("store: %s cannot be written: %s", w->path, why);
	w->health = health;
	w->probe_after = PROBE_FIRST;
	w->probe_at = clock_after(w->probe_after);
}

/*
 * Does a write reach the disk? What is written changes nothing, and lies over
 * what a failed sync may have left in the log. So it takes the same connection:
 * a new one might read that as committed.
 */
static bool writer_try_write(struct sqlite_writer *w)
{
	struct sqlite_tx *tx = &w->tx;

	sqlite_tx_begin(tx);
	sqlite_tx_probe(tx);
	sqlite_tx_commit(tx);
	if (tx->db.failed != 0)
		sqlite_tx_rollback(tx);
	return tx->db.failed == 0;
}

/* Not healthy: is it over? */
static void writer_probe(struct sqlite_writer *w)
{
	bool over;

	if (w->health == SQLITE_HEALTHY || clock_mono() < w->probe_at)
		return;
	if (w->probe_after < PROBE_LAST)
		w->probe_after *= 2;
	w->probe_at = clock_after(w->probe_after);
	if (w->health == SQLITE_FULL_DISK)
		over = sqlite_space_take(&w->space) == 0;
	else
		over = writer_try_write(w);
	if (over)
		writer_turn(w, SQLITE_HEALTHY, NULL);
}

/*
 * The disk is full. First the log's own room is given back: what is in it has
 * its place in the database already (sqlite_tx.c). Then the reserve.
 */
static int writer_full(struct sqlite_writer *w, struct op_list *batch)
{
	int rc = -ENOSPC;

	if (sqlite_checkpoint_truncate(&w->checkpoint, &w->tx.db)) {
		writer_measure(w);
		rc = writer_transaction(w, batch);
	}
	if (rc != -ENOSPC || w->health != SQLITE_HEALTHY)
		return rc;
	writer_turn(w, SQLITE_FULL_DISK, w->tx.db.why);
	sqlite_space_give(&w->space);
	return writer_transaction(w, batch);
}

/* ---- damage ---- */

/* Some op met a part of the file that is damaged: each goes alone, so that only those that need that part fail. */
static void writer_one_by_one(struct sqlite_writer *w, struct op_list *batch)
{
	struct op_list rest = STAILQ_HEAD_INITIALIZER(rest), one;
	struct store_op *op;

	if (!w->damaged)
		log_error("store: %s is damaged: %s", w->path, w->tx.db.why);
	w->damaged = true;
	STAILQ_CONCAT(&rest, batch);
	while ((op = STAILQ_FIRST(&rest)) != NULL) {
		STAILQ_REMOVE_HEAD(&rest, link);
		STAILQ_INIT(&one);
		STAILQ_INSERT_TAIL(&one, op, link);
		if (writer_transaction(w, &one) != 0)
			op->rc = -EIO;
		STAILQ_CONCAT(batch, &one);
	}
}

/* ---- the thread ---- */

static int writer_carry_out(struct sqlite_writer *w, struct op_list *batch)
{
	int rc;

	if (w->health == SQLITE_FAILING)
		return -EIO;
	rc = writer_transaction(w, batch);
	if (rc == -ENOSPC)
		rc = writer_full(w, batch);
	if (rc == -EIO)
		writer_turn(w, SQLITE_FAILING, w->tx.db.why);
	if (rc == -EUCLEAN) {
		writer_one_by_one(w, batch);
		rc = 0;
	}
	return rc;
}

static void writer_note_figures(struct sqlite_writer *w, int rc, size_t n, mono_us took)
{
	struct store_stats *f = &w->figures;

	writer_reckon(w);
	pthread_mutex_lock(&w->figures_mutex);
	f->database_bytes = w->database_bytes;
	f->wal_bytes = w->wal_bytes;
	f->writable = w->health == SQLITE_HEALTHY;
	f->failures += rc != 0;
	f->pages = w->pages;
	if (rc == 0 && n > 0) {
		f->transactions++;
		f->operations += n;
		f->commit_last = took;
		if (took > f->commit_max)
			f->commit_max = took;
	}
	pthread_mutex_unlock(&w->figures_mutex);
}

static void writer_serve(struct sqlite_writer *w, struct op_list *batch)
{
	mono_us began = clock_mono();
	struct store_op *op;
	size_t n = 0;
	int rc = 0;

	writer_probe(w);
	if (!STAILQ_EMPTY(batch))
		rc = writer_carry_out(w, batch);
	STAILQ_FOREACH(op, batch, link) {
		n++;
		if (rc != 0)
			op->rc = rc;
	}
	writer_note_figures(w, rc, n, clock_mono() - began);
	sqlite_door_put(w->door, batch);
	if (rc == 0 && n > 0)
		sqlite_checkpoint_commit(&w->checkpoint, &w->tx.db, w->wal_frames);
}

static void *writer_main(void *arg)
{
	struct sqlite_writer *w = arg;
	struct op_list batch;

	pthread_setname_np(pthread_self(), "store writer");
	while (sqlite_inbox_take(&w->inbox, &batch, BATCH_OPS, BATCH_BYTES,
				 w->health == SQLITE_HEALTHY ? -1 : w->probe_after))
		writer_serve(w, &batch);
	return NULL;
}

static int writer_threads(struct sqlite_writer *w)
{
	int rc = sqlite_checkpoint_start(&w->checkpoint, w->path);

	if (rc != 0)
		return rc;
	rc = thread_start(&w->thread, writer_main, w);
	if (rc != 0)
		sqlite_checkpoint_stop(&w->checkpoint, &w->tx.db);
	return rc;
}

int sqlite_writer_start(struct sqlite_writer *w, const char *path, struct sqlite_door *door)
{
	int rc = sqlite_inbox_open(&w->inbox);

	if (rc != 0)
		return rc;
	sqlite_inbox_look_out(&w->inbox);
	w->path = path;
	w->door = door;
	w->health = SQLITE_HEALTHY;
	sqlite3_wal_hook(w->tx.db.h, writer_wal_grew, w);
	rc = sqlite_space_take(&w->space);
	if (rc != 0)
		writer_turn(w, SQLITE_FULL_DISK, strerror(-rc));
	pthread_mutex_init(&w->figures_mutex, NULL);
	writer_measure(w);
	writer_note_figures(w, 0, 0, 0);
	rc = writer_threads(w);
	if (rc != 0) {
		pthread_mutex_destroy(&w->figures_mutex);
		sqlite_inbox_free(&w->inbox);
	}
	return rc;
}

void sqlite_writer_stop(struct sqlite_writer *w)
{
	sqlite_inbox_close(&w->inbox);
	pthread_join(w->thread, NULL);
	if (w->health == SQLITE_FAILING)
		writer_try_write(w);
	if (w->health == SQLITE_HEALTHY)
		sqlite_digests_write_all(w->digests, &w->tx.db);
	sqlite_checkpoint_stop(&w->checkpoint, &w->tx.db);
	pthread_mutex_destroy(&w->figures_mutex);
	sqlite_inbox_free(&w->inbox);
}

void sqlite_writer_figures(struct sqlite_writer *w, struct store_stats *out)
{
	const char *backend = out->backend;

	pthread_mutex_lock(&w->figures_mutex);
	*out = w->figures;
	pthread_mutex_unlock(&w->figures_mutex);
	out->backend = backend;
	snprintf(out->path, sizeof(out->path), "%s", w->path);
	out->waiting = sqlite_inbox_waiting(&w->inbox);
}
