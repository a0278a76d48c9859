#include "tests/bench/storebench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "coro/coro.h"
#include "coro/loop.h"

struct store *store;

void storebench_check(int rc, const char *what)
{
	if (rc == 0)
		return;
	fprintf(stderr, "%s: %s\n", what, strerror(-rc));
	exit(1);
}

static void changed(void *arg, const struct job_change *change)
{
	(void)arg, (void)change;
}

static void queue_changed(void *arg, const struct queue_row *queue)
{
	(void)arg, (void)queue;
}

void storebench_open(const char *directory, size_t coroutines)
{
	struct loop_conf loop = { .coroutines_max = coroutines };
	struct store_observer observer = { .changed = changed, .queue_changed = queue_changed };
	struct store_conf conf = { .directory = directory, .retain = 7 * 86400000ll, .retain_jobs = 1000000000 };
	char why[512];

	storebench_check(loop_open(&loop), "loop");
	if (store_open(&store_sqlite, &conf, &observer, &store, why, sizeof(why)) != STORE_OPEN_OK) {
		fprintf(stderr, "%s\n", why);
		exit(1);
	}
}

void storebench_close(void)
{
	store_close(&store);
	loop_close();
}

void storebench_run(void (*fn)(void *arg), size_t n)
{
	struct coro_group group;

	coro_group_init(&group);
	for (size_t i = 0; i < n; i++)
		storebench_check(coro_spawn(&group, "bench", fn, NULL), "spawn");
	loop_run();
}

static void add_count(void *arg, const struct lane_count *lane)
{
	int64_t *n = arg;

	*n += lane->n;
}

int64_t storebench_jobs(void)
{
	int64_t n = 0;

	store_counts(store, add_count, &n);
	return n;
}
