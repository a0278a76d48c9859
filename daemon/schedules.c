#include "schedules.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "admit.h"
#include "backlog/backlog.h"
#include "base/log.h"
#include "firing.h"
#include "proto/error.h"
#include "timing.h"

enum {
	FIRINGS_MAX = 64,		/* at once: they share the store's transactions */
	CLOCK_LOOK = 1000,		/* ms: how late a step of the wall clock may be noticed */
	CLOCK_STEP = 1000 * 1000,	/* us: less is a clock that is kept right */
	STORE_RETRY = 500,		/* ms */
	ROOM_RETRY = 1000,
	BROKEN_RETRY = 60 * 1000
};

struct schedule {
	struct heap_node node;
	struct schedules *all;
	char *name;
	struct schedule_change now;	/* as last told */
	bool put;			/* it is in the store */
	bool firing;			/* somebody sees to it */
	bool gone;			/* freed by who does */
	bool over;			/* the job that its firing waits for has ended, or may have */
	bool said;			/* what troubles it was logged */
	wall_ms not_before;		/* after a failure; 0 */
	UT_hash_handle hh;		/* by name */
	UT_hash_handle wait;		/* by now.last_job, while now.waiting; several may wait for one */
};

void schedules_init(struct schedules *sch)
{
	cond_init(&sch->earlier);
	coro_group_init(&sch->firings);
	heap_init(&sch->due);
}

/* ---- the table ---- */

static struct schedule *schedule_find(const struct schedules *sch, const char *name)
{
	struct schedule *s;

	HASH_FIND_STR(sch->by_name, name, s);
	return s;
}

static struct schedule *schedule_make(struct schedules *sch, const char *name)
{
	struct schedule *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->all = sch;
	s->name = strdup(name);
	if (s->name != NULL && heap_reserve(&sch->due, HASH_COUNT(sch->by_name) + 1 + FIRINGS_MAX) == 0) {
		HASH_ADD_KEYPTR(hh, sch->by_name, s->name, strlen(s->name), s);
		if (s->hh.tbl != NULL)
			return s;
	}
	free(s->name);
	free(s);
	return NULL;
}

static void schedule_wait_end(struct schedules *sch, struct schedule *s)
{
	if (s->wait.tbl != NULL)
		HASH_DELETE(wait, sch->waiting, s);
	s->wait.tbl = NULL;
}

static void schedule_free(struct schedule *s)
{
	free(s->name);
	free(s);
}

static void schedule_remove(struct schedules *sch, struct schedule *s)
{
	schedule_wait_end(sch, s);
	heap_remove(&sch->due, &s->node);
	HASH_DEL(sch->by_name, s);
	s->gone = true;
	if (!s->firing)
		schedule_free(s);
}

void schedules_free(struct schedules *sch)
{
	struct schedule *s, *next;

	HASH_ITER(hh, sch->by_name, s, next)
		schedule_remove(sch, s);
	heap_free(&sch->due);
	zone_cache_clear(&sch->zones);
}

void schedules_zones_changed(struct schedules *sch)
{
	zone_cache_clear(&sch->zones);
}

int schedules_admit(struct schedules *sch, const char *name)
{
	if (schedule_find(sch, name) != NULL)
		return 0;
	if (HASH_COUNT(sch->by_name) >= SCHEDULES_MAX)
		return -EXFULL;
	return schedule_make(sch, name) != NULL ? 0 : -ENOMEM;
}

void schedules_admitted(struct schedules *sch, const char *name)
{
	struct schedule *s = schedule_find(sch, name);

	if (s != NULL && !s->put)
		schedule_remove(sch, s);
}

/* ---- when there is something to see to ---- */

/* 0: nothing. */
static wall_ms schedule_when(const struct schedule *s, wall_ms now)
{
	wall_ms at;

	if (s->firing || !s->put || s->now.paused)
		return 0;
	at = s->now.next != 0 ? timing_due(s->name, s->now.jitter, s->now.next) : 0;
	if (s->over || (at != 0 && timing_clock_back(s->now.every, s->now.since, s->now.next, now)))
		at = 1;
	return at != 0 && at < s->not_before ? s->not_before : at;
}

static void schedule_place(struct schedules *sch, struct schedule *s)
{
	wall_ms at = schedule_when(s, clock_wall());

	heap_remove(&sch->due, &s->node);
	if (at != 0 && heap_add(&sch->due, &s->node, (uint64_t)at) != 0)
		log_error("schedule %s does not fire: out of memory", s->name);
	cond_signal(&sch->earlier);
}

