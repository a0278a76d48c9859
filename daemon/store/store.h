/*
 * store: what jobd remembers, behind verbs of its own domain.
 *
 * Each verb that writes is one atomic change. It returns only when the change
 * is durable, or failed and left no trace. Verbs park; a parked one cannot be
 * cancelled, for its answer always comes. Several verbs under way at once
 * share one transaction and one sync (group commit), in the order called.
 *
 * Every change of a job's state, whoever asked for it, is told to the observer:
 * in commit order, on the loop's thread, after the sync and before the verb
 * that caused it returns. The working set, counts, events and waiters live on
 * that one stream and so cannot miss or invent anything.
 *
 * Errors of every verb: -ENOSPC the disk is full, -EIO it fails (nothing was
 * written, try later; wire: `storage`), -ENOMEM. Others are said at the verb:
 * -ENOENT no such job, -EBUSY the job is in the wrong state.
 */
#ifndef JOBD_STORE_H
#define JOBD_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "coro/coro.h"
#include "store/idlist.h"
#include "store/job_row.h"
#include "store/flow_row.h"
#include "store/limits.h"
#include "store/schedule_row.h"

struct store;

/* ---- the stream of changes ---- */

struct queue_row {
	const char *name;
	bool paused;
	struct queue_settings set;	/* by a person; what is 0 is left to the configuration */
	struct bucket bucket;		/* of its rate, as it was at open */
};

struct job_change {
	uint64_t seq;			/* grows by at least one each, across restarts too */
	wall_ms at;
	enum job_state from, to;	/* JOB_NONE before a submit, after a delete; from == to: e.g. cancel requested */
	const struct job_row *row;	/* after the change; row->spec may be NULL */
	const char *queue, *type;	/* always there */
	const char *from_queue;		/* the one it was moved from; NULL: it was in this */
	int64_t from_flow;		/* the number of the flow it had there, or 0 */
	const struct flow_row *flow;	/* NULL: the job has no group and no key, or is final before and after */
	const char *reason, *message;	/* the error of an attempt that just ended; or NULL */
	wall_ms retain;			/* the job's own, of its final record; -1 = the store's default */
};

/* Called on the loop's thread. Borrowed for the call; take a reference on row->spec to keep it. May not park. */
struct store_observer {
	void *arg;
	void (*changed)(void *arg, const struct job_change *change);
	/* A queue's settings changed. */
	void (*queue_changed)(void *arg, const struct queue_row *queue);
	/* There is work left over for store_resolve. Or NULL. */
	void (*unresolved)(void *arg);
	/* A schedule was put or deleted, or has fired: told behind the changes of jobs that this made. Or NULL. */
	void (*schedule_changed)(void *arg, const struct schedule_change *change);
	/* There is work left over for store_fillings. Or NULL. */
	void (*unfilled)(void *arg);
};

/* ---- open and close ---- */

struct lane_count {		/* jobs of one queue and type in one state */
	const char *queue, *type;
	enum job_state state;
	int64_t n;
};

struct store_conf {
	const char *directory;		/* exists, writable */
	wall_ms retain;			/* default for final records */
	int64_t retain_jobs;		/* final records kept at most */
};

enum store_open_result {
	STORE_OPEN_OK,
	STORE_OPEN_FAILED,		/* no room, no permission, ... : exit 1 */
	STORE_OPEN_REFUSED		/* damaged, foreign, newer or locked: exit 3; the file is as it was */
};

struct store_backend;
extern const struct store_backend store_sqlite, store_memory;

/*
 * Opens (makes, migrates) the state. Before the loop runs, so it may take its
 * time, but a clean or killed predecessor's state opens in well under a second
 * however many jobs it holds. On failure *out is NULL and why[] says it in a
 * sentence that names the file.
 */
enum store_open_result store_open(const struct store_backend *backend, const struct store_conf *conf,
				  const struct store_observer *observer, struct store **out, char *why, size_t why_size);

/* Ends what is under way, checkpoints, closes. No verb may be parked in it. */
void store_close(struct store **st);

/*
 * The kept counts (those above 0), flows, what is first of each order of ready
 * jobs, and queue settings as they were at open, to begin the observer's from:
 * after open, before the first verb. What the callback is given is borrowed for
 * its call.
 */
