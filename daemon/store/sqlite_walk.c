#include "store/sqlite_walk.h"

#include <errno.h>
#include <stdlib.h>

#include "base/names.h"

void sqlite_walk_judge(struct sqlite_reader *r, const struct job_filter *f, struct sqlite_lane *lane)
{
	if (lane->asked == r->asked)
		return;
	lane->asked = r->asked;
	lane->passes = names_pass(f->queues, lane->queue) && names_pass(f->types, lane->type);
	lane->ready = lane->passes && (f->reasons == NULL || f->reasons->ready(f->reasons->arg, lane->queue, lane->type, NULL, 0));
}

static bool walk_judge_flow(struct sqlite_reader *r, const struct job_reasons *reasons, const struct sqlite_lane *lane,
			    int64_t flow)
{
	struct sqlite_query q = sqlite_query(&r->db, SQL_FLOW_GET);
	bool passes = lane->ready;

	sqlite_bind_int(&q, flow);
	if (sqlite_next(&q)) {
		const char *key = sqlite_text(&q, 0);

		if (key != NULL)
			passes = reasons->ready(reasons->arg, lane->queue, lane->type, key, sqlite_int(&q, 1));
		sqlite_end(&q);
	}
	return passes;
}

bool sqlite_walk_flow_passes(struct sqlite_reader *r, const struct job_filter *f, const struct sqlite_lane *lane, int64_t flow)
{
	if (flow == 0 || !f->reasons->keyed)
		return lane->ready;
	if (r->judged.asked != r->asked || r->judged.flow != flow) {
		r->judged.asked = r->asked;
		r->judged.flow = flow;
		r->judged.passes = walk_judge_flow(r, f->reasons, lane, flow);
	}
	return r->judged.passes;
}

/* Has the lane ready jobs of flows? */
static bool walk_has_flows(struct sqlite_reader *r, const struct sqlite_lane *lane)
{
	struct sqlite_query q = sqlite_query(&r->db, SQL_READY_FLOWS);

	sqlite_bind_int(&q, lane->id);
	return sqlite_value(&q, 0) != 0;
}

/* May ready jobs of the lane pass that are not in hand? */
static bool walk_ready_passes(struct sqlite_reader *r, const struct job_reasons *reasons, const struct sqlite_lane *lane)
{
	return lane->ready || (lane->passes && reasons->keyed_too && walk_has_flows(r, lane));
}

/* ---- beginning ---- */

/* Nothing is known of where it is. */
static int64_t walk_unknown(const struct sqlite_walk *w)
{
	return w->down ? INT64_MAX : -1;
}

/* The end of all blocks. */
static int64_t walk_over(const struct sqlite_walk *w)
{
	return w->down ? -1 : INT64_MAX;
}

static void walk_add_key(struct sqlite_walk *w, int64_t key)
{
	w->keys[w->lanes + w->states] = (struct walk_key){ key, walk_unknown(w) };
	if (key > 0)
		w->lanes++;
	else
		w->states++;
}

static void walk_add_lanes(struct sqlite_walk *w, struct sqlite_reader *r, const struct job_filter *f)
{
	bool ready = f->reasons != NULL && f->states == 1u << JOB_READY;
	struct sqlite_lane *lane, *next;

	w->any_lane = f->queues == NULL && f->types == NULL && !ready;
	w->in_hand = ready && f->reasons->taken ? f->reasons : NULL;
	if (w->any_lane || sqlite_lanes_learn(&r->lanes, &r->db) != 0)
		return;
	HASH_ITER(hh_id, r->lanes.by_id, lane, next) {
		sqlite_walk_judge(r, f, lane);
		if (!(ready ? walk_ready_passes(r, f->reasons, lane) : lane->passes))
			continue;
		if (w->lanes == WALK_LANES_MAX) {
			w->lanes = 0;
			w->any_lane = true;
			return;
		}
		walk_add_key(w, lane->id);
	}
}

static void walk_add_states(struct sqlite_walk *w, const struct job_filter *f)
{
	w->any_state = f->states == 0;
	for (int s = JOB_NONE + 1; s < JOB_STATES; s++)
		if ((f->states & 1u << s) != 0)
			walk_add_key(w, -s);
}

static void walk_add_tags(struct sqlite_walk *w, const struct job_filter *f)
{
	w->tag_names = f->tag_names;
	w->tag_values = f->tag_values;
	while (w->tags < WALK_TAGS_MAX && f->tag_names != NULL && f->tag_names[w->tags] != NULL)
		w->tag_at[w->tags++] = walk_unknown(w);
}

