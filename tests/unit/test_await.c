/* Waiting for jobs, with a store that is a table: each look at it takes a turn of the loop, in which things happen. */
#include <errno.h>
#include <string.h>

#include "await.h"
#include "coro/loop.h"
#include "notify.h"
#include "store/store.h"
#include "tests/lib/failmem.h"
#include "tests/lib/unit.h"

enum { JOBS = 20 };

static struct {
	enum job_state state;
	int attempt;
} table[JOBS + 1];		/* by id; JOB_NONE: not there */

static struct notify *notify;
static struct coro_group group;
static int looks, store_rc;
static void (*between)(void);	/* happens after the store has looked and before it answers */

int store_get(struct store *st, int64_t id, struct job_record *out)
{
	enum job_state state = table[id].state;
	int attempt = table[id].attempt;

	(void)st;
	looks++;
	memset(out, 0, sizeof(*out));
	if (between != NULL)
		between();
	coro_yield();
	if (store_rc != 0)
		return store_rc;
	if (state == JOB_NONE)
		return -ENOENT;
	out->row = (struct job_row){ .id = id, .state = state, .attempt = attempt };
	return 0;
}

static void move(int64_t id, enum job_state to)
{
	struct job_row row = { .id = id, .state = to };
	struct job_change change = { .seq = 1, .from = table[id].state, .to = to, .row = &row, .queue = "q", .type = "t" };

	if (to == JOB_RUNNING)
		table[id].attempt++;
	table[id].state = to;
	row.attempt = table[id].attempt;
	notify_changed(notify, &change);
}

static int result;
static size_t which;
static bool ended;

struct wanted {
	const int64_t *ids;
	size_t n;
	bool started;
	mono_us patience;
};

static void waiter_main(void *arg)
{
	const struct wanted *w = arg;

	result = await_jobs(NULL, notify, w->ids, w->n, w->started, w->patience < 0 ? MONO_NEVER : clock_after(w->patience), &which);
	ended = true;
}

static void settle(void)
{
	for (int i = 0; i < 50; i++)
		ck_assert_int_eq(coro_yield(), 0);
}

static void begin_waiting(struct wanted *w)
{
	ended = false;
	which = 99;
	ck_assert_int_eq(coro_spawn(&group, "waiter", waiter_main, w), 0);
	settle();
}

static void expect_end(int rc)
{
	settle();
	ck_assert(ended);
	ck_assert_int_eq(result, rc);
}

static void run(void (*test_main)(void *arg))
{
	struct loop_conf conf = { .coroutines_max = 100 };

	ck_assert_int_eq(loop_open(&conf), 0);
	coro_group_init(&group);
	notify = notify_new();
	memset(table, 0, sizeof(table));
	between = NULL;
	store_rc = looks = 0;
	ck_assert_int_eq(coro_spawn(&group, "test", test_main, NULL), 0);
	loop_run();
	ck_assert_uint_eq(group.count, 0);
	notify_free(&notify);
	loop_close();
}

/* ---- one job ---- */

static const int64_t one[] = { 1 };

static void final_at_once_main(void *arg)
{
	struct wanted w = { one, 1, false, -1 };

	(void)arg;
	table[1].state = JOB_CANCELLED;
	begin_waiting(&w);
	expect_end(0);
	ck_assert_int_eq(looks, 1);
}

START_TEST(what_is_final_is_not_waited_for)
{
	run(final_at_once_main);
}
END_TEST

static void final_later_main(void *arg)
{
	struct wanted w = { one, 1, false, -1 };

	(void)arg;
	table[1].state = JOB_READY;
	begin_waiting(&w);
	for (int i = 0; i < 3; i++) {
		move(1, JOB_RUNNING);
		settle();
		move(1, JOB_SCHEDULED);
		settle();
	}
	ck_assert(!ended);
	move(1, JOB_FAILED);
	expect_end(0);
	/* What is heard is believed: no second look. */
	ck_assert_int_eq(looks, 1);
}

START_TEST(the_end_is_heard_of)
{
	run(final_later_main);
}
END_TEST

static void started_main(void *arg)
{
	struct wanted w = { one, 1, true, -1 };

	(void)arg;
	table[1].state = JOB_HELD;
	begin_waiting(&w);
	move(1, JOB_READY);
	settle();
	ck_assert(!ended);
	move(1, JOB_RUNNING);
	expect_end(0);
	/* Once begun is begun, also while it waits for its retry; and what ends without a start has nothing to wait for. */
	table[1].state = JOB_SCHEDULED;
	begin_waiting(&w);
	expect_end(0);
	table[1].attempt = 0;
	table[1].state = JOB_HELD;
	begin_waiting(&w);
	move(1, JOB_CANCELLED);
	expect_end(0);
}

