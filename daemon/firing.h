/* firing: a schedule as it was read, and the job of one of its firings. */
#ifndef JOBD_FIRING_H
#define JOBD_FIRING_H

#include "proto/error.h"
#include "store/store.h"
#include "timing.h"
#include "cron/zone_cache.h"

/* Its timing, which borrows from the cache until that is asked again. 0, or -1 with a sentence in why. */
int firing_timing(const struct schedule_row *row, struct zone_cache *zones, struct timing *out, char *why, size_t why_size);

/* The job of the firing for the time `at` (0: a trigger). 0, to be given back by admit_free; -1: the error is set. */
int firing_job(const struct schedule_row *row, wall_ms at, wall_ms now, struct submission *out, struct rpc_error *error);

/* What the store's refusal of a firing's job means. Returns -1; 0: it is none of the job's. */
int firing_refused(int rc, const struct submission *s, struct rpc_error *error);

#endif
