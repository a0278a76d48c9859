/*
 * The store's contract, over each back end: many at once.
 *
 * Coroutines do things at random, side by side. The model that follows the
 * stream of changes (storetest) must at every moment be what a page of ready
 * jobs says: a page comes exactly between the changes before and after it.
 */
#include <stdlib.h>

#include "../lib/chance.h"
#include "../lib/unit.h"
#include "storetest.h"

enum { ACTORS = 40, STEPS = 120, PRIORITIES = 3 };

static int priority_of[STORETEST_JOBS], attempt_of[STORETEST_JOBS];
static bool elsewhere[STORETEST_JOBS];		/* in another queue than that which pages are asked of */
static int64_t last_id;
static size_t pages, page_jobs;

static void follow(const struct job_change *c)
{
	priority_of[c->row->id] = c->row->priority;
	attempt_of[c->row->id] = c->row->attempt;
	ck_assert_int_eq(c->from_queue != NULL ? strcmp(c->from_queue, "q") != 0 : strcmp(c->queue, "q") != 0, elsewhere[c->row->id]);
	elsewhere[c->row->id] = strcmp(c->queue, "q") != 0;
	if (c->row->id > last_id)
		last_id = c->row->id;
}

/* ---- pages against the model ---- */

struct page_asked {
	int after_priority;
	int64_t after_id;
	size_t max;
};

static bool comes_before(int a_priority, int64_t a_id, int b_priority, int64_t b_id)
{
	return a_priority != b_priority ? a_priority > b_priority : a_id < b_id;
}

/* By the model: the first ready job behind a key; 0 if there is none. */
static int64_t ready_behind(int priority, int64_t id)
{
	int64_t best = 0;

	for (int64_t i = 1; i <= last_id; i++)
		if (model[i] == JOB_READY && !elsewhere[i] && (id == 0 || comes_before(priority, id, priority_of[i], i)) &&
		    (best == 0 || comes_before(priority_of[i], i, priority_of[best], best)))
			best = i;
	return best;
}

static void page_came(void *arg, int rc, const struct job_row *rows, size_t n)
{
	struct page_asked *asked = arg;
	int priority = asked->after_priority;
	int64_t id = asked->after_id;
	size_t i;

	ck_assert_int_eq(rc, 0);
	for (i = 0; i < n; i++) {
		id = ready_behind(priority, id);
		ck_assert_int_eq(rows[i].id, id);
		ck_assert_int_eq(rows[i].attempt, attempt_of[id]);
		priority = rows[i].priority;
		ck_assert_int_eq(priority, priority_of[id]);
	}
	if (n < asked->max)
		ck_assert_int_eq(ready_behind(priority, id), 0);
	pages++;
	page_jobs += n;
	free(asked);
}

static void ask_page(void)
{
	struct page_asked *asked = malloc(sizeof(*asked));

	asked->after_id = chance_below(2) && last_id > 0 ? 1 + chance_below((unsigned)last_id) : 0;
	asked->after_priority = asked->after_id > 0 ? priority_of[asked->after_id] : 0;
	asked->max = 1 + chance_below(40);
	ck_assert_int_eq(store_ready_page(st, "q", "t", 0, asked->after_priority, asked->after_id, asked->max, page_came, asked), 0);
}

/* ---- actors ---- */

static void claim_answered(void *arg, int rc)
{
	(void)arg;
	ck_assert(rc == 0 || rc == -EBUSY || rc == -ENOENT);
}

/* Runs a job as an attempt would: claims it without waiting, settles it. The model may be behind: -EBUSY is fair. */
static void act_run(int64_t id)
{
	static const enum job_state nexts[] = { JOB_SUCCEEDED, JOB_FAILED, JOB_READY, JOB_SCHEDULED };
	struct claim c = { .id = id, .attempt = attempt_of[id] + 1, .started_at = 2000, .where = "here" };
	unsigned i = chance_below(4);
	struct settlement s = settlement(id, c.attempt, i == 0 ? OUTCOME_SUCCEEDED : OUTCOME_FAILED, nexts[i], 3000);
	int rc;

	s.run_at = 4000;
	ck_assert_int_eq(store_claim_soon(st, &c, claim_answered, NULL), 0);
	rc = store_settle(st, &s);
	ck_assert(rc == 0 || rc == -EBUSY || rc == -ENOENT);
}

static void act_submit(void)
{
	struct submission v[4] = { 0 };
	size_t n = 1 + chance_below(4);

	for (size_t i = 0; i < n; i++) {
		v[i].spec = chance_below(10) == 0 ? new_keyed_spec(chance_below(2) ? "k" : "l") : new_spec("q", "t");
		v[i].priority = (int)chance_below(PRIORITIES);
		v[i].hold = chance_below(10) == 0;
		v[i].run_at = chance_below(5) == 0 ? 4000 : 0;
		v[i].unique_on_conflict = (enum unique_on_conflict)chance_below(3);
		v[i].unique_scope = (enum unique_scope)chance_below(2);
	}
	store_submit(st, v, n, 1000, NULL);	/* all or none: refused keys are part of it */
	for (size_t i = 0; i < n; i++)
		job_spec_unref(&v[i].spec);
}

