/* rules: what each verb does to a job, as arithmetic. */
#include <errno.h>
#include <string.h>

#include "../lib/unit.h"
#include "store/rules.h"

static struct job_kept job_in(enum job_state state, int attempt)
{
	struct job_kept k = { .outcome = -1, .retain = -1 };

	k.row.id = 1;
	k.row.state = state;
	k.row.attempt = attempt;
	return k;
}

/* Which verbs a state allows: one line a state, one letter a verb. */
START_TEST(which_state_allows_what)
{
	static rule_fn *const rules[] = { rules_cancel, rules_hold, rules_release, rules_retry, rules_delete, rules_recover };
	static const char *const allowed[JOB_STATES] = {
		[JOB_HELD] = "chr...", [JOB_BLOCKED] = "ch....", [JOB_SCHEDULED] = "ch....", [JOB_READY] = "ch....",
		[JOB_RUNNING] = "c....v", [JOB_SUCCEEDED] = "...td.", [JOB_FAILED] = "...td.",
		[JOB_CANCELLED] = "...td.", [JOB_EXPIRED] = "...td.",
	};

	for (int s = JOB_HELD; s < JOB_STATES; s++)
		for (int i = 0; i < 6; i++) {
			struct job_kept k = job_in((enum job_state)s, 1), before = k;
			struct effect e = { 0 };
			int rc = rules[i](&k, 5000, &e);

			ck_assert_int_eq(rc, allowed[s][i] != '.' ? 0 : -EBUSY);
			if (rc != 0) {
				ck_assert(!e.changed);
				ck_assert_mem_eq(&k, &before, sizeof(k));
			}
		}
}
END_TEST

START_TEST(only_a_ready_job_is_claimed_by_its_next_number)
{
	struct claim c = { .attempt = 3, .started_at = 100, .where = "here" };

	for (int s = JOB_HELD; s < JOB_STATES; s++)
		for (int attempt = 0; attempt < 5; attempt++) {
			struct job_kept k = job_in((enum job_state)s, attempt);
			struct effect e = { 0 };

			ck_assert_int_eq(rules_claim(&k, &c, &e), s == JOB_READY && attempt == 2 ? 0 : -EBUSY);
		}
}
END_TEST

START_TEST(a_settlement_is_for_the_attempt_that_runs_or_is_next)
{
	struct settlement s = { .attempt = 3, .outcome = OUTCOME_FAILED, .next = JOB_FAILED, .finished_at = 200 };

	for (int state = JOB_HELD; state < JOB_STATES; state++)
		for (int attempt = 0; attempt < 5; attempt++) {
			struct job_kept k = job_in((enum job_state)state, attempt);
			struct effect e = { 0 };
			bool ours = (state == JOB_RUNNING && attempt == 3) || (state == JOB_READY && attempt == 2);

			ck_assert_int_eq(rules_settle(&k, &s, &e), ours ? 0 : -EBUSY);
			if (ours) {
				ck_assert_int_eq(k.row.attempt, 3);
				ck_assert_int_eq(k.row.finished_at, 200);
				ck_assert_int_eq(k.final_at, 200);
			}
		}
}
END_TEST

START_TEST(a_cancel_recorded_before_wins_over_every_outcome)
{
	static const enum job_state nexts[] = { JOB_SUCCEEDED, JOB_FAILED, JOB_SCHEDULED, JOB_READY, JOB_CANCELLED };

	for (int outcome = OUTCOME_SUCCEEDED; outcome <= OUTCOME_INTERRUPTED; outcome++)
		for (size_t i = 0; i < 5; i++) {
			struct job_kept k = job_in(JOB_RUNNING, 1);
			struct settlement s = { .attempt = 1, .outcome = (enum outcome_kind)outcome, .next = nexts[i] };
			struct effect e = { 0 };

			k.row.cancel_requested_at = 50;
			ck_assert_int_eq(rules_settle(&k, &s, &e), 0);
			ck_assert_int_eq(s.state, JOB_CANCELLED);
			ck_assert_int_eq(k.row.state, JOB_CANCELLED);
			ck_assert_str_eq(e.reason, "cancelled");
		}
}
END_TEST

START_TEST(the_latest_attempt_is_archived_once)
{
	struct job_kept k = job_in(JOB_READY, 0);
	struct claim c = { .attempt = 1 };
	struct settlement s = { .attempt = 1, .outcome = OUTCOME_FAILED, .next = JOB_READY };
	struct effect first = { 0 }, ended = { 0 }, second = { 0 };

	ck_assert_int_eq(rules_claim(&k, &c, &first), 0);
	ck_assert(!first.archive);
	ck_assert(!rules_latest(&k));
	ck_assert_int_eq(rules_settle(&k, &s, &ended), 0);
	ck_assert(!ended.archive);
	ck_assert(rules_latest(&k));
	c.attempt = 2;
	ck_assert_int_eq(rules_claim(&k, &c, &second), 0);
	ck_assert(second.archive);
	ck_assert(!rules_latest(&k));
}
END_TEST

START_TEST(expiry_bounds_the_first_start)
{
	struct job_kept k = job_in(JOB_READY, 0);
	struct effect e = { 0 };

	ck_assert_int_eq(rules_expire(&k, 1000, &e), -EBUSY);
	k.row.expires_at = 1001;
	ck_assert_int_eq(rules_expire(&k, 1000, &e), -EBUSY);
	k.row.attempt = 1;
	ck_assert_int_eq(rules_expire(&k, 1001, &e), -EBUSY);
	k.row.attempt = 0;
	ck_assert_int_eq(rules_expire(&k, 1001, &e), 0);
	ck_assert_int_eq(k.row.state, JOB_EXPIRED);
	ck_assert_int_eq(k.final_at, 1001);
}
END_TEST

