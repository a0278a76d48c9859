#include "store/sqlite_schedule.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store/rules_schedule.h"
#include "store/sqlite_reader.h"
#include "store/sqlite_verbs.h"

enum { COLUMN_JOB = 17 };	/* behind SQLITE_SCHEDULE_COLUMNS, where it is asked for */

/* The row under a query's SQLITE_SCHEDULE_COLUMNS; its texts are good until the next. */
static struct schedule_row schedule_columns(struct sqlite_query *q)
{
	struct schedule_row row = { .name = sqlite_text(q, 0), .cron = sqlite_text(q, 1), .every = sqlite_int(q, 2) };

	row.timezone = sqlite_text(q, 3);
	row.overlap = (enum schedule_overlap)sqlite_int(q, 4);
	row.catch_up = (enum schedule_catch_up)sqlite_int(q, 5);
	row.paused = sqlite_int(q, 6) != 0;
	row.jitter = sqlite_int(q, 7);
	row.version = sqlite_int(q, 8);
	row.since = sqlite_int(q, 9);
	row.next = sqlite_int(q, 10);
	row.waiting = sqlite_int(q, 11);
	row.last_fired_at = sqlite_int(q, 12);
	row.last_job = sqlite_int(q, 13);
	row.skipped = sqlite_int(q, 14);
	row.skipped_at = sqlite_int(q, 15);
	row.error = sqlite_text(q, 16);
	return row;
}

static struct schedule_row *schedule_copy(struct sqlite_db *db, const struct schedule_row *from)
{
	struct schedule_row *row = db->failed == 0 ? schedule_row_new(from) : NULL;

	if (row == NULL)
		sqlite_db_fail(db, -ENOMEM, "out of memory");
	return row;
}

/* By name, without its job, to be freed: 0, -ENOENT, or the failure. */
static int schedule_load(struct sqlite_db *db, const char *name, struct schedule_row **out)
{
	struct sqlite_query q = sqlite_query(db, SQL_SCHEDULE_GET);
	struct schedule_row row;

	*out = NULL;
	sqlite_bind_text(&q, name);
	if (!sqlite_next(&q))
		return db->failed != 0 ? db->failed : -ENOENT;
	row = schedule_columns(&q);
	*out = schedule_copy(db, &row);
	sqlite_end(&q);
	return db->failed;
}

int sqlite_schedules_each(struct sqlite_db *db, void (*each)(void *arg, const struct schedule_change *schedule), void *arg)
{
	struct sqlite_query q = sqlite_query(db, SQL_SCHEDULE_ALL);

	while (sqlite_next(&q)) {
		struct schedule_row row = schedule_columns(&q);
		struct schedule_change told = { .name = row.name };

		schedule_tell(&told, &row);
		if (row.name != NULL)
			each(arg, &told);
	}
	return db->failed;
}

/* ---- put, delete ---- */

static void schedule_put_row(struct sqlite_db *db, const struct schedule_row *row)
{
	struct sqlite_query q = sqlite_query(db, SQL_SCHEDULE_PUT);

	sqlite_bind_text(&q, row->name);
	sqlite_bind_text(&q, row->cron);
	sqlite_bind_int(&q, row->every);
	sqlite_bind_text(&q, row->timezone);
	sqlite_bind_int(&q, row->overlap);
	sqlite_bind_int(&q, row->catch_up);
	sqlite_bind_int(&q, row->paused);
	sqlite_bind_int(&q, row->jitter);
	sqlite_bind_int(&q, row->version);
	sqlite_bind_int(&q, row->since);
	sqlite_bind_int(&q, row->next);
	sqlite_bind_int(&q, row->waiting);
	sqlite_bind_int(&q, row->last_fired_at);
	sqlite_bind_int(&q, row->last_job);
	sqlite_bind_int(&q, row->skipped);
	sqlite_bind_int(&q, row->skipped_at);
	sqlite_bind_text(&q, row->error);
	sqlite_run(&q);
}

int sqlite_schedule_put(struct sqlite_tx *tx, struct store_op *op)
{
	struct schedule_row row = *op->schedule, *was;
	struct sqlite_query q;
	int rc = schedule_load(&tx->db, row.name, &was);

	if (rc != 0 && rc != -ENOENT)
		return rc;
	rules_schedule_put(&row, was, op->now);
	schedule_put_row(&tx->db, &row);
	q = sqlite_query(&tx->db, SQL_TEMPLATE_PUT);
	sqlite_bind_text(&q, row.name);
	sqlite_bind_text(&q, row.job);
	sqlite_run(&q);
	schedule_tell(op->schedule_told, &row);
	free(was);
	return tx->db.failed;
}

