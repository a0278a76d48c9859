/*
 * session: one client, from its first line to its last.
 *
 * One coroutine reads lines and starts what they ask for, in their order; what
 * may park gets a coroutine of its own in the session's group. Replies and
 * events leave through the mailbox, sent at the end of the turn that made them.
 * Reading pauses while the client does not take its replies, or has its limit
 * of requests in flight: the kernel's buffers then slow the client down.
 */
#ifndef JOBD_SESSION_H
#define JOBD_SESSION_H

#include "coro/coro.h"
#include "coro/stream.h"

struct parts;

/* Serves a connected stream, which it takes over, until either side ends it. Runs in a coroutine of the caller's. */
void session_run(struct parts *parts, struct stream *stream) PARKS;

/* Tells a client that it is one too many, and closes. */
void session_refuse(struct stream *stream) PARKS;

#endif
