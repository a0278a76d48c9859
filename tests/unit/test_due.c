/* What time brings, with a store that is a list of times and a wall clock that the test sets. */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "coro/loop.h"
#include "due.h"
#include "tests/lib/unit.h"

enum { TIMES = 64 };

struct times {
	wall_ms v[TIMES];
	int n;			/* still to come */
	int done;		/* taken when their time had come */
	int asked, failures;	/* how often asked; how often it is to fail yet */
	size_t most;		/* that were asked for at once */
};

static struct times runs, expiries, prunes;
static int turns, resolves;		/* store_resolve: turns it needs yet; how often asked */
static struct due due;
static struct coro_group group, standing;
static void (*meanwhile)(void);		/* happens while a verb is under way */
static wall_ms too_late;		/* what comes into `runs` when the verb under way has looked through them; 0: nothing */

/* ---- the clocks: wall goes as mono does, until the test moves it ---- */

static wall_ms moved;

static mono_us test_mono(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (mono_us)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static wall_ms test_wall(void)
{
	return 1700000000000 + test_mono() / 1000 + moved;
}

static const struct clock_source source = { test_wall, test_mono };

/* ---- the store ---- */

static int take(struct times *t, wall_ms now, size_t max, wall_ms *next, size_t *taken)
{
	int kept = 0;

	t->asked++;
	if (max > t->most)
		t->most = max;
	if (meanwhile != NULL)
		meanwhile();
	coro_yield();
	if (t->failures > 0) {
		t->failures--;
		return -EIO;
	}
	*taken = 0;
	*next = 0;
	for (int i = 0; i < t->n; i++) {
		if (t->v[i] <= now && *taken < max) {
			t->done++;
			++*taken;
			continue;
		}
		if (*next == 0 || t->v[i] < *next)
			*next = t->v[i];
		t->v[kept++] = t->v[i];
	}
	t->n = kept;
	if (too_late != 0)
		t->v[t->n++] = too_late;
	too_late = 0;
	return 0;
}

int store_resolve(struct store *st, wall_ms at, size_t max, wall_ms *next)
{
	(void)st, (void)at, (void)max;
	resolves++;
	coro_yield();
	if (turns > 0)
		turns--;
	*next = turns > 0 ? 1 : 0;
	return 0;
}

int store_due(struct store *st, wall_ms at, size_t max, wall_ms *next)
{
	size_t taken;

	(void)st;
	return take(&runs, at, max, next, &taken);
}

int store_expire(struct store *st, wall_ms at, size_t max, wall_ms *next)
{
	size_t taken;

	(void)st;
	return take(&expiries, at, max, next, &taken);
}

int store_prune(struct store *st, wall_ms at, size_t max, wall_ms *next, size_t *removed)
{
	(void)st;
	return take(&prunes, at, max, next, removed);
}

/* ---- what happens ---- */

static void add_quietly(struct times *t, wall_ms at)
{
	ck_assert_int_lt(t->n, TIMES);
	t->v[t->n++] = at;
}

static void change(enum job_state to, int attempt, wall_ms run_at, wall_ms expires_at, wall_ms retain)
{
	struct job_row row = { .id = 1, .state = to, .attempt = attempt, .run_at = run_at, .expires_at = expires_at };
	struct job_change c = { .seq = 1, .at = clock_wall(), .to = to, .row = &row, .queue = "q", .type = "t", .retain = retain };

	due_changed(&due, &c);
}

static void backlog_in(wall_ms span)
{
	add_quietly(&runs, clock_wall() + span);
	change(JOB_SCHEDULED, 1, clock_wall() + span, 0, -1);
}

static void settle(void)
{
	for (int i = 0; i < 50; i++)
		ck_assert_int_eq(coro_yield(), 0);
}

/* Until it is so; how long that took, in ms. */
#define wait_until(condition) \
	__extension__({ \
		mono_us asked_at = clock_mono(); \
		while (!(condition)) { \
			hold(clock_mono() - asked_at < 30 * 1000 * 1000); \
			ck_assert_int_eq(coro_sleep(clock_after(500)), 0); \
		} \
		(clock_mono() - asked_at) / 1000; \
	})

static void (*body)(void);

static void test_main(void *arg)
{
	(void)arg;
	due_init(&due);
	coro_group_init(&standing);
	ck_assert_int_eq(coro_spawn(&standing, "due", due_main, &due), 0);
	ck_assert_int_eq(coro_spawn(&standing, "prune", due_prune_main, &due), 0);
	body();
	coro_group_cancel(&standing);
	coro_group_join(&standing);
}

static void run(void (*test_body)(void))
{
	struct loop_conf conf = { .coroutines_max = 100 };

	clock_set_source(&source);
	ck_assert_int_eq(loop_open(&conf), 0);
	coro_group_init(&group);
	body = test_body;
	ck_assert_int_eq(coro_spawn(&group, "test", test_main, NULL), 0);
	loop_run();
	loop_close();
}

/* ---- tests ---- */

static void at_start_body(void)
{
	add_quietly(&runs, 1);
	add_quietly(&expiries, 1);
	add_quietly(&prunes, 1);
	settle();
	ck_assert_int_eq(runs.done, 1);
	ck_assert_int_eq(expiries.done, 1);
	ck_assert_int_eq(prunes.done, 1);
}

START_TEST(at_the_start_it_asks_at_once)
{
	run(at_start_body);
}
END_TEST

static void idle_body(void)
{
	settle();
	ck_assert_int_eq(runs.asked, 1);
	ck_assert_int_eq(expiries.asked, 1);
	coro_sleep(clock_after(50 * 1000));
	ck_assert_int_eq(runs.asked, 1);
	ck_assert_int_eq(expiries.asked, 1);
}

START_TEST(with_nothing_to_come_it_does_not_ask_again)
{
	run(idle_body);
}
END_TEST

static void in_time_body(void)
{
	wall_ms at;

	settle();
	backlog_in(3600 * 1000);
	settle();
	at = clock_wall() + 20;
	backlog_in(20);	/* earlier than what it waits for */
	wait_until(runs.done == 1);
	ck_assert_int_ge(clock_wall(), at);
	ck_assert_int_eq(runs.n, 1);
	moved = 3600 * 1000;
	wait_until(runs.done == 2);
	ck_assert_int_eq(runs.n, 0);
}

START_TEST(each_at_its_time)
{
	run(in_time_body);
}
END_TEST

static void left_in_store_body(void)
{
	wall_ms at = clock_wall() + 30;

	add_quietly(&runs, at);
	add_quietly(&expiries, at + 10);
	settle();
	ck_assert(runs.done + expiries.done == 0 || clock_wall() >= at);
	wait_until(runs.done == 1 && expiries.done == 1);
}

START_TEST(what_the_store_tells_to_come_is_kept)
{
	run(left_in_store_body);
}
END_TEST

static void come_meanwhile(void)
{
	if (runs.asked == 0)
		return;
	meanwhile = NULL;
	too_late = clock_wall() + 20;
	change(JOB_SCHEDULED, 0, too_late, 0, -1);
}

/* A job scheduled while the store is asked may be missing in its answer: it must not be forgotten. */
static void come_meanwhile_body(void)
{
	settle();
	meanwhile = come_meanwhile;
	backlog_in(0);
	wait_until(runs.done == 2);
	ck_assert_ptr_null(meanwhile);
	ck_assert_int_ge(runs.asked, 3);	/* at the start, for the first, for the second */
}

START_TEST(what_comes_while_it_asks_is_not_forgotten)
{
	run(come_meanwhile_body);
}
END_TEST

static void expiry_body(void)
{
	settle();
	/* Bound is what has not started: waiting, first attempt to come. */
	change(JOB_RUNNING, 1, 0, clock_wall() + 1, -1);
	change(JOB_SCHEDULED, 1, clock_wall() + 100000, clock_wall() + 1, -1);
	change(JOB_SUCCEEDED, 1, 0, clock_wall() + 1, -1);
	coro_sleep(clock_after(30 * 1000));
	ck_assert_int_eq(expiries.asked, 1);
	for (int i = 0; i < 4; i++) {
		static const enum job_state waiting[] = { JOB_HELD, JOB_BLOCKED, JOB_SCHEDULED, JOB_READY };

		add_quietly(&expiries, clock_wall() + 5);
		change(waiting[i], 0, waiting[i] == JOB_SCHEDULED ? clock_wall() + 100000 : 0, clock_wall() + 5, -1);
		wait_until(expiries.done == i + 1);
	}
}

START_TEST(what_has_not_started_expires)
{
	run(expiry_body);
}
END_TEST

static void failing_store_body(void)
{
	runs.failures = 1;
	expiries.failures = 1;
	add_quietly(&runs, 1);
	add_quietly(&expiries, 1);
	/* After a pause each, not in a hot loop. */
	ck_assert_int_ge(wait_until(runs.done == 1 && expiries.done == 1), 500);
	ck_assert_int_le(runs.asked + expiries.asked, 6);
}

START_TEST(a_store_that_fails_is_asked_again)
{
	run(failing_store_body);
}
END_TEST

static void clock_body(void)
{
	settle();
	backlog_in(3600 * 1000);
	settle();
	ck_assert_int_eq(runs.done, 0);
	moved = 3600 * 1000;
	coro_sleep(clock_after(1500 * 1000));	/* on a loop that is late, what is to come before that still does */
	settle();
	ck_assert_int_eq(runs.done, 1);
}

START_TEST(a_step_of_the_clock_is_noticed)
{
	run(clock_body);
}
END_TEST

static void many_body(void)
{
	settle();
	for (int i = 0; i < TIMES; i++)
		backlog_in(i % 7 * 3);
	wait_until(runs.done == TIMES);
	ck_assert_int_le(runs.asked, TIMES + 10);
}

START_TEST(many_at_once)
{
	run(many_body);
}
END_TEST

static void prune_body(void)
{
	settle();
	add_quietly(&prunes, clock_wall() + 20);
	change(JOB_SUCCEEDED, 1, 0, 0, 20);
	ck_assert_int_ge(wait_until(prunes.done == 1), 10);
	/* A backlog goes by batches, one after the other. */
	for (int i = 0; i < TIMES; i++)
		add_quietly(&prunes, 1);
	change(JOB_FAILED, 1, 0, 0, 0);
	wait_until(prunes.done == 1 + TIMES);
}

START_TEST(final_records_go_at_their_time)
{
	run(prune_body);
}
END_TEST

/* How many it asks for at once, after so many have ended. */
static size_t asked_for(int ended)
{
	prunes.most = 0;
	prunes.done = 0;
	for (int i = 1; i < ended; i++)
		change(JOB_SUCCEEDED, 1, 0, 0, -1);
	add_quietly(&prunes, 1);
	change(JOB_FAILED, 1, 0, 0, 0);
	wait_until(prunes.done == 1);
	settle();
	return prunes.most;
}

static void keep_up_body(void)
{
	settle();
	ck_assert_uint_eq(asked_for(1), 200);
	ck_assert_uint_eq(asked_for(300), 600);
	ck_assert_uint_eq(asked_for(1), 200);
	ck_assert_uint_eq(asked_for(100000), 1000);
}

START_TEST(pruning_keeps_up_with_what_ends)
{
	run(keep_up_body);
}
END_TEST

static void unresolved_body(void)
{
	settle();
	ck_assert_int_eq(resolves, 1);	/* at the start it is unknown */
	turns = 5;
	due_unresolved(&due);
	wait_until(turns == 0);
	settle();
	ck_assert_int_eq(resolves, 6);
}

START_TEST(edges_left_over_are_followed_turn_by_turn)
{
	run(unresolved_body);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("due");
	TCase *tc = tcase_create("due");

	tcase_add_test(tc, at_the_start_it_asks_at_once);
	tcase_add_test(tc, with_nothing_to_come_it_does_not_ask_again);
	tcase_add_test(tc, each_at_its_time);
	tcase_add_test(tc, what_the_store_tells_to_come_is_kept);
	tcase_add_test(tc, what_comes_while_it_asks_is_not_forgotten);
	tcase_add_test(tc, what_has_not_started_expires);
	tcase_add_test(tc, a_store_that_fails_is_asked_again);
	tcase_add_test(tc, a_step_of_the_clock_is_noticed);
	tcase_add_test(tc, many_at_once);
	tcase_add_test(tc, final_records_go_at_their_time);
	tcase_add_test(tc, pruning_keeps_up_with_what_ends);
	tcase_add_test(tc, edges_left_over_are_followed_turn_by_turn);
	suite_add_tcase(suite, tc);
	return unit_run(suite);
}
