#include "store/sqlite_queue.h"

#include <errno.h>

#include "store/sqlite_verbs.h"

/* The row under a query's SQLITE_QUEUE_COLUMNS; its name is good until the next. */
static struct queue_row queue_columns(struct sqlite_query *q)
{
	struct queue_row row = { .name = sqlite_text(q, 0), .paused = sqlite_int(q, 1) != 0 };

	row.set.concurrency = sqlite_int(q, 2);
	row.set.rate.per_second = sqlite_real(q, 3);
	row.set.rate.burst = sqlite_int(q, 4);
	row.set.weight = sqlite_int(q, 5);
	row.set.max_ready = sqlite_int(q, 6);
	return row;
}

int sqlite_queues_each(struct sqlite_db *db, void (*each)(void *arg, const struct queue_row *queue), void *arg)
{
	struct sqlite_query q = sqlite_query(db, SQL_QUEUE_ALL);

	while (sqlite_next(&q)) {
		struct queue_row row = queue_columns(&q);

		row.bucket.level = sqlite_real(&q, 7);
		row.bucket.at = sqlite_int(&q, 8);
		if (row.name != NULL)
			each(arg, &row);
	}
	return db->failed;
}

static int queue_put(struct sqlite_db *db, const struct queue_row *row)
{
	struct sqlite_query q = sqlite_query(db, SQL_QUEUE_PUT);

	sqlite_bind_text(&q, row->name);
	sqlite_bind_int(&q, row->paused);
	sqlite_bind_int(&q, row->set.concurrency);
	sqlite_bind_real(&q, row->set.rate.per_second);
	sqlite_bind_int(&q, row->set.rate.burst);
	sqlite_bind_int(&q, row->set.weight);
	sqlite_bind_int(&q, row->set.max_ready);
	return sqlite_run(&q);
}

int sqlite_queue_set(struct sqlite_tx *tx, struct store_op *op)
{
	struct sqlite_query q = sqlite_query(&tx->db, SQL_QUEUE_GET);
	struct queue_row was;
	bool is;

	sqlite_bind_text(&q, op->queue.row.name);
	is = sqlite_next(&q);
	if (is)
		was = queue_columns(&q);
	rules_queue_set(&op->queue.row, op->queue.members, is ? &was : NULL);
	sqlite_end(&q);
	return queue_put(&tx->db, &op->queue.row);
}

/* A queue that was never set has no row: without one, its bucket would not be found again. */
static void queue_make(struct sqlite_db *db, const char *name)
{
	struct sqlite_query q = sqlite_query(db, SQL_QUEUE_MAKE);

	sqlite_bind_text(&q, name);
	sqlite_run(&q);
}

int sqlite_queue_token(struct sqlite_db *db, const char *name, const struct rate *rate, wall_ms now)
{
	struct sqlite_query q = sqlite_query(db, SQL_BUCKET_GET);
	struct bucket bucket = { 0, 0 };

	sqlite_bind_text(&q, name);
	if (sqlite_next(&q)) {
		bucket = (struct bucket){ sqlite_real(&q, 0), sqlite_int(&q, 1) };
		sqlite_end(&q);
	} else {
		queue_make(db, name);
	}
	if (!bucket_take(&bucket, rate, now))
		return db->failed != 0 ? db->failed : -EAGAIN;
	q = sqlite_query(db, SQL_BUCKET_PUT);
	sqlite_bind_text(&q, name);
	sqlite_bind_real(&q, bucket.level);
	sqlite_bind_int(&q, bucket.at);
	return sqlite_run(&q);
}
