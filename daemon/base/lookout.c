#include "base/lookout.h"

#include <sched.h>
#include <time.h>

enum { LOOK_OUT_NS = 200 * 1000, CROWDED_NS = 50 * 1000, SKIP = 16 };

/* Not clock.h's, which tests may stop. */
static long long lookout_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ll + t.tv_nsec;
}

void lookout_init(struct lookout *l)
{
	cpu_set_t may;

	l->skip = 0;
	l->never = sched_getaffinity(0, sizeof(may), &may) != 0 || CPU_COUNT(&may) < 2;
}

/* Whoever is to bring it may be waiting for this very processor. */
static bool lookout_come(bool (*come)(void *arg), void *arg)
{
	long long began = lookout_now(), now = began, before;

	do {
		if (come(arg))
			return true;
		before = now;
		sched_yield();
		now = lookout_now();
	} while (now - began < LOOK_OUT_NS && now - before < CROWDED_NS);
	return come(arg);
}

bool lookout(struct lookout *l, bool (*come)(void *arg), void *arg)
{
	if (l->never)
		return false;
	if (l->skip > 0) {
		l->skip--;
		return false;
	}
	if (lookout_come(come, arg))
		return true;
	l->skip = SKIP;
	return false;
}