static int schedule_delete_by(struct sqlite_db *db, enum sqlite_sql sql, const char *name)
{
	struct sqlite_query q = sqlite_query(db, sql);

	sqlite_bind_text(&q, name);
	return sqlite_run(&q);
}

int sqlite_schedule_delete(struct sqlite_tx *tx, struct store_op *op)
{
	int rc = schedule_delete_by(&tx->db, SQL_SCHEDULE_DELETE, op->schedule_get.name);

	if (rc != 0)
		return rc;
	if (sqlite3_changes(tx->db.h) == 0)
		return -ENOENT;
	return schedule_delete_by(&tx->db, SQL_TEMPLATE_DELETE, op->schedule_get.name);
}

/* ---- fire ---- */

static void schedule_save(struct sqlite_db *db, const struct schedule_row *row)
{
	struct sqlite_query q = sqlite_query(db, SQL_SCHEDULE_SAVE);

	sqlite_bind_text(&q, row->name);
	sqlite_bind_int(&q, row->since);
	sqlite_bind_int(&q, row->next);
	sqlite_bind_int(&q, row->waiting);
	sqlite_bind_int(&q, row->last_fired_at);
	sqlite_bind_int(&q, row->last_job);
	sqlite_bind_int(&q, row->skipped);
	sqlite_bind_int(&q, row->skipped_at);
	sqlite_bind_text(&q, row->error);
	sqlite_run(&q);
}

/* One that is gone is over. */
static bool schedule_unfinished(struct sqlite_tx *tx, int64_t id)
{
	struct sqlite_job *j;

	return sqlite_job_get(tx, id, &j) == 0 && !job_state_final(j->row.k.row.state);
}

static int schedule_decide(struct sqlite_tx *tx, struct store_op *op, struct schedule_row *row)
{
	struct schedule_fire *f = op->submit.fire;
	bool unfinished = rules_schedule_asks(row, f) && schedule_unfinished(tx, row->last_job);
	int rc = tx->db.failed != 0 ? tx->db.failed : rules_schedule_fire(row, f, unfinished, op->now);

	if (rc == 0 && f->verdict == FIRE_MADE) {
		rc = sqlite_life_submit(tx, op);
		rules_schedule_made(row, f->job->id, op->now);
	}
	if (rc != 0)
		return rc;
	schedule_save(&tx->db, row);
	schedule_tell(op->schedule_told, row);
	return tx->db.failed;
}

int sqlite_schedule_fire(struct sqlite_tx *tx, struct store_op *op)
{
	struct schedule_row *row;
	int rc = schedule_load(&tx->db, op->submit.fire->name, &row);

	rc = rc == -ENOENT ? -ESTALE : rc == 0 ? schedule_decide(tx, op, row) : rc;
	free(row);
	return rc;
}

/* ---- reading ---- */

static struct schedule_row *schedule_full(struct sqlite_query *q)
{
	struct schedule_row row = schedule_columns(q);

	row.job = sqlite_text(q, COLUMN_JOB);
	return schedule_copy(q->db, &row);
}

int sqlite_schedule_get(struct sqlite_reader *r, struct store_op *op)
{
	struct sqlite_query q = sqlite_query(&r->db, SQL_SCHEDULE_FULL);

	sqlite_bind_text(&q, op->schedule_get.name);
	if (!sqlite_next(&q))
		return r->db.failed != 0 ? r->db.failed : -ENOENT;
	*op->schedule_get.row = schedule_full(&q);
	sqlite_end(&q);
	return r->db.failed;
}

int sqlite_schedule_list(struct sqlite_reader *r, struct store_op *op)
{
	struct schedule_page *page = op->schedule_list.page;
	size_t limit = op->schedule_list.limit, bytes = 0;
	struct sqlite_query q = sqlite_query(&r->db, SQL_SCHEDULE_LIST);

	page->v = calloc(limit, sizeof(struct schedule_row *));
	if (page->v == NULL)
		sqlite_db_fail(&r->db, -ENOMEM, "out of memory");
	sqlite_bind_text(&q, op->schedule_list.after);
	sqlite_bind_int(&q, (int64_t)limit + 1);
	while (r->db.failed == 0 && sqlite_next(&q)) {
		page->more = page->n == limit || bytes > STORE_PAGE_BYTES;
		if (page->more)
			break;
		page->v[page->n] = schedule_full(&q);
		if (page->v[page->n] == NULL)
			break;
		bytes += strlen(page->v[page->n++]->job);
	}
	sqlite_end(&q);
	if (r->db.failed != 0)
		schedule_page_free(page);
	return r->db.failed;
}
