/*
 * Lists and counts by filter, in order of id.
 *
 * A walk goes along the digests in which the filter may find anything, and
 * leaves of each the ids that pass: by state, lane and reason as the digest has
 * it, by tags as the tables do. Only what goes into a page is read. One turn
 * looks at a bounded number of digests, so that no list holds up the others or
 * the log.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/names.h"
#include "store/sqlite_digest_read.h"
#include "store/sqlite_judge.h"

enum {
	LOOK_MAX = 256,			/* digests looked at in one turn; */
	LOOK_READ = 64,			/* so many does one stand for that has to be read from the tables, */
	LOOK_TAG = 2,			/* and so many is each tag that is asked for of one */
	TAG_BLOCKS = DIGEST_IDS / TAG_BLOCK_IDS
};

struct list_walk {
	struct sqlite_reader *r;
	const struct job_filter *f;
	struct sqlite_judge judge;
	bool down;
	uint64_t as_of;
	unsigned looked;
	size_t tags;
	struct digest_copy copy;
	struct judged passed;
	int64_t tag_at[];		/* of each, the next digest known to have it */
};

static bool list_by_tag(const struct job_filter *f)
{
	return f->tag_names != NULL && f->tag_names[0] != NULL;
}

/* Is a before b, in the walk's order? */
static bool list_before(const struct list_walk *w, int64_t a, int64_t b)
{
	return w->down ? a > b : a < b;
}

/* ---- tags ---- */

/* The next digest that has the tag; below 0: none has. */
static int64_t list_tag_from(struct list_walk *w, size_t i, int64_t from)
{
	struct sqlite_query q = sqlite_query(&w->r->db, w->down ? SQL_TAG_DOWN : SQL_TAG_UP);

	sqlite_bind_text(&q, w->f->tag_names[i]);
	sqlite_bind_text(&q, w->f->tag_values[i]);
	sqlite_bind_int(&q, from * TAG_BLOCKS + (w->down ? TAG_BLOCKS - 1 : 0));
	from = sqlite_value(&q, -1);
	return from < 0 ? -1 : from / TAG_BLOCKS;
}

/* Moves on to where all tags may be at the earliest, each for itself; false: to the end. */
static bool list_tags_from(struct list_walk *w, int64_t *number)
{
	int64_t from;

	do {
		from = *number;
		for (size_t i = 0; i < w->tags; i++) {
			if (list_before(w, w->tag_at[i], *number))
				w->tag_at[i] = list_tag_from(w, i, *number);
			if (w->tag_at[i] < 0)
				return false;
			if (list_before(w, *number, w->tag_at[i]))
				*number = w->tag_at[i];
		}
	} while (from != *number);
	return true;
}

/* Leaves what has the tag; false: nothing is left. */
static bool list_keep_tagged(struct list_walk *w, size_t i)
{
	uint64_t *bits = w->passed.bits, left = 0;
	struct sqlite_query q;
	int64_t first = 0, last = TAG_BLOCKS - 1, at = 0, base = w->copy.number * TAG_BLOCKS;

	while (first <= last && bits[first] == 0)
		first++;
	while (last >= first && bits[last] == 0)
		last--;
	if (first > last)
		return false;
	q = sqlite_query(&w->r->db, SQL_TAG_SPAN);
	sqlite_bind_text(&q, w->f->tag_names[i]);
	sqlite_bind_text(&q, w->f->tag_values[i]);
	sqlite_bind_int(&q, base + first);
	sqlite_bind_int(&q, base + last);
	for (at = first; sqlite_next(&q); at++) {
		int64_t next = sqlite_int(&q, 0) - base;

		while (at < next)
			bits[at++] = 0;
		bits[at] &= (uint64_t)sqlite_int(&q, 1);
		left |= bits[at];
	}
	while (at <= last)
		bits[at++] = 0;
	return left != 0;
}

/* ---- the walk ---- */

/* NULL after a failure, which sticks to r->db. */
static struct list_walk *list_walk_begin(struct sqlite_reader *r, const struct store_op *op, uint64_t as_of)
{
	const struct job_filter *f = op->list.filter;
	struct list_walk *w;
	size_t tags = 0;

