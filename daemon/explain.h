/* explain: why a job does not run, in a sentence with its numbers. */
#ifndef JOBD_EXPLAIN_H
#define JOBD_EXPLAIN_H

#include <stddef.h>

#include "proto/jtext.h"
#include "store/store.h"

struct parts;

enum { EXPLAIN_BLOCKERS = 100 };

/* What the store knows beside the record of a job that waits. */
struct explained {
	int64_t ahead;				/* ready jobs that come before it in its queue; -1: it is not among them */
	int64_t blockers[EXPLAIN_BLOCKERS];	/* jobs that it waits for, the first of them */
	size_t blockers_n;
};

/* Writes {"state", "reason", "message", ...} of a job as it is at this moment. */
void explain_write(struct jwriter *w, const struct parts *p, const struct job_record *record, const struct explained *more);

#endif
