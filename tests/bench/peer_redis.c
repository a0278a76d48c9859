#include <stdio.h>
#include <string.h>

#include "peers.h"
#include "wire.h"

/* What earlier rounds put there is gone first, outside of what is timed: redis holds it in memory. */
static void forget(const struct bench *b)
{
	static const char del[] = "DEL bench1 bench2\r\n";
	struct wire w;

	wire_open(&w, b->port);
	wire_send(&w, del, sizeof(del) - 1);
	wire_line(&w, NULL);
	wire_close(&w);
}

double redis_submit(const struct bench *b)
{
	char request[1024];
	bool xadd = strcmp(b->variant, "xadd") == 0;
	struct load load = { .port = b->port, .connections = b->connections, .depth = b->depth, .count = b->count,
			     .request = request, .lines = xadd ? 2 : 1, .good = xadd ? "" : ":" };

	forget(b);
	if (xadd)
		load.len = (size_t)snprintf(request, sizeof(request),
					    "*5\r\n$4\r\nXADD\r\n$6\r\nbench1\r\n$1\r\n*\r\n$1\r\nj\r\n$%d\r\n%s\r\n", BENCH_JOB_BYTES,
					    bench_payload());
	else
		load.len = (size_t)snprintf(request, sizeof(request), "*3\r\n$5\r\nLPUSH\r\n$6\r\nbench2\r\n$%d\r\n%s\r\n",
					    BENCH_JOB_BYTES, bench_payload());
	return load_run(&load);
}
