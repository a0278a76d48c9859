/* The store's contract, over each back end: what time brings about. */
#include <stdlib.h>

#include "../lib/unit.h"
#include "storetest.h"

enum { MAX = 100 };

static struct told *last(void)
{
	return &told[told_n - 1];
}

/* ---- due ---- */

STORE_TEST(scheduled_jobs_fall_due_in_order_of_their_times)
{
	int64_t late = submit_at(3000), early = submit_at(2000), far = submit_at(90000);
	wall_ms next = -1;

	ck_assert_int_eq(store_due(st, 1999, MAX, &next), 0);
	ck_assert_int_eq(next, 2000);
	ck_assert_uint_eq(told_n, 3);
	ck_assert_int_eq(store_due(st, 3000, MAX, &next), 0);
	ck_assert_int_eq(next, 90000);
	ck_assert_uint_eq(told_n, 5);
	ck_assert_int_eq(told[3].id, early);
	ck_assert_int_eq(told[4].id, late);
	ck_assert_int_eq(last()->to, JOB_READY);
	ck_assert_int_eq(store_due(st, 100000, MAX, &next), 0);
	ck_assert_int_eq(next, 0);
	ck_assert_int_eq(state_of(far), JOB_READY);
}

STORE_TEST(due_does_its_share_and_says_there_is_more)
{
	wall_ms next;

	for (int i = 0; i < 10; i++)
		submit_at(2000);
	ck_assert_int_eq(store_due(st, 5000, 4, &next), 0);
	ck_assert_uint_eq(told_n, 14);
	ck_assert_int_eq(next, 2000);
	ck_assert_int_eq(store_due(st, 5000, 0, &next), 0);
	ck_assert_uint_eq(told_n, 14);
	ck_assert_int_eq(store_due(st, 5000, 100, &next), 0);
	ck_assert_uint_eq(told_n, 20);
	ck_assert_int_eq(next, 0);
}

/* ---- expire ---- */

STORE_TEST(jobs_that_never_started_expire_wherever_they_wait)
{
	int64_t ready = submit_expiring(2000, 0, false), held = submit_expiring(2000, 0, true),
		scheduled = submit_expiring(2000, 9000, false), later = submit_expiring(5000, 0, false), never = submit();
	struct job_record record;
	wall_ms next = -1;

	ck_assert_int_eq(store_expire(st, 1999, MAX, &next), 0);
	ck_assert_int_eq(next, 2000);
	ck_assert_int_eq(store_expire(st, 2000, MAX, &next), 0);
	ck_assert_int_eq(next, 5000);
	ck_assert_int_eq(state_of(ready), JOB_EXPIRED);
	ck_assert_int_eq(state_of(held), JOB_EXPIRED);
	ck_assert_int_eq(state_of(scheduled), JOB_EXPIRED);
	ck_assert_int_eq(state_of(later), JOB_READY);
	ck_assert_int_eq(state_of(never), JOB_READY);
	ck_assert_str_eq(last()->reason, "expired");
	ck_assert_int_eq(store_get(st, ready, &record), 0);
	ck_assert_str_eq(record.reason, "expired");
	job_record_free(&record);
}

STORE_TEST(a_job_that_has_started_does_not_expire)
{
	int64_t running = submit_expiring(2000, 0, false), again = submit_expiring(2000, 0, false);
	wall_ms next = -1;

	ck_assert_int_eq(claim(running, 1, 1500), 0);
	ck_assert_int_eq(settle(again, 1, OUTCOME_FAILED, JOB_SCHEDULED, 1500), 0);
	ck_assert_int_eq(store_expire(st, 9000, MAX, &next), 0);
	ck_assert_int_eq(next, 0);
	ck_assert_int_eq(state_of(running), JOB_RUNNING);
	ck_assert_int_eq(state_of(again), JOB_SCHEDULED);
}

/* ---- prune ---- */

static int64_t finished_with_retain(wall_ms retain, wall_ms at)
{
	struct job_spec from = storetest_spec();
	int64_t id;

	from.retain = retain;
	id = submit_spec(job_spec_new(&from), 0, 0);
	succeed(id, at);
	return id;
}

