/*
 * queue: the queues there are, their settings, and their lanes.
 *
 * A queue is made on first use and stays. Its place in each class's round
 * comes by stride scheduling (Waldspurger and Weihl, 1995): each start
 * advances the queue's pass by an amount inverse to its weight, and the queue
 * with the lowest pass is next.
 */
#ifndef JOBD_QUEUE_H
#define JOBD_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/map.h"
#include "backlog/lane.h"
#include "store/limits.h"
#include "backlog/turns.h"

enum { QUEUE_CLASSES = 3 };	/* as many as enum job_class has */

struct queue {
	char *name;
	bool paused;
	unsigned stopped;	/* for a moment: by so many */
	struct queue_settings set, limits;	/* by a person; in force */
	int64_t in_hand;	/* jobs of all classes */
	struct bucket bucket;	/* of its rate, as it will be when all claims under way are committed */
	struct heap_node dry;	/* while it waits for the next token: in the backlog's heap, by its time */
	struct lane_list lanes;
	struct turns turn[QUEUE_CLASSES];
	UT_hash_handle hh;	/* by name */
};

struct queue_table {
	struct queue *by_name;
};

struct queue *queue_find(const struct queue_table *t, const char *name);
/* Finds or makes; NULL when out of memory. */
struct queue *queue_make(struct queue_table *t, const char *name);
struct lane *queue_find_lane(const struct queue *q, const char *type);
/* Finds or makes; NULL when out of memory. */
struct lane *queue_make_lane(struct queue *q, const char *type);
void queue_table_free(struct queue_table *t);	/* the windows must be empty */

/* Is it a queue's name: QUEUE_NAME_RULE? */
#define QUEUE_NAME_RULE "1 to 64 characters out of A-Z a-z 0-9 . _ -"
bool queue_name_ok(const char *name);

/* Does nothing of it start: is it paused, or stopped for a moment? */
bool queue_still(const struct queue *q);

int64_t queue_count(const struct queue *q, enum job_state state);
/* The oldest ready job's submit (or run_at) time in the windows; 0 if there is none. */
wall_ms queue_oldest_ready(const struct queue *q);
int64_t queue_waiting(const struct queue *q);	/* neither running nor final */

#endif
