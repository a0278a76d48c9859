#include <errno.h>
#include <signal.h>
#include <stdint.h>

#include "backlog/job.h"
#include "backlog/flow.h"
#include "backlog/lane.h"
#include "tests/lib/chance.h"
#include "tests/lib/failmem.h"
#include "tests/lib/unit.h"

enum { JOBS = 400 };

static struct lane lane;
static struct flow flow;
static struct job jobs[JOBS];
static bool inside[JOBS];		/* the model: who is in the window */
static struct job *dropped[JOBS];
static size_t dropped_len;

static void begin(void)
{
	memset(&flow, 0, sizeof(flow));
	lane.type = (char *)(uintptr_t)"io";
	flow.lane = &lane;
	memset(inside, 0, sizeof(inside));
	for (int i = 0; i < JOBS; i++) {
		memset(&jobs[i], 0, sizeof(jobs[i]));
		jobs[i].row.id = i + 1;
		jobs[i].row.priority = (int)chance_below(5) - 2;
		jobs[i].flow = &flow;
	}
}

static bool before(const struct job *a, const struct job *b)
{
	return flow_before(a->row.priority, a->row.id, b->row.priority, b->row.id);
}

static void expect_model(void)
{
	size_t n = 0;

	for (int i = 0; i < JOBS; i++)
		n += inside[i];
	hold(flow.n == n);
	for (size_t i = 0; i < flow.n; i++) {
		const struct job *job = flow.v[flow.first + i];

		hold(inside[job->row.id - 1]);
		hold(i == 0 || before(flow.v[flow.first + i - 1], job));
	}
	hold(flow_head(&flow) == (n > 0 ? flow.v[flow.first] : NULL));
	hold(flow_last(&flow) == (n > 0 ? flow.v[flow.first + n - 1] : NULL));
}

static void drop(void *arg, struct job *job)
{
	ck_assert_ptr_eq(arg, &flow);
	dropped[dropped_len++] = job;
}

START_TEST(order_is_priority_down_then_id_up)
{
	ck_assert(flow_before(5, 9, 4, 1));
	ck_assert(!flow_before(4, 1, 5, 9));
	ck_assert(flow_before(0, 1, 0, 2));
	ck_assert(!flow_before(0, 2, 0, 1));
	ck_assert(!flow_before(0, 1, 0, 1));
	ck_assert(flow_before(1000, 1, -1000, 1));
}
END_TEST

START_TEST(window_is_a_sorted_set)
{
	chance_seed((uint64_t)_i);
	begin();
	for (int step = 0; step < 8000; step++) {
		/* Waves, so that it is full and empty in turn. */
		bool filling = step / 1000 % 2 == 0;
		int i = (int)chance_below(JOBS);

		if (!inside[i] && (filling || chance_below(4) == 0)) {
			hold(flow_insert(&flow, &jobs[i]) == 0);
			hold(jobs[i].place == JOB_IN_WINDOW);
			inside[i] = true;
		} else if (!filling && flow.n > 0) {
			struct job *job = chance_below(2) == 0 ? flow_head(&flow) : flow.v[flow.first + chance_below((unsigned)flow.n)];

			flow_remove(&flow, job);
			inside[job->row.id - 1] = false;
		}
		expect_model();
	}
	free(flow.v);
}
END_TEST

/* Taking from the front and adding at the end, as a flow lives: its array does not creep away. */
START_TEST(a_queue_does_not_grow)
{
	begin();
	for (int i = 0; i < JOBS; i++)
		jobs[i].row.priority = 0;
	for (int i = 0; i < 20; i++)
		ck_assert_int_eq(flow_insert(&flow, &jobs[i]), 0);
	for (int64_t id = 21; id < 20000; id++) {
		struct job *job = flow_head(&flow);

		flow_remove(&flow, job);
		job->row.id = id;
		hold(flow_insert(&flow, job) == 0);
	}
	ck_assert_uint_eq(flow.n, 20);
	ck_assert_uint_le(flow.cap, 64);
	free(flow.v);
}
END_TEST

