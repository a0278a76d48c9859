/* The store's contract, over each back end: submits with a request_id. */
#include "../lib/unit.h"
#include "storetest.h"

enum { DAY = 24 * 3600 * 1000 };

static struct submission asked(const char *id)
{
	return (struct submission){ .spec = new_spec("q", "t"), .request_id = id };
}

static struct submission asked_keyed(const char *id, enum unique_on_conflict on_conflict)
{
	return (struct submission){ .spec = new_keyed_spec("k"), .request_id = id, .unique_on_conflict = on_conflict };
}

static int ask_at(struct submission *s, wall_ms now)
{
	int rc = store_submit(st, s, 1, now, NULL);

	job_spec_unref(&s->spec);
	return rc;
}

static void expect(const struct submission *s, int64_t id, enum job_state state, bool existing)
{
	ck_assert_int_eq(s->id, id);
	ck_assert_int_eq(s->state, state);
	ck_assert_int_eq(s->existing, existing);
}

STORE_TEST(the_same_id_gets_the_same_answer)
{
	struct submission a = asked("r"), b = asked("r"), other = asked("R");

	ck_assert_int_eq(ask_at(&a, 1000), 0);
	ck_assert_int_eq(ask_at(&b, 2000), 0);
	expect(&b, a.id, JOB_READY, false);
	ck_assert_uint_eq(told_n, 1);
	ck_assert_int_eq(ask_at(&other, 2000), 0);
	ck_assert_int_ne(other.id, a.id);
}

STORE_TEST(whatever_became_of_the_job)
{
	struct submission a = asked("r"), b = asked("r"), c = asked("r"), next = asked("s");
	enum job_state state;

	a.run_at = 5000;
	ck_assert_int_eq(ask_at(&a, 1000), 0);
	ck_assert_int_eq(store_cancel(st, a.id, 2000, &state), 0);
	ck_assert_int_eq(ask_at(&b, 3000), 0);
	expect(&b, a.id, JOB_SCHEDULED, false);
	ck_assert_int_eq(store_delete(st, a.id, 4000, &state), 0);
	ck_assert_int_eq(ask_at(&c, 5000), 0);
	expect(&c, a.id, JOB_SCHEDULED, false);
	ck_assert_int_eq(state_of(a.id), JOB_NONE);
	ck_assert_int_eq(ask_at(&next, 6000), 0);
	ck_assert_int_eq(next.id, a.id + 1);
}

STORE_TEST(for_a_day)
{
	struct submission a = asked("r"), b = asked("r"), c = asked("r"), d = asked("r");

	ck_assert_int_eq(ask_at(&a, 1000), 0);
	ck_assert_int_eq(ask_at(&b, 1000 + DAY - 1), 0);
	ck_assert_int_eq(b.id, a.id);
	ck_assert_int_eq(ask_at(&c, 1000 + DAY), 0);
	ck_assert_int_ne(c.id, a.id);
	ck_assert_int_eq(ask_at(&d, 2000 + DAY), 0);	/* the day began anew */
	ck_assert_int_eq(d.id, c.id);
}

STORE_TEST(what_is_over_is_pruned)
{
	static const char *const ids[] = { "a", "b", "c", "d", "e" };
	struct submission late = asked("late"), again = asked("late"), first;
	wall_ms next = 0;
	size_t removed = 0;

	for (int i = 0; i < 5; i++) {
		struct submission s = asked(ids[i]);

		ck_assert_int_eq(ask_at(&s, 1000), 0);
	}
	ck_assert_int_eq(ask_at(&late, 2000), 0);
	ck_assert_int_eq(store_prune(st, 999 + DAY, 2, &next, &removed), 0);
	ck_assert_uint_eq(removed, 0);
	ck_assert_int_eq(store_prune(st, 1000 + DAY, 2, &next, &removed), 0);
	ck_assert_uint_eq(removed, 2);
	ck_assert_int_eq(store_prune(st, 1000 + DAY, 9, &next, &removed), 0);
	ck_assert_uint_eq(removed, 3);
	ck_assert_int_eq(store_prune(st, 1000 + DAY, 9, &next, &removed), 0);
	ck_assert_uint_eq(removed, 0);
	ck_assert_int_eq(ask_at(&again, 1000 + DAY), 0);
	ck_assert_int_eq(again.id, late.id);
	/* Gone for good: even a clock that was set back does not find it. */
	first = asked("a");
	ck_assert_int_eq(ask_at(&first, 3000), 0);
	ck_assert_int_gt(first.id, late.id);
}

STORE_TEST(what_a_unique_key_answered_stays_the_answer)
{
	struct submission a = asked_keyed("r", UNIQUE_EXISTING), b = asked_keyed("s", UNIQUE_EXISTING),
			  c = asked_keyed("s", UNIQUE_EXISTING), d = asked_keyed("s", UNIQUE_REJECT), e = asked_keyed("r", UNIQUE_REJECT);

	ck_assert_int_eq(ask_at(&a, 1000), 0);
	ck_assert_int_eq(ask_at(&b, 1000), 0);
	expect(&b, a.id, JOB_READY, true);
	succeed(a.id, 2000);
	ck_assert_int_eq(ask_at(&c, 3000), 0);
	expect(&c, a.id, JOB_READY, true);
	/* The id comes before the key. */
	ck_assert_int_eq(ask_at(&d, 3000), 0);
	expect(&d, a.id, JOB_READY, true);
	ck_assert_int_eq(ask_at(&e, 3000), 0);
	expect(&e, a.id, JOB_READY, false);
}

