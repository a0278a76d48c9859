/*
 * bench_list: how long lists and counts take over many records.
 *
 *	bench_list DIRECTORY [RECORDS]
 *
 * An empty DIRECTORY is filled first: the first tenth of the jobs has
 * succeeded, the rest is ready, and what is rare (a queue, a type, a tag, a
 * state) is spread over all. So each filter has an order in which its jobs lie
 * far from where the list begins, or few and far between.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "coro/coro.h"
#include "coro/loop.h"
#include "store/store.h"

enum { MANY = 100, NOW = 1000, ROUNDS = 5, PAGE = 100 };

static struct store *store;
static int64_t records = 1000000;

static void changed(void *arg, const struct job_change *change)
{
	(void)arg, (void)change;
}

static void queue_changed(void *arg, const struct queue_row *queue)
{
	(void)arg, (void)queue;
}

static void check(int rc, const char *what)
{
	if (rc == 0)
		return;
	fprintf(stderr, "bench_list: %s: %s\n", what, strerror(-rc));
	exit(1);
}

/* ---- filling ---- */

static struct job_spec *make_spec(int64_t i)
{
	char queue[16], type[16], tags[64];
	struct job_spec from = { .type = type, .queue = queue, .args = "{\"argv\":[\"/usr/bin/env\",\"sha256sum\",\"/etc/passwd\"]}",
				 .timeout = 3600000, .retain = -1, .retry = { 3, BACKOFF_EXPONENTIAL, 1000, 3600000, 0.1 } };
	struct job_spec *spec;

	snprintf(queue, sizeof(queue), "q%d", (int)(i % 10));
	snprintf(type, sizeof(type), "t%d", (int)(i / 10 % 3));
	if (i % 10000 == 777)
		snprintf(queue, sizeof(queue), "rare");
	if (i % 10000 == 778)
		snprintf(type, sizeof(type), "rare");
	if (i < 20)
		snprintf(queue, sizeof(queue), "first");
	snprintf(tags, sizeof(tags), "{\"env\":\"%s\",\"user\":\"u%d\"}", i % 10000 == 779 ? "rare" : i % 2 == 0 ? "prod" : "test",
		 (int)(i % 1000));
	from.tags = tags;
	spec = job_spec_new(&from);
	check(spec != NULL ? 0 : -ENOMEM, "spec");
	return spec;
}

static void settle(int64_t id, enum outcome_kind outcome, enum job_state next)
{
	struct settlement s = { .id = id, .attempt = 1, .started_at = NOW, .finished_at = NOW + 1, .where = "worker 1 (pid 4711)",
				.outcome = outcome, .next = next, .result = "{\"answer\":42}" };

	check(store_settle(store, &s), "settle");
}

static int64_t next_fill;

static void fill(void *arg)
{
	struct submission v[MANY];

	(void)arg;
	while (next_fill < records) {
		int64_t from = next_fill;

		next_fill += MANY;
		memset(v, 0, sizeof(v));
		for (int i = 0; i < MANY; i++) {
			v[i].spec = make_spec(from + i);
			v[i].run_at = (from + i) % 10000 == 7 ? NOW + 100000 : 0;
		}
		check(store_submit(store, v, MANY, NOW, NULL), "submit");
		for (int i = 0; i < MANY; i++) {
			job_spec_unref(&v[i].spec);
			if (v[i].state == JOB_READY && v[i].id <= records / 10)
				settle(v[i].id, OUTCOME_SUCCEEDED, JOB_SUCCEEDED);
			else if (v[i].state == JOB_READY && v[i].id % 20000 == 9)
				settle(v[i].id, OUTCOME_FAILED, JOB_FAILED);
		}
	}
}

/* ---- measuring ---- */

struct line {
	const char *what;
	struct job_filter f;
};

static const char *const q1[] = { "q1", NULL }, *const rare[] = { "rare", NULL }, *const first[] = { "first", NULL },
		  *const none[] = { "none", NULL }, *const t1[] = { "t1", NULL }, *const env[] = { "env", NULL },
		  *const prod[] = { "prod", NULL }, *const user[] = { "user", NULL }, *const u7[] = { "u7", NULL },
		  *const both[] = { "env", "user", NULL }, *const prod_u8[] = { "prod", "u8", NULL };

