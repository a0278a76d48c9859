/*
 * coro: cheap functions that wait.
 *
 * A coroutine is an ordinary C function on a small stack of its own. It runs
 * until it parks in an await (a function marked PARKS), and goes on when what
 * it waits for has come. All coroutines share the loop's one thread, so what
 * one does between two awaits nobody else sees half done. After a PARKS line
 * the world may have changed: re-find by id, or hold a reference.
 *
 * Cancelling is an error that the await returns: -ECANCELED, from the await
 * under way and from each later one, so that the function leaves by its normal
 * error path. Coroutines belong to a group; closing a group cancels its
 * coroutines and joins them.
 *
 * Deadlines are absolute (clock.h, mono_us); MONO_NEVER for none. Awaits return
 * 0 or more, -ETIMEDOUT at the deadline, -ECANCELED, or another -errno.
 *
 * Use from the loop's thread only.
 */
#ifndef JOBD_CORO_H
#define JOBD_CORO_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/queue.h>

#include "base/clock.h"

/* On a prototype: the call may park the coroutine that makes it, and may be made in one only. */
#define PARKS

struct coro;
TAILQ_HEAD(coro_list, coro);

/* ---- groups ---- */

struct coro_group {
	struct coro_list members;
	size_t count;
	struct coro_list joiners;	/* parked in coro_group_join */
	bool closing;			/* a coroutine spawned now is born cancelled */
};

void coro_group_init(struct coro_group *g);

/* Cancels every member, now and to come; returns at once. */
void coro_group_cancel(struct coro_group *g);

/* Parks until the group is empty; not itself cancellable. The group may then be freed. */
void coro_group_join(struct coro_group *g) PARKS;

/* ---- life ---- */

/*
 * Starts fn(arg) in the group; it first runs after the caller parks or returns
 * to the loop, in the order of the spawns. `name` (a literal) is for logs. 0,
 * -ENOMEM, or -EAGAIN where the configured number of coroutines is alive.
 */
int coro_spawn(struct coro_group *g, const char *name, void (*fn)(void *arg), void *arg);

/* As coro_spawn, with a handle for coro_cancel. The handle dies with the function's return: clear it there. */
int coro_spawn_handle(struct coro_group *g, const char *name, void (*fn)(void *arg), void *arg, struct coro **out);

struct coro *coro_self(void);		/* NULL on the loop's own stack */
void coro_cancel(struct coro *c);	/* idempotent; takes effect at the await under way, or the next */
bool coro_cancelled(void);		/* has this coroutine been cancelled? */
/* Takes the cancel as dealt with: awaits work again, e.g. to record what became of the work. */
void coro_uncancel(void);
const char *coro_name(const struct coro *c);

/* Gives way until the others that can run have run. 0 or -ECANCELED. */
int coro_yield(void) PARKS;

/* Parks until the deadline. 0 then, or -ECANCELED. */
int coro_sleep(mono_us deadline) PARKS;

/* ---- conditions: "something may have changed, look again" ---- */

struct cond {
	struct coro_list waiters;
};

void cond_init(struct cond *c);
void cond_signal(struct cond *c);	/* wakes the longest waiting */
void cond_broadcast(struct cond *c);
/* 0 after a wake, -ETIMEDOUT, -ECANCELED. A loop around it tests what is waited for. */
int cond_wait(struct cond *c, mono_us deadline) PARKS;

/* ---- latches: one answer, sure to come ---- */

struct latch {
	struct coro *waiter;
	bool set;
};

void latch_init(struct latch *l);
/* From the loop's thread, in a callback or a coroutine; once. */
void latch_set(struct latch *l);
/* Parks until it is set; at once if it is. Not cancellable: for answers that will come (a store's). */
void latch_wait(struct latch *l) PARKS;

/* ---- figures ---- */

struct coro_stats {
	size_t alive;		/* coroutines not yet returned */
	size_t peak;
	size_t stacks_pooled;	/* free stacks kept for the next ones */
	size_t stack_bytes;	/* reserved a stack */
	const char *guard;	/* what ends a stack: "madvise", "mprotect" or "canary" */
	size_t slow;		/* times a coroutine held the loop longer than slow_us */
};

void coro_stats(struct coro_stats *out);

#endif
