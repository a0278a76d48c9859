#include "coro/coro.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "coro/coro_priv.h"
#include "coro/loop.h"

/*
 * A coroutine is ready (queued to run), running (one at most), or parked. The
 * scheduler's loop resumes the ready ones in the order they became so, always
 * from the loop's own stack; parking always goes back there. That costs two
 * switches an await, and keeps one stack trace to reason about.
 *
 * Those that a descriptor woke go before the others, for half of the time: who
 * asks now does not stand behind thousands whose answers came at once.
 */

enum { BREATH = 32 };

static struct {
	struct fiber loop;
	struct coro *running;
	struct coro_list first, ready;	/* first: woken by a descriptor */
	size_t alive, peak, max, slow;
	mono_us slow_us;
	mono_us clock;		/* when the last coroutine gave way */
} sched;

/* ---- life ---- */

static void coro_due(struct timer *t)
{
	coro_wake((struct coro *)(void *)((char *)t - offsetof(struct coro, timer)), -ETIMEDOUT);
}

static void coro_main(void *arg)
{
	struct coro *c = arg;

	fiber_entered(&c->fiber);
	c->fn(c->arg);
	c->state = CORO_RETURNED;
	fiber_exit(&c->fiber, &sched.loop);
}

int coro_spawn_handle(struct coro_group *g, const char *name, void (*fn)(void *arg), void *arg, struct coro **out)
{
	struct coro *c;

	if (sched.alive >= sched.max)
		return -EAGAIN;
	c = fiber_open(sizeof(*c), coro_main);
	if (c == NULL)
		return -ENOMEM;
	if (timer_open(&c->timer, coro_due) < 0) {
		fiber_close(&c->fiber);
		return -ENOMEM;
	}
	c->group = g;
	c->name = name;
	c->fn = fn;
	c->arg = arg;
	c->cancelled = g->closing;
	TAILQ_INSERT_TAIL(&g->members, c, member);
	g->count++;
	TAILQ_INSERT_TAIL(&sched.ready, c, queued);
	if (++sched.alive > sched.peak)
		sched.peak = sched.alive;
	if (out != NULL)
		*out = c;
	return 0;
}

int coro_spawn(struct coro_group *g, const char *name, void (*fn)(void *arg), void *arg)
{
	return coro_spawn_handle(g, name, fn, arg, NULL);
}

/* On the loop's stack, once the function has returned. */
static void coro_reap(struct coro *c)
{
	struct coro_group *g = c->group;

	TAILQ_REMOVE(&g->members, c, member);
	if (--g->count == 0)
		coro_wake_all(&g->joiners);
	timer_close(&c->timer);
	sched.alive--;
	fiber_close(&c->fiber);
}

struct coro *coro_self(void)
{
	return sched.running;
}

const char *coro_name(const struct coro *c)
{
	return c->name;
}

/* ---- parking and waking ---- */

/* Every await ends up here. */
static struct coro *coro_caller(void)
{
	if (sched.running == NULL)
		log_fatal("an await outside of any coroutine");
	return sched.running;
}

static int coro_suspend(struct coro *c, struct coro_list *on, bool sheltered)
{
	if (on != NULL)
		TAILQ_INSERT_TAIL(on, c, queued);
	c->on = on;
	c->sheltered = sheltered;
	c->state = CORO_PARKED;
	fiber_switch(&c->fiber, &sched.loop);
	return c->woken;
}

int coro_park(struct coro_list *on, mono_us deadline)
{
	struct coro *c = coro_caller();

	if (c->cancelled)
		return -ECANCELED;
	if (deadline != MONO_NEVER) {
		if (deadline <= clock_mono())
			return -ETIMEDOUT;
		timer_set(&c->timer, deadline);
	}
	return coro_suspend(c, on, false);
}

void coro_park_sheltered(struct coro_list *on)
{
	coro_suspend(coro_caller(), on, true);
}

static void coro_wake_on(struct coro *c, int rc, struct coro_list *to)
{
	if (c->state != CORO_PARKED)
		return;
	if (c->on != NULL)
		TAILQ_REMOVE(c->on, c, queued);
	timer_unset(&c->timer);
	c->on = NULL;
	c->woken = rc;
	c->state = CORO_READY;
	TAILQ_INSERT_TAIL(to, c, queued);
}

void coro_wake(struct coro *c, int rc)
{
	coro_wake_on(c, rc, &sched.ready);
}

void coro_wake_all(struct coro_list *on)
{
	struct coro *c;

	while ((c = TAILQ_FIRST(on)) != NULL)
		coro_wake(c, 0);
}

void coro_wake_all_first(struct coro_list *on)
{
	struct coro *c;

	while ((c = TAILQ_FIRST(on)) != NULL)
		coro_wake_on(c, 0, &sched.first);
}

