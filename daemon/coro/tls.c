/*
 * OpenSSL sits directly on the stream's socket: it tries, and where the socket
 * would block the stream waits for the next edge and lets it try again. The
 * handshake is the same loop, in stream_start_tls.
 *
 * At least TLS 1.2, no renegotiation, no compression, no resumption: each
 * connection proves itself. A client checks the chain against the system's CAs
 * and the certificate against the name or address it called. A peer that closes
 * without TLS's own goodbye counts as an end of file: too many do; whoever must
 * know that all has come, counts (read_bytes) or looks for an end (read_until).
 *
 * OpenSSL's error queue is the thread's, not the session's: it is emptied
 * before each call, and read right after.
 */
#include "coro/tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "coro/stream_priv.h"
#include "coro/trust.h"

struct tls_context {
	SSL_CTX *ctx;
	bool verify;		/* a client's: the server's certificate */
	unsigned users;
};

/* ---- the socket, for OpenSSL: its own BIO would raise SIGPIPE ---- */

static int bio_fd(BIO *bio)
{
	return (int)(intptr_t)BIO_get_data(bio);
}

static int bio_done(BIO *bio, ssize_t n, int retry)
{
	BIO_clear_retry_flags(bio);
	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
		BIO_set_flags(bio, retry | BIO_FLAGS_SHOULD_RETRY);
	return (int)n;
}

static int bio_read(BIO *bio, char *to, int n)
{
	ssize_t got = recv(bio_fd(bio), to, (size_t)n, 0);

	if (got == 0)
		BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
	return bio_done(bio, got, BIO_FLAGS_READ);
}

static int bio_write(BIO *bio, const char *from, int n)
{
	return bio_done(bio, send(bio_fd(bio), from, (size_t)n, MSG_NOSIGNAL), BIO_FLAGS_WRITE);
}

static long bio_control(BIO *bio, int what, long number, void *pointer)
{
	(void)number;
	(void)pointer;
	if (what == BIO_CTRL_EOF)
		return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0;
	return what == BIO_CTRL_FLUSH;
}

static BIO *bio_new(int fd)
{
	static BIO_METHOD *method;
	BIO *bio;

	if (method == NULL) {
		method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "a stream's socket");
		if (method == NULL)
			return NULL;
		BIO_meth_set_read(method, bio_read);
		BIO_meth_set_write(method, bio_write);
		BIO_meth_set_ctrl(method, bio_control);
	}
	bio = BIO_new(method);
	if (bio != NULL) {
		BIO_set_data(bio, (void *)(intptr_t)fd);
		BIO_set_init(bio, 1);
	}
	return bio;
}

/* ---- sentences ---- */

/* OpenSSL's own word for what is at the front of its queue. */
static const char *tls_reason(void)
{
	const char *reason = ERR_reason_error_string(ERR_peek_error());

	return reason != NULL ? reason : "unknown error";
}

/* Why a handshake came to nothing. */
static void tls_explain(SSL *ssl, int error, const char *server_name, char *why, size_t why_size)
{
	long verified = SSL_get_verify_result(ssl);

	if (verified != X509_V_OK && (server_name == NULL || SSL_get_verify_mode(ssl) != SSL_VERIFY_NONE))
		snprintf(why, why_size, "the certificate of %.100s is not accepted: %s",
			 server_name != NULL ? server_name : "the client", X509_verify_cert_error_string(verified));
	else if (error == SSL_ERROR_SSL && ERR_peek_error() != 0)
		snprintf(why, why_size, "no TLS connection: %s", tls_reason());
	else
		snprintf(why, why_size, "the connection was closed during the TLS handshake");
}

/* ---- contexts ---- */

static struct tls_context *context_new(const SSL_METHOD *method)
{
	struct tls_context *tls = calloc(1, sizeof(*tls));

