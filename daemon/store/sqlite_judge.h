/*
 * sqlite_judge: does a job pass a filter? By its state, lane, flow and whether
 * it has been started before, and so for a whole digest at once; its tags are
 * not asked for.
 */
#ifndef JOBD_SQLITE_JUDGE_H
#define JOBD_SQLITE_JUDGE_H

#include "store/sqlite_reader.h"

struct sqlite_judge {
	const struct job_filter *f;
	uint8_t needs[DIGEST_KINDS];	/* any of these of its lane, by struct digest_copy.what: JUDGED_...; 0: nothing passes */
	uint8_t listed[DIGEST_KINDS];	/* those `what` of which something may pass, or those of which nothing: */
	unsigned listed_n;
	bool listed_pass;
	struct digest_want want;
	bool nothing;			/* passes at all */
	uint8_t *lanes;			/* by id: JUDGED_...; NULL: any passes */
	size_t lanes_n;
	/* Flows whose ready jobs pass where those of their lane do not, or the other way round: hashed, 0 is none. */
	int64_t *flows;
	size_t flows_n, flows_cap;	/* a power of two */
};

/* What passes of a digest: a bit for each id. */
struct judged {
	uint64_t bits[DIGEST_IDS / 64];
};

/* For one turn of a reader. False after a failure, which sticks to r->db. To be ended in any case. */
bool sqlite_judge_begin(struct sqlite_judge *j, struct sqlite_reader *r, const struct job_filter *f);
void sqlite_judge_end(struct sqlite_judge *j);

void sqlite_judge_digest(const struct sqlite_judge *j, const struct digest_copy *copy, struct judged *out);
bool sqlite_judge_row(const struct sqlite_judge *j, const struct sqlite_row *row);

/* Finds out, once a lane and list, whether the filter takes jobs of this lane: lane->passes, lane->ready. */
void sqlite_judge_lane(struct sqlite_reader *r, const struct job_filter *f, struct sqlite_lane *lane);
/* Does a ready job of this lane and flow (0: none) pass, by its reason, if it is not in hand? */
bool sqlite_judge_flow(struct sqlite_reader *r, const struct job_filter *f, const struct sqlite_lane *lane, int64_t flow);

#endif
