/* The store's contract, over each back end: what people ask for. */
#include <stdlib.h>

#include "../lib/unit.h"
#include "storetest.h"

enum { MAX = 100 };

static struct told *last(void)
{
	return &told[told_n - 1];
}

/* ---- cancel ---- */

STORE_TEST(cancelling_one_that_waits_ends_it)
{
	int64_t id = submit();
	enum job_state state;
	struct job_record record;

	ck_assert_int_eq(store_cancel(st, id, 2000, &state), 0);
	ck_assert_int_eq(state, JOB_CANCELLED);
	ck_assert_int_eq(last()->to, JOB_CANCELLED);
	ck_assert_str_eq(last()->reason, "cancelled");
	ck_assert_int_eq(store_get(st, id, &record), 0);
	ck_assert_int_eq(record.row.cancel_requested_at, 2000);
	ck_assert_str_eq(record.reason, "cancelled");
	ck_assert_uint_eq(record.history_len, 0);
	job_record_free(&record);
	ck_assert_int_eq(store_cancel(st, id, 3000, &state), -EBUSY);
	ck_assert_int_eq(state, JOB_CANCELLED);
	ck_assert_int_eq(claim(id, 1, 3000), -EBUSY);
}

STORE_TEST(cancelling_nobody)
{
	enum job_state state;

	ck_assert_int_eq(store_cancel(st, 77, 2000, &state), -ENOENT);
}

STORE_TEST(a_recorded_cancel_decides_whatever_the_attempt_comes_to)
{
	int64_t id = submit();
	struct settlement s = settlement(id, 1, OUTCOME_SUCCEEDED, JOB_SUCCEEDED, 3000);
	struct job_record record;
	enum job_state state;

	ck_assert_int_eq(claim(id, 1, 2000), 0);
	ck_assert_int_eq(store_cancel(st, id, 2500, &state), 0);
	ck_assert_int_eq(state, JOB_RUNNING);
	ck_assert_int_eq(last()->from, JOB_RUNNING);
	ck_assert_int_eq(last()->to, JOB_RUNNING);
	ck_assert_int_eq(store_cancel(st, id, 2600, &state), 0);	/* once is enough */
	ck_assert_uint_eq(told_n, 3);
	s.result = "7";
	ck_assert_int_eq(store_settle(st, &s), 0);
	ck_assert_int_eq(s.state, JOB_CANCELLED);
	ck_assert_int_eq(store_get(st, id, &record), 0);
	ck_assert_int_eq(record.row.state, JOB_CANCELLED);
	ck_assert_int_eq(record.row.cancel_requested_at, 2500);
	ck_assert_str_eq(record.reason, "cancelled");
	ck_assert_uint_eq(record.history_len, 1);
	ck_assert_int_eq(record.history[0].outcome, OUTCOME_CANCELLED);
	job_record_free(&record);
}

STORE_TEST(cancelling_between_two_attempts_keeps_what_the_first_said)
{
	int64_t id = submit();
	struct job_record record;
	enum job_state state;

	ck_assert_int_eq(settle(id, 1, OUTCOME_FAILED, JOB_SCHEDULED, 3000), 0);
	ck_assert_int_eq(store_cancel(st, id, 3500, &state), 0);
	ck_assert_int_eq(store_get(st, id, &record), 0);
	ck_assert_str_eq(record.reason, "cancelled");
	ck_assert_uint_eq(record.history_len, 1);
	ck_assert_int_eq(record.history[0].outcome, OUTCOME_FAILED);
	ck_assert_str_eq(record.history[0].reason, "io");
	job_record_free(&record);
}

/* ---- hold, release ---- */

STORE_TEST(held_jobs_go_on_where_they_are_due)
{
	int64_t ready = submit(), scheduled = submit_at(9000);
	enum job_state state;

	ck_assert_int_eq(store_hold(st, ready, 2000, &state), 0);
	ck_assert_int_eq(state, JOB_HELD);
	ck_assert_int_eq(store_hold(st, ready, 2000, &state), 0);	/* already */
	ck_assert_uint_eq(told_n, 3);
	ck_assert_int_eq(claim(ready, 1, 2000), -EBUSY);
	ck_assert_int_eq(store_hold(st, scheduled, 2000, &state), 0);
	ck_assert_int_eq(store_release(st, ready, 3000, &state), 0);
	ck_assert_int_eq(state, JOB_READY);
	ck_assert_int_eq(store_release(st, scheduled, 3000, &state), 0);
	ck_assert_int_eq(state, JOB_SCHEDULED);
	ck_assert_int_eq(store_hold(st, scheduled, 3000, &state), 0);
	ck_assert_int_eq(store_release(st, scheduled, 9000, &state), 0);
	ck_assert_int_eq(state, JOB_READY);
}

STORE_TEST(hold_and_release_in_the_wrong_state)
{
	int64_t id = submit();
	enum job_state state;

	ck_assert_int_eq(store_release(st, id, 2000, &state), -EBUSY);
	ck_assert_int_eq(state, JOB_READY);
	ck_assert_int_eq(claim(id, 1, 2000), 0);
	ck_assert_int_eq(store_hold(st, id, 2000, &state), -EBUSY);
	ck_assert_int_eq(state, JOB_RUNNING);
	ck_assert_int_eq(store_hold(st, id + 1, 2000, &state), -ENOENT);
	ck_assert_int_eq(store_release(st, id + 1, 2000, &state), -ENOENT);
}

/* ---- retry ---- */

