/*
 * bench_filters: how long first pages and counts take where each filter has a
 * great part of all jobs, and all of them together have none, or few.
 *
 *	bench_filters DIRECTORY [RECORDS [LINES]]
 *
 * An empty DIRECTORY is filled first. A job's number modulo 4 is its quarter,
 * and says its queue, its type, its state and its tags, so that jobs of each
 * kind lie side by side all along; but the last and the first JOINTS jobs have
 * a bit of all. Filters by each two and each three kinds take halves that do
 * not meet but there. Printed are the LINES worst (0: all) of each, with the
 * time of all threads of the process beside that of the clock.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/bench/storebench.h"

enum { MANY = 100, NOW = 1000, ROUNDS = 5, PAGE = 100, JOINTS = 10, QUARTERS = 4, KEYS = 25000, CASES_MAX = 4096 };

static int64_t records = 1000000, first_id = 1;
static size_t lines = 20;

/* ---- filling ---- */

enum { READY, FAILED, DELAYED, HELD };		/* by quarter */

static bool joint(int64_t i)
{
	return i < JOINTS || i >= records - JOINTS;
}

/* The halves of all quarters, as tags "s01", ...: those that the quarter belongs to. */
static void put_tags(char *to, size_t size, int64_t i)
{
	size_t n = (size_t)snprintf(to, size, "{\"of\":\"all\"");

	for (int a = 0; a < QUARTERS; a++)
		for (int b = a + 1; b < QUARTERS; b++)
			if (joint(i) || i % QUARTERS == a || i % QUARTERS == b)
				n += (size_t)snprintf(to + n, size - n, ",\"s%d%d\":\"y\"", a, b);
	snprintf(to + n, size - n, "}");
}

static struct job_spec *make_spec(int64_t i)
{
	char queue[16], type[16], key[16], tags[128];
	struct job_spec from = { .type = type, .queue = queue, .args = "{\"argv\":[\"/usr/bin/env\",\"sha256sum\",\"/etc/passwd\"]}",
				 .tags = tags, .timeout = 3600000, .retain = -1,
				 .retry = { 3, BACKOFF_EXPONENTIAL, 1000, 3600000, 0.1 } };
	struct job_spec *spec;

	snprintf(queue, sizeof(queue), "q%d", (int)(i % QUARTERS));
	snprintf(type, sizeof(type), "t%d", (int)((joint(i) ? i / QUARTERS : i) % QUARTERS));
	put_tags(tags, sizeof(tags), i);
	snprintf(key, sizeof(key), joint(i) ? "full" : "k%d", (int)(i / QUARTERS % KEYS));
	from.concurrency_key = key;
	from.concurrency_limit = 5;
	spec = job_spec_new(&from);
	storebench_check(spec != NULL ? 0 : -ENOMEM, "spec");
	return spec;
}

static void fail(int64_t id)
{
	struct settlement s = { .id = id, .attempt = 1, .started_at = NOW, .finished_at = NOW + 1, .where = "worker 1 (pid 4711)",
				.outcome = OUTCOME_FAILED, .next = JOB_FAILED, .reason = "exit_status", .message = "it ended with 1" };

	storebench_check(store_settle(store, &s), "settle");
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
			int64_t quarter = (joint(from + i) ? (from + i) / 2 : from + i) % QUARTERS;

			v[i].spec = make_spec(from + i);
			v[i].run_at = quarter == DELAYED ? NOW + 100000 : 0;
			v[i].hold = quarter == HELD;
		}
		storebench_check(store_submit(store, v, MANY, NOW, NULL), "submit");
		for (int i = 0; i < MANY; i++) {
			job_spec_unref(&v[i].spec);
			if ((joint(from + i) ? (from + i) / 2 : from + i) % QUARTERS == FAILED)
				fail(v[i].id);
		}
	}
}

/* ---- filters ---- */

enum kind { QUEUE, TYPE, STATE, TAG, ANOTHER_TAG, REASON, KINDS };

static const char *const kind_names[] = { "queue", "type", "state", "tag", "tag", "reason" };

struct line {
	char what[100];
	struct job_filter f;
	const char *queues[QUARTERS + 1], *types[QUARTERS + 1], *tag_names[4], *tag_values[4];
	struct job_reasons reasons;
	unsigned reason_quarters;
	size_t tags;
	mono_us took, used;
	int64_t n;
};

static struct line *cases;
static size_t cases_n;

