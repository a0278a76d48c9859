/* The manners of coroutines: order, waiting, cancelling, groups. */
#include <errno.h>
#include <string.h>

#include "coro/coro.h"
#include "coro/loop.h"
#include "tests/lib/looptest.h"
#include "tests/lib/unit.h"

static struct trail trail;

struct letter {
	char c;
	int yields;
};

static void write_letters(void *arg)
{
	struct letter *l = arg;

	leave(&trail, l->c);
	for (int i = 0; i < l->yields; i++) {
		ck_assert_int_eq(coro_yield(), 0);
		leave(&trail, l->c);
	}
}

/* ---- life ---- */

START_TEST(spawned_run_in_order)
{
	struct letter letters[] = { { 'a', 0 }, { 'b', 0 }, { 'c', 0 } };

	for (int i = 0; i < 3; i++)
		go(write_letters, &letters[i]);
	ck_assert_str_eq(trail.text, "");
	loop_run();
	ck_assert_str_eq(trail.text, "abc");
}
END_TEST

START_TEST(yield_gives_each_its_turn)
{
	struct letter letters[] = { { 'a', 3 }, { 'b', 1 }, { 'c', 2 } };

	for (int i = 0; i < 3; i++)
		go(write_letters, &letters[i]);
	loop_run();
	ck_assert_str_eq(trail.text, "abcabcaca");
}
END_TEST

static void spawn_then_write(void *arg)
{
	static struct letter inner = { 'i', 0 };

	go(write_letters, &inner);
	leave(&trail, 'o');
	coro_yield();
	leave(&trail, 'o');
	(void)arg;
}

START_TEST(spawned_waits_for_spawner_to_park)
{
	run(spawn_then_write, NULL);
	ck_assert_str_eq(trail.text, "oio");
}
END_TEST

static void who_am_i(void *arg)
{
	struct coro **me = arg;

	ck_assert_ptr_eq(coro_self(), *me);
	ck_assert_str_eq(coro_name(coro_self()), "test");
	ck_assert(!coro_cancelled());
}

START_TEST(self_is_the_handle)
{
	struct coro *me = go_handle(who_am_i, &me);

	ck_assert_ptr_null(coro_self());
	loop_run();
	ck_assert_ptr_null(coro_self());
}
END_TEST

static void nap(void *arg)
{
	ck_assert_int_eq(coro_sleep(clock_after(*(int *)arg * MS)), 0);
}

START_TEST(too_many_are_refused)
{
	struct loop_conf conf = { .coroutines_max = 2 };
	struct coro_stats stats;
	int zero = 0;

	loop_close();
	ck_assert_int_eq(loop_open(&conf), 0);
	go(nap, &zero);
	go(nap, &zero);
	ck_assert_int_eq(coro_spawn(&group, "test", nap, &zero), -EAGAIN);
	coro_stats(&stats);
	ck_assert_uint_eq(stats.alive, 2);
	conf.coroutines_max = 3;
	loop_reconfigure(&conf);
	go(nap, &zero);
	ck_assert_int_eq(coro_spawn(&group, "test", nap, &zero), -EAGAIN);
	loop_run();
	run(nap, &zero);
	coro_stats(&stats);
	ck_assert_uint_eq(stats.alive, 0);
	ck_assert_uint_eq(stats.peak, 3);
	ck_assert_uint_ge(stats.stacks_pooled, 1);
	ck_assert_uint_ge(stats.stack_bytes, 64 * 1024);
}
END_TEST

START_TEST(second_loop_is_refused)
{
	struct loop_conf conf = { .coroutines_max = 2 };

	ck_assert_int_eq(loop_open(&conf), -EBUSY);
}
END_TEST

/* ---- time ---- */

static void sleep_in_turn(void *arg)
{
	struct letter *l = arg;

	ck_assert_int_eq(coro_sleep(clock_after((mono_us)l->yields * MS)), 0);
	leave(&trail, l->c);
}

START_TEST(sleepers_wake_by_deadline)
{
	struct letter letters[] = { { 'c', 30 }, { 'a', 10 }, { 'b', 20 } };
	mono_us began = clock_mono();

	for (int i = 0; i < 3; i++)
		go(sleep_in_turn, &letters[i]);
	loop_run();
	ck_assert_str_eq(trail.text, "abc");
	ck_assert_int_ge(clock_mono() - began, 30 * MS);
}
END_TEST

