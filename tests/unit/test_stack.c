/* The pool of stacks, and what ends each of them. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "coro/stack.h"
#include "tests/lib/onvalgrind.h"
#include "tests/lib/unit.h"

static void pool_open(void)
{
	stack_guard_limit(STACK_MADVISE);
}

static void pool_close(void)
{
	struct stack_stats stats;

	stack_pool_close();
	stack_stats(&stats);
	ck_assert_uint_eq(stats.taken, 0);
	ck_assert_uint_eq(stats.warm, 0);
	ck_assert_uint_eq(stats.cold, 0);
}

static void take_n(struct stack **stacks, size_t n)
{
	for (size_t i = 0; i < n; i++)
		ck_assert_int_eq(stack_take(&stacks[i]), 0);
}

static void give_n(struct stack **stacks, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		stack_give(&stacks[i]);
		ck_assert_ptr_null(stacks[i]);
	}
}

static size_t pages_present(const struct stack *s)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), n = 0;
	unsigned char present[256];
	char *from = (char *)((uintptr_t)s->low & ~(uintptr_t)(page - 1));
	size_t pages = (size_t)(s->high - from) / page;

	ck_assert_uint_le(pages, sizeof(present));
	ck_assert_int_eq(mincore(from, pages * page, present), 0);
	for (size_t i = 0; i < pages; i++)
		n += present[i] & 1;
	return n;
}

START_TEST(freed_last_is_used_first)
{
	struct stack *s[3], *again, *was;

	take_n(s, 3);
	was = s[1];
	stack_give(&s[1]);
	take_n(&again, 1);
	ck_assert_ptr_eq(again, was);
	s[1] = again;
	give_n(s, 3);
}
END_TEST

START_TEST(stacks_are_apart)
{
	enum { N = STACKS_A_SLAB + 10 };
	static struct stack *s[N];
	struct stack_stats stats;

	take_n(s, N);
	for (size_t i = 0; i < N; i++) {
		ck_assert_uint_ge((size_t)(s[i]->high - s[i]->low), stack_bytes() * 3 / 4);
		ck_assert_uint_eq((uintptr_t)s[i]->high % 4096, 0);
		memset(s[i]->high - 64, (int)(i & 0xff), 64);
	}
	for (size_t i = 0; i < N; i++)
		ck_assert_int_eq((unsigned char)s[i]->high[-1], (int)(i & 0xff));
	stack_stats(&stats);
	ck_assert_uint_eq(stats.taken, N);
	ck_assert_uint_eq(stats.cold, 2 * STACKS_A_SLAB - N);
	give_n(s, N);
}
END_TEST

START_TEST(cooling_keeps_some_warm)
{
	enum { N = 3 * STACKS_A_SLAB };
	static struct stack *s[N];
	struct stack_stats stats;

	take_n(s, N);
	for (size_t i = 0; i < N; i++)
		s[i]->high[-1] = 1;
	give_n(s, N);
	stack_cool(10);
	stack_stats(&stats);
	ck_assert_uint_eq(stats.warm, N - 10);
	stack_cool(N);
	stack_stats(&stats);
	ck_assert_uint_eq(stats.warm, STACKS_WARM);
	ck_assert_uint_eq(stats.warm + stats.cold, STACKS_A_SLAB);	/* the slabs that were all cold are gone */
}
END_TEST

/* A slab with one stack in use stays, its cold ones without memory; used again they are as new. */
START_TEST(cold_stacks_hold_no_memory)
{
	enum { N = 2 * STACKS_A_SLAB };
	static struct stack *s[N];
	struct stack *kept, *cold;

	take_n(s, N);
	for (size_t i = 0; i < N; i++)
		memset(s[i]->high - 20000, 1, 20000);
	kept = s[0];
	cold = s[1];
	ck_assert_uint_ge(pages_present(cold), 5);
	for (size_t i = 1; i < N; i++)
		stack_give(&s[i]);
	stack_cool(N);
	ck_assert_uint_eq(pages_present(cold), 0);
	ck_assert_uint_ge(pages_present(kept), 5);
	s[1] = NULL;
	for (size_t i = 1; i < N; i++)
		ck_assert_int_eq(stack_take(&s[i]), 0);
	ck_assert_int_eq(cold->high[-1], 0);
	cold->high[-1] = 2;
	s[0] = kept;
	give_n(s, N);
}
END_TEST

/* ---- guards ---- */

