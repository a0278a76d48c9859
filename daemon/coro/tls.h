/* tls: OpenSSL contexts for stream_start_tls. */
#ifndef JOBD_TLS_H
#define JOBD_TLS_H

#include <stdbool.h>
#include <stddef.h>

struct tls_context;

/*
 * For clients: believes the system's CAs (a coroutine calls trust_ready before, see trust.h); verify = false accepts
 * any certificate. One context is shared by all who ask. 0 or -errno, with a sentence.
 */
int tls_client_context(bool verify, struct tls_context **out, char *why, size_t why_size);

/* For servers: PEM files; client_ca (or NULL) makes client certificates required. */
int tls_server_context(const char *certificate, const char *key, const char *client_ca, struct tls_context **out,
		       char *why, size_t why_size);

/* Gives up the caller's hold on it; streams that speak through it keep their own. */
void tls_context_free(struct tls_context **tls);

#endif
