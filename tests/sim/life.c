#include "life.h"

#include <stdio.h>
#include <string.h>

#include "model.h"
#include "limits.h"
#include "listeners.h"
#include "order.h"
#include "plans.h"
#include "queues.h"
#include "sim.h"
#include "simpool.h"
#include "simstore.h"
#include "vloop.h"

enum { GRACE = 2 * 1000 * 1000, RECORD_GRACE = 5 * 1000 * 1000, CROWD = 4096, RECOVER_LATE = 1000 * 1000 };

struct parts life_parts;

static struct {
	struct coro_group standing, clients;
	struct cond news;
	bool stopping;
	mono_us began, stepped;
	wall_ms began_at, moved;
	uint64_t takes;			/* before it */
} life;

void life_forget(void)
{
	memset(&life, 0, sizeof(life));
}

bool life_draining(void)
{
	return life_parts.dispatch.draining;
}

bool life_stopping(void)
{
	return life.stopping;
}

bool life_clock_moved(void)
{
	return life.stepped != 0;
}

void life_step_clock(wall_ms by)
{
	trace(0, "the wall clock moves by %lld ms", (long long)by);
	life.stepped = clock_mono();
	life.moved += by;
	vloop_step_wall(by);
}

void life_right_clock(void)
{
	if (life.moved < 0)
		life_step_clock(-life.moved);
}

bool life_recovers(void)
{
	return figures.takes == life.takes && simstore_failed_at() >= life.began && clock_mono() < simstore_failed_at() + RECOVER_LATE;
}

wall_ms life_began_at(void)
{
	return life.stepped < life.began ? life.began_at : 0;
}

bool life_troubled(wall_ms within)
{
	mono_us since = clock_mono() - within * 1000;

	return life.began > since || (life.stepped != 0 && life.stepped > since) || simstore_failed_at() > since;
}

struct coro_group *life_clients(void)
{
	return &life.clients;
}

/* ---- the stream of changes, in the order of server.c ---- */

static void on_changed(void *arg, const struct job_change *change)
{
	struct parts *p = arg;

	model_changed(change);
	backlog_changed(&p->backlog, change);
	attempts_changed(&p->attempts, change);
	due_changed(&p->due, change);
	schedules_job_changed(&p->schedules, change);
	notify_changed(p->notify, change);
}

static void on_queue_changed(void *arg, const struct queue_row *queue)
{
	struct parts *p = arg;

	queues_changed(queue);
	backlog_queue_changed(&p->backlog, queue);
	attempts_look_again(&p->attempts);
}

static void on_unresolved(void *arg)
{
	struct parts *p = arg;

	due_unresolved(&p->due);
}

static void on_unfilled(void *arg)
{
	struct parts *p = arg;

	fill_wanted(&p->fill);
}

static void on_schedule_changed(void *arg, const struct schedule_change *change)
{
	struct parts *p = arg;

	plans_changed(change);
	schedules_changed(&p->schedules, change);
}

static void restore_schedule(void *arg, const struct schedule_change *change)
{
	struct parts *p = arg;

	plans_restore(change);
	schedules_changed(&p->schedules, change);
}

static void on_work(void *arg)
{
	struct parts *p = arg;

	dispatch_wake(&p->dispatch);
}

static void on_ended(void *arg)
{
	struct parts *p = arg;

	dispatch_wake(&p->dispatch);
	cond_broadcast(&life.news);
}

static void on_store_failed(void *arg)
{
	struct parts *p = arg;

	dispatch_store_failed(&p->dispatch);
}

static struct queue_settings defaults_of(void *arg, const char *queue)
{
	int q = model_queue_of(queue);

	(void)arg;
	return q >= 0 ? sim_defaults[q] : (struct queue_settings){ 0 };
}

/* ---- begin ---- */

static void restore_count(void *arg, const struct lane_count *count)
{
	struct parts *p = arg;

	must(0, backlog_restore(&p->backlog, count) == 0, "out of memory");
}

static void restore_flow(void *arg, const struct flow_count *count)
{
	struct parts *p = arg;

	must(0, backlog_restore_flow(&p->backlog, count) == 0, "out of memory");
}

static void restore_first(void *arg, const struct ready_first *first)
{
	struct parts *p = arg;

	backlog_restore_first(&p->backlog, first);
}

static void restore_queue(void *arg, const struct queue_row *queue)
{
	struct parts *p = arg;

	queues_changed(queue);
	backlog_restore_queue(&p->backlog, queue);
}