static int signal_of_touching(char *at)
{
	int status;
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		signal(SIGSEGV, SIG_DFL);
		*(volatile char *)at = 1;
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void check_guard(const struct stack *s)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	ck_assert_int_eq(signal_of_touching(s->low), 0);
	ck_assert_int_eq(signal_of_touching(s->low - 1), SIGSEGV);
	ck_assert_int_eq(signal_of_touching(s->low - page), SIGSEGV);
	ck_assert(stack_guards(s, s->low - 1));
	ck_assert(stack_guards(s, s->low - page));
	ck_assert(!stack_guards(s, s->low));
	ck_assert(!stack_guards(s, s->low - page - 1));
}

START_TEST(guard_page_ends_a_stack)
{
	enum { N = STACKS_WARM + 50 };
	static struct stack *s[N];
	struct stack *cold;

	stack_guard_limit((enum stack_guard)_i);
	take_n(s, N);
	if (s[0]->guard > STACK_MPROTECT)
		ck_abort_msg("this kernel has no guard pages");
	check_guard(s[0]);
	cold = s[1];
	for (size_t i = 1; i < N; i++)
		stack_give(&s[i]);
	stack_cool(N);
	check_guard(cold);	/* giving its memory back has left the guard */
	stack_give(&s[0]);
}
END_TEST

START_TEST(canary_shows_what_crossed_it)
{
	struct stack *s, *next;

	stack_guard_limit(STACK_CANARY);
	take_n(&s, 1);
	take_n(&next, 1);
	ck_assert_int_eq(s->guard, STACK_CANARY);
	memset(s->low, 1, 1000);
	ck_assert(stack_intact(s));
	ck_assert(!stack_guards(s, s->low - 1));
	s->low[-1] = 1;
	ck_assert(!stack_intact(s));
	ck_assert(stack_intact(next));
	s->low[-1] = 0;
	s->low[-512] = 1;
	ck_assert(!stack_intact(s));
	s->low[-512] = 0;
	ck_assert(stack_intact(s));
	stack_give(&s);
	stack_give(&next);
}
END_TEST

static size_t mappings_most(void)
{
	FILE *f = fopen("/proc/sys/vm/max_map_count", "r");
	size_t most;

	ck_assert_ptr_nonnull(f);
	ck_assert_int_eq(fscanf(f, "%zu", &most), 1);
	fclose(f);
	return most;
}

/* mprotect splits mappings, of which a process has a limited number: most must stay free for others. */
START_TEST(mprotect_stops_in_time)
{
	enum { MOST = 40000 };
	struct stack **s = calloc(MOST, sizeof(struct stack *));
	struct stack_stats stats;
	size_t n = 0, guarded = 0;

	ck_assert_ptr_nonnull(s);
	stack_guard_limit(STACK_MPROTECT);
	do {
		take_n(&s[n], 1);
		guarded += s[n]->guard == STACK_MPROTECT;
		stack_stats(&stats);
	} while (++n < MOST && stats.guard == STACK_MPROTECT);
	ck_assert_uint_lt(n, MOST);
	ck_assert_int_eq(stats.guard, STACK_CANARY);
	ck_assert_uint_ge(guarded, 1000);
	ck_assert_uint_le(guarded, mappings_most() / 4);
	ck_assert_int_eq(signal_of_touching(s[0]->low - 1), SIGSEGV);
	for (size_t i = 0; i < n; i++)
		stack_give(&s[i]);
	free(s);
}
END_TEST

START_TEST(guards_have_names)
{
	ck_assert_str_eq(stack_guard_name(STACK_MADVISE), "madvise");
	ck_assert_str_eq(stack_guard_name(STACK_MPROTECT), "mprotect");
	ck_assert_str_eq(stack_guard_name(STACK_CANARY), "canary");
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("stack");
	TCase *c = tcase_create("stack");

	tcase_add_checked_fixture(c, pool_open, pool_close);
	tcase_add_test(c, freed_last_is_used_first);
	tcase_add_test(c, stacks_are_apart);
	tcase_add_test(c, cooling_keeps_some_warm);
	tcase_add_test(c, cold_stacks_hold_no_memory);
	if (!RUNNING_ON_VALGRIND) {	/* which reports the faults wanted here, and has few mappings itself */
		tcase_add_loop_test(c, guard_page_ends_a_stack, STACK_MADVISE, STACK_CANARY);
		tcase_add_test(c, mprotect_stops_in_time);
	}
	tcase_add_test(c, canary_shows_what_crossed_it);
	tcase_add_test(c, guards_have_names);
	suite_add_tcase(s, c);
	return s;
}

int main(void)
{
	return unit_run(suite());
}
