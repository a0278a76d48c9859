/* tcp jobs, against servers that are coroutines of the same loop. */
#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "coro/resolve.h"
#include "coro/stream.h"
#include "coro/tls.h"
#include "tests/lib/certs.h"
#include "tests/lib/iojob.h"
#include "tests/lib/unit.h"

static struct iojob job;

static void end(void)
{
	iojob_free(&job);
	loop_end();
}

/* ---- a server for one connection ---- */

static struct {
	void (*talk)(struct stream *s);
	struct listener *listener;
	struct tls_context *tls;	/* or NULL */
	unsigned port;
} peer;

static void peer_open(void (*talk)(struct stream *s))
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t len = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	ck_assert_int_eq(bind(fd, (struct sockaddr *)&at, len), 0);
	ck_assert_int_eq(listen(fd, 5), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&at, &len), 0);
	ck_assert_int_eq(listener_open(fd, &peer.listener), 0);
	peer.port = ntohs(at.sin_port);
	peer.talk = talk;
}

static void peer_main(void *arg)
{
	struct stream *s;
	char why[200];
	int fd = listener_accept(peer.listener, clock_after(10 * 1000000));

	(void)arg;
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(stream_open(fd, &s), 0);
	if (peer.tls == NULL || stream_start_tls(s, peer.tls, NULL, MONO_NEVER, why, sizeof(why)) == 0)
		peer.talk(s);
	stream_close(&s);
}

static void both_main(void *arg)
{
	struct coro_group group;

	coro_group_init(&group);
	ck_assert_int_eq(coro_spawn(&group, "peer", peer_main, NULL), 0);
	iojob_attempt(arg);
	coro_group_join(&group);
}

/* Runs a job against a peer that talks so; `more` begins with a comma, or is empty. */
static void talk_to(void (*talk)(struct stream *s), const char *more)
{
	iojob_free(&job);
	peer_open(talk);
	iojob_init(&job, &kind_tcp, "{\"host\": \"localhost\", \"port\": %u%s}", peer.port, more);
	job.timeout = job.timeout > 0 ? job.timeout : 10 * 1000000;
	loop_try(both_main, &job);
	listener_close(&peer.listener);
	ck_assert_int_eq(job.rc, 0);
	job.result = job.out.result != NULL ? json_loads(job.out.result, JSON_ALLOW_NUL, NULL) : NULL;
}

static const char *received(void)
{
	const char *text = json_string_value(json_object_get(job.result, "received"));

	ck_assert_msg(job.out.succeeded, "%s: %s", job.out.reason, job.out.message);
	ck_assert_ptr_nonnull(text);
	return text;
}

static void failed_as(const char *reason)
{
	ck_assert(!job.out.succeeded);
	ck_assert_str_eq(job.out.reason, reason);
	ck_assert_str_ne(job.out.message, "");
}

/* ---- how peers talk ---- */

static void say(struct stream *s, const char *text)
{
	ck_assert_int_eq(stream_write(s, text, strlen(text), MONO_NEVER), 0);
}

static void wait_for_close(struct stream *s)
{
	char bytes[100];

	while (stream_read(s, bytes, sizeof(bytes), MONO_NEVER) > 0)
		;
}

/* A line in, the same out in capitals; goes on until the other side closes. */
static void shout(struct stream *s)
{
	char line[100];
	ssize_t n = stream_read(s, line, sizeof(line), MONO_NEVER);

	for (ssize_t i = 0; i < n; i++)
		line[i] = (char)(line[i] >= 'a' && line[i] <= 'z' ? line[i] - 32 : line[i]);
	ck_assert_int_ge(n, 0);
	ck_assert_int_eq(stream_write(s, line, (size_t)n, MONO_NEVER), 0);
	wait_for_close(s);
}

/* "+OK\r\n" and more, byte by byte, each in a packet of its own. */
static void dribble(struct stream *s)
{
	for (const char *c = "+OK\r\nmore\r\n"; *c != '\0'; c++) {
		if (stream_write(s, c, 1, MONO_NEVER) < 0)
			return;
		ck_assert_int_eq(coro_sleep(clock_after(500)), 0);
	}
	wait_for_close(s);
}

static void say_and_close(struct stream *s)
{
	say(s, "one\ntwo\n");
}

static void say_binary(struct stream *s)
{
	ck_assert_int_eq(stream_write(s, "\0\xff\n", 3, MONO_NEVER), 0);
}

static void flood(struct stream *s)
{
	static const char bytes[10000];

	while (stream_write(s, bytes, sizeof(bytes), MONO_NEVER) == 0)
		;
}

static void stay(struct stream *s)
{
	wait_for_close(s);
}

/* ---- what comes ---- */

