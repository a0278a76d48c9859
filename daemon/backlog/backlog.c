#include "backlog/backlog.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

enum { PASSES_A_LOOK = 2048 };

void backlog_init(struct backlog *s, void (*wake)(void *arg), void *arg)
{
	memset(s, 0, sizeof(*s));
	TAILQ_INIT(&s->awaited);
	TAILQ_INIT(&s->hungry);
	key_table_init(&s->keys);
	s->wake = s->rounds.wake = wake;
	s->arg = s->rounds.arg = arg;
}

void backlog_free(struct backlog *s)
{
	struct flow *f, *next;

	windows_free(&s->windows);
	HASH_ITER(hh, s->flows, f, next)
		backlog_forget_flow(s, f);
	rounds_free(&s->rounds);
	queue_table_free(&s->queues);
}

/* ---- queues, lanes and flows ---- */

static void queue_configure(struct backlog *s, struct queue *q)
{
	static const struct queue_settings none;
	struct queue_settings defaults = s->defaults_of != NULL ? s->defaults_of(s->arg, q->name) : none;

	q->limits = queue_settings_over(&q->set, &defaults);
	round_settle_all(&s->rounds, q);
}

void backlog_reconfigure(struct backlog *s)
{
	struct queue *q, *next;

	HASH_ITER(hh, s->queues.by_name, q, next)
		queue_configure(s, q);
}

/* Finds or makes, with a place wherever a queue may be put, so that no turn can fail for want of memory. */
static struct queue *backlog_queue(struct backlog *s, const char *name)
{
	struct queue *q = queue_find(&s->queues, name);

	if (q != NULL)
		return q;
	if (rounds_reserve(&s->rounds, HASH_COUNT(s->queues.by_name) + 1) != 0)
		return NULL;
	q = queue_make(&s->queues, name);
	if (q != NULL)
		queue_configure(s, q);
	return q;
}

struct lane *backlog_lane(struct backlog *s, const char *queue, const char *type)
{
	struct queue *q = queue_find(&s->queues, queue);
	struct lane *l = q != NULL ? queue_find_lane(q, type) : NULL;

	if (l != NULL)
		return l;
	if (s->lanes >= BACKLOG_LANES_MAX)
		return NULL;
	q = backlog_queue(s, queue);
	l = q != NULL ? queue_make_lane(q, type) : NULL;
	if (l != NULL) {
		s->lanes++;
		s->windows.flows++;
	}
	return l;
}

bool backlog_make_queue(struct backlog *s, const char *name)
{
	if (queue_find(&s->queues, name) != NULL)
		return true;
	if (s->lanes >= BACKLOG_LANES_MAX || backlog_queue(s, name) == NULL)
		return false;
	s->lanes++;	/* a queue without lanes counts as one */
	return true;
}

struct job *backlog_find(const struct backlog *s, int64_t id)
{
	return windows_find(&s->windows, id);
}

/* ---- settling: what follows when something of a flow has changed ---- */

static struct flow_list *flow_hunger(struct backlog *s, const struct flow *f)
{
	return f->awaited ? &s->awaited : &s->hungry;
}

static void flow_settle_hunger(struct backlog *s, struct flow *f)
{
	bool wanted = f->more && !f->paging && f->lane->kind != NULL && f->n <= windows_cap(&s->windows) / 4;

	if (wanted == f->hungry)
		return;
	f->hungry = wanted;
	if (wanted) {
		TAILQ_INSERT_TAIL(&s->hungry, f, hungry_link);
		s->wake(s->arg);
	} else {
		TAILQ_REMOVE(flow_hunger(s, f), f, hungry_link);
		f->awaited = false;
	}
}

void backlog_turns_changed(struct backlog *s, const struct flow *f)
{
	struct flow *first = turns_first(f->group->turn);

	round_settle(&s->rounds, f->lane->queue, lane_class(f->lane));
	if (first == NULL || first->awaited || !first->hungry || flow_head(first) != NULL)
		return;
	TAILQ_REMOVE(&s->hungry, first, hungry_link);
	first->awaited = true;
	TAILQ_INSERT_TAIL(&s->awaited, first, hungry_link);
}

static void flow_settle_parked(struct flow *f)
{
	bool waits = flow_waits(f);

	if (!f->parked) {
		if (waits && flow_head(f) == NULL && key_full(f))
			key_park(f);	/* none need wait for its page */
	} else if (waits && key_full(f)) {
		key_settle(f);
	} else {
		key_unpark(f);
	}
}

/* Puts the flow where it belongs now; it goes with its last job. */
static void flow_settle(struct backlog *s, struct flow *f)
{
	struct lot *lot = f->lot;

	if (f->id != 0 && f->unfinished <= 0)
		f->more = false;
	flow_settle_parked(f);
	turns_settle(f);
	flow_settle_hunger(s, f);
	backlog_turns_changed(s, f);
	/* Its head may be worse than one that is parked for the same slot. */
	if (lot != NULL)
		backlog_release_lot(s, lot);
	if (f->id != 0 && f->unfinished <= 0 && f->jobs == 0 && !f->paging)
		backlog_forget_flow(s, f);
}