STORE_TEST(what_was_refused_is_asked_anew)
{
	struct submission a = asked_keyed("r", UNIQUE_REJECT), b = asked_keyed("s", UNIQUE_REJECT), c = asked_keyed("s", UNIQUE_REJECT);

	ck_assert_int_eq(ask_at(&a, 1000), 0);
	ck_assert_int_eq(ask_at(&b, 1000), -EEXIST);
	succeed(a.id, 2000);
	ck_assert_int_eq(ask_at(&c, 3000), 0);
	ck_assert_int_ne(c.id, a.id);
}

static void give_back(struct submission *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		job_spec_unref(&v[i].spec);
}

STORE_TEST(several_at_once_each_by_its_own_id)
{
	struct submission first[3] = { asked("a"), asked("b"), asked("a") }, again[3] = { asked("c"), asked("b"), asked("a") };

	ck_assert_int_eq(store_submit(st, first, 3, 1000, NULL), 0);
	ck_assert_int_eq(first[1].id, first[0].id + 1);
	ck_assert_int_eq(first[2].id, first[0].id);
	ck_assert_uint_eq(told_n, 2);
	ck_assert_int_eq(store_submit(st, again, 3, 1000, NULL), 0);
	ck_assert_int_eq(again[0].id, first[0].id + 2);
	ck_assert_int_eq(again[1].id, first[1].id);
	ck_assert_int_eq(again[2].id, first[0].id);
	ck_assert_uint_eq(told_n, 3);
	give_back(first, 3);
	give_back(again, 3);
}

/* All or none: what was undone has left no answer. */
STORE_TEST(none_of_several_is_kept_where_one_is_refused)
{
	struct submission holder = asked_keyed("h", UNIQUE_REJECT), a;
	struct submission v[2] = { asked("a"), asked_keyed("b", UNIQUE_REJECT) };
	size_t at = 9;

	ck_assert_int_eq(ask_at(&holder, 1000), 0);
	ck_assert_int_eq(store_submit(st, v, 2, 1000, &at), -EEXIST);
	ck_assert_uint_eq(at, 1);
	give_back(v, 2);
	ck_assert_uint_eq(told_n, 1);
	a = asked("a");
	ck_assert_int_eq(ask_at(&a, 1000), 0);
	ck_assert_uint_eq(told_n, 2);
}

/* The one answered by its id holds no key for those behind it. */
STORE_TEST(an_answered_one_holds_no_key)
{
	struct submission a = asked_keyed("r", UNIQUE_REJECT);
	struct submission v[2] = { asked_keyed("r", UNIQUE_REJECT), asked_keyed("s", UNIQUE_REJECT) };

	ck_assert_int_eq(ask_at(&a, 1000), 0);
	succeed(a.id, 2000);
	ck_assert_int_eq(store_submit(st, v, 2, 3000, NULL), 0);
	ck_assert_int_eq(v[0].id, a.id);
	ck_assert_int_eq(v[1].id, a.id + 1);
	give_back(v, 2);
}

STORE_TEST(without_room_only_what_is_known_is_answered)
{
	struct submission a = asked("a"), again = asked("a"), fresh = asked("b");
	struct submission v[2] = { asked("a"), asked("b") };

	ck_assert_int_eq(ask_at(&a, 1000), 0);
	again.known_only = fresh.known_only = v[0].known_only = v[1].known_only = true;
	ck_assert_int_eq(ask_at(&again, 1000), 0);
	ck_assert_int_eq(again.id, a.id);
	ck_assert_int_eq(ask_at(&fresh, 1000), -EDQUOT);
	ck_assert_int_eq(store_submit(st, v, 2, 1000, NULL), -EDQUOT);
	give_back(v, 2);
	ck_assert_uint_eq(told_n, 1);
}

static int64_t side_ids[64];

static void ask_aside(void *arg)
{
	struct submission s = asked("same");

	ck_assert_int_eq(ask_at(&s, 1000), 0);
	side_ids[(size_t)(intptr_t)arg] = s.id;
}

STORE_TEST(side_by_side_one_job_results)
{
	for (intptr_t i = 0; i < 64; i++)
		ck_assert_int_eq(coro_spawn(&storetest_group, "side", ask_aside, (void *)i), 0);
	while (storetest_group.count > 1)
		coro_yield();
	for (int i = 1; i < 64; i++)
		ck_assert_int_eq(side_ids[i], side_ids[0]);
	ck_assert_uint_eq(told_n, 1);
}

static int64_t first_id;

static void ask_once(void)
{
	struct submission s = asked("r");

	ck_assert_int_eq(ask_at(&s, 1000), 0);
	if (first_id == 0)
		first_id = s.id;
	ck_assert_int_eq(s.id, first_id);
}

START_TEST(after_a_restart_too)
{
	storetest_make_directory();
	first_id = 0;
	for (int i = 0; i < 2; i++) {
		storetest_open(&store_sqlite);
		storetest_go(ask_once);
		storetest_close();
	}
	storetest_remove_directory();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("store_request");
	TCase *tc = tcase_create("request_id");

	add_store_test(tc, the_same_id_gets_the_same_answer);
	add_store_test(tc, whatever_became_of_the_job);
	add_store_test(tc, for_a_day);
	add_store_test(tc, what_is_over_is_pruned);
	add_store_test(tc, what_a_unique_key_answered_stays_the_answer);
	add_store_test(tc, what_was_refused_is_asked_anew);
	add_store_test(tc, several_at_once_each_by_its_own_id);
	add_store_test(tc, none_of_several_is_kept_where_one_is_refused);
	add_store_test(tc, an_answered_one_holds_no_key);
	add_store_test(tc, without_room_only_what_is_known_is_answered);
	add_store_test(tc, side_by_side_one_job_results);
	tcase_add_test(tc, after_a_restart_too);
	suite_add_tcase(suite, tc);
	return unit_run(suite);
}
