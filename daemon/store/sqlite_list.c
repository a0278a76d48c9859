/*
 * Lists and counts by filter, in order of id.
 *
 * A walk gives the blocks of ids in which a filter may find anything; of a
 * block, state, lane and tags are looked at in narrow rows, and only what
 * passes is read whole. One turn looks at a bounded number of rows, so that no
 * list holds up the others or the log.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/names.h"
#include "store/sqlite_walk.h"

enum {
	LOOK_ROWS = 8192,	/* rows looked at in one turn */
	LOOK_IDS = 256		/* at once, where nothing says that there are few in a block */
};

/* What passes of one block, or of some, by id upwards. */
struct list_block {
	int64_t first, last;		/* ids that are looked at */
	bool tagged[LOOK_IDS];		/* by first: has all tags asked for but the first */
	size_t n;
	int64_t ids[LOOK_IDS];
	enum job_state states[LOOK_IDS];
};

static bool list_by_tag(const struct job_filter *f)
{
	return f->tag_names != NULL && f->tag_names[0] != NULL;
}

/* Keeps those marked that have one tag more. */
static void list_mark_tag(struct sqlite_reader *r, struct list_block *b, const char *name, const char *value)
{
	struct sqlite_query q = sqlite_query(&r->db, SQL_TAG_BLOCK);
	bool was[LOOK_IDS];

	memcpy(was, b->tagged, sizeof(was));
	memset(b->tagged, 0, sizeof(b->tagged));
	sqlite_bind_text(&q, name);
	sqlite_bind_text(&q, value);
	sqlite_bind_int(&q, b->first);
	sqlite_bind_int(&q, b->last);
	while (sqlite_next(&q)) {
		int64_t i = sqlite_int(&q, 0) - b->first;

		b->tagged[i] = was[i];
	}
}

/* Marks what has all the tags but the first, by which jobs are looked for, and narrows the look to it. */
static void list_mark(struct sqlite_reader *r, struct list_block *b, const struct job_filter *f)
{
	int64_t first = b->first, from = 0, to = b->last - first;

	memset(b->tagged, true, sizeof(b->tagged));
	for (size_t i = 1; f->tag_names[i] != NULL; i++)
		list_mark_tag(r, b, f->tag_names[i], f->tag_values[i]);
	while (from <= to && !b->tagged[from])
		from++;
	while (to >= from && !b->tagged[to])
		to--;
	memmove(b->tagged, b->tagged + from, (size_t)(to - from + 1));
	b->first = first + from;
	b->last = first + to;
}

static bool list_reason_passes(struct sqlite_reader *r, const struct job_filter *f, struct sqlite_query *q,
			       const struct sqlite_lane *lane)
{
	const struct job_reasons *reasons = f->reasons;

	if (reasons == NULL)
		return true;
	switch (sqlite_int(q, 2)) {
	case JOB_SCHEDULED:
		return sqlite_int(q, 3) > 0 ? reasons->again : reasons->first;
	case JOB_READY:
		if (job_reasons_in_hand(reasons, sqlite_int(q, 0)))
			return reasons->taken;
		return sqlite_walk_flow_passes(r, f, lane, reasons->keyed ? sqlite_int(q, 4) : 0);
	default:
		return true;
	}
}

/* Is the row under the query (id, lane, state, attempt and, where it may matter, flow) one of those asked for? */
static bool list_passes(struct sqlite_reader *r, const struct job_filter *f, struct sqlite_query *q)
{
	int64_t state = sqlite_int(q, 2);
	struct sqlite_lane *lane;

	if (state <= JOB_NONE || state >= JOB_STATES) {
		sqlite_db_fail(&r->db, -EUCLEAN, "a job in no state");
		return false;
	}
	if (f->states != 0 && (f->states & 1u << state) == 0)
		return false;
	if (f->queues == NULL && f->types == NULL && f->reasons == NULL)
		return true;
	lane = sqlite_lane_at(&r->lanes, &r->db, sqlite_int(q, 1));
	if (lane == NULL)
		return false;
	sqlite_walk_judge(r, f, lane);
	return lane->passes && list_reason_passes(r, f, q, lane);
}

/* The rows of a block's jobs: of those that have the first tag, if any is asked for. */
static struct sqlite_query list_rows(struct sqlite_reader *r, const struct list_block *b, const struct job_filter *f)
{
	/* To read a row as far as its flow, which is its last column, costs half as much again. */
	bool flows = f->reasons != NULL && f->reasons->keyed, tag = list_by_tag(f);
	struct sqlite_query q = sqlite_query(&r->db, tag ? flows ? SQL_TAGGED_FLOWS : SQL_TAGGED_JOBS :
						     flows ? SQL_BLOCK_FLOWS : SQL_BLOCK_JOBS);

