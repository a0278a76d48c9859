/* Streams and listeners, over loopback TCP. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "coro/coro.h"
#include "coro/loop.h"
#include "coro/stream.h"
#include "tests/lib/looptest.h"
#include "tests/lib/streamtest.h"
#include "tests/lib/unit.h"

static struct listener *listener;
static struct sockaddr_in address;

static void tcp_open(void)
{
	socklen_t len = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM, 0);	/* blocking, as an inherited one */

	looptest_open();
	memset(&address, 0, sizeof(address));
	address.sin_family = AF_INET;
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, len), 0);
	ck_assert_int_eq(listen(fd, SOMAXCONN), 0);	/* a connection more than it holds may be answered with a reset */
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&address, &len), 0);
	ck_assert_int_eq(listener_open(fd, &listener), 0);
}

static void tcp_close(void)
{
	stream_close(&left);
	stream_close(&right);
	listener_close(&listener);
	looptest_close();
}

/* ---- one connection ---- */

static void accept_right(void *arg)
{
	int on = 0, fd = listener_accept(listener, clock_after(LONG));
	socklen_t len = sizeof(on);

	(void)arg;
	ck_assert_int_ge(fd, 0);
	ck_assert_int_ne(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
	ck_assert_int_ne(fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
	ck_assert_int_eq(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, &len), 0);
	ck_assert_int_eq(on, 1);
	ck_assert_int_eq(stream_open(fd, &right), 0);
	ck_assert_int_eq(stream_fd(right), fd);
}

static void connect_left(void *arg)
{
	(void)arg;
	ck_assert_int_eq(stream_connect((struct sockaddr *)&address, sizeof(address), clock_after(LONG), &left), 0);
}

static void tcp_connect(void)
{
	go(accept_right, NULL);
	run(connect_left, NULL);
}

START_TEST(tcp_bytes_go_there_and_back)
{
	tcp_connect();
	go(echo, right);
	run(converse, left);
}
END_TEST

START_TEST(tcp_floods_both_ways)
{
	tcp_connect();
	go(read_flood, right);
	go(read_flood, left);
	go(write_flood, left);
	run(write_flood, right);
}
END_TEST

static void read_one(void *arg)
{
	char c;

	outcome = (int)stream_read(arg, &c, 1, clock_after(LONG));
}

static void reset_left(void *arg)
{
	struct linger at_once = { .l_onoff = 1 };

	(void)arg;
	ck_assert_int_eq(setsockopt(stream_fd(left), SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)), 0);
	stream_close(&left);
}

START_TEST(reset_reaches_a_parked_reader)
{
	tcp_connect();
	go(read_one, right);
	run(reset_left, NULL);
	ck_assert_int_eq(outcome, -ECONNRESET);
}
END_TEST

/* Nobody reads; but what is on its way may still make room when the buffer was full already. */
static void write_on(void *arg)
{
	static const char filling[65536];

	do
		outcome = stream_write(arg, filling, sizeof(filling), clock_after(LONG));
	while (outcome == 0);
}

START_TEST(reset_reaches_a_parked_writer)
{
	tcp_connect();
	fill(right);
	go(write_on, right);
	run(reset_left, NULL);
	ck_assert_msg(outcome == -ECONNRESET || outcome == -EPIPE, "%d", outcome);
}
END_TEST

/* Bytes, and the end right behind them, in one edge. */
static void write_and_close(void *arg)
{
	(void)arg;
	ck_assert_int_eq(stream_write(left, "last", 4, clock_after(LONG)), 0);
	stream_close(&left);
}

static void read_last(void *arg)
{
	char bytes[100];

	(void)arg;
	while (left != NULL)
		coro_yield();
	ck_assert_int_eq(stream_read(right, bytes, sizeof(bytes), clock_after(LONG)), 4);
	ck_assert_int_eq(stream_read(right, bytes, sizeof(bytes), clock_after(LONG)), 0);
	outcome = 1;
}

START_TEST(end_right_behind_the_bytes_is_seen)
{
	tcp_connect();
	go(read_last, NULL);
	run(write_and_close, NULL);
	ck_assert_int_eq(outcome, 1);
}
END_TEST

/* Bound and not listening: the port is nobody else's meanwhile. */
static int take_port(void)
{
	socklen_t len = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	address.sin_port = 0;
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, len), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&address, &len), 0);
	return fd;
}

static void connect_to_nobody(void *arg)
{
	struct stream *s = NULL;

	(void)arg;
	outcome = stream_connect((struct sockaddr *)&address, sizeof(address), clock_after(LONG), &s);
	ck_assert_ptr_null(s);
}

START_TEST(refused_connection_says_so)
{
	int fd = take_port();

	run(connect_to_nobody, NULL);
	ck_assert_int_eq(outcome, -ECONNREFUSED);
	close(fd);
}
END_TEST

/* ---- many at once ---- */

enum { CLIENTS = 200, ROUNDS = 20 };

static size_t served, asked;

static void serve(void *arg)
{
	struct stream *s = arg;

	echo(s);
	stream_close(&s);
	served++;
}

static void accept_clients(void *arg)
{
	(void)arg;
	for (int i = 0; i < CLIENTS; i++) {
		struct stream *s;
		int fd = listener_accept(listener, clock_after(LONG));

		ck_assert_int_ge(fd, 0);
		ck_assert_int_eq(stream_open(fd, &s), 0);
		go(serve, s);
	}
	ck_assert_int_eq(listener_accept(listener, MONO_PAST), -ETIMEDOUT);
}

static void be_client(void *arg)
{
	struct stream *s;
	char sent[300], got[300];

	ck_assert_int_eq(stream_connect((struct sockaddr *)&address, sizeof(address), clock_after(LONG), &s), 0);
	for (int i = 0; i < ROUNDS; i++) {
		memset(sent, 'a' + i, sizeof(sent));
		sent[0] = *(char *)arg;
		ck_assert_int_eq(stream_write(s, sent, sizeof(sent), clock_after(LONG)), 0);
		read_exactly(s, got, sizeof(got));
		ck_assert_int_eq(memcmp(sent, got, sizeof(sent)), 0);
	}
	stream_close(&s);
	asked++;
}

START_TEST(many_clients_at_once)
{
	static char marks[CLIENTS];

	go(accept_clients, NULL);
	for (int i = 0; i < CLIENTS; i++) {
		marks[i] = (char)i;
		go(be_client, &marks[i]);
	}
	loop_run();
	ck_assert_uint_eq(served, CLIENTS);
	ck_assert_uint_eq(asked, CLIENTS);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("stream_tcp");
	TCase *c = tcase_create("tcp");

	tcase_add_checked_fixture(c, tcp_open, tcp_close);
	tcase_add_test(c, tcp_bytes_go_there_and_back);
	tcase_add_test(c, tcp_floods_both_ways);
	tcase_add_test(c, reset_reaches_a_parked_reader);
	tcase_add_test(c, reset_reaches_a_parked_writer);
	tcase_add_test(c, end_right_behind_the_bytes_is_seen);
	tcase_add_test(c, refused_connection_says_so);
	tcase_add_test(c, many_clients_at_once);
	suite_add_tcase(s, c);
	return s;
}

int main(void)
{
	return unit_run(suite());
}
