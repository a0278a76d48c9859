/* What is set of queues, and what limits jobs: decided in the transaction of the job's state. */
#include <stdlib.h>

#include "storetest.h"
#include "tests/lib/unit.h"

static int submit_limited(const char *queue, int64_t max_ready, int64_t *id)
{
	struct submission s = { .spec = new_spec(queue, "t"), .max_ready = max_ready };
	int rc = store_submit(st, &s, 1, 1000, NULL);

	job_spec_unref(&s.spec);
	*id = rc == -EXFULL ? s.waiting : s.id;
	return rc;
}

/* ---- settings ---- */

STORE_TEST(what_is_set_of_a_queue_is_told_as_a_whole)
{
	struct queue_row row = { .name = "mail", .set = { .weight = 3, .max_ready = 10 } };

	ck_assert_int_eq(store_queue_set(st, &row, QUEUE_WEIGHT), 0);
	ck_assert_int_eq(storetest_queue_row.set.weight, 3);
	ck_assert_int_eq(storetest_queue_row.set.max_ready, 0);
	row = (struct queue_row){ .name = "mail", .paused = true, .set = { 4, { 2.5, 7 }, 0, 10 } };
	ck_assert_int_eq(store_queue_set(st, &row, QUEUE_PAUSED | QUEUE_CONCURRENCY | QUEUE_RATE | QUEUE_MAX_READY), 0);
	ck_assert(storetest_queue_row.paused);
	ck_assert_int_eq(storetest_queue_row.set.concurrency, 4);
	ck_assert_double_eq(storetest_queue_row.set.rate.per_second, 2.5);
	ck_assert_int_eq(storetest_queue_row.set.rate.burst, 7);
	ck_assert_int_eq(storetest_queue_row.set.weight, 3);
	ck_assert_int_eq(storetest_queue_row.set.max_ready, 10);
	row = (struct queue_row){ .name = "mail" };
	ck_assert_int_eq(store_queue_set(st, &row, QUEUE_WEIGHT | QUEUE_RATE), 0);
	ck_assert_int_eq(storetest_queue_row.set.weight, 0);
	ck_assert_double_eq(storetest_queue_row.set.rate.per_second, 0);
	ck_assert_int_eq(storetest_queue_row.set.concurrency, 4);
	ck_assert(storetest_queue_row.paused);
}

static void set_queue(void)
{
	struct queue_row row = { "mail", false, { 4, { 2.5, 7 }, 3, 10 }, { 0, 0 } };

	ck_assert_int_eq(store_queue_set(st, &row, QUEUE_CONCURRENCY | QUEUE_RATE | QUEUE_WEIGHT | QUEUE_MAX_READY), 0);
}

START_TEST(what_is_set_is_there_at_the_next_open)
{
	storetest_make_directory();
	storetest_open(&store_sqlite);
	storetest_go(set_queue);
	storetest_close();
	storetest_queue_row = (struct queue_row){ 0 };
	storetest_open(&store_sqlite);
	ck_assert_str_eq(storetest_queue, "mail");
	ck_assert_int_eq(storetest_queue_row.set.concurrency, 4);
	ck_assert_double_eq(storetest_queue_row.set.rate.per_second, 2.5);
	ck_assert_int_eq(storetest_queue_row.set.rate.burst, 7);
	ck_assert_int_eq(storetest_queue_row.set.weight, 3);
	ck_assert_int_eq(storetest_queue_row.set.max_ready, 10);
	ck_assert_int_eq(storetest_queue_row.bucket.at, 0);
	storetest_close();
	storetest_remove_directory();
}
END_TEST

/* ---- max_ready ---- */

