/* The store's contract, over each back end: update. */
#include "../lib/unit.h"
#include "storetest.h"

static enum job_state state;

static int update(struct job_update u)
{
	return store_update(st, &u, 2000, &state);
}

static void on_change(const struct job_change *c)
{
	ck_assert_str_eq(c->queue, "mail");
	ck_assert_str_eq(c->from_queue, "q");
}

/* The first of the queue's ready jobs, as a page has it. */
static int64_t first;
static bool page_there;

static void page_came(void *arg, int rc, const struct job_row *rows, size_t n)
{
	(void)arg;
	ck_assert_int_eq(rc, 0);
	page_there = true;
	first = n > 0 ? rows[0].id : 0;
}

static int64_t first_of(const char *queue)
{
	page_there = false;
	ck_assert_int_eq(store_ready_page(st, queue, "t", 0, 0, 0, 10, page_came, NULL), 0);
	while (!page_there)
		coro_yield();
	return first;
}

static struct job_row row_of(int64_t id)
{
	struct job_record record;
	struct job_row row;

	ck_assert_int_eq(store_get(st, id, &record), 0);
	row = record.row;
	job_record_free(&record);
	row.spec = NULL;
	return row;
}

STORE_TEST(a_priority_changes_the_order)
{
	int64_t a = submit(), b = submit();

	ck_assert_int_eq(first_of("q"), a);
	ck_assert_int_eq(update((struct job_update){ .id = b, .what = UPDATE_PRIORITY, .priority = 7, .run_at = 99999 }), 0);
	ck_assert_int_eq(state, JOB_READY);
	ck_assert_int_eq(first_of("q"), b);
	ck_assert_int_eq(row_of(b).priority, 7);
	ck_assert_int_eq(row_of(b).run_at, 0);
	ck_assert_uint_eq(told_n, 3);
	ck_assert_int_eq(told[2].from, JOB_READY);
	ck_assert_int_eq(told[2].to, JOB_READY);
}

STORE_TEST(a_queue_takes_the_job_along)
{
	int64_t id = submit();
	struct job_record record;
	const char *const mail[] = { "mail", NULL };
	struct job_filter filter = { .queues = mail };
	int64_t counts[JOB_STATES];

	storetest_on_change = on_change;
	ck_assert_int_eq(update((struct job_update){ .id = id, .what = UPDATE_QUEUE, .queue = "mail" }), 0);
	storetest_on_change = NULL;
	ck_assert_int_eq(first_of("q"), 0);
	ck_assert_int_eq(first_of("mail"), id);
	ck_assert_int_eq(store_get(st, id, &record), 0);
	ck_assert_str_eq(record.row.spec->queue, "mail");
	ck_assert_str_eq(record.row.spec->type, "t");
	job_record_free(&record);
	ck_assert_int_eq(store_count(st, &filter, counts), 0);
	ck_assert_int_eq(counts[JOB_READY], 1);
	succeed(id, 3000);
	ck_assert_int_eq(store_count(st, &filter, counts), 0);
	ck_assert_int_eq(counts[JOB_READY], 0);
	ck_assert_int_eq(counts[JOB_SUCCEEDED], 1);
	ck_assert_str_eq(told[told_n - 1].queue, "mail");
}

STORE_TEST(the_same_queue_is_no_move)
{
	int64_t id = submit();

	ck_assert_int_eq(update((struct job_update){ .id = id, .what = UPDATE_QUEUE, .queue = "q" }), 0);
	ck_assert_int_eq(first_of("q"), id);
}

STORE_TEST(a_time_schedules_and_unschedules)
{
	wall_ms next;
	int64_t id = submit();

	ck_assert_int_eq(update((struct job_update){ .id = id, .what = UPDATE_RUN_AT, .run_at = 5000 }), 0);
	ck_assert_int_eq(state, JOB_SCHEDULED);
	ck_assert_int_eq(update((struct job_update){ .id = id, .what = UPDATE_RUN_AT, .run_at = 6000 }), 0);
	ck_assert_int_eq(store_due(st, 5999, 10, &next), 0);
	ck_assert_int_eq(next, 6000);
	ck_assert_int_eq(state_of(id), JOB_SCHEDULED);
	ck_assert_int_eq(update((struct job_update){ .id = id, .what = UPDATE_RUN_AT, .run_at = 2000 }), 0);
	ck_assert_int_eq(state, JOB_READY);
	ck_assert_int_eq(row_of(id).run_at, 0);
	ck_assert_int_eq(first_of("q"), id);
	ck_assert_int_eq(store_due(st, 9000, 10, &next), 0);
	ck_assert_int_eq(next, 0);
}

STORE_TEST(a_held_job_stays_so_and_goes_to_its_new_time)
{
	int64_t id = submit();
	wall_ms next;

	ck_assert_int_eq(store_hold(st, id, 1500, &state), 0);
	ck_assert_int_eq(update((struct job_update){ .id = id, .what = UPDATE_RUN_AT | UPDATE_PRIORITY, .run_at = 5000, .priority = -5 }), 0);
	ck_assert_int_eq(state, JOB_HELD);
	ck_assert_int_eq(store_due(st, 9000, 10, &next), 0);
	ck_assert_int_eq(state_of(id), JOB_HELD);
	ck_assert_int_eq(store_release(st, id, 3000, &state), 0);
	ck_assert_int_eq(state, JOB_SCHEDULED);
	ck_assert_int_eq(row_of(id).priority, -5);
}

static size_t tagged(const char *name, const char *value)
{
	const char *const names[] = { name, NULL }, *const values[] = { value, NULL };
	struct job_filter filter = { .tag_names = names, .tag_values = values };
	struct job_page page;
	size_t n;

	ck_assert_int_eq(store_list(st, &filter, false, 0, 10, true, &page), 0);
	n = page.n;
	job_page_free(&page);
	return n;
}

