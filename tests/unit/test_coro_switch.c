/* What must survive a switch: registers, the floating-point mode, the stack's alignment, unwinding. */
#include <execinfo.h>
#include <fenv.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "coro/coro.h"
#include "coro/fiber.h"
#include "coro/loop.h"
#include "tests/lib/chance.h"
#include "tests/lib/looptest.h"
#include "tests/lib/unit.h"

/* ---- registers ---- */

enum { MIXERS = 50, STEPS = 40 };

/* More live values than there are registers, integers and doubles, held across each yield. */
static uint64_t mix(uint64_t seed, bool yields)
{
	uint64_t a = seed, b = ~seed, c = seed * 3, d = seed + 5, e = seed ^ 7, f = seed << 9, g = seed >> 11, h = 13;
	double x = (double)seed, y = x / 3, z = x * 7, w = 1;

	for (int i = 0; i < STEPS; i++) {
		if (yields)
			coro_yield();
		a += b ^ c;
		b = (b << 5 | b >> 59) + d;
		c ^= e + f;
		d = d * 6364136223846793005u + 1442695040888963407u;
		e -= g ^ h;
		f += a >> 3;
		g ^= b;
		h += c;
		x = x * 0.5 + y;
		y = y * 0.25 + z;
		z = z * 0.125 + w;
		w = w * 0.75 + (double)(a & 0xff);
	}
	return a ^ b ^ c ^ d ^ e ^ f ^ g ^ h ^ (uint64_t)(int64_t)(x + y + z + w);
}

struct mixer {
	uint64_t seed, result;
};

static void mix_and_yield(void *arg)
{
	struct mixer *m = arg;

	m->result = mix(m->seed, true);
}

START_TEST(values_survive)
{
	struct mixer mixers[MIXERS];

	chance_seed(3);
	for (int i = 0; i < MIXERS; i++) {
		mixers[i].seed = chance_bits() >> 20;
		go(mix_and_yield, &mixers[i]);
	}
	loop_run();
	for (int i = 0; i < MIXERS; i++)
		ck_assert_uint_eq(mixers[i].result, mix(mixers[i].seed, false));
}
END_TEST

/* Recursion of chance depth, with a yield at each level on the way down and up. */
static uint32_t climb(uint32_t depth, uint32_t salt)
{
	uint32_t frame[16], below = 0;

	for (uint32_t i = 0; i < 16; i++)
		frame[i] = salt * 31 + depth * 7 + i;
	coro_yield();
	if (depth > 0)
		below = climb(depth - 1, salt);
	coro_yield();
	for (uint32_t i = 0; i < 16; i++)
		ck_assert_uint_eq(frame[i], salt * 31 + depth * 7 + i);
	return below + 1;
}

static void climb_by_chance(void *arg)
{
	uint32_t salt = *(uint32_t *)arg;

	ck_assert_uint_eq(climb(salt % 60, salt), salt % 60 + 1);
}

START_TEST(stacks_do_not_touch)
{
	static uint32_t salts[200];

	for (uint32_t i = 0; i < 200; i++) {
		salts[i] = i * 2654435761u % 1000;
		go(climb_by_chance, &salts[i]);
	}
	loop_run();
}
END_TEST

/* ---- floating point ---- */

static void keep_rounding(void *arg)
{
	int mode = *(int *)arg;
	volatile double one = 1, three = 3;
	double third;

	ck_assert_int_eq(fesetround(mode), 0);
	third = one / three;
	for (int i = 0; i < 10; i++) {
		ck_assert_int_eq(coro_yield(), 0);
		ck_assert_int_eq(fegetround(), mode);
		ck_assert(one / three == third);
	}
}

START_TEST(rounding_is_each_ones_own)
{
	int modes[] = { FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO, FE_TONEAREST };

	for (int i = 0; i < 4; i++)
		go(keep_rounding, &modes[i]);
	loop_run();
	ck_assert_int_eq(fegetround(), FE_TONEAREST);
}
END_TEST

/* ---- the first frame ---- */

static void check_alignment(void *arg)
{
	_Alignas(16) volatile char here[16] = { 0 };
	char text[64];

	ck_assert_uint_eq((uintptr_t)here % 16, 0);
	ck_assert_uint_eq(((uintptr_t)__builtin_frame_address(0) + 16) % 16, 0);
	snprintf(text, sizeof(text), "%.3f %.2Lf", 1.5, (long double)2.25);	/* aligned vector stores */
	ck_assert_str_eq(text, "1.500 2.25");
	*(bool *)arg = true;
}

START_TEST(stack_is_aligned)
{
	bool done = false;

	run(check_alignment, &done);
	ck_assert(done);
}
END_TEST

static void unwind(void *arg)
{
	void *frames[64];

	coro_yield();
	*(int *)arg = backtrace(frames, 64);
}

/* A debugger's or profiler's walk finds the coroutine's frames, and an end to them. */
START_TEST(unwinding_ends)
{
	int n = 0;

	run(unwind, &n);
	ck_assert_int_ge(n, 2);
	ck_assert_int_lt(n, 20);
}
END_TEST

/* ---- cost ---- */

#ifndef JOBD_SANITIZED

static struct switch_point here, there;
static size_t switches;

static void bounce(void *arg)
{
	(void)arg;
	for (;;) {
		switches++;
		switch_go(&there, &here);
	}
}

/* Bare, without telling the sanitizers, which would not understand. */
START_TEST(cost_of_a_switch)
{
	size_t rounds = RUNNING_ON_VALGRIND ? 1000 : 1000000;
	struct stack *stack;
	mono_us began;

	ck_assert_int_eq(stack_take(&stack), 0);
	switch_prepare(&there, stack->low, (size_t)(stack->high - stack->low), bounce, NULL);
	began = clock_mono();
	for (size_t i = 0; i < rounds; i++)
		switch_go(&here, &there);
	remark("a switch: %.1f ns", (double)(clock_mono() - began) * 500 / (double)rounds);
	ck_assert_uint_eq(switches, rounds);
	stack_give(&stack);
}
END_TEST

#endif

static Suite *suite(void)
{
	Suite *s = suite_create("coro_switch");
	TCase *c = tcase_create("switch");

	tcase_add_checked_fixture(c, looptest_open, looptest_close);
	tcase_add_test(c, values_survive);
	tcase_add_test(c, stacks_do_not_touch);
	tcase_add_test(c, rounding_is_each_ones_own);
	tcase_add_test(c, stack_is_aligned);
	tcase_add_test(c, unwinding_ends);
#ifndef JOBD_SANITIZED
	tcase_add_test(c, cost_of_a_switch);
#endif
	suite_add_tcase(s, c);
	return s;
}

int main(void)
{
	return unit_run(suite());
}
