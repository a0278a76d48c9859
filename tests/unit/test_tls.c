/* TLS on streams, both ends in one loop: who is believed, who is not, and that bytes come through. */
#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "coro/stream.h"
#include "coro/tls.h"
#include "tests/lib/certs.h"
#include "tests/lib/iojob.h"
#include "tests/lib/unit.h"

enum { LARGE = 3 << 20 };

static struct certs certs;
static char why[256], server_why[256];

static void begin(void)
{
	ck_assert_int_eq(certs_make(&certs), 0);
	setenv("SSL_CERT_FILE", certs.ca, 1);
	signal(SIGPIPE, SIG_DFL);	/* nothing here may raise it */
	loop_begin();
}

static void end(void)
{
	loop_end();
	certs_remove(&certs);
}

/* ---- two ends ---- */

struct pair {
	struct tls_context *server_tls, *client_tls;
	const char *name;		/* that the client calls */
	void (*server)(struct stream *s);	/* after the handshake */
	void (*client)(struct stream *s);
	int fds[2];
	int server_rc, client_rc;	/* of the handshakes */
};

static void server_main(void *arg)
{
	struct pair *p = arg;
	struct stream *s;

	ck_assert_int_eq(stream_open(p->fds[0], &s), 0);
	p->server_rc = stream_start_tls(s, p->server_tls, NULL, clock_after(5 * 1000000), server_why, sizeof(server_why));
	if (p->server_rc == 0 && p->server != NULL)
		p->server(s);
	stream_close(&s);
}

static void client_main(void *arg)
{
	struct pair *p = arg;
	struct coro_group group;
	struct stream *s;

	coro_group_init(&group);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, p->fds), 0);
	ck_assert_int_eq(coro_spawn(&group, "server", server_main, p), 0);
	ck_assert_int_eq(stream_open(p->fds[1], &s), 0);
	p->client_rc = stream_start_tls(s, p->client_tls, p->name, clock_after(5 * 1000000), why, sizeof(why));
	if (p->client_rc == 0 && p->client != NULL)
		p->client(s);
	stream_close(&s);
	coro_group_join(&group);
}

static void contexts(struct pair *p, const char *certificate, const char *client_ca, bool verify)
{
	ck_assert_msg(tls_server_context(certificate, certs.key, client_ca, &p->server_tls, why, sizeof(why)) == 0, "%s", why);
	ck_assert_msg(tls_client_context(verify, &p->client_tls, why, sizeof(why)) == 0, "%s", why);
}

static void pair_run(struct pair *p)
{
	why[0] = server_why[0] = '\0';
	loop_try(client_main, p);
	tls_context_free(&p->server_tls);
	tls_context_free(&p->client_tls);
}

static int handshake(const char *certificate, const char *name, bool verify)
{
	struct pair p = { .name = name };

	contexts(&p, certificate, NULL, verify);
	pair_run(&p);
	return p.client_rc;
}

/* ---- who is believed ---- */

START_TEST(good_certificates_are_believed)
{
	ck_assert_msg(handshake(certs.good, "localhost", true) == 0, "%s", why);
	ck_assert_msg(handshake(certs.good, "127.0.0.1", true) == 0, "%s", why);
	ck_assert_msg(handshake(certs.good, "::1", true) == 0, "%s", why);
	ck_assert_msg(handshake(certs.wrong, "elsewhere.example", true) == 0, "%s", why);
}
END_TEST

START_TEST(others_are_refused_with_a_sentence)
{
	ck_assert_int_eq(handshake(certs.wrong, "localhost", true), -EPROTO);
	ck_assert_ptr_nonnull(strstr(why, "localhost is not accepted: hostname mismatch"));
	ck_assert_int_eq(handshake(certs.good, "127.0.0.2", true), -EPROTO);
	ck_assert_ptr_nonnull(strstr(why, "IP address mismatch"));
	ck_assert_int_eq(handshake(certs.expired, "localhost", true), -EPROTO);
	ck_assert_ptr_nonnull(strstr(why, "expired"));
	ck_assert_int_eq(handshake(certs.stranger, "localhost", true), -EPROTO);
	ck_assert_ptr_nonnull(strstr(why, "self-signed"));
}
END_TEST

START_TEST(anyone_is_believed_on_request)
{
	ck_assert_msg(handshake(certs.stranger, "localhost", false) == 0, "%s", why);
	ck_assert_msg(handshake(certs.expired, "127.0.0.2", false) == 0, "%s", why);
}
END_TEST