START_TEST(retry_drops_an_expiry_that_is_over_and_keeps_one_to_come)
{
	struct job_kept k = job_in(JOB_EXPIRED, 0);
	struct effect e = { 0 };

	k.row.expires_at = 1000;
	ck_assert_int_eq(rules_retry(&k, 2000, &e), 0);
	ck_assert_int_eq(k.row.expires_at, 0);
	k = job_in(JOB_CANCELLED, 0);
	k.row.expires_at = 9000;
	ck_assert_int_eq(rules_retry(&k, 2000, &e), 0);
	ck_assert_int_eq(k.row.expires_at, 9000);
}
END_TEST

START_TEST(recover_counts_in_a_row_and_fails_at_the_tenth)
{
	for (int before = 0; before < 12; before++) {
		struct job_kept k = job_in(JOB_RUNNING, before + 1);
		struct effect e = { 0 };

		k.row.interruptions = before;
		ck_assert_int_eq(rules_recover(&k, 1000, &e), 0);
		ck_assert_int_eq(k.row.interruptions, before + 1);
		ck_assert_int_eq(k.row.state, before + 1 >= JOB_INTERRUPTIONS_MAX ? JOB_FAILED : JOB_READY);
		ck_assert_int_eq(k.row.excused, 1);
	}
}
END_TEST

START_TEST(what_a_key_that_is_held_means)
{
	static const struct { enum unique_on_conflict on; enum job_state holder; enum unique_verdict verdict; } cases[] = {
		{ UNIQUE_EXISTING, JOB_READY, UNIQUE_ANSWER }, { UNIQUE_EXISTING, JOB_RUNNING, UNIQUE_ANSWER },
		{ UNIQUE_EXISTING, JOB_FAILED, UNIQUE_ANSWER }, { UNIQUE_REJECT, JOB_HELD, UNIQUE_TAKEN },
		{ UNIQUE_REJECT, JOB_RUNNING, UNIQUE_TAKEN }, { UNIQUE_REJECT, JOB_SUCCEEDED, UNIQUE_TAKEN },
		{ UNIQUE_REPLACE, JOB_HELD, UNIQUE_CANCEL }, { UNIQUE_REPLACE, JOB_BLOCKED, UNIQUE_CANCEL },
		{ UNIQUE_REPLACE, JOB_SCHEDULED, UNIQUE_CANCEL }, { UNIQUE_REPLACE, JOB_READY, UNIQUE_CANCEL },
		{ UNIQUE_REPLACE, JOB_RUNNING, UNIQUE_RUNS }, { UNIQUE_REPLACE, JOB_SUCCEEDED, UNIQUE_TAKEN },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct submission s = { .unique_on_conflict = cases[i].on };

		ck_assert_int_eq(rules_unique(&s, cases[i].holder), cases[i].verdict);
	}
}
END_TEST

START_TEST(a_record_goes_after_its_own_time_or_the_default)
{
	struct job_kept k = job_in(JOB_FAILED, 1);

	k.final_at = 1000;
	ck_assert_int_eq(rules_prune_at(&k, 500), 1500);
	k.retain = 0;
	ck_assert_int_eq(rules_prune_at(&k, 500), 1000);
	k.retain = 7;
	ck_assert_int_eq(rules_prune_at(&k, 500), 1007);
}
END_TEST

START_TEST(a_spec_is_one_block_with_copies_of_its_texts)
{
	char args[] = "{\"a\":1}";
	struct job_spec from = { .type = "t", .queue = "q", .args = args, .tags = "{}" };
	struct job_spec *spec = job_spec_new(&from), *again;

	ck_assert_ptr_nonnull(spec);
	args[0] = '!';
	ck_assert_str_eq(spec->args, "{\"a\":1}");
	ck_assert_uint_eq(spec->args_len, 7);
	ck_assert_ptr_null(spec->meta);
	ck_assert_uint_eq(spec->bytes, sizeof(*spec) + 2 + 2 + 8 + 3);
	again = job_spec_ref(spec);
	job_spec_unref(&spec);
	ck_assert_ptr_null(spec);
	ck_assert_str_eq(again->type, "t");
	job_spec_unref(&again);
	job_spec_unref(&again);
}
END_TEST

START_TEST(outcomes_have_names)
{
	ck_assert_str_eq(outcome_kind_name(OUTCOME_SUCCEEDED), "succeeded");
	ck_assert_str_eq(outcome_kind_name(OUTCOME_FAILED), "failed");
	ck_assert_str_eq(outcome_kind_name(OUTCOME_CANCELLED), "cancelled");
	ck_assert_str_eq(outcome_kind_name(OUTCOME_INTERRUPTED), "interrupted");
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("store_rules");
	TCase *tc = tcase_create("rules");

	tcase_add_test(tc, which_state_allows_what);
	tcase_add_test(tc, only_a_ready_job_is_claimed_by_its_next_number);
	tcase_add_test(tc, a_settlement_is_for_the_attempt_that_runs_or_is_next);
	tcase_add_test(tc, a_cancel_recorded_before_wins_over_every_outcome);
	tcase_add_test(tc, the_latest_attempt_is_archived_once);
	tcase_add_test(tc, expiry_bounds_the_first_start);
	tcase_add_test(tc, retry_drops_an_expiry_that_is_over_and_keeps_one_to_come);
	tcase_add_test(tc, recover_counts_in_a_row_and_fails_at_the_tenth);
	tcase_add_test(tc, what_a_key_that_is_held_means);
	tcase_add_test(tc, a_record_goes_after_its_own_time_or_the_default);
	tcase_add_test(tc, a_spec_is_one_block_with_copies_of_its_texts);
	tcase_add_test(tc, outcomes_have_names);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	return unit_run(suite());
}
