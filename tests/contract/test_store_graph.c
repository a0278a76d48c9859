/* The store's contract, over each back end: jobs that wait for others. */
#include <stdlib.h>

#include "../lib/chance.h"
#include "../lib/unit.h"
#include "storetest.h"

enum { MANY = 10000, ASIDE = 100 };

static int64_t submit_after_at(const int64_t *after, size_t n, bool run, bool hold, wall_ms run_at)
{
	struct submission s = { .spec = new_spec("q", "t"), .after = after, .after_n = n, .after_run = run, .hold = hold,
				.run_at = run_at };

	ck_assert_int_eq(store_submit(st, &s, 1, 1000, NULL), 0);
	ck_assert_int_eq(s.state, state_of(s.id));
	job_spec_unref(&s.spec);
	return s.id;
}

static int64_t after_one(int64_t parent)
{
	return submit_after_at(&parent, 1, false, false, 0);
}

static int64_t after_two(int64_t a, int64_t b)
{
	int64_t after[] = { a, b };

	return submit_after_at(after, 2, false, false, 0);
}

static int64_t run_after(int64_t parent)
{
	return submit_after_at(&parent, 1, true, false, 0);
}

static void go_wrong(int64_t id)
{
	ck_assert_int_eq(settle(id, 1, OUTCOME_FAILED, JOB_FAILED, 3000), 0);
}

static void ask(int (*verb)(struct store *, int64_t, wall_ms, enum job_state *), int64_t id, int rc)
{
	enum job_state state;

	ck_assert_int_eq(verb(st, id, 4000, &state), rc);
}

/* Follows what edges are left, in turns; how many it took. */
static int resolve(size_t max)
{
	wall_ms next = 1;
	int turns = 0;

	while (next != 0) {
		ck_assert_int_eq(store_resolve(st, 5000, max, &next), 0);
		turns++;
		ck_assert_int_lt(turns, 10 * MANY);
	}
	return turns;
}

static char after_text[200];

static const char *after_of(int64_t id)
{
	struct job_record record;

	ck_assert_int_eq(store_get(st, id, &record), 0);
	snprintf(after_text, sizeof(after_text), "%s", record.row.spec->after != NULL ? record.row.spec->after : "");
	job_record_free(&record);
	return after_text;
}

static void error_is(int64_t id, const char *reason, const char *message)
{
	struct job_record record;

	ck_assert_int_eq(store_get(st, id, &record), 0);
	ck_assert_str_eq(record.reason, reason);
	ck_assert_str_eq(record.message, message);
	job_record_free(&record);
}

/* ---- waiting ---- */

STORE_TEST(a_job_waits_for_all_that_it_names)
{
	int64_t a = submit(), b = submit(), c = after_two(b, a);

	ck_assert_int_eq(state_of(c), JOB_BLOCKED);
	ck_assert(strcmp(after_of(a), "") == 0);
	ck_assert_int_eq(claim(c, 1, 2000), -EBUSY);
	succeed(a, 2000);
	ck_assert_int_eq(state_of(c), JOB_BLOCKED);
	succeed(b, 2500);
	ck_assert_int_eq(state_of(c), JOB_READY);
	ck_assert_int_eq(told[told_n - 1].id, c);
	ck_assert_int_eq(told[told_n - 2].id, b);	/* told after what let it go */
	ck_assert_int_eq(storetest_unresolved, 0);
	succeed(c, 3000);
}

STORE_TEST(what_it_names_is_kept_each_once_in_its_order)
{
	int64_t a = submit(), b = submit(), c = submit();
	int64_t after[] = { c, a, c, b, a };
	char expected[64];

	snprintf(expected, sizeof(expected), "[%lld,%lld,%lld]", (long long)c, (long long)a, (long long)b);
	ck_assert_str_eq(after_of(submit_after_at(after, 5, false, false, 0)), expected);
}

STORE_TEST(a_name_of_no_job_is_refused)
{
	int64_t after[] = { submit(), 999 };
	struct submission v[2] = { { .spec = new_spec("other", "t") }, { .spec = new_spec("q", "t"), .after = after, .after_n = 2 } };
	size_t at = 9, before = told_n;

	ck_assert_int_eq(store_submit(st, v, 2, 1000, &at), -ENOENT);
	ck_assert_uint_eq(at, 1);
	ck_assert_int_eq(v[1].missing, 999);
	ck_assert_int_eq(store_submit(st, &v[1], 1, 1000, &at), -ENOENT);
	ck_assert_uint_eq(at, 0);
	ck_assert_uint_eq(told_n, before);
	ck_assert_int_eq(submit(), after[0] + 1);
	job_spec_unref(&v[0].spec);
	job_spec_unref(&v[1].spec);
}

