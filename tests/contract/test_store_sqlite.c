/* The SQLite back end beyond the common contract: what outlives it, and how it searches. */
#include <signal.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../lib/unit.h"
#include "config.h"
#include "store/sqlite_sql.h"
#include "sqlitetables.h"
#include "storetest.h"

static int64_t kept_id, deleted_id;
static uint64_t kept_seq;

static void reopen(void)
{
	storetest_close();
	storetest_open(&store_sqlite);
}

/* ---- what it tells ---- */

static uint64_t first_turn, last_turn;

static void take_long_to_hear(const struct job_change *change)
{
	mono_us until = clock_after(100);
	struct loop_stats stats;

	(void)change;
	loop_stats(&stats);
	if (first_turn == 0)
		first_turn = stats.turns;
	last_turn = stats.turns;
	while (clock_mono() < until)
		;
}

/* A call's changes are told in slices, of some milliseconds each; it ends when all have been. */
SQLITE_TEST(many_changes_do_not_hold_the_loop)
{
	enum { MANY = 200 };
	struct submission v[MANY];
	size_t at;

	memset(v, 0, sizeof(v));
	for (int i = 0; i < MANY; i++)
		v[i].spec = new_spec("q", "t");
	storetest_on_change = take_long_to_hear;
	ck_assert_int_eq(store_submit(st, v, MANY, 1000, &at), 0);
	storetest_on_change = NULL;
	ck_assert_uint_eq(told_n, MANY);
	ck_assert_uint_gt(last_turn, first_turn + 2);
	for (int i = 0; i < MANY; i++)
		job_spec_unref(&v[i].spec);
	storetest_agree();
}

/* ---- what outlives it ---- */

static void leave_jobs_behind(void)
{
	struct job_spec from = storetest_spec();

	from.args = "{\"a\":1}";
	from.tags = "{\"x\":\"y\"}";
	submit_spec(job_spec_new(&from), 3, 0);
	submit_at(9000);
	kept_id = submit();
	ck_assert_int_eq(claim(kept_id, 1, 2000), 0);
	ck_assert_int_eq(store_output_append(st, kept_id, 1, 0, 0, "out", 3), 0);
	ck_assert_int_eq(pause_queue("q", true), 0);
	kept_seq = told[told_n - 1].seq;
}

static void find_jobs_again(void)
{
	struct job_record record;
	struct output_page page;

	ck_assert_int_eq(storetest_queue_changes, 1);		/* told at open */
	ck_assert_str_eq(storetest_queue, "q");
	ck_assert(storetest_queue_row.paused);
	ck_assert_int_eq(store_get(st, 1, &record), 0);
	ck_assert_int_eq(record.row.priority, 3);
	ck_assert_str_eq(record.row.spec->args, "{\"a\":1}");
	ck_assert_str_eq(record.row.spec->tags, "{\"x\":\"y\"}");
	job_record_free(&record);
	ck_assert_int_eq(state_of(2), JOB_SCHEDULED);
	ck_assert_int_eq(state_of(kept_id), JOB_RUNNING);
	ck_assert_int_eq(store_output_read(st, kept_id, 1, 0, 0, 10, &page), 0);
	ck_assert_uint_eq(page.len, 3);
	free(page.data);
	ck_assert_int_gt(submit(), kept_id);
	ck_assert_uint_gt(told[told_n - 1].seq, kept_seq);
	storetest_agree();
}

START_TEST(all_is_there_after_a_restart)
{
	storetest_make_directory();
	storetest_open(&store_sqlite);
	storetest_go(leave_jobs_behind);
	reopen();
	storetest_go(find_jobs_again);
	storetest_close();
	storetest_remove_directory();
}
END_TEST

static void delete_the_last(void)
{
	enum job_state state;

	deleted_id = submit();
	ck_assert_int_eq(store_cancel(st, deleted_id, 2000, &state), 0);
	ck_assert_int_eq(store_delete(st, deleted_id, 2000, &state), 0);
}

static void prune_the_last(void)
{
	enum job_state state;
	size_t removed;
	wall_ms next;

	ck_assert_int_gt(submit(), deleted_id);
	deleted_id = submit();
	ck_assert_int_eq(store_cancel(st, deleted_id, 2000, &state), 0);
	ck_assert_int_eq(store_prune(st, 2000 + storetest_conf.retain, 10, &next, &removed), 0);
	ck_assert_uint_eq(removed, 1);
}

