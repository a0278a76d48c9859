#include "store/limits.h"

/* Tokens come by the fraction: what sums them up may be off by so much. */
#define GRAIN 1e-6
#define WAIT_MAX (100LL * 366 * 86400 * 1000)	/* as good as never */

struct queue_settings queue_settings_over(const struct queue_settings *set, const struct queue_settings *defaults)
{
	struct queue_settings in_force = *set;

	if (set->concurrency == 0)
		in_force.concurrency = defaults->concurrency;
	if (set->rate.per_second <= 0)
		in_force.rate = defaults->rate;
	if (set->weight == 0)
		in_force.weight = defaults->weight > 0 ? defaults->weight : 1;
	if (set->max_ready == 0)
		in_force.max_ready = defaults->max_ready;
	return in_force;
}

int64_t rate_burst(double per_second)
{
	int64_t whole;

	if (per_second >= QUEUE_BURST_MAX)
		return QUEUE_BURST_MAX;
	whole = (int64_t)per_second;
	if ((double)whole < per_second)
		whole++;
	return whole > 1 ? whole : 1;
}

/* Time is told in milliseconds: a bucket holds at least what comes in one, or more would be lost than is taken. */
static double bucket_size(const struct rate *r)
{
	double a_moment = r->per_second / 1000;

	return (double)r->burst > a_moment ? (double)r->burst : a_moment;
}

double bucket_level(const struct bucket *b, const struct rate *r, wall_ms now)
{
	double size = bucket_size(r), level = b->level;

	if (b->at == 0)
		return size;
	if (now < b->at && level < 1)
		level = 1;
	if (now > b->at)
		level += (double)(now - b->at) * r->per_second / 1000;
	return level < size ? level : size;
}

bool bucket_take(struct bucket *b, const struct rate *r, wall_ms now)
{
	double level = bucket_level(b, r, now);

	if (level < 1 - GRAIN)
		return false;
	b->level = level - 1;
	b->at = now;
	return true;
}

void bucket_give_back(struct bucket *b, const struct rate *r, wall_ms now)
{
	double level = bucket_level(b, r, now) + 1, size = bucket_size(r);

	b->level = level < size ? level : size;
	b->at = now;
}

wall_ms bucket_next(const struct bucket *b, const struct rate *r, wall_ms now)
{
	double lacking = 1 - GRAIN - bucket_level(b, r, now);
	double wait;

	if (lacking <= 0)
		return now;
	wait = lacking * 1000 / r->per_second;
	return now + (wait < (double)WAIT_MAX ? (wall_ms)wait + 1 : WAIT_MAX);
}