STORE_TEST(what_is_final_already_counts_at_once)
{
	int64_t good = submit(), bad = submit(), both[] = { good, bad }, c;

	succeed(good, 2000);
	go_wrong(bad);
	ck_assert_int_eq(state_of(after_one(good)), JOB_READY);
	ck_assert_int_eq(state_of(run_after(bad)), JOB_READY);
	c = submit_after_at(both, 2, false, true, 0);
	ck_assert_int_eq(state_of(c), JOB_CANCELLED);
	ck_assert_int_eq(told[told_n - 1].from, JOB_NONE);
	ck_assert_str_eq(told[told_n - 1].reason, "dependency");
	error_is(c, "dependency", "job 2, which it was to wait for, failed");
	ck_assert_int_eq(state_of(after_one(c)), JOB_CANCELLED);
	ck_assert_int_eq(state_of(submit_after_at(&good, 1, false, false, 9000)), JOB_SCHEDULED);
	ck_assert_int_eq(state_of(submit_after_at(&good, 1, false, true, 9000)), JOB_HELD);
}

STORE_TEST(then_its_own_time_counts)
{
	int64_t a = submit(), c = submit_after_at(&a, 1, false, false, 9000);
	wall_ms next;

	ck_assert_int_eq(state_of(c), JOB_BLOCKED);
	ck_assert_int_eq(store_due(st, 8000, 10, &next), 0);
	ck_assert_int_eq(next, 0);
	succeed(a, 2000);
	ck_assert_int_eq(state_of(c), JOB_SCHEDULED);
	ck_assert_int_eq(store_due(st, 9000, 10, &next), 0);
	ck_assert_int_eq(state_of(c), JOB_READY);
}

/* ---- when it does not succeed ---- */

STORE_TEST(each_bad_end_cancels_or_lets_run)
{
	int64_t parents[3] = { submit(), submit(), submit_expiring(3000, 0, true) }, children[3], others[3];
	wall_ms next;

	for (int i = 0; i < 3; i++) {
		children[i] = after_one(parents[i]);
		others[i] = run_after(parents[i]);
	}
	go_wrong(parents[0]);
	ask(store_cancel, parents[1], 0);
	ck_assert_int_eq(store_expire(st, 3000, 10, &next), 0);
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(state_of(children[i]), JOB_CANCELLED);
		ck_assert_int_eq(state_of(others[i]), JOB_READY);
	}
	error_is(children[0], "dependency", "job 1, which it was to wait for, failed");
	error_is(children[1], "dependency", "job 2, which it was to wait for, was cancelled");
	error_is(children[2], "dependency", "job 3, which it was to wait for, expired");
}

STORE_TEST(a_cancel_goes_down_the_whole_chain)
{
	int64_t first = submit(), last = first, ids[200];

	for (int i = 0; i < 200; i++)
		ids[i] = last = after_one(last);
	ask(store_cancel, first, 0);
	for (int i = 0; i < 200; i++)
		ck_assert_int_eq(state_of(ids[i]), JOB_CANCELLED);
	error_is(ids[1], "dependency", "job 2, which it was to wait for, was cancelled");
}

STORE_TEST(one_that_expires_or_is_cancelled_while_blocked_lets_go_of_its_parents)
{
	int64_t a = submit();
	struct submission s = { .spec = new_spec("q", "t"), .after = &a, .after_n = 1, .expires_at = 3000 };
	wall_ms next;

	ck_assert_int_eq(store_submit(st, &s, 1, 1000, NULL), 0);
	job_spec_unref(&s.spec);
	ask(store_cancel, after_one(a), 0);
	succeed(a, 2000);
	ck_assert_int_eq(state_of(s.id), JOB_READY);
	ask(store_delete, a, -ENOTEMPTY);
	ck_assert_int_eq(store_expire(st, 3000, 10, &next), 0);
	ck_assert_int_eq(state_of(s.id), JOB_EXPIRED);
	ask(store_delete, a, 0);
}

STORE_TEST(a_replaced_parent_takes_its_children_along)
{
	struct submission a = { .spec = new_keyed_spec("k") }, b = { .spec = new_keyed_spec("k"), .unique_on_conflict = UNIQUE_REPLACE };
	int64_t c;

	ck_assert_int_eq(store_submit(st, &a, 1, 1000, NULL), 0);
	c = after_one(a.id);
	ck_assert_int_eq(store_submit(st, &b, 1, 1000, NULL), 0);
	ck_assert_int_eq(state_of(c), JOB_CANCELLED);
	/* After the one that it replaces: which is cancelled then. */
	b.after = &b.id;
	b.after_n = 1;
	ck_assert_int_eq(store_submit(st, &b, 1, 1000, NULL), 0);
	ck_assert_int_eq(b.state, JOB_CANCELLED);
	job_spec_unref(&a.spec);
	job_spec_unref(&b.spec);
}

STORE_TEST(a_recovered_parent_that_fails_counts)
{
	struct job_spec from = storetest_spec();
	int64_t a, c;
	bool left;

	from.interrupted_fail = true;
	a = submit_spec(job_spec_new(&from), 0, 0);
	c = after_one(a);
	ck_assert_int_eq(claim(a, 1, 2000), 0);
	ck_assert_int_eq(store_recover(st, 3000, 10, &left), 0);
	ck_assert_int_eq(state_of(a), JOB_FAILED);
	ck_assert_int_eq(state_of(c), JOB_CANCELLED);
}

