/* The loop: its turns, deferred work, watches, timers, signals, lag, and coroutines that hold it up. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "coro/coro.h"
#include "coro/loop.h"
#include "coro/stream.h"
#include "tests/lib/looptest.h"
#include "tests/lib/unit.h"

static struct trail trail;
static char one[] = "1", two[] = "2", three[] = "3";

static void yield_times(void *arg)
{
	for (int i = *(int *)arg; i > 0; i--)
		coro_yield();
}

/* Keeps the loop running until it is stopped. */
static void idle(void *arg)
{
	(void)arg;
	while (coro_sleep(MONO_NEVER) == 0)
		;
}

/* ---- turns ---- */

START_TEST(run_without_coroutines_returns)
{
	loop_run();
}
END_TEST

static void stop(void *arg)
{
	(void)arg;
	loop_stop();
}

START_TEST(stop_leaves_coroutines_parked)
{
	struct coro *c = go_handle(idle, NULL);
	struct coro_stats stats;

	run(stop, NULL);
	coro_stats(&stats);
	ck_assert_uint_eq(stats.alive, 1);
	coro_cancel(c);
	loop_run();
}
END_TEST

START_TEST(turns_are_counted)
{
	struct loop_stats before, after;
	int many = 100;

	loop_stats(&before);
	run(yield_times, &many);
	loop_stats(&after);
	ck_assert_uint_gt(after.turns, before.turns);
}
END_TEST

/* ---- deferred work ---- */

static struct deferred first, second;

static void defer_both(void *arg)
{
	(void)arg;
	loop_defer(&first);
	loop_defer(&second);
	loop_defer(&first);
	leave(&trail, 'c');
}

static void write_letter(void *arg)
{
	ck_assert_ptr_null(coro_self());
	leave(&trail, *(char *)arg);
}

START_TEST(deferred_runs_once_at_the_end_of_the_turn)
{
	deferred_init(&first, write_letter, one);
	deferred_init(&second, write_letter, two);
	go(defer_both, NULL);
	go(defer_both, NULL);
	loop_run();
	ck_assert_str_eq(trail.text, "cc12");
	ck_assert(!first.queued);
}
END_TEST

static int rounds;

static void defer_again(void *arg)
{
	struct loop_stats stats;
	static uint64_t turn;

	loop_stats(&stats);
	ck_assert(rounds == 0 || stats.turns == turn + 1);	/* the next turn, not this one */
	turn = stats.turns;
	if (++rounds < 20)
		loop_defer(arg);
	else
		loop_stop();
}

/* With nothing else to do the loop must not fall asleep over work that is deferred. */
START_TEST(deferred_by_deferred_runs_next_turn)
{
	struct coro *c = go_handle(idle, NULL);
	mono_us began = clock_mono();

	deferred_init(&first, defer_again, &first);
	loop_defer(&first);
	loop_run();
	ck_assert_int_eq(rounds, 20);
	ck_assert_int_lt(clock_mono() - began, 500 * MS);
	coro_cancel(c);
	loop_run();
}
END_TEST

static void cancel_second(void *arg)
{
	(void)arg;
	leave(&trail, '1');
	loop_defer_cancel(&second);
}

START_TEST(deferred_can_be_cancelled)
{
	int once = 1;
	struct deferred third;

	deferred_init(&first, cancel_second, NULL);
	deferred_init(&second, write_letter, two);
	deferred_init(&third, write_letter, three);
	loop_defer_cancel(&second);	/* harmless */
	loop_defer(&first);
	loop_defer(&second);
	loop_defer(&third);
	run(yield_times, &once);
	ck_assert_str_eq(trail.text, "13");
	loop_defer(&second);
	loop_defer_cancel(&second);
	loop_defer(&first);
	run(yield_times, &once);
	ck_assert_str_eq(trail.text, "131");
}
END_TEST

/* ---- watches ---- */

static int pipe_fds[2];
static struct loop_watch *watch;

static void read_letter(void *arg)
{
	char c;

	ck_assert_ptr_null(coro_self());
	ck_assert_int_eq(read(pipe_fds[0], &c, 1), 1);
	leave(&trail, c);
	if (c == 'z')
		coro_cancel(*(struct coro **)arg);
}