	sqlite_bind_int(&q, b->first);
	sqlite_bind_int(&q, b->last);
	if (tag) {
		sqlite_bind_text(&q, f->tag_names[0]);
		sqlite_bind_text(&q, f->tag_values[0]);
	}
	return q;
}

/* Finds what passes from b->first to b->last. */
static void list_look(struct sqlite_reader *r, struct list_block *b, const struct job_filter *f)
{
	struct sqlite_query q;

	b->n = 0;
	if (list_by_tag(f))
		list_mark(r, b, f);
	if (b->first > b->last)
		return;
	q = list_rows(r, b, f);
	while (sqlite_next(&q)) {
		int64_t id = sqlite_int(&q, 0);

		if ((list_by_tag(f) && !b->tagged[id - b->first]) || !list_passes(r, f, &q))
			continue;
		b->ids[b->n] = id;
		b->states[b->n++] = (enum job_state)sqlite_int(&q, 2);
	}
}

/*
 * The ids from a block on, in the walk's order, that lie behind op->list.after_id.
 * Returns the last of them in that order, be it bounded or not.
 */
static int64_t list_bound(const struct store_op *op, const struct sqlite_walk *w, int64_t number, struct list_block *b)
{
	int64_t ids = w->any_lane && w->any_state ? LOOK_IDS : BLOCK_IDS, end;

	b->first = number * BLOCK_IDS;
	if (w->down && b->first >= ids - BLOCK_IDS)
		b->first -= ids - BLOCK_IDS;
	b->last = (w->down ? number * BLOCK_IDS + BLOCK_IDS : b->first + ids) - 1;
	end = w->down ? b->first : b->last;
	if (op->list.after_id == 0)
		return end;
	if (op->list.newest_first && b->last >= op->list.after_id)
		b->last = op->list.after_id - 1;
	if (!op->list.newest_first && b->first <= op->list.after_id)
		b->first = op->list.after_id + 1;
	return end;
}

/* The block with which a walk begins that has come as far as op->list.after_id. */
static int64_t list_from(const struct store_op *op)
{
	if (op->list.after_id == 0)
		return op->list.newest_first ? block_of(INT64_MAX) - 1 : 0;
	return block_of(op->list.newest_first ? op->list.after_id - 1 : op->list.after_id + 1);
}

typedef bool list_take_fn(struct sqlite_reader *r, struct store_op *op, int64_t id, enum job_state state);

/* Shows op->list.after_id's followers to take(), in order, until it says no. 0: the end; -EAGAIN: enough for one turn. */
static int list_along(struct sqlite_reader *r, struct store_op *op, list_take_fn *take)
{
	bool down = op->list.newest_first, goes_on = true;
	struct list_block b;
	struct sqlite_walk w;
	int64_t number;
	int looked = 0;

	if (!sqlite_walk_begin(&w, r, op->list.filter, down))
		goes_on = false;
	while (goes_on && looked < LOOK_ROWS && (goes_on = sqlite_walk_next(&w, list_from(op), &number))) {
		int64_t end = list_bound(op, &w, number, &b);

		list_look(r, &b, op->list.filter);
		for (size_t i = 0; goes_on && i < b.n; i++) {
			size_t k = down ? b.n - 1 - i : i;

			goes_on = take(r, op, b.ids[k], b.states[k]);
		}
		op->list.after_id = end;
		goes_on = goes_on && end != 0;
		looked += LOOK_IDS;
	}
	sqlite_walk_end(&w);
	return goes_on && r->db.failed == 0 ? -EAGAIN : 0;
}

/* ---- list ---- */

/* Takes it; false once the page is full and there is one more. */
static bool list_take(struct sqlite_reader *r, struct store_op *op, int64_t id, enum job_state state)
{
	struct job_page *page = op->list.page;
	struct sqlite_row row;

	(void)state;
	if (page->n == op->list.limit || op->list.bytes > STORE_PAGE_BYTES) {
		page->more = true;
		return false;
	}
	if (sqlite_row_load(&row, &r->db, &r->lanes, id) != 0 ||
	    !sqlite_get_record(r, &row, !op->list.full, &page->v[page->n++]))
		return false;
	op->list.bytes += job_record_bytes(&page->v[page->n - 1]);
	return true;
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
	rc = list_along(r, op, list_take);
	if (r->db.failed != 0)
		job_page_free(page);
	return rc;
}

/* ---- count ---- */

static bool list_count_one(struct sqlite_reader *r, struct store_op *op, int64_t id, enum job_state state)
{
	(void)r, (void)id;
	op->list.by_state[state]++;
	return true;
}

static bool list_state_asked(const struct job_filter *f, enum job_state state)
{
	return f->states == 0 || (f->states & 1u << state) != 0;
}

