#include "listen.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "base/log.h"
#include "coro/stream.h"
#include "coro/tls.h"
#include "parts.h"
#include "proto/address.h"
#include "session.h"

enum {
	BACKLOG = SOMAXCONN,
	PORTS_MAX = 64,
	ACCEPT_RETRY = 100 * 1000,		/* after EMFILE and the like */
	HANDSHAKE_WAIT = 10 * 1000 * 1000,
	KEEPALIVE_IDLE = 60, KEEPALIVE_INTERVAL = 15, KEEPALIVE_PROBES = 4
};

/* One socket that clients come to. */
struct port {
	struct listen *listen;
	struct listener *listener;
	bool tls, tcp;
	bool failing;		/* accept fails; said in the log */
};

struct listen {
	struct port ports[PORTS_MAX];
	size_t n;
	char unix_path[108];	/* ours to remove; "" = none */
	struct tls_context *tls;
	struct parts *parts;
	struct coro_group *group;
};

/* One client, on its way to its session. */
struct newcomer {
	struct port *port;
	struct stream *stream;
};

/* ---- sockets ---- */

static int add_port(struct listen *l, int fd, enum address_kind kind, const char *name, char *why, size_t why_size)
{
	struct port *port = &l->ports[l->n];
	int rc;

	if (l->n == PORTS_MAX) {
		close(fd);
		snprintf(why, why_size, "at most %d addresses can be listened on", PORTS_MAX);
		return -1;
	}
	rc = listener_open(fd, &port->listener);
	if (rc != 0) {
		snprintf(why, why_size, "cannot listen on %s: %s", name, strerror(-rc));
		return -1;
	}
	port->listen = l;
	port->tls = kind == ADDRESS_TLS;
	port->tcp = kind != ADDRESS_UNIX;
	l->n++;
	log_info("listening on %s", name);
	return 0;
}

/* "tcp 127.0.0.1:7420": as it is bound, so with the port that was chosen for 0. */
static void socket_name(int fd, enum address_kind kind, char *out, size_t size)
{
	struct sockaddr_storage addr = { 0 };
	socklen_t len = sizeof(addr);
	char host[NI_MAXHOST] = "?", service[NI_MAXSERV] = "?";
	const char *word = kind == ADDRESS_TLS ? "tls" : "tcp";

	if (getsockname(fd, (struct sockaddr *)&addr, &len) != 0)
		len = 0;
	if (addr.ss_family == AF_UNIX) {
		snprintf(out, size, "unix %s", ((struct sockaddr_un *)&addr)->sun_path);
		return;
	}
	if (len > 0)
		getnameinfo((struct sockaddr *)&addr, len, host, sizeof(host), service, sizeof(service),
			    NI_NUMERICHOST | NI_NUMERICSERV);
	snprintf(out, size, addr.ss_family == AF_INET6 ? "%s [%s]:%s" : "%s %s:%s", word, host, service);
}

static int bind_one(struct listen *l, const struct addrinfo *ai, enum address_kind kind, char *why, size_t why_size)
{
	char name[NI_MAXHOST + NI_MAXSERV + 16];
	int fd = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int on = 1;

	if (fd < 0) {
		snprintf(why, why_size, "%s", strerror(errno));
		return -1;
	}
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (ai->ai_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	if (bind(fd, ai->ai_addr, ai->ai_addrlen) != 0 || listen(fd, BACKLOG) != 0) {
		snprintf(why, why_size, "%s", strerror(errno));
		close(fd);
		return -1;
	}
	socket_name(fd, kind, name, sizeof(name));
	return add_port(l, fd, kind, name, why, why_size);
}

static int open_tcp(struct listen *l, const char *text, enum address_kind kind, char *why, size_t why_size)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV }, *all;
	struct address address;
	char cause[200];
	int rc;

	if (address_parse(text, &address, why, (unsigned)why_size) != 0)
		return -1;
	rc = getaddrinfo(address.host, address.port, &hints, &all);
	if (rc != 0) {
		snprintf(why, why_size, "cannot listen on %s: %s", text, gai_strerror(rc));
		return -1;
	}
	for (const struct addrinfo *ai = all; ai != NULL && rc == 0; ai = ai->ai_next)
		rc = bind_one(l, ai, kind, cause, sizeof(cause));
	freeaddrinfo(all);
	if (rc != 0)
		snprintf(why, why_size, "cannot listen on %s: %s", text, cause);
	return rc;
}

