#include <stdio.h>
#include <string.h>

#include "peers.h"
#include "wire.h"

double redis_submit(const struct bench *b)
{
	char request[1024];
	bool xadd = strcmp(b->variant, "xadd") == 0;
	struct load load = { b->port, b->connections, b->depth, b->count, request, 0, xadd ? 2 : 1, xadd ? "" : ":" };

	if (xadd)
		load.len = (size_t)snprintf(request, sizeof(request),
					    "*5\r\n$4\r\nXADD\r\n$6\r\nbench1\r\n$1\r\n*\r\n$1\r\nj\r\n$%d\r\n%s\r\n", BENCH_JOB_BYTES,
					    bench_payload());
	else
		load.len = (size_t)snprintf(request, sizeof(request), "*3\r\n$5\r\nLPUSH\r\n$6\r\nbench2\r\n$%d\r\n%s\r\n",
					    BENCH_JOB_BYTES, bench_payload());
	return load_run(&load);
}
