/*
 * listen: the addresses clients come to, and a session for each who comes.
 *
 * Sockets are our own, or handed down by systemd (socket activation), which
 * then stand for listen.tcp and listen.unix.
 */
#ifndef JOBD_LISTEN_H
#define JOBD_LISTEN_H

#include <stddef.h>

#include "coro/coro.h"

struct parts;
struct listen;

struct listen_conf {
	const char *const *tcp, *const *tls;	/* "host:port"; n of each below */
	size_t tcp_len, tls_len;
	const char *unix_path;			/* "" = none */
	unsigned unix_mode;
	const char *certificate, *key, *client_ca;	/* of tls */
};

/* Binds and listens, and says where in the log. 0; or -1 with a sentence. */
int listen_open(const struct listen_conf *conf, struct listen **out, char *why, size_t why_size);

/* Begins to accept: a coroutine for each address, and one for each client, all in the group. 0 or -errno. */
int listen_start(struct listen *l, struct parts *parts, struct coro_group *group);

/* Closes the sockets; no coroutine of listen_start may be left. Removes the Unix socket's file. */
void listen_close(struct listen **l);

#endif
