#include "store/sqlite_judge.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/names.h"

/* Of a lane: do its jobs pass; and those that are ready? */
enum { JUDGED_PASSES = 1, JUDGED_READY = 2 };

/* ---- one lane, one flow ---- */

void sqlite_judge_lane(struct sqlite_reader *r, const struct job_filter *f, struct sqlite_lane *lane)
{
	if (lane->asked == r->asked)
		return;
	lane->asked = r->asked;
	lane->passes = names_pass(f->queues, lane->queue) && names_pass(f->types, lane->type);
	lane->ready = lane->passes && (f->reasons == NULL || f->reasons->ready(f->reasons->arg, lane->queue, lane->type, NULL, 0));
}

bool sqlite_judge_flow(struct sqlite_reader *r, const struct job_filter *f, const struct sqlite_lane *lane, int64_t flow)
{
	struct sqlite_query q;
	bool passes = lane->ready;

	if (flow == 0 || f->reasons->keys == NULL)
		return passes;
	q = sqlite_query(&r->db, SQL_FLOW_GET);
	sqlite_bind_int(&q, flow);
	if (sqlite_next(&q)) {
		const char *key = sqlite_text(&q, 0);

		if (key != NULL)
			passes = f->reasons->ready(f->reasons->arg, lane->queue, lane->type, key, sqlite_int(&q, 1));
		sqlite_end(&q);
	}
	return passes;
}

/* ---- all that there are ---- */

static unsigned judge_needs(const struct job_filter *f, enum job_state state, bool again)
{
	if (f->states != 0 && (f->states & 1u << state) == 0)
		return 0;
	if (f->reasons == NULL)
		return JUDGED_PASSES;
	if (state == JOB_SCHEDULED)
		return (again ? f->reasons->again : f->reasons->first) ? JUDGED_PASSES : 0;
	return state == JOB_READY ? JUDGED_READY : JUDGED_PASSES;
}

/* The shorter list: what is looked for in a digest, or what is not. */
static void judge_list(struct sqlite_judge *j)
{
	unsigned wanted = (unsigned)__builtin_popcount(j->want.whats);

	j->listed_pass = wanted < JOB_STATES;
	for (unsigned what = 0; what < DIGEST_KINDS; what++)
		if ((what & DIGEST_STATE) < JOB_STATES && (j->needs[what] != 0) == j->listed_pass)
			j->listed[j->listed_n++] = (uint8_t)what;
}

static void judge_states(struct sqlite_judge *j)
{
	for (int s = JOB_NONE + 1; s < JOB_STATES; s++)
		for (int again = 0; again < 2; again++) {
			unsigned what = digest_what((enum job_state)s, again);

			j->needs[what] = (uint8_t)judge_needs(j->f, (enum job_state)s, again);
			if (j->needs[what] != 0)
				j->want.whats |= 1u << what;
		}
	judge_list(j);
}

/* May jobs pass in states other than ready? */
static bool judge_others(const struct sqlite_judge *j)
{
	return (j->want.whats & ~(1u << digest_what(JOB_READY, 0) | 1u << digest_what(JOB_READY, 1))) != 0;
}

/* May any job of a lane pass, once it is judged? */
static bool judge_may(const struct sqlite_judge *j, const struct sqlite_lane *lane)
{
	const struct job_reasons *reasons = j->f->reasons;

	if (!lane->passes || lane->ready || judge_others(j))
		return lane->passes;
	return reasons->keyed_too || (reasons->taken && reasons->in_hand_n > 0);
}

static void judge_lanes(struct sqlite_judge *j, struct sqlite_reader *r)
{
	struct sqlite_lane *lane, *next;

	j->want.any_lane = j->f->queues == NULL && j->f->types == NULL && j->f->reasons == NULL;
	if (j->want.any_lane || sqlite_lanes_learn(&r->lanes, &r->db) != 0)
		return;
	j->nothing = true;
	j->lanes_n = (size_t)r->lanes.last_id + 1;
	j->lanes = calloc(j->lanes_n, 1);
	if (j->lanes == NULL) {
		sqlite_db_fail(&r->db, -ENOMEM, "out of memory");
		return;
	}
	HASH_ITER(hh_id, r->lanes.by_id, lane, next) {
		sqlite_judge_lane(r, j->f, lane);
		if (!judge_may(j, lane))
			continue;
		j->nothing = false;
		j->lanes[lane->id] = (uint8_t)(JUDGED_PASSES | (lane->ready ? JUDGED_READY : 0));
		j->want.lanes[lane->id % DIGEST_LANES / 64] |= 1ull << lane->id % 64;
	}
}