static void sleep_1ms(void *arg)
{
	(void)arg;
	ck_assert_int_eq(coro_sleep(clock_after(MS)), 0);
}

/* Shorter than what the loop waits for already (its own tick): the earliest deadline must govern. */
START_TEST(short_sleeps_are_short)
{
	mono_us began = clock_mono();

	for (int i = 0; i < 20; i++)
		run(sleep_1ms, NULL);
	ck_assert_int_lt(clock_mono() - began, 500 * MS);
}
END_TEST

static mono_us virtual_now;

static wall_ms virtual_wall(void) { return virtual_now / 1000; }
static mono_us virtual_mono(void) { return virtual_now; }

static void pass_an_hour(void *arg)
{
	for (int i = 0; i < 60; i++) {
		virtual_now += 60 * 1000000LL;
		ck_assert_int_eq(coro_yield(), 0);
		ck_assert_int_eq(coro_yield(), 0);
	}
	(void)arg;
}

START_TEST(replaced_clock_governs_deadlines)
{
	static const struct clock_source source = { virtual_wall, virtual_mono };
	struct letter letters[] = { { 'b', 3000 * 1000 }, { 'a', 1000 * 1000 } };

	virtual_now = 1000;
	clock_set_source(&source);
	for (int i = 0; i < 2; i++)
		go(sleep_in_turn, &letters[i]);
	go(pass_an_hour, NULL);
	loop_run();
	clock_set_source(NULL);
	ck_assert_str_eq(trail.text, "ab");
}
END_TEST

static bool other_ran;

static void note_that_it_ran(void *arg)
{
	(void)arg;
	other_ran = true;
}

static void poll_everything(void *arg)
{
	struct cond c;

	cond_init(&c);
	go(note_that_it_ran, NULL);
	ck_assert_int_eq(coro_sleep(MONO_PAST), 0);
	ck_assert_int_eq(cond_wait(&c, MONO_PAST), -ETIMEDOUT);
	ck_assert_int_eq(cond_wait(&c, clock_mono() - 1), -ETIMEDOUT);
	ck_assert(!other_ran);
	ck_assert_int_eq(cond_wait(&c, clock_after(2 * MS)), -ETIMEDOUT);
	*(bool *)arg = true;
}

START_TEST(past_deadlines_do_not_park)
{
	bool done = false;

	run(poll_everything, &done);
	ck_assert(done);
}
END_TEST

/* ---- conditions ---- */

static struct cond cond;
static int tokens;

static void take_token(void *arg)
{
	char c = *(char *)arg;

	while (tokens == 0)
		ck_assert_int_eq(cond_wait(&cond, MONO_NEVER), 0);
	tokens--;
	leave(&trail, c);
}

static void give_tokens(void *arg)
{
	for (int i = *(int *)arg; i > 0; i--) {
		tokens++;
		cond_signal(&cond);
		coro_yield();
		coro_yield();
	}
}

START_TEST(signal_wakes_the_longest_waiting)
{
	int three = 3;

	cond_init(&cond);
	cond_signal(&cond);	/* nobody there: no token is kept */
	go(take_token, "a");
	go(take_token, "b");
	go(take_token, "c");
	run(give_tokens, &three);
	ck_assert_str_eq(trail.text, "abc");
}
END_TEST

static int woken;

static void wait_once(void *arg)
{
	(void)arg;
	if (cond_wait(&cond, clock_after(20 * MS)) == 0)
		woken++;
}

static void signal_twice(void *arg)
{
	(void)arg;
	cond_signal(&cond);
	cond_signal(&cond);
}

START_TEST(signal_wakes_one)
{
	cond_init(&cond);
	for (int i = 0; i < 5; i++)
		go(wait_once, NULL);
	run(signal_twice, NULL);
	ck_assert_int_eq(woken, 2);
}
END_TEST

static void wait_twice(void *arg)
{
	ck_assert_int_eq(cond_wait(&cond, clock_after(5 * MS)), 0);
	ck_assert_int_eq(cond_wait(&cond, MONO_NEVER), 0);
	*(mono_us *)arg = clock_mono();
}

static void signal_now_and_late(void *arg)
{
	cond_signal(&cond);
	ck_assert_int_eq(coro_sleep(clock_after(15 * MS)), 0);
	*(mono_us *)arg = clock_mono();
	cond_signal(&cond);
}

