/*
 * coro_priv: what the parts of coro/ know of a coroutine and others need not.
 *
 * Whatever parks does it by coro_park, and whatever ends a wait by coro_wake:
 * the first wake counts and takes the coroutine off the list it waits on and
 * off its timer, so nobody cleans up after anybody.
 */
#ifndef JOBD_CORO_PRIV_H
#define JOBD_CORO_PRIV_H

#include <stdbool.h>
#include <sys/queue.h>

#include "coro/coro.h"
#include "coro/fiber.h"
#include "coro/timer.h"

enum coro_state { CORO_READY, CORO_RUNNING, CORO_PARKED, CORO_RETURNED };

struct coro {
	struct fiber fiber;		/* first: they share an address */
	struct timer timer;		/* the deadline of the await under way */
	TAILQ_ENTRY(coro) member;	/* in its group */
	TAILQ_ENTRY(coro) queued;	/* among the ready, or on the list it waits on */
	struct coro_list *on;		/* that list, if any */
	struct coro_group *group;
	const char *name;
	void (*fn)(void *arg);
	void *arg;
	enum coro_state state;
	int woken;			/* what the await under way will return */
	int breath;			/* awaits left that need not park, before it gives way */
	bool cancelled;
	bool sheltered;			/* parked where a cancel does not reach */
};

/*
 * Parks the caller, at the end of the list `on` (or NULL), until coro_wake; the
 * deadline wakes with -ETIMEDOUT and coro_cancel with -ECANCELED. Returns what
 * it was woken with. At once: -ECANCELED if cancelled, -ETIMEDOUT if the
 * deadline has passed.
 */
int coro_park(struct coro_list *on, mono_us deadline) PARKS;

/* The same without a deadline and out of reach of cancels. */
void coro_park_sheltered(struct coro_list *on) PARKS;

/* Ends the wait of a parked coroutine; nothing if it is not parked. */
void coro_wake(struct coro *c, int rc);
/* Wakes all that wait on a list, with 0. */
void coro_wake_all(struct coro_list *on);
/* The same, of those that run before the others: a descriptor wakes them. */
void coro_wake_all_first(struct coro_list *on);

/*
 * First in an await that may well not park: 0, or -ECANCELED. Gives way now and
 * then, so that a coroutine whose bytes never run out does not keep the loop;
 * never when the deadline is MONO_PAST, for that means not to park.
 */
int coro_breathe(mono_us deadline) PARKS;

/* ---- for the loop ---- */

struct loop_conf;

void sched_open(const struct loop_conf *conf);
void sched_reconfigure(const struct loop_conf *conf);
void sched_close(void);
size_t sched_alive(void);
bool sched_ready(void);
/*
 * Runs once each coroutine that could run at the call, until that time, half of
 * it for those that a descriptor woke: those left are the first of the next.
 */
void sched_pass(mono_us until);

/* The name of the coroutine that runs, if the address lies in its stack's guard; else NULL. Safe in a signal handler. */
const char *sched_overflowed(const void *address);

#endif