START_TEST(started_is_begun_or_over)
{
	run(started_main);
}
END_TEST

/* It begins and ends before the waiter looks again. */
static void quick_main(void *arg)
{
	struct wanted w = { one, 1, true, -1 };

	(void)arg;
	table[1].state = JOB_READY;
	begin_waiting(&w);
	move(1, JOB_RUNNING);
	move(1, JOB_READY);
	expect_end(0);
}

START_TEST(a_start_that_is_over_already_counts)
{
	run(quick_main);
}
END_TEST

static void end_now(void)
{
	between = NULL;
	move(1, JOB_RUNNING);
	move(1, JOB_SUCCEEDED);
}

static void between_main(void *arg)
{
	struct wanted w = { one, 1, false, -1 };

	(void)arg;
	table[1].state = JOB_READY;
	between = end_now;
	begin_waiting(&w);
	expect_end(0);
}

START_TEST(nothing_falls_between_look_and_news)
{
	run(between_main);
}
END_TEST

static void retry_now(void)
{
	between = NULL;
	move(1, JOB_READY);
}

/* It was final when looked at; that it is tried again meanwhile does not undo that. */
static void final_then_retried_main(void *arg)
{
	struct wanted w = { one, 1, false, -1 };

	(void)arg;
	table[1].state = JOB_FAILED;
	between = retry_now;
	begin_waiting(&w);
	expect_end(0);
}

START_TEST(what_was_final_stays_so)
{
	run(final_then_retried_main);
}
END_TEST

/* ---- several ---- */

static const int64_t three[] = { 3, 1, 2 };

static void several_main(void *arg)
{
	struct wanted w = { three, 3, false, -1 };

	(void)arg;
	for (int id = 1; id <= 3; id++)
		table[id].state = JOB_RUNNING;
	begin_waiting(&w);
	move(1, JOB_SUCCEEDED);
	settle();
	move(2, JOB_FAILED);
	settle();
	ck_assert(!ended);
	move(3, JOB_CANCELLED);
	expect_end(0);
}

START_TEST(all_of_several)
{
	run(several_main);
}
END_TEST

static const int64_t twice[] = { 1, 1 };

static void twice_main(void *arg)
{
	struct wanted w = { twice, 2, false, -1 };

	(void)arg;
	table[1].state = JOB_RUNNING;
	begin_waiting(&w);
	move(1, JOB_SUCCEEDED);
	expect_end(0);
}

START_TEST(one_job_twice)
{
	run(twice_main);
}
END_TEST

static void none_main(void *arg)
{
	struct wanted w = { three, 0, false, -1 };

	(void)arg;
	begin_waiting(&w);
	expect_end(0);
}

START_TEST(none_at_all)
{
	run(none_main);
}
END_TEST

/* ---- what goes wrong ---- */

static void not_there_main(void *arg)
{
	struct wanted w = { three, 3, false, -1 };

	(void)arg;
	table[3].state = table[2].state = JOB_RUNNING;
	begin_waiting(&w);
	expect_end(-ENOENT);
	ck_assert_uint_eq(which, 1);
}

START_TEST(one_that_is_not_there)
{
	run(not_there_main);
}
END_TEST

static void deleted_main(void *arg)
{
	struct wanted w = { one, 1, true, -1 };

	(void)arg;
	table[1].state = JOB_HELD;
	begin_waiting(&w);
	move(1, JOB_NONE);
	expect_end(-ENOENT);
	ck_assert_uint_eq(which, 0);
}

START_TEST(one_that_goes_away)
{
	run(deleted_main);
}
END_TEST

/* The records can never be told together any more: no waiting for the others. */
static void one_of_three_goes_main(void *arg)
{
	struct wanted w = { three, 3, false, -1 };

	(void)arg;
	for (int id = 1; id <= 3; id++)
		table[id].state = JOB_RUNNING;
	begin_waiting(&w);
	move(2, JOB_SUCCEEDED);
	move(2, JOB_NONE);
	expect_end(-ENOENT);
	ck_assert_uint_eq(which, 2);
}

START_TEST(one_of_several_that_goes_away)
{
	run(one_of_three_goes_main);
}
END_TEST