static void submit_one_more(void)
{
	ck_assert_int_gt(submit(), deleted_id);
}

START_TEST(ids_are_never_used_again)
{
	storetest_make_directory();
	storetest_open(&store_sqlite);
	storetest_go(delete_the_last);
	reopen();
	storetest_go(prune_the_last);
	reopen();
	storetest_go(submit_one_more);
	storetest_close();
	storetest_remove_directory();
}
END_TEST

static void change_something(void)
{
	submit();
	if (kept_seq > 0)
		ck_assert_uint_gt(told[0].seq, kept_seq);
	kept_seq = told[told_n - 1].seq;
}

START_TEST(event_numbers_grow_across_restarts)
{
	storetest_make_directory();
	storetest_open(&store_sqlite);
	for (int i = 0; i < 4; i++) {
		storetest_go(change_something);
		reopen();
	}
	storetest_close();
	storetest_remove_directory();
}
END_TEST

/* ---- damage met later ---- */

static int answers[4];

static void claim_aside(void *arg)
{
	int i = (int)(intptr_t)arg;
	struct claim c = { .id = i + 1, .attempt = 1, .started_at = 2000, .where = "here" };
	struct job_spec *spec = NULL;

	answers[i] = store_claim(st, &c, &spec);
	job_spec_unref(&spec);
}

static void submit_four(void)
{
	for (int i = 0; i < 4; i++)
		submit();
}

static void claim_four_at_once(void)
{
	struct job_record record;

	for (intptr_t i = 0; i < 4; i++)
		ck_assert_int_eq(coro_spawn(&storetest_group, "claim", claim_aside, (void *)i), 0);
	while (storetest_group.count > 1)
		coro_yield();
	ck_assert_int_eq(store_get(st, 3, &record), -EIO);
	ck_assert_int_eq(state_of(4), JOB_RUNNING);
	ck_assert_int_eq(submit(), 5);
}