/* A socket file that nobody answers at is left from a killed predecessor; one that answers is somebody's. */
static int clear_stale(const struct sockaddr_un *addr, char *why, size_t why_size)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct stat st;
	int rc;

	if (lstat(addr->sun_path, &st) != 0 || !S_ISSOCK(st.st_mode)) {
		if (fd >= 0)
			close(fd);
		return 0;
	}
	rc = fd >= 0 ? connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) : -1;
	if (rc != 0 && errno == ECONNREFUSED)
		unlink(addr->sun_path);
	if (fd >= 0)
		close(fd);
	if (rc != 0)
		return 0;
	snprintf(why, why_size, "cannot listen on unix %s: another daemon answers there", addr->sun_path);
	return -1;
}

static int open_unix(struct listen *l, const char *path, unsigned mode, char *why, size_t why_size)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	char name[sizeof(addr.sun_path) + 8];
	mode_t mask;
	int fd, rc;

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
	if (clear_stale(&addr, why, why_size) != 0)
		return -1;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	mask = umask(0777 & ~mode);
	rc = fd < 0 ? -1 : bind(fd, (struct sockaddr *)&addr, sizeof(addr));
	umask(mask);
	if (rc != 0 || listen(fd, BACKLOG) != 0) {
		snprintf(why, why_size, "cannot listen on unix %s: %s", path, strerror(errno));
		if (fd >= 0)
			close(fd);
		return -1;
	}
	snprintf(l->unix_path, sizeof(l->unix_path), "%s", path);
	snprintf(name, sizeof(name), "unix %s", path);
	return add_port(l, fd, ADDRESS_UNIX, name, why, why_size);
}

static int open_inherited(struct listen *l, int n, char *why, size_t why_size)
{
	for (int fd = SD_LISTEN_FDS_START; fd < SD_LISTEN_FDS_START + n; fd++) {
		char name[NI_MAXHOST + NI_MAXSERV + 16];
		enum address_kind kind = sd_is_socket(fd, AF_UNIX, SOCK_STREAM, 1) > 0 ? ADDRESS_UNIX : ADDRESS_TCP;

		if (sd_is_socket(fd, AF_UNSPEC, SOCK_STREAM, 1) <= 0) {
			snprintf(why, why_size, "the inherited descriptor %d is not a listening stream socket", fd);
			return -1;
		}
		socket_name(fd, kind, name, sizeof(name));
		if (add_port(l, fd, kind, name, why, why_size) != 0)
			return -1;
	}
	return 0;
}

static int open_own(struct listen *l, const struct listen_conf *conf, char *why, size_t why_size)
{
	for (size_t i = 0; i < conf->tcp_len; i++)
		if (open_tcp(l, conf->tcp[i], ADDRESS_TCP, why, why_size) != 0)
			return -1;
	if (conf->unix_path[0] != '\0')
		return open_unix(l, conf->unix_path, conf->unix_mode, why, why_size);
	return 0;
}

static int open_tls(struct listen *l, const struct listen_conf *conf, char *why, size_t why_size)
{
	if (conf->tls_len > 0 &&
	    tls_server_context(conf->certificate, conf->key, conf->client_ca, &l->tls, why, why_size) != 0)
		return -1;
	for (size_t i = 0; i < conf->tls_len; i++)
		if (open_tcp(l, conf->tls[i], ADDRESS_TLS, why, why_size) != 0)
			return -1;
	return 0;
}

