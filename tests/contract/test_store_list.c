/* The store's contract, over each back end: lists and counts. */
#include <stdlib.h>

#include "../lib/unit.h"
#include "storetest.h"

static int64_t ids[300];

/* 300 jobs: queues a, b, c in turn; types t, u in turn; every 5th scheduled, every 7th cancelled, every 50th failed, 100th tagged. */
static void populate(void)
{
	static const char *const queues[] = { "a", "b", "c" };
	enum job_state state;

	for (int i = 0; i < 300; i++) {
		struct job_spec from = storetest_spec();

		from.queue = queues[i % 3];
		from.type = i % 2 == 0 ? "t" : "u";
		from.args = "{\"n\":1}";
		from.tags = i % 100 == 0 ? "{\"color\":\"red\",\"size\":\"big\"}" : i % 10 == 0 ? "{\"color\":\"red\"}" : NULL;
		ids[i] = submit_spec(job_spec_new(&from), 0, i % 5 == 0 ? 5000 : 0);
		if (i % 7 == 0)
			ck_assert_int_eq(store_cancel(st, ids[i], 2000, &state), 0);
		else if (i % 50 == 1)
			ck_assert_int_eq(settle(ids[i], 1, OUTCOME_FAILED, JOB_FAILED, 3000), 0);
	}
}

/* Lists page by page, and returns how many there were in all; each must pass. */
static size_t list_all(const struct job_filter *f, bool newest_first, size_t limit, bool (*passes)(int i))
{
	struct job_page page;
	int64_t after = 0;
	size_t n = 0;
	bool more = true;

	while (more) {
		ck_assert_int_eq(store_list(st, f, newest_first, after, limit, false, &page), 0);
		ck_assert_uint_le(page.n, limit);
		ck_assert(!page.more || page.n == limit);
		for (size_t k = 0; k < page.n; k++) {
			int64_t id = page.v[k].row.id;

			if (after != 0)
				ck_assert(newest_first ? id < after : id > after);
			ck_assert(passes((int)(id - ids[0])));
			after = id;
			n++;
		}
		more = page.more;
		job_page_free(&page);
	}
	return n;
}

static void list_both_ways(const struct job_filter *f, bool (*passes)(int i))
{
	int64_t by_state[JOB_STATES], counted = 0;
	size_t n = 0;

	for (int i = 0; i < 300; i++)
		n += passes(i);
	ck_assert_uint_eq(list_all(f, true, 1000, passes), n);
	ck_assert_uint_eq(list_all(f, false, 1000, passes), n);
	ck_assert_uint_eq(list_all(f, true, 7, passes), n);
	ck_assert_uint_eq(list_all(f, false, 1, passes), n);
	ck_assert_int_eq(store_count(st, f, by_state), 0);
	for (int s = 0; s < JOB_STATES; s++)
		counted += by_state[s];
	ck_assert_int_eq(counted, (int64_t)n);
}

static bool any(int i) { return i >= 0; }
static bool in_a(int i) { return i % 3 == 0; }
static bool in_a_or_c(int i) { return i % 3 != 1; }
static bool of_u(int i) { return i % 2 == 1; }
static bool in_b_of_t(int i) { return i % 3 == 1 && i % 2 == 0; }
static bool cancelled(int i) { return i % 7 == 0; }
static bool failed(int i) { return i % 50 == 1 && i % 7 != 0; }
static bool cancelled_or_failed(int i) { return cancelled(i) || failed(i); }
static bool scheduled(int i) { return i % 5 == 0 && !cancelled(i); }
static bool ready_or_cancelled(int i) { return !scheduled(i) && !failed(i); }
static bool failed_in_b(int i) { return failed(i) && i % 3 == 1; }
static bool red(int i) { return i % 10 == 0; }
static bool red_and_big(int i) { return i % 100 == 0; }
static bool red_cancelled(int i) { return red(i) && cancelled(i); }
static bool none(int i) { return i < 0; }