/* Takes a job's spec away behind the store's back. */
static void take_spec_away(void)
{
	char path[512];
	sqlite3 *h;

	snprintf(path, sizeof(path), "%s/jobd.db", storetest_directory);
	ck_assert_int_eq(sqlite3_open(path, &h), SQLITE_OK);
	ck_assert_int_eq(sqlite3_exec(h, "DELETE FROM spec WHERE id = 3", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(h);
}

START_TEST(a_damaged_job_spoils_no_other)
{
	storetest_make_directory();
	storetest_open(&store_sqlite);
	storetest_go(submit_four);
	storetest_close();
	take_spec_away();
	storetest_open(&store_sqlite);
	storetest_go(claim_four_at_once);
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(answers[i], i == 2 ? -EIO : 0);
	store_close(&st);	/* its tables do not agree: storetest_close would say so */
	storetest_remove_directory();
}
END_TEST

/* ---- kill -9 ---- */

static int reports = -1;

static void report_acknowledged(void *arg)
{
	(void)arg;
	for (;;) {
		int64_t id = submit();

		if (write(reports, &id, sizeof(id)) != sizeof(id))
			_exit(1);
		succeed(id, 3000);
		id = -id;
		if (write(reports, &id, sizeof(id)) != sizeof(id))
			_exit(1);
	}
}

static void report_for_ever(void)
{
	for (int i = 0; i < 32; i++)
		ck_assert_int_eq(coro_spawn(&storetest_group, "report", report_acknowledged, NULL), 0);
}

/* Every id that was acknowledged is there, and has ended if its end was (a negative id). */
static int64_t acknowledged[3 * (800 + 8192)];		/* a round: those waited for, and what a pipe may hold */
static size_t acknowledged_n;

static void check_acknowledged(void)
{
	for (size_t i = 0; i < acknowledged_n; i++) {
		enum job_state state = state_of(acknowledged[i] > 0 ? acknowledged[i] : -acknowledged[i]);

		ck_assert_int_ne(state, JOB_NONE);
		if (acknowledged[i] < 0)
			ck_assert_int_eq(state, JOB_SUCCEEDED);
	}
	storetest_agree();
}

static void child_until_killed(int out)
{
	reports = out;
	storetest_open(&store_sqlite);
	storetest_go(report_for_ever);
}

START_TEST(what_was_acknowledged_survives_a_kill)
{
	int pipes[2], status;
	pid_t child;

	storetest_make_directory();
	for (int round = 0; round < 3; round++) {
		size_t want = acknowledged_n + 800;

		ck_assert_int_eq(pipe(pipes), 0);
		child = fork();
		if (child == 0) {
			close(pipes[0]);
			child_until_killed(pipes[1]);
			_exit(1);
		}
		close(pipes[1]);
		while (acknowledged_n < want && read(pipes[0], &acknowledged[acknowledged_n], sizeof(int64_t)) == sizeof(int64_t))
			acknowledged_n++;
		ck_assert_uint_eq(acknowledged_n, want);
		kill(child, SIGKILL);
		while (read(pipes[0], &acknowledged[acknowledged_n], sizeof(int64_t)) == sizeof(int64_t))
			acknowledged_n++;
		close(pipes[0]);
		ck_assert_int_eq(waitpid(child, &status, 0), child);
		ck_assert(WIFSIGNALED(status));
		storetest_open(&store_sqlite);
		storetest_go(check_acknowledged);
		storetest_close();
	}
	storetest_remove_directory();
}
END_TEST

/* ---- searches ---- */

#define STATEMENT_TEXT(name, text) text,
static const char *const statements[] = { SQLITE_STATEMENTS(STATEMENT_TEXT) };

/* Small tables, and an index's first row. */
static bool may_scan(const char *detail)
{
	return strcmp(detail, "SCAN lane") == 0 || strcmp(detail, "SCAN queue") == 0 || strcmp(detail, "SCAN schedule") == 0 ||
	       strcmp(detail, "SCAN flow") == 0 ||
	       strcmp(detail, "SCAN job USING INDEX job_final") == 0;
}

START_TEST(no_statement_walks_a_table_or_sorts)
{
	char explain[2048];
	sqlite3 *h;

	ck_assert_int_eq(sqlite3_open(":memory:", &h), SQLITE_OK);
	for (int v = 0; v < SQLITE_VERSION_NOW; v++)
		ck_assert_int_eq(sqlite3_exec(h, sqlite_migrations[v], NULL, NULL, NULL), SQLITE_OK);
	for (size_t i = 0; i < sizeof(statements) / sizeof(statements[0]); i++) {
		sqlite3_stmt *stmt;

		if (strncmp(statements[i], "PRAGMA", 6) == 0)
			continue;
		snprintf(explain, sizeof(explain), "EXPLAIN QUERY PLAN %s", statements[i]);
		ck_assert_msg(sqlite3_prepare_v2(h, explain, -1, &stmt, NULL) == SQLITE_OK, "%s: %s", statements[i],
			      sqlite3_errmsg(h));
		while (sqlite3_step(stmt) == SQLITE_ROW) {
			const char *detail = (const char *)sqlite3_column_text(stmt, 3);

			ck_assert_msg(strstr(detail, "TEMP B-TREE") == NULL, "%s: %s", statements[i], detail);
			ck_assert_msg(strncmp(detail, "SCAN", 4) != 0 || may_scan(detail), "%s: %s", statements[i], detail);
		}
		sqlite3_finalize(stmt);
	}
	sqlite3_close(h);
}
END_TEST

/* ---- blocks of ids ---- */

enum {
#ifdef JOBD_SANITIZED
	WAVES = 20,
#else
	WAVES = 40,
#endif
	WAVE = 500, ASIDE = 125
};

static struct submission wave[WAVE];

/* Every ASIDE-th of the wave, from the n-th on; as many beside each other share a commit. */
static void live_aside(void *arg)
{
	for (size_t i = (size_t)(intptr_t)arg; i < WAVE; i += ASIDE) {
		ck_assert_int_eq(claim(wave[i].id, 1, 2000), 0);
		ck_assert_int_eq(settle(wave[i].id, 1, OUTCOME_SUCCEEDED, JOB_SUCCEEDED, 3000), 0);
	}
}

/* Each wave of jobs comes, is done, and the next one comes. */
static void live_in_waves(void)
{
	struct job_spec *spec = new_spec("q", "t");
	size_t at;

	for (int n = 0; n < WAVES; n++) {
		for (int i = 0; i < WAVE; i++)
			wave[i] = (struct submission){ .spec = spec };
		ck_assert_int_eq(store_submit(st, wave, WAVE, 1000, &at), 0);
		for (intptr_t i = 0; i < ASIDE; i++)
			ck_assert_int_eq(coro_spawn(&storetest_group, "life", live_aside, (void *)i), 0);
		while (storetest_group.count > 1)
			coro_yield();
	}
	job_spec_unref(&spec);
}

static void prune_all(void)
{
	wall_ms next;
	size_t removed;

	do
		ck_assert_int_eq(store_prune(st, INT64_MAX / 2, 1000, &next, &removed), 0);
	while (removed > 0);
}

static int64_t count_rows(const char *table)
{
	char sql[80];

	snprintf(sql, sizeof(sql), "SELECT count(*) FROM %s", table);
	return sqlitetables_number(storetest_directory, sql);
}

/* But for the blocks touched last, what is said of them comes to hold again. */
static void what_ran_need_not_be_looked_at_for_ever(void)
{
	live_in_waves();
	ck_assert_int_le(count_rows("running"), 129);
	prune_all();
	ck_assert_int_eq(count_rows("job"), 0);
	ck_assert_int_le(count_rows("running"), 129);
}

START_TEST(what_is_said_of_blocks_comes_to_hold)
{
	storetest_run(&store_sqlite, what_ran_need_not_be_looked_at_for_ever);
}
END_TEST

/* What an older state says of tags and of running jobs, it says by the block now. */
START_TEST(blocks_of_an_older_state)
{
	sqlite3 *h;
	int64_t wrong = -1;
	sqlite3_stmt *stmt;

	ck_assert_int_eq(sqlite3_open(":memory:", &h), SQLITE_OK);
	for (int v = 0; v < SQLITE_VERSION_NOW; v++) {
		if (strstr(sqlite_migrations[v], "CREATE TABLE block") != NULL)
			ck_assert_int_eq(sqlite3_exec(h, "INSERT INTO job(id, lane, state, priority, attempt, excused,"
							 " interruptions, outcome, said, once, retain, submitted_at, run_at,"
							 " expires_at, started_at, finished_at, cancel_requested_at, final_at,"
							 " place, unique_key) VALUES(1,1,4,0,0,0,0,0,0,0,-1,1,0,0,0,0,0,0,NULL,NULL),"
							 "(2,1,5,0,0,0,0,0,0,0,-1,1,0,0,0,0,0,0,NULL,NULL),"
							 "(127,1,5,0,0,0,0,0,0,0,-1,1,0,0,0,0,0,0,NULL,NULL),"
							 "(600,2,6,0,0,0,0,0,0,0,-1,1,0,0,0,0,0,0,NULL,NULL);"
							 "INSERT INTO tag VALUES('a','b',1),('a','b',2),('a','b',127),('a','b',64),"
							 "('a','c',2),('d','b',600)", NULL, NULL, NULL),
					 SQLITE_OK);
		ck_assert_int_eq(sqlite3_exec(h, sqlite_migrations[v], NULL, NULL, NULL), SQLITE_OK);
	}
	ck_assert_int_eq(sqlite3_prepare_v2(h, "SELECT (SELECT group_concat(block, ' ') FROM running) = '0 1' AND"
					       " (SELECT group_concat(name || value || block || ':' || jobs, ' ') FROM"
					       " (SELECT * FROM tag ORDER BY name, value, block)) ="
					       " 'ab0:6 ab1:-9223372036854775807 ac0:4 db9:16777216'", -1, &stmt, NULL), SQLITE_OK);
	if (sqlite3_step(stmt) == SQLITE_ROW)
		wrong = sqlite3_column_int64(stmt, 0) == 0;
	ck_assert_int_eq(wrong, 0);
	sqlite3_finalize(stmt);
	sqlite3_close(h);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("store_sqlite");
	TCase *tc = tcase_create("tells");

	tcase_add_test(tc, many_changes_do_not_hold_the_loop);
	suite_add_tcase(s, tc);
	tc = tcase_create("outlives");
	tcase_add_test(tc, all_is_there_after_a_restart);
	tcase_add_test(tc, ids_are_never_used_again);
	tcase_add_test(tc, event_numbers_grow_across_restarts);
	tcase_add_test(tc, a_damaged_job_spoils_no_other);
	tcase_add_test(tc, what_was_acknowledged_survives_a_kill);
	suite_add_tcase(s, tc);
	tc = tcase_create("searches");
	tcase_add_test(tc, no_statement_walks_a_table_or_sorts);
	tcase_add_test(tc, what_is_said_of_blocks_comes_to_hold);
	tcase_add_test(tc, blocks_of_an_older_state);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	return unit_run(suite());
}