/* ---- held ---- */

/* The job's record tells of nothing that an attempt of it has brought. */
static void has_brought_nothing(int64_t id)
{
	struct job_record record;

	ck_assert_int_eq(store_get(st, id, &record), 0);
	ck_assert_ptr_null(record.result);
	ck_assert_ptr_null(record.progress);
	ck_assert_int_eq(record.output_bytes[0], 0);
	ck_assert_int_eq(record.output_bytes[1], 0);
	job_record_free(&record);
}

STORE_TEST(what_a_parent_has_brought_is_its_own)
{
	int64_t a = submit(), b = submit(), next = after_one(a), bad = after_one(b), last = after_one(bad), anyway = run_after(b);
	struct settlement good = settlement(a, 1, OUTCOME_SUCCEEDED, JOB_SUCCEEDED, 2000);
	struct settlement wrong = settlement(b, 1, OUTCOME_FAILED, JOB_FAILED, 2000);

	good.result = wrong.result = "{\"x\":1}";
	good.progress = wrong.progress = "{\"fraction\":1}";
	good.output_bytes[0] = wrong.output_bytes[1] = 7;
	ck_assert_int_eq(store_settle(st, &good), 0);
	ck_assert_int_eq(store_settle(st, &wrong), 0);
	ck_assert_int_eq(state_of(next), JOB_READY);
	ck_assert_int_eq(state_of(bad), JOB_CANCELLED);
	ck_assert_int_eq(state_of(last), JOB_CANCELLED);
	ck_assert_int_eq(state_of(anyway), JOB_READY);
	has_brought_nothing(next);
	has_brought_nothing(bad);
	has_brought_nothing(last);
	has_brought_nothing(anyway);
}

STORE_TEST(a_held_job_is_released_to_what_is_due)
{
	int64_t a = submit(), held = submit_after_at(&a, 1, false, true, 0), parked = after_one(a), late = after_one(a);

	ask(store_hold, parked, 0);
	ask(store_hold, late, 0);
	ask(store_release, parked, 0);
	ck_assert_int_eq(state_of(parked), JOB_BLOCKED);
	ask(store_hold, parked, 0);
	succeed(a, 2000);
	ck_assert_int_eq(state_of(held), JOB_HELD);
	ck_assert_int_eq(state_of(parked), JOB_HELD);
	ask(store_release, held, 0);
	ask(store_release, parked, 0);
	ck_assert_int_eq(state_of(held), JOB_READY);
	ck_assert_int_eq(state_of(parked), JOB_READY);
	ck_assert_int_eq(state_of(late), JOB_HELD);
}

STORE_TEST(a_held_job_is_cancelled_with_its_parent)
{
	int64_t a = submit(), held = submit_after_at(&a, 1, false, true, 0);

	go_wrong(a);
	ck_assert_int_eq(state_of(held), JOB_CANCELLED);
}

/* ---- keeping and pruning ---- */

STORE_TEST(a_record_stays_while_an_unfinished_job_names_it)
{
	struct job_spec from = storetest_spec();
	int64_t a, b = submit(), c;
	size_t removed;
	wall_ms next;

	from.retain = 100;
	a = submit_spec(job_spec_new(&from), 0, 0);
	c = after_two(a, b);
	succeed(a, 2000);
	ask(store_delete, a, -ENOTEMPTY);
	ck_assert_int_eq(store_prune(st, 1ll << 40, 10, &next, &removed), 0);
	ck_assert_uint_eq(removed, 0);
	ck_assert_int_eq(next, 0);
	succeed(b, 2500);
	ck_assert_int_eq(claim(c, 1, 2600), 0);
	ask(store_delete, a, -ENOTEMPTY);	/* it may be retried, and read them */
	ck_assert_int_eq(settle(c, 1, OUTCOME_SUCCEEDED, JOB_SUCCEEDED, 3000), 0);
	ck_assert_int_eq(store_prune(st, 3000, 10, &next, &removed), 0);
	ck_assert_uint_eq(removed, 1);
	ck_assert_int_eq(state_of(a), JOB_NONE);
	ask(store_delete, b, 0);
}

STORE_TEST(too_many_records_that_are_named_are_no_reason_to_ask_again_at_once)
{
	int64_t a = submit(), b = submit(), c = after_two(a, b), d = submit();
	size_t removed;
	wall_ms next;

	store_set_retention(st, 1000, 0);
	succeed(a, 2000);
	succeed(d, 2000);
	ck_assert_int_eq(store_prune(st, 2000, 10, &next, &removed), 0);
	ck_assert_uint_eq(removed, 1);
	ck_assert_int_eq(state_of(d), JOB_NONE);
	ck_assert_int_eq(store_prune(st, 2000, 10, &next, &removed), 0);
	ck_assert_uint_eq(removed, 0);
	ck_assert_int_eq(next, 0);
	ask(store_cancel, c, 0);
	ck_assert_int_eq(store_prune(st, 4000, 10, &next, &removed), 0);
	ck_assert_uint_eq(removed, 2);
}

/* ---- again ---- */