void store_counts(struct store *st, void (*each)(void *arg, const struct lane_count *count), void *arg);
void store_flows(struct store *st, void (*each)(void *arg, const struct flow_count *flow), void *arg);
void store_firsts(struct store *st, void (*each)(void *arg, const struct ready_first *first), void *arg);
void store_queues(struct store *st, void (*each)(void *arg, const struct queue_row *queue), void *arg);
void store_schedules(struct store *st, void (*each)(void *arg, const struct schedule_change *schedule), void *arg);

/* The number of the last change that was told, or was made before the store was opened. */
uint64_t store_seq(const struct store *st);

/* New values for retain and retain_jobs, from the next store_prune on. */
void store_set_retention(struct store *st, wall_ms retain, int64_t retain_jobs);

/* ---- a job's life ---- */

struct args_gap {
	size_t at;
	int64_t job;			/* as in submission.after */
};

struct submission {
	/* in */
	struct job_spec *spec;		/* borrowed while the verb parks */
	int priority;
	wall_ms run_at;			/* 0 = at once */
	wall_ms expires_at;		/* 0 = never */
	bool hold;
	/* Jobs that must be final first: ids; below 0: -1 - the index of another submission of the call. No circles. */
	const int64_t *after;
	size_t after_n;
	bool after_run;			/* it runs, too, if one of them does not succeed; else it is cancelled then */
	bool fill;			/* its args hold results of theirs, to be filled in */
	/* Where in spec->args the number of such a job belongs, which nobody knows yet; in order. */
	const struct args_gap *gaps;
	size_t gaps_n;
	enum unique_scope unique_scope;
	enum unique_on_conflict unique_on_conflict;
	const char *request_id;		/* borrowed while the verb parks; NULL = none */
	bool known_only;		/* there is no room for another: -EDQUOT unless its request_id answers it */
	size_t *admitted;		/* or NULL; of the first: less all of them once they are told, or refused */
	int64_t max_ready;		/* of its queue; 0 = no limit */
	/* out */
	int64_t id;			/* with -EEXIST or -EBUSY: the job that holds the key; 0: one of this very call */
	enum job_state state;
	bool existing;
	int64_t waiting;		/* with -EXFULL: the queue's jobs that neither run nor are final */
	bool fresh;			/* it was added by this call */
	int64_t missing;		/* with -ENOENT: the id in `after` that is of no job */
};

/*
 * Adds n jobs, all or none; ids grow in the order given and called. -EEXIST: a
 * unique key is taken (reject); -EBUSY: `replace` met a running job; -EXFULL:
 * the queue has max_ready jobs; -EUSERS: there are STORE_FLOWS_MAX flows;
 * -ENOENT: `after` names no job; *at is the index of the submission to blame. One whose request_id was accepted within a day is
 * answered as that was, whatever became of the job, and adds none.
 */
int store_submit(struct store *st, struct submission *v, size_t n, wall_ms now, size_t *at) PARKS;

/*
 * What a submit would make of it, in s->state; nothing is kept, and nobody asked
 * who holds its unique key. -ENOENT as above.
 */
int store_submit_dry(struct store *st, struct submission *s, wall_ms now) PARKS;

struct claim {
	int64_t id;
	int attempt;			/* the number it is to get: the row's + 1 */
	wall_ms started_at;
	char where[48];
	const char *queue;		/* it is to be of this one still: else -EBUSY; NULL: of any */
	/* What its queue's settings allow; 0 = no limit. */
	int64_t concurrency;
	struct rate rate;
	wall_ms token_at;		/* when the token of the rate was taken by who asks */
};

/*
 * ready → running. Looks again in the transaction whether the queue's
 * concurrency, its rate and the job's concurrency key allow it, and takes the
 * token: -EAGAIN where they do not, and nothing is changed. -EBUSY: no longer
 * ready, or another number: it is not ours to start. With load, *spec gets a
 * reference.
 */
int store_claim(struct store *st, const struct claim *claim, struct job_spec **load) PARKS;

/*
 * The same without waiting: rides along with the next commit. done(arg, rc)
 * runs on the loop's stack. A failed write (-ENOSPC, -EIO) leaves the job
 * ready: store_settle makes up for it. -ENOMEM at once if it cannot be queued.
 */
int store_claim_soon(struct store *st, const struct claim *claim, void (*done)(void *arg, int rc), void *arg);

