/* Digests by themselves: what of them is known, and as of when, while they are read in and changed. */
#include <stdlib.h>
#include <string.h>

#include "../lib/unit.h"
#include "store/sqlite_digest.h"
#include "store/sqlite_lane.h"

static struct sqlite_digests d;
static struct digest_copy from, got;
static struct sqlite_lane lane = { .id = 7 };
static const struct digest_want all = { .whats = ~1u, .any_lane = true, .flows = true };

static void setup(void)
{
	sqlite_digests_init(&d);
	memset(&from, 0, sizeof(from));
}

static void teardown(void)
{
	sqlite_digests_free(&d);
}

/* A transaction in which a job comes to a state, committed or not. */
static void change(int64_t id, enum job_state state, bool committed)
{
	struct op_list ops = STAILQ_HEAD_INITIALIZER(ops);
	struct note note = { .row = { .id = id, .state = state }, .lane = &lane };
	struct store_op op;

	op_init(&op, VERB_SUBMIT, 1000);
	STAILQ_INSERT_TAIL(&op.notes, &note, link);
	STAILQ_INSERT_TAIL(&ops, &op, link);
	sqlite_digests_touch(&d, &ops);
	if (committed)
		sqlite_digests_apply(&d, &ops);
	else
		sqlite_digests_drop(&d);
}

static enum digest_found find(int64_t number, bool down, uint64_t as_of)
{
	got.number = number;
	return sqlite_digests_next(&d, &all, down, as_of, &got.number, &got);
}

static enum job_state state_of(int64_t id)
{
	if (find(digest_of(id), false, UINT64_MAX) != DIGEST_COPIED || got.number != digest_of(id))
		return JOB_NONE;
	return (enum job_state)(got.what[id % DIGEST_IDS] & DIGEST_STATE);
}

START_TEST(what_comes_is_known)
{
	ck_assert_int_eq(find(0, false, UINT64_MAX), DIGEST_NONE);
	change(5, JOB_READY, true);
	change(3 * DIGEST_IDS, JOB_HELD, true);
	change(6, JOB_READY, false);
	ck_assert_int_eq(state_of(5), JOB_READY);
	ck_assert_int_eq(state_of(6), JOB_NONE);
	ck_assert_int_eq(find(1, false, UINT64_MAX), DIGEST_COPIED);
	ck_assert_int_eq(got.number, 3);
	ck_assert_int_eq(find(2, true, UINT64_MAX), DIGEST_COPIED);
	ck_assert_int_eq(got.number, 0);
	ck_assert_int_eq(find(4, false, UINT64_MAX), DIGEST_NONE);
	change(5, JOB_NONE, true);
	ck_assert_int_eq(find(2, true, UINT64_MAX), DIGEST_NONE);
}
END_TEST

/* Between the file as it was read, and what it is when that is taken, nothing gets lost. */
START_TEST(what_changes_while_it_is_read_in_is_not_lost)
{
	int64_t below;

	d.known = 2;
	change(10, JOB_HELD, true);			/* the file has it */
	ck_assert_int_eq(find(1, false, UINT64_MAX), DIGEST_UNKNOWN);
	ck_assert(sqlite_digests_expect(&d, &below));
	ck_assert_int_eq(below, 2);
	from.number = 0;
	from.kept = true;
	from.what[10] = JOB_HELD;
	from.what[11] = from.what[12] = JOB_READY;
	change(11, JOB_SUCCEEDED, true);
	change(12, JOB_SUCCEEDED, false);
	change(DIGEST_IDS + 1, JOB_READY, true);	/* of another */
	ck_assert(sqlite_digests_put(&d, below, &from));
	ck_assert_int_eq(state_of(10), JOB_HELD);
	ck_assert_int_eq(state_of(11), JOB_SUCCEEDED);
	ck_assert_int_eq(state_of(12), JOB_READY);
	ck_assert(!sqlite_digests_may_be_kept(&d, 0));
	ck_assert(!sqlite_digests_expect(&d, &below));
}
END_TEST

/* A row that was read goes with the first change, and with each that is not known here. */
START_TEST(what_may_be_kept_is_known)
{
	int64_t below;

	d.known = 1;
	ck_assert(sqlite_digests_may_be_kept(&d, 0));
	ck_assert(sqlite_digests_expect(&d, &below));
	from.kept = true;
	from.what[1] = JOB_READY;
	ck_assert(sqlite_digests_put(&d, below, &from));
	ck_assert(sqlite_digests_may_be_kept(&d, 0));
	change(1, JOB_HELD, false);
	ck_assert(sqlite_digests_may_be_kept(&d, 0));
	change(1, JOB_HELD, true);
	ck_assert(!sqlite_digests_may_be_kept(&d, 0));
}
END_TEST

/* What a snapshot may not hold, or hold differently, is not said to be as of it. */
START_TEST(as_of_a_snapshot_it_is_exact_or_unknown)
{
	uint64_t then;

	change(1, JOB_READY, true);
	change(DIGEST_IDS + 1, JOB_READY, true);
	then = sqlite_digests_ended(&d);
	ck_assert_int_eq(find(0, false, then), DIGEST_COPIED);
	change(1, JOB_HELD, false);
	ck_assert_int_eq(find(0, false, then), DIGEST_UNKNOWN);
	ck_assert_int_eq(got.number, 0);
	ck_assert_int_eq(find(1, false, then), DIGEST_COPIED);
	ck_assert_int_eq(find(0, false, sqlite_digests_ended(&d)), DIGEST_COPIED);
	change(1, JOB_NONE, true);			/* the last of its digest */
	ck_assert_int_eq(find(0, false, then), DIGEST_UNKNOWN);
	ck_assert_int_eq(find(1, false, then), DIGEST_UNKNOWN);
	ck_assert_int_eq(find(0, false, UINT64_MAX), DIGEST_COPIED);
	ck_assert_int_eq(got.number, 1);
}
END_TEST

/* There is room for so many: the oldest are the file's again. */
START_TEST(the_oldest_make_room)
{
	for (int64_t i = 0; i < DIGESTS_MAX + 3; i++)
		change(i * DIGEST_IDS, JOB_READY, true);
	ck_assert_int_eq(d.known, 3);
	ck_assert_int_eq(find(2, false, UINT64_MAX), DIGEST_UNKNOWN);
	ck_assert_int_eq(find(3, false, UINT64_MAX), DIGEST_COPIED);
	change(2 * DIGEST_IDS, JOB_HELD, true);
	ck_assert_int_eq(find(2, true, UINT64_MAX), DIGEST_UNKNOWN);
	ck_assert_int_eq(got.number, 2);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("store_digest");
	TCase *tc = tcase_create("digest");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, what_comes_is_known);
	tcase_add_test(tc, what_changes_while_it_is_read_in_is_not_lost);
	tcase_add_test(tc, what_may_be_kept_is_known);
	tcase_add_test(tc, as_of_a_snapshot_it_is_exact_or_unknown);
	tcase_add_test(tc, the_oldest_make_room);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	return unit_run(suite());
}
