/*
 * The SQLite back end: one database file, one thread that writes it, some that
 * read it.
 *
 * Ops of one turn of the loop are collected and handed over together at its
 * end: those that change something to the writer, those that only look to the
 * reader. Many changes are handed over by parts, so that the writer commits some
 * while the loop is at the next. They come back through the door.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "coro/loop.h"
#include "store/sqlite_digest_read.h"
#include "store/sqlite_file.h"
#include "store/sqlite_queue.h"
#include "store/sqlite_schedule.h"
#include "store/sqlite_reader.h"
#include "store/sqlite_verbs.h"
#include "store/sqlite_writer.h"
#include "store/store_backend.h"

enum {
	SNAPSHOT_OPS = 64,
	PART_OPS = 32,
	DIGESTS_AT_OPEN = 400 * 1000	/* us: a million jobs' that all have to be made */
};

/* What is soon done; what looks at all there is; backups. */
enum { READER, SCANNER, COPIER, READERS };

struct sqlite_turn {		/* ops of this turn of the loop */
	struct op_list ops;
	size_t n;
};

struct sqlite_store {
	char path[PATH_MAX];
	int lock;
	struct sqlite_writer writer;
	struct sqlite_reader readers[READERS];
	struct sqlite_digests digests;
	struct digest_thread digester;
	struct sqlite_door door;
	struct sqlite_turn writes, reads[READERS];
	struct deferred hand_over;
	struct ready_firsts firsts;	/* at open */
	bool begun;			/* a verb was called: what was at open is the threads' now */
};

/* ---- ops ---- */

static void sqlite_turn_end(struct sqlite_turn *turn, struct sqlite_inbox *inbox)
{
	if (turn->n > 0)
		sqlite_inbox_put(inbox, &turn->ops, turn->n);
	turn->n = 0;
}

static void sqlite_hand_over(void *arg)
{
	struct sqlite_store *s = arg;

	sqlite_turn_end(&s->writes, &s->writer.inbox);
	for (int i = 0; i < READERS; i++)
		sqlite_turn_end(&s->reads[i], &s->readers[i].inbox);
}

static struct sqlite_turn *sqlite_turn_of(struct sqlite_store *s, const struct store_op *op)
{
	if (!op_reads(op))
		return &s->writes;
	if (op->verb == VERB_BACKUP)
		return &s->reads[COPIER];
	return &s->reads[op->verb == VERB_MATCH ? SCANNER : READER];
}

static void sqlite_submit(struct store *st, struct store_op *op)
{
	struct sqlite_store *s = st->impl;
	struct sqlite_turn *turn = sqlite_turn_of(s, op);

	s->begun = true;
	loop_expect(1);
	STAILQ_INSERT_TAIL(&turn->ops, op, link);
	turn->n++;
	if (turn == &s->writes && turn->n >= PART_OPS)
		sqlite_turn_end(turn, &s->writer.inbox);
	else
		loop_defer(&s->hand_over);
}

/* ---- open ---- */

static enum store_open_result sqlite_failed(const struct sqlite_store *s, const char *how, char *why, size_t why_size)
{
	snprintf(why, why_size, "%s: %s", s->path, how);
	return STORE_OPEN_FAILED;
}

static void sqlite_open_databases(struct sqlite_store *s)
{
	struct sqlite_db *db = &s->writer.tx.db;
	struct sqlite_query q;

	if (sqlite_file_open(db, s->path) == 0) {
		q = sqlite_query(db, SQL_LANE_TRIM);
		sqlite_run(&q);
		if (sqlite_tx_load(&s->writer.tx) == 0)
			sqlite_ready_firsts(&s->writer.tx, &s->firsts);
	}
	if (db->failed == 0 && sqlite_file_open_reader(&s->readers[READER].db, s->path) == 0)
		sqlite_digests_begin(&s->digests, &s->readers[READER].db, s->writer.tx.next_id, DIGESTS_AT_OPEN);
}

static void sqlite_close_databases(struct sqlite_store *s)
{
	sqlite_db_close(&s->readers[READER].db);
	sqlite_tx_free(&s->writer.tx);
}