STORE_TEST(lists_by_filter_in_pages_both_ways)
{
	static const char *const a[] = { "a", NULL }, *const a_c[] = { "a", "c", NULL }, *const b[] = { "b", NULL },
			  *const t[] = { "t", NULL }, *const u[] = { "u", NULL }, *const unknown[] = { "zzz", NULL },
			  *const color[] = { "color", NULL }, *const is_red[] = { "red", NULL },
			  *const color_size[] = { "color", "size", NULL }, *const red_big[] = { "red", "big", NULL };
	unsigned bad = 1u << JOB_CANCELLED | 1u << JOB_FAILED;

	populate();
	list_both_ways(&(struct job_filter){ 0 }, any);
	list_both_ways(&(struct job_filter){ .queues = a }, in_a);
	list_both_ways(&(struct job_filter){ .queues = a_c }, in_a_or_c);
	list_both_ways(&(struct job_filter){ .types = u }, of_u);
	list_both_ways(&(struct job_filter){ .queues = b, .types = t }, in_b_of_t);
	list_both_ways(&(struct job_filter){ .queues = unknown }, none);
	list_both_ways(&(struct job_filter){ .states = 1u << JOB_CANCELLED }, cancelled);
	list_both_ways(&(struct job_filter){ .states = 1u << JOB_FAILED }, failed);
	list_both_ways(&(struct job_filter){ .states = bad }, cancelled_or_failed);
	list_both_ways(&(struct job_filter){ .states = 1u << JOB_SCHEDULED }, scheduled);
	list_both_ways(&(struct job_filter){ .states = 1u << JOB_READY | 1u << JOB_CANCELLED }, ready_or_cancelled);
	list_both_ways(&(struct job_filter){ .states = 1u << JOB_FAILED, .queues = b }, failed_in_b);
	list_both_ways(&(struct job_filter){ .states = 1u << JOB_RUNNING }, none);
	list_both_ways(&(struct job_filter){ .tag_names = color, .tag_values = is_red }, red);
	list_both_ways(&(struct job_filter){ .tag_names = color_size, .tag_values = red_big }, red_and_big);
	list_both_ways(&(struct job_filter){ .tag_names = color, .tag_values = is_red, .states = 1u << JOB_CANCELLED },
		       red_cancelled);
	list_both_ways(&(struct job_filter){ .tag_names = color, .tag_values = unknown }, none);
}

/* ---- what is rare among many ---- */

enum { MANY = 3000 };

static bool far(int i) { return i % 700 == 3; }
static bool far_or_first(int i) { return far(i) || i < 2; }
static bool first_of_all(int i) { return i < 2; }
static bool odd_one(int i) { return i == 1500; }
static bool far_and_late(int i) { return far(i) && i > 1000; }
static bool neither_or_odd(int i) { return !far_or_first(i); }
static bool last_hundred(int i) { return i >= 2900 && !far(i); }
static bool all_but_last_hundred(int i) { return i < 2900 && !far(i); }
static bool second(int i) { return i == 1; }

static void list_many(const struct job_filter *f, bool (*passes)(int i))
{
	int64_t by_state[JOB_STATES], counted = 0;
	size_t n = 0;

	for (int i = 0; i < MANY; i++)
		n += passes(i);
	ck_assert_uint_eq(list_all(f, true, 1000, passes), n);
	ck_assert_uint_eq(list_all(f, false, 3, passes), n);
	ck_assert_int_eq(store_count(st, f, by_state), 0);
	for (int s = 0; s < JOB_STATES; s++)
		counted += by_state[s];
	ck_assert_int_eq(counted, (int64_t)n);
}

/* Many jobs of one kind, and few of another, far apart; the first two end first, one is held. */
static void populate_widely(void)
{
	struct job_spec *plain = new_spec("q", "t"), *rare = new_spec("r", "u"), *tagged;
	struct submission *v = calloc(MANY, sizeof(*v));
	struct job_spec from = storetest_spec();
	size_t at;

	from.tags = "{\"odd\":\"one\",\"all\":\"a\"}";
	tagged = job_spec_new(&from);
	for (int i = 0; i < MANY; i++)
		v[i] = (struct submission){ .spec = odd_one(i) ? tagged : far(i) ? rare : plain,
					    .hold = far(i) && far_and_late(i) };
	ck_assert_int_eq(store_submit(st, v, MANY, 1000, &at), 0);
	ids[0] = v[0].id;
	ck_assert_int_eq(settle(ids[0], 1, OUTCOME_SUCCEEDED, JOB_SUCCEEDED, 3000), 0);
	ck_assert_int_eq(settle(ids[0] + 1, 1, OUTCOME_SUCCEEDED, JOB_SUCCEEDED, 3000), 0);
	job_spec_unref(&plain);
	job_spec_unref(&rare);
	job_spec_unref(&tagged);
	free(v);
}

