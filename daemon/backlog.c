#include "backlog.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"

enum { STRIDE = 1 << 20 };

void backlog_init(struct backlog *s, void (*wake)(void *arg), void *arg)
{
	memset(s, 0, sizeof(*s));
	TAILQ_INIT(&s->hungry);
	s->wake = wake;
	s->arg = arg;
}

void backlog_free(struct backlog *s)
{
	struct job *job, *next;

	HASH_ITER(hh, s->jobs, job, next) {
		HASH_DEL(s->jobs, job);
		job_free(&job);
	}
	for (int class = 0; class < QUEUE_CLASSES; class++)
		heap_free(&s->turns[class]);
	queue_table_free(&s->queues);
}

static void queue_configure(struct backlog *s, struct queue *q)
{
	static const struct queue_settings none;
	struct queue_settings defaults = s->defaults_of != NULL ? s->defaults_of(s->arg, q->name) : none;

	q->limits = queue_settings_over(&q->set, &defaults);
}

void backlog_reconfigure(struct backlog *s)
{
	struct queue *q, *next;

	HASH_ITER(hh, s->queues.by_name, q, next)
		queue_configure(s, q);
}

/* Finds or makes, with a place in each class's round, so that its turn cannot fail for want of memory. */
static struct queue *backlog_queue(struct backlog *s, const char *name)
{
	struct queue *q = queue_find(&s->queues, name);
	size_t n = HASH_COUNT(s->queues.by_name) + 1;

	if (q != NULL)
		return q;
	for (int class = 0; class < QUEUE_CLASSES; class++)
		if (heap_reserve(&s->turns[class], n) != 0)
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
	if (l != NULL)
		s->lanes++;
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
	struct job *job;

	HASH_FIND(hh, s->jobs, &id, sizeof(id), job);
	return job;
}

/* ---- turns ---- */

static enum job_class lane_class(const struct lane *l)
{
	return l->kind != NULL ? l->kind->class : CLASS_WORKER;
}

static bool queue_taken_from(const struct queue *q)
{
	return !q->paused && q->stopped == 0;
}

/* Puts the queue in or out of its class's round, as it has something to take or not. */
static void queue_settle_turn(struct backlog *s, struct queue *q, enum job_class class)
{
	struct queue_turn *turn = &q->turn[class];
	bool wanted = turn->ready > 0 && queue_taken_from(q);

	if (wanted == heap_holds(&turn->node))
		return;
	if (!wanted) {
		heap_remove(&s->turns[class], &turn->node);
		return;
	}
	/* A queue that was away does not come back with the turns it did not use. */
	if (turn->pass < s->pass[class])
		turn->pass = s->pass[class];
	if (heap_add(&s->turns[class], &turn->node, turn->pass) != 0)
		log_fatal("queue %s has no place in its round", q->name);
	s->wake(s->arg);
}

/* ---- windows ---- */

static size_t window_cap(const struct backlog *s)
{
	size_t cap = BACKLOG_JOBS_MAX / (s->lanes > 0 ? s->lanes : 1);

	if (cap > BACKLOG_WINDOW_MAX)
		return BACKLOG_WINDOW_MAX;
	return cap < BACKLOG_WINDOW_MIN ? BACKLOG_WINDOW_MIN : cap;
}

static void lane_settle_hunger(struct backlog *s, struct lane *l)
{
	bool wanted = l->more && !l->paging && l->kind != NULL && queue_taken_from(l->queue) && l->n <= window_cap(s) / 4;

	if (wanted == l->hungry)
		return;
	l->hungry = wanted;
	if (wanted) {
		TAILQ_INSERT_TAIL(&s->hungry, l, hungry_link);
		s->wake(s->arg);
	} else {
		TAILQ_REMOVE(&s->hungry, l, hungry_link);
	}
}

/* The job left its window: by lane_remove, lane_cut or a lowered count. */
static void window_left(struct backlog *s, struct lane *l)
{
	enum job_class class = lane_class(l);

	l->queue->turn[class].ready--;
	queue_settle_turn(s, l->queue, class);
	lane_settle_hunger(s, l);
}

static void job_drop(struct backlog *s, struct job *job)
{
	if (job->row.spec != NULL)
		s->spec_bytes -= job->row.spec->bytes;
	job_free(&job);
}

static void job_forget(struct backlog *s, struct job *job)
{
	HASH_DEL(s->jobs, job);
	job_drop(s, job);
}

static void job_leave_window(struct backlog *s, struct job *job)
{
	lane_remove(job->lane, job);
	job->place = JOB_ASIDE;
	window_left(s, job->lane);
}