int coro_yield(void)
{
	struct coro *c = coro_caller();

	if (c->cancelled)
		return -ECANCELED;
	c->state = CORO_READY;
	TAILQ_INSERT_TAIL(&sched.ready, c, queued);
	fiber_switch(&c->fiber, &sched.loop);
	return c->cancelled ? -ECANCELED : 0;
}

int coro_breathe(mono_us deadline)
{
	struct coro *c = coro_caller();

	if (c->cancelled)
		return -ECANCELED;
	if (deadline == MONO_PAST || --c->breath > 0)
		return 0;
	return coro_yield();
}

int coro_sleep(mono_us deadline)
{
	int rc = coro_park(NULL, deadline);

	return rc == -ETIMEDOUT ? 0 : rc;
}

/* ---- cancelling ---- */

void coro_cancel(struct coro *c)
{
	c->cancelled = true;
	if (!c->sheltered)
		coro_wake(c, -ECANCELED);
}

bool coro_cancelled(void)
{
	return coro_caller()->cancelled;
}

void coro_uncancel(void)
{
	coro_caller()->cancelled = false;
}

/* ---- groups ---- */

void coro_group_init(struct coro_group *g)
{
	TAILQ_INIT(&g->members);
	TAILQ_INIT(&g->joiners);
	g->count = 0;
	g->closing = false;
}

void coro_group_cancel(struct coro_group *g)
{
	struct coro *c;

	g->closing = true;
	TAILQ_FOREACH(c, &g->members, member)
		coro_cancel(c);
}

void coro_group_join(struct coro_group *g)
{
	if (g->count > 0 && coro_caller()->group == g)
		log_fatal("coroutine %s would wait for its own end", coro_caller()->name);
	while (g->count > 0)
		coro_park_sheltered(&g->joiners);
}

/* ---- the scheduler, as the loop sees it ---- */

void sched_open(const struct loop_conf *conf)
{
	memset(&sched, 0, sizeof(sched));
	fiber_adopt(&sched.loop);
	TAILQ_INIT(&sched.ready);
	TAILQ_INIT(&sched.first);
	sched_reconfigure(conf);
}

/* A coroutine that asks is itself watched from here on. */
void sched_reconfigure(const struct loop_conf *conf)
{
	sched.max = conf->coroutines_max;
	sched.slow_us = conf->slow_us;
	sched.clock = clock_mono();
}

void sched_close(void)
{
	if (sched.alive > 0)
		log_fatal("the loop is closed with %zu coroutines alive", sched.alive);
	fiber_pool_close();
}

size_t sched_alive(void)
{
	return sched.alive;
}

bool sched_ready(void)
{
	return !TAILQ_EMPTY(&sched.ready) || !TAILQ_EMPTY(&sched.first);
}

const char *sched_overflowed(const void *address)
{
	const struct coro *c = sched.running;

	return c != NULL && stack_guards(c->fiber.stack, address) ? c->name : NULL;
}

/* One clock reading a coroutine: where one ends the next begins. */
static void sched_watch(const char *name)
{
	mono_us now = clock_mono();
	mono_us held = now - sched.clock;

	sched.clock = now;
	if (sched.slow_us == 0 || held <= sched.slow_us)
		return;
	sched.slow++;
	log_warning("coroutine %s held the loop for %.1f ms", name, (double)held / 1000);
}

static void coro_resume(struct coro *c)
{
	const char *name = c->name;

	c->state = CORO_RUNNING;
	c->breath = BREATH;
	sched.running = c;
	fiber_switch(&sched.loop, &c->fiber);
	sched.running = NULL;
	if (!stack_intact(c->fiber.stack))
		log_fatal("coroutine %s overflowed its stack of %zu KiB", name, stack_bytes() / 1024);
	if (c->state == CORO_RETURNED)
		coro_reap(c);
	sched_watch(name);
}

/* Once each that is on the list now; those left stay the first of it. */
static void sched_run(struct coro_list *list, mono_us until)
{
	struct coro_list pass = TAILQ_HEAD_INITIALIZER(pass);
	struct coro *c;

	TAILQ_CONCAT(&pass, list, queued);
	while ((c = TAILQ_FIRST(&pass)) != NULL && sched.clock < until) {
		TAILQ_REMOVE(&pass, c, queued);
		coro_resume(c);
	}
	TAILQ_CONCAT(&pass, list, queued);
	TAILQ_CONCAT(list, &pass, queued);
}

void sched_pass(mono_us until)
{
	sched.clock = clock_mono();
	sched_run(&sched.first, sched.clock + (until - sched.clock) / 2);
	sched_run(&sched.ready, until);
}

/* ---- figures ---- */

void coro_stats(struct coro_stats *out)
{
	struct stack_stats stacks;

	stack_stats(&stacks);
	out->alive = sched.alive;
	out->peak = sched.peak;
	out->stacks_pooled = stacks.warm;
	out->stack_bytes = stack_bytes();
	out->guard = stack_guard_name(stacks.guard);
	out->slow = sched.slow;
}
