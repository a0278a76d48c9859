/*
 * libevent bufferevents in one thread with a base of its own, which nobody else
 * touches: the test's thread only writes to an eventfd to stop it, and reads
 * atomic counters.
 *
 * A connection reads a head and a body, asks the script, waits the answer's
 * delay, then sends it piece by piece: the next one when the last has gone out,
 * or after the pause.
 */
#include "webserver.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/eventfd.h>
#include <sys/queue.h>
#include <unistd.h>

enum { WEB_HEAD_MAX = 64 << 10, WEB_PIECE = 64 << 10 };

struct web_connection {
	LIST_ENTRY(web_connection) link;
	struct webserver *server;
	struct bufferevent *bev;
	struct event *timer;		/* the delay, or a pause */
	unsigned number, requests;
	bool answering;			/* a request is being answered */
	bool begun;			/* its head is out */
	bool bodiless;			/* to a HEAD, or a 204 or 304 */
	struct web_answer answer;
	char *body;			/* the answer's, own; NULL: fill */
	size_t len, sent;
};

struct webserver {
	struct webserver_conf conf;
	pthread_t thread;
	int stop_fd;
	unsigned port;
	struct event_base *base;
	struct evconnlistener *listener;
	struct event *stop;
	SSL_CTX *tls;
	LIST_HEAD(, web_connection) connections;
	atomic_uint accepted, requests, open;
};

static void web_read(struct bufferevent *bev, void *arg);

/* ---- a connection's end ---- */

static void web_close(struct web_connection *c)
{
	LIST_REMOVE(c, link);
	atomic_fetch_sub(&c->server->open, 1);
	bufferevent_free(c->bev);
	event_free(c->timer);
	free(c->body);
	free(c);
}

static void web_event(struct bufferevent *bev, short what, void *arg)
{
	(void)bev;
	if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR | BEV_EVENT_TIMEOUT))
		web_close(arg);
}

/* ---- sending ---- */

static void web_later(struct web_connection *c, unsigned ms)
{
	struct timeval tv = { ms / 1000, ms % 1000 * 1000 };

	event_add(c->timer, &tv);
}

static void web_send_head(struct web_connection *c)
{
	struct web_answer *an = &c->answer;
	struct evbuffer *out = bufferevent_get_output(c->bev);

	evbuffer_add_printf(out, "HTTP/1.1 %d Scripted\r\n%s", an->status ? an->status : 200, an->headers);
	if (an->chunked)
		evbuffer_add_printf(out, "Transfer-Encoding: chunked\r\n");
	else if (!an->no_length)
		evbuffer_add_printf(out, "Content-Length: %zu\r\n", c->len);
	evbuffer_add_printf(out, "%s\r\n", an->close || an->no_length ? "Connection: close\r\n" : "");
	c->begun = true;
}

static void web_send_piece(struct web_connection *c, size_t n)
{
	struct evbuffer *out = bufferevent_get_output(c->bev);

	if (c->answer.chunked)
		evbuffer_add_printf(out, "%zx\r\n", n);
	if (c->body != NULL) {
		evbuffer_add(out, c->body + c->sent, n);
	} else {
		char letters[4096];

		memset(letters, 'x', sizeof(letters));
		for (size_t left = n; left > 0; left -= left < sizeof(letters) ? left : sizeof(letters))
			evbuffer_add(out, letters, left < sizeof(letters) ? left : sizeof(letters));
	}
	if (c->answer.chunked)
		evbuffer_add(out, "\r\n", 2);
	c->sent += n;
}

/* All of the answer is on its way. */
static void web_finish(struct web_connection *c)
{
	struct evbuffer *out = bufferevent_get_output(c->bev);

	if (c->answer.chunked && !c->bodiless)
		evbuffer_add(out, "0\r\n\r\n", 5);
	free(c->body);
	c->body = NULL;
	c->answering = false;
	web_read(c->bev, c);		/* the next request may be here already */
}

/* The answer's next piece; called when the one before has gone, and after each wait. */
static void web_send(struct web_connection *c)
{
	size_t end = c->bodiless ? 0 : c->len;
	size_t piece = c->answer.piece ? c->answer.piece : WEB_PIECE;

	if (c->answer.raw != NULL) {
		evbuffer_add(bufferevent_get_output(c->bev), c->answer.raw, strlen(c->answer.raw));
		web_finish(c);
		return;
	}
	if (!c->begun)
		web_send_head(c);
	if (c->answer.cut_after > 0 && c->answer.cut_after < end)
		end = c->answer.cut_after;
	if (c->sent < end)
		web_send_piece(c, end - c->sent < piece ? end - c->sent : piece);
	if (c->sent < c->len && c->sent == end && !c->bodiless)
		c->answer.close = true;		/* cut: the write callback closes */
	else if (c->sent == end)
		web_finish(c);
}