static void drop_behind(void *arg, struct job *job)
{
	struct backlog *s = arg;
	struct lane *l = job->lane;

	job_forget(s, job);
	window_left(s, l);
}

/* Arguments that would exceed the cache are left to be loaded with the claim. */
static void job_bound_spec(struct backlog *s, struct job *job)
{
	if (job->row.spec == NULL)
		return;
	if (s->spec_bytes + job->row.spec->bytes > BACKLOG_SPEC_BYTES)
		job_spec_unref(&job->row.spec);
	else
		s->spec_bytes += job->row.spec->bytes;
}

static struct job *job_remember(struct backlog *s, struct lane *l, const struct job_row *row)
{
	struct job *job = job_new(row, l);

	if (job == NULL)
		return NULL;
	job->place = JOB_ASIDE;
	job_bound_spec(s, job);
	HASH_ADD(hh, s->jobs, row.id, sizeof(job->row.id), job);
	if (job->hh.tbl == NULL) {
		job_drop(s, job);
		return NULL;
	}
	return job;
}

/* Puts a job that is in no window into its lane's, or leaves it to the store where the window does not reach. */
static void job_enter_window(struct backlog *s, struct job *job)
{
	struct lane *l = job->lane;
	enum job_class class = lane_class(l);

	if (!lane_covers(l, job->row.priority, job->row.id)) {
		job_forget(s, job);
		lane_settle_hunger(s, l);
		return;
	}
	if (lane_insert(l, job) != 0) {
		lane_cut(l, job->row.priority, job->row.id, drop_behind, s);
		job_forget(s, job);
		lane_settle_hunger(s, l);
		return;
	}
	l->queue->turn[class].ready++;
	queue_settle_turn(s, l->queue, class);
	if (l->n > window_cap(s)) {
		struct job *last = lane_last(l);

		job_leave_window(s, last);
		job_forget(s, last);
		lane_set_horizon(l);
	}
	s->wake(s->arg);
}

static void row_enter_window(struct backlog *s, struct lane *l, const struct job_row *row)
{
	struct job *job;

	if (!lane_covers(l, row->priority, row->id)) {
		lane_settle_hunger(s, l);
		return;
	}
	job = job_remember(s, l, row);
	if (job != NULL) {
		job_enter_window(s, job);
		return;
	}
	lane_cut(l, row->priority, row->id, drop_behind, s);
	lane_settle_hunger(s, l);
}

/* ---- the stream of changes ---- */

static void count_change(struct backlog *s, struct lane *from_lane, enum job_state from, struct lane *l, enum job_state to)
{
	from_lane->counts[from]--;
	l->counts[to]++;
	s->counts[from]--;
	s->counts[to]++;
}

/* A job in no window is of another lane now. Its spec names the old one: it is loaded anew. */
static void job_move(struct backlog *s, struct job *job, struct lane *l)
{
	job->lane = l;
	job->moves_to = NULL;
	if (job->row.spec == NULL)
		return;
	s->spec_bytes -= job->row.spec->bytes;
	job_spec_unref(&job->row.spec);
}

void backlog_changed(struct backlog *s, const struct job_change *change)
{
	struct lane *l = backlog_lane(s, change->queue, change->type);
	struct lane *from = change->from_queue != NULL ? backlog_lane(s, change->from_queue, change->type) : l;
	struct job *job = backlog_find(s, change->row->id);

	if (l == NULL || from == NULL) {
		log_error("out of memory: job %lld of queue %s waits for a restart", (long long)change->row->id, change->queue);
		return;
	}
	if (change->from != change->to || from != l)
		count_change(s, from, change->from, l, change->to);
	if (job != NULL && job->place == JOB_IN_WINDOW)
		job_leave_window(s, job);
	if (job == NULL) {
		if (change->to == JOB_READY)
			row_enter_window(s, l, change->row);
		return;
	}
	job_take_over(job, change->row);
	if (job->place == JOB_IN_HAND) {
		job->moves_to = l != job->lane ? l : NULL;
		return;
	}
	if (l != job->lane)
		job_move(s, job, l);
	if (change->to == JOB_READY)
		job_enter_window(s, job);
	else
		job_forget(s, job);
}

/* The queue may be taken from now, or not any more. */
static void queue_settle(struct backlog *s, struct queue *q)
{
	struct lane *l;

	for (int class = 0; class < QUEUE_CLASSES; class++)
		queue_settle_turn(s, q, (enum job_class)class);
	TAILQ_FOREACH(l, &q->lanes, queue_link)
		lane_settle_hunger(s, l);
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
	queue_settle(s, q);
}

void backlog_stop_queue(struct backlog *s, struct queue *q)
{
	q->stopped++;
	queue_settle(s, q);
}

