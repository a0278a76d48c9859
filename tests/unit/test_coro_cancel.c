/* Cancelling, at every await there is; groups, which cancel and join. */
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "coro/coro.h"
#include "coro/loop.h"
#include "coro/stream.h"
#include "tests/lib/looptest.h"
#include "tests/lib/unit.h"

/* ---- something for each await to wait for, that does not come ---- */

static struct cond cond;
static struct stream *quiet;	/* its peer says nothing and reads nothing; its own buffer is full */
static int quiet_peer;
static struct listener *unvisited;
static struct sockaddr_in busy;	/* a listener with a full backlog: connecting to it hangs */
static int busy_fds[3];

static void listen_on_loopback(int fd, struct sockaddr_in *at)
{
	socklen_t len = sizeof(*at);

	memset(at, 0, sizeof(*at));
	at->sin_family = AF_INET;
	at->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)at, len), 0);
	ck_assert_int_eq(listen(fd, 0), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)at, &len), 0);
}

static void busy_open(void)
{
	struct pollfd one = { .events = POLLIN };

	one.fd = busy_fds[0] = socket(AF_INET, SOCK_STREAM, 0);
	listen_on_loopback(busy_fds[0], &busy);
	for (int i = 1; i < 3; i++) {
		busy_fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		if (connect(busy_fds[i], (struct sockaddr *)&busy, sizeof(busy)) < 0)
			ck_assert_int_eq(errno, EINPROGRESS);
		ck_assert_int_eq(poll(&one, 1, -1), 1);		/* by now it is full */
	}
}

static void awaits_open(void)
{
	static const char filling[65536];
	struct sockaddr_in at;
	int fd, pair[2];

	looptest_open();
	cond_init(&cond);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	quiet_peer = pair[1];
	ck_assert_int_eq(stream_open(pair[0], &quiet), 0);
	while (stream_try_write(quiet, filling, sizeof(filling)) > 0)
		;
	fd = socket(AF_INET, SOCK_STREAM, 0);
	listen_on_loopback(fd, &at);
	ck_assert_int_eq(listener_open(fd, &unvisited), 0);
	busy_open();
}

static void awaits_close(void)
{
	stream_close(&quiet);
	listener_close(&unvisited);
	close(quiet_peer);
	for (int i = 0; i < 3; i++)
		close(busy_fds[i]);
	looptest_close();
}

static int await_sleep(mono_us deadline)
{
	return coro_sleep(deadline);
}

static int await_cond(mono_us deadline)
{
	return cond_wait(&cond, deadline);
}

static int await_read(mono_us deadline)
{
	char c;

	return (int)stream_read(quiet, &c, 1, deadline);
}

static int await_write(mono_us deadline)
{
	return stream_write(quiet, "x", 1, deadline);
}

static int await_accept(mono_us deadline)
{
	return listener_accept(unvisited, deadline);
}

static int await_connect(mono_us deadline)
{
	struct stream *s = NULL;
	int rc = stream_connect((struct sockaddr *)&busy, sizeof(busy), deadline, &s);

	ck_assert_ptr_null(s);
	return rc;
}

static const struct await {
	int (*call)(mono_us deadline);
	int late;			/* what it returns at the deadline */
} awaits[] = {
	{ await_sleep, 0 },
	{ await_cond, -ETIMEDOUT },
	{ await_read, -ETIMEDOUT },
	{ await_write, -ETIMEDOUT },
	{ await_accept, -ETIMEDOUT },
	{ await_connect, -ETIMEDOUT },
};

enum { AWAITS = sizeof(awaits) / sizeof(awaits[0]) };

/* ---- cancelling each of them ---- */

static int returns;	/* awaits that have come back */

static void all_say_cancelled(const struct await *a)
{
	ck_assert(coro_cancelled());
	ck_assert_int_eq(a->call(MONO_NEVER), -ECANCELED);
	ck_assert_int_eq(a->call(MONO_PAST), -ECANCELED);
	ck_assert_int_eq(coro_yield(), -ECANCELED);
	returns++;
}

static void await_for_ever(void *arg)
{
	const struct await *a = arg;

	ck_assert_int_eq(a->call(MONO_NEVER), -ECANCELED);
	all_say_cancelled(a);
}

static void cancel_it(void *arg)
{
	coro_cancel(arg);
	coro_cancel(arg);
}

