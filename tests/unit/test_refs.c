/* The names that the jobs of one call give each other, and the circles that they must not form. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../lib/failmem.h"
#include "../lib/unit.h"
#include "proto/jtext.h"
#include "refs.h"

enum { MANY = 100000 };

static struct refs refs;
static struct rpc_error error;
static json_t *jobs;

static int read(const char *text)
{
	char why[100] = "";

	memset(&error, 0, sizeof(error));
	jobs = jtext_parse(text, strlen(text), why, sizeof(why));
	ck_assert_msg(jobs != NULL, "%s: %s", text, why);
	return refs_read(&refs, jobs, &error);
}

static void end(void)
{
	refs_free(&refs);
	json_decref(jobs);
}

START_TEST(a_name_has_its_place)
{
	ck_assert_int_eq(read("[{\"ref\":\"a\"},{},{\"ref\":\"b\"}]"), 0);
	ck_assert_int_eq(refs_find(&refs, "a"), 0);
	ck_assert_int_eq(refs_find(&refs, "b"), 2);
	ck_assert_int_eq(refs_find(&refs, "c"), -1);
	ck_assert_int_eq(refs_find(&refs, ""), -1);
	end();
}
END_TEST

START_TEST(what_is_no_name_is_left_to_the_reader_of_jobs)
{
	ck_assert_int_eq(read("[{\"ref\":1},7,{\"ref\":null},{\"ref\":\"a\\u0000b\"}]"), 0);
	ck_assert_int_eq(refs_find(&refs, "a"), -1);
	end();
}
END_TEST

START_TEST(names_are_of_one_job_and_of_some_length)
{
	char text[400], name[300];

	ck_assert_int_eq(read("[{\"ref\":\"a\"},{\"ref\":\"b\"},{\"ref\":\"a\"}]"), -1);
	ck_assert_str_eq(error.field, "jobs[2].ref");
	ck_assert_ptr_nonnull(strstr(error.message, "jobs[0]"));
	end();
	ck_assert_int_eq(read("[{\"ref\":\"\"}]"), -1);
	end();
	memset(name, 'x', sizeof(name));
	for (int len = 255; len <= 256; len++) {
		snprintf(text, sizeof(text), "[{\"ref\":\"%.*s\"}]", len, name);
		ck_assert_int_eq(read(text), len == 255 ? 0 : -1);
		end();
	}
}
END_TEST

/* ---- circles ---- */

/* Jobs "a", "b", ...: which each waits for, as letters. */
static int circle(const char *const *after, size_t n)
{
	struct submission v[26];
	int64_t named[26][26];
	char text[26 * 20] = "[";

	memset(v, 0, sizeof(v));
	for (size_t i = 0; i < n; i++) {
		size_t len = strlen(text);

		snprintf(text + len, sizeof(text) - len, "%s{\"ref\":\"%c\"}", i > 0 ? "," : "", (char)('a' + i));
		v[i].after = named[i];
		v[i].after_n = strlen(after[i]);
		for (size_t k = 0; k < v[i].after_n; k++)
			named[i][k] = after[i][k] == '1' ? 1 : -1 - (after[i][k] - 'a');
	}
	strcat(text, "]");
	ck_assert_int_eq(read(text), 0);
	return refs_refuse_circle(&refs, v, n, &error);
}

START_TEST(what_waits_for_itself_is_told)
{
	static const struct { const char *after[4]; size_t n; const char *shown, *field; } cases[] = {
		{ { "a" }, 1, ": a -> a", "jobs[0].after" },
		{ { "b", "a" }, 2, ": a -> b -> a", "jobs[0].after" },
		{ { "1b", "c", "d1", "b" }, 4, ": b -> c -> d -> b", "jobs[1].after" },
		{ { "", "ac", "1", "d" }, 4, ": d -> d", "jobs[3].after" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		ck_assert_int_eq(circle(cases[i].after, cases[i].n), -1);
		ck_assert_str_eq(error.field, cases[i].field);
		ck_assert_msg(strstr(error.message, cases[i].shown) != NULL, "%s", error.message);
		end();
	}
}
END_TEST

START_TEST(a_graph_without_circles_passes)
{
	static const char *const diamond[] = { "bc", "d", "d1", "" }, *const alone[] = { "1", "1" };

	ck_assert_int_eq(circle(diamond, 4), 0);
	end();
	ck_assert_int_eq(circle(alone, 2), 0);
	end();
}
END_TEST

/* A chain of so many is walked without recursion, and its circle told in a line. */
START_TEST(a_long_circle_is_told_in_short)
{
	struct submission *v = calloc(MANY, sizeof(*v));
	int64_t *after = calloc(MANY, sizeof(*after));
	json_t *job;

	memset(&error, 0, sizeof(error));
	jobs = json_array();
	for (int i = 0; i < MANY; i++) {
		job = json_pack("{s:o}", "ref", json_sprintf("job %d, with a name that is rather long", i));
		json_array_append_new(jobs, job);
		after[i] = -1 - (i + 1) % MANY;
		v[i].after = &after[i];
		v[i].after_n = 1;
	}
	ck_assert_int_eq(refs_read(&refs, jobs, &error), 0);
	ck_assert_int_eq(refs_refuse_circle(&refs, v, MANY, &error), -1);
	ck_assert_ptr_nonnull(strstr(error.message, "... -> job 99999,"));
	ck_assert_uint_lt(strlen(error.message), sizeof(error.message) - 1);
	v[MANY - 1].after_n = 0;
	memset(&error, 0, sizeof(error));
	ck_assert_int_eq(refs_refuse_circle(&refs, v, MANY, &error), 0);
	free(v);
	free(after);
	end();
}
END_TEST

START_TEST(without_memory_it_says_so)
{
	static const int64_t first[] = { -1 };
	struct submission v[2] = { { .after = NULL }, { .after = first, .after_n = 1 } };
	int rc = -1;

	ck_assert_int_eq(read("[{\"ref\":\"a\"},{\"ref\":\"b\"}]"), 0);
	refs_free(&refs);
	for (long n = 1; rc != 0; n++) {
		memset(&error, 0, sizeof(error));
		failmem_from(n);
		rc = refs_read(&refs, jobs, &error);
		if (rc == 0)
			rc = refs_refuse_circle(&refs, v, 2, &error);
		failmem_off();
		refs_free(&refs);
		ck_assert(rc == 0 || error.kind == RPC_OVERLOADED);
	}
	json_decref(jobs);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("refs");
	TCase *tc = tcase_create("refs");

	tcase_add_test(tc, a_name_has_its_place);
	tcase_add_test(tc, what_is_no_name_is_left_to_the_reader_of_jobs);
	tcase_add_test(tc, names_are_of_one_job_and_of_some_length);
	tcase_add_test(tc, what_waits_for_itself_is_told);
	tcase_add_test(tc, a_graph_without_circles_passes);
	tcase_add_test(tc, a_long_circle_is_told_in_short);
	tcase_add_test(tc, without_memory_it_says_so);
	suite_add_tcase(suite, tc);
	return unit_run(suite);
}