bool sqlite_walk_begin(struct sqlite_walk *w, struct sqlite_reader *r, const struct job_filter *f, bool down)
{
	*w = (struct sqlite_walk){ .db = &r->db, .down = down };
	w->keys = malloc((WALK_LANES_MAX + JOB_STATES) * sizeof(w->keys[0]));
	if (w->keys == NULL) {
		sqlite_db_fail(&r->db, -ENOMEM, "out of memory");
		return false;
	}
	walk_add_lanes(w, r, f);
	walk_add_states(w, f);
	walk_add_tags(w, f);
	return r->db.failed == 0;
}

void sqlite_walk_end(struct sqlite_walk *w)
{
	free(w->keys);
	w->keys = NULL;
}

/* ---- walking ---- */

/* Is a before b, in the walk's order? */
static bool walk_before(const struct sqlite_walk *w, int64_t a, int64_t b)
{
	return w->down ? a > b : a < b;
}

static int64_t walk_key_from(struct sqlite_walk *w, int64_t key, int64_t from)
{
	struct sqlite_query q = sqlite_query(w->db, w->down ? SQL_BLOCK_DOWN : SQL_BLOCK_UP);

	sqlite_bind_int(&q, key);
	sqlite_bind_int(&q, from);
	return sqlite_value(&q, walk_over(w));
}

/* Where the first of n keys is, at `from` or behind it. */
static int64_t walk_keys_from(struct sqlite_walk *w, struct walk_key *keys, size_t n, int64_t from)
{
	int64_t first = walk_over(w);

	for (size_t i = 0; i < n; i++) {
		if (walk_before(w, keys[i].at, from))
			keys[i].at = walk_key_from(w, keys[i].key, from);
		if (walk_before(w, keys[i].at, first))
			first = keys[i].at;
	}
	return first;
}

/* The block, from there on, of the next job in hand. */
static int64_t walk_in_hand_from(const struct sqlite_walk *w, int64_t from)
{
	int64_t first = walk_over(w);

	for (size_t i = 0; w->in_hand != NULL && i < w->in_hand->in_hand_n; i++) {
		int64_t at = block_of(w->in_hand->in_hand[i]);

		if (!walk_before(w, at, from) && walk_before(w, at, first))
			first = at;
	}
	return first;
}

static int64_t walk_lanes_from(struct sqlite_walk *w, int64_t from)
{
	int64_t lanes = walk_keys_from(w, w->keys, w->lanes, from), in_hand = walk_in_hand_from(w, from);

	return walk_before(w, in_hand, lanes) ? in_hand : lanes;
}

/* The id that a walk by id finds next, as a block; `from` is one. */
static int64_t walk_id_from(struct sqlite_walk *w, struct sqlite_query *q, int64_t from)
{
	int64_t id;

	sqlite_bind_int(q, w->down ? from * BLOCK_IDS + BLOCK_IDS - 1 : from * BLOCK_IDS);
	id = sqlite_value(q, -1);
	return id < 0 ? walk_over(w) : block_of(id);
}

static int64_t walk_tag_from(struct sqlite_walk *w, size_t i, int64_t from)
{
	struct sqlite_query q;

	if (from == walk_over(w))
		return from;
	if (walk_before(w, w->tag_at[i], from)) {
		q = sqlite_query(w->db, w->down ? SQL_TAG_DOWN : SQL_TAG_UP);
		sqlite_bind_text(&q, w->tag_names[i]);
		sqlite_bind_text(&q, w->tag_values[i]);
		w->tag_at[i] = walk_id_from(w, &q, from);
	}
	return w->tag_at[i];
}

static int64_t walk_job_from(struct sqlite_walk *w, int64_t from)
{
	struct sqlite_query q;

	if (from == walk_over(w))
		return from;
	q = sqlite_query(w->db, w->down ? SQL_JOB_DOWN : SQL_JOB_UP);
	return walk_id_from(w, &q, from);
}

/* Where all that is asked for may be at the earliest, each for itself. */
static int64_t walk_step(struct sqlite_walk *w, int64_t from)
{
	int64_t at = from, next;

	if (!w->any_state && walk_before(w, at, next = walk_keys_from(w, w->keys + w->lanes, w->states, at)))
		at = next;
	for (size_t i = 0; i < w->tags; i++)
		if (walk_before(w, at, next = walk_tag_from(w, i, at)))
			at = next;
	if (!w->any_lane && walk_before(w, at, next = walk_lanes_from(w, at)))
		at = next;
	if (w->any_state && w->any_lane && w->tags == 0 && walk_before(w, at, next = walk_job_from(w, at)))
		at = next;
	return at;
}

bool sqlite_walk_next(struct sqlite_walk *w, int64_t from, int64_t *block)
{
	int64_t at = from;

	if (w->down && from < 0)
		return false;
	do {
		from = at;
		at = walk_step(w, from);
		if (at == walk_over(w) || w->db->failed != 0)
			return false;
	} while (at != from);
	*block = at;
	return true;
}