START_TEST(cancelled_before_it_runs)
{
	struct coro *c = go_handle(await_for_ever, &awaits[_i]);

	coro_cancel(c);
	loop_run();
	ck_assert_int_eq(returns, 1);
}
END_TEST

START_TEST(cancelled_while_parked)
{
	run(cancel_it, go_handle(await_for_ever, &awaits[_i]));
	ck_assert_int_eq(returns, 1);
}
END_TEST

static void cancel_from_callback(void *arg)
{
	coro_cancel(arg);
}

START_TEST(cancelled_by_a_callback_while_parked)
{
	struct coro *c = go_handle(await_for_ever, &awaits[_i]);
	struct loop_timer *t = loop_timer_open(cancel_from_callback, c);

	loop_timer_set(t, clock_after(2 * MS));
	loop_run();
	loop_timer_close(&t);
	ck_assert_int_eq(returns, 1);
}
END_TEST

static void await_with_deadline(void *arg)
{
	const struct await *a = arg;
	mono_us began = clock_mono();

	ck_assert_int_eq(a->call(clock_after(3 * MS)), a->late);
	ck_assert_int_ge(clock_mono() - began, 3 * MS);
	ck_assert_int_eq(a->call(clock_after(1 * MS)), a->late);
	coro_cancel(coro_self());
	all_say_cancelled(a);
}

START_TEST(cancelled_after_time_ran_out)
{
	run(await_with_deadline, &awaits[_i]);
	ck_assert_int_eq(returns, 1);
}
END_TEST

static void await_then_go_on(void *arg)
{
	const struct await *a = arg;

	ck_assert_int_eq(a->call(clock_after(10000 * MS)), -ECANCELED);
	coro_uncancel();
	ck_assert(!coro_cancelled());
	ck_assert_int_eq(coro_yield(), 0);
	ck_assert_int_eq(a->call(clock_after(2 * MS)), a->late);
	returns++;
}

START_TEST(uncancelled_awaits_work_again)
{
	run(cancel_it, go_handle(await_then_go_on, &awaits[_i]));
	ck_assert_int_eq(returns, 1);
}
END_TEST

/* A wake that came first is not lost: the cancel shows at the next await. */
static void wait_twice(void *arg)
{
	ck_assert_int_eq(cond_wait(&cond, MONO_NEVER), 0);
	ck_assert_int_eq(cond_wait(&cond, MONO_NEVER), -ECANCELED);
	returns++;
	(void)arg;
}

static void signal_and_cancel(void *arg)
{
	cond_signal(&cond);
	coro_cancel(arg);
}

START_TEST(cancel_does_not_eat_a_signal)
{
	run(signal_and_cancel, go_handle(wait_twice, NULL));
	ck_assert_int_eq(returns, 1);
}
END_TEST

static void yield_cancelled(void *arg)
{
	ck_assert_int_eq(coro_yield(), -ECANCELED);
	returns++;
	(void)arg;
}

START_TEST(cancelled_while_yielding)
{
	run(cancel_it, go_handle(yield_cancelled, NULL));
	ck_assert_int_eq(returns, 1);
}
END_TEST

/* ---- groups ---- */

static struct coro_group inner;

static void count_after(void *arg)
{
	for (int i = *(int *)arg; i > 0; i--)
		if (coro_sleep(clock_after(MS)) < 0)
			break;
	returns++;
}

static void spawn_inner(int n, void (*fn)(void *arg), void *arg)
{
	for (int i = 0; i < n; i++)
		ck_assert_int_eq(coro_spawn(&inner, "inner", fn, arg), 0);
}

static void join_inner(void *arg)
{
	coro_group_join(&inner);
	ck_assert_uint_eq(inner.count, 0);
	ck_assert_int_eq(returns, *(int *)arg);
}

START_TEST(join_waits_for_all)
{
	int three = 3, naps[] = { 1, 5, 3 };

	coro_group_init(&inner);
	for (int i = 0; i < 3; i++)
		spawn_inner(1, count_after, &naps[i]);
	go(join_inner, &three);
	run(join_inner, &three);
	ck_assert_int_eq(returns, 3);
}
END_TEST

static void join_nothing(void *arg)
{
	coro_group_join(&inner);
	returns++;
	(void)arg;
}

START_TEST(join_of_an_empty_group_returns)
{
	coro_group_init(&inner);
	run(join_nothing, NULL);
	ck_assert_int_eq(returns, 1);
}
END_TEST