static const struct line lines[] = {
	{ "all", { 0 } },
	{ "queue, a tenth", { .queues = q1 } },
	{ "queue, 100 spread", { .queues = rare } },
	{ "queue, the oldest 20", { .queues = first } },
	{ "queue, none", { .queues = none } },
	{ "type, a third", { .types = t1 } },
	{ "type, 100 spread", { .types = rare } },
	{ "queue and type", { .queues = q1, .types = rare } },
	{ "state succeeded, the oldest tenth", { .states = 1u << JOB_SUCCEEDED } },
	{ "state ready, nearly all but those", { .states = 1u << JOB_READY } },
	{ "state scheduled, 100 spread", { .states = 1u << JOB_SCHEDULED } },
	{ "state failed, 50 spread", { .states = 1u << JOB_FAILED } },
	{ "state running, none", { .states = 1u << JOB_RUNNING } },
	{ "state failed or succeeded", { .states = 1u << JOB_FAILED | 1u << JOB_SUCCEEDED } },
	{ "queue and state succeeded", { .queues = q1, .states = 1u << JOB_SUCCEEDED } },
	{ "queue and state scheduled", { .queues = q1, .states = 1u << JOB_SCHEDULED } },
	{ "queue and state failed", { .queues = q1, .states = 1u << JOB_FAILED } },
	{ "tag, a half", { .tag_names = env, .tag_values = prod } },
	{ "tag, 1000 spread", { .tag_names = user, .tag_values = u7 } },
	{ "tag, 100 spread", { .tag_names = env, .tag_values = rare } },
	{ "tag, none", { .tag_names = env, .tag_values = none } },
	{ "tags, a half and 1000 spread", { .tag_names = both, .tag_values = prod_u8 } },
	{ "tag, a half, and queue, 100 spread", { .tag_names = env, .tag_values = prod, .queues = rare } },
	{ "tag, a half, and state succeeded", { .tag_names = env, .tag_values = prod, .states = 1u << JOB_SUCCEEDED } },
	{ "tag, a half, and state failed", { .tag_names = env, .tag_values = prod, .states = 1u << JOB_FAILED } },
	{ "tag, a half, and state scheduled", { .tag_names = env, .tag_values = prod, .states = 1u << JOB_SCHEDULED } },
};

static int by_time(const void *a, const void *b)
{
	mono_us x = *(const mono_us *)a, y = *(const mono_us *)b;

	return (x > y) - (x < y);
}

/* The middle one of some rounds. */
static mono_us list_time(const struct job_filter *f, bool newest_first, size_t *n)
{
	mono_us took[ROUNDS];

	for (int i = 0; i < ROUNDS; i++) {
		mono_us began = clock_mono();
		struct job_page page;

		check(store_list(store, f, newest_first, 0, PAGE, false, &page), "list");
		took[i] = clock_mono() - began;
		*n = page.n;
		job_page_free(&page);
	}
	qsort(took, ROUNDS, sizeof(took[0]), by_time);
	return took[ROUNDS / 2];
}

static mono_us count_time(const struct job_filter *f, int64_t *total)
{
	mono_us took[ROUNDS];

	for (int i = 0; i < ROUNDS; i++) {
		mono_us began = clock_mono();
		int64_t by_state[JOB_STATES];

		check(store_count(store, f, by_state), "count");
		took[i] = clock_mono() - began;
		*total = 0;
		for (int s = 0; s < JOB_STATES; s++)
			*total += by_state[s];
	}
	qsort(took, ROUNDS, sizeof(took[0]), by_time);
	return took[ROUNDS / 2];
}

static void measure(void *arg)
{
	(void)arg;
	printf("%-40s %10s %10s %6s %10s %10s\n", "filter", "newest ms", "oldest ms", "jobs", "count ms", "total");
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		size_t n = 0;
		int64_t total = 0;
		mono_us newest = list_time(&lines[i].f, true, &n), oldest = list_time(&lines[i].f, false, &n);
		mono_us count = count_time(&lines[i].f, &total);

		printf("%-40s %10.2f %10.2f %6zu %10.2f %10lld\n", lines[i].what, (double)newest / 1000, (double)oldest / 1000, n,
		       (double)count / 1000, (long long)total);
		fflush(stdout);
	}
}

static int64_t there;

static void add_count(void *arg, const struct lane_count *count)
{
	(void)arg;
	there += count->n;
}

static void run(void (*fn)(void *arg), size_t n)
{
	struct coro_group group;

	coro_group_init(&group);
	for (size_t i = 0; i < n; i++)
		check(coro_spawn(&group, "bench", fn, NULL), "spawn");
	loop_run();
}

int main(int argc, char **argv)
{
	struct loop_conf loop = { .coroutines_max = 100 };
	struct store_observer observer = { .changed = changed, .queue_changed = queue_changed };
	struct store_conf conf = { .retain = 7 * 86400000ll, .retain_jobs = 1000000000 };
	char why[512];
	mono_us began = clock_mono();

	if (argc < 2) {
		fprintf(stderr, "usage: bench_list DIRECTORY [RECORDS]\n");
		return 2;
	}
	conf.directory = argv[1];
	if (argc > 2)
		records = atoll(argv[2]);
	check(loop_open(&loop), "loop");
	if (store_open(&store_sqlite, &conf, &observer, &store, why, sizeof(why)) != STORE_OPEN_OK) {
		fprintf(stderr, "bench_list: %s\n", why);
		return 1;
	}
	store_counts(store, add_count, NULL);
	if (there == 0) {
		run(fill, 8);
		printf("# filled in %.1f s\n", (double)(clock_mono() - began) / 1e6);
	}
	run(measure, 1);
	store_close(&store);
	loop_close();
	return 0;
}