STORE_TEST(what_is_still_blocked_waits_anew_for_a_parent_that_is_retried)
{
	int64_t a = submit(), b = submit(), blocked = after_two(a, b), free = after_one(a), held = submit_after_at(&a, 1, false, true, 0);

	succeed(a, 2000);
	ck_assert_int_eq(state_of(free), JOB_READY);
	ask(store_retry, a, 0);
	succeed(b, 2500);
	ck_assert_int_eq(state_of(blocked), JOB_BLOCKED);
	ck_assert_int_eq(state_of(free), JOB_READY);
	ck_assert_int_eq(state_of(held), JOB_HELD);
	ck_assert_int_eq(claim(free, 1, 2600), 0);
	ck_assert_int_eq(settle(a, 2, OUTCOME_FAILED, JOB_FAILED, 3000), 0);
	ck_assert_int_eq(state_of(blocked), JOB_CANCELLED);
	ck_assert_int_eq(state_of(free), JOB_RUNNING);
	ck_assert_int_eq(state_of(held), JOB_HELD);	/* it was met when it was asked */
	ask(store_delete, a, -ENOTEMPTY);
}

STORE_TEST(a_retried_parent_may_come_and_go)
{
	int64_t a = submit(), b = submit(), c = after_two(a, b);

	for (int i = 1; i <= 5; i++) {
		ck_assert_int_eq(settle(a, i, OUTCOME_SUCCEEDED, JOB_SUCCEEDED, 2000 + i), 0);
		ask(store_retry, a, 0);
	}
	succeed(b, 3000);
	ck_assert_int_eq(state_of(c), JOB_BLOCKED);
	ck_assert_int_eq(settle(a, 6, OUTCOME_SUCCEEDED, JOB_SUCCEEDED, 4000), 0);
	ck_assert_int_eq(state_of(c), JOB_READY);
}

STORE_TEST(a_retried_child_waits_for_those_that_are_not_final)
{
	int64_t bad = submit(), going = submit(), gone = submit(), after[3] = { bad, going, gone }, c, d;

	c = submit_after_at(after, 3, false, false, 0);
	d = after_one(bad);
	succeed(gone, 2000);
	go_wrong(bad);
	ck_assert_int_eq(state_of(c), JOB_CANCELLED);
	ask(store_retry, d, 0);
	ck_assert_int_eq(state_of(d), JOB_READY);
	ask(store_delete, bad, -ENOTEMPTY);
	ask(store_delete, gone, 0);
	ask(store_retry, c, 0);
	ck_assert_int_eq(state_of(c), JOB_BLOCKED);
	succeed(going, 3000);
	ck_assert_int_eq(state_of(c), JOB_READY);
	ask(store_retry, bad, 0);
	ck_assert_int_eq(state_of(c), JOB_READY);
	succeed(c, 5000);
	succeed(d, 5000);
	ask(store_delete, c, 0);
}

STORE_TEST(a_retried_job_waits_if_its_parent_was_retried_before)
{
	int64_t a = submit(), c = after_one(a);

	ask(store_cancel, a, 0);
	ask(store_retry, a, 0);
	ck_assert_int_eq(state_of(c), JOB_CANCELLED);
	ask(store_retry, c, 0);
	ck_assert_int_eq(state_of(c), JOB_BLOCKED);
	succeed(a, 5000);
	ck_assert_int_eq(state_of(c), JOB_READY);
}

/* ---- whole graphs ---- */

static struct submission *many_submissions(size_t n)
{
	struct submission *v = calloc(n, sizeof(*v));

	ck_assert_ptr_nonnull(v);
	for (size_t i = 0; i < n; i++)
		v[i].spec = new_spec("q", "t");
	return v;
}

static void submit_all(struct submission *v, size_t n)
{
	ck_assert_int_eq(store_submit(st, v, n, 1000, NULL), 0);
	for (size_t i = 0; i < n; i++)
		job_spec_unref(&v[i].spec);
}

STORE_TEST(a_diamond_in_one_call_in_any_order)
{
	static const int64_t top[] = { -4 }, both[] = { -3, -2, -2 };
	struct submission *v = many_submissions(4);	/* 0: the bottom, 1 and 2: the sides, 3: the top */
	char expected[64];

	v[0].after = both;
	v[0].after_n = 3;
	v[1].after = v[2].after = top;
	v[1].after_n = v[2].after_n = 1;
	submit_all(v, 4);
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(v[i].state, JOB_BLOCKED);
		ck_assert_int_eq(v[i].id, v[0].id + i);
	}
	ck_assert_int_eq(v[3].state, JOB_READY);
	snprintf(expected, sizeof(expected), "[%lld,%lld]", (long long)v[2].id, (long long)v[1].id);
	ck_assert_str_eq(after_of(v[0].id), expected);
	succeed(v[3].id, 2000);
	succeed(v[1].id, 2500);
	ck_assert_int_eq(state_of(v[0].id), JOB_BLOCKED);
	succeed(v[2].id, 3000);
	succeed(v[0].id, 3500);
	free(v);
}

