/*
 * storetest: a store of either back end for the length of one test case, and a
 * model of it that follows the stream of changes.
 *
 * The model checks what every stream must hold: numbers grow, each change
 * begins where the job's last one ended, and only moves that the table of
 * states allows. At the end of each case (and whenever a test asks) the model,
 * the kept counts and a full list must agree.
 */
#ifndef JOBD_TEST_STORETEST_H
#define JOBD_TEST_STORETEST_H

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "coro/coro.h"
#include "coro/loop.h"
#include "store/store.h"

enum { STORETEST_CHANGES = 1 << 17, STORETEST_JOBS = 1 << 16 };

/* One change, as it was told. */
struct told {
	uint64_t seq;
	int64_t id;
	enum job_state from, to;
	int attempt;
	char queue[16], type[16], reason[16];
	bool spec;
};

extern struct store *st;
extern struct coro_group storetest_group;
extern struct told told[STORETEST_CHANGES];
extern size_t told_n;
extern enum job_state model[STORETEST_JOBS];		/* by id */
extern char storetest_directory[256];
extern struct store_conf storetest_conf;		/* retain 1 hour, 1,000,000 */
extern const struct store_backend *const storetest_backends[2];

/* Called after each change, if set. */
extern void (*storetest_on_change)(const struct job_change *change);
extern void (*storetest_on_schedule)(const struct schedule_change *change);
extern int storetest_queue_changes, storetest_unresolved, storetest_unfilled;
extern char storetest_queue[16];
extern struct queue_row storetest_queue_row;		/* its name is storetest_queue */

/* A case of its own for each back end; its body runs in a coroutine, on an empty store. */
#define STORE_TEST(name) \
	static void name##_body(void); \
	START_TEST(name) \
	{ \
		storetest_run(storetest_backends[_i], name##_body); \
	} \
	END_TEST \
	static void name##_body(void)

/* The same for SQLite only. */
#define SQLITE_TEST(name) \
	static void name##_body(void); \
	START_TEST(name) \
	{ \
		storetest_run(&store_sqlite, name##_body); \
	} \
	END_TEST \
	static void name##_body(void)

void storetest_run(const struct store_backend *backend, void (*body)(void));

/* In pieces, for tests that come and go: the directory; the loop; the store. */
void storetest_make_directory(void);
void storetest_remove_directory(void);
/* Opens on the directory there is; the model begins from the store's counts. STORE_OPEN_OK or the test fails. */
void storetest_open(const struct store_backend *backend);
enum store_open_result storetest_try_open(const struct store_backend *backend, char *why, size_t why_size);
void storetest_close(void);
/* Runs body in a coroutine until all have returned. */
void storetest_go(void (*body)(void));

/* Model, counts and list agree. */
void storetest_agree(void);

static inline void add_store_test(TCase *tc, const TTest *test)
{
	tcase_add_loop_test(tc, test, 0, 2);
}

/* A comment among the TAP lines. */
void remark(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* ---- short ways to say it ---- */

/* A spec of queue "q", type "t", args {}; a change of its members before job_spec_new makes others. */
struct job_spec storetest_spec(void);
struct job_spec *new_spec(const char *queue, const char *type);
struct job_spec *new_keyed_spec(const char *key);

int64_t submit(void);					/* a ready job */
int64_t submit_spec(struct job_spec *spec, int priority, wall_ms run_at);	/* takes the spec over */
int64_t submit_at(wall_ms run_at);
int64_t submit_expiring(wall_ms expires_at, wall_ms run_at, bool hold);
int claim(int64_t id, int attempt, wall_ms at);
struct settlement settlement(int64_t id, int attempt, enum outcome_kind outcome, enum job_state next, wall_ms at);
int settle(int64_t id, int attempt, enum outcome_kind outcome, enum job_state next, wall_ms at);
int pause_queue(const char *name, bool paused);
void succeed(int64_t id, wall_ms at);			/* claims and settles attempt 1 */
enum job_state state_of(int64_t id);			/* by store_get; JOB_NONE: there is no such job */

#endif