START_TEST(clients_may_have_to_prove_themselves)
{
	struct pair p = { .name = "localhost" };

	contexts(&p, certs.good, certs.ca, true);
	pair_run(&p);
	ck_assert_int_eq(p.server_rc, -EPROTO);
	ck_assert_str_ne(server_why, "");
}
END_TEST

static void old_client(void *arg)
{
	struct pair *p = arg;
	struct coro_group group;
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	SSL *ssl = SSL_new(ctx);

	SSL_set_min_proto_version(ssl, TLS1_VERSION);
	SSL_set_max_proto_version(ssl, TLS1_1_VERSION);
	SSL_set_cipher_list(ssl, "ALL:@SECLEVEL=0");
	coro_group_init(&group);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, p->fds), 0);
	ck_assert_int_eq(coro_spawn(&group, "server", server_main, p), 0);
	ck_assert_int_eq(fcntl(p->fds[1], F_SETFL, O_NONBLOCK), 0);
	SSL_set_fd(ssl, p->fds[1]);
	while (group.count > 0) {
		SSL_connect(ssl);
		ck_assert_int_eq(coro_sleep(clock_after(1000)), 0);
	}
	SSL_free(ssl);
	SSL_CTX_free(ctx);
	close(p->fds[1]);
}

START_TEST(old_versions_are_refused)
{
	struct pair p = { 0 };

	contexts(&p, certs.good, NULL, true);
	loop_try(old_client, &p);
	ck_assert_int_eq(p.server_rc, -EPROTO);
	tls_context_free(&p.server_tls);
	tls_context_free(&p.client_tls);
}
END_TEST

/* ---- contexts ---- */

START_TEST(files_that_do_not_fit_are_named)
{
	struct tls_context *tls = NULL;

	ck_assert_int_lt(tls_server_context("/nowhere/cert.pem", certs.key, NULL, &tls, why, sizeof(why)), 0);
	ck_assert_ptr_nonnull(strstr(why, "/nowhere/cert.pem"));
	ck_assert_int_lt(tls_server_context(certs.good, certs.good, NULL, &tls, why, sizeof(why)), 0);
	ck_assert_ptr_nonnull(strstr(why, "key"));
	ck_assert_int_lt(tls_server_context(certs.good, certs.key, "/nowhere/ca.pem", &tls, why, sizeof(why)), 0);
	ck_assert_ptr_nonnull(strstr(why, "/nowhere/ca.pem"));
	ck_assert_ptr_null(tls);
}
END_TEST

START_TEST(client_context_is_shared)
{
	struct tls_context *a, *b, *c;

	ck_assert_int_eq(tls_client_context(true, &a, why, sizeof(why)), 0);
	ck_assert_int_eq(tls_client_context(true, &b, why, sizeof(why)), 0);
	ck_assert_int_eq(tls_client_context(false, &c, why, sizeof(why)), 0);
	ck_assert_ptr_eq(a, b);
	ck_assert_ptr_ne(a, c);
	tls_context_free(&a);
	tls_context_free(&b);
	tls_context_free(&c);
	tls_context_free(&c);		/* a second time is harmless */
}
END_TEST

/* ---- bytes ---- */

static void echo(struct stream *s)
{
	char bytes[5000];
	ssize_t n;

	while ((n = stream_read(s, bytes, sizeof(bytes), MONO_NEVER)) > 0)
		ck_assert_int_eq(stream_write(s, bytes, (size_t)n, MONO_NEVER), 0);
	ck_assert_int_eq(n, 0);
}

static void read_whole(struct stream *s, char *to, size_t n)
{
	size_t have = 0;

	while (have < n) {
		ssize_t got = stream_read(s, to + have, n - have < 7000 ? n - have : 7000, clock_after(20 * 1000000));

		ck_assert_int_gt(got, 0);
		have += (size_t)got;
	}
}

static void write_large(void *arg)
{
	struct stream *s = arg;
	char *bytes = malloc(LARGE);

	for (size_t i = 0; i < LARGE; i++)
		bytes[i] = (char)(i * 7 + i / 251);
	ck_assert_int_eq(stream_write(s, bytes, LARGE, clock_after(20 * 1000000)), 0);
	free(bytes);
}

/* Far more than the sockets hold: both directions stall and go on. */
static void exchange(struct stream *s)
{
	struct coro_group group;
	char *back = malloc(LARGE);

	coro_group_init(&group);
	ck_assert_int_eq(coro_spawn(&group, "writer", write_large, s), 0);
	read_whole(s, back, LARGE);
	coro_group_join(&group);
	for (size_t i = 0; i < LARGE; i++)
		hold(back[i] == (char)(i * 7 + i / 251));
	free(back);
	stream_shutdown(s);
	ck_assert_int_eq(stream_read(s, why, 1, clock_after(5 * 1000000)), 0);
}

