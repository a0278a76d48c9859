/* The pool without memory: in the daemon, in its processes. Whatever is missed, each task ends, and afterwards all is well. */
#include "tests/lib/unit.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/failmem.h"
#include "tests/lib/poolrig.h"

#define FAILMEM "POOLRIG_FAILMEM"

/* Each allocation of pool_open, missing. */
START_TEST(opening)
{
	struct loop_conf loop = { .coroutines_max = 10 };
	char why[256] = "";
	int rc = -ENOMEM;

	rig_make_directory();
	for (long n = 1; rc != 0; n++) {
		long failed;

		ck_assert_int_eq(loop_open(&loop), 0);
		failmem_from(n);
		rc = pool_open(&rig_conf, &rig_pool, why, sizeof(why));
		failed = failmem_off();
		ck_assert_int_lt(n, 100);
		if (rc != 0) {
			ck_assert_int_eq(rc, -ENOMEM);
			ck_assert_ptr_null(rig_pool);
			ck_assert_msg(strstr(why, "emory") != NULL, "%s", why);
			loop_close();
		} else {
			ck_assert_int_eq(failed, 0);
		}
	}
	rig_close();
}
END_TEST

enum { TASKS = 60 };

static void run_tasks(unsigned one_in)
{
	struct rig_task *t[TASKS];

	for (int i = 0; i < TASKS; i++)
		t[i] = i % 4 == 0 ? rig_start("exec", "{\"command\": \"head -c 100000 /dev/zero; echo >&2\"}")
				  : rig_start("noop", "{\"some\": \"args\"}");
	if (one_in > 0)
		failmem_one_in(one_in);
	for (int i = 0; i < TASKS; i++)
		while (!t[i]->ended)
			coro_sleep(clock_after(RIG_MS));
	failmem_off();
	for (int i = 0; i < TASKS; i++) {
		const struct outcome *o = &t[i]->outcome;

		ck_assert_int_eq(t[i]->rc, 0);
		ck_assert_msg(o->succeeded || strcmp(o->reason, "worker_lost") == 0 || strcmp(o->reason, "handler") == 0, "%s: %s",
			      o->reason, o->message);
		rig_free(&t[i]);
	}
}

static void daemon_main(void *arg)
{
	(void)arg;
	rig_until_idle();
	run_tasks(7);
	rig_until_idle();
	ck_assert_uint_eq(pool_room(rig_pool, true), 8);
}

START_TEST(in_the_daemon)
{
	rig_run(daemon_main);
}
END_TEST

static void process_main(void *arg)
{
	(void)arg;
	run_tasks(0);
}

START_TEST(in_the_processes)
{
	setenv(FAILMEM, "1", 1);
	rig_run(process_main);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("pool_memory");
	TCase *t = tcase_create("pool_memory");

	tcase_add_test(t, opening);
	tcase_add_test(t, in_the_daemon);
	tcase_add_test(t, in_the_processes);
	suite_add_tcase(s, t);
	return s;
}

int main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "--worker") == 0 && getenv(FAILMEM) != NULL)
		failmem_one_in(25);
	rig_worker(argc, argv, NULL);
	return unit_run(suite());
}
