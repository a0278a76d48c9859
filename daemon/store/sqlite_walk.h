/*
 * sqlite_walk: the blocks of ids, in order, in which a filter may find jobs:
 * those that have one of its lanes, one of its states, and each of its tags.
 */
#ifndef JOBD_SQLITE_WALK_H
#define JOBD_SQLITE_WALK_H

#include "store/sqlite_block.h"
#include "store/sqlite_reader.h"

enum { WALK_LANES_MAX = 4096, WALK_TAGS_MAX = 8 };	/* more do not narrow the walk */

struct walk_key {
	int64_t key;
	int64_t at;			/* the next block known to have it */
};

struct sqlite_walk {
	struct sqlite_db *db;
	bool down;			/* from the newest */
	struct walk_key *keys;		/* lanes, then states */
	size_t lanes, states;
	bool any_lane, any_state;
	const struct job_reasons *in_hand;	/* jobs in hand pass, whatever their lane; or NULL */
	const char *const *tag_names, *const *tag_values;
	size_t tags;
	int64_t tag_at[WALK_TAGS_MAX];
};

/* False after a failure, which sticks to r->db. */
bool sqlite_walk_begin(struct sqlite_walk *w, struct sqlite_reader *r, const struct job_filter *f, bool down);
/* The first such block at `from` or behind it, in the walk's order; false at the end. */
bool sqlite_walk_next(struct sqlite_walk *w, int64_t from, int64_t *block);
void sqlite_walk_end(struct sqlite_walk *w);

/* Does a ready job of this lane and flow (0: none) pass, by its reason, if it is not in hand? */
bool sqlite_walk_flow_passes(struct sqlite_reader *r, const struct job_filter *f, const struct sqlite_lane *lane, int64_t flow);

/* Finds out, once a lane and list, whether the filter takes jobs of this lane: lane->passes, lane->ready. */
void sqlite_walk_judge(struct sqlite_reader *r, const struct job_filter *f, struct sqlite_lane *lane);

#endif