static void cancel_and_join_inner(void *arg)
{
	coro_group_cancel(&inner);
	join_inner(arg);
}

START_TEST(group_cancelled_and_joined_from_outside)
{
	int n = 5, for_ever = 1000000;

	coro_group_init(&inner);
	spawn_inner(5, count_after, &for_ever);
	run(cancel_and_join_inner, &n);
	ck_assert_int_eq(returns, 5);
}
END_TEST

static void cancel_own_group(void *arg)
{
	int rc = coro_sleep(clock_after(3 * MS));

	ck_assert_int_eq(rc, 0);
	coro_group_cancel(&inner);
	ck_assert(coro_cancelled());
	ck_assert_int_eq(coro_yield(), -ECANCELED);
	returns++;
	(void)arg;
}

START_TEST(group_cancelled_from_within)
{
	int n = 4, for_ever = 1000000;

	coro_group_init(&inner);
	spawn_inner(3, count_after, &for_ever);
	spawn_inner(1, cancel_own_group, NULL);
	run(join_inner, &n);
	ck_assert_int_eq(returns, 4);
}
END_TEST

static void born_cancelled(void *arg)
{
	ck_assert(coro_cancelled());
	ck_assert_int_eq(coro_sleep(MONO_NEVER), -ECANCELED);
	returns++;
	(void)arg;
}

static void spawn_into_closing(void *arg)
{
	int one = 1;

	coro_group_cancel(&inner);
	spawn_inner(1, born_cancelled, NULL);
	join_inner(&one);
	(void)arg;
}

START_TEST(spawned_into_a_closing_group_is_born_cancelled)
{
	coro_group_init(&inner);
	run(spawn_into_closing, NULL);
	ck_assert_int_eq(returns, 1);
}
END_TEST

static void cancel_joiner(void *arg)
{
	coro_cancel(arg);
	for (int i = 0; i < 5; i++)
		ck_assert_int_eq(coro_yield(), 0);
	ck_assert_uint_eq(inner.count, 1);
	ck_assert_ptr_nonnull(TAILQ_FIRST(&inner.joiners));	/* it waits on */
	coro_group_cancel(&inner);
}

START_TEST(join_is_not_cancellable)
{
	int one = 1, for_ever = 1000000;

	coro_group_init(&inner);
	spawn_inner(1, count_after, &for_ever);
	run(cancel_joiner, go_handle(join_inner, &one));
	ck_assert_int_eq(returns, 1);
}
END_TEST

static void join_own(void *arg)
{
	coro_group_join(&group);
	(void)arg;
}

START_TEST(joining_ones_own_group_is_fatal)
{
	run(join_own, NULL);
}
END_TEST

START_TEST(await_outside_a_coroutine_is_fatal)
{
	coro_sleep(MONO_NEVER);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("coro_cancel");
	TCase *each = tcase_create("each"), *groups = tcase_create("groups");

	tcase_add_checked_fixture(each, awaits_open, awaits_close);
	tcase_add_loop_test(each, cancelled_before_it_runs, 0, AWAITS);
	tcase_add_loop_test(each, cancelled_while_parked, 0, AWAITS);
	tcase_add_loop_test(each, cancelled_by_a_callback_while_parked, 0, AWAITS);
	tcase_add_loop_test(each, cancelled_after_time_ran_out, 0, AWAITS);
	tcase_add_loop_test(each, uncancelled_awaits_work_again, 0, AWAITS);
	tcase_add_test(each, cancel_does_not_eat_a_signal);
	tcase_add_test(each, cancelled_while_yielding);
	suite_add_tcase(s, each);
	tcase_add_checked_fixture(groups, looptest_open, looptest_close);
	tcase_add_test(groups, join_waits_for_all);
	tcase_add_test(groups, join_of_an_empty_group_returns);
	tcase_add_test(groups, group_cancelled_and_joined_from_outside);
	tcase_add_test(groups, group_cancelled_from_within);
	tcase_add_test(groups, spawned_into_a_closing_group_is_born_cancelled);
	tcase_add_test(groups, join_is_not_cancellable);
	tcase_add_test_raise_signal(groups, joining_ones_own_group_is_fatal, SIGABRT);
	tcase_add_test_raise_signal(groups, await_outside_a_coroutine_is_fatal, SIGABRT);
	suite_add_tcase(s, groups);
	return s;
}

int main(void)
{
	return unit_run(suite());
}