/* It was heard to end before it went: that is what was waited for. */
static void ended_and_gone_main(void *arg)
{
	struct wanted w = { one, 1, false, -1 };

	(void)arg;
	table[1].state = JOB_RUNNING;
	begin_waiting(&w);
	move(1, JOB_SUCCEEDED);
	move(1, JOB_NONE);
	expect_end(0);
	/* And one that was tried again at once. */
	table[1].state = JOB_RUNNING;
	begin_waiting(&w);
	move(1, JOB_FAILED);
	move(1, JOB_READY);
	expect_end(0);
}

START_TEST(an_end_is_an_end_whatever_follows)
{
	run(ended_and_gone_main);
}
END_TEST

static void timeout_main(void *arg)
{
	struct wanted w = { three, 3, false, 20 * 1000 };

	(void)arg;
	for (int id = 1; id <= 3; id++)
		table[id].state = JOB_RUNNING;
	table[3].state = JOB_SUCCEEDED;
	begin_waiting(&w);
	while (!ended)
		coro_sleep(clock_after(1000));
	ck_assert_int_eq(result, -ETIMEDOUT);
	ck_assert_uint_eq(which, 1);
}

START_TEST(it_does_not_wait_longer_than_asked)
{
	run(timeout_main);
}
END_TEST

static void poll_main(void *arg)
{
	struct wanted w = { one, 1, false, 0 };

	(void)arg;
	table[1].state = JOB_RUNNING;
	begin_waiting(&w);
	while (!ended)
		coro_sleep(clock_after(1000));
	ck_assert_int_eq(result, -ETIMEDOUT);
	table[1].state = JOB_SUCCEEDED;
	begin_waiting(&w);
	expect_end(0);
}

START_TEST(no_patience_is_one_look)
{
	run(poll_main);
}
END_TEST

static void store_fails_main(void *arg)
{
	struct wanted w = { one, 1, false, -1 };

	(void)arg;
	store_rc = -EIO;
	begin_waiting(&w);
	expect_end(-EIO);
}

START_TEST(a_store_that_fails)
{
	run(store_fails_main);
}
END_TEST

static void cancelled_main(void *arg)
{
	struct wanted w = { one, 1, false, -1 };
	struct coro_group waiting;

	(void)arg;
	coro_group_init(&waiting);
	table[1].state = JOB_RUNNING;
	ended = false;
	ck_assert_int_eq(coro_spawn(&waiting, "waiter", waiter_main, &w), 0);
	settle();
	coro_group_cancel(&waiting);
	coro_group_join(&waiting);
	ck_assert(ended);
	ck_assert_int_eq(result, -ECANCELED);
	move(1, JOB_SUCCEEDED);		/* nobody listens any more */
}

START_TEST(a_cancelled_wait_leaves_nothing_behind)
{
	run(cancelled_main);
}
END_TEST

static void no_memory_main(void *arg)
{
	int64_t ids[JOBS];
	int failures = 0;

	(void)arg;
	for (int i = 0; i < JOBS; i++) {
		ids[i] = i + 1;
		table[i + 1].state = JOB_SUCCEEDED;
	}
	for (long n = 1;; n++) {
		int rc;

		failmem_from(n);
		rc = await_jobs(NULL, notify, ids, JOBS, false, MONO_NEVER, &which);
		if (failmem_off() == 0) {
			ck_assert_int_eq(rc, 0);
			break;
		}
		ck_assert_int_eq(rc, -ENOMEM);
		failures++;
	}
	ck_assert_int_ge(failures, JOBS);
}

START_TEST(without_memory)
{
	run(no_memory_main);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("await");
	TCase *tc = tcase_create("await");

	tcase_add_test(tc, what_is_final_is_not_waited_for);
	tcase_add_test(tc, the_end_is_heard_of);
	tcase_add_test(tc, started_is_begun_or_over);
	tcase_add_test(tc, a_start_that_is_over_already_counts);
	tcase_add_test(tc, nothing_falls_between_look_and_news);
	tcase_add_test(tc, what_was_final_stays_so);
	tcase_add_test(tc, all_of_several);
	tcase_add_test(tc, one_job_twice);
	tcase_add_test(tc, none_at_all);
	tcase_add_test(tc, one_that_is_not_there);
	tcase_add_test(tc, one_that_goes_away);
	tcase_add_test(tc, one_of_several_that_goes_away);
	tcase_add_test(tc, an_end_is_an_end_whatever_follows);
	tcase_add_test(tc, it_does_not_wait_longer_than_asked);
	tcase_add_test(tc, no_patience_is_one_look);
	tcase_add_test(tc, a_store_that_fails);
	tcase_add_test(tc, a_cancelled_wait_leaves_nothing_behind);
	tcase_add_test(tc, without_memory);
	suite_add_tcase(suite, tc);
	return unit_run(suite);
}