STORE_TEST(tags_are_found_as_they_are_now)
{
	struct job_spec from = storetest_spec();
	struct job_record record;
	int64_t id;

	from.tags = "{\"a\":\"1\",\"b\":\"2\"}";
	id = submit_spec(job_spec_new(&from), 0, 0);
	ck_assert_int_eq(update((struct job_update){ .id = id, .what = UPDATE_TAGS, .tags = "{\"b\":\"3\"}" }), 0);
	ck_assert_uint_eq(tagged("a", "1"), 0);
	ck_assert_uint_eq(tagged("b", "2"), 0);
	ck_assert_uint_eq(tagged("b", "3"), 1);
	ck_assert_int_eq(store_get(st, id, &record), 0);
	ck_assert_str_eq(record.row.spec->tags, "{\"b\":\"3\"}");
	ck_assert_str_eq(record.row.spec->args, "{}");
	job_record_free(&record);
	ck_assert_int_eq(update((struct job_update){ .id = id, .what = UPDATE_TAGS }), 0);
	ck_assert_uint_eq(tagged("b", "3"), 0);
	ck_assert_int_eq(store_get(st, id, &record), 0);
	ck_assert_ptr_null(record.row.spec->tags);
	job_record_free(&record);
	succeed(id, 3000);
	ck_assert_int_eq(store_delete(st, id, 3000, &state), 0);
}

STORE_TEST(a_retry_may_be_put_off)
{
	int64_t id = submit();

	ck_assert_int_eq(claim(id, 1, 1100), 0);
	ck_assert_int_eq(settle(id, 1, OUTCOME_FAILED, JOB_SCHEDULED, 1500), 0);
	ck_assert_int_eq(update((struct job_update){ .id = id, .what = UPDATE_RUN_AT, .run_at = 9000 }), 0);
	ck_assert_int_eq(row_of(id).run_at, 9000);
	ck_assert_int_eq(row_of(id).attempt, 1);
	ck_assert_int_eq(update((struct job_update){ .id = id, .what = UPDATE_RUN_AT }), 0);
	ck_assert_int_eq(state, JOB_READY);
	ck_assert_int_eq(claim(id, 2, 2500), 0);
}

STORE_TEST(what_runs_or_is_over_is_left_alone)
{
	int64_t id = submit();
	struct job_update u = { .id = id, .what = 15, .priority = 1, .queue = "mail", .run_at = 9000, .tags = "{\"a\":\"b\"}" };

	ck_assert_int_eq(claim(id, 1, 1500), 0);
	ck_assert_int_eq(update(u), -EBUSY);
	ck_assert_int_eq(state, JOB_RUNNING);
	ck_assert_int_eq(settle(id, 1, OUTCOME_SUCCEEDED, JOB_SUCCEEDED, 1600), 0);
	ck_assert_int_eq(update(u), -EBUSY);
	ck_assert_int_eq(state, JOB_SUCCEEDED);
	ck_assert_int_eq(row_of(id).priority, 0);
	ck_assert_uint_eq(tagged("a", "b"), 0);
	u.id = 99;
	ck_assert_int_eq(update(u), -ENOENT);
	ck_assert_uint_eq(told_n, 3);
}

/* A claim that was on its way when the update came is good: it is the same job. */
STORE_TEST(a_claim_behind_an_update_holds)
{
	int64_t id = submit();

	ck_assert_int_eq(update((struct job_update){ .id = id, .what = UPDATE_QUEUE | UPDATE_PRIORITY, .queue = "mail", .priority = 3 }), 0);
	ck_assert_int_eq(claim(id, 1, 2500), 0);
	ck_assert_str_eq(told[told_n - 1].queue, "mail");
	ck_assert_int_eq(update((struct job_update){ .id = id, .what = UPDATE_PRIORITY, .priority = 1 }), -EBUSY);
}

STORE_TEST(a_full_queue_takes_no_more)
{
	int64_t a = submit(), b = submit(), mail = submit_spec(new_spec("mail", "t"), 0, 0);
	struct job_update u = { .id = a, .what = UPDATE_QUEUE | UPDATE_PRIORITY, .priority = 5, .queue = "mail", .max_ready = 2 };

	ck_assert_int_eq(update(u), 0);
	u.id = b;
	ck_assert_int_eq(update(u), -EXFULL);
	ck_assert_int_eq(row_of(b).priority, 0);
	ck_assert_int_eq(first_of("q"), b);
	u.id = mail;		/* it is there already */
	ck_assert_int_eq(update(u), 0);
	succeed(mail, 3000);
	u.id = b;
	ck_assert_int_eq(update(u), 0);
	ck_assert_int_eq(first_of("mail"), a);
}

int main(void)
{
	Suite *suite = suite_create("store_update");
	TCase *tc = tcase_create("update");

	add_store_test(tc, a_priority_changes_the_order);
	add_store_test(tc, a_queue_takes_the_job_along);
	add_store_test(tc, the_same_queue_is_no_move);
	add_store_test(tc, a_time_schedules_and_unschedules);
	add_store_test(tc, a_held_job_stays_so_and_goes_to_its_new_time);
	add_store_test(tc, tags_are_found_as_they_are_now);
	add_store_test(tc, a_retry_may_be_put_off);
	add_store_test(tc, what_runs_or_is_over_is_left_alone);
	add_store_test(tc, a_claim_behind_an_update_holds);
	add_store_test(tc, a_full_queue_takes_no_more);
	suite_add_tcase(suite, tc);
	return unit_run(suite);
}