void backlog_start_queue(struct backlog *s, struct queue *q)
{
	q->stopped--;
	queue_settle(s, q);
}

int backlog_restore(struct backlog *s, const struct lane_count *count)
{
	struct lane *l = backlog_lane(s, count->queue, count->type);

	if (l == NULL)
		return -ENOMEM;
	l->counts[count->state] += count->n;
	s->counts[count->state] += count->n;
	if (count->state == JOB_READY && count->n > 0) {
		l->more = true;
		lane_settle_hunger(s, l);
	}
	return 0;
}

/* ---- taking ---- */

static struct job *queue_head(const struct queue *q, enum job_class class)
{
	struct job *best = NULL;
	const struct lane *l;

	TAILQ_FOREACH(l, &q->lanes, queue_link) {
		struct job *job = lane_class(l) == class ? lane_head(l) : NULL;

		if (job != NULL && (best == NULL || lane_before(job->row.priority, job->row.id, best->row.priority, best->row.id)))
			best = job;
	}
	return best;
}

static bool job_expired(const struct job *job, wall_ms now)
{
	return job->row.expires_at != 0 && job->row.attempt == 0 && job->row.expires_at <= now;
}

struct job *backlog_peek(struct backlog *s, enum job_class class, wall_ms now)
{
	struct heap_node *node;

	while ((node = heap_top(&s->turns[class])) != NULL) {
		struct queue_turn *turn = (struct queue_turn *)node;
		struct queue *q = (struct queue *)(void *)((char *)(turn - class) - offsetof(struct queue, turn));
		struct job *job = queue_head(q, class);

		if (job == NULL)
			log_fatal("queue %s is in its round with nothing to take", q->name);
		if (!job_expired(job, now))
			return job;
		job_leave_window(s, job);	/* the change to `expired` will find it aside */
	}
	return NULL;
}

void backlog_take(struct backlog *s, struct job *job)
{
	enum job_class class = lane_class(job->lane);
	struct queue *q = job->lane->queue;
	struct queue_turn *turn = &q->turn[class];

	s->pass[class] = turn->pass;
	turn->pass += STRIDE / (uint64_t)q->limits.weight;
	heap_move(&s->turns[class], &turn->node, turn->pass);
	job_leave_window(s, job);
	job->place = JOB_IN_HAND;
}

void backlog_done(struct backlog *s, struct job **held)
{
	struct job *job = *held;

	*held = NULL;
	job->attempt = NULL;
	job->place = JOB_ASIDE;
	if (job->moves_to != NULL)
		job_move(s, job, job->moves_to);
	if (job->row.state == JOB_READY)
		job_enter_window(s, job);
	else
		job_forget(s, job);
}

struct job *backlog_set_aside(struct backlog *s, int64_t id)
{
	struct job *job = backlog_find(s, id);

	if (job == NULL || job->place != JOB_IN_WINDOW)
		return NULL;
	job_leave_window(s, job);
	return job;
}

void backlog_put_back(struct backlog *s, int64_t id)
{
	struct job *job = backlog_find(s, id);

	if (job != NULL && job->place == JOB_ASIDE)
		job_enter_window(s, job);
}

/* ---- pages ---- */

struct lane *backlog_hungry(struct backlog *s, size_t *max)
{
	struct lane *l = TAILQ_FIRST(&s->hungry);

	if (l == NULL)
		return NULL;
	*max = window_cap(s) / 2;
	l->paging = true;
	l->page_priority = l->horizon_priority;
	l->page_id = l->horizon_id;
	lane_settle_hunger(s, l);
	return l;
}

void backlog_paged(struct backlog *s, struct lane *l, int rc, const struct job_row *rows, size_t n, size_t max)
{
	l->paging = false;
	/* A page behind a horizon that has moved since would leave a gap: it is asked for again. */
	if (rc == 0 && l->more && l->page_priority == l->horizon_priority && l->page_id == l->horizon_id) {
		l->more = n == max;
		if (n > 0) {
			l->horizon_priority = rows[n - 1].priority;
			l->horizon_id = rows[n - 1].id;
		}
		for (size_t i = 0; i < n; i++)
			if (backlog_find(s, rows[i].id) == NULL)
				row_enter_window(s, l, &rows[i]);
	}
	lane_settle_hunger(s, l);
}

/* ---- figures ---- */

int64_t backlog_active(const struct backlog *s)
{
	return s->counts[JOB_HELD] + s->counts[JOB_BLOCKED] + s->counts[JOB_SCHEDULED] + s->counts[JOB_READY] +
	       s->counts[JOB_RUNNING];
}
