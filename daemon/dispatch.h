/*
 * dispatch: while there is room, take the next job and start an attempt.
 *
 * One standing coroutine. It pulls from the backlog; whoever may have made
 * room or work only wakes it.
 */
#ifndef JOBD_DISPATCH_H
#define JOBD_DISPATCH_H

#include <stdbool.h>
#include <stddef.h>

#include "attempt.h"
#include "coro/coro.h"

struct dispatch {
	/* set by the owner */
	struct store *store;
	struct backlog *backlog;
	struct pool *pool;
	struct attempts *attempts;
	size_t io_jobs;			/* limits.io_jobs */
	bool draining;			/* no new starts */

	/* own */
	struct cond wake;
	mono_us resume_at;		/* after a failure: nothing is to start before, and before the store can write again; or 0 */
	bool woken;			/* asked to look again since the last look began */
	size_t pages;			/* asked for and not come yet */
	enum job_class last;		/* that a job was taken of */
};

void dispatch_init(struct dispatch *d);
void dispatch_wake(struct dispatch *d);

/* The store could not write: nothing starts for a while, and until it can. */
void dispatch_store_failed(struct dispatch *d);

/* Room for one more job of the class (brief: of a kind that may be prefetched)? */
bool dispatch_room(const struct dispatch *d, enum job_class class, bool brief);

/* The standing coroutine: recovers what the last life left running, then dispatches until cancelled. */
void dispatch_main(void *arg);

#endif
