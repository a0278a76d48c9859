/* Listening sockets (stream.h). */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <unistd.h>

#include "coro/coro_priv.h"
#include "coro/stream_priv.h"

struct listener {
	struct edge edge;
};

/* Connections inherit TCP_NODELAY from here (Unix sockets have no such delay, and refuse it). */
static int listener_ready(int fd)
{
	int flags = fcntl(fd, F_GETFL), on = 1;

	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
		return -errno;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return 0;
}

int listener_open(int fd, struct listener **out)
{
	struct listener *l = calloc(1, sizeof(*l));
	int rc = l != NULL ? listener_ready(fd) : -ENOMEM;

	if (rc < 0) {
		free(l);
		close(fd);
		return rc;
	}
	edge_init(&l->edge, fd);
	*out = l;
	return 0;
}

/* A connection that its client gave up before we came is no failure of ours. */
static int accept_one(int fd)
{
	int got;

	do
		got = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	while (got < 0 && (errno == EINTR || errno == ECONNABORTED));
	return got >= 0 ? got : -errno;
}

int listener_accept(struct listener *l, mono_us deadline)
{
	int got = -EAGAIN, rc = coro_breathe(deadline);

	if (rc == 0 && (l->edge.readable || deadline == MONO_PAST))
		got = accept_one(l->edge.fd);
	while (rc == 0 && got == -EAGAIN) {
		rc = edge_wait_read(&l->edge, deadline);
		if (rc == 0)
			got = accept_one(l->edge.fd);
	}
	return rc < 0 ? rc : got;
}

void listener_close(struct listener **l)
{
	if (*l == NULL)
		return;
	edge_close(&(*l)->edge);
	free(*l);
	*l = NULL;
}
