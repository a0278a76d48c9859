/*
 * bench_store: the store alone, in operations a second.
 *
 *	bench_store DIRECTORY [BACKLOG [WORD]]
 *
 * A few hundred bytes of arguments a job; every submit is waited for until it
 * is durable. Each line is run on an empty store, then once more with BACKLOG
 * ready jobs in it. WORD: only lines that contain it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "coro/coro.h"
#include "tests/bench/storebench.h"

enum { SECONDS = 2, MANY = 256, NOW = 1000 };

static struct job_spec *spec;
static mono_us until;
static size_t done, wanted;

static bool over(void)
{
	return wanted > 0 ? done >= wanted : clock_mono() >= until;
}

static int64_t submit_one(void)
{
	struct submission s = { .spec = spec };

	storebench_check(store_submit(store, &s, 1, NOW, NULL), "submit");
	return s.id;
}

static void submits(void *arg)
{
	(void)arg;
	while (!over()) {
		submit_one();
		done++;
	}
}

static void submits_many(void *arg)
{
	struct submission v[MANY];

	(void)arg;
	while (!over()) {
		memset(v, 0, sizeof(v));
		for (int i = 0; i < MANY; i++)
			v[i].spec = spec;
		storebench_check(store_submit(store, v, MANY, NOW, NULL), "submit");
		done += MANY;
	}
}

static void settle_one(int64_t id)
{
	struct settlement s = { .id = id, .attempt = 1, .started_at = NOW, .finished_at = NOW + 1, .where = "worker 1 (pid 4711)",
				.outcome = OUTCOME_SUCCEEDED, .next = JOB_SUCCEEDED, .result = "{\"answer\":42}" };

	storebench_check(store_settle(store, &s), "settle");
}

static void claimed(void *arg, int rc)
{
	(void)arg;
	storebench_check(rc, "claim");
}

static void lives(void *arg)
{
	struct claim c = { .attempt = 1, .started_at = NOW, .where = "worker 1 (pid 4711)" };

	(void)arg;
	while (!over()) {
		c.id = submit_one();
		storebench_check(store_claim_soon(store, &c, claimed, NULL), "claim");
		settle_one(c.id);
		done++;
	}
}

static void lives_claimed(void *arg)
{
	struct claim c = { .attempt = 1, .started_at = NOW, .where = "worker 1 (pid 4711)" };

	(void)arg;
	while (!over()) {
		c.id = submit_one();
		storebench_check(store_claim(store, &c, NULL), "claim");
		settle_one(c.id);
		done++;
	}
}

static void lives_unclaimed(void *arg)
{
	(void)arg;
	while (!over()) {
		settle_one(submit_one());
		done++;
	}
}

/* Runs n coroutines of fn; returns how many of its rounds they made a second. */
static double rate(void (*fn)(void *arg), size_t n)
{
	mono_us began = clock_mono();

	done = 0;
	until = began + SECONDS * 1000000;
	storebench_run(fn, n);
	return (double)done * 1e6 / (double)(clock_mono() - began);
}

static double cpu_seconds(void)
{
	struct rusage used;

	getrusage(RUSAGE_SELF, &used);
	return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
	       (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

static const char *only;		/* a word of the lines wanted */

static void line(const char *what, void (*fn)(void *arg), size_t n)
{
	double per_second, cpu;

	if (only != NULL && strstr(what, only) == NULL)
		return;
	cpu = cpu_seconds();
	per_second = rate(fn, n);
	cpu = cpu_seconds() - cpu;
	printf("%-44s %10.0f /s %8.1f us of CPU each\n", what, per_second, cpu * 1e6 / (double)done);
	fflush(stdout);
}

static void lines(void)
{
	line("submit, 1 in flight", submits, 1);
	line("submit, 50 in flight", submits, 50);
	line("submit, 256 in flight", submits, 256);
	line("submit, 4,096 in flight", submits, 4096);
	line("submit of 256 at once, 1 in flight", submits_many, 1);
	line("life, 1 in flight", lives, 1);
	line("life, 4,096 in flight", lives, 4096);
	line("life, waiting for the claim, 4,096 in flight", lives_claimed, 4096);
	line("life, without a claim, 4,096 in flight", lives_unclaimed, 4096);
}

/* ---- what must stay quick however much lies there ---- */

static mono_us page_began, page_took;

static void paged(void *arg, int rc, const struct job_row *rows, size_t n)
{
	(void)arg, (void)rows, (void)n;
	storebench_check(rc, "page");
	page_took += clock_mono() - page_began;
	page_began = 0;
}

static void read_pages(void *arg)
{
	(void)arg;
	for (int i = 0; i < MANY; i++) {
		page_began = clock_mono();
		storebench_check(store_ready_page(store, "default", "exec", 0, 0, 1 + i, MANY, paged, NULL), "page");
		while (page_began != 0)
			coro_yield();
	}
}

static long resident_kib(void)
{
	FILE *f = fopen("/proc/self/statm", "r");
	long size = 0, resident = 0;

	if (f == NULL || fscanf(f, "%ld %ld", &size, &resident) != 2)
		resident = 0;
	if (f != NULL)
		fclose(f);
	return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

static void backlog(size_t n)
{
	wanted = n;
	printf("\n%-44s %10.0f /s\n", "backlog", rate(submits_many, 16));
	wanted = 0;
	storebench_run(read_pages, 1);
	printf("%-44s %10.0f us\n", "page of 256 ready jobs", (double)page_took / MANY);
	printf("%-44s %10ld KiB\n", "resident", resident_kib());
}

static void make_spec(void)
{
	char args[300];
	struct job_spec from = { .type = "exec", .queue = "default", .args = args, .timeout = 3600000, .retain = -1,
				 .retry = { 3, BACKOFF_EXPONENTIAL, 1000, 3600000, 0.1 } };

	snprintf(args, sizeof(args), "{\"argv\":[\"%0256d\"]}", 7);
	spec = job_spec_new(&from);
	storebench_check(spec != NULL ? 0 : -ENOMEM, "spec");
}

static void figures(void)
{
	struct store_stats stats;

	store_stats(store, &stats);
	printf("# %llu transactions, longest %.1f ms; database %lld MiB, log %lld MiB\n", (unsigned long long)stats.transactions,
	       (double)stats.commit_max / 1000, (long long)stats.database_bytes >> 20, (long long)stats.wal_bytes >> 20);
}

int main(int argc, char **argv)
{
	mono_us began;

	if (argc < 2) {
		fprintf(stderr, "usage: bench_store DIRECTORY [BACKLOG [WORD]]\n");
		return 2;
	}
	only = argc > 3 ? argv[3] : NULL;
	make_spec();
	began = clock_mono();
	storebench_open(argv[1], 10000);
	printf("%-44s %10.1f ms\n", "open", (double)(clock_mono() - began) / 1000);
	lines();
	if (argc > 2 && atoll(argv[2]) > 0) {
		backlog((size_t)atoll(argv[2]));
		lines();
	}
	figures();
	storebench_close();
	job_spec_unref(&spec);
	return 0;
}