/* ---- the stream of changes ---- */

static void count_change(struct backlog *s, struct lane *from_lane, enum job_state from, struct lane *l, enum job_state to)
{
	from_lane->counts[from]--;
	l->counts[to]++;
	s->counts[from]--;
	s->counts[to]++;
}

static int unfinished(enum job_state state)
{
	return state != JOB_NONE && !job_state_final(state);
}

/* Where a job in hand goes once let go of: NULL, nowhere else. The flow stays as long. */
static void job_set_move(struct job *job, struct flow *to)
{
	if (job->moves_to != NULL)
		job->moves_to->jobs--;
	if (to != NULL)
		to->jobs++;
	job->moves_to = to;
}

/* A job that may be in memory is now of flow f. */
static void job_changed(struct backlog *s, struct job *job, struct flow *f, const struct job_change *change)
{
	if (job != NULL && job->place == JOB_IN_WINDOW)
		windows_leave(&s->windows, job);
	if (job == NULL) {
		if (change->to == JOB_READY)
			windows_enter_row(&s->windows, f, change->row);
		return;
	}
	job_take_over(job, change->row);
	if (job->place == JOB_IN_HAND) {
		job_set_move(job, f != job->flow ? f : NULL);
		return;
	}
	if (f != job->flow)
		windows_move(&s->windows, job, f);
	if (change->to == JOB_READY)
		windows_enter(&s->windows, job);
	else
		windows_forget(&s->windows, job);
}

/* The flow that the change has led from, of the lane that it was in; NULL: nothing is known of it. */
static struct flow *changed_from(struct backlog *s, struct lane *from_lane, const struct job_change *change, struct flow *f)
{
	struct flow *from;

	if (change->from_queue == NULL)
		return f;
	if (change->from_flow == 0)
		return &from_lane->own;
	HASH_FIND(hh, s->flows, &change->from_flow, sizeof(change->from_flow), from);
	return from;
}

void backlog_changed(struct backlog *s, const struct job_change *change)
{
	struct lane *l = backlog_lane(s, change->queue, change->type);
	struct lane *from_lane = change->from_queue != NULL ? backlog_lane(s, change->from_queue, change->type) : l;
	struct flow *f = l != NULL && from_lane != NULL ? backlog_flow(s, l, change->flow) : NULL, *from;

	if (l != NULL && from_lane != NULL && (change->from != change->to || from_lane != l))
		count_change(s, from_lane, change->from, l, change->to);
	if (f == NULL) {
		log_error("out of memory: job %lld of queue %s waits for a restart", (long long)change->row->id, change->queue);
		return;
	}
	from = changed_from(s, from_lane, change, f);
	if (from != NULL)
		from->unfinished -= unfinished(change->from);
	f->unfinished += unfinished(change->to);
	job_changed(s, change->from != JOB_NONE ? backlog_find(s, change->row->id) : NULL, f, change);
	flow_settle(s, f);
	if (from != NULL && from != f)
		flow_settle(s, from);
	if (change->to == JOB_READY)
		s->wake(s->arg);
}

void backlog_queue_changed(struct backlog *s, const struct queue_row *row)
{
	struct queue *q = backlog_queue(s, row->name);

	if (q == NULL) {
		log_error("out of memory: queue %s keeps its settings until a restart", row->name);
		return;
	}
	q->paused = row->paused;
	q->set = row->set;
	queue_configure(s, q);
}

void backlog_stop_queue(struct backlog *s, struct queue *q)
{
	q->stopped++;
	round_settle_all(&s->rounds, q);
}

void backlog_start_queue(struct backlog *s, struct queue *q)
{
	q->stopped--;
	round_settle_all(&s->rounds, q);
}

/* ---- what the store held ---- */

int backlog_restore(struct backlog *s, const struct lane_count *count)
{
	struct lane *l = backlog_lane(s, count->queue, count->type);

	if (l == NULL)
		return -ENOMEM;
	l->counts[count->state] += count->n;
	s->counts[count->state] += count->n;
	return 0;
}

int backlog_restore_flow(struct backlog *s, const struct flow_count *count)
{
	struct lane *l = backlog_lane(s, count->queue, count->type);
	struct flow *f = l != NULL ? backlog_flow(s, l, &count->row) : NULL;

	if (f == NULL)
		return -ENOMEM;
	f->unfinished = count->unfinished;
	return 0;
}

void backlog_restore_first(struct backlog *s, const struct ready_first *first)
{
	struct lane *l = backlog_lane(s, first->queue, first->type);
	struct flow *f = l != NULL ? &l->own : NULL;

	if (first->flow != 0)
		HASH_FIND(hh, s->flows, &first->flow, sizeof(first->flow), f);
	if (f == NULL)
		log_fatal("ready jobs of queue %s were not counted", first->queue);
	flow_cut(f, first->priority, first->id, NULL, NULL);
	flow_settle(s, f);
}

