/*
 * edge: whether a descriptor is worth trying, kept by edges.
 *
 * The flags begin true. A try that gets EAGAIN is followed by edge_wait, which
 * clears the flag and parks until the kernel reports the next edge. The one
 * edge-triggered registration is made at the first wait and lasts; as making it
 * reports the present state too, nothing that came before it is missed.
 *
 * A read that got less than it asked for has emptied the socket (epoll(7)), and
 * need not be followed by a try that fails: edge_drained. Unless the peer had
 * ended already: its end may have come together with what was read.
 */
#ifndef JOBD_EDGE_H
#define JOBD_EDGE_H

#include <event2/event_struct.h>
#include <stdbool.h>

#include "coro/coro.h"

struct edge {
	int fd;
	bool readable, writable;
	bool watched;
	bool ended;		/* the peer sends no more */
	struct event event;
	struct coro_list readers, writers;
};

void edge_init(struct edge *e, int fd);

/* The try got EAGAIN: parks until it is worth another. 0, -ETIMEDOUT, -ECANCELED or -errno. */
int edge_wait_read(struct edge *e, mono_us deadline) PARKS;
int edge_wait_write(struct edge *e, mono_us deadline) PARKS;

/* The same without waiting: the flag is false from here to the next edge. 0 or -errno. */
int edge_miss_write(struct edge *e);

/* A read from a stream socket got some, but less than it asked for. */
void edge_drained(struct edge *e);

/* Ends the registration and closes the descriptor; nobody may be parked on it. */
void edge_close(struct edge *e);

#endif
