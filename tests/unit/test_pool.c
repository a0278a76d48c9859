/* Tasks and processes: who runs what, room and prefetch, death and replacement. */
#include "tests/lib/unit.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/lib/poolrig.h"

/* ---- results ---- */

static void noop_main(void *arg)
{
	struct rig_task *t = rig_do("noop", "{\"a\":  [1, \"\\u0000\"]}");

	(void)arg;
	rig_expect_success(t);
	ck_assert_str_eq(t->outcome.result, "{\"a\":  [1, \"\\u0000\"]}");
	ck_assert_int_eq(strncmp(t->where, "worker ", 7), 0);
	ck_assert(t->task.output_bytes[0] == 0 && t->task.slot == NULL);
	rig_free(&t);
}

START_TEST(noop_hands_its_args_back)
{
	rig_run(noop_main);
}
END_TEST

enum { MANY = 400 };

static void many_main(void *arg)
{
	static struct rig_task *t[MANY];
	static char args[MANY][16];

	(void)arg;
	for (int i = 0; i < MANY; i++) {
		snprintf(args[i], sizeof(args[i]), "{\"i\":%d}", i);
		t[i] = rig_start_with("noop", args[i], i % 3 != 0, 0);
	}
	for (int i = 0; i < MANY; i++) {
		rig_wait(t[i]);
		rig_expect_success(t[i]);
		ck_assert_str_eq(t[i]->outcome.result, args[i]);
		rig_free(&t[i]);
	}
	ck_assert_uint_eq(rig_stats().died, 0);
}

START_TEST(many_at_once)
{
	rig_run(many_main);
}
END_TEST

static void large_args_main(void *arg)
{
	size_t n = 3 * 1024 * 1024;
	char *args = malloc(n + 1);
	struct rig_task *t;

	(void)arg;
	memset(args, ' ', n);
	memcpy(args, "{\"a\":1", 6);
	args[n - 1] = '}';
	args[n] = '\0';
	t = rig_do("noop", args);
	rig_expect_success(t);
	ck_assert_str_eq(t->outcome.result, args);
	rig_free(&t);
	free(args);
}

START_TEST(large_args)
{
	rig_run(large_args_main);
}
END_TEST

static void unknown_main(void *arg)
{
	struct rig_task *t = rig_do("nonsense", "{}");

	(void)arg;
	rig_expect(t, "handler", "nonsense");
	ck_assert(t->outcome.final);
	rig_free(&t);
}

START_TEST(unknown_kind)
{
	rig_run(unknown_main);
}
END_TEST

static void too_large_main(void *arg)
{
	struct rig_task *t = rig_do("letters", "{\"n\": 998}");

	(void)arg;
	rig_expect_success(t);
	ck_assert_uint_eq(t->outcome.result_len, 1000);
	rig_free(&t);
	t = rig_do("letters", "{\"n\": 999}");
	rig_expect(t, "too_large", "1001 bytes; allowed are 1000");
	ck_assert_ptr_null(t->outcome.result);
	rig_free(&t);
}

START_TEST(too_large_a_result)
{
	rig_conf.result_bytes = 1000;
	rig_run(too_large_main);
}
END_TEST

static void progress_main(void *arg)
{
	struct rig_task *t = rig_do("progress", "{}");

	(void)arg;
	rig_expect_success(t);
	buf_putc(&t->progress, '\0');
	ck_assert_str_eq(buf_data(&t->progress),
			 "{\"fraction\":0.25,\"message\":\"a quarter\"}\n{\"fraction\":0.5}\n{\"fraction\":1.0}\n");
	ck_assert_str_eq(t->outcome.result, "\"done\"");
	rig_free(&t);
}

START_TEST(progress_is_told)
{
	rig_run(progress_main);
}
END_TEST

/* ---- room and prefetch ---- */

static void room_main(void *arg)
{
	struct rig_task *spin[2];
	struct outcome out;

	(void)arg;
	rig_until_idle();
	ck_assert_uint_eq(pool_room(rig_pool, false), 2);
	ck_assert_uint_eq(pool_room(rig_pool, true), 8);
	for (int i = 0; i < 2; i++) {
		spin[i] = rig_start("spin", "{}");
		rig_wait_started(spin[i]);
	}
	ck_assert_str_ne(spin[0]->where, spin[1]->where);
	ck_assert_uint_eq(pool_room(rig_pool, true), 0);	/* nothing waits behind what may take long */
	ck_assert_uint_eq(pool_room(rig_pool, false), 0);
	ck_assert_int_eq(pool_run(rig_pool, &(struct pool_task){ .type = "noop", .args = "{}", .args_len = 2 }, &out), -EAGAIN);
	ck_assert_uint_eq(rig_stats().busy, 2);
	for (int i = 0; i < 2; i++) {
		coro_cancel(spin[i]->coro);
		rig_wait(spin[i]);
		ck_assert_int_eq(spin[i]->rc, -ECANCELED);
		rig_free(&spin[i]);
	}
}