/* The file made or found good, and both connections open. */
static enum store_open_result sqlite_open_file(struct sqlite_store *s, const char *directory, char *why, size_t why_size)
{
	enum store_open_result rc = sqlite_file_prepare(directory, s->path, why, why_size);

	if (rc != STORE_OPEN_OK)
		return rc;
	sqlite_open_databases(s);
	if (s->writer.tx.db.failed != 0)
		rc = sqlite_failed(s, s->writer.tx.db.why, why, why_size);
	else if (s->readers[READER].db.failed != 0)
		rc = sqlite_failed(s, s->readers[READER].db.why, why, why_size);
	if (s->writer.tx.db.failed == -EBUSY)
		rc = STORE_OPEN_REFUSED;
	if (rc != STORE_OPEN_OK)
		sqlite_close_databases(s);
	return rc;
}

/* The first n of them. */
static void sqlite_stop_readers(struct sqlite_store *s, int n)
{
	while (n-- > 0)
		sqlite_reader_stop(&s->readers[n]);
}

static int sqlite_start_readers(struct sqlite_store *s)
{
	static const char *const names[READERS] = { [READER] = "store reader", [SCANNER] = "store scanner", [COPIER] = "store copier" };

	for (int i = 0; i < READERS; i++) {
		int rc;

		s->readers[i].name = names[i];
		s->readers[i].digests = &s->digests;
		s->readers[i].snapshot_ops = i == READER ? SNAPSHOT_OPS : 1;
		rc = sqlite_reader_start(&s->readers[i], s->path, &s->door);
		if (rc != 0) {
			sqlite_stop_readers(s, i);
			return rc;
		}
	}
	return 0;
}

/* All threads but the writer's. */
static int sqlite_start_reading(struct sqlite_store *s)
{
	int rc = sqlite_start_readers(s);

	if (rc != 0)
		return rc;
	rc = sqlite_digests_start(&s->digester, &s->digests, s->path);
	if (rc != 0)
		sqlite_stop_readers(s, READERS);
	return rc;
}

static void sqlite_stop_reading(struct sqlite_store *s)
{
	sqlite_digests_stop(&s->digester);
	sqlite_stop_readers(s, READERS);
}

static int sqlite_start(struct sqlite_store *s, struct store *st)
{
	int rc = sqlite_door_open(&s->door, st);

	if (rc != 0)
		return rc;
	rc = sqlite_start_reading(s);
	if (rc == 0) {
		s->writer.digests = &s->digests;
		rc = sqlite_writer_start(&s->writer, s->path, &s->door);
		if (rc != 0)
			sqlite_stop_reading(s);
	}
	if (rc != 0)
		sqlite_door_free(&s->door);
	return rc;
}

static enum store_open_result sqlite_open_locked(struct sqlite_store *s, struct store *st, const char *directory, char *why,
						 size_t why_size)
{
	enum store_open_result rc;
	int started = sqlite_space_open(&s->writer.space, directory);

	if (started != 0)
		return sqlite_failed(s, strerror(-started), why, why_size);
	rc = sqlite_open_file(s, directory, why, why_size);
	if (rc == STORE_OPEN_FAILED) {		/* on a full disk the reserve of the last run lets us in */
		sqlite_space_give(&s->writer.space);
		rc = sqlite_open_file(s, directory, why, why_size);
	}
	if (rc == STORE_OPEN_OK) {
		started = sqlite_start(s, st);
		if (started == 0)
			return rc;
		rc = sqlite_failed(s, strerror(-started), why, why_size);
		sqlite_close_databases(s);
	}
	sqlite_space_close(&s->writer.space);
	return rc;
}

static enum store_open_result sqlite_open(struct store *st, const struct store_conf *conf, char *why, size_t why_size)
{
	struct sqlite_store *s = calloc(1, sizeof(*s));
	enum store_open_result rc;

