/*
 * limits: what a queue's settings let start, as arithmetic.
 *
 * Pure functions of (settings, state, now), shared by the loop, which looks
 * ahead by them, and by the store, which decides by them in the transaction
 * that starts the job.
 */
#ifndef JOBD_STORE_LIMITS_H
#define JOBD_STORE_LIMITS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"

enum { QUEUE_WEIGHT_MAX = 1000, QUEUE_BURST_MAX = 1000000 };

struct rate {
	double per_second;	/* attempts started; 0: no limit */
	int64_t burst;		/* that many at once after a pause */
};

/* Tokens, one for each start: how many there were at a time. At 0: never used, so full. */
struct bucket {
	double level;
	wall_ms at;
};

/* A member that is 0 is not set. */
struct queue_settings {
	int64_t concurrency;	/* its jobs that run at once */
	struct rate rate;
	int64_t weight;
	int64_t max_ready;	/* its jobs that neither run nor are final */
};

/* What is set, and the defaults for the rest. */
struct queue_settings queue_settings_over(const struct queue_settings *set, const struct queue_settings *defaults);

/* The burst of a rate of which nothing else is said: what comes in a second. */
int64_t rate_burst(double per_second);

/*
 * What is in it now. After a clock was set back there is one token at least,
 * and from the next one taken on time counts anew: what has come by the clock
 * before is not waited for again.
 */
double bucket_level(const struct bucket *b, const struct rate *r, wall_ms now);
/* Takes a token; false, and nothing is taken, where there is none. */
bool bucket_take(struct bucket *b, const struct rate *r, wall_ms now);
/* It was not used. */
void bucket_give_back(struct bucket *b, const struct rate *r, wall_ms now);
/* When there is a token: now, or later. */
wall_ms bucket_next(const struct bucket *b, const struct rate *r, wall_ms now);

#endif
