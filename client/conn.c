#include "client/conn.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "client/conn_tls.h"

/* ---- waiting ---- */

static int conn_poll_time(mono_us deadline)
{
	mono_us left;

	if (deadline == MONO_NEVER)
		return -1;
	left = deadline - clock_mono();
	if (left <= 0)
		return 0;
	return left > 3600 * 1000000LL ? 3600 * 1000 : (int)((left + 999) / 1000);
}

static int conn_poll(int fd, short events, mono_us deadline)
{
	for (;;) {
		struct pollfd p = { .fd = fd, .events = events };
		int time = conn_poll_time(deadline);
		int n = poll(&p, 1, time);

		if (n > 0)
			return 0;
		if (n == 0 && time == 0)
			return -ETIMEDOUT;
		if (n < 0 && errno != EINTR)
			return -errno;
	}
}

int conn_wait(const struct conn *c, bool writing, mono_us deadline)
{
	return conn_poll(c->fd, writing ? (short)(c->read_needs | c->write_needs) : c->read_needs, deadline);
}

/* ---- opening ---- */

/* The errors that a person meets, in lower case as they stand in a sentence. */
static void conn_explain(int error, char *why, size_t why_size)
{
	const char *text = error == ETIMEDOUT ? "no answer in time" : strerror(error);

	snprintf(why, why_size, "%s", text);
	if (why[0] >= 'A' && why[0] <= 'Z' && why[1] >= 'a' && why[1] <= 'z')
		why[0] = (char)(why[0] - 'A' + 'a');
}

/* A connected socket, or -errno. */
static int conn_dial(int family, const struct sockaddr *to, socklen_t len, mono_us deadline)
{
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int rc, error = 0;
	socklen_t size = sizeof(error);

	if (fd < 0)
		return -errno;
	rc = connect(fd, to, len) == 0 ? 0 : -errno;
	if (rc == -EINPROGRESS || rc == -EINTR) {
		rc = conn_poll(fd, POLLOUT, deadline);
		if (rc == 0)
			rc = getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? -error : -errno;
	}
	if (rc == 0)
		return fd;
	close(fd);
	return rc;
}

static int conn_dial_unix(const char *path, mono_us deadline)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	size_t len = strnlen(path, sizeof(to.sun_path));
	int fd;

	memcpy(to.sun_path, path, len);
	/* A full backlog of a Unix socket is EAGAIN at once: there is nothing to poll for. */
	while ((fd = conn_dial(AF_UNIX, (struct sockaddr *)&to, sizeof(to), deadline)) == -EAGAIN &&
	       clock_mono() < deadline)
		poll(NULL, 0, 10);
	return fd == -EAGAIN ? -ETIMEDOUT : fd;
}

/* Tries each address of the name in turn; the last one's error is told. */
static int conn_dial_host(const struct address *address, mono_us deadline, char *why, size_t why_size)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV };
	struct addrinfo *found, *one;
	int rc = getaddrinfo(address->host, address->port, &hints, &found);
	int fd = -EHOSTUNREACH, on = 1;

	if (rc != 0) {
		snprintf(why, why_size, "the name \"%s\" cannot be looked up: %s", address->host, gai_strerror(rc));
		return -EHOSTUNREACH;
	}
	for (one = found; one != NULL; one = one->ai_next) {
		fd = conn_dial(one->ai_family, one->ai_addr, one->ai_addrlen, deadline);
		if (fd >= 0)
			break;
	}
	freeaddrinfo(found);
	if (fd < 0)
		conn_explain(-fd, why, why_size);
	else
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return fd;
}

int conn_open(struct conn *c, const struct address *address, mono_us deadline, char *why, size_t why_size)
{
	int rc = 0;

	memset(c, 0, sizeof(*c));
	c->read_needs = POLLIN;
	c->write_needs = POLLOUT;
	if (address->kind == ADDRESS_UNIX) {
		c->fd = conn_dial_unix(address->path, deadline);
		if (c->fd < 0)
			conn_explain(-c->fd, why, why_size);
	} else {
		c->fd = conn_dial_host(address, deadline, why, why_size);
	}
	if (c->fd < 0)
		return c->fd;
	if (address->kind == ADDRESS_TLS)
		rc = conn_tls_open(c, address->host, deadline, why, why_size);
	if (rc < 0)
		conn_close(c);
	return rc;
}

void conn_close(struct conn *c)
{
	if (c->tls != NULL)
		conn_tls_close(c);
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
}

/* ---- bytes ---- */

ssize_t conn_read(struct conn *c, void *data, size_t size)
{
	ssize_t n;

	if (c->tls != NULL)
		return conn_tls_read(c, data, size);
	do
		n = recv(c->fd, data, size, 0);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

ssize_t conn_write(struct conn *c, const void *data, size_t size)
{
	ssize_t n;

	if (c->tls != NULL)
		return conn_tls_write(c, data, size);
	do
		n = send(c->fd, data, size, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}
