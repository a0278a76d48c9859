/*
 * round: which queue is next.
 *
 * Each class has a round of the queues of which something may be taken; the
 * one with the lowest pass is next (queue.h). A queue that is paused, has as
 * many jobs in hand as it may, or waits for a token of its rate is in none.
 */
#ifndef JOBD_ROUND_H
#define JOBD_ROUND_H

#include "base/clock.h"
#include "base/heap.h"
#include "backlog/queue.h"

struct rounds {
	struct heap turns[QUEUE_CLASSES];
	uint64_t pass[QUEUE_CLASSES];	/* of the last one taken */
	struct heap dry;		/* queues that wait for a token, by its time */
	void (*wake)(void *arg);	/* a queue is in its round that was not */
	void *arg;
};

/* Room for so many queues, so that none can fail to find its place. 0 or -ENOMEM. */
int rounds_reserve(struct rounds *r, size_t queues);
void rounds_free(struct rounds *r);

/* Puts the queue in or out of its class's round, as it has something to take or not. */
void round_settle(struct rounds *r, struct queue *q, enum job_class class);
/* The same of each class; its rate may be another, too. */
void round_settle_all(struct rounds *r, struct queue *q);

/* The next job of the next queue; NULL if there is none. */
struct job *round_head(const struct rounds *r, enum job_class class);

/* Is there a token of the queue's rate? If not, it is out of the rounds until there is. */
bool round_token(struct rounds *r, struct queue *q, wall_ms now);
/* Those that have waited for a token that is there now come back. */
void rounds_refresh(struct rounds *r, wall_ms now);
/* When the next of them does; 0: none waits. */
wall_ms rounds_next_token(const struct rounds *r);

/* A job of the queue was taken, with a token of its rate where it has one: the time then, else 0. */
wall_ms round_take(struct rounds *r, struct queue *q, enum job_class class, wall_ms now);
/* It is let go; `token`: the one taken with it was not spent. */
void round_let_go(struct rounds *r, struct queue *q, bool token);

#endif
