/*
 * attempt: one try at one job, from taking it in hand to its record.
 *
 * A coroutine each: claim → run → record, top to bottom. An io job runs here;
 * a cpu job runs in the pool while this waits. A job that may run twice starts
 * at once, its claim rides along with the next commit; one that may not
 * (`interrupted`: fail) is claimed on disk first.
 */
#ifndef JOBD_ATTEMPT_H
#define JOBD_ATTEMPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "coro/coro.h"
#include "backlog/job.h"
#include "kinds/kind.h"
#include "backlog/queue.h"

struct notify;
struct pool;
struct backlog;
struct store;
struct attempt;
struct job_change;

struct attempts {
	/* set by the owner */
	struct store *store;
	struct backlog *backlog;
	struct notify *notify;
	struct pool *pool;
	size_t result_bytes;
	void (*ended)(void *arg);	/* one has ended: there may be room for another */
	void (*store_failed)(void *arg);	/* to start more would only pile up what is to be recorded */
	void *arg;

	/* own */
	struct coro_group group;
	LIST_HEAD(, attempt) list;
	size_t alive[QUEUE_CLASSES];
	size_t entering;		/* cpu attempts that have not reached the pool yet */
	bool draining;			/* nothing is to start: what was taken and has not begun goes back */
	bool abandon;			/* the daemon ends and the store cannot write: leave the records to the next start */
};

void attempts_init(struct attempts *all);

/* Takes over a job in hand. 0; or -ENOMEM, -EAGAIN: nothing was begun, the job is still the caller's. */
int attempt_start(struct attempts *all, struct job *job);

/* Shows each job in hand, until it says no. 0, or what it said. */
int attempts_each(const struct attempts *all, int (*each)(void *arg, const struct job *job), void *arg);

/*
 * The stream of changes, after the backlog has seen it: stops what was cancelled,
 * and what went elsewhere (held, cancelled, expired) before its claim was written.
 */
void attempts_changed(struct attempts *all, const struct job_change *change);

/*
 * What may start has changed: what lies in the pool and has not begun goes back,
 * if it may not start any more, or not without a slot or a token.
 */
void attempts_look_again(struct attempts *all);

/* The daemon ends: interrupts all, io at the next await, cpu by signals. They record what became of them and end. */
void attempts_interrupt(struct attempts *all);
/* What cannot be recorded by now is left to the next start, which finds it running and recovers it. */
void attempts_abandon(struct attempts *all);
/* Parks until none is left. */
void attempts_join(struct attempts *all) PARKS;

/* How far a running attempt is, for the record: JSON text, or NULL; and its output so far. */
const char *attempt_progress(const struct attempt *at);
void attempt_output_bytes(const struct attempt *at, int64_t out[2]);

#endif
