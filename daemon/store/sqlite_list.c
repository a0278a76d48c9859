/*
 * Lists and counts by filter, in order of id.
 *
 * The rows looked at are those of one tag where tags are asked for; those of
 * the states that are kept aside in an index where only such are asked for;
 * else all. Queue, type and state are tested on the small row, and only what
 * passes is read whole. One turn looks at a bounded number of rows, so that no
 * list holds up the others or the log.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/names.h"
#include "store/sqlite_reader.h"

enum { LOOK_ROWS = 8192 };	/* rows looked at in one turn */

#define STATES_ALL (((1u << JOB_STATES) - 1) & ~(1u << JOB_NONE))
#define STATES_ASIDE (STATES_ALL & ~(1u << JOB_SCHEDULED | 1u << JOB_READY | 1u << JOB_SUCCEEDED))

/* Found out once a lane and list. */
static bool list_lane_passes(struct sqlite_reader *r, const struct job_filter *f, struct sqlite_lane *lane)
{
	if (lane->asked != r->asked) {
		lane->asked = r->asked;
		lane->passes = names_pass(f->queues, lane->queue) && names_pass(f->types, lane->type);
	}
	return lane->passes;
}

static bool list_has_tag(struct sqlite_reader *r, int64_t id, const char *name, const char *value)
{
	struct sqlite_query q = sqlite_query(&r->db, SQL_TAG_HAS);

	sqlite_bind_text(&q, name);
	sqlite_bind_text(&q, value);
	sqlite_bind_int(&q, id);
	return sqlite_value(&q, 0) != 0;
}

static bool list_passes(struct sqlite_reader *r, const struct job_filter *f, const struct sqlite_row *row)
{
	if (f->states != 0 && (f->states & 1u << row->k.row.state) == 0)
		return false;
	if (!list_lane_passes(r, f, row->lane))
		return false;
	if (f->tag_names != NULL && f->tag_names[0] != NULL)	/* the first is what is walked along */
		for (size_t i = 1; f->tag_names[i] != NULL; i++)
			if (!list_has_tag(r, row->k.row.id, f->tag_names[i], f->tag_values[i]))
				return false;
	return true;
}

static bool list_by_tag(const struct job_filter *f)
{
	return f->tag_names != NULL && f->tag_names[0] != NULL;
}

static bool list_aside(const struct job_filter *f)
{
	return f->states != 0 && (f->states & ~STATES_ASIDE) == 0;
}

/* Where a walk begins that has come as far as `after` (0: nowhere yet). */
static int64_t list_from(const struct store_op *op, int64_t after)
{
	return op->list.newest_first && after == 0 ? INT64_MAX : after;
}

/* A walk along rows behind op->list.after_id: all, those of the first tag, or those aside in `state`. */
static struct sqlite_query list_walk(struct sqlite_reader *r, struct store_op *op, enum job_state state, int64_t limit)
{
	const struct job_filter *f = op->list.filter;
	bool down = op->list.newest_first;
	enum sqlite_sql sql = down ? SQL_LIST_DOWN : SQL_LIST_UP;
	struct sqlite_query q;

	if (list_by_tag(f))
		sql = down ? SQL_LIST_TAG_DOWN : SQL_LIST_TAG_UP;
	else if (state != JOB_NONE)
		sql = down ? SQL_LIST_ASIDE_DOWN : SQL_LIST_ASIDE_UP;
	q = sqlite_query(&r->db, sql);
	sqlite_bind_int(&q, list_from(op, op->list.after_id));
	sqlite_bind_int(&q, limit);
	if (list_by_tag(f)) {
		sqlite_bind_text(&q, f->tag_names[0]);
		sqlite_bind_text(&q, f->tag_values[0]);
	} else if (state != JOB_NONE) {
		sqlite_bind_int(&q, state);
	}
	return q;
}

typedef bool list_take_fn(struct sqlite_reader *r, struct store_op *op, const struct sqlite_row *row);

/* Shows op->list.after_id's followers to take(), in order, until it says no. 0: the end; -EAGAIN: enough for one turn. */
static int list_along(struct sqlite_reader *r, struct store_op *op, list_take_fn *take)
{
	struct sqlite_query q = list_walk(r, op, JOB_NONE, LOOK_ROWS);
	struct sqlite_row row;
	int looked = 0;

	while (sqlite_next(&q)) {
		if (!sqlite_row_read(&row, &q, &r->lanes) || !take(r, op, &row)) {
			sqlite_end(&q);
			return 0;
		}
		op->list.after_id = row.k.row.id;
		looked++;
	}
	return looked == LOOK_ROWS ? -EAGAIN : 0;
}

/* ---- list ---- */

