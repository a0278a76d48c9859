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

/* ---- flows ---- */

static struct flow_row last_flow;
static bool last_has_flow;

static void keep_flow(const struct job_change *change)
{
	last_has_flow = change->flow != NULL;
	last_flow = change->flow != NULL ? *change->flow : (struct flow_row){ 0 };
}

static int64_t submit_flow(const char *queue, const char *group, const char *key, int64_t limit)
{
	struct job_spec from = storetest_spec();

	from.queue = queue;
	from.group = group;
	from.concurrency_key = key;
	from.concurrency_limit = limit;
	return submit_spec(job_spec_new(&from), 0, 0);
}

STORE_TEST(jobs_alike_are_one_flow)
{
	static const struct { const char *queue, *group, *key; int64_t limit; } others[] = {
		{ "q", "g", NULL, 0 }, { "q", "h", NULL, 0 }, { "r", "g", NULL, 0 }, { "q", NULL, "k", 1 }, { "q", NULL, "k", 2 },
		{ "q", "g", "k", 1 }, { "q", "k", NULL, 0 }, { "q", "gk", NULL, 0 },
	};
	int64_t ids[8];

	storetest_on_change = keep_flow;
	submit();
	ck_assert(!last_has_flow);
	for (int i = 0; i < 8; i++) {
		submit_flow(others[i].queue, others[i].group, others[i].key, others[i].limit);
		ck_assert(last_has_flow);
		ck_assert_int_gt(last_flow.id, 0);
		ck_assert_int_eq(last_flow.limit, others[i].limit);
		ids[i] = last_flow.id;
		for (int k = 0; k < i; k++)
			ck_assert_int_ne(ids[k], ids[i]);
	}
	for (int i = 0; i < 8; i++) {
		submit_flow(others[i].queue, others[i].group, others[i].key, others[i].limit);
		ck_assert_int_eq(last_flow.id, ids[i]);
	}
	storetest_on_change = NULL;
}

STORE_TEST(a_flow_is_told_until_its_job_is_over_and_again_when_it_is_retried)
{
	enum job_state state;
	int64_t id, number;

	storetest_on_change = keep_flow;
	id = submit_flow("q", "g", NULL, 0);
	number = last_flow.id;
	ck_assert_int_eq(claim(id, 1, 2000), 0);
	ck_assert_int_eq(last_flow.id, number);
	ck_assert_int_eq(settle(id, 1, OUTCOME_FAILED, JOB_FAILED, 3000), 0);
	ck_assert_int_eq(last_flow.id, number);
	ck_assert_int_eq(store_retry(st, id, 4000, &state), 0);
	ck_assert(last_has_flow);
	number = last_flow.id;
	ck_assert_int_eq(store_cancel(st, id, 5000, &state), 0);
	ck_assert_int_eq(last_flow.id, number);
	ck_assert_int_eq(store_delete(st, id, 6000, &state), 0);
	ck_assert(!last_has_flow);
	storetest_on_change = NULL;
}

STORE_TEST(a_record_keeps_group_and_key_when_it_is_final)
{
	int64_t id = submit_flow("q", "g", "k", 3);
	struct job_record record;

	succeed(id, 2000);
	ck_assert_int_eq(store_get(st, id, &record), 0);
	ck_assert_str_eq(record.row.spec->group, "g");
	ck_assert_str_eq(record.row.spec->concurrency_key, "k");
	ck_assert_int_eq(record.row.spec->concurrency_limit, 3);
	job_record_free(&record);
}

static int64_t paged[8];
static size_t paged_n;
static bool page_there;

static void page_came(void *arg, int rc, const struct job_row *rows, size_t n)
{
	(void)arg;
	ck_assert_int_eq(rc, 0);
	ck_assert_uint_le(n, 8);
	for (paged_n = 0; paged_n < n; paged_n++)
		paged[paged_n] = rows[paged_n].id;
	page_there = true;
}

static void ask_page(int64_t flow, int after_priority, int64_t after_id)
{
	page_there = false;
	ck_assert_int_eq(store_ready_page(st, "q", "t", flow, after_priority, after_id, 8, page_came, NULL), 0);
	while (!page_there)
		coro_yield();
}

STORE_TEST(a_page_is_of_one_flow)
{
	int64_t plain = submit(), in_flow, number;

	storetest_on_change = keep_flow;
	in_flow = submit_flow("q", "g", NULL, 0);
	number = last_flow.id;
	submit_flow("q", "h", NULL, 0);
	submit_flow("q", "g", "k", 1);
	ask_page(0, 0, 0);
	ck_assert_uint_eq(paged_n, 1);
	ck_assert_int_eq(paged[0], plain);
	submit_flow("q", "g", NULL, 0);
	ask_page(number, 0, 0);
	ck_assert_uint_eq(paged_n, 2);
	ck_assert_int_eq(paged[0], in_flow);
	ask_page(number, 0, in_flow);
	ck_assert_uint_eq(paged_n, 1);
	ck_assert_int_gt(paged[0], in_flow);
	storetest_on_change = NULL;
}

