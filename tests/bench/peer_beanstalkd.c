#include <stdio.h>
#include <string.h>

#include "peers.h"
#include "wire.h"

static int put_line(char *out, size_t size)
{
	return snprintf(out, size, "put 0 0 120 %d\r\n%s\r\n", BENCH_JOB_BYTES, bench_payload());
}

static void use_tube(struct wire *w, const char *command, const char *tube)
{
	char line[128];

	wire_send(w, line, (size_t)snprintf(line, sizeof(line), "%s %s\r\n", command, tube));
	wire_line(w, NULL);
}

/* Puts go to the tube "default", which nobody reserves from in this row. */
double beanstalkd_submit(const struct bench *b)
{
	char request[512];
	struct load load = { .port = b->port, .connections = b->connections, .depth = b->depth, .count = b->count,
			     .request = request, .lines = 1, .good = "INSERTED" };

	load.len = (size_t)put_line(request, sizeof(request));
	return load_run(&load);
}

/* Reserves one job; its id, or 0 after a line that tells of none. */
static unsigned long reserve(struct wire *w)
{
	unsigned long id, len;

	wire_send(w, "reserve\r\n", 9);
	if (sscanf(wire_line(w, NULL), "RESERVED %lu %lu", &id, &len) != 2)
		return 0;
	wire_bytes(w, len + 2);
	return id;
}

static void worker_main(const struct bench *b)
{
	bool results = strcmp(b->variant, "results") == 0;
	char line[512];
	struct wire w;

	wire_open(&w, b->port);
	use_tube(&w, "watch", "bench-jobs");
	use_tube(&w, "ignore", "default");
	use_tube(&w, "use", "bench-results");
	for (;;) {
		unsigned long id = reserve(&w);

		if (id == 0)
			continue;
		if (results) {
			wire_send(&w, line, (size_t)put_line(line, sizeof(line)));
			wire_line(&w, NULL);
		}
		wire_send(&w, line, (size_t)snprintf(line, sizeof(line), "delete %lu\r\n", id));
		wire_line(&w, NULL);
		++*bench_done;
	}
}

static void put_all(const struct bench *b)
{
	char request[512];
	struct load load = { .port = b->port, .connections = b->connections, .depth = b->depth, .count = b->count,
			     .hello = "use bench-jobs\r\n", .request = request, .lines = 1, .good = "INSERTED" };

	load.len = (size_t)put_line(request, sizeof(request));
	load_run(&load);
}

double beanstalkd_noop(const struct bench *b)
{
	double begin;

	bench_fork_workers(b, worker_main);
	begin = bench_now();
	put_all(b);
	return bench_rate_since(b, begin);
}

struct trip {
	struct wire put, take;
	char request[512];
	size_t len;
};

/* Puts a job; a worker answers by putting its result, which is reserved and deleted here. */
static void one_trip(void *arg)
{
	struct trip *t = arg;
	char line[64];
	unsigned long id;

	wire_send(&t->put, t->request, t->len);
	wire_line(&t->put, NULL);
	id = reserve(&t->take);
	wire_send(&t->take, line, (size_t)snprintf(line, sizeof(line), "delete %lu\r\n", id));
	wire_line(&t->take, NULL);
}

double beanstalkd_trip(const struct bench *b)
{
	struct bench with_results = *b;
	struct trip t;
	double median;

	with_results.variant = "results";
	bench_fork_workers(&with_results, worker_main);
	wire_open(&t.put, b->port);
	use_tube(&t.put, "use", "bench-jobs");
	wire_open(&t.take, b->port);
	use_tube(&t.take, "watch", "bench-results");
	use_tube(&t.take, "ignore", "default");
	t.len = (size_t)put_line(t.request, sizeof(t.request));
	median = bench_median(b->count, one_trip, &t);
	wire_close(&t.put);
	wire_close(&t.take);
	return median;
}
