/* await: waits until jobs have started, or have ended. */
#ifndef JOBD_AWAIT_H
#define JOBD_AWAIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "coro/coro.h"

struct notify;
struct store;

/*
 * Parks until every job is final (or, with `started`, has at least begun). 0;
 * -ETIMEDOUT, -ENOENT (no such job), with *which the index of a job to blame;
 * -ECANCELED, or a store's error.
 */
int await_jobs(struct store *store, struct notify *notify, const int64_t *ids, size_t n, bool started, mono_us deadline,
	       size_t *which) PARKS;

#endif