STORE_TEST(one_that_is_there_already_may_be_named_by_its_place)
{
	static const int64_t next[] = { -2 };
	struct submission holder = { .spec = new_keyed_spec("k") }, *v = many_submissions(3);

	ck_assert_int_eq(store_submit(st, &holder, 1, 1000, NULL), 0);
	go_wrong(holder.id);
	job_spec_unref(&v[1].spec);
	v[1].spec = job_spec_ref(holder.spec);
	v[1].unique_scope = UNIQUE_ALL;
	v[0].after = v[2].after = next;
	v[0].after_n = v[2].after_n = 1;
	v[0].after_run = true;
	submit_all(v, 3);
	ck_assert(v[1].existing);
	ck_assert_int_eq(state_of(v[0].id), JOB_READY);
	ck_assert_int_eq(v[2].state, JOB_CANCELLED);
	job_spec_unref(&holder.spec);
	free(v);
}

STORE_TEST(one_that_is_cancelled_as_it_begins_holds_no_key)
{
	struct submission *v = many_submissions(2);
	int64_t bad = submit();

	go_wrong(bad);
	for (int i = 0; i < 2; i++) {
		job_spec_unref(&v[i].spec);
		v[i].spec = new_keyed_spec("k");
	}
	v[0].after = &bad;
	v[0].after_n = 1;
	submit_all(v, 2);
	ck_assert_int_eq(v[0].state, JOB_CANCELLED);
	ck_assert(!v[1].existing);
	ck_assert_int_eq(v[1].id, v[0].id + 1);
	ck_assert_int_eq(state_of(v[1].id), JOB_READY);
	free(v);
}

STORE_TEST(a_refused_graph_leaves_nothing)
{
	static const int64_t next[] = { -2 };
	int64_t wrong[] = { 999 };
	struct submission *v = many_submissions(3);
	size_t at, before = told_n;

	v[0].after = next;
	v[0].after_n = 1;
	v[2].after = wrong;
	v[2].after_n = 1;
	ck_assert_int_eq(store_submit(st, v, 3, 1000, &at), -ENOENT);
	ck_assert_uint_eq(at, 2);
	ck_assert_uint_eq(told_n, before);
	ck_assert_int_eq(v[0].id, 0);
	for (int i = 0; i < 3; i++)
		job_spec_unref(&v[i].spec);
	free(v);
}

STORE_TEST(a_fan_out_of_ten_thousand_goes_in_turns)
{
	static const int64_t first[] = { -1 };
	struct submission *v = many_submissions(MANY + 1);
	struct job_filter all = { 0 };
	int64_t by_state[JOB_STATES];

	for (int i = 1; i <= MANY; i++) {
		v[i].after = first;
		v[i].after_n = 1;
	}
	submit_all(v, MANY + 1);
	storetest_unresolved = 0;
	succeed(v[0].id, 2000);
	ck_assert_int_eq(storetest_unresolved, 1);
	ck_assert_int_eq(store_count(st, &all, by_state), 0);
	ck_assert_int_gt(by_state[JOB_BLOCKED], MANY / 2);
	ck_assert_int_gt(by_state[JOB_READY], 0);
	ck_assert_int_gt(resolve(1000), 5);
	ck_assert_int_eq(store_count(st, &all, by_state), 0);
	ck_assert_int_eq(by_state[JOB_READY], MANY);
	free(v);
}

static const struct submission *settled;

/* Every ASIDE-th, from the n-th on; as many beside each other share a commit. The first and the last are left. */
static void settle_aside(void *arg)
{
	for (size_t i = (size_t)(intptr_t)arg; i < MANY; i += ASIDE)
		ck_assert_int_eq(settle(settled[i].id, 1, OUTCOME_SUCCEEDED, JOB_SUCCEEDED, 3000), 0);
}

STORE_TEST(a_fan_in_of_ten_thousand_goes_when_the_last_is_there)
{
	int64_t *after = calloc(MANY, sizeof(*after));
	struct submission *v = many_submissions(MANY + 1);

	for (int i = 0; i < MANY; i++)
		after[i] = -2 - i;
	v[0].after = after;
	v[0].after_n = MANY;
	submit_all(v, MANY + 1);
	settled = v;
	for (intptr_t i = 1; i <= ASIDE; i++)
		ck_assert_int_eq(coro_spawn(&storetest_group, "settle", settle_aside, (void *)i), 0);
	while (storetest_group.count > 1)
		coro_yield();
	ck_assert_int_eq(state_of(v[0].id), JOB_BLOCKED);
	succeed(v[MANY].id, 3000);
	ck_assert_int_eq(state_of(v[0].id), JOB_READY);
	succeed(v[0].id, 4000);
	ask(store_delete, v[MANY].id, -ENOTEMPTY);	/* so many edges go in turns */
	resolve(1000);
	ask(store_delete, v[MANY].id, 0);
	free(v);
	free(after);
}

