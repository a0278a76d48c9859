/* The store's contract, over each back end: a job's life, and unique keys. */
#include <stdlib.h>

#include "../lib/unit.h"
#include "storetest.h"

/* ---- submit ---- */

STORE_TEST(ids_are_positive_and_grow)
{
	int64_t a = submit(), b = submit();

	ck_assert_int_gt(a, 0);
	ck_assert_int_gt(b, a);
}

STORE_TEST(a_submit_is_told_with_its_spec)
{
	int64_t id = submit_spec(new_spec("mail", "http"), 5, 0);

	ck_assert_uint_eq(told_n, 1);
	ck_assert_int_eq(told[0].id, id);
	ck_assert_int_eq(told[0].from, JOB_NONE);
	ck_assert_int_eq(told[0].to, JOB_READY);
	ck_assert_str_eq(told[0].queue, "mail");
	ck_assert_str_eq(told[0].type, "http");
	ck_assert(told[0].spec);
}

STORE_TEST(the_first_state_is_held_before_scheduled_before_ready)
{
	struct submission held = { .spec = new_spec("q", "t"), .hold = true, .run_at = 5000 };

	ck_assert_int_eq(store_submit(st, &held, 1, 1000, NULL), 0);
	ck_assert_int_eq(held.state, JOB_HELD);
	job_spec_unref(&held.spec);
	ck_assert_int_eq(state_of(submit_at(1001)), JOB_SCHEDULED);
	ck_assert_int_eq(state_of(submit_at(1000)), JOB_READY);
}

STORE_TEST(several_submits_get_their_ids_in_order)
{
	struct submission v[5] = { 0 };

	for (int i = 0; i < 5; i++)
		v[i].spec = new_spec("q", "t");
	ck_assert_int_eq(store_submit(st, v, 5, 1000, NULL), 0);
	for (int i = 0; i < 5; i++) {
		ck_assert_int_eq(told[i].id, v[i].id);
		ck_assert_int_eq(v[i].id, v[0].id + i);
		job_spec_unref(&v[i].spec);
	}
}

STORE_TEST(nothing_submitted_is_nothing_done)
{
	ck_assert_int_eq(store_submit(st, NULL, 0, 1000, NULL), 0);
	ck_assert_uint_eq(told_n, 0);
}

static int64_t side_ids[64];

static void submit_aside(void *arg)
{
	side_ids[(size_t)(intptr_t)arg] = submit();
}

STORE_TEST(submits_side_by_side_keep_the_order_of_their_calls)
{
	for (intptr_t i = 0; i < 64; i++)
		ck_assert_int_eq(coro_spawn(&storetest_group, "side", submit_aside, (void *)i), 0);
	while (told_n < 64)
		coro_yield();
	while (storetest_group.count > 1)
		coro_yield();
	for (int i = 1; i < 64; i++)
		ck_assert_int_eq(side_ids[i], side_ids[i - 1] + 1);
}

/* ---- unique ---- */

static struct submission keyed(const char *key, enum unique_scope scope, enum unique_on_conflict on_conflict)
{
	return (struct submission){ .spec = new_keyed_spec(key), .unique_scope = scope, .unique_on_conflict = on_conflict };
}

static int submit_keyed(struct submission *s)
{
	int rc = store_submit(st, s, 1, 2000, NULL);

	job_spec_unref(&s->spec);
	return rc;
}

STORE_TEST(existing_answers_the_holder)
{
	struct submission a = keyed("k", UNIQUE_ACTIVE, UNIQUE_EXISTING), b = keyed("k", UNIQUE_ACTIVE, UNIQUE_EXISTING);

	ck_assert_int_eq(submit_keyed(&a), 0);
	ck_assert(!a.existing);
	ck_assert_int_eq(submit_keyed(&b), 0);
	ck_assert(b.existing);
	ck_assert_int_eq(b.id, a.id);
	ck_assert_int_eq(b.state, JOB_READY);
	ck_assert_uint_eq(told_n, 1);
}

STORE_TEST(another_key_is_another_matter)
{
	struct submission a = keyed("k", UNIQUE_ACTIVE, UNIQUE_REJECT), b = keyed("l", UNIQUE_ACTIVE, UNIQUE_REJECT);

	ck_assert_int_eq(submit_keyed(&a), 0);
	ck_assert_int_eq(submit_keyed(&b), 0);
	ck_assert_int_ne(a.id, b.id);
}