STORE_TEST(final_records_go_when_their_time_is_over)
{
	int64_t by_default = finished_with_retain(-1, 10000), brief = finished_with_retain(500, 11000), waiting = submit();
	wall_ms hour = 3600 * 1000, next = -1;
	size_t removed;

	ck_assert_int_eq(store_prune(st, 11499, MAX, &next, &removed), 0);
	ck_assert_uint_eq(removed, 0);
	ck_assert_int_eq(next, 11500);
	ck_assert_int_eq(store_prune(st, 11500, MAX, &next, &removed), 0);
	ck_assert_uint_eq(removed, 1);
	ck_assert_int_eq(next, 10000 + hour);
	ck_assert_int_eq(state_of(brief), JOB_NONE);
	ck_assert_int_eq(last()->to, JOB_NONE);
	ck_assert_int_eq(store_prune(st, 10000 + hour, MAX, &next, &removed), 0);
	ck_assert_uint_eq(removed, 1);
	ck_assert_int_eq(next, 0);
	ck_assert_int_eq(state_of(by_default), JOB_NONE);
	ck_assert_int_eq(state_of(waiting), JOB_READY);
}

STORE_TEST(a_retried_job_is_not_pruned)
{
	int64_t id = finished_with_retain(0, 10000);
	enum job_state state;
	size_t removed;
	wall_ms next;

	ck_assert_int_eq(store_retry(st, id, 10000, &state), 0);
	ck_assert_int_eq(store_prune(st, 99000, MAX, &next, &removed), 0);
	ck_assert_uint_eq(removed, 0);
	ck_assert_int_eq(next, 0);
}

STORE_TEST(prune_does_its_share_and_says_there_is_more)
{
	size_t removed;
	wall_ms next;

	for (int i = 0; i < 10; i++)
		finished_with_retain(0, 10000 + i);
	ck_assert_int_eq(store_prune(st, 20000, 4, &next, &removed), 0);
	ck_assert_uint_eq(removed, 4);
	ck_assert_int_eq(next, 10004);
	ck_assert_int_eq(store_prune(st, 20000, MAX, &next, &removed), 0);
	ck_assert_uint_eq(removed, 6);
	ck_assert_int_eq(next, 0);
}

static void fill_past_the_limit(void)
{
	int64_t ids[8];
	size_t removed;
	wall_ms next;

	for (int i = 0; i < 8; i++)
		ids[i] = finished_with_retain(-1, 10000 + i);
	ck_assert_int_eq(store_prune(st, 11000, 2, &next, &removed), 0);
	ck_assert_uint_eq(removed, 2);
	ck_assert_int_le(next, 11000);
	ck_assert_int_gt(next, 0);
	ck_assert_int_eq(store_prune(st, 11000, MAX, &next, &removed), 0);
	ck_assert_uint_eq(removed, 3);
	ck_assert_int_eq(next, 10005 + 3600 * 1000);
	for (int i = 0; i < 8; i++)
		ck_assert_int_eq(state_of(ids[i]), i < 5 ? JOB_NONE : JOB_SUCCEEDED);
	storetest_agree();
}

START_TEST(the_oldest_go_first_past_the_number_of_records_kept)
{
	storetest_make_directory();
	storetest_conf.retain_jobs = 3;
	storetest_open(storetest_backends[_i]);
	storetest_go(fill_past_the_limit);
	storetest_close();
	storetest_remove_directory();
}
END_TEST

/* ---- recover ---- */

STORE_TEST(what_was_cut_off_comes_back)
{
	struct job_spec from = storetest_spec();
	int64_t again = submit(), cancelled = submit(), once, ready = submit();
	struct job_record record;
	enum job_state state;
	bool left = true;

	from.interrupted_fail = true;
	once = submit_spec(job_spec_new(&from), 0, 0);
	ck_assert_int_eq(claim(again, 1, 2000), 0);
	ck_assert_int_eq(claim(cancelled, 1, 2000), 0);
	ck_assert_int_eq(claim(once, 1, 2000), 0);
	ck_assert_int_eq(store_cancel(st, cancelled, 2500, &state), 0);
	ck_assert_int_eq(store_recover(st, 3000, MAX, &left), 0);
	ck_assert(!left);
	ck_assert_int_eq(state_of(cancelled), JOB_CANCELLED);
	ck_assert_int_eq(state_of(once), JOB_FAILED);
	ck_assert_int_eq(state_of(ready), JOB_READY);
	ck_assert_int_eq(store_get(st, again, &record), 0);
	ck_assert_int_eq(record.row.state, JOB_READY);
	ck_assert_int_eq(record.row.excused, 1);
	ck_assert_int_eq(record.row.interruptions, 1);
	ck_assert_int_eq(record.row.finished_at, 3000);
	ck_assert_uint_eq(record.history_len, 1);
	ck_assert_int_eq(record.history[0].outcome, OUTCOME_INTERRUPTED);
	ck_assert_str_eq(record.history[0].reason, "interrupted");
	ck_assert_str_eq(record.history[0].where, "here");
	job_record_free(&record);
	ck_assert_int_eq(store_get(st, once, &record), 0);
	ck_assert_str_eq(record.reason, "interrupted");
	job_record_free(&record);
	ck_assert_int_eq(claim(again, 2, 4000), 0);
}

