/*
 * job_row: a job as the store keeps it.
 *
 * What a submit fixes for good is the spec: one block, shared by reference
 * between the working set and whoever reads it. What changes is the row.
 */
#ifndef JOBD_JOB_ROW_H
#define JOBD_JOB_ROW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "proto/jobstate.h"

enum backoff { BACKOFF_EXPONENTIAL, BACKOFF_LINEAR, BACKOFF_CONSTANT };	/* stored as these numbers */
enum unique_scope { UNIQUE_ACTIVE, UNIQUE_ALL };
enum unique_on_conflict { UNIQUE_EXISTING, UNIQUE_REJECT, UNIQUE_REPLACE };
enum outcome_kind { OUTCOME_SUCCEEDED, OUTCOME_FAILED, OUTCOME_CANCELLED, OUTCOME_INTERRUPTED };	/* of one attempt; stored */

const char *outcome_kind_name(enum outcome_kind kind);

enum { JOB_INTERRUPTIONS_MAX = 10 };	/* cut off so many times in a row by the daemon's own end, a job fails */

struct retry_policy {
	int max_attempts;
	enum backoff backoff;
	wall_ms base, cap;
	double jitter;			/* 0..1: times a uniform 1 ± jitter */
};

/*
 * Immutable once made. Texts are NUL-ended and lie in the same block. The
 * reference count belongs to the loop's thread; the store's threads only read
 * what the loop keeps alive, and make new ones that they hand over.
 */
struct job_spec {
	int refs;
	const char *type;
	const char *queue;
	const char *args;		/* JSON text of an object */
	const char *tags;		/* JSON text of an object, or NULL */
	const char *meta;		/* JSON text, or NULL */
	const char *unique_key;		/* or NULL */
	const char *after;		/* JSON text of an array of ids, or NULL; not of a submission */
	const char *schedule;		/* the one that made it; or NULL */
	wall_ms scheduled_for;		/* the firing that it is; 0 = none */
	const char *group;		/* or NULL: takes turns with the queue's other groups */
	const char *concurrency_key;	/* or NULL: starts only while fewer than concurrency_limit of this key run */
	int64_t concurrency_limit;
	size_t args_len;
	wall_ms timeout;		/* one attempt's; 0 = none */
	wall_ms retain;			/* of the final record; -1 = the daemon's */
	struct retry_policy retry;
	bool interrupted_fail;		/* at most once: claimed on disk before it starts */
	size_t bytes;			/* of the block: what a bounded cache counts */
};

/* Copies `from` and all its texts into one new block with one reference; NULL when out of memory. */
struct job_spec *job_spec_new(const struct job_spec *from);
struct job_spec *job_spec_ref(struct job_spec *spec);
void job_spec_unref(struct job_spec **spec);

struct job_row {
	int64_t id;
	enum job_state state;
	int priority;
	int attempt;			/* attempts started so far: the number of the latest */
	int excused;			/* of these, those that do not count against max_attempts */
	int interruptions;		/* attempts in a row that the daemon's own end cut off */
	wall_ms submitted_at;
	wall_ms run_at;			/* not before; 0 = at once */
	wall_ms expires_at;		/* of the first start; 0 = never */
	wall_ms started_at, finished_at;	/* of the latest attempt; 0 = none */
	wall_ms cancel_requested_at;	/* 0 = no */
	int pending;			/* jobs that it waits for */
	struct job_spec *spec;		/* a reference of the row's own, or NULL where not loaded */
};

/* An attempt that ended. */
struct attempt_row {
	int number;
	wall_ms started_at, finished_at;
	enum outcome_kind outcome;
	char *reason, *message;		/* of the error, or NULL */
	char *where;			/* "io", "worker 3 (pid 123)"; or NULL */
	int64_t output_bytes[2];	/* produced: stdout, stderr */
};

/* All that is known of one job: job.get. */
struct job_record {
	struct job_row row;
	char *result;			/* JSON text, or NULL */
	char *reason, *message;		/* of the latest error, or NULL */
	char *progress;			/* JSON text {"fraction","message"}, or NULL */
	int64_t output_bytes[2];	/* produced by the latest attempt: stdout, stderr */
	struct attempt_row *history;	/* ended attempts, oldest first, the last 100 */
	size_t history_len;
};

/* The bytes of its texts, roughly. */
size_t job_record_bytes(const struct job_record *record);
void job_record_free(struct job_record *record);	/* its contents, not the struct */

#endif
