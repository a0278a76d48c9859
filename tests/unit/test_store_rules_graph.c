/* rules_graph: what jobs are to each other, as arithmetic; graph_ids: the jobs named. */
#include <stdlib.h>
#include <string.h>

#include "../lib/unit.h"
#include "store/graph_ids.h"
#include "store/rules_graph.h"

static struct job_kept job_in(enum job_state state)
{
	struct job_kept k = { .outcome = -1, .retain = -1 };

	k.row.id = 7;
	k.row.state = state;
	return k;
}

/* What becomes of a child by its parent's state: one line a state of the parent. */
START_TEST(an_edge_follows_its_parent)
{
	static const struct { enum job_state parent, child, run; } cases[] = {
		{ JOB_SUCCEEDED, JOB_READY, JOB_READY }, { JOB_FAILED, JOB_CANCELLED, JOB_READY },
		{ JOB_CANCELLED, JOB_CANCELLED, JOB_READY }, { JOB_EXPIRED, JOB_CANCELLED, JOB_READY },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		for (int run = 0; run < 2; run++) {
			struct job_kept parent = job_in(cases[i].parent), child = job_in(JOB_BLOCKED);
			struct effect e = { 0 };
			char why[RULES_WHY_SIZE];

			child.row.pending = 1;
			child.graph = GRAPH_AFTER | (run ? GRAPH_RUN : 0);
			ck_assert_int_eq(rules_edge(&child, &parent, 100, &e, why), EDGE_MET);
			ck_assert(e.changed);
			ck_assert_int_eq(child.row.state, run ? cases[i].run : cases[i].child);
			ck_assert_int_eq(child.row.pending, 0);
			ck_assert_int_eq((child.graph & GRAPH_UP) != 0, child.row.state == JOB_CANCELLED);
		}
}
END_TEST

START_TEST(a_parent_that_is_back_is_waited_for_by_what_has_not_gone_on)
{
	for (int s = JOB_HELD; s < JOB_STATES; s++)
		for (int pending = 0; pending < 2; pending++) {
			struct job_kept parent = job_in(JOB_READY), child = job_in((enum job_state)s);
			struct effect e = { 0 };
			bool waits = s == JOB_HELD || s == JOB_BLOCKED;

			if (pending > 0 && !waits)
				continue;
			child.row.pending = pending;
			child.graph = s == JOB_BLOCKED && pending == 0 ? GRAPH_FILL : 0;
			waits &= pending > 0 || child.graph == GRAPH_FILL;
			ck_assert_int_eq(rules_edge(&child, &parent, 100, &e, NULL), waits ? EDGE_OPEN : EDGE_KEPT);
			ck_assert_int_eq(child.row.pending, pending + waits);
			ck_assert(!e.changed);
		}
}
END_TEST

START_TEST(the_border_between_final_and_not_marks_the_edges)
{
	struct job_kept k = job_in(JOB_READY);
	struct effect e = { 0 };

	k.graph = GRAPH_AFTER;
	k.dependents = 3;
	rules_move(&k, JOB_RUNNING, 100, &e);
	ck_assert_uint_eq(k.graph, GRAPH_AFTER);
	rules_move(&k, JOB_SUCCEEDED, 100, &e);
	ck_assert_uint_eq(k.graph, GRAPH_AFTER | GRAPH_UP | GRAPH_DOWN);
	ck_assert(!rules_prunable(&k));
	k.graph = GRAPH_AFTER;
	ck_assert(!rules_prunable(&k));
	k.dependents = 0;
	ck_assert(rules_prunable(&k));
	k.dependents = 1;
	rules_move(&k, JOB_READY, 100, &e);
	ck_assert_uint_eq(k.graph, GRAPH_AFTER | GRAPH_DOWN);
	k = job_in(JOB_READY);
	rules_move(&k, JOB_CANCELLED, 100, &e);
	ck_assert_uint_eq(k.graph, 0);
	ck_assert(rules_prunable(&k));
}
END_TEST

START_TEST(blocked_before_scheduled_before_ready)
{
	struct job_kept k = job_in(JOB_HELD);

	k.row.run_at = 200;
	k.row.pending = 1;
	ck_assert_int_eq(rules_graph_state(&k, 100), JOB_BLOCKED);
	k.row.pending = 0;
	ck_assert_int_eq(rules_graph_state(&k, 100), JOB_SCHEDULED);
	ck_assert_int_eq(rules_graph_state(&k, 200), JOB_READY);
	k.graph = GRAPH_FILL;
	ck_assert_int_eq(rules_graph_state(&k, 200), JOB_BLOCKED);
	ck_assert(!rules_graph_fills(&k));
	k.row.state = JOB_BLOCKED;
	ck_assert(rules_graph_fills(&k));
	k.row.pending = 1;
	ck_assert(!rules_graph_fills(&k));
}
END_TEST

/* ---- ids ---- */

START_TEST(ids_are_read_as_they_were_written)
{
	static const int64_t after[] = { 5, -1, 9223372036854775807ll, 5, -1, 12 };
	struct submission v[2] = { { .id = 12 }, { .after = after, .after_n = 6 } };
	struct graph_ids ids, again;
	char *text;

	ck_assert(!graph_ids_late(v, 1));
	ck_assert(graph_ids_late(&v[1], 0));
	ck_assert_int_eq(graph_ids_of(&ids, v, 1), 0);
	text = graph_ids_text(&ids);
	ck_assert_str_eq(text, "[5,12,9223372036854775807]");
	ck_assert_int_eq(graph_ids_read(&again, text), 0);
	ck_assert_uint_eq(again.n, 3);
	ck_assert_mem_eq(again.v, ids.v, 3 * sizeof(ids.v[0]));
	free(text);
	graph_ids_free(&ids);
	graph_ids_free(&again);
}
END_TEST

START_TEST(gaps_in_the_args_take_the_ids)
{
	static const struct args_gap gaps[] = { { 11, -1 }, { 27, -2 } };
	struct job_spec spec = { .args = "{\"$result\":,\"b\":{\"$result\":}}" };
	struct submission v[2] = { { .id = 12 }, { .id = 345, .spec = &spec, .gaps = gaps, .gaps_n = 2 } };
	char *text;

	spec.args_len = strlen(spec.args);
	text = graph_ids_args(v, 1);
	ck_assert_str_eq(text, "{\"$result\":12,\"b\":{\"$result\":345}}");
	free(text);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("store_rules_graph");
	TCase *tc = tcase_create("rules");

	tcase_add_test(tc, an_edge_follows_its_parent);
	tcase_add_test(tc, a_parent_that_is_back_is_waited_for_by_what_has_not_gone_on);
	tcase_add_test(tc, the_border_between_final_and_not_marks_the_edges);
	tcase_add_test(tc, blocked_before_scheduled_before_ready);
	tcase_add_test(tc, ids_are_read_as_they_were_written);
	tcase_add_test(tc, gaps_in_the_args_take_the_ids);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	return unit_run(suite());
}
