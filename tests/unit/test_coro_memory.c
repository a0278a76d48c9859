/* Memory that runs out: at each step of opening a loop, and under each call that may say so. */
#include <dirent.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "coro/coro.h"
#include "coro/loop.h"
#include "coro/stack.h"
#include "coro/stream.h"
#include "tests/lib/failmem.h"
#include "tests/lib/looptest.h"
#include "tests/lib/unit.h"

/* libevent's own allocations fail with ours. Its complaints go nowhere. */
static void memory_open(void)
{
	event_set_mem_functions(malloc, realloc, free);
	looptest_open();
}

static void nothing(void *arg)
{
	(void)arg;
}

static size_t descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	size_t n = 0;

	ck_assert_ptr_nonnull(dir);
	while (readdir(dir) != NULL)
		n++;
	closedir(dir);
	return n;
}

START_TEST(loop_opens_whole_or_not_at_all)
{
	struct loop_conf conf = { .coroutines_max = 10 };
	size_t before;
	long step = 0;
	int rc;

	loop_close();
	before = descriptors();
	do {
		failmem_from(++step);
		rc = loop_open(&conf);
		failmem_off();
		if (rc < 0) {
			ck_assert_int_eq(rc, -ENOMEM);
			ck_assert_uint_eq(descriptors(), before);
		}
	} while (rc < 0);
	ck_assert_int_gt(step, 5);
	run(nothing, NULL);
}
END_TEST

START_TEST(spawn_without_memory_leaves_no_trace)
{
	struct coro_stats stats;
	long step = 0;
	int rc;

	do {
		failmem_from(++step);
		rc = coro_spawn(&group, "test", nothing, NULL);
		failmem_off();
		coro_stats(&stats);
		ck_assert_uint_eq(stats.alive, rc == 0);
		ck_assert_uint_eq(group.count, rc == 0);
		ck_assert(rc == 0 || rc == -ENOMEM);
	} while (rc < 0);
	ck_assert_int_gt(step, 1);
	loop_run();
}
END_TEST

/* So many that the deadlines' heap must grow, which fails each second time. */
START_TEST(spawns_go_on_once_there_is_memory)
{
	for (int i = 0; i < 1000; i++) {
		failmem_from(1);
		if (coro_spawn(&group, "test", nothing, NULL) == -ENOMEM) {
			failmem_off();
			go(nothing, NULL);
		}
		failmem_off();
	}
	ck_assert_uint_eq(group.count, 1000);
	loop_run();
}
END_TEST

START_TEST(opening_without_memory_closes_the_descriptor)
{
	struct stream *s = NULL;
	struct listener *l = NULL;
	int rc, fd = socket(AF_UNIX, SOCK_STREAM, 0);

	failmem_from(1);
	rc = stream_open(fd, &s);
	failmem_off();
	ck_assert_int_eq(rc, -ENOMEM);
	ck_assert_int_eq(fcntl(fd, F_GETFD), -1);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	failmem_from(1);
	rc = listener_open(fd, &l);
	failmem_off();
	ck_assert_int_eq(rc, -ENOMEM);
	ck_assert_int_eq(fcntl(fd, F_GETFD), -1);
}
END_TEST

static struct stream *stream;
static int outcome;

static void read_without_memory(void *arg)
{
	char c;

	(void)arg;
	failmem_from(1);
	outcome = (int)stream_read(stream, &c, 1, clock_after(1000 * MS));
	failmem_off();
	ck_assert_int_eq(stream_read(stream, &c, 1, clock_after(MS)), -ETIMEDOUT);
}

START_TEST(read_that_cannot_be_watched_says_so)
{
	int fds[200][2];

	/* The last descriptors lie beyond what libevent's table has room for. */
	for (int i = 0; i < 200; i++)
		ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds[i]), 0);
	ck_assert_int_eq(stream_open(fds[199][0], &stream), 0);
	run(read_without_memory, NULL);
	ck_assert_int_eq(outcome, -ENOMEM);
	stream_close(&stream);
	close(fds[199][1]);
	for (int i = 0; i < 199; i++) {
		close(fds[i][0]);
		close(fds[i][1]);
	}
}
END_TEST

START_TEST(callbacks_without_memory_say_so)
{
	struct loop_watch *watch;
	struct loop_timer *timer;
	int rc, fds[2];

	ck_assert_int_eq(pipe(fds), 0);
	failmem_from(1);
	watch = loop_watch_open(fds[0], true, false, nothing, NULL);
	timer = loop_timer_open(nothing, NULL);
	rc = loop_signal(SIGUSR1, nothing, NULL);
	failmem_off();
	ck_assert_ptr_null(watch);
	ck_assert_ptr_null(timer);
	ck_assert_int_eq(rc, -ENOMEM);
	close(fds[0]);
	close(fds[1]);
}
END_TEST

#ifndef JOBD_SANITIZED

/* The sanitizers reserve more address space than any limit would leave. */
START_TEST(spawn_without_address_space_says_so)
{
	struct rlimit limit = { .rlim_cur = 400 << 20, .rlim_max = RLIM_INFINITY };
	size_t n = 0, most = (size_t)(400 << 20) / stack_bytes();
	int rc;

	ck_assert_int_eq(setrlimit(RLIMIT_AS, &limit), 0);
	while ((rc = coro_spawn(&group, "test", nothing, NULL)) == 0 && n <= most)
		n++;
	ck_assert_int_eq(rc, -ENOMEM);
	ck_assert_uint_gt(n, 256);
	loop_run();
	run(nothing, NULL);
}
END_TEST

#endif

static Suite *suite(void)
{
	Suite *s = suite_create("coro_memory");
	TCase *c = tcase_create("memory");

	tcase_add_checked_fixture(c, memory_open, looptest_close);
	tcase_add_test(c, loop_opens_whole_or_not_at_all);
	tcase_add_test(c, spawn_without_memory_leaves_no_trace);
	tcase_add_test(c, spawns_go_on_once_there_is_memory);
	tcase_add_test(c, opening_without_memory_closes_the_descriptor);
	tcase_add_test(c, read_that_cannot_be_watched_says_so);
	tcase_add_test(c, callbacks_without_memory_say_so);
#ifndef JOBD_SANITIZED
	if (!RUNNING_ON_VALGRIND)	/* it needs address space for itself */
		tcase_add_test(c, spawn_without_address_space_says_so);
#endif
	suite_add_tcase(s, c);
	return s;
}

int main(void)
{
	return unit_run(suite());
}
