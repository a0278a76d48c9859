/*
 * bodies: what jobs do when they run: how long, and how it ends, out of the
 * job's number and the attempt's alone. And who runs now, so that nothing runs
 * twice at once or where it may not.
 */
#ifndef JOBD_SIM_BODIES_H
#define JOBD_SIM_BODIES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "kinds/outcome.h"

struct io_job;
struct wish;

enum body_end {
	BODY_NONE,		/* it has not begun */
	BODY_RUNS,
	BODY_SUCCEEDED, BODY_FAILED, BODY_FATAL, BODY_LOST, BODY_TIMEOUT,
	BODY_CUT		/* stopped from outside */
};

/* One attempt's doings. */
struct body {
	int attempt;
	enum body_end end;
	unsigned life;			/* of the daemon */
	wall_ms retry_after;
};

struct plan {
	enum body_end end;
	mono_us span;
	wall_ms retry_after;
};

/* It begins now: may it? False if the process is dead. Then it ends; by id, for the job may be gone by then. */
bool body_begin(int64_t id, int attempt, struct plan *p);
void body_end(int64_t id, int attempt, enum body_end end);

/* The outcome that says so. */
void body_outcome(enum body_end end, wall_ms retry_after, int64_t id, int attempt, struct outcome *out);

int body_run_io(struct io_job *job, struct outcome *out);

#endif
