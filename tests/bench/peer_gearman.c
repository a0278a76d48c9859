/* Gearman's binary protocol: magic, type, length, all big-endian; arguments parted by NULs. */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "peers.h"
#include "wire.h"

enum {
	CAN_DO = 1, PRE_SLEEP = 4, NOOP = 6, SUBMIT_JOB = 7, JOB_CREATED = 8, GRAB_JOB = 9, NO_JOB = 10, JOB_ASSIGN = 11,
	WORK_COMPLETE = 13, SUBMIT_JOB_BG = 18
};

struct packet {
	int type;
	size_t len;
	const char *body;
};

static size_t packet_put(char *out, int type, const void *body, size_t len)
{
	uint32_t head[2] = { htonl((uint32_t)type), htonl((uint32_t)len) };

	memcpy(out, "\0REQ", 4);
	memcpy(out + 4, head, sizeof(head));
	memcpy(out + 12, body, len);
	return 12 + len;
}

static void packet_send(struct wire *w, int type, const void *body, size_t len)
{
	char out[1024];

	wire_send(w, out, packet_put(out, type, body, len));
}

static struct packet packet_read(struct wire *w)
{
	uint32_t head[3];
	struct packet p;

	memcpy(head, wire_bytes(w, 12), sizeof(head));
	p.type = (int)ntohl(head[1]);
	p.len = ntohl(head[2]);
	p.body = p.len > 0 ? wire_bytes(w, p.len) : "";
	return p;
}

/* WORK_COMPLETE with the job's handle and its payload as the result. */
static void complete(struct wire *w, const char *handle)
{
	char body[BENCH_JOB_BYTES + 128];
	size_t len = strlen(handle) + 1;

	memcpy(body, handle, len);
	memcpy(body + len, bench_payload(), BENCH_JOB_BYTES);
	packet_send(w, WORK_COMPLETE, body, len + BENCH_JOB_BYTES);
}

static void worker_main(const struct bench *b)
{
	struct wire w;

	wire_open(&w, b->port);
	packet_send(&w, CAN_DO, "bench", 5);
	for (;;) {
		struct packet p;

		packet_send(&w, GRAB_JOB, "", 0);
		while ((p = packet_read(&w)).type == NOOP)
			continue;
		if (p.type == JOB_ASSIGN) {
			char handle[128];

			strncpy(handle, p.body, sizeof(handle) - 1);
			handle[sizeof(handle) - 1] = '\0';
			complete(&w, handle);
			++*bench_done;
		} else {
			packet_send(&w, PRE_SLEEP, "", 0);
			while (packet_read(&w).type != NOOP)
				continue;
		}
	}
}

/* function NUL unique NUL payload; without a unique part each job is its own. */
static size_t submit_body(char *out)
{
	memcpy(out, "bench\0\0", 7);
	memcpy(out + 7, bench_payload(), BENCH_JOB_BYTES);
	return 7 + BENCH_JOB_BYTES;
}

double gearman_noop(const struct bench *b)
{
	char body[512], one[600];
	size_t len = packet_put(one, SUBMIT_JOB_BG, body, submit_body(body));
	char *all = malloc(len * (size_t)b->depth);
	struct wire w;
	double begin;

	if (all == NULL)
		bench_die("out of memory");
	for (int i = 0; i < b->depth; i++)
		memcpy(all + (size_t)i * len, one, len);
	bench_fork_workers(b, worker_main);
	wire_open(&w, b->port);
	begin = bench_now();
	for (int sent = 0; sent < b->count;) {
		int n = b->count - sent < b->depth ? b->count - sent : b->depth;

		wire_send(&w, all, (size_t)n * len);
		for (int i = 0; i < n; i++)
			packet_read(&w);
		sent += n;
	}
	wire_close(&w);
	free(all);
	return bench_rate_since(b, begin);
}

struct trip {
	struct wire wire;
	char body[512];
	size_t len;
};

static void one_trip(void *arg)
{
	struct trip *t = arg;

	packet_send(&t->wire, SUBMIT_JOB, t->body, t->len);
	while (packet_read(&t->wire).type != WORK_COMPLETE)
		continue;
}

double gearman_trip(const struct bench *b)
{
	struct trip t;
	double median;

	bench_fork_workers(b, worker_main);
	wire_open(&t.wire, b->port);
	t.len = submit_body(t.body);
	median = bench_median(b->count, one_trip, &t);
	wire_close(&t.wire);
	return median;
}
