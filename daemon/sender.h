/*
 * sender: takes a mailbox's bytes to its client.
 *
 * What is put in one turn leaves at its end, in one write; what a client does
 * not take at once is sent on by a coroutine of its own. One that takes no byte
 * for long is given up: its mailbox is closed, and the owner told.
 */
#ifndef JOBD_SENDER_H
#define JOBD_SENDER_H

#include "coro/coro.h"
#include "coro/loop.h"
#include "coro/stream.h"
#include "mailbox.h"

struct sender {
	struct mailbox *mailbox;
	struct stream *stream;
	struct deferred flush;		/* sends at the end of the turn */
	struct coro_group pieces;	/* at most one coroutine: sends what did not go at once */
	void (*broken)(void *arg);	/* the mailbox was closed: nothing can be sent any more. Called once */
	void *arg;
	bool told;
};

void sender_init(struct sender *s, struct mailbox *m, struct stream *stream, void (*broken)(void *arg), void *arg);

/* Something was put: it leaves with the end of this turn. */
void sender_ready(struct sender *s);

/* Waits until the client has all there is; in a hurry: for a moment only. Then nothing of the sender is under way. */
void sender_finish(struct sender *s, bool hurry) PARKS;

#endif
