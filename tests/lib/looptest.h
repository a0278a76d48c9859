/* looptest: a loop open for the length of one test case, and a group to spawn in. */
#ifndef JOBD_TEST_LOOPTEST_H
#define JOBD_TEST_LOOPTEST_H

#include <check.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include "base/clock.h"
#include "coro/coro.h"
#include "coro/loop.h"
#include "tests/lib/onvalgrind.h"

enum { LOOPTEST_MAX = 200000, MS = 1000 };

static struct coro_group group;

static inline void looptest_open(void)
{
	struct loop_conf conf = { .coroutines_max = LOOPTEST_MAX };

	ck_assert_int_eq(loop_open(&conf), 0);
	coro_group_init(&group);
}

static inline void looptest_close(void)
{
	struct coro_stats stats;

	coro_stats(&stats);
	ck_assert_uint_eq(stats.alive, 0);
	ck_assert_uint_eq(group.count, 0);
	loop_close();
}

/* arg may be a literal: fn knows what it was given. */
static inline void go(void (*fn)(void *arg), const void *arg)
{
	ck_assert_int_eq(coro_spawn(&group, "test", fn, (void *)(uintptr_t)arg), 0);
}

static inline struct coro *go_handle(void (*fn)(void *arg), const void *arg)
{
	struct coro *c = NULL;

	ck_assert_int_eq(coro_spawn_handle(&group, "test", fn, (void *)(uintptr_t)arg, &c), 0);
	return c;
}

/* Runs fn in a coroutine, and the loop until all coroutines have returned. */
static inline void run(void (*fn)(void *arg), const void *arg)
{
	go(fn, arg);
	loop_run();
}

/* A comment among the TAP lines, for figures that are shown and not judged. */
__attribute__((format(printf, 1, 2))) static inline void remark(const char *fmt, ...)
{
	va_list ap;

	fputs("# ", stdout);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	fputc('\n', stdout);
	fflush(stdout);
}

/* What was done, in order, as letters. */
struct trail {
	char text[256];
	size_t n;
};

static inline void leave(struct trail *t, char c)
{
	ck_assert_uint_lt(t->n + 1, sizeof(t->text));
	t->text[t->n++] = c;
}

#endif
