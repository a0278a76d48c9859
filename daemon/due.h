/*
 * due: what happens because time has come.
 *
 * Scheduled jobs become ready and unstarted ones expire, and what is left of a
 * large graph's edges is followed; all are changes in
 * the store, found there by index, so that a million jobs of next month cost
 * no memory and no look. Only the earliest time of each is kept. Final records
 * past their time are pruned, in small batches with pauses between; in larger
 * ones while more jobs end than these take away.
 */
#ifndef JOBD_DUE_H
#define JOBD_DUE_H

#include "coro/coro.h"
#include "store/store.h"

struct due {
	struct store *store;		/* set by the owner */
	wall_ms next_run, next_expiry, next_prune;	/* the earliest in the store; 0 = none */
	wall_ms next_resolve;		/* long past while there are edges to follow */
	size_t ended;			/* jobs that became final since the last pruning */
	struct cond earlier;		/* than known: next_run, next_expiry or next_resolve */
	struct cond prune_earlier;
};

void due_init(struct due *d);

/* The stream of changes: something may be due earlier now. */
void due_changed(struct due *d, const struct job_change *change);

/* The store has left edges to follow. */
void due_unresolved(struct due *d);

/* The standing coroutines, until cancelled. */
void due_main(void *arg);		/* arg: struct due */
void due_prune_main(void *arg);		/* arg: struct due */

#endif