START_TEST(watch_calls_while_there_is_something)
{
	struct coro *c = go_handle(idle, NULL);

	ck_assert_int_eq(pipe(pipe_fds), 0);
	watch = loop_watch_open(pipe_fds[0], true, false, read_letter, &c);
	ck_assert_ptr_nonnull(watch);
	ck_assert_int_eq(write(pipe_fds[1], "abz", 3), 3);
	loop_run();
	ck_assert_str_eq(trail.text, "abz");
	loop_watch_close(&watch);
	ck_assert_ptr_null(watch);
	close(pipe_fds[0]);
	close(pipe_fds[1]);
}
END_TEST

static void yield_until_letter(void *arg)
{
	ck_assert_int_eq(write(pipe_fds[1], arg, 1), 1);
	while (trail.n < 2)
		ck_assert_int_eq(coro_yield(), 0);
}

START_TEST(busy_coroutines_leave_descriptors_their_turn)
{
	ck_assert_int_eq(pipe(pipe_fds), 0);
	watch = loop_watch_open(pipe_fds[0], true, false, read_letter, NULL);
	go(yield_until_letter, "a");
	run(yield_until_letter, "b");
	ck_assert_str_eq(trail.text, "ab");
	loop_watch_close(&watch);
	close(pipe_fds[0]);
	close(pipe_fds[1]);
}
END_TEST

static void write_until_third(void *arg)
{
	leave(&trail, 'w');
	if (trail.n < 3)
		return;
	loop_watch_set(watch, false, false);	/* still writable, but nobody asks */
	(void)arg;
}

static void change_watch(void *arg)
{
	(void)arg;
	while (trail.n < 3)
		ck_assert_int_eq(coro_sleep(clock_after(MS)), 0);
	for (int i = 0; i < 20; i++)
		ck_assert_int_eq(coro_yield(), 0);
	ck_assert_str_eq(trail.text, "www");
	loop_watch_set(watch, false, true);
	while (trail.n < 4)
		ck_assert_int_eq(coro_sleep(clock_after(MS)), 0);
	loop_watch_close(&watch);
}

static void count_call(void *arg)
{
	++*(int *)arg;
}

static void yield_and_stop(void *arg)
{
	yield_times(arg);
	loop_stop();
}

/* What is always ready is called in each turn, and no turn is endless for it. */
START_TEST(what_is_never_read_leaves_coroutines_their_turn)
{
	int times = 20, calls = 0;

	ck_assert_int_eq(pipe(pipe_fds), 0);
	watch = loop_watch_open(pipe_fds[0], true, false, count_call, &calls);
	ck_assert_int_eq(write(pipe_fds[1], "a", 1), 1);
	run(yield_and_stop, &times);
	ck_assert_int_ge(calls, 1);
	loop_watch_close(&watch);
	close(pipe_fds[0]);
	close(pipe_fds[1]);
}
END_TEST

START_TEST(watch_can_change_its_mind)
{
	ck_assert_int_eq(pipe(pipe_fds), 0);
	watch = loop_watch_open(pipe_fds[1], false, true, write_until_third, NULL);
	run(change_watch, NULL);
	close(pipe_fds[0]);
	close(pipe_fds[1]);
}
END_TEST

static void close_watch(void *arg)
{
	loop_watch_close(&watch);
	coro_cancel(arg);
}

START_TEST(watch_may_close_itself)
{
	ck_assert_int_eq(pipe(pipe_fds), 0);
	watch = loop_watch_open(pipe_fds[1], false, true, close_watch, go_handle(idle, NULL));
	loop_run();
	ck_assert_ptr_null(watch);
	close(pipe_fds[0]);
	close(pipe_fds[1]);
}
END_TEST

/* ---- timers and signals ---- */

static struct loop_timer *timer;
static mono_us due;

static void timer_fires(void *arg)
{
	ck_assert_int_ge(clock_mono(), due);
	if (++rounds < 3)
		loop_timer_set(timer, due = clock_after(2 * MS));
	else
		coro_cancel(arg);
}

