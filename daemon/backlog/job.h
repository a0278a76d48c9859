/*
 * job: a job of the working set: ready and near its turn, or in hand.
 *
 * The store knows every job; memory holds only these. A job is here once, in
 * its flow's window, set aside, or in the hands of one attempt.
 */
#ifndef JOBD_JOB_H
#define JOBD_JOB_H

#include "base/map.h"
#include "store/job_row.h"

struct flow;
struct lane;
struct attempt;

enum job_place {
	JOB_IN_WINDOW,		/* may be taken next */
	JOB_ASIDE,		/* about to leave (expired, being changed): not to be taken */
	JOB_IN_HAND		/* an attempt has it */
};

struct job {
	struct job_row row;	/* as last committed */
	struct lane *lane;
	struct flow *moves_to;	/* in hand: where it is to go once let go of, if it was moved meanwhile; else NULL */
	struct flow *flow;
	wall_ms token_at;	/* in hand: when it took a token of its queue's rate that is not known to be spent; 0 */
	enum job_place place;
	struct attempt *attempt;	/* in hand: the attempt; else NULL */
	UT_hash_handle hh;	/* by row.id */
};

/* With a reference of its own on row->spec, if that is loaded, and of no flow yet. NULL when out of memory. */
struct job *job_new(const struct job_row *row);
void job_free(struct job **job);

/* Takes over what a committed change says; the spec stays as it is here, loaded or not. */
void job_take_over(struct job *job, const struct job_row *row);

#endif