STORE_TEST(reject_names_the_holder)
{
	struct submission a = keyed("k", UNIQUE_ACTIVE, UNIQUE_REJECT), b = keyed("k", UNIQUE_ACTIVE, UNIQUE_REJECT);

	ck_assert_int_eq(submit_keyed(&a), 0);
	ck_assert_int_eq(submit_keyed(&b), -EEXIST);
	ck_assert_int_eq(b.id, a.id);
	ck_assert_uint_eq(told_n, 1);
}

STORE_TEST(a_final_job_holds_its_key_in_scope_all_only)
{
	struct submission a = keyed("k", UNIQUE_ACTIVE, UNIQUE_REJECT), b = keyed("k", UNIQUE_ACTIVE, UNIQUE_REJECT),
			  c = keyed("k", UNIQUE_ALL, UNIQUE_EXISTING), d = keyed("k", UNIQUE_ALL, UNIQUE_REPLACE);

	ck_assert_int_eq(submit_keyed(&a), 0);
	succeed(a.id, 3000);
	ck_assert_int_eq(submit_keyed(&b), 0);
	ck_assert_int_eq(submit_keyed(&c), 0);
	ck_assert(c.existing);
	ck_assert_int_eq(c.id, b.id);		/* the newest */
	succeed(b.id, 4000);
	ck_assert_int_eq(submit_keyed(&d), -EEXIST);
	ck_assert_int_eq(d.id, b.id);
}

STORE_TEST(replace_cancels_one_that_waits)
{
	struct submission a = keyed("k", UNIQUE_ACTIVE, UNIQUE_REPLACE), b = keyed("k", UNIQUE_ACTIVE, UNIQUE_REPLACE);

	ck_assert_int_eq(submit_keyed(&a), 0);
	ck_assert_int_eq(submit_keyed(&b), 0);
	ck_assert(!b.existing);
	ck_assert_int_ne(b.id, a.id);
	ck_assert_int_eq(state_of(a.id), JOB_CANCELLED);
	ck_assert_int_eq(state_of(b.id), JOB_READY);
	ck_assert_uint_eq(told_n, 3);
	ck_assert_int_eq(told[1].id, a.id);
	ck_assert_int_eq(told[1].to, JOB_CANCELLED);
	ck_assert_str_eq(told[1].reason, "cancelled");
	ck_assert_int_eq(told[2].id, b.id);
}

STORE_TEST(replace_stops_at_one_that_runs)
{
	struct submission a = keyed("k", UNIQUE_ACTIVE, UNIQUE_REPLACE), b = keyed("k", UNIQUE_ACTIVE, UNIQUE_REPLACE);

	ck_assert_int_eq(submit_keyed(&a), 0);
	ck_assert_int_eq(claim(a.id, 1, 2000), 0);
	ck_assert_int_eq(submit_keyed(&b), -EBUSY);
	ck_assert_int_eq(b.id, a.id);
	ck_assert_int_eq(state_of(a.id), JOB_RUNNING);
}

STORE_TEST(a_key_twice_in_one_submit_is_as_one_after_the_other)
{
	struct submission v[3] = { keyed("k", UNIQUE_ACTIVE, UNIQUE_EXISTING), keyed("k", UNIQUE_ACTIVE, UNIQUE_EXISTING),
				   keyed("k", UNIQUE_ACTIVE, UNIQUE_REPLACE) };

	ck_assert_int_eq(store_submit(st, v, 3, 1000, NULL), 0);
	ck_assert(!v[0].existing);
	ck_assert(v[1].existing);
	ck_assert_int_eq(v[1].id, v[0].id);
	ck_assert(!v[2].existing);
	ck_assert_int_gt(v[2].id, v[0].id);
	ck_assert_int_eq(state_of(v[0].id), JOB_CANCELLED);
	ck_assert_int_eq(state_of(v[2].id), JOB_READY);
	for (int i = 0; i < 3; i++)
		job_spec_unref(&v[i].spec);
}

STORE_TEST(all_or_none_of_several_submits)
{
	struct submission first = keyed("k", UNIQUE_ACTIVE, UNIQUE_EXISTING), waiting = keyed("w", UNIQUE_ACTIVE, UNIQUE_EXISTING);
	struct submission v[4] = { { .spec = new_spec("other", "t") }, keyed("w", UNIQUE_ACTIVE, UNIQUE_REPLACE),
				   keyed("k", UNIQUE_ACTIVE, UNIQUE_REJECT), { .spec = new_spec("q", "t") } };
	int64_t next;
	size_t at = 99;

	ck_assert_int_eq(submit_keyed(&first), 0);
	ck_assert_int_eq(submit_keyed(&waiting), 0);
	ck_assert_int_eq(store_submit(st, v, 4, 1000, &at), -EEXIST);
	ck_assert_uint_eq(at, 2);
	ck_assert_int_eq(v[2].id, first.id);
	ck_assert_uint_eq(told_n, 2);
	ck_assert_int_eq(state_of(waiting.id), JOB_READY);
	next = submit();
	ck_assert_int_eq(next, waiting.id + 1);
	for (int i = 0; i < 4; i++)
		job_spec_unref(&v[i].spec);
}

