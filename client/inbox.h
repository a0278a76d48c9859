/*
 * inbox: what comes in from the daemon, and what it answers.
 *
 * Each request sent is a call, kept by number; its answer makes it arrive, and
 * it goes when the answer is taken. Knows bytes and JSON, no socket.
 *
 * An answer without an id says that a line could not be read. `too_large` must
 * mean the largest request still unanswered, for whatever is larger than the
 * daemon's limit is refused. Any other is the last word of this connection
 * (`overloaded`, before it is closed), and fails all that comes after.
 */
#ifndef JOBD_INBOX_H
#define JOBD_INBOX_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "base/buf.h"
#include "base/map.h"
#include "client/client.h"

enum {
	INBOX_LINE = 64 * 1024 * 1024,		/* longest that is taken from a daemon */
	INBOX_EVENTS = 64 * 1024 * 1024		/* of notifications kept */
};

struct call {
	int64_t number;
	size_t size;				/* of the request's line */
	json_t *answer;				/* the whole reply; NULL until it arrives */
	TAILQ_ENTRY(call) link;			/* among the arrived */
	UT_hash_handle hh;
};

struct event;

struct inbox {
	const char *from;			/* the address, for messages; borrowed */
	struct buf bytes;			/* read, not yet a whole line */
	size_t scanned;				/* of them without a newline */
	struct call *calls;
	TAILQ_HEAD(call_list, call) arrived;	/* in the order they came */
	STAILQ_HEAD(event_list, event) events;
	size_t event_bytes, event_max;		/* bytes of them kept, and at most */
	bool lagged;				/* events are dropped until those kept are taken */
	struct jobd_error failure;		/* reason[0] != 0: the connection is over */
};

void inbox_init(struct inbox *in, const char *from);
void inbox_free(struct inbox *in);

/* A request of that number is about to be sent. NULL: out of memory. */
struct call *inbox_expect(struct inbox *in, int64_t number);
/* NULL: no request of that number waits for its answer to be taken. */
struct call *inbox_find(const struct inbox *in, int64_t number);
void inbox_forget(struct inbox *in, struct call *call);

/* Takes up what has been appended to `bytes`. */
void inbox_read(struct inbox *in);

/* The result of a call that arrived, which goes; NULL: it was refused, see *error. */
json_t *inbox_take(struct inbox *in, struct call *call, struct jobd_error *error);
/* The oldest notification's params; NULL: there is none. */
json_t *inbox_take_event(struct inbox *in);

/* The connection is over; the first reason stays. */
void inbox_fail(struct inbox *in, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The connection is over, and another begins: what has not been answered is answered with the failure. */
void inbox_restart(struct inbox *in);
static inline bool inbox_failed(const struct inbox *in) { return in->failure.reason[0] != '\0'; }

/* Sets an error of our own: code 0. Returns -1. */
int inbox_error(struct jobd_error *e, const char *reason, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

#endif