START_TEST(timer_fires_when_due_and_may_be_set_again)
{
	timer = loop_timer_open(timer_fires, go_handle(idle, NULL));
	ck_assert_ptr_nonnull(timer);
	loop_timer_set(timer, clock_after(3600 * 1000 * (mono_us)MS));
	loop_timer_set(timer, due = clock_after(2 * MS));
	loop_run();
	ck_assert_int_eq(rounds, 3);
	loop_timer_close(&timer);
}
END_TEST

/* ---- who runs first ---- */

enum { BUSY = 2000 };

static int ends[2];
static bool over;
static unsigned yields, answered_after;

static void burn(mono_us span)
{
	mono_us until = clock_after(span);

	while (clock_mono() < until)
		continue;
}

static void keep_busy(void *arg)
{
	(void)arg;
	while (!over) {
		burn(10);
		yields++;
		coro_yield();
	}
}

/* From now on, by the loop's own stack. */
static void ask(void *arg)
{
	(void)arg;
	answered_after = yields;
	ck_assert_int_eq(write(ends[1], "?", 1), 1);
}

static void answer(void *arg)
{
	struct stream *s;
	char asked;

	(void)arg;
	ck_assert_int_eq(stream_open(ends[0], &s), 0);
	ck_assert_int_eq(stream_read(s, &asked, 1, MONO_NEVER), 1);
	answered_after = yields - answered_after;
	over = true;
	stream_close(&s);
}

START_TEST(who_asks_does_not_stand_behind_all_that_run)
{
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	go(answer, NULL);
	for (int i = 0; i < BUSY; i++)
		go(keep_busy, NULL);
	timer = loop_timer_open(ask, NULL);
	loop_timer_set(timer, clock_after(30 * MS));
	loop_run();
	ck_assert_uint_lt(answered_after, BUSY / 2);
	loop_timer_close(&timer);
	close(ends[1]);
}
END_TEST

/* Throws the ball back, each time after more than half of the loop's time for it. */
static void play(void *arg)
{
	struct stream *s;
	char ball;

	ck_assert_int_eq(stream_open(*(int *)arg, &s), 0);
	while (!over && stream_read(s, &ball, 1, MONO_NEVER) == 1) {
		burn(MS);
		if (stream_write(s, &ball, 1, MONO_NEVER) != 0)
			break;
	}
	stream_close(&s);
}

static void yield_to_the_end(void *arg)
{
	for (int i = *(int *)arg; i > 0; i--)
		coro_yield();
	over = true;
}

START_TEST(who_asks_leaves_others_their_time)
{
	static int pairs[8][2], many = 100;

	for (int i = 0; i < 8; i++) {
		ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pairs[i]), 0);
		ck_assert_int_eq(write(pairs[i][0], "o", 1), 1);
		go(play, &pairs[i][0]);
		go(play, &pairs[i][1]);
	}
	go(yield_to_the_end, &many);
	loop_run();
}
END_TEST

enum { LOOKS = 400 };

/* Now while the loop looks out, now while it sleeps. */
static void timer_fires_often(void *arg)
{
	if (++rounds < LOOKS)
		loop_timer_set(timer, clock_after(rounds % 2 == 0 ? 3 * MS : MS / 8));
	else
		coro_cancel(arg);
}

/* Nothing else would wake it. */
START_TEST(timer_fires_while_something_is_expected)
{
	timer = loop_timer_open(timer_fires_often, go_handle(idle, NULL));
	ck_assert_ptr_nonnull(timer);
	loop_expect(1);
	loop_timer_set(timer, clock_after(MS));
	loop_run();
	loop_expect(-1);
	ck_assert_int_eq(rounds, LOOKS);
	loop_timer_close(&timer);
}
END_TEST

static void timer_must_not_fire(void *arg)
{
	(void)arg;
	ck_abort_msg("an unset timer fired");
}

static void sleep_5ms(void *arg)
{
	(void)arg;
	ck_assert_int_eq(coro_sleep(clock_after(5 * MS)), 0);
}

START_TEST(unset_timer_does_not_fire)
{
	timer = loop_timer_open(timer_must_not_fire, NULL);
	loop_timer_set(timer, clock_after(2 * MS));
	loop_timer_set(timer, MONO_NEVER);
	run(sleep_5ms, NULL);
	loop_timer_close(&timer);
}
END_TEST