struct settlement {
	/* in: borrowed while the verb parks */
	int64_t id;
	int attempt;
	wall_ms started_at, finished_at;
	char where[48];
	enum outcome_kind outcome;
	enum job_state next;		/* SUCCEEDED, FAILED, CANCELLED; or SCHEDULED (run_at), READY: again */
	wall_ms run_at;			/* of the next attempt */
	bool excused;			/* does not count against max_attempts */
	const char *result;		/* JSON text or NULL */
	const char *reason, *message;	/* or NULL */
	const char *progress;		/* or NULL */
	int64_t output_bytes[2];
	/* out */
	enum job_state state;		/* CANCELLED whatever `next` said, if a cancel was recorded before */
};

/*
 * Records the end of an attempt, once: the job is running this attempt, or
 * still ready with this attempt next (its claim was not written yet, or failed).
 * -EBUSY otherwise, and nothing is recorded.
 */
int store_settle(struct store *st, struct settlement *s) PARKS;

/*
 * Changes asked for by people. *state gets the state after. -ENOENT; -EBUSY:
 * the state (in *state) does not allow it.
 */
int store_cancel(struct store *st, int64_t id, wall_ms now, enum job_state *state) PARKS;	/* running: requested, stays running */
int store_hold(struct store *st, int64_t id, wall_ms now, enum job_state *state) PARKS;
int store_release(struct store *st, int64_t id, wall_ms now, enum job_state *state) PARKS;
/* -EEXIST: another active job has its unique key; -EUSERS: as store_submit. */
int store_retry(struct store *st, int64_t id, wall_ms now, enum job_state *state) PARKS;
int store_delete(struct store *st, int64_t id, wall_ms now, enum job_state *state) PARKS;	/* -ENOTEMPTY: unfinished jobs name it */

enum { UPDATE_PRIORITY = 1, UPDATE_QUEUE = 2, UPDATE_RUN_AT = 4, UPDATE_TAGS = 8 };

/* Borrowed while the verb parks. */
struct job_update {
	int64_t id;
	unsigned what;			/* of UPDATE_...: the rest stays as it is */
	int priority;
	const char *queue;
	int64_t max_ready;		/* of that queue; 0 = no limit */
	wall_ms run_at;			/* 0 = at once */
	const char *tags;		/* JSON text of an object, or NULL */
};

/* -ENOENT; -EBUSY: it runs or is final; -EXFULL, -EUSERS: as store_submit. *state as above. */
int store_update(struct store *st, const struct job_update *update, wall_ms now, enum job_state *state) PARKS;

/* ---- time ---- */

/* scheduled → ready where run_at has come, at most max of them. *next: the earliest run_at left, 0 if none. */
int store_due(struct store *st, wall_ms now, size_t max, wall_ms *next) PARKS;
/* waiting → expired where expires_at has come before a first start. *next as above. */
int store_expire(struct store *st, wall_ms now, size_t max, wall_ms *next) PARKS;
/*
 * Removes final records past their time, or past retain_jobs (oldest first), and what is kept of request ids past
 * theirs, at most max of each. *next as above (of the records); *removed how many in all.
 */
int store_prune(struct store *st, wall_ms now, size_t max, wall_ms *next, size_t *removed) PARKS;

/*
 * Final jobs let their dependents go, or take them along: in the transaction of
 * the verb that ended them, up to a number of edges. This goes on with what is
 * left, at most max edges. *next: long past while there is more, else 0.
 */
int store_resolve(struct store *st, wall_ms now, size_t max, wall_ms *next) PARKS;

/* ---- args that wait for results ---- */

struct fill_source {			/* which end of a job a result is of */
	int64_t id;
	int attempt;			/* -1: the job is gone */
	wall_ms final_at;
};

struct filling {
	int64_t id;
	char *type;
	char *args;			/* filled in */
	char why[320];			/* or why they cannot be: not "" */
	struct fill_source *sources;	/* what they were made of */
	size_t sources_n;
};

struct fillings {
	struct filling v[64];
	size_t n;
};

/*
 * Jobs that nothing holds back but the results in their args, with their args
 * filled in, up to args_max bytes each; not all at once: ask again until there
 * is none. *out is the caller's to free.
 */
int store_fillings(struct store *st, size_t args_max, struct fillings *out) PARKS;
void fillings_free(struct fillings *f);

/*
 * Records them: each goes on with its args, or (why) fails as `dependency`. One
 * that waits anew, or whose results are other ones by now, stays as it is.
 */
