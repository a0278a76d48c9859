/* peers: the same work asked of jobd and of others, each in its own protocol. All return a rate or a time. */
#ifndef BENCH_PEERS_H
#define BENCH_PEERS_H

#include <stddef.h>

enum { BENCH_JOB_BYTES = 300 };		/* of payload, in every peer's jobs */

struct bench {
	int port;
	int connections, depth, count, workers;
	const char *variant;
};

/* Durable submits a second. */
double jobd_submit(const struct bench *b);
double beanstalkd_submit(const struct bench *b);
double redis_submit(const struct bench *b);		/* variant: xadd, lpush */
double sqlite_submit(const struct bench *b);		/* variant: the database's path */

/* Jobs a second that do nothing, from the first submit to the last end. */
double jobd_noop(const struct bench *b);
double beanstalkd_noop(const struct bench *b);		/* variant "results": each result is put back as a job */
double gearman_noop(const struct bench *b);
double redis_noop(const struct bench *b);		/* a list, from which the workers pop */

/* Commands a second; so many at once as there are workers. */
double jobd_exec(const struct bench *b);
double spawn_exec(const struct bench *b);

/* Web requests a second, each a job; so many at once as there are workers. variant: the address */
double jobd_http(const struct bench *b);

/* One job at a time, submit → result: microseconds, the median. */
double jobd_trip(const struct bench *b);
double beanstalkd_trip(const struct bench *b);
double gearman_trip(const struct bench *b);

/* ---- shared ---- */

/* The payload, as text without anything to escape. */
const char *bench_payload(void);
/* Runs one(arg) count times; the median of its times in microseconds. */
double bench_median(int count, void (*one)(void *arg), void *arg);
/* Jobs done by all workers, in shared memory. */
extern _Atomic long *bench_done;
/* Forks b->workers children that run main(b) for ever; the pids are kept and killed by bench_end_workers. */
void bench_fork_workers(const struct bench *b, void (*main)(const struct bench *b));
/* Waits until the workers have done all; jobs a second since then. */
double bench_rate_since(const struct bench *b, double begin);
void bench_end_workers(void);

#endif