/* A callback that always asks for the past must not keep the coroutines from their turn. */
static void timer_always_due(void *arg)
{
	(void)arg;
	loop_timer_set(timer, MONO_PAST);
}

START_TEST(timer_in_the_past_leaves_others_their_turn)
{
	int many = 50;

	timer = loop_timer_open(timer_always_due, NULL);
	loop_timer_set(timer, MONO_PAST);
	run(yield_times, &many);
	loop_timer_close(&timer);
}
END_TEST

static void signalled(void *arg)
{
	ck_assert_ptr_null(coro_self());
	leave(&trail, 's');
	coro_cancel(arg);
}

static void raise_usr1(void *arg)
{
	(void)arg;
	raise(SIGUSR1);
	leave(&trail, 'r');
}

static mono_us virtual_now;
static int many_ran, ran_when_due;

static wall_ms virtual_wall(void) { return virtual_now / 1000; }
static mono_us virtual_mono(void) { return virtual_now; }

static void take_a_millisecond(void *arg)
{
	(void)arg;
	virtual_now += MS;
	many_ran++;
}

static void note_how_many_ran(void *arg)
{
	(void)arg;
	ran_when_due = many_ran;
}

START_TEST(many_that_run_hold_up_no_timer)
{
	static const struct clock_source source = { virtual_wall, virtual_mono };

	virtual_now = 1000;
	clock_set_source(&source);
	timer = loop_timer_open(note_how_many_ran, NULL);
	loop_timer_set(timer, clock_after(10 * MS));
	for (int i = 0; i < 100; i++)
		go(take_a_millisecond, NULL);
	loop_run();
	loop_timer_close(&timer);
	clock_set_source(NULL);
	ck_assert_int_eq(many_ran, 100);
	ck_assert_int_ge(ran_when_due, 10);
	ck_assert_int_lt(ran_when_due, 20);
}
END_TEST

START_TEST(signal_arrives_on_the_loop)
{
	ck_assert_int_eq(loop_signal(SIGUSR1, signalled, go_handle(idle, NULL)), 0);
	run(raise_usr1, NULL);
	ck_assert_str_eq(trail.text, "rs");
}
END_TEST

/* ---- lag, and who causes it ---- */

static void spin(void *arg)
{
	mono_us until = clock_after(*(int *)arg * MS);

	while (clock_mono() < until)
		;
}

static void spin_when_lagging(void *arg)
{
	int hold = 120;
	struct loop_stats stats;

	do {
		spin(&hold);
		coro_sleep(clock_after(MS));
		loop_stats(&stats);
	} while (stats.lag_max < 20 * MS);
	(void)arg;
}

static uint64_t histogram_sum(const struct loop_stats *stats)
{
	uint64_t sum = 0;

	for (int i = 0; i < LOOP_LAG_BUCKETS; i++)
		sum += stats->lag_histogram[i];
	return sum;
}

START_TEST(lag_is_sampled)
{
	struct loop_stats stats;
	uint64_t slow = 0;

	run(spin_when_lagging, NULL);
	loop_stats(&stats);
	ck_assert_uint_ge(histogram_sum(&stats), 1);
	for (int i = 0; i < LOOP_LAG_BUCKETS; i++)
		if ((mono_us)64 << i > 20 * MS)
			slow += stats.lag_histogram[i];
	ck_assert_uint_ge(slow, 1);
	ck_assert_int_ge(stats.lag_max, stats.lag_last);
}
END_TEST

static void turns_while_asleep(void *arg)
{
	struct loop_stats before, after;

	loop_stats(&before);
	coro_sleep(clock_after(600 * MS));
	loop_stats(&after);
	*(uint64_t *)arg = after.turns - before.turns;
}

START_TEST(nothing_wakes_an_idle_loop)
{
	uint64_t turns;

	run(turns_while_asleep, &turns);
	ck_assert_uint_le(turns, 4);	/* to sleep, one look at the lag, one more that finds peace, the end */
}
END_TEST

