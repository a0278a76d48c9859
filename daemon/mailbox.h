/*
 * mailbox: the bytes on their way to one client, replies and events in one
 * order. Who writes knows no session; the session is told (ready) and sends.
 */
#ifndef JOBD_MAILBOX_H
#define JOBD_MAILBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/queue.h>

#include "base/buf.h"
#include "coro/coro.h"

enum {
	MAILBOX_HIGH = 256 * 1024,	/* a fuller one: no new requests are read, no large replies made */
	MAILBOX_EVENTS = 1024 * 1024,	/* a fuller one gets no more events: its subscriptions are cut off */
	MAILBOX_LARGE = 8		/* large replies in the making at once */
};

/* A place in the line of one client's requests whose order counts. Zeroed: in no line. */
struct turn {
	struct cond come;
	bool in_line;
	TAILQ_ENTRY(turn) link;
};

struct mailbox {
	struct buf out;
	size_t sending;			/* bytes that have left `out` and are being sent */
	unsigned large;			/* holders of mailbox_enter_large */
	struct cond room;		/* broadcast when out has drained below MAILBOX_HIGH, or large has fallen */
	TAILQ_HEAD(, turn) line;	/* the first has its turn */
	unsigned replays;		/* events of the past are on their way */
	struct cond replayed;		/* broadcast when the last of them is over */
	bool closed;			/* nobody will send it: puts are dropped */
	void (*ready)(void *arg);	/* something was put */
	void *arg;
};

void mailbox_init(struct mailbox *m, void (*ready)(void *arg), void *arg);
void mailbox_free(struct mailbox *m);

/*
 * Appends a whole line; the newline is added here. A line that memory was too
 * short for (its buf failed, or ours does) breaks the mailbox: a gap would be a lie.
 */
void mailbox_put(struct mailbox *m, const struct buf *line);

/* Nothing more can be said to this client: it is to be cut off. */
void mailbox_break(struct mailbox *m);

/* Waits until a large reply may be made: what one client makes us hold stays bounded. 0 or -ECANCELED. */
int mailbox_enter_large(struct mailbox *m) PARKS;
void mailbox_leave_large(struct mailbox *m);

/*
 * Waits until all that entered the line before have left it. 0 or -ECANCELED,
 * and in the line either way. Who is in none may leave it.
 */
int mailbox_enter_line(struct mailbox *m, struct turn *t) PARKS;
void mailbox_leave_line(struct mailbox *m, struct turn *t);

/* Waits until more may be put that can wait. 0 or -ECANCELED. */
int mailbox_await_room(struct mailbox *m) PARKS;

/*
 * While events of the past are told, those of now wait behind them; so a reply
 * waits, too: it may not tell what its client has still to hear of.
 */
void mailbox_begin_replay(struct mailbox *m);
void mailbox_end_replay(struct mailbox *m);
void mailbox_await_replays(struct mailbox *m) PARKS;	/* at once in one that is cancelled */

/* Bytes that the client has not taken yet. */
size_t mailbox_pending(const struct mailbox *m);

/* The session has sent n bytes of `out`, or the last of `sending`. */
void mailbox_sent(struct mailbox *m, size_t n);

#endif
