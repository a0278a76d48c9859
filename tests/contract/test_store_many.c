/* The store's contract, over each back end: what is about many jobs. */
#include "../lib/unit.h"
#include "storetest.h"

#define FINAL (1u << JOB_SUCCEEDED | 1u << JOB_FAILED | 1u << JOB_CANCELLED | 1u << JOB_EXPIRED)
#define WAITING (1u << JOB_HELD | 1u << JOB_BLOCKED | 1u << JOB_SCHEDULED | 1u << JOB_READY)

static struct job_matches matches;
static int64_t ids[20000];
static size_t ids_n, done;

static int64_t match(const struct job_filter *filter, unsigned states, bool newest_first)
{
	ck_assert_int_eq(store_match(st, filter, states, newest_first, &matches), 0);
	ids_n = idlist_take(&matches.ids, ids, 20000);
	ck_assert_uint_eq(matches.ids.n, 0);
	job_matches_free(&matches);
	return matches.matched;
}

static struct job_many many(unsigned states)
{
	return (struct job_many){ .ids = ids, .n = ids_n, .states = states };
}

STORE_TEST(nothing_passes_where_nothing_is)
{
	struct job_filter all = { 0 };
	struct job_many none;

	ck_assert_int_eq(match(&all, ~0u, false), 0);
	ck_assert_uint_eq(ids_n, 0);
	none = many(~0u);
	ck_assert_int_eq(store_cancel_many(st, &none, 2000, &done), 0);
	ck_assert_uint_eq(done, 0);
}

STORE_TEST(all_pass_and_those_wanted_are_named)
{
	struct job_filter all = { 0 };
	int64_t a = submit(), b = submit(), c = submit_at(5000);

	succeed(b, 1500);
	ck_assert_int_eq(match(&all, WAITING, false), 3);
	ck_assert_uint_eq(ids_n, 2);
	ck_assert_int_eq(ids[0], a);
	ck_assert_int_eq(ids[1], c);
	ck_assert_int_eq(match(&all, FINAL, false), 3);
	ck_assert_uint_eq(ids_n, 1);
	ck_assert_int_eq(ids[0], b);
	ck_assert_int_eq(match(&all, ~0u, true), 3);
	ck_assert_uint_eq(ids_n, 3);
	ck_assert_int_eq(ids[0], c);
	ck_assert_int_eq(ids[2], a);
}

STORE_TEST(each_filter_filters)
{
	const char *const mail[] = { "mail", NULL }, *const http[] = { "http", NULL };
	const char *const name[] = { "a", NULL }, *const value[] = { "1", NULL };
	struct job_filter by_queue = { .queues = mail }, by_type = { .types = http }, by_state = { .states = 1u << JOB_HELD },
			  by_tag = { .tag_names = name, .tag_values = value }, by_both = by_tag, none = { .states = 1u << JOB_NONE };
	struct job_spec from = storetest_spec();
	int64_t a = submit_spec(new_spec("mail", "http"), 0, 0), b = submit_spec(new_spec("mail", "t"), 0, 0), c;
	enum job_state state;

	from.tags = "{\"a\":\"1\"}";
	c = submit_spec(job_spec_new(&from), 0, 0);
	ck_assert_int_eq(store_hold(st, c, 1500, &state), 0);
	by_both.queues = mail;
	ck_assert_int_eq(match(&by_queue, ~0u, false), 2);
	ck_assert_int_eq(ids[1], b);
	ck_assert_int_eq(match(&by_type, ~0u, false), 1);
	ck_assert_int_eq(ids[0], a);
	ck_assert_int_eq(match(&by_state, ~0u, false), 1);
	ck_assert_int_eq(ids[0], c);
	ck_assert_int_eq(match(&by_tag, ~0u, true), 1);
	ck_assert_int_eq(ids[0], c);
	ck_assert_int_eq(match(&by_both, ~0u, false), 0);
	ck_assert_int_eq(match(&none, ~0u, false), 0);
}

/* More than a list looks at in one turn, in both directions, aside and not. */
STORE_TEST(many_pass)
{
	enum { N = 17000 };
	static struct submission v[N];
	struct job_filter all = { 0 }, held = { .states = 1u << JOB_HELD };
	struct job_spec *spec = new_spec("q", "t");

	for (int i = 0; i < N; i++)
		v[i] = (struct submission){ .spec = spec, .hold = i % 2 == 0 };
	ck_assert_int_eq(store_submit(st, v, N, 1000, NULL), 0);
	job_spec_unref(&spec);
	ck_assert_int_eq(match(&all, ~0u, false), N);
	ck_assert_uint_eq(ids_n, N);
	for (int i = 0; i < N; i++)
		hold(ids[i] == v[i].id);
	ck_assert_int_eq(match(&held, ~0u, true), N / 2);
	ck_assert_uint_eq(ids_n, N / 2);
	for (int i = 0; i < N / 2; i++)
		hold(ids[i] == v[N - 2 - 2 * i].id);
}