static const char *const queues[] = { "q0", "q1", "q2", "q3" }, *const types[] = { "t0", "t1", "t2", "t3" };
static const enum job_state states[] = { JOB_READY, JOB_FAILED, JOB_SCHEDULED, JOB_HELD };
static const char *const tags[1 << QUARTERS] = { [3] = "s01", [5] = "s02", [9] = "s03", [6] = "s12", [10] = "s13", [12] = "s23" };

static bool ready_by_queue(const void *arg, const char *queue, const char *type, const char *key, int64_t limit)
{
	const struct line *l = arg;

	(void)type, (void)key, (void)limit;
	return queue[0] == 'q' && (l->reason_quarters & 1u << (queue[1] - '0')) != 0;
}

static bool ready_by_key(const void *arg, const char *queue, const char *type, const char *key, int64_t limit)
{
	(void)arg, (void)queue, (void)type, (void)limit;
	return key != NULL && strcmp(key, "full") == 0;
}

static const char *const full_key[] = { "full", NULL };

static void pick(const char **to, const char *const *from, unsigned quarters)
{
	size_t n = 0;

	for (int q = 0; q < QUARTERS; q++)
		if ((quarters & 1u << q) != 0)
			to[n++] = from[q];
	to[n] = NULL;
}

/* Narrows it to some quarters, by one kind of filter. */
static void narrow(struct line *l, enum kind kind, unsigned quarters)
{
	struct job_filter *f = &l->f;
	size_t len = strlen(l->what);

	snprintf(l->what + len, sizeof(l->what) - len, "%s%s %x", len > 0 ? ", " : "", kind_names[kind], quarters);
	switch (kind) {
	case QUEUE:
		pick(l->queues, queues, quarters);
		f->queues = l->queues;
		break;
	case TYPE:
		pick(l->types, types, quarters);
		f->types = l->types;
		break;
	case STATE:
		for (int q = 0; q < QUARTERS; q++)
			f->states |= (quarters & 1u << q) != 0 ? 1u << states[q] : 0;
		break;
	case REASON:
		l->reason_quarters = quarters;
		l->reasons = (struct job_reasons){ .ready = ready_by_queue, .arg = l, .first = (quarters & 1u << DELAYED) != 0 };
		f->reasons = &l->reasons;
		break;
	default:
		l->tag_names[l->tags] = tags[quarters];
		l->tag_values[l->tags++] = "y";
		f->tag_names = l->tag_names;
		f->tag_values = l->tag_values;
		break;
	}
}

static struct line *add(const char *what)
{
	struct line *l = &cases[cases_n++];

	snprintf(l->what, sizeof(l->what), "%s", what);
	return l;
}

/* Each two and three kinds, of halves that do not meet. */
static void add_meetings(void)
{
	for (int a = 0; a < KINDS; a++)
		for (int b = a + 1; b < KINDS; b++) {
			struct line *l = add("");

			narrow(l, (enum kind)a, 3);
			narrow(l, (enum kind)b, 12);
			l = add("");
			narrow(l, (enum kind)a, 12);
			narrow(l, (enum kind)b, 3);
			for (int c = b + 1; c < KINDS; c++) {
				l = add("");
				narrow(l, (enum kind)a, 3);
				narrow(l, (enum kind)b, 6);
				narrow(l, (enum kind)c, 5);
			}
		}
}

static void add_others(void)
{
	struct line *l = add("scheduled again, of all those scheduled");

	l->reasons = (struct job_reasons){ .ready = ready_by_queue, .arg = l, .again = true };
	l->f.reasons = &l->reasons;
	l->f.states = 1u << JOB_SCHEDULED;
	l = add("ready, of a full key");
	l->reasons = (struct job_reasons){ .ready = ready_by_key, .arg = l, .keys = full_key, .keyed_too = true };
	l->f.reasons = &l->reasons;
	l->f.states = 1u << JOB_READY;
	l = add("ready, of no queue");
	l->reasons = (struct job_reasons){ .ready = ready_by_queue, .arg = l };
	l->f.reasons = &l->reasons;
	l->f.states = 1u << JOB_READY;
	l = add("tag of all");
	narrow(l, STATE, 2);
	narrow(l, TAG, 12);
	narrow(l, TAG, 6);
	l->tag_names[2] = "of";
	l->tag_values[2] = "all";
	l = add("");
	narrow(l, TAG, 3);
	narrow(l, TAG, 5);
	narrow(l, TAG, 6);
	l = add("state running");
	l->f.states = 1u << JOB_RUNNING;
}

