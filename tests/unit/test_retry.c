#include <math.h>
#include <string.h>

#include "retry.h"
#include "tests/lib/chance.h"
#include "tests/lib/unit.h"

static const wall_ms now = 1700000000000;

/* ---- delays ---- */

static const struct {
	struct retry_policy policy;
	int n;
	double chance;
	wall_ms delay;
} delays[] = {
	/* base·2^(n-1) */
	{ { 3, BACKOFF_EXPONENTIAL, 1000, 3600000, 0 }, 1, 0.9, 1000 },
	{ { 3, BACKOFF_EXPONENTIAL, 1000, 3600000, 0 }, 2, 0.1, 2000 },
	{ { 3, BACKOFF_EXPONENTIAL, 1000, 3600000, 0 }, 5, 0.5, 16000 },
	{ { 3, BACKOFF_EXPONENTIAL, 1000, 3600000, 0 }, 12, 0.5, 2048000 },
	{ { 3, BACKOFF_EXPONENTIAL, 1000, 3600000, 0 }, 13, 0.5, 3600000 },
	{ { 3, BACKOFF_EXPONENTIAL, 1000, 3600000, 0 }, 100, 0.5, 3600000 },
	{ { 3, BACKOFF_EXPONENTIAL, 1, INT64_C(3162240000000), 0 }, 100, 0.5, INT64_C(3162240000000) },
	/* base·n */
	{ { 3, BACKOFF_LINEAR, 1500, 3600000, 0 }, 1, 0.5, 1500 },
	{ { 3, BACKOFF_LINEAR, 1500, 3600000, 0 }, 3, 0.5, 4500 },
	{ { 3, BACKOFF_LINEAR, 1500, 4000, 0 }, 3, 0.5, 4000 },
	/* base */
	{ { 3, BACKOFF_CONSTANT, 250, 3600000, 0 }, 1, 0.5, 250 },
	{ { 3, BACKOFF_CONSTANT, 250, 3600000, 0 }, 99, 0.5, 250 },
	{ { 3, BACKOFF_CONSTANT, 250, 100, 0 }, 1, 0.5, 100 },
	/* times 1 ± jitter, after the cap */
	{ { 3, BACKOFF_CONSTANT, 1000, 3600000, 0.1 }, 1, 0, 900 },
	{ { 3, BACKOFF_CONSTANT, 1000, 3600000, 0.1 }, 1, 0.5, 1000 },
	{ { 3, BACKOFF_CONSTANT, 1000, 3600000, 0.1 }, 1, 1, 1100 },
	{ { 3, BACKOFF_CONSTANT, 1000, 3600000, 1 }, 1, 0, 0 },
	{ { 3, BACKOFF_CONSTANT, 1000, 3600000, 1 }, 1, 1, 2000 },
	{ { 3, BACKOFF_EXPONENTIAL, 1000, 2000, 0.5 }, 9, 1, 3000 },
	{ { 3, BACKOFF_EXPONENTIAL, 0, 3600000, 0.5 }, 9, 1, 0 },
	{ { 3, BACKOFF_LINEAR, 1000, 0, 0.5 }, 9, 1, 0 },
};

START_TEST(delay_by_the_table)
{
	ck_assert_int_eq(retry_delay(&delays[_i].policy, delays[_i].n, delays[_i].chance), delays[_i].delay);
}
END_TEST

START_TEST(delay_stays_within_its_bounds)
{
	chance_seed(1);
	for (int i = 0; i < 20000; i++) {
		struct retry_policy policy = { 100, (enum backoff)chance_below(3), chance_below(100000), chance_below(1000000),
					       chance_below(101) / 100.0 };
		int n = 1 + (int)chance_below(100);
		wall_ms low = retry_delay(&policy, n, 0), high = retry_delay(&policy, n, 1);
		wall_ms delay = retry_delay(&policy, n, chance_below(1000) / 1000.0);

		hold(low >= 0);
		hold(low <= delay);
		hold(delay <= high);
		hold(high <= 2 * policy.cap);
		policy.jitter = 0;
		hold(retry_delay(&policy, n, 0.5) <= policy.cap);
		hold(retry_delay(&policy, n, 0.5) <= retry_delay(&policy, n + 1, 0.5));
	}
}
END_TEST

/* ---- decisions ---- */

static struct settlement s;
static struct job_row row;
static struct job_spec spec;
static struct outcome out;