STORE_TEST(a_full_queue_takes_no_more)
{
	enum job_state state;
	int64_t first, id;

	ck_assert_int_eq(submit_limited("q", 2, &first), 0);
	ck_assert_int_eq(submit_limited("q", 2, &id), 0);
	ck_assert_int_eq(submit_limited("q", 2, &id), -EXFULL);
	ck_assert_int_eq(id, 2);
	ck_assert_int_eq(submit_limited("other", 2, &id), 0);
	ck_assert_int_eq(submit_limited("q", 0, &id), 0);		/* no limit by then */
	ck_assert_int_eq(submit_limited("q", 3, &id), -EXFULL);
	/* What runs or is final does not count; what is held does. */
	ck_assert_int_eq(claim(first, 1, 2000), 0);
	ck_assert_int_eq(submit_limited("q", 3, &id), 0);
	ck_assert_int_eq(store_hold(st, id, 2000, &state), 0);
	ck_assert_int_eq(submit_limited("q", 3, &id), -EXFULL);
	ck_assert_int_eq(settle(first, 1, OUTCOME_SUCCEEDED, JOB_SUCCEEDED, 3000), 0);
	ck_assert_int_eq(submit_limited("q", 3, &id), -EXFULL);
	ck_assert_int_eq(id, 3);
}

STORE_TEST(many_go_in_all_or_none)
{
	struct submission v[4];
	size_t at = 99;
	int64_t id;

	ck_assert_int_eq(submit_limited("q", 4, &id), 0);
	memset(v, 0, sizeof(v));
	for (int i = 0; i < 4; i++)
		v[i] = (struct submission){ .spec = new_spec("q", i == 1 ? "t" : "other"), .max_ready = 4 };
	ck_assert_int_eq(store_submit(st, v, 4, 1000, &at), -EXFULL);
	ck_assert_uint_eq(at, 3);
	ck_assert_int_eq(v[3].waiting, 4);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(v[i].id, 0);
	storetest_agree();
	ck_assert_int_eq(store_submit(st, v, 3, 1000, &at), 0);
	ck_assert_int_gt(v[0].id, id);
	for (int i = 0; i < 4; i++)
		job_spec_unref(&v[i].spec);
}

static int submit_keyed(const char *key, enum unique_on_conflict on_conflict, int64_t max_ready, struct submission *s)
{
	int rc;

	*s = (struct submission){ .spec = new_keyed_spec(key), .unique_on_conflict = on_conflict, .max_ready = max_ready };
	rc = store_submit(st, s, 1, 1000, NULL);
	job_spec_unref(&s->spec);
	return rc;
}

STORE_TEST(what_is_there_already_is_answered_by_a_full_queue)
{
	struct submission s;
	int64_t first;

	ck_assert_int_eq(submit_keyed("k", UNIQUE_EXISTING, 1, &s), 0);
	first = s.id;
	ck_assert_int_eq(submit_keyed("k", UNIQUE_EXISTING, 1, &s), 0);
	ck_assert(s.existing);
	ck_assert_int_eq(s.id, first);
	ck_assert_int_eq(submit_keyed("k", UNIQUE_REJECT, 1, &s), -EEXIST);
	ck_assert_int_eq(submit_keyed("other", UNIQUE_EXISTING, 1, &s), -EXFULL);
	/* To replace one makes room for one. */
	ck_assert_int_eq(submit_keyed("k", UNIQUE_REPLACE, 1, &s), 0);
	ck_assert_int_gt(s.id, first);
	ck_assert_int_eq(state_of(first), JOB_CANCELLED);
}

STORE_TEST(nothing_is_replaced_by_what_is_refused)
{
	struct submission s;
	int64_t first, id;

	ck_assert_int_eq(submit_keyed("k", UNIQUE_EXISTING, 0, &s), 0);
	first = s.id;
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(submit_limited("q", 0, &id), 0);
	ck_assert_int_eq(submit_keyed("k", UNIQUE_REPLACE, 2, &s), -EXFULL);
	ck_assert_int_eq(s.waiting, 3);
	ck_assert_int_eq(state_of(first), JOB_READY);
	storetest_agree();
}

static Suite *suite(void)
{
	Suite *s = suite_create("store_limits");
	TCase *tc = tcase_create("settings");

	add_store_test(tc, what_is_set_of_a_queue_is_told_as_a_whole);
	tcase_add_test(tc, what_is_set_is_there_at_the_next_open);
	suite_add_tcase(s, tc);
	tc = tcase_create("max_ready");
	add_store_test(tc, a_full_queue_takes_no_more);
	add_store_test(tc, many_go_in_all_or_none);
	add_store_test(tc, what_is_there_already_is_answered_by_a_full_queue);
	add_store_test(tc, nothing_is_replaced_by_what_is_refused);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	return unit_run(suite());
}
