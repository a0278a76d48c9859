/*
 * schedule: which ready job is next.
 *
 * Follows the store's stream of changes and nothing else: what becomes ready
 * enters the window of its lane, what ceases to be ready leaves it. Knows ids,
 * priorities, classes and times; no descriptor, no store, no clock.
 *
 * Queues take turns by weight (queue.h); within a queue, priority orders and
 * then id. Memory is bounded: the windows of all lanes share SCHEDULE_JOBS_MAX
 * jobs (but each has SCHEDULE_WINDOW_MIN) and SCHEDULE_SPEC_BYTES of their arguments; a lane whose window runs low
 * asks for a page (schedule_hungry).
 */
#ifndef JOBD_SCHEDULE_H
#define JOBD_SCHEDULE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/clock.h"
#include "job.h"
#include "kinds/kind.h"
#include "queue.h"
#include "store/store.h"

enum {
	SCHEDULE_JOBS_MAX = 65536,
	SCHEDULE_SPEC_BYTES = 64 << 20,
	SCHEDULE_WINDOW_MIN = 16,
	SCHEDULE_WINDOW_MAX = 1024,
	SCHEDULE_LANES_MAX = 100000	/* queues times types: what clients may make */
};

struct schedule {
	struct queue_table queues;
	struct job *jobs;			/* the working set, by id */
	struct heap turns[QUEUE_CLASSES];	/* queues that have something to take, by pass */
	uint64_t pass[QUEUE_CLASSES];		/* of the last one taken */
	struct lane_list hungry;
	size_t lanes, windowed, spec_bytes;
	int64_t counts[JOB_STATES];
	/* Something may be taken, or a page is wanted, that was not so before. */
	void (*wake)(void *arg);
	unsigned (*weight_of)(void *arg, const char *queue);	/* as configured, at least 1; NULL: all alike */
	void *arg;
};

void schedule_init(struct schedule *s, void (*wake)(void *arg), void *arg);
void schedule_free(struct schedule *s);

/* The lane, made where it is new; NULL when out of memory or of SCHEDULE_LANES_MAX. */
struct lane *schedule_lane(struct schedule *s, const char *queue, const char *type);

/* Makes the queue where it is new; false when there is no room or memory for it. */
bool schedule_make_queue(struct schedule *s, const char *name);

/* What the store held when it was opened. 0 or -ENOMEM. */
int schedule_restore(struct schedule *s, const struct lane_count *count);

/* The stream of changes. */
void schedule_changed(struct schedule *s, const struct job_change *change);
void schedule_queue_changed(struct schedule *s, const struct queue_row *queue);

/* The weights may have changed: asks for them again. */
void schedule_reweigh(struct schedule *s);

/* ---- taking ---- */

/* The class's next job at this time, still in its window; NULL if there is none. */
struct job *schedule_peek(struct schedule *s, enum job_class class, wall_ms now);
/* Takes it in hand: it is the caller's until schedule_done. */
void schedule_take(struct schedule *s, struct job *job);
/* The hand lets go: back to the window if the job is ready after all, else forgotten. */
void schedule_done(struct schedule *s, struct job **job);

/* Keeps a job that is in a window from being taken while a change of it is under way; NULL if it is in none. */
struct job *schedule_set_aside(struct schedule *s, int64_t id);
/* The change did not come about. By id: it may have left meanwhile. */
void schedule_put_back(struct schedule *s, int64_t id);

struct job *schedule_find(const struct schedule *s, int64_t id);

/* ---- pages ---- */

/* A lane that wants its next page, and how many jobs; NULL if none does. The caller asks the store for it... */
struct lane *schedule_hungry(struct schedule *s, size_t *max);
/* ... and hands over what came: in order with the changes. rc != 0: nothing came, it is to be asked for again. */
void schedule_paged(struct schedule *s, struct lane *lane, int rc, const struct job_row *rows, size_t n, size_t max);

/* ---- figures ---- */

/* Jobs not final. */
int64_t schedule_active(const struct schedule *s);
/* The oldest ready job's submit (or run_at) time in a queue's windows; 0 if there is none. */
wall_ms schedule_oldest_ready(const struct queue *q);

#endif
