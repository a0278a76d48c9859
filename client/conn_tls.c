/*
 * OpenSSL on a descriptor that never blocks. The library writes through a BIO
 * of our own, for its socket BIO has no way to ask for MSG_NOSIGNAL, and a
 * library may not change its program's signals.
 */
#include "client/conn_tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

struct conn_tls {
	SSL_CTX *context;
	SSL *ssl;
	BIO_METHOD *socket;
};

/* ---- the BIO ---- */

static int tls_bio_write(BIO *bio, const char *data, int size)
{
	struct conn *c = BIO_get_data(bio);
	ssize_t n;

	BIO_clear_retry_flags(bio);
	do
		n = send(c->fd, data, (size_t)size, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EAGAIN)
		BIO_set_retry_write(bio);
	return (int)n;
}

static int tls_bio_read(BIO *bio, char *data, int size)
{
	struct conn *c = BIO_get_data(bio);
	ssize_t n;

	BIO_clear_retry_flags(bio);
	do
		n = recv(c->fd, data, (size_t)size, 0);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EAGAIN)
		BIO_set_retry_read(bio);
	return (int)n;
}

static long tls_bio_ctrl(BIO *bio, int command, long number, void *pointer)
{
	(void)bio;
	(void)number;
	(void)pointer;
	return command == BIO_CTRL_FLUSH;
}

static BIO *tls_bio_new(struct conn *c)
{
	BIO_METHOD *m = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "jobd socket");
	BIO *bio;

	c->tls->socket = m;
	if (m == NULL || !BIO_meth_set_write(m, tls_bio_write) || !BIO_meth_set_read(m, tls_bio_read) ||
	    !BIO_meth_set_ctrl(m, tls_bio_ctrl))
		return NULL;
	bio = BIO_new(m);
	if (bio != NULL) {
		BIO_set_data(bio, c);
		BIO_set_init(bio, 1);
	}
	return bio;
}

/* ---- opening ---- */

/* What OpenSSL holds against it, or `otherwise`. */
static int tls_explain(const char *otherwise, char *why, size_t why_size)
{
	unsigned long error = ERR_peek_last_error();
	const char *text = error != 0 ? ERR_reason_error_string(error) : NULL;

	snprintf(why, why_size, "%s%s%s", otherwise, text != NULL ? ": " : "", text != NULL ? text : "");
	ERR_clear_error();
	return -EPROTO;
}

/* Authorities, and the client's own certificate, from the environment. */
static int tls_load(SSL_CTX *context, char *why, size_t why_size)
{
	const char *ca = getenv("JOBD_TLS_CA");
	const char *certificate = getenv("JOBD_TLS_CERTIFICATE");
	const char *key = getenv("JOBD_TLS_KEY");
	char what[160];

	if (ca != NULL && *ca != '\0' ? !SSL_CTX_load_verify_file(context, ca) : !SSL_CTX_set_default_verify_paths(context)) {
		snprintf(what, sizeof(what), "the authorities (JOBD_TLS_CA) cannot be read");
		return tls_explain(what, why, why_size);
	}
	if (certificate == NULL || *certificate == '\0')
		return 0;
	if (key == NULL || *key == '\0')
		key = certificate;
	if (!SSL_CTX_use_certificate_chain_file(context, certificate) ||
	    !SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM)) {
		snprintf(what, sizeof(what), "the client's certificate or key (JOBD_TLS_CERTIFICATE, JOBD_TLS_KEY) cannot be used");
		return tls_explain(what, why, why_size);
	}
	return 0;
}

/* The certificate must name the host: as an address if it is one, else as a name, which is sent along too. */
static bool tls_expect(SSL *ssl, const char *host)
{
	unsigned char bytes[sizeof(struct in6_addr)];

	if (inet_pton(AF_INET, host, bytes) == 1 || inet_pton(AF_INET6, host, bytes) == 1)
		return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1;
	SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	return SSL_set1_host(ssl, host) == 1 && SSL_set_tlsext_host_name(ssl, host) == 1;
}