STORE_TEST(a_key_refused_within_one_submit_blames_the_later_one)
{
	struct submission v[2] = { keyed("k", UNIQUE_ACTIVE, UNIQUE_REJECT), keyed("k", UNIQUE_ALL, UNIQUE_REJECT) };
	size_t at = 99;

	ck_assert_int_eq(store_submit(st, v, 2, 1000, &at), -EEXIST);
	ck_assert_uint_eq(at, 1);
	ck_assert_int_eq(v[1].id, 0);		/* of no job: none was added */
	ck_assert_uint_eq(told_n, 0);
	for (int i = 0; i < 2; i++)
		job_spec_unref(&v[i].spec);
}

/* ---- claim ---- */

STORE_TEST(a_claim_starts_a_ready_job_once)
{
	int64_t id = submit();

	ck_assert_int_eq(claim(id, 2, 2000), -EBUSY);
	ck_assert_int_eq(claim(id, 1, 2000), 0);
	ck_assert_int_eq(told[1].from, JOB_READY);
	ck_assert_int_eq(told[1].to, JOB_RUNNING);
	ck_assert_int_eq(told[1].attempt, 1);
	ck_assert_int_eq(claim(id, 1, 2000), -EBUSY);
	ck_assert_int_eq(claim(id, 2, 2000), -EBUSY);
	ck_assert_int_eq(claim(id + 1, 1, 2000), -ENOENT);
	ck_assert_uint_eq(told_n, 2);
}

STORE_TEST(a_claim_loads_the_spec)
{
	struct job_spec from = storetest_spec(), *loaded = NULL;
	struct claim c = { .attempt = 1, .started_at = 2000, .where = "here" };

	from.args = "{\"a\":1}";
	from.meta = "[1]";
	from.tags = "{\"x\":\"y\"}";
	from.unique_key = "k";
	from.retain = 77;
	from.interrupted_fail = true;
	from.retry = (struct retry_policy){ 7, BACKOFF_LINEAR, 5, 6, 0.5 };
	c.id = submit_spec(job_spec_new(&from), 0, 0);
	ck_assert_int_eq(store_claim(st, &c, &loaded), 0);
	ck_assert_ptr_nonnull(loaded);
	ck_assert_str_eq(loaded->type, "t");
	ck_assert_str_eq(loaded->queue, "q");
	ck_assert_str_eq(loaded->args, from.args);
	ck_assert_uint_eq(loaded->args_len, strlen(from.args));
	ck_assert_str_eq(loaded->meta, from.meta);
	ck_assert_str_eq(loaded->tags, from.tags);
	ck_assert_str_eq(loaded->unique_key, "k");
	ck_assert_int_eq(loaded->timeout, 60000);
	ck_assert_int_eq(loaded->retain, 77);
	ck_assert(loaded->interrupted_fail);
	ck_assert_int_eq(loaded->retry.max_attempts, 7);
	ck_assert_int_eq(loaded->retry.backoff, BACKOFF_LINEAR);
	ck_assert_int_eq(loaded->retry.base, 5);
	ck_assert_int_eq(loaded->retry.cap, 6);
	ck_assert(loaded->retry.jitter == 0.5);
	job_spec_unref(&loaded);
}

static int soon_rc = 1;
static size_t soon_told_n;

static void soon_done(void *arg, int rc)
{
	ck_assert_ptr_eq(arg, &soon_rc);
	soon_rc = rc;
	soon_told_n = told_n;
}

STORE_TEST(a_claim_without_waiting_is_answered_after_its_change)
{
	struct claim c = { .id = submit(), .attempt = 1, .started_at = 2000, .where = "here" };

	soon_rc = 1;
	ck_assert_int_eq(store_claim_soon(st, &c, soon_done, &soon_rc), 0);
	ck_assert_int_eq(settle(c.id, 1, OUTCOME_SUCCEEDED, JOB_SUCCEEDED, 3000), 0);
	ck_assert_int_eq(soon_rc, 0);
	ck_assert_uint_eq(soon_told_n, 2);
	ck_assert_uint_eq(told_n, 3);
	ck_assert_int_eq(told[2].from, JOB_RUNNING);
	ck_assert_int_eq(store_claim_soon(st, &c, soon_done, &soon_rc), 0);
	ck_assert_int_eq(state_of(c.id), JOB_SUCCEEDED);
	submit();
	ck_assert_int_eq(soon_rc, -EBUSY);
}