STORE_TEST(a_job_may_go_with_edges_that_are_still_to_follow)
{
	int64_t *after = calloc(MANY, sizeof(*after)), c;
	struct submission *v = many_submissions(MANY);

	submit_all(v, MANY);
	for (int i = 0; i < MANY; i++)
		after[i] = v[i].id;
	c = submit_after_at(after, MANY, false, false, 0);
	ask(store_cancel, c, 0);
	ask(store_retry, c, 0);
	ck_assert_int_eq(state_of(c), JOB_BLOCKED);
	ask(store_cancel, c, 0);
	ask(store_delete, c, 0);
	for (int i = 0; i < MANY; i += 999) {
		go_wrong(after[i]);
		ask(store_delete, after[i], 0);
	}
	resolve(1000);
	free(v);
	free(after);
}

/* ---- args that wait for results ---- */

static int64_t submit_filling(const char *args, const int64_t *after, size_t n)
{
	struct job_spec from = storetest_spec();
	struct submission s = { .after = after, .after_n = n, .fill = true };

	from.args = args;
	s.spec = job_spec_new(&from);
	ck_assert_int_eq(store_submit(st, &s, 1, 1000, NULL), 0);
	job_spec_unref(&s.spec);
	return s.id;
}

static void succeed_with(int64_t id, int attempt, const char *result, wall_ms at)
{
	struct settlement s = settlement(id, attempt, OUTCOME_SUCCEEDED, JOB_SUCCEEDED, at);

	s.result = result;
	ck_assert_int_eq(store_settle(st, &s), 0);
}

static struct fillings fillings;

static void args_are(int64_t id, const char *args)
{
	struct job_record record;

	ck_assert_int_eq(store_get(st, id, &record), 0);
	ck_assert_str_eq(record.row.spec->args, args);
	job_record_free(&record);
}

STORE_TEST(args_are_filled_in_when_all_is_there)
{
	int64_t a = submit(), c = submit_filling("{\"x\":{\"$result\":1,\"pointer\":\"/n\"}}", &a, 1);

	storetest_unfilled = 0;
	ck_assert_int_eq(store_fillings(st, 1000, &fillings), 0);
	ck_assert_uint_eq(fillings.n, 0);
	succeed_with(a, 1, "{\"n\":[5]}", 2000);
	ck_assert_int_eq(storetest_unfilled, 1);
	ck_assert_int_eq(state_of(c), JOB_BLOCKED);
	ck_assert_int_eq(store_fillings(st, 1000, &fillings), 0);
	ck_assert_uint_eq(fillings.n, 1);
	ck_assert_int_eq(fillings.v[0].id, c);
	ck_assert_str_eq(fillings.v[0].type, "t");
	ck_assert_str_eq(fillings.v[0].args, "{\"x\":[5]}");
	ck_assert_str_eq(fillings.v[0].why, "");
	ck_assert_int_eq(store_fill(st, &fillings, 3000), 0);
	ck_assert_int_eq(state_of(c), JOB_READY);
	args_are(c, "{\"x\":[5]}");
	ck_assert_int_eq(store_fill(st, &fillings, 3000), 0);	/* once */
	fillings_free(&fillings);
	ck_assert_int_eq(store_fillings(st, 1000, &fillings), 0);
	ck_assert_uint_eq(fillings.n, 0);
	/* It goes on with them, whatever becomes of its parent. */
	ask(store_retry, a, 0);
	succeed(c, 4000);
}

STORE_TEST(a_parent_that_came_back_meanwhile_is_waited_for)
{
	int64_t a = submit(), c = submit_filling("{\"x\":{\"$result\":1}}", &a, 1);

	succeed_with(a, 1, "1", 2000);
	ck_assert_int_eq(store_fillings(st, 1000, &fillings), 0);
	ask(store_retry, a, 0);
	ck_assert_int_eq(store_fill(st, &fillings, 3000), 0);
	ck_assert_int_eq(state_of(c), JOB_BLOCKED);
	succeed_with(a, 2, "2", 3000);
	ck_assert_int_eq(store_fill(st, &fillings, 3000), 0);	/* made of the end before */
	ck_assert_int_eq(state_of(c), JOB_BLOCKED);
	fillings_free(&fillings);
	ck_assert_int_eq(store_fillings(st, 1000, &fillings), 0);
	ck_assert_str_eq(fillings.v[0].args, "{\"x\":2}");
	ck_assert_int_eq(store_fill(st, &fillings, 4000), 0);
	ck_assert_int_eq(state_of(c), JOB_READY);
	fillings_free(&fillings);
}

STORE_TEST(what_cannot_be_filled_in_fails)
{
	int64_t a = submit(), c = submit_filling("{\"x\":{\"$result\":1}}", &a, 1), next = after_one(c);

	succeed(a, 2000);
	ck_assert_int_eq(store_fillings(st, 1000, &fillings), 0);
	ck_assert_ptr_null(fillings.v[0].args);
	ck_assert_int_eq(store_fill(st, &fillings, 3000), 0);
	fillings_free(&fillings);
	ck_assert_int_eq(state_of(c), JOB_FAILED);
	error_is(c, "dependency", "job 1, whose result its args ask for, has none");
	args_are(c, "{\"x\":{\"$result\":1}}");
	ck_assert_int_eq(state_of(next), JOB_CANCELLED);
}