static int tls_prepare(struct conn *c, const char *host, char *why, size_t why_size)
{
	struct conn_tls *tls = c->tls;
	BIO *bio;
	int rc;

	tls->context = SSL_CTX_new(TLS_client_method());
	if (tls->context == NULL)
		return tls_explain("TLS cannot be set up", why, why_size);
	SSL_CTX_set_min_proto_version(tls->context, TLS1_2_VERSION);
	SSL_CTX_set_verify(tls->context, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_mode(tls->context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	rc = tls_load(tls->context, why, why_size);
	if (rc < 0)
		return rc;
	tls->ssl = SSL_new(tls->context);
	bio = tls->ssl != NULL ? tls_bio_new(c) : NULL;
	if (bio == NULL)
		return tls_explain("TLS cannot be set up", why, why_size);
	SSL_set_bio(tls->ssl, bio, bio);
	if (!tls_expect(tls->ssl, host))
		return tls_explain("TLS cannot be set up for this host", why, why_size);
	return 0;
}

/* What an operation's result means; for -EAGAIN, *needs is set. */
static int tls_result(struct conn *c, int rc, short *needs)
{
	int saved = errno;
	int error = SSL_get_error(c->tls->ssl, rc);

	if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) {
		*needs = error == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT;
		return -EAGAIN;
	}
	if (error == SSL_ERROR_ZERO_RETURN)
		return 0;
	if (error == SSL_ERROR_SYSCALL && rc < 0 && saved != 0)
		return -saved;
	return -EPROTO;
}

static int tls_handshake(struct conn *c, mono_us deadline, char *why, size_t why_size)
{
	char what[256];
	long verified;
	int rc;

	for (;;) {
		short needs;

		ERR_clear_error();
		errno = 0;
		rc = SSL_connect(c->tls->ssl);
		if (rc == 1)
			return 0;
		rc = tls_result(c, rc, &needs);
		if (rc != -EAGAIN)
			break;
		c->read_needs = needs;
		rc = conn_wait(c, false, deadline);
		c->read_needs = POLLIN;
		if (rc < 0) {
			snprintf(why, why_size, "no TLS handshake in time");
			return rc;
		}
	}
	verified = SSL_get_verify_result(c->tls->ssl);
	if (verified == X509_V_OK)
		return tls_explain("the TLS handshake failed", why, why_size);
	ERR_clear_error();
	snprintf(what, sizeof(what), "its certificate is not accepted: %s", X509_verify_cert_error_string(verified));
	return tls_explain(what, why, why_size);
}

int conn_tls_open(struct conn *c, const char *host, mono_us deadline, char *why, size_t why_size)
{
	int rc;

	c->tls = calloc(1, sizeof(*c->tls));
	if (c->tls == NULL) {
		snprintf(why, why_size, "out of memory");
		return -ENOMEM;
	}
	rc = tls_prepare(c, host, why, why_size);
	if (rc == 0)
		rc = tls_handshake(c, deadline, why, why_size);
	return rc;
}

void conn_tls_close(struct conn *c)
{
	struct conn_tls *tls = c->tls;

	if (tls->ssl != NULL && SSL_is_init_finished(tls->ssl))
		SSL_shutdown(tls->ssl);		/* a farewell; nobody waits for the answer */
	SSL_free(tls->ssl);
	SSL_CTX_free(tls->context);
	BIO_meth_free(tls->socket);
	ERR_clear_error();
	free(tls);
	c->tls = NULL;
}

/* ---- bytes ---- */

ssize_t conn_tls_read(struct conn *c, void *data, size_t size)
{
	int n;

	ERR_clear_error();
	errno = 0;
	n = SSL_read(c->tls->ssl, data, size > INT32_MAX ? INT32_MAX : (int)size);
	c->read_needs = POLLIN;
	return n > 0 ? n : tls_result(c, n, &c->read_needs);
}

ssize_t conn_tls_write(struct conn *c, const void *data, size_t size)
{
	int n;

	ERR_clear_error();
	errno = 0;
	n = SSL_write(c->tls->ssl, data, size > INT32_MAX ? INT32_MAX : (int)size);
	c->write_needs = POLLOUT;
	if (n > 0)
		return n;
	n = tls_result(c, n, &c->write_needs);
	return n == 0 ? -EPIPE : n;
}