	if (tls == NULL)
		return NULL;
	tls->users = 1;
	tls->ctx = SSL_CTX_new(method);
	if (tls->ctx == NULL) {
		free(tls);
		return NULL;
	}
	SSL_CTX_set_min_proto_version(tls->ctx, TLS1_2_VERSION);
	SSL_CTX_set_options(tls->ctx, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET |
			    SSL_OP_IGNORE_UNEXPECTED_EOF);
	SSL_CTX_set_num_tickets(tls->ctx, 0);
	SSL_CTX_set_session_cache_mode(tls->ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_mode(tls->ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
			 SSL_MODE_RELEASE_BUFFERS);
	return tls;
}

void tls_context_free(struct tls_context **tls)
{
	struct tls_context *gone = *tls;

	*tls = NULL;
	if (gone == NULL || --gone->users > 0)
		return;
	SSL_CTX_free(gone->ctx);
	free(gone);
}

static int client_context_new(bool verify, X509_STORE *store, struct tls_context **out, char *why, size_t why_size)
{
	struct tls_context *tls = context_new(TLS_client_method());

	if (tls == NULL) {
		snprintf(why, why_size, "no memory for TLS");
		return -ENOMEM;
	}
	tls->verify = verify;
	if (verify) {
		SSL_CTX_set_verify(tls->ctx, SSL_VERIFY_PEER, NULL);
		SSL_CTX_set1_cert_store(tls->ctx, store);
	}
	*out = tls;
	return 0;
}

int tls_client_context(bool verify, struct tls_context **out, char *why, size_t why_size)
{
	static struct tls_context *shared[2];	/* not verifying, verifying; one user is this table */
	struct tls_context **tls = &shared[verify];
	X509_STORE *store = verify ? trust_store(why, why_size) : NULL;
	int rc = 0;

	if (verify && store == NULL)
		return -EINVAL;
	if (verify && *tls != NULL && SSL_CTX_get_cert_store((*tls)->ctx) != store)
		tls_context_free(tls);		/* the CAs have been read anew */
	if (*tls == NULL)
		rc = client_context_new(verify, store, tls, why, why_size);
	if (rc == 0) {
		(*tls)->users++;
		*out = *tls;
	}
	return rc;
}

/* The server's own certificate, with what stands between it and a CA, and its key. */
static int context_identify(struct tls_context *tls, const char *certificate, const char *key, char *why, size_t why_size)
{
	const char *what = NULL, *file = certificate;

	ERR_clear_error();
	if (SSL_CTX_use_certificate_chain_file(tls->ctx, certificate) != 1)
		what = "certificate";
	else if (file = key, SSL_CTX_use_PrivateKey_file(tls->ctx, key, SSL_FILETYPE_PEM) != 1)
		what = "key";
	else if (SSL_CTX_check_private_key(tls->ctx) != 1)
		what = "key, which is not the certificate's,";
	if (what == NULL)
		return 0;
	snprintf(why, why_size, "cannot use the TLS %s in %.120s: %s", what, file, tls_reason());
	return -EINVAL;
}

static int context_demand(struct tls_context *tls, const char *client_ca, char *why, size_t why_size)
{
	STACK_OF(X509_NAME) *names;

	ERR_clear_error();
	if (SSL_CTX_load_verify_file(tls->ctx, client_ca) != 1) {
		snprintf(why, why_size, "cannot use the CA certificates in %.120s: %s", client_ca, tls_reason());
		return -EINVAL;
	}
	names = SSL_load_client_CA_file(client_ca);
	if (names != NULL)
		SSL_CTX_set_client_CA_list(tls->ctx, names);	/* takes them over */
	SSL_CTX_set_verify(tls->ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	return 0;
}

int tls_server_context(const char *certificate, const char *key, const char *client_ca, struct tls_context **out,
		       char *why, size_t why_size)
{
	struct tls_context *tls = context_new(TLS_server_method());
	int rc;

	if (tls == NULL) {
		snprintf(why, why_size, "no memory for TLS");
		return -ENOMEM;
	}
	rc = context_identify(tls, certificate, key, why, why_size);
	if (rc == 0 && client_ca != NULL)
		rc = context_demand(tls, client_ca, why, why_size);
	if (rc == 0)
		*out = tls;
	else
		tls_context_free(&tls);
	return rc;
}

/* ---- a stream that speaks TLS ---- */

/* What became of an SSL call that moved nothing. */
static ssize_t tls_result(SSL *ssl, int rc)
{
	int system = errno;

	switch (SSL_get_error(ssl, rc)) {
	case SSL_ERROR_WANT_READ:
		return STREAM_WANT_READ;
	case SSL_ERROR_WANT_WRITE:
		return STREAM_WANT_WRITE;
	case SSL_ERROR_ZERO_RETURN:
		return 0;
	case SSL_ERROR_SYSCALL:
		return system != 0 ? -system : 0;
	default:
		return -EPROTO;
	}
}

static int tls_amount(size_t n)
{
	return n < INT32_MAX ? (int)n : INT32_MAX;
}

static ssize_t tls_read(struct stream *s, void *to, size_t n)
{
	int rc;

	ERR_clear_error();
	errno = 0;
	rc = SSL_read(s->state, to, tls_amount(n));
	return rc > 0 ? rc : tls_result(s->state, rc);
}

static ssize_t tls_write(struct stream *s, const void *from, size_t n)
{
	ssize_t result;
	int rc;

	ERR_clear_error();
	errno = 0;
	rc = SSL_write(s->state, from, tls_amount(n));
	result = rc > 0 ? rc : tls_result(s->state, rc);
	return result != 0 ? result : -EPIPE;
}

/* Says goodbye, as far as goes without waiting. */
static void tls_shutdown(struct stream *s)
{
	ERR_clear_error();
	SSL_shutdown(s->state);
	ERR_clear_error();
}

static void tls_close(struct stream *s)
{
	tls_shutdown(s);
	SSL_free(s->state);
	s->state = NULL;
}

static const struct stream_ops tls_ops = { tls_read, tls_write, tls_shutdown, tls_close };

/* Whom the client calls: told to the server if it is a name, and held against the certificate. */
static bool tls_expect(SSL *ssl, const char *server_name, bool verify)
{
	unsigned char ip[16];
	bool numeric = inet_pton(AF_INET, server_name, ip) == 1 || inet_pton(AF_INET6, server_name, ip) == 1;

	if (numeric)
		return !verify || X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), server_name) == 1;
	if (SSL_set_tlsext_host_name(ssl, server_name) != 1)
		return false;
	SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	return !verify || SSL_set1_host(ssl, server_name) == 1;
}