/* ---- settle ---- */

STORE_TEST(a_settlement_is_recorded_once)
{
	int64_t id = submit();

	ck_assert_int_eq(claim(id, 1, 2000), 0);
	ck_assert_int_eq(settle(id, 2, OUTCOME_SUCCEEDED, JOB_SUCCEEDED, 3000), -EBUSY);
	ck_assert_int_eq(settle(id, 1, OUTCOME_SUCCEEDED, JOB_SUCCEEDED, 3000), 0);
	ck_assert_int_eq(settle(id, 1, OUTCOME_FAILED, JOB_FAILED, 3000), -EBUSY);
	ck_assert_int_eq(settle(id + 1, 1, OUTCOME_FAILED, JOB_FAILED, 3000), -ENOENT);
	ck_assert_int_eq(state_of(id), JOB_SUCCEEDED);
	ck_assert_uint_eq(told_n, 3);
}

STORE_TEST(a_settlement_makes_up_for_an_unwritten_claim)
{
	int64_t id = submit();
	struct job_record record;

	ck_assert_int_eq(settle(id, 2, OUTCOME_SUCCEEDED, JOB_SUCCEEDED, 3000), -EBUSY);
	ck_assert_int_eq(settle(id, 1, OUTCOME_SUCCEEDED, JOB_SUCCEEDED, 3000), 0);
	ck_assert_int_eq(store_get(st, id, &record), 0);
	ck_assert_int_eq(record.row.attempt, 1);
	ck_assert_int_eq(record.row.started_at, 2990);
	ck_assert_int_eq(record.row.finished_at, 3000);
	ck_assert_uint_eq(record.history_len, 1);
	ck_assert_str_eq(record.history[0].where, "here");
	job_record_free(&record);
}

STORE_TEST(a_result_and_an_error_are_kept_side_by_side)
{
	int64_t id = submit();
	struct settlement s = settlement(id, 1, OUTCOME_FAILED, JOB_FAILED, 3000);
	struct job_record record;

	s.result = "{\"exit_code\":1}";
	s.progress = "{\"fraction\":0.5}";
	s.output_bytes[0] = 10;
	s.output_bytes[1] = 1ll << 40;
	ck_assert_int_eq(store_settle(st, &s), 0);
	ck_assert_str_eq(told[1].reason, "io");
	ck_assert_int_eq(store_get(st, id, &record), 0);
	ck_assert_str_eq(record.result, s.result);
	ck_assert_str_eq(record.progress, s.progress);
	ck_assert_str_eq(record.reason, "io");
	ck_assert_str_eq(record.message, "it broke");
	ck_assert_int_eq(record.output_bytes[0], 10);
	ck_assert_int_eq(record.output_bytes[1], 1ll << 40);
	ck_assert_uint_eq(record.history_len, 1);
	ck_assert_int_eq(record.history[0].outcome, OUTCOME_FAILED);
	ck_assert_str_eq(record.history[0].reason, "io");
	job_record_free(&record);
}

STORE_TEST(the_next_attempt_says_all_anew_and_the_history_keeps_the_last)
{
	int64_t id = submit();
	struct settlement s = settlement(id, 1, OUTCOME_FAILED, JOB_SCHEDULED, 3000);
	struct job_record record;
	wall_ms next;

	s.run_at = 5000;
	s.result = "1";
	s.progress = "{}";
	s.output_bytes[0] = 10;
	ck_assert_int_eq(store_settle(st, &s), 0);
	ck_assert_int_eq(store_due(st, 5000, 10, &next), 0);
	ck_assert_int_eq(store_get(st, id, &record), 0);
	ck_assert_str_eq(record.result, "1");	/* the latest attempt's, until there is another */
	ck_assert_str_eq(record.reason, "io");
	job_record_free(&record);
	ck_assert_int_eq(claim(id, 2, 6000), 0);
	ck_assert_int_eq(store_get(st, id, &record), 0);
	ck_assert(record.result == NULL && record.progress == NULL && record.reason == NULL && record.message == NULL);
	ck_assert_int_eq(record.output_bytes[0], 0);
	ck_assert_uint_eq(record.history_len, 1);
	ck_assert_str_eq(record.history[0].reason, "io");
	ck_assert_int_eq(record.history[0].output_bytes[0], 10);
	ck_assert_int_eq(record.row.finished_at, 0);
	ck_assert_int_eq(record.row.run_at, 5000);
	job_record_free(&record);
	ck_assert_int_eq(settle(id, 2, OUTCOME_SUCCEEDED, JOB_SUCCEEDED, 7000), 0);
	ck_assert_int_eq(store_get(st, id, &record), 0);
	ck_assert_ptr_null(record.result);
	ck_assert_ptr_null(record.reason);
	ck_assert_uint_eq(record.history_len, 2);
	ck_assert_int_eq(record.history[0].number, 1);
	ck_assert_int_eq(record.history[0].outcome, OUTCOME_FAILED);
	ck_assert_int_eq(record.history[0].finished_at, 3000);
	ck_assert_str_eq(record.history[0].message, "it broke");
	ck_assert_int_eq(record.history[1].number, 2);
	ck_assert_int_eq(record.history[1].outcome, OUTCOME_SUCCEEDED);
	ck_assert_ptr_null(record.history[1].reason);
	job_record_free(&record);
}

