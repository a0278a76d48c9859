/*
 * admit: a submit's members → a submission, or what is wrong with it. Pure:
 * the time is an argument; nothing is kept.
 */
#ifndef JOBD_ADMIT_H
#define JOBD_ADMIT_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/clock.h"
#include "proto/params.h"
#include "store/store.h"

enum { PRIORITY_MIN = -1000, PRIORITY_MAX = 1000 };

/* What stands beside a job's members in `job.submit`. */
struct admit_extras {
	bool dry_run;
	wall_ms wait;		/* answer with the final record, waiting so long; -1 = no */
};

struct refs;

/*
 * Reads one job, ending with params_done. One of many has refs, and no extras.
 * 0: *out is to be given back by admit_free; its request_id is borrowed
 * from the params; -1: the error is set.
 */
int admit_read(struct params *p, wall_ms now, struct submission *out, struct admit_extras *extras);
int admit_read_of_many(struct params *p, wall_ms now, const struct refs *refs, struct submission *out);
void admit_free(struct submission *s);

/* The member "tags" as JSON text in `text`; NULL if there are none, or the error is set. */
const char *admit_tags(struct params *p, struct buf *text);

#endif
