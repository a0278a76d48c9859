/* driver: one row of the bench against one server that runs already; prints one figure. See bench.py. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "peers.h"
#include "wire.h"

static const struct {
	const char *work, *peer;
	double (*run)(const struct bench *b);
} rows[] = {
	{ "submit", "jobd", jobd_submit },
	{ "submit", "beanstalkd", beanstalkd_submit },
	{ "submit", "redis", redis_submit },
	{ "submit", "sqlite", sqlite_submit },
	{ "noop", "jobd", jobd_noop },
	{ "noop", "beanstalkd", beanstalkd_noop },
	{ "noop", "gearman", gearman_noop },
	{ "noop", "redis", redis_noop },
	{ "exec", "jobd", jobd_exec },
	{ "exec", "spawn", spawn_exec },
	{ "http", "jobd", jobd_http },
	{ "trip", "jobd", jobd_trip },
	{ "trip", "beanstalkd", beanstalkd_trip },
	{ "trip", "gearman", gearman_trip },
};

enum { WORKERS_MAX = 64 };

static pid_t workers[WORKERS_MAX];
static int workers_len;
_Atomic long *bench_done;

const char *bench_payload(void)
{
	static char payload[BENCH_JOB_BYTES + 1];

	memset(payload, 'x', BENCH_JOB_BYTES);
	return payload;
}

static int compare_times(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double bench_median(int count, void (*one)(void *arg), void *arg)
{
	double *times = calloc((size_t)count, sizeof(*times)), median;

	if (times == NULL)
		bench_die("out of memory");
	for (int i = 0; i < count; i++) {
		double begin = bench_now();

		one(arg);
		times[i] = (bench_now() - begin) * 1e6;
	}
	qsort(times, (size_t)count, sizeof(*times), compare_times);
	median = times[count / 2];
	free(times);
	return median;
}

static void make_counter(void)
{
	bench_done = mmap(NULL, sizeof(*bench_done), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (bench_done == MAP_FAILED)
		bench_die("out of memory");
}

void bench_fork_workers(const struct bench *b, void (*main)(const struct bench *b))
{
	make_counter();
	for (int i = 0; i < b->workers && workers_len < WORKERS_MAX; i++) {
		pid_t pid = fork();

		if (pid < 0)
			bench_die("fork: %s", strerror(errno));
		if (pid == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			main(b);
			_exit(0);
		}
		workers[workers_len++] = pid;
	}
}

double bench_rate_since(const struct bench *b, double begin)
{
	for (; *bench_done < b->count; bench_pause())
		if (bench_now() - begin > 120)
			bench_die("the jobs do not end");
	return b->count / (bench_now() - begin);
}

void bench_end_workers(void)
{
	while (workers_len > 0) {
		kill(workers[--workers_len], SIGKILL);
		waitpid(workers[workers_len], NULL, 0);
	}
}

static int usage(void)
{
	fputs("usage: bench_driver WORK PEER PORT CONNECTIONS DEPTH COUNT WORKERS [VARIANT]\n", stderr);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		fprintf(stderr, "  %s %s\n", rows[i].work, rows[i].peer);
	return 2;
}

int main(int argc, char **argv)
{
	struct bench b;

	if (argc < 8)
		return usage();
	b = (struct bench){ atoi(argv[3]), atoi(argv[4]), atoi(argv[5]), atoi(argv[6]), atoi(argv[7]), argc > 8 ? argv[8] : "" };
	if (b.connections < 1 || b.depth < 1 || b.count < 1)
		return usage();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (strcmp(rows[i].work, argv[1]) == 0 && strcmp(rows[i].peer, argv[2]) == 0) {
			printf("%.1f\n", rows[i].run(&b));
			bench_end_workers();
			return 0;
		}
	return usage();
}