START_TEST(reads_until_and_no_further)
{
	talk_to(dribble, ", \"read_until\": \"\\r\\n\"");
	ck_assert_str_eq(received(), "+OK\r\n");
	ck_assert_int_eq(json_integer_value(json_object_get(job.result, "bytes")), 5);
	ck_assert(json_is_real(json_object_get(job.result, "seconds")));
	ck_assert_uint_eq(json_object_size(job.result), 3);
	talk_to(say_and_close, ", \"read_until\": \"\\n\"");
	ck_assert_str_eq(received(), "one\n");
}
END_TEST

START_TEST(reads_so_many_bytes)
{
	talk_to(dribble, ", \"read_bytes\": 7");
	ck_assert_str_eq(received(), "+OK\r\nmo");
	talk_to(flood, ", \"read_bytes\": 100000");
	ck_assert_int_eq(json_integer_value(json_object_get(job.result, "bytes")), 100000);
}
END_TEST

START_TEST(reads_all)
{
	talk_to(say_and_close, ", \"read_all\": true");
	ck_assert_str_eq(received(), "one\ntwo\n");
	talk_to(say_binary, ", \"read_all\": true");
	ck_assert_str_eq(json_string_value(json_object_get(job.result, "received_base64")), "AP8K");
}
END_TEST

START_TEST(sends_first)
{
	talk_to(shout, ", \"send\": \"ping\\n\", \"read_until\": \"\\n\"");
	ck_assert_str_eq(received(), "PING\n");
	talk_to(shout, ", \"send\": \"a\\u0000b\", \"read_bytes\": 3");
	ck_assert_mem_eq(received(), "A\0B", 3);
}
END_TEST

START_TEST(connecting_may_be_all)
{
	talk_to(stay, "");
	ck_assert_str_eq(received(), "");
	talk_to(stay, ", \"send\": \"bye\", \"read_all\": false");
	ck_assert_str_eq(received(), "");
}
END_TEST

/* ---- failures ---- */

START_TEST(early_close_is_io)
{
	talk_to(say_and_close, ", \"read_until\": \"three\"");
	failed_as("io");
	ck_assert_ptr_nonnull(strstr(job.out.message, "after 8 bytes"));
	talk_to(say_and_close, ", \"read_bytes\": 9");
	failed_as("io");
}
END_TEST

START_TEST(too_much_is_too_large)
{
	talk_to(flood, ", \"read_all\": true");
	failed_as("too_large");
	talk_to(flood, ", \"read_until\": \"x\", \"max_bytes\": 50000");
	failed_as("too_large");
	talk_to(say_and_close, ", \"read_all\": true, \"max_bytes\": 7");
	failed_as("too_large");
	talk_to(say_and_close, ", \"read_all\": true, \"max_bytes\": 8");
	ck_assert_str_eq(received(), "one\ntwo\n");
	talk_to(say_and_close, ", \"read_until\": \"\\ntwo\\n\", \"max_bytes\": 8");
	ck_assert_str_eq(received(), "one\ntwo\n");
	talk_to(say_and_close, ", \"read_until\": \"\\n\", \"max_bytes\": 4");
	ck_assert_str_eq(received(), "one\n");
	talk_to(say_and_close, ", \"read_until\": \"\\n\", \"max_bytes\": 3");
	failed_as("too_large");
}
END_TEST

START_TEST(nobody_there)
{
	unsigned port;
	int fd = quiet_port(&port);

	iojob_init(&job, &kind_tcp, "{\"host\": \"localhost\", \"port\": %u}", port);
	iojob_run(&job);
	failed_as("connect");
	iojob_free(&job);
	close(fd);
	resolve_use_nameserver("127.0.0.1:1", 20 * 1000, 1);
	iojob_init(&job, &kind_tcp, "{\"host\": \"nowhere.example\", \"port\": 80}");
	iojob_run(&job);
	failed_as("resolve");
}
END_TEST

START_TEST(deadline_ends_it)
{
	peer_open(stay);
	iojob_init(&job, &kind_tcp, "{\"host\": \"127.0.0.1\", \"port\": %u, \"read_all\": true}", peer.port);
	job.timeout = 30 * 1000;
	loop_try(both_main, &job);
	listener_close(&peer.listener);
	ck_assert_int_eq(job.rc, -ETIMEDOUT);
	ck_assert_int_lt(job.took, 2 * 1000000);
}
END_TEST

static void cancel_main(void *arg)
{
	struct coro_group group;

	coro_group_init(&group);
	ck_assert_int_eq(coro_spawn(&group, "both", both_main, arg), 0);
	ck_assert_int_eq(coro_sleep(clock_after(20 * 1000)), 0);
	coro_group_cancel(&group);
	coro_group_join(&group);
}

