/* Many coroutines, deep ones, and ones that go too deep. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "coro/coro.h"
#include "coro/coro_priv.h"
#include "coro/loop.h"
#include "coro/stack.h"
#include "tests/lib/chance.h"
#include "tests/lib/looptest.h"
#include "tests/lib/unit.h"

/* The sanitizers' own records of a fiber are big (TSan: nearly a megabyte, and at most 8,000 fibers). */
#if defined(__SANITIZE_THREAD__)
enum { MANY = 500, TO_COOL = 400, FAIR = 0 };
#elif defined(JOBD_SANITIZED)
enum { MANY = 2000, TO_COOL = 1000, FAIR = 0 };
#else
enum { MANY = 100000, TO_COOL = 5000, FAIR = 1 };
#endif
enum { RSS_MOST = 12 * 1024 };

static size_t many(void)
{
	return RUNNING_ON_VALGRIND ? 1000 : MANY;
}

static size_t rss(void)
{
	unsigned long size, resident;
	FILE *f = fopen("/proc/self/statm", "r");

	ck_assert_ptr_nonnull(f);
	ck_assert_int_eq(fscanf(f, "%lu %lu", &size, &resident), 2);
	fclose(f);
	return resident * (size_t)sysconf(_SC_PAGESIZE);
}

/* ---- many ---- */

static struct cond gate;
static size_t passed;

static void wait_at_gate(void *arg)
{
	mono_us deadline = *(bool *)arg ? clock_after(3600 * 1000 * (mono_us)MS) : MONO_NEVER;

	ck_assert_int_eq(cond_wait(&gate, deadline), 0);
	passed++;
}

static void open_gate(void *arg)
{
	size_t before = *(size_t *)arg, each;
	struct coro_stats stats;

	coro_yield();
	each = (rss() - before) / many();
	coro_stats(&stats);
	ck_assert_uint_eq(stats.alive, many() + 1);
	remark("%zu coroutines parked, %zu bytes of RSS each, guard: %s", many(), each, stats.guard);
	if (FAIR && !RUNNING_ON_VALGRIND)
		ck_assert_uint_lt(each, RSS_MOST);
	cond_broadcast(&gate);
}

static void park_many(bool timed)
{
	size_t before = rss();

	cond_init(&gate);
	for (size_t i = 0; i < many(); i++)
		go(wait_at_gate, &timed);
	run(open_gate, &before);
	ck_assert_uint_eq(passed, many());
}

START_TEST(many_park_and_go_on)
{
	park_many(false);
}
END_TEST

START_TEST(many_park_with_deadlines)
{
	park_many(true);
}
END_TEST

START_TEST(many_park_without_guard_pages)
{
	stack_guard_limit(STACK_CANARY);
	park_many(false);
	stack_guard_limit(STACK_MADVISE);
}
END_TEST

static void just_park(void *arg)
{
	(void)arg;
	coro_sleep(MONO_NEVER);
}

static void cancel_all(void *arg)
{
	(void)arg;
	coro_yield();
	coro_group_cancel(&group);
}

static void wait_until_cool(void *arg)
{
	struct coro_stats stats;

	do {
		ck_assert_int_eq(coro_sleep(clock_after(10 * MS)), 0);
		coro_stats(&stats);
	} while (stats.stacks_pooled > STACKS_WARM);
	(void)arg;
}

START_TEST(memory_comes_back_after_a_burst)
{
	size_t n = RUNNING_ON_VALGRIND ? 500 : TO_COOL, before, full, after;

	before = rss();
	for (size_t i = 0; i < n; i++)
		go(just_park, NULL);
	run(cancel_all, NULL);
	full = rss();
	group.closing = false;
	run(wait_until_cool, NULL);
	after = rss();
	remark("%zu coroutines ended: RSS %zu KiB before, %zu full, %zu after", n, before / 1024, full / 1024,
	       after / 1024);
	if (FAIR && !RUNNING_ON_VALGRIND)
		ck_assert_uint_lt(after - before, (full - before) / 4);
}
END_TEST

/* ---- churn ---- */

static size_t born, ended;

static void churn(void *arg)
{
	unsigned naps = chance_below(4);

	for (unsigned i = 0; i < naps; i++) {
		switch (chance_below(3)) {
		case 0:
			ck_assert_int_eq(coro_yield(), 0);
			break;
		case 1:
			ck_assert_int_eq(coro_sleep(clock_after(chance_below(2 * MS))), 0);
			break;
		default:
			cond_broadcast(&gate);
			if (cond_wait(&gate, clock_after(1 + chance_below(MS))) < 0)
				break;
		}
	}
	while (born < *(size_t *)arg && chance_below(100) < 60) {
		born++;
		go(churn, arg);
	}
	ended++;
}

START_TEST(coroutines_come_and_go)
{
	size_t most = RUNNING_ON_VALGRIND || !FAIR ? 2000 : 50000;

	chance_seed(7);
	cond_init(&gate);
	while (born < most) {
		born++;
		run(churn, &most);
	}
	ck_assert_uint_eq(ended, born);
}
END_TEST

/* ---- deep ---- */

