/*
 * loop: the one event loop of the process, over libevent.
 *
 * A turn: libevent's callbacks run (they only wake coroutines), then every
 * coroutine that can run does, then what was deferred to the turn's end.
 */
#ifndef JOBD_LOOP_H
#define JOBD_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"

struct event_base;

struct loop_conf {
	size_t coroutines_max;	/* alive at once; more spawns get -EAGAIN */
	mono_us slow_us;	/* a coroutine that holds the loop longer is logged by name; 0 = never */
};

/* 0 or -errno. One loop a process at a time. */
int loop_open(const struct loop_conf *conf);
/* New values, while it runs. */
void loop_reconfigure(const struct loop_conf *conf);
/* Runs turns until loop_stop, or until no coroutine is alive. */
void loop_run(void);
void loop_stop(void);

/*
 * So many things more (or fewer) are under way in other threads, each likely to
 * come in some tens of microseconds, by a watch: the loop looks out before it sleeps.
 */
void loop_expect(int n);

/* Every coroutine must have returned. */
void loop_close(void);

/* For libraries that bring their own libevent glue (evdns, libcurl); never above coro/ and kinds/. */
struct event_base *loop_event_base(void);

/* ---- work for the end of this turn ---- */

struct deferred {
	void (*fn)(void *arg);
	void *arg;
	struct deferred *next;
	bool queued;
};

void deferred_init(struct deferred *d, void (*fn)(void *arg), void *arg);
/* Runs fn(arg) on the loop's own stack at the end of this turn; once however often it is asked. May not park. */
void loop_defer(struct deferred *d);
void loop_defer_cancel(struct deferred *d);

/* ---- a descriptor watched by a callback, for what is no coroutine (the store's eventfd, a pool's sockets) ---- */

struct loop_watch;
/* Level-triggered; fn runs on the loop's own stack. NULL when out of memory. */
struct loop_watch *loop_watch_open(int fd, bool reads, bool writes, void (*fn)(void *arg), void *arg);
void loop_watch_set(struct loop_watch *w, bool reads, bool writes);
void loop_watch_close(struct loop_watch **w);

/* A signal, delivered on the loop's own stack. Handlers stay until loop_close. */
int loop_signal(int signo, void (*fn)(void *arg), void *arg);

/* ---- timers by callback ---- */

struct loop_timer;
struct loop_timer *loop_timer_open(void (*fn)(void *arg), void *arg);
void loop_timer_set(struct loop_timer *t, mono_us deadline);	/* MONO_NEVER: unset */
void loop_timer_close(struct loop_timer **t);

/* ---- lag: how late the loop runs what is due ---- */

enum { LOOP_LAG_BUCKETS = 20 };	/* bucket i: less than 2^i * 64 us; the last: all above */

struct loop_stats {
	uint64_t turns;
	mono_us lag_last, lag_max;
	uint64_t lag_histogram[LOOP_LAG_BUCKETS];	/* sampled every 50 ms, while there is anything to do */
};

void loop_stats(struct loop_stats *out);

#endif
