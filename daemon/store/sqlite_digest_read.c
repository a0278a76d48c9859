#include "store/sqlite_digest_read.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/thread.h"
#include "store/sqlite_digest_keep.h"
#include "store/sqlite_file.h"

bool sqlite_digest_find(struct sqlite_db *db, bool down, int64_t *number)
{
	struct sqlite_query q = sqlite_query(db, down ? SQL_JOB_DOWN : SQL_JOB_UP);
	int64_t id;

	if (*number > digest_of(INT64_MAX) - 1)
		*number = digest_of(INT64_MAX) - 1;
	sqlite_bind_int(&q, *number * DIGEST_IDS + (down ? DIGEST_IDS - 1 : 0));
	id = sqlite_value(&q, -1);
	*number = digest_of(id);
	return id >= 0;
}

bool sqlite_digest_make(struct sqlite_db *db, int64_t number, bool flows, struct digest_copy *out)
{
	struct sqlite_query q = sqlite_query(db, flows ? SQL_SPAN_FLOWS : SQL_SPAN_JOBS);

	memset(out->what, JOB_NONE, sizeof(out->what));
	memset(out->lane, 0, sizeof(out->lane));
	out->number = number;
	out->kept = false;
	out->flows = flows;
	sqlite_bind_int(&q, number * DIGEST_IDS);
	sqlite_bind_int(&q, number * DIGEST_IDS + DIGEST_IDS - 1);
	while (sqlite_next(&q)) {
		int64_t i = sqlite_int(&q, 0) % DIGEST_IDS, state = sqlite_int(&q, 2);

		if (state <= JOB_NONE || state >= JOB_STATES) {
			sqlite_db_fail(db, -EUCLEAN, "a job in no state");
			sqlite_end(&q);
			return false;
		}
		out->lane[i] = (uint32_t)sqlite_int(&q, 1);
		out->what[i] = (uint8_t)digest_what((enum job_state)state, (int)sqlite_int(&q, 3));
		if (flows)
			out->flow[i] = sqlite_int(&q, 4);
	}
	return db->failed == 0;
}

bool sqlite_digest_read(struct sqlite_db *db, int64_t number, bool flows, struct digest_copy *out)
{
	return sqlite_digest_kept(db, number, out) || (db->failed == 0 && sqlite_digest_make(db, number, flows, out));
}

/* ---- reading in ---- */

/* The next one below what is known; false: there is no more to be done. */
static bool digests_read_in(struct sqlite_digests *d, struct sqlite_db *db, struct digest_copy *copy)
{
	struct sqlite_query q;
	int64_t below, number;
	bool found, ok;

	if (!sqlite_digests_expect(d, &below))
		return false;
	q = sqlite_query(db, SQL_SNAPSHOT);
	sqlite_run(&q);
	number = below - 1;
	found = sqlite_digest_find(db, true, &number) && sqlite_digest_read(db, number, true, copy);
	ok = db->failed == 0;
	if (!sqlite3_get_autocommit(db->h))
		sqlite3_exec(db->h, "COMMIT", NULL, NULL, NULL);
	return ok && sqlite_digests_put(d, below, found ? copy : NULL);
}

void sqlite_digests_begin(struct sqlite_digests *d, struct sqlite_db *db, int64_t next_id, mono_us patience)
{
	struct digest_copy *copy = malloc(sizeof(*copy));
	mono_us until = clock_after(patience);

	d->known = digest_of(next_id - 1) + 1;
	while (copy != NULL && clock_mono() < until && digests_read_in(d, db, copy))
		;
	free(copy);
	sqlite_db_clear(db);
}

static void *digests_main(void *arg)
{
	struct digest_thread *t = arg;
	struct digest_copy *copy = malloc(sizeof(*copy));
	struct sqlite_db db;

	pthread_setname_np(pthread_self(), "store digester");
	if (copy != NULL && sqlite_file_open_reader(&db, t->path) == 0)
		while (!atomic_load(&t->stop) && digests_read_in(t->digests, &db, copy))
			;
	if (copy != NULL)
		sqlite_db_close(&db);
	free(copy);
	return NULL;
}

int sqlite_digests_start(struct digest_thread *t, struct sqlite_digests *d, const char *path)
{
	int rc;

	t->digests = d;
	t->path = path;
	t->started = d->known > 0;
	rc = t->started ? thread_start(&t->thread, digests_main, t) : 0;
	if (rc != 0)
		t->started = false;
	return rc;
}

void sqlite_digests_stop(struct digest_thread *t)
{
	atomic_store(&t->stop, true);
	if (t->started)
		pthread_join(t->thread, NULL);
	t->started = false;
}