/* All that was given to the socket has gone. */
static void web_wrote(struct bufferevent *bev, void *arg)
{
	struct web_connection *c = arg;
	bool cut = c->answering && c->answer.cut_after > 0 && c->sent >= c->answer.cut_after;

	(void)bev;
	if ((c->answer.close || c->answer.no_length) && (!c->answering || cut))
		web_close(c);
	else if (c->answering && c->begun && c->answer.pause_ms > 0)
		web_later(c, c->answer.pause_ms);
	else if (c->answering && c->begun)
		web_send(c);
}

static void web_on_time(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	web_send(arg);
}

/* ---- reading ---- */

static void web_take_answer(struct web_connection *c, const struct web_request *rq)
{
	struct web_answer *an = &c->answer;

	c->answering = true;
	c->begun = false;
	c->sent = 0;
	c->len = an->body != NULL ? an->len : an->fill;
	c->bodiless = strcmp(rq->method, "HEAD") == 0 || an->status == 204 || an->status == 304;
	if (an->body != NULL) {
		c->body = malloc(an->len + 1);
		if (c->body == NULL)
			abort();
		memcpy(c->body, an->body, an->len);
	}
	if (an->silent)
		return;
	if (an->delay_ms > 0)
		web_later(c, an->delay_ms);
	else
		web_send(c);
}

static void web_ask_script(struct web_connection *c, char *head, const char *body, size_t body_len)
{
	struct web_request rq = { .body = body, .body_len = body_len, .connection = c->number, .nth = ++c->requests };
	char *line = strdup(head), *rest = NULL;

	if (line == NULL)
		abort();
	rq.head = head;
	rq.method = strtok_r(line, " \r\n", &rest);
	rq.target = strtok_r(NULL, " \r\n", &rest);
	memset(&c->answer, 0, sizeof(c->answer));
	atomic_fetch_add(&c->server->requests, 1);
	if (rq.method == NULL || rq.target == NULL)
		c->answer.status = 400;
	else
		c->server->conf.script(&rq, &c->answer, c->server->conf.arg);
	if (rq.method == NULL)
		rq.method = "";
	web_take_answer(c, &rq);
	free(line);
}

static size_t web_content_length(const char *head)
{
	static const char name[] = "\r\nContent-Length:";
	const char *at = strcasestr(head, name);

	return at != NULL ? strtoul(at + sizeof(name) - 1, NULL, 10) : 0;
}

/* No request of ours begins so: a client speaks TLS to a plain server, or worse. */
static void web_turn_away(struct web_connection *c, struct evbuffer *in)
{
	static const struct web_request rq = { .method = "" };

	evbuffer_drain(in, evbuffer_get_length(in));
	memset(&c->answer, 0, sizeof(c->answer));
	c->answer.raw = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n";
	c->answer.close = true;
	web_take_answer(c, &rq);
}

/* Takes one whole request off the input, if it is there. */
static void web_read(struct bufferevent *bev, void *arg)
{
	struct web_connection *c = arg;
	struct evbuffer *in = bufferevent_get_input(bev);
	struct evbuffer_ptr end;
	size_t head_len, body_len;
	char *request, first;

	if (c->answering)
		return;
	if (evbuffer_copyout(in, &first, 1) == 1 && (first < 'A' || first > 'Z')) {
		web_turn_away(c, in);
		return;
	}
	end = evbuffer_search(in, "\r\n\r\n", 4, NULL);
	if (end.pos < 0)
		return;
	head_len = (size_t)end.pos + 4;
	request = head_len <= WEB_HEAD_MAX ? calloc(1, head_len + 1) : NULL;
	if (request == NULL)
		abort();
	evbuffer_copyout(in, request, head_len);
	body_len = web_content_length(request);
	if (evbuffer_get_length(in) >= head_len + body_len) {
		char *body = calloc(1, body_len + 1);

		if (body == NULL)
			abort();
		evbuffer_drain(in, head_len);
		evbuffer_remove(in, body, body_len);
		web_ask_script(c, request, body, body_len);
		free(body);
	}
	free(request);
}

static struct bufferevent *web_bufferevent(struct webserver *s, evutil_socket_t fd)
{
	struct bufferevent *bev;

	if (s->tls == NULL)
		return bufferevent_socket_new(s->base, fd, BEV_OPT_CLOSE_ON_FREE);
	bev = bufferevent_openssl_socket_new(s->base, fd, SSL_new(s->tls), BUFFEREVENT_SSL_ACCEPTING, BEV_OPT_CLOSE_ON_FREE);
	if (bev != NULL)
		bufferevent_openssl_set_allow_dirty_shutdown(bev, 1);
	return bev;
}

