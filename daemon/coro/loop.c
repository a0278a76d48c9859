#include "coro/loop.h"

#include <errno.h>
#include <event2/event.h>
#include <string.h>

#include "base/log.h"
#include "base/lookout.h"
#include "coro/coro_priv.h"
#include "coro/overflow.h"
#include "coro/watch.h"

/*
 * libevent finds what is readable, writable or signalled; timer.c what is due;
 * coro.c runs what they woke. The loop sleeps only when nothing can run, and
 * comes back to the descriptors and to the time after a few passes or
 * milliseconds at most, so that neither coroutines that keep each other busy
 * nor a flood of bytes starves the other, and thousands that are woken at once
 * hold up nobody's time.
 */

enum {
	LOOP_PASSES = 4,	/* a turn; or as many as go in LOOP_SLICE_US */
	LAG_PERIOD_US = 50 * 1000,
	LAG_STEP_US = 64,
	COOL_A_TICK = 512,	/* stacks whose memory is given back: well under a millisecond */
};

static struct {
	struct event_base *base;
	struct event *clock;		/* the timerfd */
	struct deferred *first, **last;
	struct timer tick;
	mono_us tick_due;
	uint64_t tick_turn;		/* the turn of the last tick */
	bool ticking;
	struct loop_stats stats;
	struct lookout lookout;
	int expected;
	bool stopping;
} loop;

/* ---- lag ---- */

static void lag_count(mono_us lag)
{
	int bucket = 0;

	while (bucket < LOOP_LAG_BUCKETS - 1 && lag >= (mono_us)LAG_STEP_US << bucket)
		bucket++;
	loop.stats.lag_histogram[bucket]++;
	loop.stats.lag_last = lag;
	if (lag > loop.stats.lag_max)
		loop.stats.lag_max = lag;
}

static void tick_set(void)
{
	loop.ticking = true;
	loop.tick_due = clock_after(LAG_PERIOD_US);
	timer_set(&loop.tick, loop.tick_due);
}

static void tick_run(struct timer *t)
{
	mono_us lag = clock_mono() - loop.tick_due;

	(void)t;
	lag_count(lag > 0 ? lag : 0);
	loop.ticking = false;
	/* Where nothing but ticks goes on, there is no lag to find: an idle process sleeps. */
	if (stack_cool(COOL_A_TICK) || loop.stats.turns > loop.tick_turn + 1)
		tick_set();
	loop.tick_turn = loop.stats.turns;
}

void loop_stats(struct loop_stats *out)
{
	*out = loop.stats;
}

/* ---- life ---- */

static void clock_fired(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what, (void)arg;
	timers_fired();
}

static void libevent_says(int severity, const char *text)
{
	if (severity == EVENT_LOG_ERR)
		log_error("libevent: %s", text);
	else if (severity == EVENT_LOG_WARN)
		log_warning("libevent: %s", text);
}

static int base_open(void)
{
	struct event_config *config = event_config_new();

	event_set_log_callback(libevent_says);
	if (config == NULL)
		return -ENOMEM;
	event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
	event_config_require_features(config, EV_FEATURE_ET | EV_FEATURE_O1 | EV_FEATURE_EARLY_CLOSE);
	loop.base = event_base_new_with_config(config);
	event_config_free(config);
	return loop.base != NULL ? 0 : -ENOMEM;
}

static int clock_open(void)
{
	int fd, rc = timers_open(&fd);

	if (rc < 0)
		return rc;
	loop.clock = event_new(loop.base, fd, EV_READ | EV_PERSIST, clock_fired, NULL);
	if (loop.clock == NULL || event_add(loop.clock, NULL) < 0)
		return -ENOMEM;
	return timer_open(&loop.tick, tick_run);
}

/* Whatever of it there is. */
static void loop_drop(void)
{
	loop_signals_close();
	if (loop.clock != NULL)
		event_free(loop.clock);
	timers_close();
	if (loop.base != NULL)
		event_base_free(loop.base);
	memset(&loop, 0, sizeof(loop));
}

int loop_open(const struct loop_conf *conf)
{
	int rc;

	if (loop.base != NULL)
		return -EBUSY;
	loop.last = &loop.first;
	lookout_init(&loop.lookout);
	sched_open(conf);
	rc = base_open();
	if (rc == 0)
		rc = clock_open();
	if (rc == 0)
		rc = overflow_open();
	if (rc < 0)
		loop_drop();
	return rc;
}

void loop_close(void)
{
	sched_close();
	overflow_close();
	loop_drop();
}

void loop_reconfigure(const struct loop_conf *conf)
{
	sched_reconfigure(conf);
}

struct event_base *loop_event_base(void)
{
	return loop.base;
}

/* ---- deferred work ---- */

void deferred_init(struct deferred *d, void (*fn)(void *arg), void *arg)
{
	*d = (struct deferred){ .fn = fn, .arg = arg };
}

void loop_defer(struct deferred *d)
{
	if (d->queued)
		return;
	d->queued = true;
	d->next = NULL;
	*loop.last = d;
	loop.last = &d->next;
}

void loop_defer_cancel(struct deferred *d)
{
	struct deferred **at = &loop.first;

	if (!d->queued)
		return;
	while (*at != d)
		at = &(*at)->next;
	*at = d->next;
	if (loop.last == &d->next)
		loop.last = at;
	d->queued = false;
}

/* What is deferred by what runs here waits for the next turn: it comes behind the mark. */
static void deferred_run(void)
{
	struct deferred mark = { 0 };

	if (loop.first == NULL)
		return;
	loop_defer(&mark);
	while (loop.first != &mark) {
		struct deferred *d = loop.first;

		loop_defer_cancel(d);
		d->fn(d->arg);
	}
	loop_defer_cancel(&mark);
}

/* ---- turns ---- */

void loop_expect(int n)
{
	loop.expected += n;
}

static bool loop_look(void *arg)
{
	(void)arg;
	event_base_loop(loop.base, EVLOOP_NONBLOCK);
	return watch_called() || sched_ready() || loop.first != NULL;
}

static bool loop_idle(void)
{
	return timers_arm() && !sched_ready() && loop.first == NULL;
}

static void loop_look_or_wait(void)
{
	bool idle = loop_idle();

	watch_turn();
	if (idle && loop.expected > 0) {
		if (lookout(&loop.lookout, loop_look, NULL))
			return;
		idle = loop_idle();	/* the clock may have rung meanwhile, or been set */
	}
	event_base_loop(loop.base, idle ? EVLOOP_ONCE : EVLOOP_NONBLOCK);
}

static void loop_turn(void)
{
	mono_us until;

	loop_look_or_wait();
	if (!loop.ticking)
		tick_set();
	timers_run();
	until = clock_after(LOOP_SLICE_US);
	for (int i = 0; i < LOOP_PASSES && sched_ready() && clock_mono() < until; i++)
		sched_pass(until);
	deferred_run();
	loop.stats.turns++;
}

void loop_run(void)
{
	while (!loop.stopping && sched_alive() > 0)
		loop_turn();
	loop.stopping = false;
}

void loop_stop(void)
{
	loop.stopping = true;
}
