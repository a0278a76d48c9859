/*
 * conn: a client's connection: bytes to and from an address, plain or TLS.
 *
 * The descriptor never blocks: an operation that cannot go on says -EAGAIN,
 * and conn_wait waits for what it needs. Needs no signal handling of the
 * program: a broken connection is -EPIPE, never SIGPIPE.
 */
#ifndef JOBD_CONN_H
#define JOBD_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/clock.h"
#include "proto/address.h"

struct conn_tls;

struct conn {
	int fd;
	struct conn_tls *tls;		/* NULL: plain */
	short read_needs, write_needs;	/* poll's events that the last -EAGAIN waits for */
};

/* 0; or -errno with the reason in why[] ("connection refused"). c stays where it is; it is to be closed only after 0. */
int conn_open(struct conn *c, const struct address *address, mono_us deadline, char *why, size_t why_size);
void conn_close(struct conn *c);

/* > 0 bytes; 0: the peer has ended (read only); -EAGAIN; -errno. */
ssize_t conn_read(struct conn *c, void *data, size_t size);
ssize_t conn_write(struct conn *c, const void *data, size_t size);

/* Waits until a read, or if asked a write, can go on. 0; -ETIMEDOUT; -errno. */
int conn_wait(const struct conn *c, bool writing, mono_us deadline);

#endif