STORE_TEST(an_attempt_cut_off_says_nothing_that_another_said)
{
	int64_t id = submit();
	struct settlement s = settlement(id, 1, OUTCOME_FAILED, JOB_READY, 2000);
	struct job_record record;
	bool left;

	s.result = "1";
	s.progress = "{\"fraction\":1}";
	s.output_bytes[0] = 77;
	ck_assert_int_eq(store_settle(st, &s), 0);
	ck_assert_int_eq(claim(id, 2, 3000), 0);
	ck_assert_int_eq(store_output_append(st, id, 2, 1, 0, "abc", 3), 0);
	ck_assert_int_eq(store_recover(st, 4000, MAX, &left), 0);
	ck_assert_int_eq(store_get(st, id, &record), 0);
	ck_assert_ptr_null(record.result);
	ck_assert_ptr_null(record.progress);
	ck_assert_int_eq(record.output_bytes[0], 0);
	ck_assert_int_eq(record.output_bytes[1], 3);		/* what is kept of it */
	ck_assert_uint_eq(record.history_len, 2);
	ck_assert_int_eq(record.history[0].output_bytes[0], 77);
	ck_assert_str_eq(record.history[0].reason, "io");
	ck_assert_int_eq(record.history[1].output_bytes[1], 3);
	ck_assert_str_eq(record.history[1].reason, "interrupted");
	job_record_free(&record);
}

STORE_TEST(cut_off_ten_times_in_a_row_it_fails)
{
	int64_t id = submit();
	bool left;

	for (int n = 1; n <= 10; n++) {
		ck_assert_int_eq(state_of(id), JOB_READY);
		ck_assert_int_eq(claim(id, n, 2000 + n), 0);
		ck_assert_int_eq(store_recover(st, 3000 + n, MAX, &left), 0);
	}
	ck_assert_int_eq(state_of(id), JOB_FAILED);
	ck_assert_str_eq(last()->reason, "interrupted");
}

STORE_TEST(recover_does_its_share_and_says_there_is_more)
{
	bool left;

	for (int i = 0; i < 5; i++)
		ck_assert_int_eq(claim(submit(), 1, 2000), 0);
	ck_assert_int_eq(store_recover(st, 3000, 3, &left), 0);
	ck_assert(left);
	ck_assert_int_eq(store_recover(st, 3000, 3, &left), 0);
	ck_assert(!left);
	ck_assert_uint_eq(told_n, 15);
}

static Suite *suite(void)
{
	Suite *s = suite_create("store_time");
	TCase *tc = tcase_create("time");

	add_store_test(tc, scheduled_jobs_fall_due_in_order_of_their_times);
	add_store_test(tc, due_does_its_share_and_says_there_is_more);
	add_store_test(tc, jobs_that_never_started_expire_wherever_they_wait);
	add_store_test(tc, a_job_that_has_started_does_not_expire);
	add_store_test(tc, final_records_go_when_their_time_is_over);
	add_store_test(tc, a_retried_job_is_not_pruned);
	add_store_test(tc, prune_does_its_share_and_says_there_is_more);
	add_store_test(tc, the_oldest_go_first_past_the_number_of_records_kept);
	add_store_test(tc, what_was_cut_off_comes_back);
	add_store_test(tc, an_attempt_cut_off_says_nothing_that_another_said);
	add_store_test(tc, cut_off_ten_times_in_a_row_it_fails);
	add_store_test(tc, recover_does_its_share_and_says_there_is_more);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	return unit_run(suite());
}
