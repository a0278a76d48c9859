/*
 * op: one verb under way, from the caller to a back end and back.
 *
 * The front makes it and hands it down; a back end carries it out, notes the
 * changes of state that it made, and ends it once, in order, on the loop's
 * thread. The caller of a parked verb stands still meanwhile: an op points at
 * the caller's memory for what goes in and comes out. What does not park
 * (`*_soon`, `*_page`) carries copies.
 */
#ifndef JOBD_OP_H
#define JOBD_OP_H

#include <sys/queue.h>

#include "coro/coro.h"
#include "store/rules.h"
#include "store/store.h"

enum store_verb {
	VERB_SUBMIT, VERB_CLAIM, VERB_SETTLE,
	VERB_CANCEL, VERB_HOLD, VERB_RELEASE, VERB_RETRY, VERB_DELETE, VERB_UPDATE,
	VERB_CANCEL_MANY, VERB_RETRY_MANY, VERB_DELETE_MANY,
	VERB_DUE, VERB_EXPIRE, VERB_PRUNE, VERB_RECOVER, VERB_RESOLVE, VERB_FILL,
	VERB_READY_PAGE, VERB_OUTPUT_APPEND, VERB_QUEUE_SET, VERB_PROBE,
	VERB_SCHEDULE_PUT, VERB_SCHEDULE_DELETE, VERB_SCHEDULE_FIRE,
	VERB_SUBMIT_DRY, VERB_FILLINGS, VERB_GET, VERB_AHEAD, VERB_BLOCKERS, VERB_LIST, VERB_COUNT, VERB_MATCH,
	VERB_OUTPUT_READ, VERB_SCHEDULE_GET, VERB_SCHEDULE_LIST, VERB_BACKUP,
	VERBS
};

/* A change of a job's state that was made, and is to be told once it is durable. */
struct note {
	struct job_change change;	/* change.row points at `row` */
	struct job_row row;
	struct flow_row flow;		/* if change.flow points at it; its texts lie in texts */
	void *lane, *from_lane, *counted, *from_counted;	/* the back end's: what it counted the change under */
	STAILQ_ENTRY(note) link;
	char texts[];			/* those of the flow, and the effect's message where it had to be copied */
};

STAILQ_HEAD(note_list, note);

struct store_op {
	enum store_verb verb;
	int rc;
	wall_ms now;
	union {
		/* submit, and schedule_fire: of one or none */
		struct { struct submission *v; size_t n; size_t *at; struct schedule_fire *fire; } submit;
		const struct schedule_row *schedule;	/* put */
		struct { const char *name; struct schedule_row **row; } schedule_get;	/* and delete */
		struct { const char *after; size_t limit; struct schedule_page *page; } schedule_list;
		struct { const struct claim *claim; struct job_spec **load; } claim;
		struct settlement *settle;
		struct { int64_t id; enum job_state *state; } ask;	/* cancel, hold, release, retry, delete */
		struct { const struct job_many *many; size_t *done; } many;
		struct { const struct job_update *update; enum job_state *state; } update;
		struct {
			size_t max;
			wall_ms *next;
			size_t *removed;
			bool *left;
			wall_ms retain;		/* prune: the settings of the store */
			int64_t retain_jobs;
		} time;			/* due, expire, prune, recover, resolve */
		struct {
			const char *queue, *type;
			int64_t flow;
			int after_priority;
			int64_t after_id;
			size_t max, n;
			size_t bytes;		/* of the specs loaded */
			struct job_row *rows;	/* the op's; NULL until carried out */
		} page;
		struct {
			int64_t id;
			int attempt, stream;
			int64_t offset;
			const void *data;
			size_t len;
			struct output_page *page;
		} output;
		struct { struct queue_row row; unsigned members; } queue;	/* the row: afterwards all of it */
		struct { int64_t id; struct job_record *record; } get;
		struct { size_t args_max; struct fillings *out; } fillings;
		const struct fillings *fill;
		struct {
			const char *queue;
			const char *const *types;
			int priority;
			int64_t id;
			int64_t *n;
		} ahead;
		struct { int64_t id; int64_t *ids; size_t *n; size_t max; } blockers;
		struct {
			const struct job_filter *filter;
			bool newest_first, full;
			int64_t after_id;
			size_t limit;
			size_t bytes;		/* of the records taken */
			struct job_page *page;
			int64_t *by_state;
			unsigned wanted;	/* match: states */
			struct job_matches *matches;
		} list;			/* and count, match */
		struct backup *backup;
	};
	struct note_list notes;
	bool unresolved, unfilled;	/* it left edges for store_resolve; args for store_fillings */
	struct schedule_change *schedule_told;	/* the caller's: what became of its schedule; or NULL */
	void (*done)(struct store_op *op);	/* NULL: somebody is parked at the latch */
	struct latch latch;
	STAILQ_ENTRY(store_op) link;
};

STAILQ_HEAD(op_list, store_op);

void op_init(struct store_op *op, enum store_verb verb, wall_ms now);

/* Only looks at what was committed: a back end may serve it out of order with the changes. */
bool op_reads(const struct store_op *op);
/* Ends work or makes room: to be carried out even where the disk is full. */
bool op_completes(const struct store_op *op);
/* How much it adds to a transaction, in bytes, roughly. */
size_t op_weight(const struct store_op *op);

/* Forgets all that carrying it out has made: it failed, or is to be carried out again. */
void op_reset(struct store_op *op);

/*
 * Notes a change: `k` as it is now, come from state `from`. queue, type,
 * reason and message must live until the op has ended; the flow's texts are
 * copied. NULL when out of memory.
 */
struct note *op_note(struct store_op *op, enum job_state from, const struct job_kept *k, const char *queue,
		     const char *type, const struct flow_row *flow, const struct effect *e);

/* Is it the settlement of that job, and not of one that lets it go? */
bool op_settles(const struct store_op *op, int64_t id);

/* Of a verb about many: was the job cancelled as a child of another, and not asked for itself? */
bool op_took_along(const struct store_op *op, const struct job_kept *k);

/* The rule of a verb that a person asks for. */
rule_fn *op_ask_rule(const struct store_op *op);

#endif
