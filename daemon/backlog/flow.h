/*
 * flow: jobs of one lane with the same group and concurrency key: one order,
 * one fate. Those with neither are the lane's own flow, which costs nothing.
 *
 * Ready jobs of a flow have one order: priority down, then id up. The window
 * holds the first of them, without a gap, up to its horizon; what lies behind
 * the horizon is in the store only (`more`). So a backlog of millions costs a
 * window; what is next is at hand, or its page is on its way.
 */
#ifndef JOBD_FLOW_H
#define JOBD_FLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "base/heap.h"
#include "base/map.h"

struct group;
struct job;
struct lane;
struct lot;

struct flow {
	struct lane *lane;
	int64_t id;			/* the store's; 0: the lane's own */
	int64_t unfinished;		/* its jobs that are not final, as committed; not kept of the lane's own */
	size_t jobs;			/* in memory */
	UT_hash_handle hh;		/* by id */

	struct job **v;			/* the window: v[first .. first + n), in order */
	size_t first, n, cap;
	bool more;			/* ready jobs lie behind the horizon, in the store only */
	int horizon_priority;		/* the last key the window covers; id 0: it covers nothing yet */
	int64_t horizon_id;

	bool paging;			/* a page is on its way, behind the horizon as it was then: */
	int page_priority;
	int64_t page_id;
	bool hungry, awaited;		/* it wants a page; a queue waits for that */
	TAILQ_ENTRY(flow) hungry_link;

	struct group *group;		/* whose turn it takes */
	struct lot *lot;		/* of its concurrency key; NULL: it has none */
	struct heap_node place;		/* while it has a job to take: among its group's, or where it is parked */
	bool ready, parked;		/* as turns_settle found it */
};

TAILQ_HEAD(flow_list, flow);

/* Does a job of this key come before that one? */
bool flow_before(int a_priority, int64_t a_id, int b_priority, int64_t b_id);

/* Has it a ready job, in the window or behind its horizon? */
bool flow_waits(const struct flow *f);
/* Of such a flow: the key of its next job, or, while that one is behind the horizon, a key that it does not come before. */
int flow_next_priority(const struct flow *f);
int64_t flow_next_id(const struct flow *f);

struct job *flow_head(const struct flow *f);	/* NULL if the window is empty */
struct job *flow_last(const struct flow *f);

/* Is the key one that the window covers: would a ready job of it have to be in it? */
bool flow_covers(const struct flow *f, int priority, int64_t id);

/* Puts a job in its place in the window; 0 or -ENOMEM. */
int flow_insert(struct flow *f, struct job *job);
/* Takes a job that is in the window out of it. */
void flow_remove(struct flow *f, struct job *job);
/* The window ends at its last job from now on; the store has more. */
void flow_set_horizon(struct flow *f);
/* The window covers only what comes before this key; drop(arg, job) is given each job behind it. */
void flow_cut(struct flow *f, int priority, int64_t id, void (*drop)(void *arg, struct job *job), void *arg);

#endif