/* Where a flow is, or would be. */
static size_t judge_flow_at(const struct sqlite_judge *j, int64_t flow)
{
	size_t at = (size_t)((uint64_t)flow * 0x9e3779b97f4a7c15u >> 32) & (j->flows_cap - 1);

	while (j->flows[at] != 0 && j->flows[at] != flow)
		at = (at + 1) & (j->flows_cap - 1);
	return at;
}

static bool judge_more_flows(struct sqlite_judge *j)
{
	int64_t *was = j->flows;
	size_t n = j->flows_cap;

	j->flows_cap = n > 0 ? 2 * n : 64;
	j->flows = calloc(j->flows_cap, sizeof(j->flows[0]));
	if (j->flows == NULL) {
		j->flows = was;
		j->flows_cap = n;
		return false;
	}
	for (size_t i = 0; i < n; i++)
		if (was[i] != 0)
			j->flows[judge_flow_at(j, was[i])] = was[i];
	free(was);
	return true;
}

static void judge_add_flow(struct sqlite_judge *j, struct sqlite_reader *r, int64_t flow)
{
	if (2 * j->flows_n == j->flows_cap && !judge_more_flows(j)) {
		sqlite_db_fail(&r->db, -ENOMEM, "out of memory");
		return;
	}
	j->flows[judge_flow_at(j, flow)] = flow;
	j->flows_n++;
}

static void judge_key(struct sqlite_judge *j, struct sqlite_reader *r, const char *key)
{
	const struct job_reasons *reasons = j->f->reasons;
	struct sqlite_query q = sqlite_query(&r->db, SQL_FLOW_READY);

	sqlite_bind_text(&q, key);
	while (r->db.failed == 0 && sqlite_next(&q)) {
		const struct sqlite_lane *lane = sqlite_lane_at(&r->lanes, &r->db, sqlite_int(&q, 0));

		if (lane != NULL && lane->passes &&
		    reasons->ready(reasons->arg, lane->queue, lane->type, key, sqlite_int(&q, 1)) != lane->ready)
			judge_add_flow(j, r, sqlite_int(&q, 3));
	}
	sqlite_end(&q);
}

static void judge_keys(struct sqlite_judge *j, struct sqlite_reader *r)
{
	const struct job_reasons *reasons = j->f->reasons;

	if (reasons == NULL || reasons->keys == NULL || j->nothing)
		return;
	for (size_t i = 0; reasons->keys[i] != NULL && r->db.failed == 0; i++)
		judge_key(j, r, reasons->keys[i]);
	j->want.flows = j->flows_n > 0;
}

bool sqlite_judge_begin(struct sqlite_judge *j, struct sqlite_reader *r, const struct job_filter *f)
{
	*j = (struct sqlite_judge){ .f = f };
	judge_states(j);
	judge_lanes(j, r);
	judge_keys(j, r);
	j->nothing |= j->want.whats == 0;
	return r->db.failed == 0;
}

void sqlite_judge_end(struct sqlite_judge *j)
{
	free(j->lanes);
	free(j->flows);
	j->lanes = NULL;
	j->flows = NULL;
}

/* ---- jobs ---- */

static unsigned judge_by_lane(const struct sqlite_judge *j, int64_t lane)
{
	if (j->lanes == NULL)
		return JUDGED_PASSES | JUDGED_READY;
	return (size_t)lane < j->lanes_n ? j->lanes[lane] : 0;
}

/* But for its flow, and if it is not in hand. */
static bool judge_job(const struct sqlite_judge *j, unsigned what, int64_t lane)
{
	return (judge_by_lane(j, lane) & j->needs[what]) != 0;
}

