#include "coro/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "coro/coro_priv.h"
#include "coro/stream_priv.h"

/* ---- plain sockets ---- */

static ssize_t plain_error(int error, ssize_t want)
{
	return error == EAGAIN || error == EWOULDBLOCK ? want : -error;
}

static ssize_t plain_read(struct stream *s, void *to, size_t n)
{
	ssize_t got;

	do
		got = recv(s->edge.fd, to, n, 0);
	while (got < 0 && errno == EINTR);
	if (got > 0 && (size_t)got < n)
		edge_drained(&s->edge);
	return got >= 0 ? got : plain_error(errno, STREAM_WANT_READ);
}

static ssize_t plain_write(struct stream *s, const void *from, size_t n)
{
	ssize_t put;

	do
		put = send(s->edge.fd, from, n, MSG_NOSIGNAL);
	while (put < 0 && errno == EINTR);
	return put >= 0 ? put : plain_error(errno, STREAM_WANT_WRITE);
}

static void plain_shutdown(struct stream *s)
{
	shutdown(s->edge.fd, SHUT_WR);
}

static void plain_close(struct stream *s)
{
	(void)s;
}

static const struct stream_ops plain = { plain_read, plain_write, plain_shutdown, plain_close };

/* ---- opening ---- */

static int socket_unblock(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0)
		return -errno;
	if ((flags & O_NONBLOCK) == 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
		return -errno;
	return 0;
}

/* Small messages go out at once. Fails on sockets that are not TCP, which have no such delay. */
static void socket_hurry(int fd)
{
	int on = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

int stream_open(int fd, struct stream **out)
{
	struct stream *s = calloc(1, sizeof(*s));
	int rc = s != NULL ? socket_unblock(fd) : -ENOMEM;

	if (rc < 0) {
		free(s);
		close(fd);
		return rc;
	}
	edge_init(&s->edge, fd);
	s->ops = &plain;
	*out = s;
	return 0;
}

static int stream_finish_connect(struct stream *s, mono_us deadline)
{
	socklen_t len = sizeof(int);
	int error, rc = edge_wait_write(&s->edge, deadline);

	if (rc < 0)
		return rc;
	if (getsockopt(s->edge.fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
		return -errno;
	return -error;
}

int stream_connect(const struct sockaddr *addr, socklen_t len, mono_us deadline, struct stream **out)
{
	struct stream *s;
	int fd, rc = coro_breathe(deadline);

	if (rc < 0)
		return rc;
	fd = socket(addr->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	rc = stream_open(fd, &s);
	if (rc < 0)
		return rc;
	if (addr->sa_family != AF_UNIX)
		socket_hurry(fd);
	if (connect(fd, addr, len) < 0)
		rc = errno == EINPROGRESS || errno == EINTR ? stream_finish_connect(s, deadline) : -errno;
	if (rc < 0)
		stream_close(&s);
	else
		*out = s;
	return rc;
}

/* ---- bytes ---- */

int stream_await(struct stream *s, ssize_t want, mono_us deadline)
{
	return want == STREAM_WANT_READ ? edge_wait_read(&s->edge, deadline) : edge_wait_write(&s->edge, deadline);
}

ssize_t stream_read(struct stream *s, void *to, size_t n, mono_us deadline)
{
	ssize_t got = STREAM_WANT_READ;
	int rc = coro_breathe(deadline);

	/* Polling asks the socket itself: the loop may not have heard of the edge yet. */
	if (rc == 0 && (s->edge.readable || deadline == MONO_PAST))
		got = s->ops->read(s, to, n);
	while (rc == 0 && stream_wants(got)) {
		rc = stream_await(s, got, deadline);
		if (rc == 0)
			got = s->ops->read(s, to, n);
	}
	return rc < 0 ? rc : got;
}

int stream_write(struct stream *s, const void *from, size_t n, mono_us deadline)
{
	const char *at = from;
	int rc = coro_breathe(deadline);

	while (rc == 0 && n > 0) {
		ssize_t put = s->ops->write(s, at, n);

		if (stream_wants(put)) {
			rc = stream_await(s, put, deadline);
		} else if (put < 0) {
			rc = (int)put;
		} else {
			at += put;
			n -= (size_t)put;
		}
	}
	return rc;
}

ssize_t stream_try_write(struct stream *s, const void *from, size_t n)
{
	ssize_t put;
	int rc;

	if (!s->edge.writable || n == 0)
		return 0;
	put = s->ops->write(s, from, n);
	if (put == STREAM_WANT_READ)
		return 0;
	if (put != STREAM_WANT_WRITE)
		return put;
	rc = edge_miss_write(&s->edge);
	return rc < 0 ? rc : 0;
}

bool stream_hung_up(const struct stream *s)
{
	struct pollfd p = { .fd = s->edge.fd };

	return poll(&p, 1, 0) > 0 && (p.revents & (POLLHUP | POLLERR)) != 0;
}

int stream_await_hangup(struct stream *s, mono_us deadline)
{
	int rc = 0;

	while (rc == 0) {
		if (stream_hung_up(s))
			return 0;
		rc = edge_wait_read(&s->edge, deadline);
	}
	return rc;
}

void stream_shutdown(struct stream *s)
{
	s->ops->shutdown(s);
}

int stream_fd(const struct stream *s)
{
	return s->edge.fd;
}

void stream_close(struct stream **s)
{
	if (*s == NULL)
		return;
	(*s)->ops->close(*s);
	edge_close(&(*s)->edge);
	free(*s);
	*s = NULL;
}

void stream_part(struct stream **s, size_t bytes, mono_us deadline)
{
	char scrap[1024];
	ssize_t n;

	stream_shutdown(*s);
	while ((n = stream_read(*s, scrap, sizeof(scrap), deadline)) > 0 && (size_t)n < bytes)
		bytes -= (size_t)n;
	stream_close(s);
}