STORE_TEST(cancel_many_takes_what_it_may)
{
	int64_t ready = submit(), later = submit_at(5000), runs = submit(), over = submit();
	struct job_many some;

	ck_assert_int_eq(claim(runs, 1, 1500), 0);
	succeed(over, 1500);
	ids[0] = over;
	ids[1] = 99;
	ids[2] = runs;
	ids[3] = later;
	ids[4] = ready;
	ids_n = 5;
	some = many(WAITING);
	ck_assert_int_eq(store_cancel_many(st, &some, 2000, &done), 0);
	ck_assert_uint_eq(done, 2);
	ck_assert_int_eq(state_of(ready), JOB_CANCELLED);
	ck_assert_int_eq(state_of(later), JOB_CANCELLED);
	ck_assert_int_eq(state_of(runs), JOB_RUNNING);
	ck_assert_str_eq(told[told_n - 1].reason, "cancelled");
	some = many(~0u);
	ck_assert_int_eq(store_cancel_many(st, &some, 2000, &done), 0);
	ck_assert_uint_eq(done, 1);		/* the one that runs, once it has stopped */
	ck_assert_int_eq(state_of(runs), JOB_RUNNING);
	ck_assert_int_eq(state_of(over), JOB_SUCCEEDED);
}

STORE_TEST(cancel_many_counts_what_goes_with_others_of_them)
{
	int64_t parent = submit(), over = submit();
	struct submission s = { .spec = new_spec("q", "t"), .after = &parent, .after_n = 1 };
	struct job_many some;

	ck_assert_int_eq(store_submit(st, &s, 1, 1000, NULL), 0);
	job_spec_unref(&s.spec);
	succeed(over, 1500);
	ids[0] = parent;
	ids_n = 1;
	some = many(WAITING);
	ck_assert_int_eq(store_cancel_many(st, &some, 2000, &done), 0);
	ck_assert_uint_eq(done, 1);
	ck_assert_int_eq(state_of(s.id), JOB_CANCELLED);
	ids[0] = s.id;			/* in the batch behind */
	ids[1] = over;
	ids_n = 2;
	some = many(WAITING);
	ck_assert_int_eq(store_cancel_many(st, &some, 2000, &done), 0);
	ck_assert_uint_eq(done, 1);
}

STORE_TEST(retry_many_leaves_what_has_lost_its_key)
{
	struct submission a = { .spec = new_keyed_spec("k") }, b = { .spec = new_keyed_spec("k") };
	struct job_many some;
	int64_t other;

	ck_assert_int_eq(store_submit(st, &a, 1, 1000, NULL), 0);
	succeed(a.id, 1500);
	ck_assert_int_eq(store_submit(st, &b, 1, 1600, NULL), 0);
	succeed(b.id, 1700);
	job_spec_unref(&a.spec);
	job_spec_unref(&b.spec);
	other = submit();
	succeed(other, 1800);
	ids[0] = a.id;
	ids[1] = b.id;
	ids[2] = other;
	ids_n = 3;
	some = many(FINAL);
	ck_assert_int_eq(store_retry_many(st, &some, 2000, &done), 0);
	ck_assert_uint_eq(done, 2);
	ck_assert_int_eq(state_of(a.id), JOB_READY);
	ck_assert_int_eq(state_of(b.id), JOB_SUCCEEDED);
	ck_assert_int_eq(state_of(other), JOB_READY);
}

STORE_TEST(delete_many_deletes)
{
	struct job_filter over = { .states = 1u << JOB_SUCCEEDED };
	struct job_many some;
	int64_t kept = submit();

	for (int i = 0; i < 10; i++)
		succeed(submit(), 1500);
	ck_assert_int_eq(match(&over, FINAL, false), 10);
	some = many(FINAL);
	ck_assert_int_eq(store_delete_many(st, &some, 2000, &done), 0);
	ck_assert_uint_eq(done, 10);
	ck_assert_int_eq(match(&over, FINAL, false), 0);
	ck_assert_int_eq(state_of(kept), JOB_READY);
	ck_assert_int_eq(told[told_n - 1].to, JOB_NONE);
	ck_assert_int_eq(store_delete_many(st, &some, 2000, &done), 0);
	ck_assert_uint_eq(done, 0);
}

int main(void)
{
	Suite *suite = suite_create("store_many");
	TCase *tc = tcase_create("many");

	add_store_test(tc, nothing_passes_where_nothing_is);
	add_store_test(tc, all_pass_and_those_wanted_are_named);
	add_store_test(tc, each_filter_filters);
	add_store_test(tc, many_pass);
	add_store_test(tc, cancel_many_takes_what_it_may);
	add_store_test(tc, cancel_many_counts_what_goes_with_others_of_them);
	add_store_test(tc, retry_many_leaves_what_has_lost_its_key);
	add_store_test(tc, delete_many_deletes);
	suite_add_tcase(suite, tc);
	return unit_run(suite);
}