static const char *const rare_queue[] = { "r", NULL }, *const rare_type[] = { "u", NULL }, *const odd[] = { "odd", NULL },
			 *const one[] = { "one", NULL };

STORE_TEST(what_is_rare_is_found_among_many)
{
	populate_widely();
	list_many(&(struct job_filter){ .queues = rare_queue }, far);
	list_many(&(struct job_filter){ .types = rare_type }, far);
	list_many(&(struct job_filter){ .states = 1u << JOB_HELD }, far_and_late);
	list_many(&(struct job_filter){ .states = 1u << JOB_SUCCEEDED }, first_of_all);
	list_many(&(struct job_filter){ .states = 1u << JOB_HELD, .queues = rare_queue }, far_and_late);
	list_many(&(struct job_filter){ .states = 1u << JOB_SUCCEEDED, .queues = rare_queue }, none);
	list_many(&(struct job_filter){ .tag_names = odd, .tag_values = one }, odd_one);
	list_many(&(struct job_filter){ .tag_names = odd, .tag_values = one, .queues = rare_queue }, none);
	list_many(&(struct job_filter){ .tag_names = odd, .tag_values = one, .states = 1u << JOB_READY }, odd_one);
	list_many(&(struct job_filter){ .states = 1u << JOB_READY, .queues = (const char *const[]){ "q", NULL } },
		  neither_or_odd);
}

/* What has left a state, or is gone, is not found there; what has come is. */
STORE_TEST(lists_follow_what_becomes_of_jobs)
{
	enum job_state state;

	populate_widely();
	for (int i = 0; i < MANY; i++)
		if (far(i)) {
			ck_assert_int_eq(store_cancel(st, ids[0] + i, 2000, &state), 0);
			ck_assert_int_eq(store_delete(st, ids[0] + i, 2000, &state), 0);
		} else if (!first_of_all(i) && i < 2900) {
			ck_assert_int_eq(settle(ids[0] + i, 1, OUTCOME_SUCCEEDED, JOB_SUCCEEDED, 3000), 0);
		}
	list_many(&(struct job_filter){ .queues = rare_queue }, none);
	list_many(&(struct job_filter){ .states = 1u << JOB_HELD }, none);
	list_many(&(struct job_filter){ .states = 1u << JOB_READY }, last_hundred);
	list_many(&(struct job_filter){ .states = 1u << JOB_SUCCEEDED }, all_but_last_hundred);
	ck_assert_int_eq(store_retry(st, ids[0] + 1, 4000, &state), 0);
	ck_assert_int_eq(store_hold(st, ids[0] + 1, 4000, &state), 0);
	ck_assert_int_eq(store_update(st, &(struct job_update){ .id = ids[0] + 1, .what = UPDATE_QUEUE, .queue = "r" }, 5000, &state),
			 0);
	list_many(&(struct job_filter){ .queues = rare_queue }, second);
	list_many(&(struct job_filter){ .queues = rare_queue, .states = 1u << JOB_READY }, none);
	list_many(&(struct job_filter){ .states = 1u << JOB_HELD }, second);
}

STORE_TEST(a_list_is_stable_while_jobs_come_and_go)
{
	struct job_filter all = { 0 };
	struct job_page page;
	enum job_state state;

	populate();
	ck_assert_int_eq(store_list(st, &all, true, 0, 10, false, &page), 0);
	ck_assert(page.more);
	ck_assert_int_eq(page.v[9].row.id, ids[290]);
	job_page_free(&page);
	submit();
	ck_assert_int_eq(store_delete(st, ids[287], 4000, &state), 0);
	ck_assert_int_eq(store_list(st, &all, true, ids[290], 10, false, &page), 0);
	ck_assert_int_eq(page.v[0].row.id, ids[289]);
	ck_assert_int_eq(page.v[2].row.id, ids[286]);
	job_page_free(&page);
}

