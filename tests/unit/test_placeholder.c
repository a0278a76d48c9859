/* Placeholders in args, and the pointers into results: RFC 6901's own examples among them. */
#include <string.h>

#include "../lib/unit.h"
#include "proto/placeholder.h"

static json_t *read(const char *text)
{
	json_t *value = json_loads(text, JSON_DECODE_ANY, NULL);

	ck_assert_msg(value != NULL, "%s", text);
	return value;
}

START_TEST(what_is_one_and_what_is_not)
{
	static const struct { const char *text; bool result, literal, in; } cases[] = {
		{ "{\"$result\":1}", true, false, true },
		{ "{\"$result\":\"a\",\"pointer\":\"/x\"}", true, false, true },
		{ "{\"$result\":null,\"pointer\":5}", true, false, true },
		{ "{\"$result\":1,\"other\":2}", false, false, false },
		{ "{\"$result\":1,\"pointer\":\"\",\"other\":2}", false, false, false },
		{ "{\"pointer\":\"/x\"}", false, false, false },
		{ "{\"$literal\":1}", false, true, true },
		{ "{\"$literal\":1,\"other\":2}", false, false, false },
		{ "{\"a\":[0,{\"b\":{\"$literal\":1}}]}", false, false, true },
		{ "{}", false, false, false }, { "[]", false, false, false }, { "5", false, false, false },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		json_t *value = read(cases[i].text);

		ck_assert_msg(placeholder_is_result(value) == cases[i].result, "%s", cases[i].text);
		ck_assert_msg(placeholder_is_literal(value) == cases[i].literal, "%s", cases[i].text);
		ck_assert_msg(placeholder_in(value) == cases[i].in, "%s", cases[i].text);
		json_decref(value);
	}
	ck_assert(!placeholder_in(NULL));
}
END_TEST

/* RFC 6901, section 5, and what an index must not be. */
START_TEST(pointers_point)
{
	static const char document[] = "{\"foo\":[\"bar\",\"baz\"],\"\":0,\"a/b\":1,\"c%d\":2,\"e^f\":3,\"g|h\":4,\"i\\\\j\":5,"
				       "\"k\\\"l\":6,\" \":7,\"m~n\":8,\"x\":{\"~1\":9,\"/~/\":10}}";
	static const struct { const char *pointer, *value; } cases[] = {
		{ "/foo", "[\"bar\",\"baz\"]" }, { "/foo/0", "\"bar\"" }, { "/foo/1", "\"baz\"" }, { "/", "0" }, { "/a~1b", "1" },
		{ "/c%d", "2" }, { "/e^f", "3" }, { "/g|h", "4" }, { "/i\\j", "5" }, { "/k\"l", "6" }, { "/ ", "7" },
		{ "/m~0n", "8" }, { "/x/~01", "9" }, { "/x/~1~0~1", "10" }, { "", document },
		{ "/foo/2", NULL }, { "/foo/-", NULL }, { "/foo/00", NULL }, { "/foo/01", NULL }, { "/foo/+1", NULL },
		{ "/foo/ 1", NULL }, { "/foo/1x", NULL }, { "/foo/", NULL }, { "/foo/0/0", NULL }, { "/fo", NULL }, { "/fooo", NULL },
		{ "/foo/18446744073709551616", NULL }, { "/x/~0", NULL }, { "//", NULL }, { "/a~0b", NULL },
	};
	json_t *value = read(document);

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		json_t *wanted = cases[i].value != NULL ? read(cases[i].value) : NULL;
		json_t *found = placeholder_point(value, cases[i].pointer);

		ck_assert_msg(placeholder_pointer_ok(cases[i].pointer), "%s", cases[i].pointer);
		ck_assert_msg(wanted == NULL ? found == NULL : json_equal(found, wanted), "%s", cases[i].pointer);
		json_decref(wanted);
	}
	ck_assert_ptr_null(placeholder_point(NULL, ""));
	json_decref(value);
	ck_assert(!placeholder_pointer_ok("foo"));
	ck_assert(!placeholder_pointer_ok("/~"));
	ck_assert(!placeholder_pointer_ok("/a~2"));
	ck_assert(!placeholder_pointer_ok("/~~0"));
}
END_TEST

static json_t *number(void *arg, json_t *placeholder)
{
	json_int_t n = json_integer_value(placeholder_job(placeholder));

	(void)arg;
	return n > 0 ? json_integer(100 * n) : NULL;
}

static void fills(const char *text, const char *wanted)
{
	json_t *value = read(text), *filled = placeholder_fill(value, number, NULL), *expected;

	json_decref(value);
	if (wanted == NULL) {
		ck_assert_ptr_null(filled);
		return;
	}
	expected = read(wanted);
	ck_assert_msg(json_equal(filled, expected), "%s", text);
	ck_assert_uint_eq(filled->refcount, 1);
	json_decref(filled);
	json_decref(expected);
}

START_TEST(values_take_their_places)
{
	fills("{\"$result\":1}", "100");
	fills("{\"a\":{\"$result\":1},\"b\":[{\"$result\":2},{\"c\":{\"$result\":3}}],\"d\":4}",
	      "{\"a\":100,\"b\":[200,{\"c\":300}],\"d\":4}");
	fills("{\"a\":{\"$literal\":{\"$result\":1}},\"b\":{\"$literal\":{\"$literal\":1}}}",
	      "{\"a\":{\"$result\":1},\"b\":{\"$literal\":1}}");
	fills("{\"a\":1}", "{\"a\":1}");
	fills("{\"a\":[{\"$result\":1},{\"$result\":0}]}", NULL);
}
END_TEST

START_TEST(results_stay_where_only_literals_are_meant)
{
	json_t *value = read("{\"a\":{\"$result\":1},\"b\":{\"$literal\":5}}"), *meant = placeholder_unwrap(value);
	json_t *wanted = read("{\"a\":{\"$result\":1},\"b\":5}");

	ck_assert(json_equal(meant, wanted));
	json_decref(value);
	json_decref(meant);
	json_decref(wanted);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("placeholder");
	TCase *tc = tcase_create("placeholder");

	tcase_add_test(tc, what_is_one_and_what_is_not);
	tcase_add_test(tc, pointers_point);
	tcase_add_test(tc, values_take_their_places);
	tcase_add_test(tc, results_stay_where_only_literals_are_meant);
	suite_add_tcase(suite, tc);
	return unit_run(suite);
}
