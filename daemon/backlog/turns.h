/*
 * turns: what of one queue and class is next.
 *
 * Priority orders. At equal priority the groups take turns: the one that was
 * served the longest ago is next, and one that had nothing to do joins at the
 * end, so that it has no credit. Within a group, id orders. Jobs without group
 * are one group. All in O(log n): a heap of groups, each with a heap of flows.
 *
 * A flow whose next job is not in memory stands where that job could stand at
 * best: if that is first, the queue waits for its page.
 */
#ifndef JOBD_TURNS_H
#define JOBD_TURNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "base/clock.h"
#include "base/heap.h"
#include "base/map.h"

struct flow;
struct job;
struct lot;
struct queue;

struct group {
	struct heap_node place;	/* among its turn's, while it has flows there */
	struct turns *turn;
	struct heap flows;	/* with ready jobs, in memory or not, and not parked */
	uint64_t stamp;		/* when it was served last, or came */
	size_t n, ready;	/* flows; of these, those with ready jobs, in memory or not */
	UT_hash_handle hh;	/* by name; "" is that of jobs without one */
	char name[];
};

TAILQ_HEAD(lot_list, lot);

struct turns {
	struct heap_node node;	/* in its class's round while something of it could be taken */
	uint64_t pass;
	struct queue *queue;
	struct group *by_name;
	struct heap groups;
	uint64_t clock;		/* of the groups' stamps */
	/* Lots with parked flows (key.h): those of which one more could start, and those of wide keys, where it may be so. */
	struct lot_list open, wide;
};

void turns_init(struct turns *t, struct queue *queue);	/* the rest of it zero */

/* Puts a new flow under the group of that name (NULL: none), made where it is new. 0 or -ENOMEM. */
int turns_join(struct turns *t, struct flow *f, const char *group);
/* The flow goes, and its group with its last. */
void turns_part(struct flow *f);
void turns_free(struct turns *t);

/* The flow's jobs or its being parked have changed: puts it, and its group, in their places. */
void turns_settle(struct flow *f);
/* Its group had its turn; the flow is to be settled. */
void turns_took(struct flow *f);

/* The flow whose turn it is; NULL: none has a ready job that may be taken. */
struct flow *turns_first(const struct turns *t);
/* Its head, the next job; NULL also while that is not in memory. */
struct job *turns_head(const struct turns *t);

/* When the oldest of its jobs in memory became ready; looks at as many as *looks, and takes them off it. 0: there is none. */
wall_ms turns_oldest(const struct turns *t, int *looks);

/* Where the flow's next job stands among those of other flows of its turn: the key of a heap, with that job's id as its tie. */
uint64_t turns_rank(const struct flow *f);

#endif