static void open_store(struct parts *p)
{
	struct store_conf conf = { .directory = "", .retain = LIFE_RETAIN, .retain_jobs = LIFE_RETAIN_JOBS };
	struct store_observer observer = { p, on_changed, on_queue_changed, on_unresolved, on_schedule_changed, on_unfilled };
	char name[24], why[64];

	backlog_init(&p->backlog, on_work, p);
	p->backlog.defaults_of = defaults_of;
	p->notify = notify_new();
	must(0, p->notify != NULL, "out of memory");
	for (int i = 0; shape.crowd && i < CROWD; i++) {
		snprintf(name, sizeof(name), "crowd-%d", i);
		must(0, backlog_lane(&p->backlog, name, "io") != NULL, "no room for %s", name);
	}
	must(0, store_open(&simstore, &conf, &observer, &p->store, why, sizeof(why)) == STORE_OPEN_OK, "the store does not open");
	store_counts(p->store, restore_count, p);
	store_flows(p->store, restore_flow, p);
	store_firsts(p->store, restore_first, p);
	store_queues(p->store, restore_queue, p);
	plans_new_life();
	store_schedules(p->store, restore_schedule, p);
	plans_restored();
	must(0, store_seq(p->store) == model_seq(), "the store's last change is %llu, and %llu was told",
	     (unsigned long long)store_seq(p->store), (unsigned long long)model_seq());
	notify_set_seq(p->notify, store_seq(p->store));
	listeners_new_life();
}

static void wire(struct parts *p)
{
	p->pool = simpool_open(shape.processes, shape.prefetch, on_work, p);
	p->attempts = (struct attempts){ .store = p->store, .backlog = &p->backlog, .notify = p->notify, .pool = p->pool,
					 .result_bytes = 1 << 20, .ended = on_ended, .store_failed = on_store_failed, .arg = p };
	attempts_init(&p->attempts);
	p->dispatch.store = p->store;
	p->dispatch.backlog = &p->backlog;
	p->dispatch.pool = p->pool;
	p->dispatch.attempts = &p->attempts;
	p->dispatch.io_jobs = shape.io_jobs;
	p->due.store = p->store;
	p->fill.store = p->store;
	p->fill.args_max = 1 << 20;
	p->schedules.store = p->store;
	p->schedules.backlog = &p->backlog;
	p->schedules.submitting = &p->submitting;
	p->limits = (struct limits){ .message_bytes = 1 << 20, .connections = 100, .requests_per_connection = 100,
				     .requests = 10000, .waits = 5000 };
}

static void stand(const char *name, void (*main)(void *arg), void *arg)
{
	must(0, coro_spawn(&life.standing, name, main, arg) == 0, "out of memory");
}

void life_begin(void)
{
	struct parts *p = &life_parts;

	memset(p, 0, sizeof(*p));
	life.stopping = false;
	life.began = clock_mono();
	life.began_at = clock_wall();
	life.takes = figures.takes;
	cond_init(&life.news);
	coro_group_init(&life.standing);
	coro_group_init(&life.clients);
	model_new_life();
	order_new_turns();
	limits_new_life();
	trace(0, "life %u", model_life());
	figures.lives++;
	dispatch_init(&p->dispatch);
	due_init(&p->due);
	fill_init(&p->fill);
	schedules_init(&p->schedules);
	open_store(p);
	wire(p);
	stand("dispatch", dispatch_main, &p->dispatch);
	stand("due", due_main, &p->due);
	stand("prune", due_prune_main, &p->due);
	stand("fill", fill_main, &p->fill);
	stand("schedules", schedules_main, &p->schedules);
}

/* ---- end ---- */

static void life_free(void)
{
	struct parts *p = &life_parts;

	simpool_close(&p->pool);
	store_close(&p->store);
	schedules_free(&p->schedules);
	backlog_free(&p->backlog);
	notify_free(&p->notify);
}

void life_crash(void)
{
	struct parts *p = &life_parts;

	attempts_abandon(&p->attempts);
	coro_group_cancel(&life.standing);
	coro_group_cancel(&life.clients);
	coro_group_join(&life.standing);
	attempts_interrupt(&p->attempts);
	attempts_join(&p->attempts);
	coro_group_join(&life.clients);
	life_free();
}

static void wait_for_attempts(mono_us deadline)
{
	int rc = 0;

	while (life_parts.attempts.group.count > 0 && rc == 0 && !simstore_dead())
		rc = cond_wait(&life.news, deadline);
}

void life_stop(void)
{
	struct parts *p = &life_parts;

	trace(0, "an orderly end");
	p->shutting_down = true;
	p->dispatch.draining = true;
	wait_for_attempts(clock_after(GRACE));
	life.stopping = true;
	attempts_interrupt(&p->attempts);
	wait_for_attempts(clock_after(RECORD_GRACE));
	attempts_abandon(&p->attempts);
	attempts_join(&p->attempts);
	coro_group_cancel(&life.standing);
	coro_group_join(&life.standing);
	coro_group_cancel(&life.clients);
	coro_group_join(&life.clients);
	life_free();
}
