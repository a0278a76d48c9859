/*
 * stream_priv: how a stream moves its bytes, for the two that know: stream.c
 * (plain) and tls.c.
 *
 * An ops function never parks and never blocks; it tries once. Where it would
 * block it answers STREAM_WANT_READ or STREAM_WANT_WRITE, whichever the socket
 * lacks, only after the socket itself said EAGAIN: the stream then waits for
 * the next edge in that direction and calls again with the same arguments. So an answer of
 * WANT_READ also says that nothing which has been read off the socket is left
 * to hand out.
 *
 * To start TLS (stream_start_tls, in tls.c): make the session on stream_fd(s),
 * run the handshake in a loop around stream_await, then set s->ops and s->state.
 * Sockets are non-blocking. Writing to a peer that is gone must not raise
 * SIGPIPE.
 */
#ifndef JOBD_STREAM_PRIV_H
#define JOBD_STREAM_PRIV_H

#include "coro/edge.h"
#include "coro/stream.h"

enum { STREAM_WANT_READ = -1000001, STREAM_WANT_WRITE = -1000002 };	/* far from any -errno */

struct stream_ops {
	/* 1..n bytes, 0 at the end of file, -errno, or a WANT. */
	ssize_t (*read)(struct stream *s, void *to, size_t n);
	/* 1..n bytes, -errno, or a WANT. */
	ssize_t (*write)(struct stream *s, const void *from, size_t n);
	/* Ends our direction, as far as goes without waiting. */
	void (*shutdown)(struct stream *s);
	/* Frees s->state; the socket is closed after it. */
	void (*close)(struct stream *s);
};

struct stream {
	struct edge edge;
	const struct stream_ops *ops;
	void *state;		/* of the ops; NULL when plain */
};

/* Waits for what a WANT asks for. 0, -ETIMEDOUT, -ECANCELED or -errno. */
int stream_await(struct stream *s, ssize_t want, mono_us deadline) PARKS;

static inline bool stream_wants(ssize_t rc) { return rc == STREAM_WANT_READ || rc == STREAM_WANT_WRITE; }

#endif
