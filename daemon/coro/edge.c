#include "coro/edge.h"

#include <errno.h>
#include <event2/event.h>
#include <unistd.h>

#include "base/log.h"
#include "coro/coro_priv.h"
#include "coro/loop.h"

void edge_init(struct edge *e, int fd)
{
	e->fd = fd;
	e->readable = e->writable = true;
	e->watched = e->ended = false;
	TAILQ_INIT(&e->readers);
	TAILQ_INIT(&e->writers);
}

static void edge_came(evutil_socket_t fd, short what, void *arg)
{
	struct edge *e = arg;

	(void)fd;
	if (what & EV_CLOSED)
		e->ended = true;
	if (what & (EV_READ | EV_CLOSED)) {
		e->readable = true;
		coro_wake_all_first(&e->readers);
	}
	if (what & EV_WRITE) {
		e->writable = true;
		coro_wake_all(&e->writers);
	}
}

static int edge_watch(struct edge *e)
{
	if (e->watched)
		return 0;
	event_assign(&e->event, loop_event_base(), e->fd, EV_READ | EV_WRITE | EV_CLOSED | EV_PERSIST | EV_ET, edge_came, e);
	if (event_add(&e->event, NULL) < 0)
		return -ENOMEM;
	e->watched = true;
	return 0;
}

/* The try got EAGAIN just now, and no edge can have come since: only the loop's own stack takes them in. */
static int edge_wait(struct edge *e, struct coro_list *on, mono_us deadline)
{
	int rc = edge_watch(e);

	return rc < 0 ? rc : coro_park(on, deadline);
}

int edge_wait_read(struct edge *e, mono_us deadline)
{
	e->readable = false;
	return edge_wait(e, &e->readers, deadline);
}

int edge_wait_write(struct edge *e, mono_us deadline)
{
	e->writable = false;
	return edge_wait(e, &e->writers, deadline);
}

int edge_miss_write(struct edge *e)
{
	e->writable = false;
	return edge_watch(e);
}

void edge_drained(struct edge *e)
{
	if (e->watched && !e->ended)
		e->readable = false;
}

void edge_close(struct edge *e)
{
	if (!TAILQ_EMPTY(&e->readers) || !TAILQ_EMPTY(&e->writers))
		log_fatal("descriptor %d is closed with a coroutine parked on it", e->fd);
	if (e->watched)
		event_del(&e->event);
	close(e->fd);
}