	while (f->tag_names != NULL && f->tag_names[tags] != NULL)
		tags++;
	w = malloc(sizeof(*w) + tags * sizeof(w->tag_at[0]));
	if (w == NULL) {
		sqlite_db_fail(&r->db, -ENOMEM, "out of memory");
		return NULL;
	}
	w->r = r;
	w->f = f;
	w->down = op->list.newest_first;
	w->as_of = as_of;
	w->looked = 0;
	w->tags = tags;
	for (size_t i = 0; i < tags; i++)
		w->tag_at[i] = w->down ? INT64_MAX : -1;
	sqlite_judge_begin(&w->judge, r, f);
	return w;
}

static void list_walk_end(struct list_walk **w)
{
	sqlite_judge_end(&(*w)->judge);
	free(*w);
	*w = NULL;
}

/* Copies the next digest that may have what is asked for, from *number on; of what is not known the tables tell. */
static bool list_next_digest(struct list_walk *w, int64_t *number)
{
	enum digest_found found;
	int64_t at;

	while ((found = sqlite_digests_next(w->r->digests, &w->judge.want, w->down, w->as_of, number, &w->copy)) == DIGEST_UNKNOWN) {
		at = *number;
		if (!sqlite_digest_find(&w->r->db, w->down, &at))
			return false;
		if (at == *number) {
			w->looked += LOOK_READ;
			return sqlite_digest_read(&w->r->db, at, w->judge.want.flows, &w->copy);
		}
		*number = at;
	}
	w->looked++;
	return found == DIGEST_COPIED;
}

/* Goes on to the next digest, from *number on, that may have all that is asked for; what passes is in w->passed. */
static bool list_walk_next(struct list_walk *w, int64_t *number)
{
	int64_t at;

	do {
		if (w->judge.nothing || !list_tags_from(w, number))
			return false;
		at = *number;
		if (!list_next_digest(w, number))
			return false;
	} while (w->tags > 0 && *number != at);
	sqlite_judge_digest(&w->judge, &w->copy, &w->passed);
	for (size_t i = 0; i < w->tags && list_keep_tagged(w, i); i++)
		w->looked += LOOK_TAG;
	return w->r->db.failed == 0;
}

/* The digest with which a walk begins that has come as far as op->list.after_id; below 0: none. */
static int64_t list_from(const struct store_op *op)
{
	if (op->list.after_id == 0)
		return op->list.newest_first ? digest_of(INT64_MAX) - 1 : 0;
	if (op->list.newest_first)
		return digest_of(op->list.after_id - 1);
	return op->list.after_id < INT64_MAX ? digest_of(op->list.after_id + 1) : -1;
}

/* Leaves what lies behind op->list.after_id. */
static void list_bound(struct list_walk *w, const struct store_op *op)
{
	int64_t after = op->list.after_id - w->copy.number * DIGEST_IDS;

	if (op->list.after_id == 0)
		return;
	for (int64_t i = 0; i < DIGEST_IDS; i += 64) {
		int64_t n = after - i;	/* behind it: those below bit n, or those above */
		uint64_t below = n <= 0 ? 0 : n >= 64 ? UINT64_MAX : (1ull << n) - 1;

		w->passed.bits[i / 64] &= w->down ? below : ~(n < 0 ? 0 : n >= 63 ? UINT64_MAX : (2ull << n) - 1);
	}
}

typedef bool list_take_fn(struct list_walk *w, struct store_op *op, int64_t id, unsigned what);

/* Shows take() what passes of a digest, in order, until it says no. */
static bool list_show(struct list_walk *w, struct store_op *op, list_take_fn *take)
{
	bool goes_on = true;

	for (int i = 0; goes_on && i < DIGEST_IDS / 64; i++) {
		int at = w->down ? DIGEST_IDS / 64 - 1 - i : i;
		uint64_t bits = w->passed.bits[at];

		while (goes_on && bits != 0) {
			int bit = w->down ? 63 - __builtin_clzll(bits) : __builtin_ctzll(bits), k = at * 64 + bit;

			bits &= ~(1ull << bit);
			goes_on = take(w, op, w->copy.number * DIGEST_IDS + k, w->copy.what[k]);
		}
	}
	return goes_on;
}

