/*
 * backlog: the ready jobs, and which of them is next.
 *
 * Follows the store's stream of changes and nothing else: what becomes ready
 * enters the window of its lane, what ceases to be ready leaves it. Knows ids,
 * priorities, classes and times; no descriptor, no store, no clock.
 *
 * Queues take turns by weight (queue.h); within a queue, priority orders, then
 * the groups' turns, then id (turns.h). A queue that may start no more by its
 * settings leaves the round; a flow whose concurrency key is full is parked
 * (key.h); neither holds up another. Memory is bounded (windows.h): a flow
 * whose window runs low asks for a page (backlog_hungry).
 */
#ifndef JOBD_BACKLOG_H
#define JOBD_BACKLOG_H

#include <stdbool.h>
#include <stddef.h>

#include "base/clock.h"
#include "backlog/job.h"
#include "kinds/kind.h"
#include "backlog/key.h"
#include "backlog/queue.h"
#include "backlog/round.h"
#include "store/store.h"
#include "backlog/windows.h"

enum { BACKLOG_LANES_MAX = 100000 };	/* queues times types: what clients may make */

struct backlog {
	struct queue_table queues;
	struct key_table keys;
	struct flow *flows;			/* those with a number, by it */
	struct windows windows;
	struct rounds rounds;
	struct flow_list awaited, hungry;	/* want a page: of those that a queue waits for, of the others */
	size_t lanes;
	int64_t counts[JOB_STATES];
	/* Something may be taken, or a page is wanted, that was not so before. */
	void (*wake)(void *arg);
	/* What is configured of a queue: for what nobody has set. NULL: nothing. */
	struct queue_settings (*defaults_of)(void *arg, const char *queue);
	void *arg;
};

void backlog_init(struct backlog *s, void (*wake)(void *arg), void *arg);
void backlog_free(struct backlog *s);

/* The lane, made where it is new; NULL when out of memory or of BACKLOG_LANES_MAX. */
struct lane *backlog_lane(struct backlog *s, const char *queue, const char *type);

/* Makes the queue where it is new; false when there is no room or memory for it. */
bool backlog_make_queue(struct backlog *s, const char *name);

/* What the store held when it was opened. 0 or -ENOMEM. */
int backlog_restore(struct backlog *s, const struct lane_count *count);
int backlog_restore_flow(struct backlog *s, const struct flow_count *count);
void backlog_restore_first(struct backlog *s, const struct ready_first *first);	/* after the two */
void backlog_restore_queue(struct backlog *s, const struct queue_row *queue);

/* The stream of changes. */
void backlog_changed(struct backlog *s, const struct job_change *change);
void backlog_queue_changed(struct backlog *s, const struct queue_row *queue);

/* The defaults may have changed: asks for them again. */
void backlog_reconfigure(struct backlog *s);

/* Until as many starts as stops have come, nothing of the queue is taken. */
void backlog_stop_queue(struct backlog *s, struct queue *q);
void backlog_start_queue(struct backlog *s, struct queue *q);

/* ---- taking ---- */

/* The time is now this: queues that waited for a token may have one. */
void backlog_refresh(struct backlog *s, wall_ms now);

/* The class's next job at this time, still in its window; NULL if there is none, or many had to be passed over: then it wakes. */
struct job *backlog_peek(struct backlog *s, enum job_class class, wall_ms now);
/* Takes it in hand: it is the caller's until backlog_done. At the same time as the peek's. */
void backlog_take(struct backlog *s, struct job *job, wall_ms now);
/* Does its start count for a limit: of its queue, or its key's? */
bool backlog_limited(const struct job *job);
/* Its start is on disk: the token of its queue's rate is spent. If that never comes, it is given back. */
void backlog_started(struct job *job);
/* When the next queue has a token that waits for one, after the last refresh; 0: none waits. */
wall_ms backlog_next_token(const struct backlog *s);
/* The hand lets go: back to the window if the job is ready after all, else forgotten. */
void backlog_done(struct backlog *s, struct job **job);

/* Keeps a job that is in a window from being taken while a change of it is under way; NULL if it is in none. */
struct job *backlog_set_aside(struct backlog *s, int64_t id);
/* The change did not come about. By id: it may have left meanwhile. */
void backlog_put_back(struct backlog *s, int64_t id);

struct job *backlog_find(const struct backlog *s, int64_t id);

/* ---- pages ---- */

/* A flow that wants its next page, and how many jobs; NULL if none does. The caller asks the store for it... */
struct flow *backlog_hungry(struct backlog *s, size_t *max);
/* ... and hands over what came: in order with the changes. rc != 0: nothing came, it is to be asked for again. */
void backlog_paged(struct backlog *s, struct flow *flow, int rc, const struct job_row *rows, size_t n, size_t max);

/* ---- figures ---- */

/* What of the limits keeps a ready job of such a spec from starting now. */
struct backlog_limit {
	const char *reason;		/* "rate", "queue_concurrency", "key_concurrency"; NULL: none of them */
	int64_t in_hand, limit;		/* of the two latter */
	wall_ms next_token;		/* of the first */
};

void backlog_why(const struct backlog *s, const struct job_spec *spec, wall_ms now, struct backlog_limit *out);
/* The limits of the queue (NULL: none) alone; false: nothing of them. */
bool backlog_why_queue(const struct queue *q, wall_ms now, struct backlog_limit *out);

/* Jobs not final. */
int64_t backlog_active(const struct backlog *s);

/* ---- for its own files ---- */

/* Puts the flow's turns in or out of the round. The page that they wait for goes before those that none waits for. */
void backlog_turns_changed(struct backlog *s, const struct flow *f);

/* Where the lot has room for one more, the best of those parked comes back. */
void backlog_release_lot(struct backlog *s, struct lot *lot);
/* The same for those of a turns' list, of so many by turns. */
void backlog_release_lots(struct backlog *s, struct lot_list *list);
/* Of each wide key with a slot to give one lot of the class, of so many by turns; false: there is none. */
bool backlog_release_keys(struct backlog *s, enum job_class class);
/* A slot of the key is free: the best of each lot that waits for it comes back. */
void backlog_key_let_go(struct backlog *s, struct key *k);

/* Finds or makes; NULL row: the lane's own. NULL when out of memory. */
struct flow *backlog_flow(struct backlog *s, struct lane *l, const struct flow_row *row);
/* Takes a flow without jobs out of wherever it is, and frees it. */
void backlog_forget_flow(struct backlog *s, struct flow *f);

#endif