/* Does it pass or not other than its lane's do? */
static bool judge_otherwise(const struct sqlite_judge *j, unsigned what, int64_t lane, int64_t flow)
{
	return flow != 0 && j->needs[what] == JUDGED_READY && (judge_by_lane(j, lane) & JUDGED_PASSES) != 0 &&
	       j->flows[judge_flow_at(j, flow)] == flow;
}

/* A ready job in hand passes or not, whatever its flow. */
static bool judge_taken(const struct sqlite_judge *j, int64_t lane)
{
	return j->f->reasons->taken && (judge_by_lane(j, lane) & JUDGED_PASSES) != 0;
}

static void judge_in_hand(const struct sqlite_judge *j, const struct digest_copy *copy, struct judged *out)
{
	const struct job_reasons *reasons = j->f->reasons;

	for (size_t k = 0; reasons != NULL && k < reasons->in_hand_n; k++) {
		size_t i = (size_t)(reasons->in_hand[k] % DIGEST_IDS);
		uint64_t bit = 1ull << i % 64;

		if (digest_of(reasons->in_hand[k]) != copy->number || j->needs[copy->what[i]] != JUDGED_READY)
			continue;
		out->bits[i / 64] &= ~bit;
		if (judge_taken(j, copy->lane[i]))
			out->bits[i / 64] |= bit;
	}
}

static void judge_flows_of(const struct sqlite_judge *j, const struct digest_copy *copy, struct judged *out)
{
	for (size_t i = 0; i < DIGEST_IDS; i++)
		if (judge_otherwise(j, copy->what[i], copy->lane[i], copy->flow[i]))
			out->bits[i / 64] ^= 1ull << i % 64;
}

/* Of eight jobs at once: a bit for each whose `what` may pass. */
static unsigned judge_eight(const struct sqlite_judge *j, const uint8_t *what)
{
	const uint64_t ones = 0x0101010101010101u, tops = ones << 7;
	uint64_t v, equal = 0;

	memcpy(&v, what, 8);
	v = le64toh(v);
	for (unsigned i = 0; i < j->listed_n; i++) {
		uint64_t other = v ^ ones * j->listed[i];

		equal |= ~((other & ~tops) + ~tops) & ~other;	/* the top bit of each byte that is 0 */
	}
	equal = (j->listed_pass ? equal : ~equal) & tops;
	return (unsigned)((equal >> 7) * 0x0102040810204080u >> 56);
}

static uint64_t judge_lanes_of(const struct sqlite_judge *j, const struct digest_copy *copy, size_t from, uint64_t bits)
{
	for (uint64_t left = bits; left != 0; left &= left - 1) {
		size_t i = from + (size_t)__builtin_ctzll(left);

		if (!judge_job(j, copy->what[i], copy->lane[i]))
			bits &= ~(left & -left);
	}
	return bits;
}

void sqlite_judge_digest(const struct sqlite_judge *j, const struct digest_copy *copy, struct judged *out)
{
	for (size_t at = 0; at < DIGEST_IDS; at += 64) {
		uint64_t bits = 0;

		for (size_t k = 0; k < 64; k += 8)
			bits |= (uint64_t)judge_eight(j, copy->what + at + k) << k;
		out->bits[at / 64] = j->lanes != NULL ? judge_lanes_of(j, copy, at, bits) : bits;
	}
	if (copy->flows && j->flows != NULL)
		judge_flows_of(j, copy, out);
	judge_in_hand(j, copy, out);
}

bool sqlite_judge_row(const struct sqlite_judge *j, const struct sqlite_row *row)
{
	const struct job_row *job = &row->k.row;
	unsigned what = digest_what(job->state, job->attempt);

	if (j->needs[what] == JUDGED_READY && job_reasons_in_hand(j->f->reasons, job->id))
		return judge_taken(j, row->lane->id);
	return judge_job(j, what, row->lane->id) !=
	       (j->flows != NULL && judge_otherwise(j, what, row->lane->id, row->flow));
}
