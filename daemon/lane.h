/*
 * lane: the jobs of one queue and one type: how many are in each state, and a
 * window of the ready ones that come first.
 *
 * Ready jobs of a lane have one order: priority down, then id up. The window
 * holds the first of them, without a gap, up to its horizon; what lies behind
 * the horizon is in the store only (`more`). So a backlog of millions costs a
 * window, and the head of the lane is always at hand.
 */
#ifndef JOBD_LANE_H
#define JOBD_LANE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "proto/jobstate.h"

struct job;
struct job_row;
struct kind;
struct queue;

struct lane {
	struct queue *queue;
	char *type;
	const struct kind *kind;	/* NULL: nobody here runs this type */
	int64_t counts[JOB_STATES];	/* as committed */

	struct job **v;			/* the window: v[first .. first + n), in order */
	size_t first, n, cap;
	bool more;			/* ready jobs lie behind the horizon, in the store only */
	int horizon_priority;		/* the last key the window covers; id 0: it covers nothing yet */
	int64_t horizon_id;

	bool paging;			/* a page is on its way, behind the horizon as it was then: */
	int page_priority;
	int64_t page_id;
	bool hungry;			/* in the backlog's list of lanes that want a page */
	TAILQ_ENTRY(lane) hungry_link;
	TAILQ_ENTRY(lane) queue_link;
};

TAILQ_HEAD(lane_list, lane);

/* Does a job of this key come before that one? */
bool lane_before(int a_priority, int64_t a_id, int b_priority, int64_t b_id);

struct job *lane_head(const struct lane *l);	/* NULL if the window is empty */
struct job *lane_last(const struct lane *l);

/* Is the key one that the window covers: would a ready job of it have to be in it? */
bool lane_covers(const struct lane *l, int priority, int64_t id);

/* Puts a job in its place in the window; 0 or -ENOMEM. */
int lane_insert(struct lane *l, struct job *job);
/* Takes a job that is in the window out of it. */
void lane_remove(struct lane *l, struct job *job);
/* The window ends at its last job from now on; the store has more. */
void lane_set_horizon(struct lane *l);
/* The window covers only what comes before this key; drop(arg, job) is given each job behind it. */
void lane_cut(struct lane *l, int priority, int64_t id, void (*drop)(void *arg, struct job *job), void *arg);

#endif
