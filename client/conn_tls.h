/* conn_tls: the TLS side of a connection, by OpenSSL. See conn.h for what results mean. */
#ifndef JOBD_CONN_TLS_H
#define JOBD_CONN_TLS_H

#include "client/conn.h"

/* Shakes hands on c->fd; the certificate must be valid for `host`. Sets c->tls, or fails with why[]. */
int conn_tls_open(struct conn *c, const char *host, mono_us deadline, char *why, size_t why_size);
void conn_tls_close(struct conn *c);

ssize_t conn_tls_read(struct conn *c, void *data, size_t size);
ssize_t conn_tls_write(struct conn *c, const void *data, size_t size);

#endif