START_TEST(covers_all_until_there_is_more)
{
	begin();
	ck_assert(flow_covers(&flow, -1000, INT64_MAX));
	flow.more = true;
	ck_assert(!flow_covers(&flow, 1000, 1));
	jobs[9].row.priority = 1;
	ck_assert_int_eq(flow_insert(&flow, &jobs[9]), 0);
	flow_set_horizon(&flow);
	ck_assert(flow_covers(&flow, 1, 10));
	ck_assert(flow_covers(&flow, 1, 9));
	ck_assert(flow_covers(&flow, 2, 1000));
	ck_assert(!flow_covers(&flow, 1, 11));
	ck_assert(!flow_covers(&flow, 0, 1));
	/* It stays where it is when the last job leaves. */
	flow_remove(&flow, &jobs[9]);
	flow_set_horizon(&flow);
	ck_assert(flow_covers(&flow, 1, 10));
	ck_assert(!flow_covers(&flow, 1, 11));
	free(flow.v);
}
END_TEST

/* After a cut: what comes before the key is in, the key and what is behind it is out and not covered. */
START_TEST(cut_gives_up_the_rest)
{
	struct job *at;

	chance_seed((uint64_t)_i);
	begin();
	for (int i = 0; i < JOBS; i++)
		ck_assert_int_eq(flow_insert(&flow, &jobs[i]), 0);
	at = &jobs[_i * 13 % JOBS];
	flow_remove(&flow, at);
	dropped_len = 0;
	flow_cut(&flow, at->row.priority, at->row.id, drop, &flow);
	for (int i = 0; i < JOBS; i++)
		inside[i] = before(&jobs[i], at);
	expect_model();
	ck_assert_uint_eq(flow.n + dropped_len, JOBS - 1);
	for (size_t i = 0; i < dropped_len; i++)
		ck_assert(before(at, dropped[i]));
	ck_assert(flow.more);
	for (int i = 0; i < JOBS; i++)
		ck_assert_int_eq(flow_covers(&flow, jobs[i].row.priority, jobs[i].row.id), inside[i]);
	free(flow.v);
}
END_TEST

/* Even before the very first id of a priority. */
START_TEST(cut_before_id_one)
{
	begin();
	for (int i = 0; i < 10; i++) {
		jobs[i].row.priority = i < 5 ? 7 : 8;
		ck_assert_int_eq(flow_insert(&flow, &jobs[i]), 0);
		inside[i] = i >= 5;
	}
	dropped_len = 0;
	flow_remove(&flow, &jobs[0]);
	flow_cut(&flow, 7, 1, drop, &flow);
	expect_model();
	ck_assert_uint_eq(dropped_len, 4);
	ck_assert(!flow_covers(&flow, 7, 1));
	ck_assert(flow_covers(&flow, 8, INT64_MAX));
	free(flow.v);
}
END_TEST

START_TEST(without_memory_nothing_changes)
{
	int rc = 0, i = 0;

	begin();
	while (rc == 0 && i < JOBS) {
		failmem_from(1);
		rc = flow_insert(&flow, &jobs[i]);
		failmem_off();
		inside[i++] = rc == 0;
		expect_model();
		if (rc != 0 && i == 1) {
			/* The very first finds none: give it its first block. */
			rc = flow_insert(&flow, &jobs[0]);
			inside[0] = true;
		}
	}
	ck_assert_int_eq(rc, -ENOMEM);
	ck_assert_int_lt(i, JOBS);
	ck_assert_int_eq(flow_insert(&flow, &jobs[i - 1]), 0);
	inside[i - 1] = true;
	expect_model();
	free(flow.v);
}
END_TEST

START_TEST(removing_a_stranger_is_fatal)
{
	begin();
	ck_assert_int_eq(flow_insert(&flow, &jobs[0]), 0);
	flow_remove(&flow, &jobs[1]);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("flow");
	TCase *tc = tcase_create("flow");

	tcase_add_test(tc, order_is_priority_down_then_id_up);
	tcase_add_loop_test(tc, window_is_a_sorted_set, 0, 4);
	tcase_add_test(tc, a_queue_does_not_grow);
	tcase_add_test(tc, covers_all_until_there_is_more);
	tcase_add_loop_test(tc, cut_gives_up_the_rest, 0, 31);
	tcase_add_test(tc, cut_before_id_one);
	tcase_add_test(tc, without_memory_nothing_changes);
	tcase_add_test_raise_signal(tc, removing_a_stranger_is_fatal, SIGABRT);
	suite_add_tcase(suite, tc);
	return unit_run(suite);
}