/* Takes it if it passes; false once the page is full and there is one more. */
static bool list_take(struct sqlite_reader *r, struct store_op *op, const struct sqlite_row *row)
{
	struct job_page *page = op->list.page;

	if (!list_passes(r, op->list.filter, row))
		return true;
	if (page->n == op->list.limit || op->list.bytes > STORE_PAGE_BYTES) {
		page->more = true;
		return false;
	}
	if (!sqlite_get_record(r, row, !op->list.full, &page->v[page->n++]))
		return false;
	op->list.bytes += job_record_bytes(&page->v[page->n - 1]);
	return true;
}

/* Of the states asked for, all kept aside: the job that follows op->list.after_id. */
static bool list_next_aside(struct sqlite_reader *r, struct store_op *op, struct sqlite_row *next)
{
	bool found = false;

	for (int s = JOB_NONE + 1; s < JOB_STATES; s++) {
		struct sqlite_query q;
		struct sqlite_row row;

		if ((op->list.filter->states & 1u << s) == 0)
			continue;
		q = list_walk(r, op, (enum job_state)s, 1);
		if (sqlite_next(&q) && sqlite_row_read(&row, &q, &r->lanes) &&
		    (!found || (row.k.row.id > next->k.row.id) == op->list.newest_first)) {
			*next = row;
			found = true;
		}
		sqlite_end(&q);
	}
	return found && r->db.failed == 0;
}

/* The same along those aside. */
static int list_along_aside(struct sqlite_reader *r, struct store_op *op, list_take_fn *take)
{
	struct sqlite_row row;

	for (int looked = 0; looked < LOOK_ROWS; looked++) {
		if (!list_next_aside(r, op, &row) || !take(r, op, &row))
			return 0;
		op->list.after_id = row.k.row.id;
	}
	return -EAGAIN;
}

int sqlite_list(struct sqlite_reader *r, struct store_op *op)
{
	struct job_page *page = op->list.page;
	int rc;

	r->asked++;
	if (page->v == NULL)
		page->v = calloc(op->list.limit > 0 ? op->list.limit : 1, sizeof(page->v[0]));
	if (page->v == NULL)
		return -ENOMEM;
	if (list_aside(op->list.filter) && !list_by_tag(op->list.filter))
		rc = list_along_aside(r, op, list_take);
	else
		rc = list_along(r, op, list_take);
	if (r->db.failed != 0)
		job_page_free(page);
	return rc;
}

/* ---- count ---- */

static bool list_count_one(struct sqlite_reader *r, struct store_op *op, const struct sqlite_row *row)
{
	if (list_passes(r, op->list.filter, row))
		op->list.by_state[row->k.row.state]++;
	return true;
}

/* Without tags, the kept counts say it. */
static int list_count_lanes(struct sqlite_reader *r, struct store_op *op)
{
	const struct job_filter *f = op->list.filter;
	struct sqlite_query q = sqlite_query(&r->db, SQL_LANE_ALL);

	while (sqlite_next(&q))
		if (names_pass(f->queues, sqlite_text(&q, 1)) && names_pass(f->types, sqlite_text(&q, 2)))
			for (int s = JOB_NONE + 1; s < JOB_STATES; s++)
				if (f->states == 0 || (f->states & 1u << s) != 0)
					op->list.by_state[s] += sqlite_int(&q, 2 + s);
	return r->db.failed;
}

int sqlite_count(struct sqlite_reader *r, struct store_op *op)
{
	r->asked++;
	return list_by_tag(op->list.filter) ? list_along(r, op, list_count_one) : list_count_lanes(r, op);
}

/* ---- match ---- */

static bool list_match_one(struct sqlite_reader *r, struct store_op *op, const struct sqlite_row *row)
{
	struct job_matches *m = op->list.matches;

	if (!list_passes(r, op->list.filter, row))
		return true;
	m->matched++;
	if ((op->list.wanted & 1u << row->k.row.state) == 0)
		return true;
	if (idlist_put(&m->ids, row->k.row.id) != 0)
		sqlite_db_fail(&r->db, -ENOMEM, "out of memory");
	else if (buf_len(&m->ids.bytes) > STORE_MATCH_BYTES)
		sqlite_db_fail(&r->db, -E2BIG, "too many jobs pass");
	return r->db.failed == 0;
}

int sqlite_match(struct sqlite_reader *r, struct store_op *op)
{
	const struct job_filter *f = op->list.filter;
	int rc;

	r->asked++;
	do
		rc = list_aside(f) && !list_by_tag(f) ? list_along_aside(r, op, list_match_one) : list_along(r, op, list_match_one);
	while (rc == -EAGAIN);
	return rc;
}
