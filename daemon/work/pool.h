/*
 * pool: processes that count, spawned ahead of need, and who runs what.
 *
 * Each is `jobd --worker`, exec'ed with one end of a socketpair as fd 3, and
 * runs one job at a time. A process that ends is replaced; one that dies at
 * once again and again is throttled. Jobs that are known to be short may lie
 * prefetched at a process (taken back by a compare-and-swap in shared memory
 * as long as it has not begun them), so that the next starts without a round trip.
 */
#ifndef JOBD_POOL_H
#define JOBD_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "coro/coro.h"
#include "kinds/outcome.h"

struct pool;

struct pool_conf {
	unsigned processes;
	int nice;
	mono_us kill_grace;		/* from SIGTERM to SIGKILL */
	unsigned jobs_per_process;	/* then a fresh one; 0 = never */
	const char *program;		/* this very binary, to exec with --worker */
	const char *directory;		/* of the state: the pool keeps its lock and its table of groups there */
	size_t output_bytes;		/* kept per stream and attempt; the rest is counted only */
	size_t result_bytes;		/* a longer result fails the attempt (`too_large`) */
	unsigned long long open_files;	/* the soft limit for commands; 0: what the daemon's is at pool_open */
};

/*
 * Waits for the processes of a killed predecessor on the same directory, kills
 * what is left of their commands' groups, then spawns. Before the loop runs.
 * 0, or -errno with a sentence.
 *
 * Commands get the limit of open files that holds now: raise it afterwards.
 * From here on the pool reaps every child of this process, and those it adopts
 * (PR_SET_CHILD_SUBREAPER): nobody else may wait for children by their pid.
 */
int pool_open(const struct pool_conf *conf, struct pool **out, char *why, size_t why_size);

/* Told on the loop's own stack whenever pool_room may have grown. */
void pool_on_room(struct pool *p, void (*fn)(void *arg), void *arg);

/* How many more tasks can be taken now: by free processes, and, where brief, prefetched. */
unsigned pool_room(const struct pool *p, bool brief);

/* New values for nice, kill_grace, jobs_per_process and processes: for processes to come. */
void pool_reconfigure(struct pool *p, const struct pool_conf *conf);

/* Ends all processes, frees. No pool_run may be parked in it; the loop is still open. */
void pool_close(struct pool **p);

/* ---- one attempt ---- */

struct pool_task {
	int64_t id;
	int attempt;
	const char *type;
	const char *args;		/* JSON text; borrowed while pool_run parks */
	size_t args_len;
	mono_us timeout;		/* from its start; 0 = none */
	bool brief;			/* may be prefetched */
	/* Called on the loop's own stack or in the parked coroutine's turn; may not park. All may be NULL. */
	void (*started)(void *arg, const char *where);	/* it has begun: "worker 1 (pid 4711)" */
	/* A piece of output, in order; consumed when pool_output_done is called for it: what waits is bounded. */
	void (*output)(void *arg, int stream, int64_t offset, const void *data, size_t len);
	void (*progress)(void *arg, const char *json, size_t len);
	void *arg;
	/* out */
	int64_t output_bytes[2];	/* produced in all: stdout, stderr */
	struct pool_slot *slot;		/* the pool's own */
};

/* `len` bytes handed to task->output have been kept: the command may produce that much more. */
void pool_output_done(struct pool_task *task, size_t len);

/*
 * Runs it and waits for its end. *out is the attempt's outcome: a timeout, a
 * process that died (`worker_lost`), all are outcomes. Returns 0; or -ECANCELED
 * after a cancel: what ran was stopped (SIGTERM to its process group, SIGKILL
 * after kill_grace, the rest of the group too) and is gone, or never began;
 * -EAGAIN if there is no room.
 */
int pool_run(struct pool *p, struct pool_task *task, struct outcome *out) PARKS;

struct pool_stats {
	unsigned processes, busy, idle, starting, throttled;
	uint64_t spawned, died;		/* since open */
};

void pool_stats(const struct pool *p, struct pool_stats *out);

/* The whole life of `jobd --worker`: returns the process's exit status. */
int worker_main(int argc, char **argv);

#endif
