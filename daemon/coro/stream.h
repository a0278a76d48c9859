/*
 * stream: a connected socket that coroutines read and write; plain and TLS
 * alike.
 *
 * At most one coroutine reads and one writes at a time. Each stream has one
 * edge-triggered registration with the loop for its whole life: a read that
 * finds bytes costs one system call and no epoll_ctl.
 */
#ifndef JOBD_STREAM_H
#define JOBD_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "coro/coro.h"

struct stream;
struct tls_context;	/* tls.h */

/* Takes over a connected socket (made non-blocking here; closed on failure too). 0 or -errno. */
int stream_open(int fd, struct stream **out);

/* Connects; the socket is closed on failure. 0, -ETIMEDOUT, -ECANCELED, or connect's -errno. */
int stream_connect(const struct sockaddr *addr, socklen_t len, mono_us deadline, struct stream **out) PARKS;

/*
 * Speaks TLS from here on. Client: server_name is sent and, unless the context
 * says otherwise, verified. Server: server_name is NULL. 0, -EPROTO with a
 * sentence in why[why_size], or as any await.
 */
int stream_start_tls(struct stream *s, struct tls_context *tls, const char *server_name, mono_us deadline,
		     char *why, size_t why_size) PARKS;

/* 1..n bytes read, 0 at the peer's end of file, -ETIMEDOUT, -ECANCELED, or -errno. */
ssize_t stream_read(struct stream *s, void *to, size_t n, mono_us deadline) PARKS;

/* Writes all of it. 0, -ETIMEDOUT, -ECANCELED, or -errno (-EPIPE: the peer is gone). */
int stream_write(struct stream *s, const void *from, size_t n, mono_us deadline) PARKS;

/* Writes what goes without waiting: bytes written, 0 if none would go, or -errno. Never parks. */
ssize_t stream_try_write(struct stream *s, const void *from, size_t n);

/* Ends our direction; reading goes on. */
void stream_shutdown(struct stream *s);

/* Is the connection broken, or closed in both directions? */
bool stream_hung_up(const struct stream *s);
/* Parks until the connection is broken or closed in both directions: for who has read its end. 0, -ETIMEDOUT, -ECANCELED. */
int stream_await_hangup(struct stream *s, mono_us deadline) PARKS;

int stream_fd(const struct stream *s);

/* Closes and frees. No coroutine may be parked in it: join them first. */
void stream_close(struct stream **s);

/*
 * Closes so that what was written last arrives: a close over unread bytes would
 * reset the connection and take it along. Reads and drops at most about `bytes`, up to the deadline.
 */
void stream_part(struct stream **s, size_t bytes, mono_us deadline) PARKS;

/* ---- listening ---- */

struct listener;

/* Takes over a listening socket (made non-blocking here: inherited ones come blocking). */
int listener_open(int fd, struct listener **out);
/* The next connection's descriptor, non-blocking and close-on-exec; -EMFILE and the like are the caller's to wait out. */
int listener_accept(struct listener *l, mono_us deadline) PARKS;
void listener_close(struct listener **l);

#endif
