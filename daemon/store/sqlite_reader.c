#include "store/sqlite_reader.h"

#include <errno.h>

#include "base/log.h"
#include "base/thread.h"
#include "store/sqlite_file.h"

static int reader_op(struct sqlite_reader *r, struct store_op *op)
{
	switch (op->verb) {
	case VERB_FILLINGS:
		return sqlite_fillings(r, op);
	case VERB_SUBMIT_DRY:
		return sqlite_submit_dry(r, op);
	case VERB_GET:
		return sqlite_get(r, op);
	case VERB_LIST:
		return sqlite_list(r, op);
	case VERB_AHEAD:
		return sqlite_ahead(r, op);
	case VERB_BLOCKERS:
		return sqlite_blockers(r, op);
	case VERB_COUNT:
		return sqlite_count(r, op);
	case VERB_MATCH:
		return sqlite_match(r, op);
	case VERB_BACKUP:
		return sqlite_backup(r, op);
	case VERB_SCHEDULE_GET:
		return sqlite_schedule_get(r, op);
	case VERB_SCHEDULE_LIST:
		return sqlite_schedule_list(r, op);
	default:
		return sqlite_output_read(r, op);
	}
}

static void reader_begin(struct sqlite_reader *r)
{
	struct sqlite_query q;

	sqlite_db_clear(&r->db);
	if (r->db.h == NULL)
		sqlite_file_open_reader(&r->db, r->path);
	r->as_of = sqlite_digests_ended(r->digests);
	q = sqlite_query(&r->db, SQL_SNAPSHOT);
	sqlite_run(&q);
}

static void reader_end(struct sqlite_reader *r, bool broken)
{
	if (r->db.h != NULL && sqlite3_exec(r->db.h, "COMMIT", NULL, NULL, NULL) != SQLITE_OK)
		broken = true;
	if (broken)
		sqlite_db_close(&r->db);	/* begun anew next time */
}

/* One op of a snapshot; what went wrong with it is nothing to the next. True where the file is to blame. */
static bool reader_serve(struct sqlite_reader *r, struct store_op *op)
{
	bool broken = false;

	op->rc = r->db.h != NULL ? reader_op(r, op) : r->db.failed;
	if (r->db.failed != 0) {
		broken = r->db.failed == -EIO || r->db.failed == -EUCLEAN;
		op->rc = broken ? -EIO : r->db.failed;
	}
	if (broken)
		log_error("store: %s cannot be read: %s", r->path, r->db.why);
	if (r->db.h != NULL)
		sqlite_db_clear(&r->db);
	return broken;
}

static void *reader_main(void *arg)
{
	struct sqlite_reader *r = arg;
	struct op_list batch, again;
	struct store_op *op;

	pthread_setname_np(pthread_self(), r->name);
	while (sqlite_inbox_take(&r->inbox, &batch, r->snapshot_ops, SIZE_MAX, -1)) {
		bool broken = false;
		size_t left = 0;

		STAILQ_INIT(&again);
		reader_begin(r);
		while ((op = STAILQ_FIRST(&batch)) != NULL) {
			STAILQ_REMOVE_HEAD(&batch, link);
			broken |= reader_serve(r, op);
			if (op->rc == -EAGAIN) {
				STAILQ_INSERT_TAIL(&again, op, link);
				left++;
			} else {
				sqlite_door_put_read(r->door, op);
			}
		}
		reader_end(r, broken);
		sqlite_inbox_put(&r->inbox, &again, left);
	}
	return NULL;
}

int sqlite_reader_start(struct sqlite_reader *r, const char *path, struct sqlite_door *door)
{
	int rc = sqlite_inbox_open(&r->inbox);

	if (rc != 0)
		return rc;
	r->path = path;
	r->door = door;
	rc = thread_start(&r->thread, reader_main, r);
	if (rc != 0)
		sqlite_inbox_free(&r->inbox);
	return rc;
}

void sqlite_reader_stop(struct sqlite_reader *r)
{
	sqlite_inbox_close(&r->inbox);
	pthread_join(r->thread, NULL);
	sqlite_inbox_free(&r->inbox);
	sqlite_lanes_free(&r->lanes);
	sqlite_db_close(&r->db);
}