static SSL *tls_session(const struct stream *s, const struct tls_context *tls, const char *server_name)
{
	SSL *ssl = SSL_new(tls->ctx);
	BIO *bio = ssl != NULL ? bio_new(stream_fd(s)) : NULL;

	if (bio == NULL) {
		SSL_free(ssl);
		return NULL;
	}
	SSL_set_bio(ssl, bio, bio);
	if (server_name == NULL) {
		SSL_set_accept_state(ssl);
		return ssl;
	}
	SSL_set_connect_state(ssl);
	if (!tls_expect(ssl, server_name, tls->verify)) {
		SSL_free(ssl);
		return NULL;
	}
	return ssl;
}

int stream_start_tls(struct stream *s, struct tls_context *tls, const char *server_name, mono_us deadline,
		     char *why, size_t why_size)
{
	SSL *ssl = tls_session(s, tls, server_name);
	int rc = 0, done = 0;

	if (ssl == NULL) {
		snprintf(why, why_size, "no TLS session can be made for %.100s", server_name != NULL ? server_name : "a client");
		return -EPROTO;
	}
	while (rc == 0 && done != 1) {
		ssize_t wants;

		ERR_clear_error();
		errno = 0;
		done = SSL_do_handshake(ssl);
		if (done == 1)
			break;
		wants = tls_result(ssl, done);
		if (stream_wants(wants)) {
			rc = stream_await(s, wants, deadline);		/* parks */
		} else {
			tls_explain(ssl, SSL_get_error(ssl, done), server_name, why, why_size);
			rc = -EPROTO;
		}
	}
	if (rc == 0) {
		s->ops = &tls_ops;
		s->state = ssl;
	} else {
		SSL_free(ssl);
	}
	return rc;
}