START_TEST(room)
{
	rig_open();
	ck_assert_uint_eq(pool_room(rig_pool, true), 0);	/* nobody has greeted yet */
	ck_assert_uint_eq(rig_stats().starting, 2);
	rig_loop(room_main);
	rig_close();
}
END_TEST

/* Brief tasks behind one that is not brief after all go elsewhere. */
static void stall_main(void *arg)
{
	struct rig_task *longer, *shorter, *behind[6];

	(void)arg;
	rig_until_idle();
	longer = rig_start("gate", rig_gate());
	shorter = rig_start("sleep_ms", "{\"ms\": 50}");
	for (int i = 0; i < 6; i++)
		behind[i] = rig_start("noop", "{}");
	coro_yield();
	ck_assert_uint_eq(pool_room(rig_pool, true), 0);	/* all are handed out */
	for (int i = 0; i < 6; i++)
		rig_wait(behind[i]);
	ck_assert(!longer->ended);
	rig_open_gate();
	rig_wait(longer);
	rig_expect_success(longer);
	rig_expect_success(shorter);
	for (int i = 0; i < 6; i++) {
		rig_expect_success(behind[i]);
		ck_assert_uint_lt(behind[i]->order, longer->order);
		ck_assert_str_eq(behind[i]->where, shorter->where);
		rig_free(&behind[i]);
	}
	rig_free(&longer);
	rig_free(&shorter);
	ck_assert_uint_eq(rig_stats().died, 0);
}

START_TEST(stalled_tasks_go_elsewhere)
{
	rig_run(stall_main);
}
END_TEST

/* ---- death ---- */

static void crash_main(void *arg)
{
	struct rig_task *t = rig_do("crash", "{\"signal\": 11}");

	(void)arg;
	rig_expect(t, "worker_lost", "pool process died: signal 11 (SIGSEGV)");
	ck_assert(!t->outcome.final && t->started);
	rig_free(&t);
	t = rig_do("noop", "{}");
	rig_expect_success(t);
	rig_free(&t);
}

START_TEST(crash)
{
	rig_conf.processes = 1;
	rig_run(crash_main);
}
END_TEST

/* The dead process takes its own task only: what lay behind it is run by others. */
static void crash_prefetched_main(void *arg)
{
	struct rig_task *first, *behind[3], *after;

	(void)arg;
	rig_until_idle();
	first = rig_start("brief_crash", "{\"signal\": 9}");
	for (int i = 0; i < 3; i++)
		behind[i] = rig_start("noop", "{}");
	rig_wait(first);
	rig_expect(first, "worker_lost", "signal 9 (SIGKILL)");
	ck_assert(first->started);
	for (int i = 0; i < 3; i++) {
		rig_wait(behind[i]);
		rig_expect_success(behind[i]);
		ck_assert_str_ne(behind[i]->where, first->where);
		rig_free(&behind[i]);
	}
	after = rig_do("noop", "{}");
	rig_expect_success(after);
	rig_free(&after);
	rig_free(&first);
}

START_TEST(crash_before_prefetched_tasks)
{
	rig_conf.processes = 1;
	rig_run(crash_prefetched_main);
}
END_TEST

static bool has_been_replaced(void *arg)
{
	(void)arg;
	return rig_stats().died == 1 && rig_stats().idle == 1;
}

static void kill_idle_main(void *arg)
{
	struct rig_task *t = rig_do("noop", "{}");

	(void)arg;
	kill(rig_pid(t), SIGKILL);
	rig_free(&t);
	rig_until(has_been_replaced, NULL);
	t = rig_do("noop", "{}");
	rig_expect_success(t);
	rig_free(&t);
	ck_assert_uint_eq(rig_stats().spawned, 2);
}

START_TEST(kill_while_idle)
{
	rig_conf.processes = 1;
	rig_run(kill_idle_main);
}
END_TEST

/* What a terminal, a service manager or a person may send to all of us is for the daemon to deal with. */
static void stray_main(void *arg)
{
	static const int stray[] = { SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGPIPE };
	struct rig_task *t = rig_do("noop", "{}"), *slow;
	pid_t pid = rig_pid(t);

	(void)arg;
	rig_free(&t);
	slow = rig_start_with("sleep_ms", "{\"ms\": 30}", false, 0);
	rig_wait_started(slow);
	for (size_t i = 0; i < sizeof(stray) / sizeof(stray[0]); i++)
		ck_assert_int_eq(kill(pid, stray[i]), 0);
	rig_wait(slow);
	rig_expect_success(slow);
	rig_free(&slow);
	t = rig_do("noop", "{}");
	ck_assert_int_eq(rig_pid(t), pid);
	rig_free(&t);
}