int listen_open(const struct listen_conf *conf, struct listen **out, char *why, size_t why_size)
{
	struct listen *l = calloc(1, sizeof(*l));
	int inherited = sd_listen_fds(1);
	int rc;

	*out = l;
	if (l == NULL) {
		snprintf(why, why_size, "out of memory");
		return -1;
	}
	rc = inherited > 0 ? open_inherited(l, inherited, why, why_size) : open_own(l, conf, why, why_size);
	if (rc == 0)
		rc = open_tls(l, conf, why, why_size);
	if (rc == 0 && l->n == 0) {
		snprintf(why, why_size, "there is no address to listen on: set listen.tcp, listen.unix or listen.tls");
		rc = -1;
	}
	if (rc != 0)
		listen_close(out);
	return rc;
}

void listen_close(struct listen **out)
{
	struct listen *l = *out;

	if (l == NULL)
		return;
	for (size_t i = 0; i < l->n; i++)
		listener_close(&l->ports[i].listener);
	if (l->unix_path[0] != '\0')
		unlink(l->unix_path);
	if (l->tls != NULL)
		tls_context_free(&l->tls);
	free(l);
	*out = NULL;
}

/* ---- clients ---- */

static int greet_tls(struct port *port, struct stream *stream)
{
	char why[160];
	int rc = stream_start_tls(stream, port->listen->tls, NULL, clock_after(HANDSHAKE_WAIT), why, sizeof(why));

	if (rc == -EPROTO)
		log_info("a client's TLS handshake failed: %s", why);
	return rc;
}

static void client_main(void *arg)
{
	struct newcomer *c = arg;
	struct parts *parts = c->port->listen->parts;
	struct stream *stream = c->stream;
	bool tls = c->port->tls;
	struct port *port = c->port;

	free(c);
	if (tls && greet_tls(port, stream) != 0)
		stream_close(&stream);
	else if (parts->connections > parts->limits.connections)
		session_refuse(stream);
	else
		session_run(parts, stream);
	parts->connections--;
}

static void set_tcp_options(int fd)
{
	int on = 1, idle = KEEPALIVE_IDLE, interval = KEEPALIVE_INTERVAL, probes = KEEPALIVE_PROBES;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof(interval));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof(probes));
}

/* A session for a new connection; one that cannot be had is closed. */
static void welcome(struct port *port, int fd)
{
	struct listen *l = port->listen;
	struct newcomer *c = calloc(1, sizeof(*c));

	if (c == NULL) {
		close(fd);
		return;
	}
	if (port->tcp)
		set_tcp_options(fd);
	c->port = port;
	if (stream_open(fd, &c->stream) != 0) {
		free(c);
		return;
	}
	l->parts->connections++;
	l->parts->accepted++;
	if (coro_spawn(l->group, "client", client_main, c) != 0) {
		l->parts->connections--;
		stream_close(&c->stream);
		free(c);
	}
}

/* Out of descriptors or memory: said once, waited out; the backlog holds who comes meanwhile. */
static int wait_out(struct port *port, int rc)
{
	if (!port->failing)
		log_warning("cannot accept connections for now: %s", strerror(-rc));
	port->failing = true;
	return coro_sleep(clock_after(ACCEPT_RETRY));
}

static void accept_main(void *arg)
{
	struct port *port = arg;
	int fd;

	while ((fd = listener_accept(port->listener, MONO_NEVER)) != -ECANCELED) {
		if (fd < 0) {
			if (wait_out(port, fd) != 0)
				return;
			continue;
		}
		if (port->failing)
			log_info("accepting connections again");
		port->failing = false;
		welcome(port, fd);
	}
}

int listen_start(struct listen *l, struct parts *parts, struct coro_group *group)
{
	l->parts = parts;
	l->group = group;
	for (size_t i = 0; i < l->n; i++) {
		int rc = coro_spawn(group, "accept", accept_main, &l->ports[i]);

		if (rc != 0)
			return rc;
	}
	return 0;
}
