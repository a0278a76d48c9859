/*
 * poolrig: a pool of real processes for the length of one test case.
 *
 * The test program is the pool's program too: main() begins with rig_worker().
 * Kinds: noop and exec, as they are; and those below, which only tests want.
 *
 *	sleep_ms   brief; args {"ms": n}; not so brief after all
 *	gate       brief; args as rig_gate says; ends once the gate is open
 *	crash      args {"signal": n}; dies by it
 *	brief_crash  the same, brief
 *	spin       computes for ever
 *	progress   tells 0.25 "a quarter", 0.5 and 2, then succeeds with "done"
 *	letters    args {"n": n}; a result of n + 2 bytes
 */
#ifndef JOBD_TEST_POOLRIG_H
#define JOBD_TEST_POOLRIG_H

#include <check.h>
#include <stdbool.h>

#include "base/buf.h"
#include "coro/coro.h"
#include "coro/loop.h"
#include "work/pool.h"

enum { RIG_MS = 1000 };		/* mono_us in one */

extern struct pool_conf rig_conf;	/* to be changed before rig_open: 2 processes, grace 200 ms, ... */
extern struct pool *rig_pool;
extern char rig_directory[];

/* In main, first: goes on only in the test itself. A worker is what rig_rogue says, where the environment names one. */
void rig_worker(int argc, char **argv, int (*rogue)(const char *how));
void rig_be_rogue(const char *how);	/* of processes to come */

/* Opens loop and pool, runs fn(NULL) in a coroutine until all have ended, closes both; nothing may be left. */
void rig_run(void (*fn)(void *arg));
/* Its steps. */
void rig_make_directory(void);		/* done by rig_open where it has not been */
void rig_open(void);
void rig_remove_directory(void);	/* with the pool's files, and one named `pid` */
void rig_loop(void (*fn)(void *arg));
void rig_close(void);

/* One task under way. */
struct rig_task {
	struct pool_task task;
	struct outcome outcome;
	int rc;
	bool started, ended;
	unsigned order;			/* it ended as the n-th */
	char where[48];
	struct buf out[2];
	int64_t told[2];		/* bytes of output told so far */
	bool keep_acks;			/* do not say that output was kept */
	struct buf progress;		/* its texts, a line each */
	struct coro *coro;
};

/* Starts a task, as soon as there is room. Free with rig_free. */
struct rig_task *rig_start(const char *type, const char *args);
struct rig_task *rig_start_with(const char *type, const char *args, bool brief, mono_us timeout);
void rig_wait(struct rig_task *t) PARKS;
void rig_wait_started(struct rig_task *t) PARKS;
void rig_free(struct rig_task **t);

/* The args of a `gate`; and the end of all that wait there. */
const char *rig_gate(void);
void rig_open_gate(void);

/* The args of a command that ends when a process of it has left its group, with the pid of that on stdout. */
#define RIG_ESCAPE \
	"{\"command\": \"f=$(mktemp -u) && mkfifo $f; setsid sh -c 'echo $$; echo >'$f'; exec sleep 1000' & read x <$f; rm $f\"}"

/* Runs one to its end: to be freed. */
struct rig_task *rig_do(const char *type, const char *args) PARKS;

/* How it ended. words: a part of the message. */
void rig_expect(const struct rig_task *t, const char *reason, const char *words);
void rig_expect_success(const struct rig_task *t);

struct pool_stats rig_stats(void);
bool rig_has_died(void *arg);		/* for rig_until: a process has */
bool rig_has_line(void *task);		/* for rig_until: its stdout ends with a newline */

/* Parks until test(arg) is true; fails the case after 5 s. */
void rig_until(bool (*test)(void *arg), void *arg) PARKS;
void rig_until_idle(void) PARKS;	/* all processes have greeted and have nothing to do */

/* The number that a command has written to its stdout. */
pid_t rig_written_pid(const struct rig_task *t);
/* The pid in "worker 1 (pid 4711)". */
pid_t rig_pid(const struct rig_task *t);
/* Is there a process, not a zombie, of that pid; of that group? */
bool rig_process_lives(pid_t pid);
bool rig_group_lives(pid_t group);

/* A member of a result. NULL, or -1, where there is none; good until the next call. */
const char *rig_result_string(const struct rig_task *t, const char *name);
int rig_result_int(const struct rig_task *t, const char *name);

#endif
