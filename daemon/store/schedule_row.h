/*
 * schedule_row: a schedule as the store keeps it, and what may be asked of one.
 *
 * The store knows no calendar: when the next firing is, its caller says.
 */
#ifndef JOBD_SCHEDULE_ROW_H
#define JOBD_SCHEDULE_ROW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"

enum schedule_overlap { OVERLAP_SKIP, OVERLAP_ALLOW, OVERLAP_QUEUE };		/* stored as these numbers */
enum schedule_catch_up { CATCH_UP_NONE, CATCH_UP_ONE, CATCH_UP_ALL };		/* likewise */

struct schedule_row {
	/* as put */
	const char *name;
	const char *cron;		/* NULL: every so often */
	wall_ms every;			/* 0: by cron */
	const char *timezone;
	const char *job;		/* JSON text: the members of a submit; NULL where not loaded */
	enum schedule_overlap overlap;
	enum schedule_catch_up catch_up;
	bool paused;
	wall_ms jitter;
	/* as it has come since */
	int64_t version;		/* another with each put */
	wall_ms since;			/* what was to fire up to here is decided */
	wall_ms next;			/* the next firing */
	wall_ms waiting;		/* the firing that waits for the last job to end; 0 = none */
	wall_ms last_fired_at;		/* 0 = never */
	int64_t last_job;
	int64_t skipped;		/* firings that made no job, though their time was kept */
	wall_ms skipped_at;		/* the last of these; 0 = none */
	const char *error;		/* why it made none; NULL: the job before was not over */
};

/* Copies `from` and all its texts into one new block, to be freed; NULL when out of memory. */
struct schedule_row *schedule_row_new(const struct schedule_row *from);

/* What a standing eye on schedules has to know of one. */
struct schedule_change {
	const char *name;
	bool gone, paused;
	wall_ms every, jitter, since, next, waiting;
	int64_t last_job;
};

/* All but the name. */
void schedule_tell(struct schedule_change *told, const struct schedule_row *row);

struct schedule_page {
	struct schedule_row **v;
	size_t n;
	bool more;
};

void schedule_page_free(struct schedule_page *page);

enum fire_kind {
	FIRE_DUE,		/* the time has come: next */
	FIRE_WAITING,		/* the job before is over: waiting */
	FIRE_MOVE,		/* none: what is next changes */
	FIRE_TRIGGER		/* somebody asks: nothing else changes */
};

enum fire_verdict {
	FIRE_MADE,		/* a job, by the submission */
	FIRE_QUEUED,		/* it waits for the last job to end */
	FIRE_SKIPPED,		/* the last job is not over; or, with `error`, there is no job to be made */
	FIRE_MOVED
};

struct submission;

/* One firing. Borrowed while the verb parks. */
struct schedule_fire {
	/* in */
	const char *name;
	enum fire_kind kind;
	int64_t version;		/* as the caller read it, */
	wall_ms expected;		/* and the row's next or waiting */
	wall_ms at;			/* the time that it is for: next, or a later one where some are left out */
	wall_ms next;			/* what is next after it (DUE, MOVE) */
	struct submission *job;		/* its spec names the schedule; NULL: none can be made, */
	const char *error;		/* because of this */
	/* out */
	enum fire_verdict verdict;
};

#endif