int store_fill(struct store *st, const struct fillings *f, wall_ms now) PARKS;

/*
 * At start, before anything runs: every running job was cut off. Cancelled if
 * that was asked; failed (`interrupted`) if it must not run twice or this was
 * the tenth time in a row; else ready again. At most max; *left says whether more are.
 */
int store_recover(struct store *st, wall_ms now, size_t max, bool *left) PARKS;

/* ---- the working set ---- */

/* What a page holds at most, in bytes of its texts (and one record more); what follows is the next page's. */
enum { STORE_PAGE_SPECS = 1 << 20, STORE_PAGE_BYTES = 8 << 20 };

/*
 * Ready jobs of one queue, type and flow (0: those without) behind (after_priority, after_id) in order
 * (priority down, id up). Runs in order with the changes: done(arg, rc, rows,
 * n) is called on the loop's stack exactly between the changes before and
 * after it, so that no job can fall between page and stream. rows are borrowed;
 * `spec` is loaded up to STORE_PAGE_SPECS bytes of a page, NULL behind that.
 * after_id 0: from the beginning. -ENOMEM at once, or 0.
 */
int store_ready_page(struct store *st, const char *queue, const char *type, int64_t flow, int after_priority,
		     int64_t after_id, size_t max, void (*done)(void *arg, int rc, const struct job_row *rows, size_t n), void *arg);

/* ---- reading: what was committed when called, or later ---- */

int store_get(struct store *st, int64_t id, struct job_record *out) PARKS;	/* -ENOENT; out is the caller's to free */

/* Ready jobs of its queue, of one of these types (NULL-ended), that come before a job of this priority and id. */
int store_ahead(struct store *st, const char *queue, const char *const *types, int priority, int64_t id, int64_t *n) PARKS;

/* The unfinished jobs that one waits for, by id, at most *n of them; *n says how many. */
int store_blockers(struct store *st, int64_t id, int64_t *ids, size_t *n) PARKS;

/*
 * Which of the jobs that wait pass, by what the caller knows of why they do.
 * Another thread reads it while the caller is parked: nothing in it may change
 * meanwhile, and `ready` may look at nothing else.
 */
struct job_reasons {
	bool first, again;		/* those scheduled for their first attempt; for another */
	/* Does a ready job pass: of this queue and type, with this concurrency key and limit (or NULL), that is not in hand? */
	bool (*ready)(const void *arg, const char *queue, const char *type, const char *key, int64_t limit);
	const char *const *keys;	/* NULL-ended: by one of these that may differ; NULL: it is asked for NULL only */
	bool keyed_too;			/* and those with a key may pass where those without do not */
	const void *arg;
	const int64_t *in_hand;		/* ready ones about to start, by id: */
	size_t in_hand_n;
	bool taken;			/* they pass */
};

struct job_filter {
	const char *const *queues, *const *types;	/* NULL-ended, or NULL: any */
	unsigned states;				/* bits 1 << enum job_state; 0: any */
	const char *const *tag_names, *const *tag_values;	/* pairs, all must hold; or NULL */
	const struct job_reasons *reasons;		/* or NULL: any */
};

/* Is the id among those in hand? */
bool job_reasons_in_hand(const struct job_reasons *reasons, int64_t id);

struct job_page {
	struct job_record *v;		/* without history; without args, meta and result unless full */
	size_t n;
	bool more;
};

/* Jobs that pass, by id. after_id: the last one of the page before, 0 = from the beginning. */
int store_list(struct store *st, const struct job_filter *filter, bool newest_first, int64_t after_id, size_t limit,
	       bool full, struct job_page *out) PARKS;
void job_page_free(struct job_page *page);

int store_count(struct store *st, const struct job_filter *filter, int64_t by_state[JOB_STATES]) PARKS;

struct job_matches {
	int64_t matched;		/* how many passed */
	struct idlist ids;		/* of these, those in the states asked for */
};

enum { STORE_MATCH_BYTES = 64 << 20 };	/* of ids that one list may hold */

/*
 * All that pass, as the store was at one moment after the call; `states` (bits
 * as in the filter) says whose ids are wanted. -E2BIG: they exceed STORE_MATCH_BYTES.
 */
int store_match(struct store *st, const struct job_filter *filter, unsigned states, bool newest_first,
		struct job_matches *out) PARKS;
void job_matches_free(struct job_matches *matches);

