/*
 * notify: who waits for what, and who wants to hear of it.
 *
 * Fed by the store's stream of changes, in commit order, before the call that
 * caused a change goes on: so an event always precedes a reply that tells the
 * same fact. A waiter sleeps on a condition; a subscription writes into a
 * mailbox. Neither costs anything while nothing happens to its jobs.
 */
#ifndef JOBD_NOTIFY_H
#define JOBD_NOTIFY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "base/map.h"
#include "coro/coro.h"
#include "store/store.h"

struct mailbox;

/* ---- waiting for one job ---- */

struct watcher {
	int64_t id;
	bool told;			/* something was heard of it since this was last cleared: */
	bool begun, ended, gone;	/* what it has been at any moment since notify_watch */
	struct cond *changed;		/* the waiter's own; one may serve many watchers */
	LIST_ENTRY(watcher) link;
};

LIST_HEAD(watcher_list, watcher);

/* ---- subscriptions ---- */

enum { SUBSCRIPTIONS_PER_CLIENT = 64, SUBSCRIPTION_NAMES_MAX = 1000 };

struct subscription {
	uint64_t number;
	struct mailbox *mailbox;
	int64_t *jobs;			/* or NULL: any */
	size_t jobs_len;
	char **queues, **types;		/* NULL-ended; or NULL: any */
	unsigned states;		/* bits 1 << enum job_state; 0: any */
	bool output;
	bool replaying;			/* what is at `place` of the ring and behind it is still to be told: */
	uint64_t place, told;		/* `told`: all up to that number has been */
	LIST_ENTRY(subscription) link;
};

LIST_HEAD(subscription_list, subscription);

struct notify;

struct notify *notify_new(void);	/* NULL when out of memory */
void notify_free(struct notify **n);

/* The watcher is the caller's memory until notify_unwatch. 0 or -ENOMEM. */
int notify_watch(struct notify *n, struct watcher *w, int64_t id, struct cond *changed);
void notify_unwatch(struct notify *n, struct watcher *w);

/* Takes over what `s` points to (malloc'ed) and numbers it; 0, -ENOMEM, or -ENOSPC: the client has enough. */
int notify_subscribe(struct notify *n, struct subscription *s);
/* -ENOENT: this mailbox has no such subscription. */
int notify_unsubscribe(struct notify *n, const struct mailbox *m, uint64_t number);
void notify_forget(struct notify *n, const struct mailbox *m);
void subscription_free(struct subscription **s);

/*
 * Before notify_subscribe: it is to begin behind `seq`, with the events that
 * notify_replay tells. False: not all of them are there any more.
 */
bool notify_since(const struct notify *n, struct subscription *s, uint64_t seq);

enum replay { REPLAY_OVER, REPLAY_GOES_ON, REPLAY_NEEDS_ROOM };

/* Tells the subscription a bounded number of past events more; over: it has come to now, or is no more. */
enum replay notify_replay(struct notify *n, const struct mailbox *m, uint64_t number);

/* The latest change's number. */
uint64_t notify_seq(const struct notify *n);
void notify_set_seq(struct notify *n, uint64_t seq);

/* The stream of changes; the last events are kept for notify_since. */
void notify_changed(struct notify *n, const struct job_change *change);

/* What happens beside it, for running jobs. */
struct notify_job {
	int64_t id;
	const char *queue, *type;
	int attempt;
};

void notify_progress(struct notify *n, const struct notify_job *job, const char *json);
void notify_output(struct notify *n, const struct notify_job *job, int stream, int64_t offset, const void *data, size_t len);

#endif