void backlog_restore_queue(struct backlog *s, const struct queue_row *row)
{
	struct queue *q = backlog_queue(s, row->name);

	if (q != NULL)
		q->bucket = row->bucket;
	backlog_queue_changed(s, row);
}

/* ---- taking ---- */

static bool job_expired(const struct job *job, wall_ms now)
{
	return job->row.expires_at != 0 && job->row.attempt == 0 && job->row.expires_at <= now;
}

/* Puts aside what keeps the job from being taken now; false: nothing does. */
static bool peek_passes(struct backlog *s, struct job *job, wall_ms now)
{
	struct flow *f = job->flow;

	if (job_expired(job, now)) {
		windows_leave(&s->windows, job);	/* the change to `expired` will find it aside */
		flow_settle(s, f);
		return true;
	}
	if (key_full(f)) {
		key_park(f);
		turns_settle(f);
		backlog_turns_changed(s, f);
		return true;
	}
	return !round_token(&s->rounds, f->lane->queue, now);
}

void backlog_refresh(struct backlog *s, wall_ms now)
{
	rounds_refresh(&s->rounds, now);
}

/* The round's first job, once what of the same queue waits for wide keys has been looked at. */
static struct job *peek_head(struct backlog *s, enum job_class class)
{
	struct job *job = round_head(&s->rounds, class);

	if (job == NULL || TAILQ_EMPTY(&job->flow->group->turn->wide))
		return job;
	backlog_release_lots(s, &job->flow->group->turn->wide);
	return round_head(&s->rounds, class);
}

struct job *backlog_peek(struct backlog *s, enum job_class class, wall_ms now)
{
	backlog_refresh(s, now);
	backlog_release_keys(s, class);
	for (int passed = 0; passed < PASSES_A_LOOK; passed++) {
		struct job *job = peek_head(s, class);

		if (job == NULL ? !backlog_release_keys(s, class) : !peek_passes(s, job, now))
			return job;
	}
	s->wake(s->arg);	/* the rest when others have had the loop */
	return NULL;
}

void backlog_take(struct backlog *s, struct job *job, wall_ms now)
{
	windows_leave(&s->windows, job);
	job->place = JOB_IN_HAND;
	key_take(job->flow);
	turns_took(job->flow);
	job->token_at = round_take(&s->rounds, job->lane->queue, lane_class(job->lane), now);
	flow_settle(s, job->flow);
	backlog_release_lots(s, &job->flow->group->turn->open);	/* its turn has changed who is next in them */
}

bool backlog_limited(const struct job *job)
{
	const struct queue_settings *limits = &job->lane->queue->limits;

	return job->flow->lot != NULL || limits->concurrency > 0 || limits->rate.per_second > 0;
}

void backlog_started(struct job *job)
{
	job->token_at = 0;
}

void backlog_done(struct backlog *s, struct job **held)
{
	struct job *job = *held;
	struct flow *f = job->flow, *to = job->moves_to;

	*held = NULL;
	job->attempt = NULL;
	job->place = JOB_ASIDE;
	round_let_go(&s->rounds, job->lane->queue, job->token_at != 0);
	job->token_at = 0;
	key_let_go(f);
	if (to != NULL)
		windows_move(&s->windows, job, to);
	if (job->row.state == JOB_READY)
		windows_enter(&s->windows, job);
	else
		windows_forget(&s->windows, job);
	if (f->lot != NULL)
		backlog_key_let_go(s, f->lot->name.key);
	flow_settle(s, f);
	if (to != NULL) {
		to->jobs--;
		flow_settle(s, to);
	}
	s->wake(s->arg);
}

struct job *backlog_set_aside(struct backlog *s, int64_t id)
{
	struct job *job = backlog_find(s, id);

	if (job == NULL || job->place != JOB_IN_WINDOW)
		return NULL;
	windows_leave(&s->windows, job);
	flow_settle(s, job->flow);
	return job;
}

void backlog_put_back(struct backlog *s, int64_t id)
{
	struct job *job = backlog_find(s, id);
	struct flow *f;

	if (job == NULL || job->place != JOB_ASIDE)
		return;
	f = job->flow;
	windows_enter(&s->windows, job);
	flow_settle(s, f);
	s->wake(s->arg);
}

/* ---- pages ---- */

struct flow *backlog_hungry(struct backlog *s, size_t *max)
{
	struct flow *f = TAILQ_FIRST(TAILQ_EMPTY(&s->awaited) ? &s->hungry : &s->awaited);
	size_t cap = windows_cap(&s->windows);

	if (f == NULL)
		return NULL;
	*max = cap / 2 > WINDOW_MIN ? cap / 2 : WINDOW_MIN;
	windows_ask_page(f);
	flow_settle_hunger(s, f);
	return f;
}

void backlog_paged(struct backlog *s, struct flow *f, int rc, const struct job_row *rows, size_t n, size_t max)
{
	windows_paged(&s->windows, f, rc, rows, n, max);
	flow_settle(s, f);
	if (n > 0)
		s->wake(s->arg);
}