/* Uses its whole frame, on the stack itself; the result keeps the compiler from making a loop of it. */
__attribute__((noinline, no_sanitize("address"))) static unsigned descend(const char *down_to)
{
	volatile char frame[200];

	for (size_t i = 0; i < sizeof(frame); i++)
		frame[i] = (char)i;
	if ((const char *)frame <= down_to)
		return 1;
	return descend(down_to) + (unsigned char)frame[7];
}

static void go_deep(void *arg)
{
	ck_assert_uint_gt(descend(coro_self()->fiber.stack->low + 8192), 1);
	*(bool *)arg = true;
}

START_TEST(most_of_a_stack_can_be_used)
{
	bool done = false;

	for (int i = 0; i < 3; i++) {
		done = false;
		run(go_deep, &done);
		ck_assert(done);
	}
}
END_TEST

/* Where there is no guard page, just below the end, so that what lies further down stays whole. */
static void go_too_deep(void *arg)
{
	const struct stack *s = coro_self()->fiber.stack;

	(void)arg;
	descend(s->guard == STACK_CANARY ? s->low - 64 : NULL);
	coro_yield();
}

static void return_too_deep(void *arg)
{
	(void)arg;
	descend(coro_self()->fiber.stack->low - 64);
}

static const struct overflow_case {
	enum stack_guard guard;
	void (*fn)(void *arg);
	int signo;
} overflow_cases[] = {
	{ STACK_MADVISE, go_too_deep, SIGSEGV },	/* or mprotect, on older kernels */
	{ STACK_MPROTECT, go_too_deep, SIGSEGV },
	{ STACK_CANARY, go_too_deep, SIGABRT },
	{ STACK_CANARY, return_too_deep, SIGABRT },
};

static pid_t overflow_in_child(const struct overflow_case *c, int to)
{
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid > 0)
		return pid;
	dup2(to, STDERR_FILENO);
	stack_guard_limit(c->guard);
	if (coro_spawn(&group, "the deep one", c->fn, NULL) == 0)
		loop_run();
	_exit(0);
}

START_TEST(overflow_ends_by_name)
{
	const struct overflow_case *c = &overflow_cases[_i];
	char text[65536];
	size_t n = 0;
	ssize_t got;
	int fds[2], status;
	pid_t pid;

	ck_assert_int_eq(pipe(fds), 0);
	pid = overflow_in_child(c, fds[1]);
	close(fds[1]);
	while (n < sizeof(text) - 1 && (got = read(fds[0], text + n, sizeof(text) - 1 - n)) > 0)
		n += (size_t)got;
	text[n] = '\0';
	close(fds[0]);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(strstr(text, "coroutine the deep one overflowed its stack") != NULL, "it said: %s", text);
	ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == c->signo, "status %x", (unsigned)status);
}
END_TEST

static void crash(void *arg)
{
	volatile int *nowhere = arg;

	*nowhere = 1;
}

static volatile sig_atomic_t others;

static void other_handler(int signo)
{
	(void)signo;
	others++;
	_exit(7);
}

/* A fault that is no overflow is left to whoever handled it before. */
START_TEST(other_faults_take_their_course)
{
	int status;
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		loop_close();
		signal(SIGSEGV, other_handler);
		looptest_open();
		run(crash, (void *)16);
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 7, "status %x", (unsigned)status);
}
END_TEST

/* ---- cost ---- */

static void yield_for_ever(void *arg)
{
	size_t *n = arg;

	while (*n > 0) {
		--*n;
		coro_yield();
	}
}

START_TEST(cost_of_a_yield)
{
	static const size_t crowds[] = { 1, 100, 10000 };

	for (size_t i = 0; i < sizeof(crowds) / sizeof(crowds[0]); i++) {
		size_t n = FAIR && !RUNNING_ON_VALGRIND ? 200000 : 20000, all = n;
		size_t crowd = crowds[i] < many() ? crowds[i] : many();
		mono_us began;

		for (size_t k = 0; k < crowd; k++)
			go(yield_for_ever, &n);
		began = clock_mono();
		loop_run();
		remark("%zu coroutines taking turns: %.1f ns each turn", crowd,
		       (double)(clock_mono() - began) * 1000 / (double)all);
		ck_assert_uint_eq(n, 0);
	}
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("coro_scale");
	TCase *c = tcase_create("scale");

	tcase_set_timeout(c, 120);
	tcase_add_checked_fixture(c, looptest_open, looptest_close);
	tcase_add_test(c, many_park_and_go_on);
	tcase_add_test(c, many_park_with_deadlines);
	tcase_add_test(c, many_park_without_guard_pages);
	tcase_add_test(c, memory_comes_back_after_a_burst);
	tcase_add_test(c, coroutines_come_and_go);
	tcase_add_test(c, most_of_a_stack_can_be_used);
	if (!RUNNING_ON_VALGRIND) {	/* which would report the faults that are wanted here */
		tcase_add_loop_test(c, overflow_ends_by_name, 0, sizeof(overflow_cases) / sizeof(overflow_cases[0]));
		tcase_add_test(c, other_faults_take_their_course);
	}
	tcase_add_test(c, cost_of_a_yield);
	suite_add_tcase(s, c);
	return s;
}

int main(void)
{
	return unit_run(suite());
}