static void schedule_told(struct schedules *sch, struct schedule *s, const struct schedule_change *change)
{
	/* What waits when the store is opened may have nothing to wait for. */
	s->over = change->waiting != 0 && (!s->put || (s->over && change->waiting == s->now.waiting));
	schedule_wait_end(sch, s);
	s->now = *change;
	s->now.name = s->name;
	s->put = true;
	if (s->now.waiting != 0)
		HASH_ADD(wait, sch->waiting, now.last_job, sizeof(s->now.last_job), s);
	schedule_place(sch, s);
}

void schedules_changed(struct schedules *sch, const struct schedule_change *change)
{
	struct schedule *s = schedule_find(sch, change->name);

	if (change->gone && s != NULL)
		schedule_remove(sch, s);
	if (change->gone)
		return;
	if (s == NULL)
		s = schedule_make(sch, change->name);
	if (s == NULL)
		log_error("schedule %s does not fire: out of memory", change->name);
	else
		schedule_told(sch, s, change);
}

/* Several may wait for one job: uthash chains equal keys behind the one that it finds. */
void schedules_job_changed(struct schedules *sch, const struct job_change *change)
{
	struct schedule *s;

	if (sch->waiting == NULL || (change->to != JOB_NONE && !job_state_final(change->to)))
		return;
	HASH_FIND(wait, sch->waiting, &change->row->id, sizeof(change->row->id), s);
	while (s != NULL) {
		struct UT_hash_handle *next = s->wait.hh_next;

		if (s->now.last_job == change->row->id) {
			s->over = true;
			schedule_place(sch, s);
		}
		s = next != NULL ? (struct schedule *)((char *)next - offsetof(struct schedule, wait)) : NULL;
	}
}

/* ---- one firing ---- */

/* It is tried again later, whatever its time. */
static void schedule_later(struct schedule *s, wall_ms pause, const char *why)
{
	if (!s->said)
		log_warning("schedule %s: %s: it is tried again", s->name, why);
	s->said = true;
	s->not_before = clock_wall() + pause;
}

int schedules_submit(struct schedules *sch, struct submission *s, struct rpc_error *error)
{
	const struct lane *lane = backlog_lane(sch->backlog, s->spec->queue, s->spec->type);
	int64_t active = backlog_active(sch->backlog) + (int64_t)*sch->submitting;

	if (lane == NULL)
		return rpc_error_set(error, RPC_OVERLOADED, "job.queue", "there is no room for another queue");
	if (sch->jobs_max > 0 && active >= sch->jobs_max)
		return rpc_error_set(error, RPC_OVERLOADED, NULL, "limits.jobs is reached: %lld of %lld jobs are not final",
				     (long long)active, (long long)sch->jobs_max);
	s->max_ready = lane->queue->limits.max_ready;
	++*sch->submitting;
	return 0;
}

void schedules_submitted(struct schedules *sch)
{
	--*sch->submitting;
}

/* There is no job to be made, and there will be none: passed over, with the reason. */
static int schedule_pass_over(struct schedules *sch, struct schedule_fire *f, const char *why)
{
	f->job = NULL;
	f->error = why;
	log_warning("schedule %s: no job was made: %s", f->name, why);
	return store_schedule_fire(sch->store, f, clock_wall());
}

/* Makes the firing's job, if it is to have one. 0; -EXFULL: error says what is full; or the store's failure. */
static int schedule_make_job(struct schedules *sch, const struct schedule_row *row, struct schedule_fire *f,
			     struct rpc_error *error)
{
	wall_ms now = clock_wall();
	struct submission job;
	int rc;

	if (firing_job(row, f->at, now, &job, error) != 0)
		return error->kind == RPC_OVERLOADED ? -EXFULL : schedule_pass_over(sch, f, error->message);
	f->job = &job;
	if (schedules_submit(sch, &job, error) == 0) {
		rc = store_schedule_fire(sch->store, f, now);
		schedules_submitted(sch);
	} else {
		rc = -EXFULL;
	}
	if (firing_refused(rc, &job, error) != 0 && rc != -EXFULL)
		rc = schedule_pass_over(sch, f, error->message);
	admit_free(&job);
	return rc;
}

