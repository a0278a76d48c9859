#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "peers.h"
#include "wire.h"

enum { REQUEST_MAX = 1024 };

static int submit_line(char *out, const char *type, const char *args, const char *extra)
{
	return snprintf(out, REQUEST_MAX,
			"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"job.submit\",\"params\":{\"type\":\"%s\",\"args\":%s%s}}\n",
			type, args, extra);
}

static int noop_line(char *out, const char *extra)
{
	char args[REQUEST_MAX / 2];

	snprintf(args, sizeof(args), "{\"payload\":\"%s\"}", bench_payload());
	return submit_line(out, "noop", args, extra);
}

static double submit(const struct bench *b, const char *request, size_t len)
{
	struct load load = { .port = b->port, .connections = b->connections, .depth = b->depth, .count = b->count,
			     .request = request, .len = len, .lines = 1, .good = "*\"result\"" };

	return load_run(&load);
}

/* A request whose answer matters only in that it is a result. */
static void call(const struct bench *b, const char *method, const char *params)
{
	char line[REQUEST_MAX];
	struct wire w;

	wire_open(&w, b->port);
	wire_send(&w, line, (size_t)snprintf(line, sizeof(line), "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"%s\",\"params\":%s}\n",
					     method, params));
	if (strstr(wire_line(&w, NULL), "\"result\"") == NULL)
		bench_die("%s was refused", method);
	wire_close(&w);
}

/* Into a paused queue: what is measured is keeping, as the others keep. */
double jobd_submit(const struct bench *b)
{
	char request[REQUEST_MAX];

	call(b, "queue.pause", "{\"name\":\"bench-paused\"}");
	return submit(b, request, (size_t)noop_line(request, ",\"queue\":\"bench-paused\""));
}

/* How many of a queue's jobs have succeeded. */
static long succeeded(struct wire *w, const char *queue)
{
	char line[REQUEST_MAX];
	const char *total;

	wire_send(w, line, (size_t)snprintf(line, sizeof(line),
					    "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"job.count\",\"params\":"
					    "{\"queue\":\"%s\",\"state\":\"succeeded\"}}\n", queue));
	total = strstr(wire_line(w, NULL), "\"total\":");
	if (total == NULL)
		bench_die("job.count gave no total");
	return atol(total + strlen("\"total\":"));
}

/* Jobs a second, from the first submit to the last end. */
static double run(const struct bench *b, const char *queue, const char *request, size_t len)
{
	struct wire w;
	double begin;
	long before;

	wire_open(&w, b->port);
	before = succeeded(&w, queue);
	begin = bench_now();
	submit(b, request, len);
	for (; succeeded(&w, queue) < before + b->count; bench_pause())
		if (bench_now() - begin > 120)
			bench_die("the jobs do not end");
	begin = bench_now() - begin;
	wire_close(&w);
	return b->count / begin;
}

double jobd_noop(const struct bench *b)
{
	char request[REQUEST_MAX];

	return run(b, "default", request, (size_t)noop_line(request, ""));
}

double jobd_exec(const struct bench *b)
{
	char request[REQUEST_MAX];

	return run(b, "bench-exec", request,
		   (size_t)submit_line(request, "exec", "{\"argv\":[\"/bin/true\"]}", ",\"queue\":\"bench-exec\""));
}

/* The queue keeps as many in flight as there are workers. */
double jobd_http(const struct bench *b)
{
	char request[REQUEST_MAX], text[REQUEST_MAX / 2];

	snprintf(text, sizeof(text), "{\"name\":\"bench-http\",\"concurrency\":%d}", b->workers);
	call(b, "queue.set", text);
	snprintf(text, sizeof(text), "{\"url\":\"%s\"}", b->variant);
	return run(b, "bench-http", request, (size_t)submit_line(request, "http", text, ",\"queue\":\"bench-http\""));
}

struct trip {
	struct wire wire;
	char request[REQUEST_MAX];
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
	t.len = (size_t)noop_line(t.request, ",\"wait\":30");
	median = bench_median(b->count, one_trip, &t);
	wire_close(&t.wire);
	return median;
}