START_TEST(stray_signals)
{
	rig_conf.processes = 1;
	rig_run(stray_main);
}
END_TEST

/* Killed again and again under load: every task ends, each as itself. */
static void kill_often_main(void *arg)
{
	enum { TASKS = 300 };
	struct rig_task *t[TASKS];
	unsigned lost = 0, killed = 0;

	(void)arg;
	for (int i = 0; i < TASKS; i++)
		t[i] = rig_start("sleep_ms", "{\"ms\": 1}");
	for (int i = 0; i < TASKS; i++) {
		rig_wait(t[i]);
		ck_assert_int_eq(t[i]->rc, 0);
		ck_assert(t[i]->started);
		if (!t[i]->outcome.succeeded) {
			rig_expect(t[i], "worker_lost", "SIGKILL");
			lost++;
		}
		if (i % 40 == 0 && rig_process_lives(rig_pid(t[i])))
			killed += kill(rig_pid(t[i]), SIGKILL) == 0;
	}
	ck_assert_uint_ge(killed, 1);
	ck_assert_uint_le(lost, killed);
	for (int i = 0; i < TASKS; i++)
		rig_free(&t[i]);
}

START_TEST(kill_under_load)
{
	rig_run(kill_often_main);
}
END_TEST

/* ---- generations ---- */

static void retire_main(void *arg)
{
	struct rig_task *t[9];
	pid_t pids[9];

	(void)arg;
	for (int i = 0; i < 9; i++)
		t[i] = rig_start("noop", "{}");
	for (int i = 0; i < 9; i++) {
		rig_wait(t[i]);
		rig_expect_success(t[i]);
		pids[i] = rig_pid(t[i]);
		rig_free(&t[i]);
	}
	for (int i = 0; i < 9; i++)
		for (int j = i + 1; j < 9; j++)
			ck_assert((pids[i] == pids[j]) == (i / 3 == j / 3));
	ck_assert_uint_eq(rig_stats().died, 0);
	ck_assert_uint_ge(rig_stats().spawned, 3);
}

START_TEST(retirement)
{
	rig_conf.processes = 1;
	rig_conf.jobs_per_process = 3;
	rig_run(retire_main);
}
END_TEST

static bool has_processes(void *arg)
{
	return rig_stats().idle == *(unsigned *)arg;
}

static void reconfigure_main(void *arg)
{
	struct rig_task *t[4];
	struct pool_conf conf = rig_conf;
	unsigned n = 4;

	(void)arg;
	rig_until_idle();
	conf.processes = 4;
	conf.nice = 7;
	pool_reconfigure(rig_pool, &conf);
	rig_until(has_processes, &n);
	for (int i = 0; i < 4; i++)
		t[i] = rig_start("exec", "{\"argv\": [\"nice\"]}");
	for (int i = 0; i < 4; i++) {
		rig_wait(t[i]);
		rig_expect_success(t[i]);
		ck_assert_str_eq(rig_result_string(t[i], "stdout"), t[i]->where[7] == '1' ? "0\n" : "7\n");
		rig_free(&t[i]);
	}
	n = conf.processes = 1;
	pool_reconfigure(rig_pool, &conf);
	rig_until(has_processes, &n);
	ck_assert_uint_eq(rig_stats().processes, 1);
	ck_assert_uint_eq(pool_room(rig_pool, false), 1);
	n = conf.processes = 2;
	pool_reconfigure(rig_pool, &conf);
	rig_until(has_processes, &n);
	ck_assert_uint_eq(rig_stats().died, 0);
}

START_TEST(reconfiguration)
{
	rig_conf.processes = 1;
	rig_run(reconfigure_main);
}
END_TEST

/* The last closing with a process that has just been spawned, and does not know of anything yet. */
static void nothing(void *arg)
{
	(void)arg;
}

START_TEST(open_and_close)
{
	for (int i = 0; i < 3; i++)
		rig_run(nothing);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("pool");
	TCase *t = tcase_create("pool");

	tcase_add_test(t, noop_hands_its_args_back);
	tcase_add_test(t, many_at_once);
	tcase_add_test(t, large_args);
	tcase_add_test(t, unknown_kind);
	tcase_add_test(t, too_large_a_result);
	tcase_add_test(t, progress_is_told);
	tcase_add_test(t, room);
	tcase_add_test(t, stalled_tasks_go_elsewhere);
	tcase_add_test(t, crash);
	tcase_add_test(t, crash_before_prefetched_tasks);
	tcase_add_test(t, kill_while_idle);
	tcase_add_test(t, stray_signals);
	tcase_add_test(t, kill_under_load);
	tcase_add_test(t, retirement);
	tcase_add_test(t, reconfiguration);
	tcase_add_test(t, open_and_close);
	suite_add_tcase(s, t);
	return s;
}

int main(int argc, char **argv)
{
	rig_worker(argc, argv, NULL);
	return unit_run(suite());
}