/* Do the jobs of one lane in one state pass? But for those in hand, and where all or none of them do. */
static bool list_counts(const struct job_filter *f, const char *queue, const char *type, enum job_state state)
{
	if (!list_state_asked(f, state) || f->reasons == NULL)
		return list_state_asked(f, state);
	if (state == JOB_SCHEDULED)
		return f->reasons->first;
	return state != JOB_READY || f->reasons->ready(f->reasons->arg, queue, type, NULL, 0);
}

static void list_count_lane(struct store_op *op, struct sqlite_query *q)
{
	const struct job_filter *f = op->list.filter;
	const char *queue = sqlite_text(q, 1), *type = sqlite_text(q, 2);

	if (queue == NULL || type == NULL || !names_pass(f->queues, queue) || !names_pass(f->types, type))
		return;
	for (int s = JOB_NONE + 1; s < JOB_STATES; s++) {
		int64_t n = sqlite_int(q, 2 + s);

		if (n > 0 && list_counts(f, queue, type, (enum job_state)s))
			op->list.by_state[s] += n;
	}
}

/* Ready jobs with a concurrency key pass or not, whatever else their lane's do. */
static void list_count_keyed(struct sqlite_reader *r, struct store_op *op)
{
	const struct job_filter *f = op->list.filter;
	struct sqlite_query q = sqlite_query(&r->db, SQL_FLOW_READY);

	while (sqlite_next(&q)) {
		struct sqlite_lane *lane = sqlite_lane_at(&r->lanes, &r->db, sqlite_int(&q, 0));
		const char *key = sqlite_text(&q, 1);

		if (lane == NULL || key == NULL)
			continue;
		sqlite_walk_judge(r, f, lane);
		if (lane->passes)
			op->list.by_state[JOB_READY] += sqlite_int(&q, 3) *
				(f->reasons->ready(f->reasons->arg, lane->queue, lane->type, key, sqlite_int(&q, 2)) - lane->ready);
	}
}

/* A ready job in hand passes or not, whatever its lane's do. */
static void list_count_in_hand(struct sqlite_reader *r, struct store_op *op, int64_t id)
{
	const struct job_filter *f = op->list.filter;
	struct sqlite_row row;

	if (sqlite_row_load(&row, &r->db, &r->lanes, id) != 0 || row.k.row.state != JOB_READY)
		return;
	sqlite_walk_judge(r, f, row.lane);
	if (row.lane->passes)
		op->list.by_state[JOB_READY] += f->reasons->taken - sqlite_walk_flow_passes(r, f, row.lane, row.flow);
}

/* Where whole lanes pass or not, the kept counts say it. */
static int list_count_lanes(struct sqlite_reader *r, struct store_op *op)
{
	const struct job_filter *f = op->list.filter;
	struct sqlite_query q = sqlite_query(&r->db, SQL_LANE_ALL);

	while (sqlite_next(&q))
		list_count_lane(op, &q);
	if (f->reasons == NULL || !list_state_asked(f, JOB_READY))
		return r->db.failed;
	if (f->reasons->keyed)
		list_count_keyed(r, op);
	for (size_t i = 0; i < f->reasons->in_hand_n; i++)
		list_count_in_hand(r, op, f->reasons->in_hand[i]);
	return r->db.failed;
}

/* Is it enough to look at the kept counts? */
static bool list_by_lane(const struct job_filter *f)
{
	if (list_by_tag(f))
		return false;
	return f->reasons == NULL || f->reasons->first == f->reasons->again || !list_state_asked(f, JOB_SCHEDULED);
}

/* Of what the counts do not tell apart, the jobs themselves are looked at: those scheduled, with a reason. */
int sqlite_count(struct sqlite_reader *r, struct store_op *op)
{
	r->asked++;
	return list_by_lane(op->list.filter) ? list_count_lanes(r, op) : list_along(r, op, list_count_one);
}

/* ---- match ---- */

static bool list_match_one(struct sqlite_reader *r, struct store_op *op, int64_t id, enum job_state state)
{
	struct job_matches *m = op->list.matches;

	m->matched++;
	if ((op->list.wanted & 1u << state) == 0)
		return true;
	if (idlist_put(&m->ids, id) != 0)
		sqlite_db_fail(&r->db, -ENOMEM, "out of memory");
	else if (buf_len(&m->ids.bytes) > STORE_MATCH_BYTES)
		sqlite_db_fail(&r->db, -E2BIG, "too many jobs pass");
	return r->db.failed == 0;
}

int sqlite_match(struct sqlite_reader *r, struct store_op *op)
{
	int rc;

	r->asked++;
	do
		rc = list_along(r, op, list_match_one);
	while (rc == -EAGAIN);
	return rc;
}
