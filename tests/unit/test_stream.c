/* Streams, over socket pairs. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "coro/coro.h"
#include "coro/loop.h"
#include "coro/stream.h"
#include "tests/lib/looptest.h"
#include "tests/lib/streamtest.h"
#include "tests/lib/unit.h"

static void pair_open(void)
{
	int fds[2];

	looptest_open();
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	ck_assert_int_eq(stream_open(fds[0], &left), 0);
	ck_assert_int_eq(stream_open(fds[1], &right), 0);
}

static void pair_close(void)
{
	stream_close(&left);
	stream_close(&right);
	ck_assert_ptr_null(left);
	looptest_close();
}

/* ---- reading and writing ---- */

START_TEST(bytes_go_there_and_back)
{
	go(echo, right);
	run(converse, left);
}
END_TEST

START_TEST(flood_arrives_whole)
{
	go(read_flood, right);
	run(write_flood, left);
}
END_TEST

START_TEST(floods_both_ways_at_once)
{
	go(read_flood, right);
	go(read_flood, left);
	go(write_flood, left);
	run(write_flood, right);
}
END_TEST

/* Where bytes never run out neither side would ever park: the others must have their turn all the same. */
static bool enough;
static size_t read_total;

static void pour(void *arg)
{
	static const char bytes[16384];

	while (!enough)
		ck_assert_int_eq(stream_write(arg, bytes, sizeof(bytes), clock_after(LONG)), 0);
	stream_shutdown(arg);
}

static void drain(void *arg)
{
	char byte[16];
	ssize_t n;

	while ((n = stream_read(arg, byte, sizeof(byte), clock_after(LONG))) > 0)
		read_total += (size_t)n;
	ck_assert_int_eq(n, 0);
}

static void have_turns(void *arg)
{
	for (int i = 0; i < 20; i++) {
		size_t before = read_total;

		ck_assert_int_eq(coro_yield(), 0);
		ck_assert_uint_le(read_total - before, 32 * 16);
	}
	ck_assert_uint_gt(read_total, 0);
	enough = true;
	(void)arg;
}

START_TEST(endless_bytes_leave_others_their_turn)
{
	go(pour, left);
	go(drain, right);
	run(have_turns, NULL);
}
END_TEST

/* ---- the end, and other ends ---- */

static void answer_after_end(void *arg)
{
	char bytes[10];

	ck_assert_int_eq(stream_read(arg, bytes, sizeof(bytes), clock_after(LONG)), 3);
	ck_assert_int_eq(stream_read(arg, bytes, sizeof(bytes), clock_after(LONG)), 0);
	ck_assert_int_eq(stream_write(arg, "answer", 6, clock_after(LONG)), 0);
}

static void ask_and_end(void *arg)
{
	char bytes[10];

	ck_assert_int_eq(stream_write(arg, "ask", 3, clock_after(LONG)), 0);
	stream_shutdown(arg);
	read_exactly(arg, bytes, 6);
	ck_assert_int_eq(memcmp(bytes, "answer", 6), 0);
}

START_TEST(half_closed_streams_still_read)
{
	go(answer_after_end, right);
	run(ask_and_end, left);
}
END_TEST

/* The end may come with the last bytes, or at any moment after them. */
static int pauses;

static void pause_for(int turns)
{
	while (turns-- > 0)
		ck_assert_int_eq(coro_sleep(clock_after(1 * MS)), 0);
}

static void say_last_words(void *arg)
{
	ck_assert_int_eq(stream_write(arg, "a", 1, clock_after(LONG)), 0);
	pause_for(2);		/* the reader waits again */
	ck_assert_int_eq(stream_write(arg, "bye", 3, clock_after(LONG)), 0);
	pause_for(pauses);
	stream_shutdown(arg);
}

static void hear_last_words(void *arg)
{
	char bytes[10];

	ck_assert_int_eq(stream_read(arg, bytes, sizeof(bytes), clock_after(LONG)), 1);
	ck_assert_int_eq(stream_read(arg, bytes, sizeof(bytes), clock_after(LONG)), 3);
	pause_for(1 - pauses);
	ck_assert_int_eq(stream_read(arg, bytes, sizeof(bytes), clock_after(LONG)), 0);
	ck_assert_int_eq(stream_read(arg, bytes, sizeof(bytes), clock_after(LONG)), 0);
}