static void web_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *from, int len, void *arg)
{
	struct webserver *s = arg;
	struct web_connection *c = calloc(1, sizeof(*c));
	int one = 1;

	(void)listener;
	(void)from;
	(void)len;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (c == NULL || (c->bev = web_bufferevent(s, fd)) == NULL || (c->timer = evtimer_new(s->base, web_on_time, c)) == NULL)
		abort();
	c->server = s;
	c->number = atomic_fetch_add(&s->accepted, 1) + 1;
	atomic_fetch_add(&s->open, 1);
	LIST_INSERT_HEAD(&s->connections, c, link);
	bufferevent_setcb(c->bev, web_read, web_wrote, web_event, c);
	bufferevent_enable(c->bev, EV_READ | EV_WRITE);
}

/* ---- the server ---- */

static void web_stop(evutil_socket_t fd, short what, void *arg)
{
	struct webserver *s = arg;

	(void)fd;
	(void)what;
	event_base_loopbreak(s->base);
}

static void *web_thread(void *arg)
{
	struct webserver *s = arg;
	sigset_t all;

	sigfillset(&all);		/* SIGPIPE above all: OpenSSL writes without asking */
	pthread_sigmask(SIG_BLOCK, &all, NULL);
	event_base_dispatch(s->base);
	return NULL;
}

static int web_load_tls(struct webserver *s)
{
	if (s->conf.certificate == NULL)
		return 0;
	s->tls = SSL_CTX_new(TLS_server_method());
	if (s->tls == NULL || SSL_CTX_use_certificate_chain_file(s->tls, s->conf.certificate) != 1 ||
	    SSL_CTX_use_PrivateKey_file(s->tls, s->conf.key, SSL_FILETYPE_PEM) != 1)
		return -EINVAL;
	return 0;
}

static int web_listen(struct webserver *s)
{
	const char *address = s->conf.address != NULL ? s->conf.address : "127.0.0.1";
	struct sockaddr_storage at = { 0 };
	struct sockaddr_in *in = (struct sockaddr_in *)&at;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&at;
	bool v6 = strchr(address, ':') != NULL;
	socklen_t len = v6 ? sizeof(*in6) : sizeof(*in);

	at.ss_family = v6 ? AF_INET6 : AF_INET;
	in->sin_port = htons(s->conf.port);	/* the same place in both */
	if (inet_pton(at.ss_family, address, v6 ? (void *)&in6->sin6_addr : (void *)&in->sin_addr) != 1)
		return -EINVAL;
	s->listener = evconnlistener_new_bind(s->base, web_accept, s, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_REUSEABLE |
					      LEV_OPT_CLOSE_ON_EXEC, 4096, (struct sockaddr *)&at, (int)len);
	if (s->listener == NULL || getsockname(evconnlistener_get_fd(s->listener), (struct sockaddr *)&at, &len) < 0)
		return -errno;
	s->port = ntohs(in->sin_port);
	return 0;
}

static int web_open(struct webserver *s)
{
	int rc;

	s->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	s->base = event_base_new();
	if (s->stop_fd < 0 || s->base == NULL)
		return -ENOMEM;
	s->stop = event_new(s->base, s->stop_fd, EV_READ, web_stop, s);
	if (s->stop == NULL || event_add(s->stop, NULL) < 0)
		return -ENOMEM;
	rc = web_load_tls(s);
	return rc < 0 ? rc : web_listen(s);
}

static void web_free(struct webserver *s)
{
	struct web_connection *c;

	while ((c = LIST_FIRST(&s->connections)) != NULL)
		web_close(c);
	if (s->listener != NULL)
		evconnlistener_free(s->listener);
	if (s->stop != NULL)
		event_free(s->stop);
	if (s->base != NULL)
		event_base_free(s->base);
	if (s->stop_fd >= 0)
		close(s->stop_fd);
	SSL_CTX_free(s->tls);
	free(s);
}

int webserver_start(const struct webserver_conf *conf, struct webserver **out)
{
	struct webserver *s = calloc(1, sizeof(*s));
	int rc;

	if (s == NULL)
		return -ENOMEM;
	s->conf = *conf;
	LIST_INIT(&s->connections);
	rc = web_open(s);
	if (rc == 0)
		rc = -pthread_create(&s->thread, NULL, web_thread, s);
	if (rc < 0) {
		web_free(s);
		return rc;
	}
	*out = s;
	return 0;
}

void webserver_stop(struct webserver **s)
{
	if (*s == NULL)
		return;
	eventfd_write((*s)->stop_fd, 1);
	pthread_join((*s)->thread, NULL);
	web_free(*s);
	*s = NULL;
}

unsigned webserver_port(const struct webserver *s)
{
	return s->port;
}

unsigned webserver_connections(const struct webserver *s)
{
	return atomic_load(&s->accepted);
}

unsigned webserver_requests(const struct webserver *s)
{
	return atomic_load(&s->requests);
}

unsigned webserver_open(const struct webserver *s)
{
	return atomic_load(&s->open);
}