STORE_TEST(a_held_one_waits_for_its_release)
{
	int64_t a = submit(), c = submit_filling("{\"x\":{\"$result\":1}}", &a, 1);

	ask(store_hold, c, 0);
	succeed_with(a, 1, "1", 2000);
	ck_assert_int_eq(store_fillings(st, 1000, &fillings), 0);
	ck_assert_uint_eq(fillings.n, 0);
	storetest_unfilled = 0;
	ask(store_release, c, 0);
	ck_assert_int_eq(state_of(c), JOB_BLOCKED);
	ck_assert_int_eq(storetest_unfilled, 1);
	ck_assert_int_eq(store_fillings(st, 1000, &fillings), 0);
	ck_assert_uint_eq(fillings.n, 1);
	ask(store_hold, c, 0);
	ck_assert_int_eq(store_fill(st, &fillings, 3000), 0);
	ck_assert_int_eq(state_of(c), JOB_HELD);
	fillings_free(&fillings);
}

STORE_TEST(gaps_in_args_take_the_ids_of_the_call)
{
	static const int64_t next[] = { -2 };
	static const struct args_gap gaps[] = { { 16, -2 } };
	struct job_spec from = storetest_spec();
	struct submission *v = many_submissions(2);
	char expected[64];

	job_spec_unref(&v[0].spec);
	from.args = "{\"a\":{\"$result\":}}";
	v[0].spec = job_spec_new(&from);
	v[0].after = next;
	v[0].after_n = 1;
	v[0].fill = true;
	v[0].gaps = gaps;
	v[0].gaps_n = 1;
	submit_all(v, 2);
	snprintf(expected, sizeof(expected), "{\"a\":{\"$result\":%lld}}", (long long)v[1].id);
	args_are(v[0].id, expected);
	free(v);
}

STORE_TEST(big_results_are_filled_in_some_at_a_time)
{
	enum { BIG = 3 << 20 };
	char *result = malloc(BIG + 3);
	int64_t parents[5], asked = 0;
	char args[80];

	memset(result, 'x', BIG + 2);
	result[0] = result[BIG + 1] = '"';
	result[BIG + 2] = '\0';
	for (int i = 0; i < 5; i++) {
		parents[i] = submit();
		snprintf(args, sizeof(args), "{\"x\":{\"$result\":%lld}}", (long long)parents[i]);
		submit_filling(args, &parents[i], 1);
		succeed_with(parents[i], 1, result, 2000);
	}
	do {
		ck_assert_int_eq(store_fillings(st, 1000, &fillings), 0);
		asked++;
		for (size_t i = 0; i < fillings.n; i++)
			ck_assert_ptr_nonnull(strstr(fillings.v[i].why, "would be 3145736 bytes long"));
		ck_assert_int_eq(store_fill(st, &fillings, 3000), 0);
		fillings_free(&fillings);
	} while (fillings.n > 0 || state_of(parents[4] + 1) != JOB_FAILED);
	ck_assert_int_le(asked, 3);
	free(result);
}

/* ---- by chance ---- */

enum { JOBS = 150, STEPS = 4000 };

static int64_t job_ids[JOBS];
static int64_t job_after[JOBS][4];
static size_t job_after_n[JOBS];
static bool job_run[JOBS];
static int job_attempts[JOBS];

static void chance_submit(int i)
{
	job_after_n[i] = i > 0 ? (size_t)chance_below(4) : 0;
	for (size_t k = 0; k < job_after_n[i]; k++)
		job_after[i][k] = job_ids[chance_below((unsigned)i)];
	job_run[i] = chance_below(3) == 0;
	job_ids[i] = submit_after_at(job_after[i], job_after_n[i], job_run[i], chance_below(8) == 0, 0);
}

static void chance_step(int i)
{
	static int (*const verbs[])(struct store *, int64_t, wall_ms, enum job_state *) = {
		store_cancel, store_hold, store_release, store_release, store_retry
	};
	int64_t id = job_ids[i];
	enum job_state state = state_of(id);
	wall_ms next;

	if (state == JOB_READY && chance_below(3) > 0) {
		bool good = chance_below(4) > 0;

		ck_assert_int_eq(settle(id, ++job_attempts[i], good ? OUTCOME_SUCCEEDED : OUTCOME_FAILED,
					good ? JOB_SUCCEEDED : JOB_FAILED, 3000), 0);
	} else if (chance_below(10) == 0) {
		ck_assert_int_eq(store_resolve(st, 3000, chance_below(3), &next), 0);
	} else {
		verbs[chance_below(5)](st, id, 3000, &state);
	}
}

/* Nothing is stuck: what is blocked waits for one that is not final, and what is final holds nobody back. */
static void chance_check(void)
{
	for (int i = 0; i < JOBS; i++) {
		bool waits = false;

		if (state_of(job_ids[i]) != JOB_BLOCKED)
			continue;
		for (size_t k = 0; k < job_after_n[i]; k++) {
			enum job_state parent = state_of(job_after[i][k]);

			waits |= !job_state_final(parent);
		}
		ck_assert_msg(waits, "job %lld is blocked by nothing", (long long)job_ids[i]);
	}
}