START_TEST(bytes_come_through)
{
	struct pair p = { .name = "localhost", .server = echo, .client = exchange };

	contexts(&p, certs.good, NULL, true);
	pair_run(&p);
	ck_assert_int_eq(p.client_rc, 0);
	ck_assert_int_eq(p.server_rc, 0);
}
END_TEST

static void nothing_comes(struct stream *s)
{
	char byte;

	ck_assert_int_eq(stream_read(s, &byte, 1, clock_after(20 * 1000)), -ETIMEDOUT);
	ck_assert_int_eq(stream_write(s, "x", 1, MONO_NEVER), 0);	/* it is still good */
	ck_assert_int_eq(stream_read(s, &byte, 1, clock_after(5 * 1000000)), 1);
	ck_assert_int_eq(byte, 'x');
}

START_TEST(reads_keep_their_deadline)
{
	struct pair p = { .name = "localhost", .server = echo, .client = nothing_comes };

	contexts(&p, certs.good, NULL, true);
	pair_run(&p);
	ck_assert_int_eq(p.client_rc, 0);
}
END_TEST

static void rude(struct stream *s)
{
	shutdown(stream_fd(s), SHUT_RDWR);	/* no goodbye */
}

static void write_until_told(struct stream *s)
{
	static const char bytes[1000];
	int rc;

	ck_assert_int_eq(stream_read(s, why, 1, clock_after(5 * 1000000)), 0);
	do
		rc = stream_write(s, bytes, sizeof(bytes), clock_after(5 * 1000000));
	while (rc == 0);
	ck_assert_int_eq(rc, -EPIPE);		/* and no signal */
}

START_TEST(peer_may_vanish)
{
	struct pair p = { .name = "localhost", .server = rude, .client = write_until_told };

	contexts(&p, certs.good, NULL, true);
	pair_run(&p);
	ck_assert_int_eq(p.client_rc, 0);
}
END_TEST

/* ---- handshakes that come to nothing ---- */

static void alone(void *arg)
{
	struct tls_context *tls;
	struct stream *s;
	int fds[2];
	const char *hello = arg;

	ck_assert_int_eq(tls_client_context(true, &tls, why, sizeof(why)), 0);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	ck_assert_int_eq(stream_open(fds[1], &s), 0);
	if (hello == NULL) {
		ck_assert_int_eq(stream_start_tls(s, tls, "localhost", clock_after(20 * 1000), why, sizeof(why)), -ETIMEDOUT);
	} else {
		ck_assert_int_eq(write(fds[0], hello, strlen(hello)), (ssize_t)strlen(hello));
		shutdown(fds[0], SHUT_WR);
		ck_assert_int_eq(stream_start_tls(s, tls, "localhost", MONO_NEVER, why, sizeof(why)), -EPROTO);
		ck_assert_str_ne(why, "");
	}
	stream_close(&s);
	close(fds[0]);
	tls_context_free(&tls);
}

START_TEST(silence_nonsense_and_a_close)
{
	why[0] = '\0';
	loop_try(alone, NULL);
	loop_try(alone, (void *)"220 this is mail\r\n");
	ck_assert_ptr_nonnull(strstr(why, "wrong version"));
	loop_try(alone, (void *)"");
	ck_assert_ptr_nonnull(strstr(why, "closed"));
}
END_TEST

static Suite *tls_suite(void)
{
	Suite *suite = suite_create("tls");
	TCase *tc = tcase_create("tls");

	tcase_add_checked_fixture(tc, begin, end);
	tcase_add_test(tc, files_that_do_not_fit_are_named);
	tcase_add_test(tc, client_context_is_shared);
	tcase_add_test(tc, good_certificates_are_believed);
	tcase_add_test(tc, others_are_refused_with_a_sentence);
	tcase_add_test(tc, anyone_is_believed_on_request);
	tcase_add_test(tc, clients_may_have_to_prove_themselves);
	tcase_add_test(tc, old_versions_are_refused);
	tcase_add_test(tc, bytes_come_through);
	tcase_add_test(tc, reads_keep_their_deadline);
	tcase_add_test(tc, peer_may_vanish);
	tcase_add_test(tc, silence_nonsense_and_a_close);
	suite_add_tcase(suite, tc);
	return suite;
}

int main(void)
{
	return unit_run(tls_suite());
}