STORE_TEST(arguments_and_results_only_where_asked_for)
{
	struct job_filter all = { 0 };
	struct job_spec from = storetest_spec();
	struct settlement s;
	struct job_page page;

	from.args = "{\"n\":1}";
	from.meta = "2";
	from.tags = "{\"a\":\"b\"}";
	s = settlement(submit_spec(job_spec_new(&from), 0, 0), 1, OUTCOME_FAILED, JOB_FAILED, 3000);
	s.result = "3";
	ck_assert_int_eq(store_settle(st, &s), 0);
	ck_assert_int_eq(store_list(st, &all, true, 0, 10, false, &page), 0);
	ck_assert_uint_eq(page.n, 1);
	ck_assert_ptr_null(page.v[0].row.spec->args);
	ck_assert_ptr_null(page.v[0].row.spec->meta);
	ck_assert_ptr_null(page.v[0].result);
	ck_assert_str_eq(page.v[0].row.spec->tags, from.tags);
	ck_assert_str_eq(page.v[0].reason, "io");
	job_page_free(&page);
	ck_assert_int_eq(store_list(st, &all, true, 0, 10, true, &page), 0);
	ck_assert_str_eq(page.v[0].row.spec->args, from.args);
	ck_assert_str_eq(page.v[0].row.spec->meta, from.meta);
	ck_assert_str_eq(page.v[0].result, "3");
	job_page_free(&page);
}

STORE_TEST(counts_by_state)
{
	int64_t by_state[JOB_STATES];

	populate();
	ck_assert_int_eq(store_count(st, &(struct job_filter){ .states = 1u << JOB_CANCELLED }, by_state), 0);
	for (int s = 0; s < JOB_STATES; s++)
		ck_assert_int_eq(by_state[s], s == JOB_CANCELLED ? 43 : 0);
}

STORE_TEST(tags_go_with_their_job)
{
	static const char *const color[] = { "color", NULL }, *const is_red[] = { "red", NULL };
	struct job_filter red_ones = { .tag_names = color, .tag_values = is_red };
	int64_t by_state[JOB_STATES];
	enum job_state state;

	populate();
	ck_assert_int_eq(store_delete(st, ids[70], 4000, &state), 0);
	ck_assert_int_eq(store_count(st, &red_ones, by_state), 0);
	ck_assert_int_eq(by_state[JOB_CANCELLED], 4);		/* 0, 140, 210, 280 */
}

/* ---- by reason ---- */

/* Whose ready jobs pass: those of queue "a", or of type "u". */
static bool in_a_or_of_u(const void *arg, const char *queue, const char *type, const char *key, int64_t limit)
{
	ck_assert_ptr_eq(arg, ids);
	ck_assert_ptr_null(key);
	ck_assert_int_eq(limit, 0);
	return strcmp(queue, "a") == 0 || strcmp(type, "u") == 0;
}

/* As populate says: i % 3 the queue, i % 2 the type; every 5th is scheduled; those failed and cancelled are not ready. */
static bool ready(int i) { return !scheduled(i) && !failed(i) && !cancelled(i) && i != 11; }
static bool held_by_hand(int i) { return i == 2 || i == 4 || i == 16; }
static bool ready_lanes(int i) { return ready(i) && (in_a(i) || of_u(i)) && !held_by_hand(i); }
static bool ready_lanes_taken(int i) { return ready(i) && (in_a(i) || of_u(i) || held_by_hand(i)); }
static bool ready_lanes_of_b(int i) { return ready_lanes(i) && i % 3 == 1; }
static bool only_taken(int i) { return held_by_hand(i); }
static bool first_time(int i) { return scheduled(i); }
static bool another_time(int i) { return i == 11; }
static bool cancelled_or_lanes(int i) { return cancelled(i) || ready_lanes(i); }

static bool no_lane(const void *arg, const char *queue, const char *type, const char *key, int64_t limit)
{
	(void)arg, (void)queue, (void)type, (void)key, (void)limit;
	return false;
}