/* Shows op->list.after_id's followers to take(), in order, until it says no. 0: the end; -EAGAIN: enough for one turn. */
static int list_along(struct sqlite_reader *r, struct store_op *op, uint64_t as_of, list_take_fn *take)
{
	struct list_walk *w = list_walk_begin(r, op, as_of);
	int64_t number = list_from(op);
	bool goes_on = number >= 0 && r->db.failed == 0;

	if (w == NULL)
		return r->db.failed;
	while (goes_on && w->looked < LOOK_MAX && (goes_on = list_walk_next(w, &number))) {
		list_bound(w, op);
		goes_on = list_show(w, op, take) && (!w->down || number > 0);
		op->list.after_id = number * DIGEST_IDS + (w->down ? 0 : DIGEST_IDS - 1);
		number += w->down ? -1 : 1;
	}
	list_walk_end(&w);
	return goes_on && r->db.failed == 0 ? -EAGAIN : 0;
}

/* ---- list ---- */

/* Takes it; false once the page is full and there is one more. */
static bool list_take(struct list_walk *w, struct store_op *op, int64_t id, unsigned what)
{
	struct job_page *page = op->list.page;
	struct sqlite_reader *r = w->r;
	struct sqlite_row row;
	int rc;

	(void)what;
	if (page->n == op->list.limit || op->list.bytes > STORE_PAGE_BYTES) {
		page->more = true;
		return false;
	}
	rc = sqlite_row_load(&row, &r->db, &r->lanes, id);
	if (rc == -ENOENT || (rc == 0 && !sqlite_judge_row(&w->judge, &row)))
		return true;		/* it became another while it was found */
	if (rc != 0 || !sqlite_get_record(r, &row, !op->list.full, &page->v[page->n++]))
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
	rc = list_along(r, op, UINT64_MAX, list_take);
	if (r->db.failed != 0)
		job_page_free(page);
	return rc;
}

/* ---- count ---- */

static bool list_count_one(struct list_walk *w, struct store_op *op, int64_t id, unsigned what)
{
	(void)w, (void)id;
	op->list.by_state[what & DIGEST_STATE]++;
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

/* Ready jobs with this concurrency key pass or not, whatever else their lane's do. */
static void list_count_keyed(struct sqlite_reader *r, struct store_op *op, const char *key)
{
	const struct job_filter *f = op->list.filter;
	struct sqlite_query q = sqlite_query(&r->db, SQL_FLOW_READY);

	sqlite_bind_text(&q, key);
	while (sqlite_next(&q)) {
		struct sqlite_lane *lane = sqlite_lane_at(&r->lanes, &r->db, sqlite_int(&q, 0));

		if (lane == NULL)
			continue;
		sqlite_judge_lane(r, f, lane);
		if (lane->passes)
			op->list.by_state[JOB_READY] += sqlite_int(&q, 2) *
				(f->reasons->ready(f->reasons->arg, lane->queue, lane->type, key, sqlite_int(&q, 1)) - lane->ready);
	}
}

/* A ready job in hand passes or not, whatever its lane's do. */
static void list_count_in_hand(struct sqlite_reader *r, struct store_op *op, int64_t id)
{
	const struct job_filter *f = op->list.filter;
	struct sqlite_row row;

	if (sqlite_row_load(&row, &r->db, &r->lanes, id) != 0 || row.k.row.state != JOB_READY)
		return;
	sqlite_judge_lane(r, f, row.lane);
	if (row.lane->passes)
		op->list.by_state[JOB_READY] += f->reasons->taken - sqlite_judge_flow(r, f, row.lane, row.flow);
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
	for (const char *const *key = f->reasons->keys; key != NULL && *key != NULL; key++)
		list_count_keyed(r, op, *key);
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
	return list_by_lane(op->list.filter) ? list_count_lanes(r, op) : list_along(r, op, UINT64_MAX, list_count_one);
}

/* ---- match ---- */

static bool list_match_one(struct list_walk *w, struct store_op *op, int64_t id, unsigned what)
{
	struct job_matches *m = op->list.matches;
	struct sqlite_reader *r = w->r;

	m->matched++;
	if ((op->list.wanted & 1u << (what & DIGEST_STATE)) == 0)
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
		rc = list_along(r, op, r->as_of, list_match_one);
	while (rc == -EAGAIN);
	return rc;
}