/* ---- measuring ---- */

static int by_time(const void *a, const void *b)
{
	mono_us x = *(const mono_us *)a, y = *(const mono_us *)b;

	return (x > y) - (x < y);
}

static int by_worst(const void *a, const void *b)
{
	const struct line *x = a, *y = b;

	return (x->took < y->took) - (x->took > y->took);
}

static mono_us used(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (mono_us)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* The middle one of some rounds of what look() does. */
static void measure(struct line *l, void (*look)(struct line *l, int64_t arg), int64_t arg)
{
	mono_us took[ROUNDS], cpu[ROUNDS];

	for (int i = 0; i < ROUNDS; i++) {
		mono_us began = clock_mono(), before = used();

		look(l, arg);
		took[i] = clock_mono() - began;
		cpu[i] = used() - before;
	}
	qsort(took, ROUNDS, sizeof(took[0]), by_time);
	qsort(cpu, ROUNDS, sizeof(cpu[0]), by_time);
	l->took = took[ROUNDS / 2];
	l->used = cpu[ROUNDS / 2];
}

static void list(struct line *l, bool newest_first, int64_t after)
{
	struct job_page page;

	storebench_check(store_list(store, &l->f, newest_first, after, PAGE, false, &page), "list");
	l->n = (int64_t)page.n;
	job_page_free(&page);
}

static void newest(struct line *l, int64_t after)
{
	list(l, true, after);
}

static void oldest(struct line *l, int64_t after)
{
	list(l, false, after);
}

static void count(struct line *l, int64_t arg)
{
	int64_t by_state[JOB_STATES];

	(void)arg;
	storebench_check(store_count(store, &l->f, by_state), "count");
	l->n = 0;
	for (int s = 0; s < JOB_STATES; s++)
		l->n += by_state[s];
}

static void measure_all(const char *what, void (*look)(struct line *l, int64_t arg), int64_t arg)
{
	struct line *sorted = malloc(cases_n * sizeof(*sorted));

	storebench_check(sorted != NULL ? 0 : -ENOMEM, "sort");
	for (size_t i = 0; i < cases_n; i++)
		measure(&cases[i], look, arg);
	memcpy(sorted, cases, cases_n * sizeof(*sorted));
	qsort(sorted, cases_n, sizeof(*sorted), by_worst);
	printf("%-50s %10s %10s %8s\n", what, "ms", "cpu ms", "jobs");
	for (size_t i = 0; i < cases_n && (lines == 0 || i < lines); i++)
		printf("  %-48s %10.2f %10.2f %8lld\n", sorted[i].what, (double)sorted[i].took / 1000, (double)sorted[i].used / 1000,
		       (long long)sorted[i].n);
	fflush(stdout);
	free(sorted);
}

/* While what lists look at is being read in still. */
static void measure_first(void)
{
	mono_us began = clock_mono(), before = used();

	newest(&cases[0], first_id + records - JOINTS);
	printf("# the first page after the start, %s: %.2f ms, cpu %.2f ms\n", cases[0].what, (double)(clock_mono() - began) / 1000,
	       (double)(used() - before) / 1000);
}

static void look(void *arg)
{
	(void)arg;
	measure_first();
	measure_all("first page, newest", newest, 0);
	measure_all("first page, oldest", oldest, 0);
	measure_all("a page from behind the last joints on", newest, first_id + records - JOINTS);
	measure_all("a page from behind the first joints on", oldest, first_id + JOINTS - 1);
	measure_all("count", count, 0);
}

/* ---- the whole ---- */

int main(int argc, char **argv)
{
	mono_us began = clock_mono();

	if (argc < 2) {
		fprintf(stderr, "usage: bench_filters DIRECTORY [RECORDS [LINES]]\n");
		return 2;
	}
	if (argc > 2)
		records = atoll(argv[2]);
	if (argc > 3)
		lines = (size_t)atoll(argv[3]);
	cases = calloc(CASES_MAX, sizeof(*cases));
	storebench_check(cases != NULL ? 0 : -ENOMEM, "cases");
	add_meetings();
	add_others();
	storebench_open(argv[1], 100);
	if (storebench_jobs() == 0) {
		storebench_run(fill, 8);
		printf("# filled in %.1f s\n", (double)(clock_mono() - began) / 1e6);
	}
	storebench_run(look, 1);
	storebench_close();
	free(cases);
	return 0;
}
