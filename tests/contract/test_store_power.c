/*
 * The SQLite back end and the power: what was acknowledged before it fails is
 * there when it is back, whatever moment it was, and the tables agree.
 *
 * Lives are lived side by side, with so much text that the log is moved into
 * the database and begun anew several times. Then the power fails at moments
 * around syncs: some by chance, or with POWER_CUTS=all at each of them.
 */
#include <stdlib.h>
#include <unistd.h>

#include "../lib/chance.h"
#include "../lib/unit.h"
#include "powervfs.h"
#include "store/audit.h"
#include "storetest.h"

enum { LIVING = 12, LIVES = 70, TEXT = 60 * 1024, JOBS = LIVING * LIVES + 1, CUTS = 12 };

/* When it was acknowledged that the job is submitted, runs, has succeeded, was deleted; 0: never. */
enum { SUBMITTED, STARTED, SUCCEEDED, DELETED, STEPS };

static size_t acknowledged[JOBS][STEPS];
static size_t now;		/* of the cut */
static char *text;

static void live(void *arg)
{
	struct job_spec from = storetest_spec();
	enum job_state state;

	(void)arg;
	from.args = text;
	for (int i = 0; i < LIVES; i++) {
		int64_t id = submit_spec(job_spec_new(&from), 0, 0);

		ck_assert_int_lt(id, JOBS);
		acknowledged[id][SUBMITTED] = powervfs_moment();
		if (i % 4 == 3)
			continue;
		ck_assert_int_eq(claim(id, 1, 2000), 0);
		acknowledged[id][STARTED] = powervfs_moment();
		if (i % 4 == 2)
			continue;
		ck_assert_int_eq(settle(id, 1, OUTCOME_SUCCEEDED, JOB_SUCCEEDED, 3000), 0);
		acknowledged[id][SUCCEEDED] = powervfs_moment();
		if (i % 4 == 1)
			continue;
		ck_assert_int_eq(store_delete(st, id, 4000, &state), 0);
		acknowledged[id][DELETED] = powervfs_moment();
	}
}

static void live_all(void)
{
	for (int i = 0; i < LIVING; i++)
		ck_assert_int_eq(coro_spawn(&storetest_group, "life", live, NULL), 0);
}

static void expect(int64_t id, bool holds, const char *what, enum job_state state)
{
	ck_assert_msg(holds, "at %zu: job %lld was %s, and is %s", now, (long long)id, what, job_state_name(state));
}

/* Steps go on: what was not acknowledged may have come about all the same. */
static void look(void)
{
	for (int64_t id = 1; id < JOBS; id++) {
		const size_t *at = acknowledged[id];
		enum job_state state;

		if (at[SUBMITTED] == 0 || at[SUBMITTED] > now)
			continue;
		state = state_of(id);
		if (at[DELETED] != 0 && at[DELETED] <= now)
			expect(id, state == JOB_NONE, "deleted", state);
		else if (at[SUCCEEDED] != 0 && at[SUCCEEDED] <= now)
			expect(id, state == JOB_SUCCEEDED || (state == JOB_NONE && at[DELETED] != 0), "through", state);
		else if (at[STARTED] != 0 && at[STARTED] <= now)
			expect(id, state == JOB_RUNNING || state == JOB_SUCCEEDED, "started", state);
		else
			expect(id, state == JOB_READY || state == JOB_RUNNING, "submitted", state);
	}
}

static void fail_at(size_t moment, bool some)
{
	now = moment;
	powervfs_fail(moment, some);
	storetest_open(&store_sqlite);
	storetest_go(look);
	storetest_close();
}

static void make_text(void)
{
	text = malloc(TEXT + 16);
	ck_assert_ptr_nonnull(text);
	memcpy(text, "{\"text\":\"", 9);
	memset(text + 9, 'x', TEXT);
	memcpy(text + 9 + TEXT, "\"}", 3);
}

START_TEST(what_was_acknowledged_outlasts_the_power)
{
	const char *cuts = getenv("POWER_CUTS");
	size_t syncs = 0, failed = 0, moment;

	powervfs_install();
	chance_seed((uint64_t)getpid());
	make_text();
	storetest_make_directory();
	storetest_open(&store_sqlite);
	storetest_close();
	powervfs_record(storetest_directory);
	storetest_open(&store_sqlite);
	storetest_go(live_all);
	storetest_close();
	powervfs_stop();
	for (moment = powervfs_next_sync(0); moment != 0; moment = powervfs_next_sync(moment))
		syncs++;
	ck_assert_uint_gt(syncs, 100);
	for (moment = powervfs_next_sync(0); moment != 0; moment = powervfs_next_sync(moment)) {
		if (cuts == NULL && chance_below((unsigned)syncs) >= CUTS)
			continue;
		failed++;
		fail_at(moment, failed % 2 == 0);
	}
	remark("seed %d: %zu of %zu moments, %zu records", (int)getpid(), failed, syncs, powervfs_moment());
	ck_assert_uint_gt(failed, 0);
	storetest_remove_directory();
	free(text);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("store_power");
	TCase *tc = tcase_create("power");

	tcase_set_timeout(tc, 0);
	tcase_add_test(tc, what_was_acknowledged_outlasts_the_power);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	return unit_run(suite());
}