/* An attempt of this number, with a policy of this many, that failed. */
static void begin(int attempt, int max_attempts)
{
	memset(&s, 0xee, sizeof(s));
	s.attempt = attempt;
	row = (struct job_row){ .id = 7, .state = JOB_RUNNING, .attempt = attempt };
	spec = (struct job_spec){ .retry = { max_attempts, BACKOFF_CONSTANT, 5000, 3600000, 0 } };
	outcome_init(&out);
	outcome_fail(&out, "exit_status", "it said %d", 1);
}

static void decide(enum attempt_stop stop)
{
	retry_decide(&s, &row, &spec, stop, &out, now, 0.5);
}

static void expect(enum outcome_kind outcome, enum job_state next, bool excused, const char *reason)
{
	ck_assert_int_eq(s.outcome, outcome);
	ck_assert_int_eq(s.next, next);
	ck_assert_int_eq(s.excused, excused);
	if (reason == NULL) {
		ck_assert_ptr_null(s.reason);
		ck_assert_ptr_null(s.message);
	} else {
		ck_assert_str_eq(s.reason, reason);
		ck_assert_uint_gt(strlen(s.message), 0);
	}
	if (s.next != JOB_SCHEDULED)
		ck_assert_int_eq(s.run_at, 0);
}

START_TEST(success)
{
	begin(1, 3);
	outcome_succeed(&out, strdup("{}"), 2);
	decide(STOP_NONE);
	expect(OUTCOME_SUCCEEDED, JOB_SUCCEEDED, false, NULL);
	ck_assert_ptr_eq(s.result, out.result);
	outcome_free(&out);
}
END_TEST

START_TEST(failure_is_tried_again_until_the_last)
{
	begin(1, 3);
	decide(STOP_NONE);
	expect(OUTCOME_FAILED, JOB_SCHEDULED, false, "exit_status");
	ck_assert_str_eq(s.message, "it said 1");
	ck_assert_int_eq(s.run_at, now + 5000);
	begin(2, 3);
	decide(STOP_NONE);
	expect(OUTCOME_FAILED, JOB_SCHEDULED, false, "exit_status");
	begin(3, 3);
	decide(STOP_NONE);
	expect(OUTCOME_FAILED, JOB_FAILED, false, "exit_status");
	begin(1, 1);
	decide(STOP_NONE);
	expect(OUTCOME_FAILED, JOB_FAILED, false, "exit_status");
}
END_TEST

START_TEST(excused_attempts_do_not_count)
{
	begin(5, 3);
	row.excused = 3;
	decide(STOP_NONE);
	expect(OUTCOME_FAILED, JOB_SCHEDULED, false, "exit_status");
	begin(5, 3);
	row.excused = 2;
	decide(STOP_NONE);
	expect(OUTCOME_FAILED, JOB_FAILED, false, "exit_status");
	/* Nor do they lengthen the backoff. */
	begin(5, 3);
	row.excused = 3;
	spec.retry.backoff = BACKOFF_LINEAR;
	decide(STOP_NONE);
	ck_assert_int_eq(s.run_at, now + 2 * 5000);
}
END_TEST

START_TEST(without_a_delay_it_is_ready_at_once)
{
	begin(1, 3);
	spec.retry.base = 0;
	decide(STOP_NONE);
	expect(OUTCOME_FAILED, JOB_READY, false, "exit_status");
}
END_TEST

START_TEST(retry_after_raises_the_delay)
{
	begin(1, 3);
	out.retry_after = 60000;
	decide(STOP_NONE);
	ck_assert_int_eq(s.run_at, now + 60000);
	begin(1, 3);
	out.retry_after = 10;
	decide(STOP_NONE);
	ck_assert_int_eq(s.run_at, now + 5000);
	begin(1, 3);
	spec.retry.base = 0;
	out.retry_after = 10;
	decide(STOP_NONE);
	expect(OUTCOME_FAILED, JOB_SCHEDULED, false, "exit_status");
	ck_assert_int_eq(s.run_at, now + 10);
}
END_TEST

START_TEST(what_cannot_help_is_not_tried_again)
{
	begin(1, 100);
	outcome_fail_for_good(&out, "spawn", "no such file");
	decide(STOP_NONE);
	expect(OUTCOME_FAILED, JOB_FAILED, false, "spawn");
}
END_TEST

START_TEST(a_failure_keeps_its_result)
{
	begin(3, 3);
	outcome_succeed(&out, strdup("{\"exit_code\":1}"), 15);
	outcome_fail(&out, "exit_status", "it left with 1");
	decide(STOP_NONE);
	expect(OUTCOME_FAILED, JOB_FAILED, false, "exit_status");
	ck_assert_str_eq(s.result, "{\"exit_code\":1}");
	outcome_free(&out);
}
END_TEST