STORE_TEST(those_that_wait_pass_by_why_they_do)
{
	static const char *const b[] = { "b", NULL };
	struct job_reasons r = { .ready = in_a_or_of_u, .arg = ids };
	struct job_filter f = { .states = 1u << JOB_READY, .reasons = &r };
	struct settlement s;
	int64_t hand[3];

	populate();
	s = settlement(ids[11], 1, OUTCOME_FAILED, JOB_SCHEDULED, 3000);
	s.run_at = 9000;
	ck_assert_int_eq(store_settle(st, &s), 0);
	hand[0] = ids[2];
	hand[1] = ids[4];
	hand[2] = ids[16];
	r.in_hand = hand;
	r.in_hand_n = 3;
	list_both_ways(&f, ready_lanes);
	f.queues = b;
	list_both_ways(&f, ready_lanes_of_b);
	f.queues = NULL;
	r.taken = true;
	list_both_ways(&f, ready_lanes_taken);
	r.ready = no_lane;
	list_both_ways(&f, only_taken);
	r.taken = false;
	list_both_ways(&f, none);
	f.states = 1u << JOB_SCHEDULED;
	list_both_ways(&f, none);
	r.first = true;
	list_both_ways(&f, first_time);
	r.first = false;
	r.again = true;
	list_both_ways(&f, another_time);
	r.ready = in_a_or_of_u;
	r.again = false;
	f.states = 1u << JOB_CANCELLED | 1u << JOB_READY | 1u << JOB_SCHEDULED;
	list_both_ways(&f, cancelled_or_lanes);
}

/* Full keys only: those whose limit is 2; of them in queue "a". */
static bool key_full(const void *arg, const char *queue, const char *type, const char *key, int64_t limit)
{
	(void)arg, (void)type;
	return key != NULL && strcmp(queue, "a") == 0 && strncmp(key, "full", 4) == 0 && limit == 2;
}

/* The others of queue "a". */
static bool key_not_full(const void *arg, const char *queue, const char *type, const char *key, int64_t limit)
{
	return strcmp(queue, "a") == 0 && !key_full(arg, queue, type, key, limit);
}

/* 300 jobs: queues a, b, c in turn; every 4th has a key with limit 2 or 3, every 20th of them "full"; every 7th a group only. */
static void populate_keyed(void)
{
	static const char *const queues[] = { "a", "b", "c" };

	for (int i = 0; i < 300; i++) {
		struct job_spec from = storetest_spec();

		from.queue = queues[i % 3];
		if (i % 4 == 0) {
			from.concurrency_key = i % 20 == 0 ? "full" : "free";
			from.concurrency_limit = 2 + i % 8 / 4;
		} else if (i % 7 == 0) {
			from.group = "g";
		}
		ids[i] = submit_spec(job_spec_new(&from), 0, 0);
	}
}

static bool keyed(int i) { return i % 3 == 0 && i % 20 == 0 && i % 8 < 4; }
static bool keyed_but_hand(int i) { return keyed(i) && i != 120; }
static bool keyed_in_b(int i) { return i == 120 || i == 1; }
static bool others_of_a(int i) { return i % 3 == 0 && !keyed(i); }
static bool others_of_a_and_hand(int i) { return others_of_a(i) || keyed_in_b(i); }

STORE_TEST(keys_of_ready_jobs_tell_them_apart)
{
	static const char *const in_hand[] = { "of no job", "full", NULL };
	struct job_reasons r = { .ready = key_full, .keys = in_hand, .keyed_too = true };
	struct job_filter f = { .states = 1u << JOB_READY, .reasons = &r };
	int64_t hand[2];

	populate_keyed();
	list_both_ways(&f, keyed);
	hand[0] = ids[1];
	hand[1] = ids[120];
	r.in_hand = hand;
	r.in_hand_n = 2;
	list_both_ways(&f, keyed_but_hand);
	r.taken = true;
	r.ready = key_not_full;
	r.keyed_too = false;
	list_both_ways(&f, others_of_a_and_hand);
	r.in_hand_n = 0;
	list_both_ways(&f, others_of_a);
}

static Suite *suite(void)
{
	Suite *s = suite_create("store_list");
	TCase *tc = tcase_create("list");

	add_store_test(tc, lists_by_filter_in_pages_both_ways);
	add_store_test(tc, what_is_rare_is_found_among_many);
	add_store_test(tc, lists_follow_what_becomes_of_jobs);
	add_store_test(tc, a_list_is_stable_while_jobs_come_and_go);
	add_store_test(tc, arguments_and_results_only_where_asked_for);
	add_store_test(tc, counts_by_state);
	add_store_test(tc, tags_go_with_their_job);
	add_store_test(tc, those_that_wait_pass_by_why_they_do);
	add_store_test(tc, keys_of_ready_jobs_tell_them_apart);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	return unit_run(suite());
}
