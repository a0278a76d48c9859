#include "vloop.h"

#include <string.h>

#include "coro/coro_priv.h"
#include "coro/loop.h"
#include "coro/timer.h"
#include "sim.h"

enum { PASSES_MAX = 1000000 };	/* at one instant: more is a loop that never sleeps */

static const wall_ms wall_begin = 1800000000000;

static struct {
	mono_us now;
	wall_ms moved;
	struct deferred *first, **last;
	void (*idle)(void);
	size_t passes;
	bool stopping;
} v;

static mono_us virtual_mono(void)
{
	return v.now;
}

static wall_ms virtual_wall(void)
{
	return wall_begin + v.moved + v.now / 1000;
}

static const struct clock_source virtual_clock = { virtual_wall, virtual_mono };

void vloop_on_idle(void (*fn)(void))
{
	v.idle = fn;
}

void vloop_step_wall(wall_ms by)
{
	v.moved += by;
}

void vloop_set_wall(wall_ms to)
{
	v.moved += to - virtual_wall();
}

/* ---- coro/loop.h ---- */

int loop_open(const struct loop_conf *conf)
{
	int fd;

	memset(&v, 0, sizeof(v));
	v.now = 1000000;
	v.last = &v.first;
	clock_set_source(&virtual_clock);
	sched_open(conf);
	return timers_open(&fd);
}

void loop_close(void)
{
	sched_close();
	timers_close();
	clock_set_source(NULL);
}

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
	*v.last = d;
	v.last = &d->next;
}

static void run_deferred(void)
{
	struct deferred *d;

	while ((d = v.first) != NULL) {
		v.first = d->next;
		if (v.first == NULL)
			v.last = &v.first;
		d->queued = false;
		d->fn(d->arg);
	}
}

static void jump(void)
{
	mono_us next = timers_next();

	if (v.idle != NULL)
		v.idle();
	must(0, next != MONO_NEVER, "nothing can run, and nothing will: who parks is never woken");
	if (next > v.now)
		v.now = next;
	v.passes = 0;
}

void loop_run(void)
{
	while (!v.stopping && sched_alive() > 0) {
		timers_run();
		if (sched_ready() || v.first != NULL) {
			sched_pass(MONO_NEVER);
			run_deferred();
			must(0, ++v.passes < PASSES_MAX, "the loop spins");
		} else {
			jump();
		}
	}
	v.stopping = false;
}

void loop_stop(void)
{
	v.stopping = true;
}

void loop_stats(struct loop_stats *out)
{
	memset(out, 0, sizeof(*out));
}