STORE_TEST(interrupted_attempts_are_counted_in_a_row_and_excused)
{
	int64_t id = submit();
	struct settlement s = settlement(id, 1, OUTCOME_INTERRUPTED, JOB_READY, 3000);
	struct job_record record;

	s.excused = true;
	ck_assert_int_eq(store_settle(st, &s), 0);
	s.attempt = 2;
	ck_assert_int_eq(store_settle(st, &s), 0);
	ck_assert_int_eq(store_get(st, id, &record), 0);
	ck_assert_int_eq(record.row.interruptions, 2);
	ck_assert_int_eq(record.row.excused, 2);
	ck_assert_int_eq(record.row.state, JOB_READY);
	job_record_free(&record);
	ck_assert_int_eq(settle(id, 3, OUTCOME_FAILED, JOB_READY, 4000), 0);
	ck_assert_int_eq(store_get(st, id, &record), 0);
	ck_assert_int_eq(record.row.interruptions, 0);
	ck_assert_int_eq(record.row.excused, 2);
	ck_assert_uint_eq(record.history_len, 3);
	ck_assert_int_eq(record.history[1].outcome, OUTCOME_INTERRUPTED);
	job_record_free(&record);
}

STORE_TEST(the_history_keeps_the_last_hundred)
{
	int64_t id = submit();
	struct job_record record;

	for (int n = 1; n <= 130; n++)
		ck_assert_int_eq(settle(id, n, OUTCOME_FAILED, JOB_READY, 3000 + n), 0);
	ck_assert_int_eq(store_get(st, id, &record), 0);
	ck_assert_uint_eq(record.history_len, 100);
	for (int i = 0; i < 100; i++) {
		ck_assert_int_eq(record.history[i].number, 31 + i);
		ck_assert_int_eq(record.history[i].finished_at, 3031 + i);
	}
	job_record_free(&record);
}

static Suite *suite(void)
{
	Suite *s = suite_create("store");
	TCase *tc = tcase_create("life");

	add_store_test(tc, ids_are_positive_and_grow);
	add_store_test(tc, a_submit_is_told_with_its_spec);
	add_store_test(tc, the_first_state_is_held_before_scheduled_before_ready);
	add_store_test(tc, several_submits_get_their_ids_in_order);
	add_store_test(tc, nothing_submitted_is_nothing_done);
	add_store_test(tc, submits_side_by_side_keep_the_order_of_their_calls);
	add_store_test(tc, a_claim_starts_a_ready_job_once);
	add_store_test(tc, a_claim_loads_the_spec);
	add_store_test(tc, a_claim_without_waiting_is_answered_after_its_change);
	add_store_test(tc, a_settlement_is_recorded_once);
	add_store_test(tc, a_settlement_makes_up_for_an_unwritten_claim);
	add_store_test(tc, a_result_and_an_error_are_kept_side_by_side);
	add_store_test(tc, the_next_attempt_says_all_anew_and_the_history_keeps_the_last);
	add_store_test(tc, interrupted_attempts_are_counted_in_a_row_and_excused);
	add_store_test(tc, the_history_keeps_the_last_hundred);
	suite_add_tcase(s, tc);
	tc = tcase_create("unique");
	add_store_test(tc, existing_answers_the_holder);
	add_store_test(tc, another_key_is_another_matter);
	add_store_test(tc, reject_names_the_holder);
	add_store_test(tc, a_final_job_holds_its_key_in_scope_all_only);
	add_store_test(tc, replace_cancels_one_that_waits);
	add_store_test(tc, replace_stops_at_one_that_runs);
	add_store_test(tc, a_key_twice_in_one_submit_is_as_one_after_the_other);
	add_store_test(tc, all_or_none_of_several_submits);
	add_store_test(tc, a_key_refused_within_one_submit_blames_the_later_one);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	return unit_run(suite());
}
