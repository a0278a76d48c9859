#include <stdio.h>
#include <string.h>

#include "proto/jobstate.h"
#include "tests/lib/unit.h"

static const char *const names[] = { "held", "blocked", "scheduled", "ready", "running", "succeeded", "failed", "cancelled",
				     "expired" };

enum { NAMES = sizeof(names) / sizeof(names[0]) };

START_TEST(each_state_has_its_name)
{
	ck_assert_int_eq(NAMES, JOB_STATES - 1);
	for (int i = 0; i < NAMES; i++) {
		enum job_state state = job_state_of(names[i]);

		ck_assert_int_eq(state, i + 1);
		ck_assert_str_eq(job_state_name(state), names[i]);
	}
}
END_TEST

START_TEST(other_words_are_no_state)
{
	ck_assert_int_eq(job_state_of("none"), JOB_NONE);
	ck_assert_int_eq(job_state_of(""), JOB_NONE);
	ck_assert_int_eq(job_state_of("Ready"), JOB_NONE);
}
END_TEST

START_TEST(a_job_waits_runs_or_is_over)
{
	for (int s = JOB_NONE; s < JOB_STATES; s++) {
		bool one = job_state_waiting((enum job_state)s) + job_state_final((enum job_state)s) + (s == JOB_RUNNING) == 1;

		ck_assert_int_eq(one, s != JOB_NONE);
	}
}
END_TEST

/* What PROTOCOL.md's picture shows, one sentence a state. */
START_TEST(successors_are_the_life_cycle_s)
{
	for (int from = JOB_NONE; from < JOB_STATES; from++) {
		for (int to = JOB_NONE; to < JOB_STATES; to++) {
			enum job_state f = (enum job_state)from, t = (enum job_state)to;
			bool may;

			if (f == JOB_NONE)
				may = job_state_waiting(t) || t == JOB_CANCELLED;	/* submit; after one that failed */
			else if (f == JOB_RUNNING)
				may = t == JOB_READY || t == JOB_SCHEDULED ||	/* another attempt */
				      (job_state_final(t) && t != JOB_EXPIRED);	/* over; it did start, so it cannot expire */
			else if (job_state_final(f))
				may = job_state_waiting(t) || t == JOB_NONE;	/* retry, delete */
			else if (f == JOB_READY)
				may = job_state_waiting(t) || t == JOB_RUNNING || job_state_final(t);
			else
				may = job_state_waiting(t) || (job_state_final(t) && t != JOB_SUCCEEDED);
			ck_assert_msg(job_state_may_follow(f, t) == may, "%s → %s", job_state_name(f), job_state_name(t));
		}
	}
}
END_TEST

/* ---- PROTOCOL.md's table of successors, held against the code's ---- */

static FILE *open_protocol(void)
{
	const char *srcdir = getenv("SRCDIR");
	char path[4096];
	FILE *f;

	snprintf(path, sizeof(path), "%s/proto/PROTOCOL.md", srcdir != NULL ? srcdir : ".");
	f = fopen(path, "r");
	ck_assert_msg(f != NULL, "cannot open %s: set SRCDIR", path);
	return f;
}

/* The states named in a row, between backquotes: the first is `from`, the others come back as bits. */
static unsigned read_row(char *row, enum job_state *from)
{
	unsigned to = 0;

	*from = JOB_NONE;
	for (char *word = strchr(row, '`'); word != NULL; word = strchr(word, '`')) {
		char *end = strchr(++word, '`');
		enum job_state state;

		ck_assert_ptr_nonnull(end);
		*end = '\0';
		state = job_state_of(word);
		ck_assert_msg(state != JOB_NONE, "%s is no state", word);
		if (*from == JOB_NONE)
			*from = state;
		else
			to |= 1u << state;
		word = end + 1;
	}
	return to;
}

START_TEST(the_protocol_tells_the_same)
{
	FILE *f = open_protocol();
	char row[1024];
	bool inside = false;
	int rows = 0;

	while (fgets(row, sizeof(row), f) != NULL) {
		enum job_state from;
		unsigned to;

		inside = inside ? row[0] == '|' : strcmp(row, "| state | may become |\n") == 0;
		if (!inside || strchr(row, '`') == NULL)
			continue;
		to = read_row(row, &from);
		rows++;
		for (int s = JOB_NONE + 1; s < JOB_STATES; s++)
			ck_assert_msg(((to >> s) & 1) == job_state_may_follow(from, (enum job_state)s), "%s → %s",
				      job_state_name(from), job_state_name((enum job_state)s));
	}
	fclose(f);
	ck_assert_int_eq(rows, JOB_STATES - 1);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("jobstate");
	TCase *t = tcase_create("jobstate");

	tcase_add_test(t, each_state_has_its_name);
	tcase_add_test(t, other_words_are_no_state);
	tcase_add_test(t, a_job_waits_runs_or_is_over);
	tcase_add_test(t, successors_are_the_life_cycle_s);
	tcase_add_test(t, the_protocol_tells_the_same);
	suite_add_tcase(s, t);
	return unit_run(s);
}
