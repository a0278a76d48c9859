/*
 * rules: what each verb does to a job, as arithmetic.
 *
 * Pure functions of (job, request, now), shared by every back end, so that no
 * policy is written twice. A back end loads a job, asks the rule, and stores
 * what came out: the job, and the effect. Each state move is checked against
 * the table in jobstate.h.
 */
#ifndef JOBD_RULES_H
#define JOBD_RULES_H

#include "store/job_row.h"
#include "store/store.h"

enum {
	RULES_HISTORY_MAX = 100		/* ended attempts kept */
};

/* A job as the rules see it. */
struct job_kept {
	struct job_row row;		/* without spec */
	int outcome;			/* of the latest attempt: enum outcome_kind; -1: it runs, or its entry lies in the history */
	wall_ms retain;			/* of the final record; -1 = the store's default */
	wall_ms final_at;		/* when it became final; 0 */
	bool interrupted_fail;
	char where[48];			/* the latest attempt ran there */
	int dependents;			/* jobs not final that name it in `after` */
	unsigned graph;			/* GRAPH_..., rules_graph.h */
};

/* What follows besides the job itself. */
struct effect {
	bool changed;			/* tell the observer */
	bool archive;			/* first, the latest attempt's entry (the job as it was) goes to the history */
	bool forget;			/* result, error, progress and what is known of the output go; then: */
	const char *reason, *message;	/* the error from now on; NULL: as it is. Literals, or the request's */
	bool copy;			/* the message is neither: it goes with the rule's caller */
};

struct graph_start;

/*
 * A new job: held, else blocked, else scheduled, else ready; or cancelled at
 * once for one of its parents (why as in rules_graph_blame).
 */
void rules_submit(struct job_kept *k, const struct submission *s, const struct graph_start *start, int64_t id, wall_ms now,
		  struct effect *e, char *why);

/* What to do about a job that holds the submission's unique key. */
enum unique_verdict {
	UNIQUE_ANSWER,			/* it is the answer: nothing is inserted */
	UNIQUE_TAKEN,			/* -EEXIST */
	UNIQUE_RUNS,			/* -EBUSY: it was to be replaced, and runs */
	UNIQUE_CANCEL			/* cancel it, then insert */
};

enum unique_verdict rules_unique(const struct submission *s, enum job_state holder);

/* When what was accepted at `at` is no longer the answer to its request_id. */
wall_ms rules_request_until(wall_ms at);
/* Is there room for one more in its queue, where so many neither run nor are final? 0 or -EXFULL. */
int rules_room(struct submission *s, int64_t waiting);

/* Each: 0, or -EBUSY with nothing changed (rules_delete: -ENOTEMPTY, too). */
/*
 * May one more start, where so many jobs of its queue and of its key (limit 0:
 * it has none) run? 0; -EAGAIN; -EBUSY: it is of another queue now.
 */
int rules_slots(const struct claim *c, const char *queue, int64_t queue_running, int64_t key_running, int64_t key_limit);

/* Each: 0, or -EBUSY with nothing changed. */
int rules_claim(struct job_kept *k, const struct claim *c, struct effect *e);
int rules_settle(struct job_kept *k, struct settlement *s, struct effect *e);
typedef int rule_fn(struct job_kept *k, wall_ms now, struct effect *e);
rule_fn rules_cancel, rules_hold, rules_release, rules_retry, rules_delete;
rule_fn rules_due, rules_expire, rules_recover;
/* max_ready is looked at where the job comes from another queue, of which so many neither run nor are final. */
int rules_update_room(const struct job_update *u, int64_t waiting);
int rules_update(struct job_kept *k, const struct job_update *u, wall_ms now, struct effect *e);

/* A queue's row (NULL: there is none) changed in these members becomes what `row` then holds: all of them. */
void rules_queue_set(struct queue_row *row, unsigned members, const struct queue_row *was);

/* When a final record's time is over. */
wall_ms rules_prune_at(const struct job_kept *k, wall_ms retain_default);

/* May output of this attempt be added? The one that runs, or is next (its claim was not written). */
bool rules_output(const struct job_kept *k, int attempt);

/* May the record go when its time is over? Not while others name it, nor while its own edges are still there. */
bool rules_prunable(const struct job_kept *k);

/* Is there an entry of the latest attempt that the history does not hold yet? It is made of the job and its error. */
bool rules_latest(const struct job_kept *k);

/* ---- for the rules' own files ---- */

/* The only door to another state. */
void rules_move(struct job_kept *k, enum job_state to, wall_ms now, struct effect *e);
/* The latest attempt's entry is put away before the row speaks of another. */
void rules_archive(struct job_kept *k, struct effect *e);

#endif