/*
 * The same change for each of them, in order and in one step; *done says how
 * many it was made to. One that is in none of `states` any more, or to which the
 * change cannot be made, stays as it is. One that was cancelled meanwhile, as the
 * child of another of them, counts for a cancel.
 */
struct job_many {
	const int64_t *ids;		/* borrowed while the verb parks */
	size_t n;
	unsigned states;
};

int store_cancel_many(struct store *st, const struct job_many *many, wall_ms now, size_t *done) PARKS;
int store_retry_many(struct store *st, const struct job_many *many, wall_ms now, size_t *done) PARKS;
int store_delete_many(struct store *st, const struct job_many *many, wall_ms now, size_t *done) PARKS;

/* ---- output ---- */

/*
 * Appends to a stream (0 stdout, 1 stderr) of an attempt; `offset` is where the
 * data begins; at 0 the stream begins anew. -EBUSY: the job does not run this
 * attempt; -EINVAL: it does not begin where what is kept of the stream ends.
 */
int store_output_append(struct store *st, int64_t id, int attempt, int stream, int64_t offset, const void *data,
			size_t len) PARKS;

struct output_page {
	char *data;			/* the caller's to free */
	size_t len;
	int64_t stored;			/* bytes kept of this stream in all */
};

/*
 * At most limit bytes from offset; fewer where less is kept, none behind its
 * end. -ENOENT: no such job, or no such attempt yet.
 */
int store_output_read(struct store *st, int64_t id, int attempt, int stream, int64_t offset, size_t limit,
		      struct output_page *out) PARKS;

/* ---- queues ---- */

/* Members of struct queue_row, as bits. */
enum { QUEUE_PAUSED = 1, QUEUE_CONCURRENCY = 2, QUEUE_RATE = 4, QUEUE_WEIGHT = 8, QUEUE_MAX_READY = 16 };

/* Changes the members of these bits to those of the row; makes the queue where there is none. */
int store_queue_set(struct store *st, const struct queue_row *row, unsigned members) PARKS;

/* ---- schedules ---- */

/* By rules_schedule_put: `row` is borrowed, its `next` that of a schedule that begins now. */
int store_schedule_put(struct store *st, const struct schedule_row *row, wall_ms now) PARKS;
int store_schedule_delete(struct store *st, const char *name) PARKS;	/* -ENOENT */

/*
 * Makes the job and moves the schedule on in one change, or decides that none
 * is made (fire->verdict). -ESTALE: the schedule is
 * gone, or not as expected; -EAGAIN: the last job, which is waited for, is not over; or,
 * with nothing changed, what store_submit says of the job.
 */
int store_schedule_fire(struct store *st, struct schedule_fire *fire, wall_ms now) PARKS;

/* Reading, as above. *out is the caller's to free. -ENOENT. */
int store_schedule_get(struct store *st, const char *name, struct schedule_row **out) PARKS;
/* In order of their names, behind `after` (""): at most limit of them, and what STORE_PAGE_BYTES hold. */
int store_schedule_list(struct store *st, const char *after, size_t limit, struct schedule_page *out) PARKS;

/* Can it write now? Tries, where the last write failed. 0, -ENOSPC, -EIO. */
int store_probe(struct store *st) PARKS;

/* ---- backup ---- */

enum { BACKUP_PATH_MAX = 4000 };	/* bytes */

struct backup {
	const char *path;		/* of the file that is to be: absolute, at most BACKUP_PATH_MAX */
	int64_t bytes;			/* out: its size */
	char why[256];			/* out, after a failure: in words */
};

/* Copies the state as it was at one moment since the call, while others go on. 0: on disk for good; or -errno: then there is no file. */
int store_backup(struct store *st, struct backup *backup) PARKS;

/* The daemon is to end: what takes long ends early. */
void store_hurry(struct store *st);

/* ---- figures ---- */

struct store_stats {
	const char *backend;
	char path[256];
	uint64_t transactions, operations;	/* since open */
	uint64_t failures;			/* transactions rolled back by the disk */
	uint64_t pages;				/* written to the log, since open */
	size_t waiting;				/* operations not yet taken up */
	mono_us commit_last, commit_max;	/* time of one transaction, sync included */
	int64_t database_bytes, wal_bytes;
	bool writable;				/* false while the disk is full or failing */
};

void store_stats(struct store *st, struct store_stats *out);

#endif
