#include "limits.h"

#include <math.h>
#include <string.h>

#include "life.h"
#include "queues.h"
#include "sim.h"

enum { SETTLED = 2000, CLASSES = 2 };

static const uint64_t never = UINT64_MAX;

struct group_turn {
	uint64_t served;		/* the start that was its last; 0 */
	uint64_t since;			/* it has had something to take since that start */
};

static struct {
	int64_t queue_in_hand[SIM_QUEUES], key_in_hand[SIM_LIMITS];
	int64_t claiming[SIM_QUEUES];		/* in hand, with a token that is not taken on disk yet */
	int64_t queue_running[SIM_QUEUES], key_running[SIM_LIMITS];
	struct {
		double level;
		wall_ms at;		/* 0: full */
		bool unsure;		/* some may have been taken by another rate: until it is full */
	} tokens[SIM_QUEUES];
	struct group_turn turns[SIM_QUEUES][CLASSES][SIM_GROUPS];
	uint64_t starts;
} l;

void limits_begin(void)
{
	memset(&l, 0, sizeof(l));
	limits_new_life();
}

void limits_new_life(void)
{
	memset(l.queue_in_hand, 0, sizeof(l.queue_in_hand));
	memset(l.key_in_hand, 0, sizeof(l.key_in_hand));
	memset(l.claiming, 0, sizeof(l.claiming));
	for (int q = 0; q < SIM_QUEUES; q++)
		for (int class = 0; class < CLASSES; class++)
			for (int g = 0; g < SIM_GROUPS; g++)
				l.turns[q][class][g] = (struct group_turn){ .since = never };
}

/* ---- rates ---- */

static double tokens_now(int queue, wall_ms now)
{
	struct rate rate = queue_settings(queue).rate;
	double size = fmax((double)rate.burst, rate.per_second / 1000), level = l.tokens[queue].level;

	if (l.tokens[queue].at == 0)
		return size;
	if (now < l.tokens[queue].at)
		level = fmax(level, 1);
	if (now > l.tokens[queue].at)
		level += (double)(now - l.tokens[queue].at) * rate.per_second / 1000;
	return fmin(level, size);
}

void limits_rate_set(int queue, bool changed)
{
	l.tokens[queue].unsure |= changed;
	trace(0, "queue %s: %g a second, burst %lld", sim_queues[queue], queue_settings(queue).rate.per_second,
	      (long long)queue_settings(queue).rate.burst);
}

static void take_token(const struct wish *w, wall_ms now)
{
	struct rate rate = queue_settings(w->queue).rate;
	double level;

	if (rate.per_second <= 0 || !w->token)
		return;
	level = tokens_now(w->queue, now);
	if ((double)(now - l.tokens[w->queue].at) * rate.per_second / 1000 > (double)rate.burst + 1)
		l.tokens[w->queue].unsure = false;
	trace(w->id, "takes a token of %s at %lld: there are %g", sim_queues[w->queue], (long long)now, level);
	must(w->id, level >= 1 - 1e-3 || !queue_settled(w->queue, SETTLED), "starts with %g of a token left", level);
	l.tokens[w->queue].level = fmax(level - 1, 0);
	l.tokens[w->queue].at = now;
}

/* ---- slots ---- */

void limits_taken(struct wish *w)
{
	int64_t most = queue_settings(w->queue).concurrency;

	must(w->id, most == 0 || l.queue_in_hand[w->queue] < most || !queue_settled(w->queue, SETTLED),
	     "is taken while %lld of its queue are in hand", (long long)l.queue_in_hand[w->queue]);
	must(w->id, w->limit_key == 0 || l.key_in_hand[w->limit_key] < w->limit, "is taken while %lld of its key %d are in hand",
	     (long long)l.key_in_hand[w->limit_key], w->limit_key);
	w->hand_queue = w->queue;
	l.queue_in_hand[w->queue]++;
	l.key_in_hand[w->limit_key]++;
	w->claiming = true;
	w->taken_at = clock_wall();
	w->token = queue_settings(w->queue).rate.per_second > 0;
	l.claiming[w->queue]++;
}

static void limits_claim_over(struct wish *w)
{
	if (w->claiming)
		l.claiming[w->hand_queue]--;
	w->claiming = false;
}

void limits_let_go(int64_t id)
{
	struct wish *w = model_by_id(id);

	limits_claim_over(w);
	l.queue_in_hand[w->hand_queue]--;
	l.key_in_hand[w->limit_key]--;
	must(id, l.queue_in_hand[w->hand_queue] >= 0, "is let go, and was not in hand");
}

bool limits_allow(const struct wish *w)
{
	int64_t most = queue_settings(w->queue).concurrency;

	if (!queue_settled(w->queue, SETTLED))
		return false;
	if (most > 0 && l.queue_in_hand[w->queue] >= most)
		return false;
	if (w->limit_key != 0 && l.key_in_hand[w->limit_key] >= w->limit)
		return false;
	if (queue_settings(w->queue).rate.per_second <= 0)
		return true;
	if (l.tokens[w->queue].unsure)
		return false;
	/* A step of the clock may be noticed a second late. */
	return !life_troubled(SETTLED) && tokens_now(w->queue, clock_wall() - 2) - (double)l.claiming[w->queue] >= 1 + 1e-3;
}

bool limits_explain(const struct wish *w, const char *reason)
{
	if (strcmp(reason, "rate") == 0)
		return queue_settings(w->queue).rate.per_second > 0;
	if (strcmp(reason, "queue_concurrency") == 0)
		return l.queue_in_hand[w->queue] >= queue_settings(w->queue).concurrency;
	return strcmp(reason, "key_concurrency") == 0 && w->limit_key != 0 && l.key_in_hand[w->limit_key] >= w->limit;
}

void limits_claimed(struct wish *w)
{
	int64_t most = queue_settings(w->queue).concurrency;

	must(w->id, most == 0 || l.queue_running[w->queue] < most || !queue_settled(w->queue, SETTLED),
	     "starts while %lld of its queue run, and %lld may", (long long)l.queue_running[w->queue], (long long)most);
	must(w->id, w->limit_key == 0 || l.key_running[w->limit_key] < w->limit, "starts while %lld of its key %d run, and %d may",
	     (long long)l.key_running[w->limit_key], w->limit_key, w->limit);
	l.queue_running[w->queue]++;
	l.key_running[w->limit_key]++;
	limits_claim_over(w);
	take_token(w, w->taken_at);
}

void limits_ended(const struct wish *w)
{
	l.queue_running[w->queue]--;
	l.key_running[w->limit_key]--;
}

/* ---- groups ---- */

void limits_group_left(const struct wish *w)
{
	l.turns[w->queue][model_class(w)][w->group].since = never;
}

void limits_group_turn(const struct wish *w, bool (*other)(const struct wish *taken, int group))
{
	struct group_turn *turns = l.turns[w->queue][model_class(w)];
	uint64_t last = turns[w->group].served;

	l.starts++;
	trace(w->id, "is of group %d of queue %s, priority %d", w->group, sim_queues[w->queue], w->priority);
	for (int g = 0; g < SIM_GROUPS; g++) {
		if (g == w->group)
			continue;
		if (!other(w, g))
			turns[g].since = never;
		else if (turns[g].since == never)
			turns[g].since = l.starts;
		must(w->id, turns[g].since == never || last <= turns[g].since || last <= turns[g].served,
		     "has its group %d served twice while group %d waits", w->group, g);
	}
	turns[w->group].served = l.starts;
	if (turns[w->group].since == never)
		turns[w->group].since = l.starts;
}