/* The deadline of an await that came to an end must not end the next one. */
START_TEST(deadline_ends_with_its_await)
{
	mono_us signalled = 0, back = 0;

	cond_init(&cond);
	go(wait_twice, &back);
	run(signal_now_and_late, &signalled);
	ck_assert_int_ge(back, signalled);
}
END_TEST

static void broadcast(void *arg)
{
	tokens = *(int *)arg;
	cond_broadcast(&cond);
}

START_TEST(broadcast_wakes_all)
{
	int three = 3;

	cond_init(&cond);
	go(take_token, "a");
	go(take_token, "b");
	go(take_token, "c");
	run(broadcast, &three);
	ck_assert_str_eq(trail.text, "abc");
	ck_assert_int_eq(tokens, 0);
}
END_TEST

static void wait_or_time_out(void *arg)
{
	*(int *)arg = cond_wait(&cond, clock_after(5 * MS));
}

static void signal_once_timed_out(void *arg)
{
	while (*(int *)arg != -ETIMEDOUT)
		ck_assert_int_eq(coro_sleep(clock_after(MS)), 0);
	tokens = 1;
	cond_signal(&cond);
}

/* The one that timed out is off the list: the signal goes to who still waits. */
START_TEST(timed_out_waiter_takes_no_signal)
{
	int first = 1;

	cond_init(&cond);
	go(wait_or_time_out, &first);
	go(take_token, "b");
	run(signal_once_timed_out, &first);
	ck_assert_str_eq(trail.text, "b");
}
END_TEST

/* ---- latches ---- */

static struct latch latch;

static void wait_latch(void *arg)
{
	latch_wait(&latch);
	leave(&trail, *(char *)arg);
	ck_assert_int_eq(coro_yield(), coro_cancelled() ? -ECANCELED : 0);
}

static void set_latch(void *arg)
{
	leave(&trail, *(char *)arg);
	latch_set(&latch);
}

START_TEST(latch_waits_until_set)
{
	latch_init(&latch);
	go(wait_latch, "w");
	run(set_latch, "s");
	ck_assert_str_eq(trail.text, "sw");
}
END_TEST

START_TEST(latch_set_before_does_not_park)
{
	latch_init(&latch);
	latch_set(&latch);
	run(wait_latch, "w");
	ck_assert_str_eq(trail.text, "w");
}
END_TEST

static void cancel_then_set(void *arg)
{
	coro_cancel(arg);
	ck_assert_int_eq(coro_yield(), 0);
	ck_assert_int_eq(coro_yield(), 0);
	ck_assert_str_eq(trail.text, "");	/* the cancel did not reach it */
	latch_set(&latch);
}

START_TEST(latch_is_not_cancellable)
{
	latch_init(&latch);
	run(cancel_then_set, go_handle(wait_latch, "w"));
	ck_assert_str_eq(trail.text, "w");
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("coro");
	TCase *life = tcase_create("life"), *time = tcase_create("time"), *wait = tcase_create("wait");

	tcase_add_checked_fixture(life, looptest_open, looptest_close);
	tcase_add_test(life, spawned_run_in_order);
	tcase_add_test(life, yield_gives_each_its_turn);
	tcase_add_test(life, spawned_waits_for_spawner_to_park);
	tcase_add_test(life, self_is_the_handle);
	tcase_add_test(life, too_many_are_refused);
	tcase_add_test(life, second_loop_is_refused);
	suite_add_tcase(s, life);
	tcase_add_checked_fixture(time, looptest_open, looptest_close);
	tcase_add_test(time, sleepers_wake_by_deadline);
	tcase_add_test(time, short_sleeps_are_short);
	tcase_add_test(time, replaced_clock_governs_deadlines);
	tcase_add_test(time, past_deadlines_do_not_park);
	suite_add_tcase(s, time);
	tcase_add_checked_fixture(wait, looptest_open, looptest_close);
	tcase_add_test(wait, signal_wakes_the_longest_waiting);
	tcase_add_test(wait, signal_wakes_one);
	tcase_add_test(wait, deadline_ends_with_its_await);
	tcase_add_test(wait, broadcast_wakes_all);
	tcase_add_test(wait, timed_out_waiter_takes_no_signal);
	tcase_add_test(wait, latch_waits_until_set);
	tcase_add_test(wait, latch_set_before_does_not_park);
	tcase_add_test(wait, latch_is_not_cancellable);
	suite_add_tcase(s, wait);
	return s;
}

int main(void)
{
	return unit_run(suite());
}