static void act_update(int64_t id)
{
	struct job_update u = { .id = id, .what = chance_below(16), .priority = (int)chance_below(PRIORITIES),
				.queue = chance_below(2) ? "q" : "p", .run_at = chance_below(2) ? 4000 : 0,
				.tags = chance_below(2) ? "{\"a\":\"b\"}" : NULL };
	enum job_state state;
	int rc = store_update(st, &u, 2500, &state);

	ck_assert(rc == 0 || rc == -EBUSY || rc == -ENOENT);
}

static void act_time(void)
{
	wall_ms next;
	size_t removed;

	if (chance_below(4) > 0)
		ck_assert_int_eq(store_due(st, 5000, 1 + chance_below(20), &next), 0);
	else
		ck_assert_int_eq(store_prune(st, 3000 + storetest_conf.retain, 1 + chance_below(5), &next, &removed), 0);
}

static void act(void)
{
	int64_t id = last_id > 0 ? 1 + chance_below((unsigned)last_id) : 1;
	enum job_state state;

	switch (chance_below(13)) {
	case 0: case 1: case 2: act_submit(); break;
	case 3: case 4: case 5: act_run(id); break;
	case 6: store_cancel(st, id, 2500, &state); break;
	case 7: store_hold(st, id, 2500, &state); break;
	case 8: store_release(st, id, 2500, &state); break;
	case 9: store_retry(st, id, 2500, &state); break;
	case 10: act_time(); break;
	case 11: act_update(id); break;
	default: ask_page(); break;
	}
}

static void actor(void *arg)
{
	(void)arg;
	for (int i = 0; i < STEPS; i++)
		act();
}

STORE_TEST(pages_and_changes_tell_one_story)
{
	storetest_on_change = follow;
	chance_seed(4711);
	for (int i = 0; i < ACTORS; i++)
		ck_assert_int_eq(coro_spawn(&storetest_group, "actor", actor, NULL), 0);
	while (storetest_group.count > 1)
		coro_sleep(clock_after(1000));
	ck_assert_uint_gt(pages, 100);
	ck_assert_uint_gt(page_jobs, 1000);
	ck_assert_uint_gt(told_n, 3000);
}

/* A read that begins when a verb has returned sees what the verb did; and when it returns, the stream has told it. */
static bool reader_stop;

static void reader(void *arg)
{
	(void)arg;
	while (!reader_stop) {
		struct job_record record;
		int64_t id = last_id;

		if (id > 0 && store_get(st, id, &record) == 0) {
			ck_assert_int_ge(attempt_of[id], record.row.attempt);
			if (job_state_final(record.row.state))
				ck_assert(job_state_final(model[id]));
			job_record_free(&record);
		}
		coro_yield();
	}
}

STORE_TEST(what_a_read_says_has_been_told)
{
	storetest_on_change = follow;
	ck_assert_int_eq(coro_spawn(&storetest_group, "reader", reader, NULL), 0);
	for (int i = 0; i < 150; i++) {
		int64_t id = submit();

		ck_assert_int_eq(state_of(id), JOB_READY);
		succeed(id, 3000);
		ck_assert_int_eq(state_of(id), JOB_SUCCEEDED);
	}
	reader_stop = true;
}

/* Closing ends what does not park. */
static int answers;

static void count_answer(void *arg, int rc)
{
	(void)arg, (void)rc;
	answers++;
}

static void count_page(void *arg, int rc, const struct job_row *rows, size_t n)
{
	(void)arg, (void)rc, (void)rows, (void)n;
	answers++;
}

static void leave_some_under_way(void)
{
	struct claim c = { .id = submit(), .attempt = 1, .where = "here" };

	ck_assert_int_eq(store_claim_soon(st, &c, count_answer, NULL), 0);
	ck_assert_int_eq(store_ready_page(st, "q", "t", 0, 0, 0, 10, count_page, NULL), 0);
	ck_assert_int_eq(store_ready_page(st, "other", "t", 0, 0, 0, 10, count_page, NULL), 0);
}

START_TEST(close_ends_what_is_under_way)
{
	storetest_make_directory();
	storetest_open(storetest_backends[_i]);
	storetest_go(leave_some_under_way);
	storetest_close();
	ck_assert_int_eq(answers, 3);
	ck_assert_int_eq(model[1], JOB_RUNNING);
	storetest_remove_directory();
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("store_stream");
	TCase *tc = tcase_create("stream");

	add_store_test(tc, what_a_read_says_has_been_told);
	add_store_test(tc, close_ends_what_is_under_way);
	add_store_test(tc, pages_and_changes_tell_one_story);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	return unit_run(suite());
}
