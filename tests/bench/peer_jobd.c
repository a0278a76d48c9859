#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "peers.h"
#include "wire.h"

static int submit_line(char *out, size_t size, const char *extra)
{
	return snprintf(out, size,
			"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"job.submit\",\"params\":"
			"{\"type\":\"noop\",\"args\":{\"payload\":\"%s\"}%s}}\n",
			bench_payload(), extra);
}

/* Into a paused queue: what is measured is keeping, as the others keep. */
double jobd_submit(const struct bench *b)
{
	static const char pause[] =
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"queue.pause\",\"params\":{\"name\":\"bench-paused\"}}\n";
	char request[1024];
	struct load load = { b->port, b->connections, b->depth, b->count, request, 0, 1, "*\"result\"" };
	struct wire w;

	wire_open(&w, b->port);
	wire_send(&w, pause, sizeof(pause) - 1);
	wire_line(&w, NULL);
	wire_close(&w);
	load.len = (size_t)submit_line(request, sizeof(request), ",\"queue\":\"bench-paused\"");
	return load_run(&load);
}

/* How many of the default queue's jobs have succeeded. */
static long succeeded(struct wire *w)
{
	static const char ask[] =
		"{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"job.count\",\"params\":{\"queue\":\"default\",\"state\":\"succeeded\"}}\n";
	const char *total;

	wire_send(w, ask, sizeof(ask) - 1);
	total = strstr(wire_line(w, NULL), "\"total\":");
	if (total == NULL)
		bench_die("job.count gave no total");
	return atol(total + strlen("\"total\":"));
}

double jobd_noop(const struct bench *b)
{
	char request[1024];
	struct load load = { b->port, b->connections, b->depth, b->count, request, 0, 1, "*\"result\"" };
	struct wire w;
	double begin;
	long before;

	wire_open(&w, b->port);
	load.len = (size_t)submit_line(request, sizeof(request), "");
	before = succeeded(&w);
	begin = bench_now();
	load_run(&load);
	while (succeeded(&w) < before + b->count)
		if (bench_now() - begin > 120)
			bench_die("the jobs do not end");
	begin = bench_now() - begin;
	wire_close(&w);
	return b->count / begin;
}

struct trip {
	struct wire wire;
	char request[1024];
	size_t len;
};

static void one_trip(void *arg)
{
	struct trip *t = arg;

	wire_send(&t->wire, t->request, t->len);
	if (strstr(wire_line(&t->wire, NULL), "\"succeeded\"") == NULL)
		bench_die("the job did not succeed");
}

double jobd_trip(const struct bench *b)
{
	struct trip t;
	double median;

	wire_open(&t.wire, b->port);
	t.len = (size_t)submit_line(t.request, sizeof(t.request), ",\"wait\":30");
	median = bench_median(b->count, one_trip, &t);
	wire_close(&t.wire);
	return median;
}
