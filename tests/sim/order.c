#include "order.h"

#include <string.h>

#include "life.h"
#include "limits.h"
#include "many.h"
#include "queues.h"
#include "sim.h"
#include "simpool.h"
#include "simstore.h"

enum { CLASSES = 2, HELD_UP = 3 * 1000 * 1000 };	/* the classes; us that a failure may last after the store's own */

static struct {
	/* Starts of queue g while both it and h had something to take, since that was so or the weights changed. */
	int64_t starts[CLASSES][SIM_QUEUES][SIM_QUEUES];	/* [class][h][g] */
	bool served[CLASSES][SIM_QUEUES];	/* since the weights changed: its place in the round is by these */
} o;

void order_begin(void)
{
	memset(&o, 0, sizeof(o));
}

void order_new_turns(void)
{
	memset(&o, 0, sizeof(o));
}

static bool expired(const struct wish *w)
{
	return w->row.expires_at != 0 && w->row.attempt == 0 && w->row.expires_at <= clock_wall();
}

static bool in_hand(const struct wish *w)
{
	const struct job *job = backlog_find(&life_parts.backlog, w->id);

	return job != NULL && job->place == JOB_IN_HAND;
}

/* Was it found expired, before the clock went back? */
static bool found_expired(const struct wish *w)
{
	const struct job *job = backlog_find(&life_parts.backlog, w->id);

	return job != NULL && job->place == JOB_ASIDE && w->row.expires_at != 0 && life_clock_moved();
}

/* Must the job be taken if it is its turn? One that somebody asks to change may be left alone meanwhile. */
static bool eligible(const struct wish *w)
{
	return !expired(w) && !model_asked(w) && !many_holds(w) && !model_replaced(w->key) &&
	       !in_hand(w) && limits_allow(w) && !found_expired(w);
}

/* Must a come before b, whosever turn it is? */
static bool before(const struct wish *a, const struct wish *b)
{
	return a->priority != b->priority ? a->priority > b->priority : a->group == b->group && a->id < b->id;
}

/* One that should have been taken instead; NULL if there is none. */
static const struct wish *passed_over(const struct wish *taken)
{
	const struct wish *w;

	TAILQ_FOREACH(w, model_ready(taken->queue, model_class(taken)), link)
		if (before(w, taken) && eligible(w))
			return w;
	return NULL;
}

/* Has the group something of the same priority to take? */
static bool group_waits(const struct wish *taken, int group)
{
	const struct wish *w;

	TAILQ_FOREACH(w, model_ready(taken->queue, model_class(taken)), link)
		if (w->group == group && w->priority == taken->priority && eligible(w))
			return true;
	return false;
}

/* What is next may be in a page that is on its way. */
static bool page_awaited(int queue, enum job_class class)
{
	const struct queue *q = queue_find(&life_parts.backlog.queues, sim_queues[queue]);
	const struct flow *first = q != NULL ? turns_first(&q->turn[class]) : NULL;

	return first != NULL && flow_head(first) == NULL && (first->hungry || first->paging);
}

static const struct wish *some_of(int queue, enum job_class class)
{
	const struct wish *w = NULL;

	if (!queue_paused(queue) && !queue_may_stand(queue) && !many_purges(queue) && !page_awaited(queue, class))
		TAILQ_FOREACH(w, model_ready(queue, class), link)
			if (eligible(w))
				break;
	return w;
}

/* Two queues that both have something to take share the starts by their weights, but for a turn of each. */
static void judge_share(const struct wish *w, enum job_class class, int other)
{
	int64_t own = ++o.starts[class][other][w->queue], theirs = o.starts[class][w->queue][other];
	int64_t own_weight = queue_settings(w->queue).weight, their_weight = queue_settings(other).weight;

	must(w->id, own * their_weight - theirs * own_weight <= 2 * (own_weight + their_weight),
	     "is start %lld of queue %s beside %lld of queue %s", (long long)own, sim_queues[w->queue], (long long)theirs,
	     sim_queues[other]);
}

static void judge_turn(const struct wish *w, enum job_class class)
{
	bool waits[SIM_QUEUES];

	for (int q = 0; q < SIM_QUEUES; q++)
		waits[q] = o.served[class][q] && (q == w->queue || some_of(q, class) != NULL);
	o.served[class][w->queue] = true;
	for (int q = 0; q < SIM_QUEUES; q++)
		for (int other = 0; other < SIM_QUEUES; other++)
			if (!waits[q] || !waits[other])
				o.starts[class][q][other] = 0;
	for (int q = 0; q < SIM_QUEUES; q++)
		if (q != w->queue && waits[q] && waits[w->queue])
			judge_share(w, class, q);
}

static void judge_take(int64_t id)
{
	struct wish *w = model_find(id);
	const struct wish *first;

	must(id, w != NULL && w->state == JOB_READY, "is taken, and is not ready");
	must(id, !life_draining(), "is taken while the daemon drains");
	must(id, !queue_paused(w->queue), "is taken while its queue %s is paused", sim_queues[w->queue]);
	must(id, !many_purges(w->queue), "is taken while its queue %s is purged", sim_queues[w->queue]);
	must(id, !in_hand(w), "is taken twice");
	must(id, !expired(w), "is taken though it has expired");
	first = passed_over(w);
	if (first != NULL)
		broken(first->id, "waits while %lld of the same queue is taken", (long long)id);
	limits_group_turn(w, group_waits);
	judge_turn(w, model_class(w));
	limits_taken(w);
}

void __real_backlog_take(struct backlog *s, struct job *job, wall_ms now);
void __wrap_backlog_take(struct backlog *s, struct job *job, wall_ms now);

void __wrap_backlog_take(struct backlog *s, struct job *job, wall_ms now)
{
	if (!simstore_dead()) {
		trace(job->row.id, "is taken");
		figures.takes++;
		judge_take(job->row.id);
	}
	__real_backlog_take(s, job, now);
}

void __real_backlog_done(struct backlog *s, struct job **job);
void __wrap_backlog_done(struct backlog *s, struct job **job);

void __wrap_backlog_done(struct backlog *s, struct job **job)
{
	if (!simstore_dead())
		limits_let_go((*job)->row.id);
	__real_backlog_done(s, job);
}

/* ---- at rest ---- */

void order_at_rest(void)
{
	const struct parts *p = &life_parts;

	if (simstore_dead() || simstore_waiting() > 0 || p->dispatch.draining)
		return;
	if (p->dispatch.resume_at != 0) {
		must(0, clock_mono() < p->dispatch.resume_at + HELD_UP || life_troubled(HELD_UP / 1000),
		     "nothing starts, though the store can write again");
		return;
	}
	for (int class = 0; class < CLASSES; class++) {
		for (int q = 0; q < SIM_QUEUES; q++) {
			const struct wish *w;

			/* A patient job needs more room than a brief one. */
			if (!dispatch_room(&p->dispatch, (enum job_class)class, false))
				continue;
			w = some_of(q, (enum job_class)class);
			must(w != NULL ? w->id : 0, w == NULL, "could start, and does not");
		}
	}
}
