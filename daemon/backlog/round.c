#include "backlog/round.h"

#include <errno.h>
#include <stddef.h>

#include "base/log.h"

enum { STRIDE = 1 << 20 };

int rounds_reserve(struct rounds *r, size_t queues)
{
	for (int class = 0; class < QUEUE_CLASSES; class++)
		if (heap_reserve(&r->turns[class], queues) != 0)
			return -ENOMEM;
	return heap_reserve(&r->dry, queues);
}

void rounds_free(struct rounds *r)
{
	for (int class = 0; class < QUEUE_CLASSES; class++)
		heap_free(&r->turns[class]);
	heap_free(&r->dry);
}

static bool queue_may_start(const struct queue *q)
{
	return !q->paused && q->stopped == 0 && !heap_holds(&q->dry) && (q->limits.concurrency == 0 || q->in_hand < q->limits.concurrency);
}

void round_settle(struct rounds *r, struct queue *q, enum job_class class)
{
	struct turns *turn = &q->turn[class];
	bool wanted = turns_head(turn) != NULL && queue_may_start(q);

	if (wanted == heap_holds(&turn->node))
		return;
	if (!wanted) {
		heap_remove(&r->turns[class], &turn->node);
		return;
	}
	/* A queue that was away does not come back with the turns it did not use. */
	if (turn->pass < r->pass[class])
		turn->pass = r->pass[class];
	if (heap_add(&r->turns[class], &turn->node, turn->pass) != 0)
		log_fatal("queue %s has no place in its round", q->name);
	r->wake(r->arg);
}

static void queue_settle(struct rounds *r, struct queue *q)
{
	for (int class = 0; class < QUEUE_CLASSES; class++)
		round_settle(r, q, (enum job_class)class);
}

void round_settle_all(struct rounds *r, struct queue *q)
{
	heap_remove(&r->dry, &q->dry);	/* who looks will see whether there is a token */
	queue_settle(r, q);
}

struct job *round_head(const struct rounds *r, enum job_class class)
{
	const struct heap_node *top = heap_top(&r->turns[class]);

	return top != NULL ? turns_head((const struct turns *)(const void *)top) : NULL;
}

bool round_token(struct rounds *r, struct queue *q, wall_ms now)
{
	wall_ms token;

	if (q->limits.rate.per_second <= 0)
		return true;
	token = bucket_next(&q->bucket, &q->limits.rate, now);
	if (token <= now)
		return true;
	if (heap_add(&r->dry, &q->dry, (uint64_t)token) != 0)
		log_fatal("queue %s has no place to wait for a token", q->name);
	queue_settle(r, q);
	return false;
}

void rounds_refresh(struct rounds *r, wall_ms now)
{
	struct heap_node *top;

	while ((top = heap_top(&r->dry)) != NULL && top->key <= (uint64_t)now)
		round_settle_all(r, (struct queue *)(void *)((char *)top - offsetof(struct queue, dry)));
}

wall_ms rounds_next_token(const struct rounds *r)
{
	const struct heap_node *top = heap_top(&r->dry);

	return top != NULL ? (wall_ms)top->key : 0;
}

wall_ms round_take(struct rounds *r, struct queue *q, enum job_class class, wall_ms now)
{
	struct turns *turn = &q->turn[class];

	r->pass[class] = turn->pass;
	turn->pass += STRIDE / (uint64_t)q->limits.weight;
	if (heap_holds(&turn->node))
		heap_move(&r->turns[class], &turn->node, turn->pass);
	if (++q->in_hand == q->limits.concurrency)
		queue_settle(r, q);
	return q->limits.rate.per_second > 0 && bucket_take(&q->bucket, &q->limits.rate, now) ? now : 0;
}

void round_let_go(struct rounds *r, struct queue *q, bool token)
{
	q->in_hand--;
	if (token) {
		bucket_give_back(&q->bucket, &q->limits.rate, q->bucket.at);
		round_settle_all(r, q);
	} else if (q->limits.concurrency > 0) {
		queue_settle(r, q);
	}
}