START_TEST(a_cancel_wins_whatever_came_out)
{
	begin(1, 3);
	decide(STOP_CANCEL);
	expect(OUTCOME_CANCELLED, JOB_CANCELLED, false, "cancelled");
	begin(1, 3);
	outcome_succeed(&out, strdup("{}"), 2);
	decide(STOP_CANCEL);
	expect(OUTCOME_CANCELLED, JOB_CANCELLED, false, "cancelled");
	outcome_free(&out);
}
END_TEST

START_TEST(the_daemons_end_is_excused)
{
	begin(3, 3);
	decide(STOP_SHUTDOWN);
	expect(OUTCOME_INTERRUPTED, JOB_READY, true, "interrupted");
	begin(1, 1);
	decide(STOP_SHUTDOWN);
	expect(OUTCOME_INTERRUPTED, JOB_READY, true, "interrupted");
}
END_TEST

START_TEST(ten_interruptions_in_a_row_are_enough)
{
	begin(9, 3);
	row.interruptions = 8;
	decide(STOP_SHUTDOWN);
	expect(OUTCOME_INTERRUPTED, JOB_READY, true, "interrupted");
	begin(10, 3);
	row.interruptions = 9;
	decide(STOP_SHUTDOWN);
	ck_assert_int_eq(s.next, JOB_FAILED);
	ck_assert_int_eq(s.outcome, OUTCOME_INTERRUPTED);
	ck_assert_str_eq(s.reason, "interrupted");
}
END_TEST

START_TEST(at_most_once_means_it)
{
	begin(1, 3);
	spec.interrupted_fail = true;
	decide(STOP_SHUTDOWN);
	ck_assert_int_eq(s.next, JOB_FAILED);
	ck_assert_int_eq(s.outcome, OUTCOME_INTERRUPTED);
	ck_assert_str_eq(s.reason, "interrupted");
	/* A pool process that died under it may have done half of it. */
	begin(1, 3);
	spec.interrupted_fail = true;
	outcome_fail(&out, "worker_lost", "killed by signal 9");
	decide(STOP_NONE);
	expect(OUTCOME_FAILED, JOB_FAILED, false, "worker_lost");
	/* But a plain failure is a plain failure, and work that had not begun was never done. */
	begin(1, 3);
	spec.interrupted_fail = true;
	decide(STOP_NONE);
	expect(OUTCOME_FAILED, JOB_SCHEDULED, false, "exit_status");
	begin(1, 3);
	spec.interrupted_fail = true;
	decide(STOP_UNBEGUN);
	expect(OUTCOME_INTERRUPTED, JOB_READY, true, "interrupted");
}
END_TEST

START_TEST(what_came_back_was_not_ended_by_the_daemon)
{
	begin(1, 3);
	decide(STOP_CAME_BACK);
	expect(OUTCOME_INTERRUPTED, JOB_READY, true, "interrupted");
	ck_assert_str_eq(s.message, "the job was held and released while this attempt was being started");
	/* However often. */
	begin(10, 3);
	row.interruptions = 9;
	decide(STOP_CAME_BACK);
	ck_assert_int_eq(s.next, JOB_READY);
}
END_TEST

START_TEST(a_lost_worker_is_a_failed_attempt)
{
	begin(1, 3);
	outcome_fail(&out, "worker_lost", "killed by signal 9");
	decide(STOP_NONE);
	expect(OUTCOME_FAILED, JOB_SCHEDULED, false, "worker_lost");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("retry");
	TCase *tc = tcase_create("retry");

	tcase_add_loop_test(tc, delay_by_the_table, 0, sizeof(delays) / sizeof(delays[0]));
	tcase_add_test(tc, delay_stays_within_its_bounds);
	tcase_add_test(tc, success);
	tcase_add_test(tc, failure_is_tried_again_until_the_last);
	tcase_add_test(tc, excused_attempts_do_not_count);
	tcase_add_test(tc, without_a_delay_it_is_ready_at_once);
	tcase_add_test(tc, retry_after_raises_the_delay);
	tcase_add_test(tc, what_cannot_help_is_not_tried_again);
	tcase_add_test(tc, a_failure_keeps_its_result);
	tcase_add_test(tc, a_cancel_wins_whatever_came_out);
	tcase_add_test(tc, the_daemons_end_is_excused);
	tcase_add_test(tc, ten_interruptions_in_a_row_are_enough);
	tcase_add_test(tc, at_most_once_means_it);
	tcase_add_test(tc, what_came_back_was_not_ended_by_the_daemon);
	tcase_add_test(tc, a_lost_worker_is_a_failed_attempt);
	suite_add_tcase(suite, tc);
	return unit_run(suite);
}