static void schedule_settle(struct schedule *s, int rc, const struct rpc_error *error)
{
	if (rc == 0)
		s->said = false;
	else if (rc == -EXFULL)
		schedule_later(s, ROOM_RETRY, error->message);
	else if (rc == -EUSERS)
		schedule_later(s, ROOM_RETRY, "there is no room for another group or concurrency key");
	else if (rc == -EAGAIN && s->wait.tbl == NULL)
		schedule_later(s, ROOM_RETRY, "out of memory");
	else if (rc != -EAGAIN && rc != -ESTALE && rc != -ENOENT) {
		s->all->awake = clock_wall();
		schedule_later(s, STORE_RETRY, strerror(-rc));
	}
	/* Whoever is tried again asks again whether its wait is over. */
	if (s->not_before != 0 && s->now.waiting != 0)
		s->over = true;
}

/* Decides what to do, and does it. 0, or as schedule_make_job. */
static int schedule_fire_row(struct schedule *s, const struct schedule_row *row, bool over, struct rpc_error *error)
{
	struct schedules *sch = s->all;
	struct schedule_fire f = { .name = row->name, .version = row->version };
	struct timing timing;
	char why[CRON_WHY];

	if (over && row->waiting != 0) {
		f.kind = FIRE_WAITING;
		f.expected = f.at = row->waiting;
	} else if (firing_timing(row, &sch->zones, &timing, why, sizeof(why)) != 0) {
		schedule_later(s, BROKEN_RETRY, why);
		return -ESTALE;
	} else if (!timing_plan(&timing, row, clock_wall(), sch->awake, &f)) {
		return -ESTALE;
	}
	if (f.kind == FIRE_MOVE)
		return store_schedule_fire(sch->store, &f, clock_wall());
	return schedule_make_job(sch, row, &f, error);
}

static void schedule_fire_main(void *arg)
{
	struct schedule *s = arg;
	struct schedules *sch = s->all;
	struct rpc_error error = { .kind = RPC_OK };
	struct schedule_row *row;
	bool over = s->over;
	int rc;

	s->over = false;
	s->not_before = 0;
	rc = store_schedule_get(sch->store, s->name, &row);
	if (rc == 0)
		rc = schedule_fire_row(s, row, over, &error);
	free(row);
	s->firing = false;
	schedule_settle(s, rc, &error);
	if (s->gone)
		schedule_free(s);
	else
		schedule_place(sch, s);
	cond_signal(&sch->earlier);
}

/* ---- all of them ---- */

static struct schedule *schedules_next(const struct schedules *sch, wall_ms now)
{
	struct heap_node *top = heap_top(&sch->due);

	return top != NULL && top->key <= (uint64_t)now ? (struct schedule *)top : NULL;
}

/* Starts what is due, as far as there is room. */
static void schedules_start(struct schedules *sch, wall_ms now)
{
	struct schedule *s;

	while (sch->firings.count < FIRINGS_MAX && (s = schedules_next(sch, now)) != NULL) {
		s->firing = true;
		schedule_place(sch, s);
		if (coro_spawn(&sch->firings, "schedule", schedule_fire_main, s) == 0)
			continue;
		s->firing = false;
		s->not_before = now + STORE_RETRY;
		schedule_place(sch, s);
	}
}

/* After a step of the wall clock: what would have come in between is missed; what is far ahead may be a leftover. */
static void schedules_watch_clock(struct schedules *sch, wall_ms now)
{
	mono_us drift = now * 1000 - clock_mono(), step = drift - sch->drift;
	struct schedule *s, *next;

	sch->drift = drift;
	if (step > -CLOCK_STEP && step < CLOCK_STEP)
		return;
	log_info("the clock was set %s by %.1f s", step < 0 ? "back" : "forward", (double)(step < 0 ? -step : step) / 1000000);
	sch->awake = now;
	HASH_ITER(hh, sch->by_name, s, next) {
		s->not_before = 0;
		schedule_place(sch, s);
	}
}

static mono_us schedules_wait_until(const struct schedules *sch, wall_ms now)
{
	const struct heap_node *top = heap_top(&sch->due);
	wall_ms wait;

	if (top == NULL || sch->firings.count >= FIRINGS_MAX)
		return MONO_NEVER;
	wait = top->key > (uint64_t)now ? (wall_ms)top->key - now : 0;
	return clock_after((wait < CLOCK_LOOK ? wait : CLOCK_LOOK) * 1000);
}

void schedules_main(void *arg)
{
	struct schedules *sch = arg;
	int rc = 0;

	sch->awake = clock_wall();
	sch->drift = sch->awake * 1000 - clock_mono();
	while (rc != -ECANCELED) {
		schedules_watch_clock(sch, clock_wall());
		schedules_start(sch, clock_wall());
		rc = cond_wait(&sch->earlier, schedules_wait_until(sch, clock_wall()));
	}
	coro_group_join(&sch->firings);
}
