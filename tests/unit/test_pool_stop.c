/* Tasks that are ended: cancelled at each stage, timed out. */
#include "tests/lib/unit.h"

#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/lib/poolrig.h"

/* ---- cancel ---- */

static void cancel_prefetched_main(void *arg)
{
	struct rig_task *head, *first, *second, *after;

	(void)arg;
	rig_until_idle();
	head = rig_start("gate", rig_gate());
	first = rig_start("noop", "{\"n\":1}");
	second = rig_start("noop", "{\"n\":2}");
	coro_sleep(clock_after(4 * RIG_MS));	/* they lie there, and no stall has shown yet */
	coro_cancel(first->coro);
	rig_wait(first);
	ck_assert_int_eq(first->rc, -ECANCELED);
	ck_assert(!first->started && !head->ended);
	rig_open_gate();
	rig_wait(second);
	rig_expect_success(second);
	after = rig_do("noop", "{\"n\":3}");
	rig_expect_success(after);
	ck_assert_uint_eq(rig_stats().died, 0);
	ck_assert_uint_eq(pool_room(rig_pool, true), 4);
	rig_free(&head);
	rig_free(&first);
	rig_free(&second);
	rig_free(&after);
}

START_TEST(cancel_while_prefetched)
{
	rig_conf.processes = 1;
	rig_run(cancel_prefetched_main);
}
END_TEST

/* Both processes are stalled: what was behind waits in the pool, and is cancelled there. */
static void cancel_waiting_main(void *arg)
{
	struct rig_task *head, *behind, *other;

	(void)arg;
	rig_until_idle();
	head = rig_start("gate", rig_gate());
	behind = rig_start("noop", "{}");
	other = rig_start("noop", "{}");
	coro_sleep(clock_after(50 * RIG_MS));
	ck_assert(!head->ended && !behind->ended);
	coro_cancel(behind->coro);
	rig_wait(behind);
	ck_assert(behind->rc == -ECANCELED && !behind->started && !head->ended);
	rig_open_gate();
	rig_wait(other);
	ck_assert(head->ended);
	rig_expect_success(other);
	rig_free(&head);
	rig_free(&behind);
	rig_free(&other);
}

START_TEST(cancel_while_waiting)
{
	rig_conf.processes = 1;
	rig_run(cancel_waiting_main);
}
END_TEST

/* A function that runs is ended with its process, which is replaced; that is no death. */
static void cancel_running_main(void *arg)
{
	struct rig_task *t = rig_start("spin", "{}");

	(void)arg;
	rig_wait_started(t);
	coro_cancel(t->coro);
	rig_wait(t);
	ck_assert_int_eq(t->rc, -ECANCELED);
	ck_assert(!rig_process_lives(rig_pid(t)));
	rig_free(&t);
	t = rig_do("noop", "{}");
	rig_expect_success(t);
	rig_free(&t);
	ck_assert(rig_stats().spawned == 2 && rig_stats().died == 0 && rig_stats().throttled == 0);
}

START_TEST(cancel_while_running)
{
	int log = memfd_create("log", MFD_CLOEXEC), stderr_fd = dup(STDERR_FILENO);

	rig_conf.processes = 1;
	rig_conf.kill_grace = 60 * 1000 * RIG_MS;	/* it does not take that */
	dup2(log, STDERR_FILENO);
	rig_run(cancel_running_main);
	dup2(stderr_fd, STDERR_FILENO);
	ck_assert_int_eq(lseek(log, 0, SEEK_END), 0);	/* nothing to be warned of */
	close(stderr_fd);
	close(log);
}
END_TEST

static void cancelled_main(void *arg)
{
	struct rig_task *t;

	(void)arg;
	rig_until_idle();
	t = rig_start("noop", "{}");
	coro_cancel(t->coro);
	rig_wait(t);
	ck_assert(t->rc == -ECANCELED && !t->started);
	rig_free(&t);
}

START_TEST(cancel_before_the_call)
{
	rig_run(cancelled_main);
}
END_TEST

/* ---- time ---- */

static void timeout_main(void *arg)
{
	mono_us since = clock_mono();
	struct rig_task *t = rig_start_with("spin", "{}", false, 100 * RIG_MS);

	(void)arg;
	rig_wait(t);
	rig_expect(t, "timeout", "timeout of 0.1 s");
	ck_assert(!t->outcome.final);
	ck_assert_int_ge(clock_mono() - since, 100 * RIG_MS);
	rig_free(&t);
	t = rig_start_with("sleep_ms", "{\"ms\": 60000}", true, 100 * RIG_MS);
	rig_wait(t);
	rig_expect(t, "timeout", "timeout of 0.1 s");
	ck_assert(t->started);
	rig_free(&t);
	ck_assert_uint_eq(rig_stats().died, 0);
}

START_TEST(timeout)
{
	rig_conf.kill_grace = 60 * 1000 * RIG_MS;	/* it does not take that */
	rig_run(timeout_main);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("pool_stop");
	TCase *t = tcase_create("pool_stop");

	tcase_add_test(t, cancel_while_prefetched);
	tcase_add_test(t, cancel_while_waiting);
	tcase_add_test(t, cancel_while_running);
	tcase_add_test(t, cancel_before_the_call);
	tcase_add_test(t, timeout);
	suite_add_tcase(s, t);
	return s;
}

int main(int argc, char **argv)
{
	rig_worker(argc, argv, NULL);
	return unit_run(suite());
}
