#include "wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

double bench_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

void bench_pause(void)
{
	struct timespec ts = { .tv_nsec = 1000000 };

	nanosleep(&ts, NULL);
}

void bench_die(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(1);
}

void wire_open(struct wire *w, int port)
{
	struct sockaddr_in addr = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port),
				    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int on = 1;

	memset(w, 0, sizeof(*w));
	w->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (w->fd < 0 || connect(w->fd, (struct sockaddr *)&addr, sizeof(addr)) != 0)
		bench_die("port %d: %s", port, strerror(errno));
	setsockopt(w->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

void wire_close(struct wire *w)
{
	close(w->fd);
	free(w->in);
}

void wire_send(struct wire *w, const void *data, size_t len)
{
	const char *at = data;

	while (len > 0) {
		ssize_t n = write(w->fd, at, len);

		if (n < 0)
			bench_die("write: %s", strerror(errno));
		at += n;
		len -= (size_t)n;
	}
}

static void wire_more(struct wire *w)
{
	ssize_t n;

	if (w->start > 0) {
		memmove(w->in, w->in + w->start, w->end - w->start);
		w->end -= w->start;
		w->start = 0;
	}
	if (w->end == w->cap) {
		w->cap = w->cap > 0 ? 2 * w->cap : 65536;
		w->in = realloc(w->in, w->cap);
		if (w->in == NULL)
			bench_die("out of memory");
	}
	n = read(w->fd, w->in + w->end, w->cap - w->end);
	if (n <= 0)
		bench_die("the server closed the connection");
	w->end += (size_t)n;
}

char *wire_line(struct wire *w, size_t *len)
{
	size_t looked = 0;
	char *line, *nl;

	while ((nl = w->end > w->start ? memchr(w->in + w->start + looked, '\n', w->end - w->start - looked) : NULL) == NULL) {
		looked = w->end - w->start;
		wire_more(w);
	}
	line = w->in + w->start;
	*nl = '\0';
	w->start = (size_t)(nl - w->in) + 1;
	if (len != NULL)
		*len = (size_t)(nl - line);
	return line;
}

char *wire_bytes(struct wire *w, size_t n)
{
	char *at;

	while (w->end - w->start < n)
		wire_more(w);
	at = w->in + w->start;
	w->start += n;
	return at;
}

/* ---- load ---- */

struct client {
	struct wire wire;
	int unanswered, lines;
	size_t unsent;			/* bytes of the requests begun that the socket has not taken */
};

struct run {
	const struct load *load;
	struct client *clients;
	char *requests;			/* `depth` of them in a row */
	int epoll, sent, answered;
};

static void check_line(const struct load *l, const char *line)
{
	bool good = l->good[0] == '*' ? strstr(line, l->good + 1) != NULL : strncmp(line, l->good, strlen(l->good)) == 0;

	if (!good)
		bench_die("bad answer: %.200s", line);
}

static void client_send(struct run *r, struct client *c)
{
	const struct load *l = r->load;

	while (c->unanswered < l->depth && r->sent < l->count) {
		c->unanswered++;
		r->sent++;
		c->unsent += l->len;
	}
	while (c->unsent > 0) {
		/* The bytes still to go are the last of a row of whole requests. */
		size_t row = (c->unsent + l->len - 1) / l->len * l->len;
		ssize_t n = send(c->wire.fd, r->requests + (row - c->unsent), c->unsent, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0 && errno != EAGAIN)
			bench_die("send: %s", strerror(errno));
		if (n <= 0)
			return;
		c->unsent -= (size_t)n;
	}
}

static void client_read(struct run *r, struct client *c)
{
	struct wire *w = &c->wire;

	wire_more(w);
	for (char *nl; (nl = w->end > w->start ? memchr(w->in + w->start, '\n', w->end - w->start) : NULL) != NULL;) {
		*nl = '\0';
		if (++c->lines == r->load->lines) {
			check_line(r->load, w->in + w->start);
			c->lines = 0;
			c->unanswered--;
			r->answered++;
		}
		w->start = (size_t)(nl - w->in) + 1;
	}
}

static void run_open(struct run *r)
{
	const struct load *l = r->load;

	r->clients = calloc((size_t)l->connections, sizeof(*r->clients));
	r->requests = malloc(l->len * (size_t)l->depth);
	r->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (r->clients == NULL || r->requests == NULL || r->epoll < 0)
		bench_die("out of memory");
	for (int i = 0; i < l->depth; i++)
		memcpy(r->requests + (size_t)i * l->len, l->request, l->len);
	for (int i = 0; i < l->connections; i++) {
		struct epoll_event ev = { .events = EPOLLIN, .data.ptr = &r->clients[i] };

		wire_open(&r->clients[i].wire, l->port);
		if (l->hello != NULL) {
			wire_send(&r->clients[i].wire, l->hello, strlen(l->hello));
			wire_line(&r->clients[i].wire, NULL);
		}
		epoll_ctl(r->epoll, EPOLL_CTL_ADD, r->clients[i].wire.fd, &ev);
	}
}

double load_run(const struct load *l)
{
	struct run r = { .load = l };
	struct epoll_event events[64];
	double begin;

	run_open(&r);
	begin = bench_now();
	for (int i = 0; i < l->connections; i++)
		client_send(&r, &r.clients[i]);
	while (r.answered < l->count) {
		int n = epoll_wait(r.epoll, events, 64, 30000);

		if (n <= 0)
			bench_die("no answer within 30 s");
		for (int i = 0; i < n; i++) {
			client_read(&r, events[i].data.ptr);
			client_send(&r, events[i].data.ptr);
		}
	}
	begin = bench_now() - begin;
	for (int i = 0; i < l->connections; i++)
		wire_close(&r.clients[i].wire);
	close(r.epoll);
	free(r.clients);
	free(r.requests);
	return l->count / begin;
}