STORE_TEST(retry_gives_a_fresh_budget_and_keeps_the_history)
{
	int64_t id = submit();
	struct job_record record;
	enum job_state state;

	ck_assert_int_eq(store_retry(st, id, 2000, &state), -EBUSY);
	ck_assert_int_eq(settle(id, 1, OUTCOME_FAILED, JOB_READY, 2000), 0);
	ck_assert_int_eq(settle(id, 2, OUTCOME_FAILED, JOB_FAILED, 3000), 0);
	ck_assert_int_eq(store_retry(st, id, 4000, &state), 0);
	ck_assert_int_eq(state, JOB_READY);
	ck_assert_int_eq(store_get(st, id, &record), 0);
	ck_assert_int_eq(record.row.attempt, 2);
	ck_assert_int_eq(record.row.excused, 2);
	ck_assert_ptr_null(record.reason);
	ck_assert_ptr_null(record.result);
	ck_assert_uint_eq(record.history_len, 2);
	ck_assert_str_eq(record.history[1].reason, "io");
	job_record_free(&record);
	ck_assert_int_eq(claim(id, 3, 5000), 0);
	ck_assert_int_eq(settle(id, 3, OUTCOME_SUCCEEDED, JOB_SUCCEEDED, 6000), 0);
	ck_assert_int_eq(store_retry(st, id + 1, 2000, &state), -ENOENT);
}

STORE_TEST(a_cancelled_or_expired_job_can_be_retried)
{
	int64_t cancelled = submit_at(9000), expired = submit_expiring(1500, 0, false);
	enum job_state state;
	wall_ms next;

	ck_assert_int_eq(store_cancel(st, cancelled, 2000, &state), 0);
	ck_assert_int_eq(store_expire(st, 2000, MAX, &next), 0);
	ck_assert_int_eq(store_retry(st, cancelled, 3000, &state), 0);
	ck_assert_int_eq(state, JOB_READY);
	ck_assert_int_eq(store_retry(st, expired, 3000, &state), 0);
	ck_assert_int_eq(store_expire(st, 3000, MAX, &next), 0);
	ck_assert_int_eq(state_of(expired), JOB_READY);
	ck_assert_int_eq(claim(cancelled, 1, 4000), 0);
	ck_assert_int_eq(settle(cancelled, 1, OUTCOME_SUCCEEDED, JOB_SUCCEEDED, 5000), 0);	/* the cancel was of before */
}

STORE_TEST(retry_does_not_take_a_key_that_another_holds)
{
	int64_t a = submit_spec(new_keyed_spec("k"), 0, 0), b;
	enum job_state state;

	succeed(a, 2000);
	b = submit_spec(new_keyed_spec("k"), 0, 0);
	ck_assert_int_eq(store_retry(st, a, 3000, &state), -EEXIST);
	ck_assert_int_eq(state_of(a), JOB_SUCCEEDED);
	succeed(b, 4000);
	ck_assert_int_eq(store_retry(st, a, 5000, &state), 0);
	ck_assert_int_eq(state, JOB_READY);
}

/* ---- delete ---- */

STORE_TEST(delete_takes_final_jobs_with_all_they_have)
{
	int64_t id = submit(), other = submit();
	struct output_page page;
	enum job_state state;

	ck_assert_int_eq(store_delete(st, id, 2000, &state), -EBUSY);
	ck_assert_int_eq(claim(id, 1, 2000), 0);
	ck_assert_int_eq(store_output_append(st, id, 1, 0, 0, "abc", 3), 0);
	ck_assert_int_eq(settle(id, 1, OUTCOME_FAILED, JOB_FAILED, 3000), 0);
	ck_assert_int_eq(store_delete(st, id, 4000, &state), 0);
	ck_assert_int_eq(last()->from, JOB_FAILED);
	ck_assert_int_eq(last()->to, JOB_NONE);
	ck_assert_str_eq(last()->queue, "q");
	ck_assert_int_eq(state_of(id), JOB_NONE);
	ck_assert_int_eq(store_output_read(st, id, 1, 0, 0, 10, &page), -ENOENT);
	ck_assert_int_eq(store_delete(st, id, 4000, &state), -ENOENT);
	ck_assert_int_eq(state_of(other), JOB_READY);
	ck_assert_int_gt(submit(), other);
}

/* ---- queues ---- */

STORE_TEST(pausing_a_queue_is_told)
{
	ck_assert_int_eq(pause_queue("mail", true), 0);
	ck_assert_int_eq(storetest_queue_changes, 1);
	ck_assert_str_eq(storetest_queue, "mail");
	ck_assert(storetest_queue_row.paused);
	ck_assert_int_eq(pause_queue("mail", false), 0);
	ck_assert_int_eq(storetest_queue_changes, 2);
	ck_assert(!storetest_queue_row.paused);
}

static Suite *suite(void)
{
	Suite *s = suite_create("store_ask");
	TCase *tc = tcase_create("ask");

	add_store_test(tc, cancelling_one_that_waits_ends_it);
	add_store_test(tc, cancelling_nobody);
	add_store_test(tc, a_recorded_cancel_decides_whatever_the_attempt_comes_to);
	add_store_test(tc, cancelling_between_two_attempts_keeps_what_the_first_said);
	add_store_test(tc, held_jobs_go_on_where_they_are_due);
	add_store_test(tc, hold_and_release_in_the_wrong_state);
	add_store_test(tc, retry_gives_a_fresh_budget_and_keeps_the_history);
	add_store_test(tc, a_cancelled_or_expired_job_can_be_retried);
	add_store_test(tc, retry_does_not_take_a_key_that_another_holds);
	add_store_test(tc, delete_takes_final_jobs_with_all_they_have);
	add_store_test(tc, pausing_a_queue_is_told);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	return unit_run(suite());
}