START_TEST(cancel_ends_it)
{
	peer_open(stay);
	iojob_init(&job, &kind_tcp, "{\"host\": \"127.0.0.1\", \"port\": %u, \"read_all\": true}", peer.port);
	loop_try(cancel_main, &job);
	listener_close(&peer.listener);
	ck_assert_int_eq(job.rc, -ECANCELED);
}
END_TEST

/* ---- TLS ---- */

static void tls_case(const struct certs *certs, const char *certificate, const char *more)
{
	char why[200];

	ck_assert_msg(tls_server_context(certificate, certs->key, NULL, &peer.tls, why, sizeof(why)) == 0, "%s", why);
	talk_to(shout, more);
	tls_context_free(&peer.tls);
}

START_TEST(speaks_tls)
{
	struct certs certs;

	ck_assert_int_eq(certs_make(&certs), 0);
	setenv("SSL_CERT_FILE", certs.ca, 1);
	tls_case(&certs, certs.good, ", \"tls\": true, \"send\": \"abc\", \"read_bytes\": 3");
	ck_assert_str_eq(received(), "ABC");
	tls_case(&certs, certs.wrong, ", \"tls\": true, \"send\": \"abc\", \"read_bytes\": 3");
	failed_as("tls");
	tls_case(&certs, certs.wrong, ", \"tls\": true, \"verify_tls\": false, \"send\": \"abc\", \"read_bytes\": 3");
	ck_assert_str_eq(received(), "ABC");
	talk_to(say_and_close, ", \"tls\": true, \"read_all\": true");	/* a peer that does not */
	failed_as("tls");
	certs_remove(&certs);
}
END_TEST

/* ---- what is refused at submit ---- */

START_TEST(bad_args_are_refused_by_field)
{
	static const struct {
		const char *args, *field;
	} cases[] = {
		{ "{\"port\": 80}", "args.host" },
		{ "{\"host\": \"\", \"port\": 80}", "args.host" },
		{ "{\"host\": \"a\"}", "args.port" },
		{ "{\"host\": \"a\", \"port\": 0}", "args.port" },
		{ "{\"host\": \"a\", \"port\": 65536}", "args.port" },
		{ "{\"host\": \"a\", \"port\": \"80\"}", "args.port" },
		{ "{\"host\": \"a\", \"port\": 80, \"send\": 1}", "args.send" },
		{ "{\"host\": \"a\", \"port\": 80, \"read_until\": \"\"}", "args.read_until" },
		{ "{\"host\": \"a\", \"port\": 80, \"read_bytes\": 0}", "args.read_bytes" },
		{ "{\"host\": \"a\", \"port\": 80, \"read_bytes\": 5, \"max_bytes\": 4}", "args.read_bytes" },
		{ "{\"host\": \"a\", \"port\": 80, \"read_all\": 1}", "args.read_all" },
		{ "{\"host\": \"a\", \"port\": 80, \"read_all\": true, \"read_bytes\": 1}", "args.read_all" },
		{ "{\"host\": \"a\", \"port\": 80, \"read_until\": \"x\", \"read_bytes\": 1}", "args.read_bytes" },
		{ "{\"host\": \"a\", \"port\": 80, \"tls\": \"yes\"}", "args.tls" },
		{ "{\"host\": \"a\", \"port\": 80, \"max_bytes\": 0}", "args.max_bytes" },
		{ "{\"host\": \"a\", \"port\": 80, \"timeout\": 1}", "args.timeout" },
		{ "{\"host\": \"a\", \"port\": 80, \"send\": \"x\", \"read_until\": \"\\u0000\", \"tls\": true, \"max_bytes\": 9}", "" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		ck_assert_msg(strcmp(iojob_refused(&kind_tcp, cases[i].args), cases[i].field) == 0, "%s: %s", cases[i].args,
			      iojob_refused(&kind_tcp, cases[i].args));
}
END_TEST

static Suite *tcp_suite(void)
{
	Suite *suite = suite_create("tcp");
	TCase *tc = tcase_create("tcp");

	tcase_add_checked_fixture(tc, loop_begin, end);
	tcase_add_test(tc, bad_args_are_refused_by_field);
	tcase_add_test(tc, reads_until_and_no_further);
	tcase_add_test(tc, reads_so_many_bytes);
	tcase_add_test(tc, reads_all);
	tcase_add_test(tc, sends_first);
	tcase_add_test(tc, connecting_may_be_all);
	tcase_add_test(tc, early_close_is_io);
	tcase_add_test(tc, too_much_is_too_large);
	tcase_add_test(tc, nobody_there);
	tcase_add_test(tc, deadline_ends_it);
	tcase_add_test(tc, cancel_ends_it);
	tcase_add_test(tc, speaks_tls);
	suite_add_tcase(suite, tc);
	return suite;
}

int main(void)
{
	return unit_run(tcp_suite());
}