/* stderr goes to a file meanwhile; returns what was written there. */
static const char *stderr_of(void (*fn)(void *arg), void *arg)
{
	static char text[4096];
	FILE *file = tmpfile();
	int saved = dup(STDERR_FILENO);
	ssize_t n;

	ck_assert_ptr_nonnull(file);
	dup2(fileno(file), STDERR_FILENO);
	run(fn, arg);
	dup2(saved, STDERR_FILENO);
	n = pread(fileno(file), text, sizeof(text) - 1, 0);
	text[n > 0 ? n : 0] = '\0';
	fclose(file);
	close(saved);
	return text;
}

static void watch_for(mono_us slow_us)
{
	struct loop_conf conf = { .coroutines_max = 100, .slow_us = slow_us };

	loop_reconfigure(&conf);
}

START_TEST(slow_coroutine_is_named)
{
	struct coro_stats stats;
	const char *text, *said;
	int hold = 30;
	double ms;

	watch_for(20 * MS);
	text = stderr_of(spin, &hold);
	said = strstr(text, "coroutine test held the loop for ");
	ck_assert_msg(said != NULL, "log: %s", text);
	ck_assert_int_eq(sscanf(said, "coroutine test held the loop for %lf ms", &ms), 1);
	ck_assert(ms >= 30.0);
	coro_stats(&stats);
	ck_assert_uint_eq(stats.slow, 1);
}
END_TEST

START_TEST(quick_coroutine_is_not)
{
	struct coro_stats stats;
	int many = 100;

	watch_for(10000 * MS);
	ck_assert_ptr_null(strstr(stderr_of(yield_times, &many), "held the loop"));
	coro_stats(&stats);
	ck_assert_uint_eq(stats.slow, 0);
}
END_TEST

static void watch_from_now_on(void *arg)
{
	watch_for(*(mono_us *)arg);
}

/* What was not watched counts for nothing, even of the coroutine that asks for it. */
START_TEST(watching_begins_when_it_is_asked_for)
{
	struct coro_stats stats;
	mono_us slow = 10000 * MS;

	watch_for(0);
	ck_assert_ptr_null(strstr(stderr_of(watch_from_now_on, &slow), "held the loop"));
	coro_stats(&stats);
	ck_assert_uint_eq(stats.slow, 0);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("coro_loop");
	TCase *c = tcase_create("loop");

	tcase_add_checked_fixture(c, looptest_open, looptest_close);
	tcase_add_test(c, run_without_coroutines_returns);
	tcase_add_test(c, stop_leaves_coroutines_parked);
	tcase_add_test(c, turns_are_counted);
	tcase_add_test(c, deferred_runs_once_at_the_end_of_the_turn);
	tcase_add_test(c, deferred_by_deferred_runs_next_turn);
	tcase_add_test(c, deferred_can_be_cancelled);
	tcase_add_test(c, watch_calls_while_there_is_something);
	tcase_add_test(c, busy_coroutines_leave_descriptors_their_turn);
	tcase_add_test(c, what_is_never_read_leaves_coroutines_their_turn);
	tcase_add_test(c, watch_can_change_its_mind);
	tcase_add_test(c, watch_may_close_itself);
	tcase_add_test(c, timer_fires_when_due_and_may_be_set_again);
	tcase_add_test(c, who_asks_does_not_stand_behind_all_that_run);
	tcase_add_test(c, who_asks_leaves_others_their_time);
	tcase_add_test(c, timer_fires_while_something_is_expected);
	tcase_add_test(c, unset_timer_does_not_fire);
	tcase_add_test(c, timer_in_the_past_leaves_others_their_turn);
	tcase_add_test(c, many_that_run_hold_up_no_timer);
	tcase_add_test(c, signal_arrives_on_the_loop);
	tcase_add_test(c, lag_is_sampled);
	tcase_add_test(c, nothing_wakes_an_idle_loop);
	tcase_add_test(c, slow_coroutine_is_named);
	tcase_add_test(c, quick_coroutine_is_not);
	tcase_add_test(c, watching_begins_when_it_is_asked_for);
	suite_add_tcase(s, c);
	return s;
}

int main(void)
{
	return unit_run(suite());
}
