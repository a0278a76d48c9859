#include <stdio.h>
#include <string.h>

#include "peers.h"
#include "wire.h"

/* What earlier rounds put there is gone first, outside of what is timed: redis holds it in memory. */
static void forget(const struct bench *b)
{
	static const char del[] = "DEL bench1 bench2 bench3\r\n";
	struct wire w;

	wire_open(&w, b->port);
	wire_send(&w, del, sizeof(del) - 1);
	wire_line(&w, NULL);
	wire_close(&w);
}

static int lpush(char *out, size_t size, const char *list)
{
	return snprintf(out, size, "*3\r\n$5\r\nLPUSH\r\n$6\r\n%s\r\n$%d\r\n%s\r\n", list, BENCH_JOB_BYTES, bench_payload());
}

static int xadd(char *out, size_t size)
{
	return snprintf(out, size, "*5\r\n$4\r\nXADD\r\n$6\r\nbench1\r\n$1\r\n*\r\n$1\r\nj\r\n$%d\r\n%s\r\n", BENCH_JOB_BYTES,
			bench_payload());
}

double redis_submit(const struct bench *b)
{
	char request[1024];
	bool stream = strcmp(b->variant, "xadd") == 0;
	struct load load = { .port = b->port, .connections = b->connections, .depth = b->depth, .count = b->count,
			     .request = request, .lines = stream ? 2 : 1, .good = stream ? "" : ":" };

	forget(b);
	load.len = (size_t)(stream ? xadd(request, sizeof(request)) : lpush(request, sizeof(request), "bench2"));
	return load_run(&load);
}

/* An answer is an array of the list's name and the payload, each after a line with its length. */
static void worker_main(const struct bench *b)
{
	static const char pop[] = "BRPOP bench3 0\r\n";
	struct wire w;

	wire_open(&w, b->port);
	for (;;) {
		wire_send(&w, pop, sizeof(pop) - 1);
		for (int line = 0; line < 5; line++)
			wire_line(&w, NULL);
		++*bench_done;
	}
}

double redis_noop(const struct bench *b)
{
	char request[1024];
	struct load load = { .port = b->port, .connections = b->connections, .depth = b->depth, .count = b->count,
			     .request = request, .lines = 1, .good = ":" };
	double begin;

	forget(b);
	load.len = (size_t)lpush(request, sizeof(request), "bench3");
	bench_fork_workers(b, worker_main);
	begin = bench_now();
	load_run(&load);
	return bench_rate_since(b, begin);
}