	if (s == NULL) {
		snprintf(why, why_size, "%s: out of memory", conf->directory);
		return STORE_OPEN_FAILED;
	}
	/* Its counting of allocations takes a lock that both threads would meet at. */
	sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
	snprintf(s->path, sizeof(s->path), "%s/jobd.db", conf->directory);
	STAILQ_INIT(&s->writes.ops);
	for (int i = 0; i < READERS; i++)
		STAILQ_INIT(&s->reads[i].ops);
	deferred_init(&s->hand_over, sqlite_hand_over, s);
	sqlite_digests_init(&s->digests);
	rc = sqlite_file_lock(conf->directory, &s->lock, why, why_size);
	if (rc == STORE_OPEN_OK) {
		rc = sqlite_open_locked(s, st, conf->directory, why, why_size);
		if (rc != STORE_OPEN_OK)
			close(s->lock);
	}
	if (rc != STORE_OPEN_OK) {
		sqlite_digests_free(&s->digests);
		free(s->firsts.v);
		free(s);
		return rc;
	}
	st->impl = s;
	st->seq = s->writer.tx.seq;
	return rc;
}

static void sqlite_close(struct store *st)
{
	struct sqlite_store *s = st->impl;

	loop_defer_cancel(&s->hand_over);
	sqlite_hand_over(s);
	sqlite_stop_reading(s);
	sqlite_writer_stop(&s->writer);
	sqlite_door_drain(&s->door);
	sqlite_door_free(&s->door);
	sqlite_tx_free(&s->writer.tx);
	sqlite_digests_free(&s->digests);
	sqlite_space_close(&s->writer.space);
	close(s->lock);
	free(s->firsts.v);
	free(s);
}

/* ---- figures ---- */

static void sqlite_counts(struct store *st, void (*each)(void *arg, const struct lane_count *count), void *arg)
{
	struct sqlite_store *s = st->impl;
	struct sqlite_lane *lane, *next;

	if (s->begun)
		log_fatal("store_counts: after the first verb");
	HASH_ITER(hh_id, s->writer.tx.lanes.by_id, lane, next)
		for (int i = JOB_NONE + 1; i < JOB_STATES; i++) {
			struct lane_count count = { lane->queue, lane->type, (enum job_state)i, lane->n[i] };

			if (count.n > 0)
				each(arg, &count);
		}
}

static void sqlite_flows(struct store *st, void (*each)(void *arg, const struct flow_count *flow), void *arg)
{
	struct sqlite_store *s = st->impl;
	struct sqlite_flow *flow, *next;

	if (s->begun)
		log_fatal("store_flows: after the first verb");
	HASH_ITER(hh_id, s->writer.tx.flows.by_id, flow, next) {
		struct flow_count count = { flow->lane->queue, flow->lane->type, flow->row, flow->unfinished, flow->ready };

		each(arg, &count);
	}
}

static void sqlite_firsts(struct store *st, void (*each)(void *arg, const struct ready_first *first), void *arg)
{
	struct sqlite_store *s = st->impl;

	for (size_t i = 0; i < s->firsts.n; i++)
		each(arg, &s->firsts.v[i]);
}

static void sqlite_queues(struct store *st, void (*each)(void *arg, const struct queue_row *queue), void *arg)
{
	struct sqlite_store *s = st->impl;

	if (s->begun)
		log_fatal("store_queues: after the first verb");
	sqlite_queues_each(&s->writer.tx.db, each, arg);
}

static void sqlite_schedules(struct store *st, void (*each)(void *arg, const struct schedule_change *schedule), void *arg)
{
	struct sqlite_store *s = st->impl;

	if (s->begun)
		log_fatal("store_schedules: after the first verb");
	sqlite_schedules_each(&s->writer.tx.db, each, arg);
}

static void sqlite_hurry(struct store *st)
{
	struct sqlite_store *s = st->impl;

	atomic_store(&s->readers[COPIER].hurry, true);
}

static void sqlite_stats(struct store *st, struct store_stats *out)
{
	struct sqlite_store *s = st->impl;

	sqlite_writer_figures(&s->writer, out);
	out->waiting += s->writes.n;
}

const struct store_backend store_sqlite = {
	.name = "sqlite",
	.open = sqlite_open,
	.close = sqlite_close,
	.submit = sqlite_submit,
	.counts = sqlite_counts,
	.flows = sqlite_flows,
	.firsts = sqlite_firsts,
	.queues = sqlite_queues,
	.schedules = sqlite_schedules,
	.hurry = sqlite_hurry,
	.stats = sqlite_stats,
};