START_TEST(the_end_is_heard_whenever_it_comes)
{
	pauses = _i;
	go(hear_last_words, right);
	run(say_last_words, left);
}
END_TEST

static void write_to_nobody(void *arg)
{
	(void)arg;
	ck_assert_int_eq(stream_write(left, "x", 1, clock_after(LONG)), -EPIPE);
	ck_assert_int_eq(stream_try_write(left, "x", 1), -EPIPE);
}

START_TEST(writing_to_a_gone_peer_is_an_error_and_no_signal)
{
	signal(SIGPIPE, SIG_DFL);
	stream_close(&right);
	run(write_to_nobody, NULL);
}
END_TEST

static void close_right(void *arg)
{
	(void)arg;
	coro_yield();
	stream_close(&right);
}

START_TEST(parked_writer_hears_of_the_peers_end)
{
	fill(left);
	go(write_when_full, left);
	run(close_right, NULL);
	ck_assert_int_eq(outcome, -EPIPE);
}
END_TEST

/* ---- not waiting ---- */

static void poll_reads(void *arg)
{
	char c = 0;

	(void)arg;
	ck_assert_int_eq(stream_read(right, &c, 1, MONO_PAST), -ETIMEDOUT);
	ck_assert_int_eq(stream_try_write(left, "a", 1), 1);
	/* No turn of the loop has been: the poll itself must find it. */
	ck_assert_int_eq(stream_read(right, &c, 1, MONO_PAST), 1);
	ck_assert_int_eq(c, 'a');
	ck_assert_int_eq(stream_read(right, &c, 1, MONO_PAST), -ETIMEDOUT);
	ck_assert_int_eq(stream_read(right, &c, 1, clock_after(MS)), -ETIMEDOUT);
	outcome = 1;
}

START_TEST(polling_reads_what_is_there)
{
	run(poll_reads, NULL);
	ck_assert_int_eq(outcome, 1);
}
END_TEST

static void try_until_room(void *arg)
{
	static char bytes[65536];

	(void)arg;
	fill(left);
	ck_assert_int_eq(stream_try_write(left, "x", 1), 0);
	while (stream_read(right, bytes, sizeof(bytes), MONO_PAST) > 0)
		;
	/* Nobody is parked on it, and yet the stream learns that there is room again. */
	while (stream_try_write(left, "x", 1) == 0)
		ck_assert_int_eq(coro_sleep(clock_after(MS)), 0);
	ck_assert_int_eq(stream_read(right, bytes, sizeof(bytes), clock_after(LONG)), 1);
	outcome = 1;
}

START_TEST(try_write_recovers)
{
	run(try_until_room, NULL);
	ck_assert_int_eq(outcome, 1);
}
END_TEST

static void park_to_read(void *arg)
{
	char c;

	(void)arg;
	stream_read(right, &c, 1, MONO_NEVER);
}

START_TEST(closing_under_a_reader_is_fatal)
{
	go(park_to_read, NULL);
	run(close_right, NULL);
}
END_TEST

START_TEST(bad_descriptor_is_refused)
{
	struct stream *s = NULL;
	struct listener *l = NULL;

	ck_assert_int_eq(stream_open(-1, &s), -EBADF);
	ck_assert_int_eq(listener_open(-1, &l), -EBADF);
	ck_assert_ptr_null(s);
	ck_assert_ptr_null(l);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("stream");
	TCase *c = tcase_create("pair");

	tcase_add_checked_fixture(c, pair_open, pair_close);
	tcase_add_test(c, bytes_go_there_and_back);
	tcase_add_test(c, flood_arrives_whole);
	tcase_add_test(c, floods_both_ways_at_once);
	tcase_add_test(c, endless_bytes_leave_others_their_turn);
	tcase_add_test(c, half_closed_streams_still_read);
	tcase_add_loop_test(c, the_end_is_heard_whenever_it_comes, 0, 3);
	tcase_add_test(c, writing_to_a_gone_peer_is_an_error_and_no_signal);
	tcase_add_test(c, parked_writer_hears_of_the_peers_end);
	tcase_add_test(c, polling_reads_what_is_there);
	tcase_add_test(c, try_write_recovers);
	tcase_add_test_raise_signal(c, closing_under_a_reader_is_fatal, SIGABRT);
	tcase_add_test(c, bad_descriptor_is_refused);
	suite_add_tcase(s, c);
	return s;
}

int main(void)
{
	return unit_run(suite());
}
