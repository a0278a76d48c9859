/* The store's contract, over each back end: what stands before a job that waits. */
#include "../lib/unit.h"
#include "storetest.h"

static int64_t ahead(const char *queue, const char *const *types, int priority, int64_t id)
{
	int64_t n = -1;

	ck_assert_int_eq(store_ahead(st, queue, types, priority, id, &n), 0);
	return n;
}

STORE_TEST(those_ahead_are_ready_and_come_before)
{
	static const char *const t[] = { "t", NULL }, *const both[] = { "t", "u", NULL }, *const none[] = { NULL };
	int64_t low = submit_spec(new_spec("q", "t"), -5, 0), a = submit(), b = submit(), high = submit_spec(new_spec("q", "t"), 9, 0),
		other_type = submit_spec(new_spec("q", "u"), 0, 0), later = submit_at(9000), gone = submit();
	enum job_state state;

	submit_spec(new_spec("other", "t"), 9, 0);
	ck_assert_int_eq(store_cancel(st, gone, 2000, &state), 0);
	ck_assert_int_eq(ahead("q", t, 9, high), 0);
	ck_assert_int_eq(ahead("q", t, 0, a), 1);
	ck_assert_int_eq(ahead("q", t, 0, b), 2);
	ck_assert_int_eq(ahead("q", t, -5, low), 3);
	ck_assert_int_eq(ahead("q", both, -5, low), 4);
	ck_assert_int_eq(ahead("q", both, 0, other_type), 3);
	ck_assert_int_eq(ahead("q", t, 0, later), 3);
	ck_assert_int_eq(ahead("q", none, -5, low), 0);
	ck_assert_int_eq(ahead("none", t, -5, low), 0);
	ck_assert_int_eq(claim(a, 1, 2000), 0);
	ck_assert_int_eq(ahead("q", t, 0, b), 1);
}

static size_t blockers(int64_t id, int64_t *out, size_t max)
{
	size_t n = max;

	ck_assert_int_eq(store_blockers(st, id, out, &n), 0);
	return n;
}

STORE_TEST(blockers_are_those_that_have_not_ended)
{
	int64_t parents[] = { submit(), submit(), submit() }, found[3];
	struct submission child = { .spec = new_spec("q", "t"), .after = parents, .after_n = 3 };

	ck_assert_int_eq(store_submit(st, &child, 1, 1000, NULL), 0);
	job_spec_unref(&child.spec);
	ck_assert_int_eq(child.state, JOB_BLOCKED);
	ck_assert_uint_eq(blockers(child.id, found, 3), 3);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(found[i], parents[i]);
	ck_assert_uint_eq(blockers(child.id, found, 2), 2);
	ck_assert_int_eq(found[1], parents[1]);
	ck_assert_int_eq(settle(parents[1], 1, OUTCOME_SUCCEEDED, JOB_SUCCEEDED, 3000), 0);
	ck_assert_uint_eq(blockers(child.id, found, 3), 2);
	ck_assert_int_eq(found[0], parents[0]);
	ck_assert_int_eq(found[1], parents[2]);
	ck_assert_uint_eq(blockers(parents[0], found, 3), 0);
	ck_assert_uint_eq(blockers(child.id + 1, found, 3), 0);
}

static Suite *suite(void)
{
	Suite *s = suite_create("store_why");
	TCase *tc = tcase_create("why");

	add_store_test(tc, those_ahead_are_ready_and_come_before);
	add_store_test(tc, blockers_are_those_that_have_not_ended);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	return unit_run(suite());
}