STORE_TEST(a_moved_job_tells_the_flow_it_came_from)
{
	struct job_update move = { .what = UPDATE_QUEUE, .queue = "r" };
	enum job_state state;
	int64_t number;

	storetest_on_change = keep_flow;
	move.id = submit_flow("q", "g", "k", 1);
	number = last_flow.id;
	ck_assert_int_eq(store_update(st, &move, 2000, &state), 0);
	ck_assert(last_has_flow);
	ck_assert_int_ne(last_flow.id, number);
	ck_assert_int_eq(last_flow.limit, 1);
	ask_page(number, 0, 0);
	ck_assert_uint_eq(paged_n, 0);
	storetest_on_change = NULL;
}

static size_t flows_n;
static struct flow_count flow_at_open;

static void on_flow(void *arg, const struct flow_count *flow)
{
	(void)arg;
	flows_n++;
	flow_at_open = *flow;
}

static struct ready_first firsts_at_open[2];
static size_t firsts_n;

static void on_first(void *arg, const struct ready_first *first)
{
	(void)arg;
	ck_assert_uint_lt(firsts_n++, 2);
	firsts_at_open[first->flow != 0] = *first;
}

static int64_t first_of_flow, first_of_none;

/* What is first by priority is neither the oldest nor ready still. */
static void make_firsts(void)
{
	struct job_update raise = { .what = UPDATE_PRIORITY, .priority = 5 };
	enum job_state state;
	int64_t held;

	submit();
	held = submit();
	first_of_none = submit();
	submit();
	for (raise.id = held; raise.id <= first_of_none; raise.id++)
		ck_assert_int_eq(store_update(st, &raise, 2000, &state), 0);
	ck_assert_int_eq(store_hold(st, held, 2000, &state), 0);
}

static void make_flows(void)
{
	enum job_state state;
	int64_t id;

	succeed(submit_flow("q", "gone", NULL, 0), 2000);
	first_of_flow = submit_flow("q", "g", "k", 3);
	submit_flow("q", "g", "k", 3);
	id = submit_flow("q", "g", "k", 3);
	ck_assert_int_eq(store_hold(st, id, 2000, &state), 0);
	ck_assert_int_eq(claim(submit_flow("q", "g", "k", 3), 1, 2000), 0);
}

/* What runs counts for its key from the start. */
static void key_is_counted(void)
{
	ck_assert_int_eq(claim(submit_flow("r", NULL, "k", 2), 1, 3000), 0);
	ck_assert_int_eq(claim(submit_flow("r", NULL, "k", 2), 1, 3000), -EAGAIN);
}

START_TEST(flows_are_there_at_the_next_open)
{
	storetest_make_directory();
	storetest_open(&store_sqlite);
	storetest_go(make_flows);
	storetest_go(make_firsts);
	storetest_close();
	storetest_open(&store_sqlite);
	flows_n = 0;
	store_flows(st, on_flow, NULL);
	ck_assert_uint_eq(flows_n, 1);
	ck_assert_str_eq(flow_at_open.queue, "q");
	ck_assert_str_eq(flow_at_open.row.group, "g");
	ck_assert_str_eq(flow_at_open.row.key, "k");
	ck_assert_int_eq(flow_at_open.row.limit, 3);
	ck_assert_int_eq(flow_at_open.unfinished, 4);
	ck_assert_int_eq(flow_at_open.ready, 2);
	firsts_n = 0;
	store_firsts(st, on_first, NULL);
	ck_assert_uint_eq(firsts_n, 2);
	ck_assert_int_eq(firsts_at_open[0].id, first_of_none);
	ck_assert_int_eq(firsts_at_open[0].priority, 5);
	ck_assert_int_eq(firsts_at_open[1].id, first_of_flow);
	ck_assert_int_eq(firsts_at_open[1].flow, flow_at_open.row.id);
	ck_assert_str_eq(firsts_at_open[1].queue, "q");
	storetest_go(key_is_counted);
	storetest_close();
	storetest_remove_directory();
}
END_TEST

/* ---- what a claim looks at ---- */

STORE_TEST(no_more_of_a_key_run_than_each_job_says)
{
	int64_t a = submit_flow("q", NULL, "k", 2), b = submit_flow("r", "g", "k", 2), c = submit_flow("s", NULL, "k", 2);
	int64_t wide = submit_flow("q", NULL, "k", 3), other = submit_flow("q", NULL, "l", 1);
	enum job_state state;

	ck_assert_int_eq(claim(a, 1, 2000), 0);
	ck_assert_int_eq(claim(b, 1, 2000), 0);
	ck_assert_int_eq(claim(c, 1, 2000), -EAGAIN);
	ck_assert_int_eq(state_of(c), JOB_READY);
	ck_assert_int_eq(claim(wide, 1, 2000), 0);
	ck_assert_int_eq(claim(other, 1, 2000), 0);
	ck_assert_int_eq(settle(a, 1, OUTCOME_FAILED, JOB_READY, 3000), 0);
	ck_assert_int_eq(claim(c, 1, 3000), -EAGAIN);
	/* A cancel that was only asked for frees nothing. */
	ck_assert_int_eq(store_cancel(st, b, 3000, &state), 0);
	ck_assert_int_eq(claim(c, 1, 3000), -EAGAIN);
	ck_assert_int_eq(settle(b, 1, OUTCOME_CANCELLED, JOB_CANCELLED, 4000), 0);
	ck_assert_int_eq(claim(c, 1, 4000), 0);
}

