/*
 * fill: args that wait for other jobs' results get them.
 *
 * A job whose parents are all final, and whose args still hold their results'
 * placeholders, is blocked for a moment more: the store's reader makes its
 * args, its kind checks them here, and the store records them.
 */
#ifndef JOBD_FILL_H
#define JOBD_FILL_H

#include "coro/coro.h"
#include "store/store.h"

struct fill {
	struct store *store;		/* these two: set by the owner */
	size_t args_max;		/* bytes of one job's args, filled in */
	bool wanted;
	struct cond more;
};

void fill_init(struct fill *f);

/* The store has args to be filled in. */
void fill_wanted(struct fill *f);

/* The standing coroutine, until cancelled. */
void fill_main(void *arg);		/* arg: struct fill */

#endif
