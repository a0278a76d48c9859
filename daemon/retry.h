/* retry: what follows from an attempt's end. Pure: the time and the chance are arguments. */
#ifndef JOBD_RETRY_H
#define JOBD_RETRY_H

#include "kinds/outcome.h"
#include "store/store.h"

/* Why an attempt was stopped from outside, if it was. */
enum attempt_stop {
	STOP_NONE,
	STOP_CANCEL,		/* somebody cancelled the job */
	STOP_SHUTDOWN,		/* the daemon ends */
	STOP_UNBEGUN,		/* the daemon ends, and its work has not begun */
	STOP_CAME_BACK,		/* the job was held meanwhile, but had been released before its start was written */
	STOP_LOST		/* the job turned out not to be ours to run: nothing is recorded */
};

/*
 * Fills in outcome, next, run_at, excused, reason and message of *s. `out` is
 * how the attempt ended; chance is uniform in 0..1. What s points to afterwards
 * lies in `out` or is constant.
 */
void retry_decide(struct settlement *s, const struct job_row *row, const struct job_spec *spec, enum attempt_stop stop,
		  const struct outcome *out, wall_ms now, double chance);

/* The delay before the attempt that follows the n-th that counts (n >= 1). */
wall_ms retry_delay(const struct retry_policy *policy, int n, double chance);

#endif