static int claim_limited(int64_t id, int64_t concurrency, const struct rate *rate, wall_ms at)
{
	struct claim c = { .id = id, .attempt = 1, .started_at = at, .concurrency = concurrency, .token_at = at };

	if (rate != NULL)
		c.rate = *rate;
	return store_claim(st, &c, NULL);
}

STORE_TEST(no_more_of_a_queue_run_than_it_may)
{
	int64_t ids[4];

	for (int i = 0; i < 4; i++)
		ids[i] = submit_spec(new_spec("q", i % 2 ? "t" : "u"), 0, 0);
	ck_assert_int_eq(claim_limited(ids[0], 2, NULL, 2000), 0);
	ck_assert_int_eq(claim_limited(ids[1], 2, NULL, 2000), 0);
	ck_assert_int_eq(claim_limited(ids[2], 2, NULL, 2000), -EAGAIN);
	ck_assert_int_eq(claim_limited(ids[3], 0, NULL, 2000), 0);
	ck_assert_int_eq(settle(ids[0], 1, OUTCOME_SUCCEEDED, JOB_SUCCEEDED, 3000), 0);
	ck_assert_int_eq(claim_limited(ids[2], 2, NULL, 3000), -EAGAIN);
	ck_assert_int_eq(claim_limited(ids[2], 3, NULL, 3000), 0);
}

STORE_TEST(a_token_is_taken_by_a_start_and_by_nothing_else)
{
	static const struct rate rate = { 1, 2 };
	enum job_state state;
	int64_t ids[5];

	for (int i = 0; i < 5; i++)
		ids[i] = submit();
	ck_assert_int_eq(claim_limited(ids[0], 0, &rate, 10000), 0);
	ck_assert_int_eq(claim_limited(ids[0], 0, &rate, 10000), -EBUSY);
	ck_assert_int_eq(store_hold(st, ids[4], 10000, &state), 0);
	ck_assert_int_eq(claim_limited(ids[4], 0, &rate, 10000), -EBUSY);
	ck_assert_int_eq(claim_limited(ids[1], 0, &rate, 10000), 0);
	ck_assert_int_eq(claim_limited(ids[2], 0, &rate, 10000), -EAGAIN);
	ck_assert_int_eq(state_of(ids[2]), JOB_READY);
	ck_assert_int_eq(claim_limited(ids[2], 0, &rate, 10900), -EAGAIN);
	ck_assert_int_eq(claim_limited(ids[2], 0, &rate, 11000), 0);
	ck_assert_int_eq(claim_limited(ids[3], 0, &rate, 11000), -EAGAIN);
}

static void empty_bucket(void)
{
	static const struct rate rate = { 1, 1 };

	ck_assert_int_eq(claim_limited(submit(), 0, &rate, 10000), 0);
}

static void still_empty(void)
{
	static const struct rate rate = { 1, 1 };
	int64_t id = submit();

	ck_assert_int_eq(claim_limited(id, 0, &rate, 10500), -EAGAIN);
	ck_assert_int_eq(claim_limited(id, 0, &rate, 11000), 0);
}

START_TEST(a_bucket_is_as_it_was_at_the_next_open)
{
	storetest_make_directory();
	storetest_open(&store_sqlite);
	storetest_go(empty_bucket);
	storetest_close();
	storetest_queue[0] = '\0';
	storetest_open(&store_sqlite);
	ck_assert_str_eq(storetest_queue, "q");
	ck_assert_int_eq(storetest_queue_row.bucket.at, 10000);
	ck_assert_double_eq(storetest_queue_row.bucket.level, 0);
	storetest_go(still_empty);
	storetest_close();
	storetest_remove_directory();
}
END_TEST

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
	tc = tcase_create("flows");
	add_store_test(tc, jobs_alike_are_one_flow);
	add_store_test(tc, a_flow_is_told_until_its_job_is_over_and_again_when_it_is_retried);
	add_store_test(tc, a_record_keeps_group_and_key_when_it_is_final);
	add_store_test(tc, a_page_is_of_one_flow);
	add_store_test(tc, a_moved_job_tells_the_flow_it_came_from);
	tcase_add_test(tc, flows_are_there_at_the_next_open);
	suite_add_tcase(s, tc);
	tc = tcase_create("claims");
	add_store_test(tc, no_more_of_a_key_run_than_each_job_says);
	add_store_test(tc, no_more_of_a_queue_run_than_it_may);
	add_store_test(tc, a_token_is_taken_by_a_start_and_by_nothing_else);
	tcase_add_test(tc, a_bucket_is_as_it_was_at_the_next_open);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	return unit_run(suite());
}