STORE_TEST(by_chance_nothing_is_ever_stuck)
{
	const char *given = getenv("CHANCE_SEED");
	unsigned long seed = given != NULL ? strtoul(given, NULL, 10) : (unsigned long)clock_wall();

	remark("CHANCE_SEED=%lu", seed);
	chance_seed(seed);
	memset(job_attempts, 0, sizeof(job_attempts));
	for (int i = 0; i < JOBS; i++)
		chance_submit(i);
	for (int n = 0; n < STEPS; n++) {
		chance_step((int)chance_below(JOBS));
		if (n % 500 == 0) {
			resolve(7);
			chance_check();
		}
	}
	resolve(7);
	chance_check();
}

/* ---- over a restart ---- */

static int64_t restart_first;

static void restart_before(void)
{
	static const int64_t first[] = { -1 };
	struct submission *v = many_submissions(5001);

	for (int i = 1; i <= 5000; i++) {
		v[i].after = first;
		v[i].after_n = 1;
	}
	submit_all(v, 5001);
	restart_first = v[0].id;
	go_wrong(v[0].id);
	free(v);
}

static void restart_after(void)
{
	struct job_filter all = { 0 };
	int64_t by_state[JOB_STATES];

	ck_assert_int_eq(store_count(st, &all, by_state), 0);
	ck_assert_int_gt(by_state[JOB_BLOCKED], 1000);
	ask(store_delete, restart_first, -ENOTEMPTY);
	resolve(1000);
	ck_assert_int_eq(store_count(st, &all, by_state), 0);
	ck_assert_int_eq(by_state[JOB_CANCELLED], 5000);
	ask(store_delete, restart_first, 0);
}

START_TEST(a_restart_goes_on_where_it_was)
{
	storetest_make_directory();
	storetest_open(&store_sqlite);
	storetest_go(restart_before);
	storetest_close();
	storetest_open(&store_sqlite);
	storetest_go(restart_after);
	storetest_go(storetest_agree);
	storetest_close();
	storetest_remove_directory();
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("store_graph");
	TCase *tc = tcase_create("waiting");

	add_store_test(tc, a_job_waits_for_all_that_it_names);
	add_store_test(tc, what_it_names_is_kept_each_once_in_its_order);
	add_store_test(tc, a_name_of_no_job_is_refused);
	add_store_test(tc, what_is_final_already_counts_at_once);
	add_store_test(tc, then_its_own_time_counts);
	add_store_test(tc, each_bad_end_cancels_or_lets_run);
	add_store_test(tc, a_cancel_goes_down_the_whole_chain);
	add_store_test(tc, one_that_expires_or_is_cancelled_while_blocked_lets_go_of_its_parents);
	add_store_test(tc, a_replaced_parent_takes_its_children_along);
	add_store_test(tc, a_recovered_parent_that_fails_counts);
	add_store_test(tc, what_a_parent_has_brought_is_its_own);
	add_store_test(tc, a_held_job_is_released_to_what_is_due);
	add_store_test(tc, a_held_job_is_cancelled_with_its_parent);
	add_store_test(tc, a_record_stays_while_an_unfinished_job_names_it);
	add_store_test(tc, too_many_records_that_are_named_are_no_reason_to_ask_again_at_once);
	suite_add_tcase(s, tc);
	tc = tcase_create("again");
	add_store_test(tc, what_is_still_blocked_waits_anew_for_a_parent_that_is_retried);
	add_store_test(tc, a_retried_parent_may_come_and_go);
	add_store_test(tc, a_retried_child_waits_for_those_that_are_not_final);
	add_store_test(tc, a_retried_job_waits_if_its_parent_was_retried_before);
	suite_add_tcase(s, tc);
	tc = tcase_create("whole");
	add_store_test(tc, a_diamond_in_one_call_in_any_order);
	add_store_test(tc, one_that_is_there_already_may_be_named_by_its_place);
	add_store_test(tc, one_that_is_cancelled_as_it_begins_holds_no_key);
	add_store_test(tc, a_refused_graph_leaves_nothing);
	add_store_test(tc, a_fan_out_of_ten_thousand_goes_in_turns);
	add_store_test(tc, a_fan_in_of_ten_thousand_goes_when_the_last_is_there);
	add_store_test(tc, a_job_may_go_with_edges_that_are_still_to_follow);
	add_store_test(tc, args_are_filled_in_when_all_is_there);
	add_store_test(tc, a_parent_that_came_back_meanwhile_is_waited_for);
	add_store_test(tc, what_cannot_be_filled_in_fails);
	add_store_test(tc, a_held_one_waits_for_its_release);
	add_store_test(tc, gaps_in_args_take_the_ids_of_the_call);
	add_store_test(tc, big_results_are_filled_in_some_at_a_time);
	add_store_test(tc, by_chance_nothing_is_ever_stuck);
	tcase_add_test(tc, a_restart_goes_on_where_it_was);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	return unit_run(suite());
}
