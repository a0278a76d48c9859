#include <string.h>

#include "proto/jtext.h"
#include "proto/params.h"
#include "tests/lib/unit.h"

static struct rpc_error error;
static struct params p;
static json_t *object;

static void begin(const char *text, const char *path)
{
	char why[200];

	memset(&error, 0, sizeof(error));
	object = jtext_parse(text, strlen(text), why, sizeof(why));
	ck_assert_msg(object != NULL, "%s: %s", text, why);
	params_init(&p, object, path, &error);
}

static void end_good(void)
{
	ck_assert_msg(params_done(&p) == 0, "%s", error.message);
	ck_assert_int_eq(error.kind, RPC_OK);
	json_decref(object);
}

static void end_bad(const char *field, const char *message)
{
	ck_assert_int_eq(params_done(&p), -1);
	ck_assert_int_eq(error.kind, RPC_INVALID_PARAMS);
	ck_assert_str_eq(error.field, field);
	ck_assert_str_eq(error.message, message);
	json_decref(object);
}

START_TEST(strings)
{
	begin("{\"a\":\"x\",\"b\":\"\"}", "");
	ck_assert_str_eq(params_need_string(&p, "a"), "x");
	ck_assert_str_eq(params_string(&p, "b", "other"), "");
	ck_assert_str_eq(params_string(&p, "c", "other"), "other");
	ck_assert_ptr_null(params_string(&p, "d", NULL));
	end_good();
	begin("{\"a\":1}", "");
	ck_assert_str_eq(params_need_string(&p, "a"), "");
	end_bad("a", "\"a\" must be a string, not a number");
	begin("{}", "");
	ck_assert_str_eq(params_need_string(&p, "a"), "");
	end_bad("a", "\"a\" is missing: it must be a string");
	begin("{\"a\":\"x\\u0000y\"}", "");
	ck_assert_str_eq(params_string(&p, "a", "other"), "other");
	end_bad("a", "\"a\" must be a string without a NUL (\\u0000) in it");
}
END_TEST

START_TEST(bytes_may_hold_nul)
{
	size_t len;

	begin("{\"a\":\"x\\u0000y\"}", "");
	ck_assert_mem_eq(params_bytes(&p, "a", &len), "x\0y", 4);
	ck_assert_uint_eq(len, 3);
	ck_assert_ptr_null(params_bytes(&p, "b", &len));
	ck_assert_uint_eq(len, 0);
	end_good();
	begin("{\"a\":[]}", "");
	ck_assert_ptr_null(params_bytes(&p, "a", &len));
	end_bad("a", "\"a\" must be a string, not an array");
}
END_TEST

START_TEST(null_is_not_absent)
{
	begin("{\"a\":null}", "");
	ck_assert_str_eq(params_string(&p, "a", "x"), "x");
	end_bad("a", "\"a\" must be a string, not null");
	begin("{\"a\":null}", "");
	ck_assert_int_eq(params_int(&p, "a", 5, 0, 9), 5);
	end_bad("a", "\"a\" must be an integer from 0 to 9, not null");
	begin("{\"a\":null}", "");
	ck_assert(json_is_null(params_any(&p, "a")));
	end_good();
}
END_TEST

START_TEST(integers)
{
	begin("{\"a\":7,\"b\":-3,\"c\":1.0,\"d\":9223372036854775807,\"e\":-2e3}", "");
	ck_assert_int_eq(params_need_int(&p, "a", 1, 7), 7);
	ck_assert_int_eq(params_int(&p, "b", 0, -3, 3), -3);
	ck_assert_int_eq(params_int(&p, "c", 0, 1, 1), 1);
	ck_assert_int_eq(params_id(&p, "d"), INT64_MAX);
	ck_assert_int_eq(params_int(&p, "e", 0, INT64_MIN, INT64_MAX), -2000);
	ck_assert_int_eq(params_int(&p, "f", 100, 1, 10), 100);
	end_good();
}
END_TEST

static void expect_bad_limit(const char *text, const char *message)
{
	begin(text, "");
	ck_assert_int_eq(params_int(&p, "limit", 100, 1, 1000), 100);
	end_bad("limit", message);
}

START_TEST(wrong_integers)
{
	expect_bad_limit("{\"limit\":0}", "\"limit\" must be an integer from 1 to 1000, not 0");
	expect_bad_limit("{\"limit\":1001}", "\"limit\" must be an integer from 1 to 1000, not 1001");
	expect_bad_limit("{\"limit\":1.5}", "\"limit\" must be an integer from 1 to 1000, not 1.5");
	expect_bad_limit("{\"limit\":1001.0}", "\"limit\" must be an integer from 1 to 1000, not 1001");
	expect_bad_limit("{\"limit\":1e300}", "\"limit\" must be an integer from 1 to 1000, not 1e+300");
	expect_bad_limit("{\"limit\":9223372036854775808.0}",
			 "\"limit\" must be an integer from 1 to 1000, not 9.22337203685478e+18");
	expect_bad_limit("{\"limit\":true}", "\"limit\" must be an integer from 1 to 1000, not true");
	expect_bad_limit("{\"limit\":\"5\"}", "\"limit\" must be an integer from 1 to 1000, not a string");
	begin("{\"a\":9223372036854775808.0}", "");
	ck_assert_int_eq(params_int(&p, "a", 5, INT64_MIN, INT64_MAX), 5);
	ck_assert_int_eq(error.kind, RPC_INVALID_PARAMS);
	json_decref(object);
	begin("{}", "");
	ck_assert_int_eq(params_id(&p, "id"), 0);
	end_bad("id", "\"id\" is missing: it must be an integer, at least 1");
	begin("{\"id\":0}", "");
	ck_assert_int_eq(params_id(&p, "id"), 0);
	end_bad("id", "\"id\" must be an integer, at least 1, not 0");
	begin("{}", "");
	ck_assert_int_eq(params_need_int(&p, "port", 1, 65535), 0);
	end_bad("port", "\"port\" is missing: it must be an integer from 1 to 65535");
}
END_TEST

START_TEST(reals_and_booleans)
{
	begin("{\"a\":0.5,\"b\":1,\"c\":true,\"d\":false}", "");
	ck_assert(params_real(&p, "a", 0, 0, 1) == 0.5);
	ck_assert(params_real(&p, "b", 0, 0, 1) == 1);
	ck_assert(params_real(&p, "x", 0.25, 0, 1) == 0.25);
	ck_assert(params_bool(&p, "c", false));
	ck_assert(!params_bool(&p, "d", true));
	ck_assert(params_bool(&p, "y", true));
	end_good();
	begin("{\"a\":1.5}", "");
	ck_assert(params_real(&p, "a", 0.1, 0, 1) == 0.1);
	end_bad("a", "\"a\" must be a number from 0 to 1, not 1.5");
	begin("{\"a\":false}", "");
	params_real(&p, "a", 0, 0, 1);
	end_bad("a", "\"a\" must be a number from 0 to 1, not false");
	begin("{\"a\":1}", "");
	ck_assert(params_bool(&p, "a", false) == false);
	end_bad("a", "\"a\" must be true or false, not a number");
}
END_TEST

START_TEST(one_of_some_words)
{
	static const char *const words[] = { "retry", "fail", "wait", NULL };
	char text[300];

	begin("{\"a\":\"fail\"}", "");
	ck_assert_int_eq(params_word(&p, "a", 0, words), 1);
	ck_assert_int_eq(params_word(&p, "b", 2, words), 2);
	end_good();
	begin("{\"a\":\"Fail\"}", "");
	ck_assert_int_eq(params_word(&p, "a", 2, words), 2);
	end_bad("a", "\"a\" must be \"retry\", \"fail\" or \"wait\", not \"Fail\"");
	begin("{\"a\":\"fail\\u0000\"}", "");
	ck_assert_int_eq(params_word(&p, "a", 2, words), 2);
	ck_assert_int_eq(error.kind, RPC_INVALID_PARAMS);
	json_decref(object);
	begin("{\"a\":1}", "");
	params_word(&p, "a", 0, words);
	end_bad("a", "\"a\" must be \"retry\", \"fail\" or \"wait\", not a number");
	snprintf(text, sizeof(text), "{\"a\":\"x%s%s\"}", "\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac",
		 "\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac"
		 "\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac");
	begin(text, "");
	params_word(&p, "a", 0, words);
	ck_assert_int_eq(error.kind, RPC_INVALID_PARAMS);
	ck_assert(jtext_utf8(error.message, strlen(error.message)));
	json_decref(object);
}
END_TEST

START_TEST(nested_values)
{
	begin("{\"a\":{\"x\":1},\"b\":[1,2],\"c\":3}", "");
	ck_assert_uint_eq(json_object_size(params_need_object(&p, "a")), 1);
	ck_assert_uint_eq(json_array_size(params_array(&p, "b", 2)), 2);
	ck_assert_int_eq(json_integer_value(params_any(&p, "c")), 3);
	ck_assert_ptr_null(params_object(&p, "d"));
	ck_assert_ptr_null(params_array(&p, "e", 5));
	ck_assert_ptr_null(params_any(&p, "f"));
	end_good();
	begin("{\"a\":[]}", "");
	ck_assert_ptr_null(params_object(&p, "a"));
	end_bad("a", "\"a\" must be an object, not an array");
	begin("{}", "");
	ck_assert_ptr_null(params_need_object(&p, "a"));
	end_bad("a", "\"a\" is missing: it must be an object");
	begin("{\"a\":{}}", "");
	ck_assert_ptr_null(params_array(&p, "a", 5));
	end_bad("a", "\"a\" must be an array, not an object");
	begin("{\"a\":[1,2,3]}", "");
	ck_assert_ptr_null(params_array(&p, "a", 2));
	end_bad("a", "\"a\" may have at most 2 elements, not 3");
}
END_TEST

static void expect_span(const char *text, int64_t ms)
{
	begin(text, "");
	ck_assert_int_eq(params_span(&p, "s", 77, 0, INT64_MAX), ms);
	end_good();
}

START_TEST(spans_are_seconds)
{
	expect_span("{\"s\":0}", 0);
	expect_span("{\"s\":-0.0}", 0);
	expect_span("{\"s\":1}", 1000);
	expect_span("{\"s\":1.5}", 1500);
	expect_span("{\"s\":0.07}", 70);
	expect_span("{\"s\":1.001}", 1001);
	expect_span("{\"s\":0.0001}", 1);
	expect_span("{\"s\":1e-300}", 1);
	expect_span("{\"s\":1.0001}", 1001);
	expect_span("{\"s\":604800}", 604800000);
	expect_span("{}", 77);
}
END_TEST

/* Every millisecond of some seconds, as a decimal number on the wire, is that millisecond. */
START_TEST(span_milliseconds_are_exact)
{
	char text[40];

	for (int ms = 0; ms < 20000; ms += 7) {
		snprintf(text, sizeof(text), "{\"s\":%d.%03d}", ms / 1000, ms % 1000);
		expect_span(text, ms);
	}
	expect_span("{\"s\":86399.999}", 86399999);
	expect_span("{\"s\":31535999.001}", INT64_C(31535999001));
}
END_TEST

START_TEST(wrong_spans)
{
	static const char *const texts[] = { "{\"s\":-1}", "{\"s\":11}", "{\"s\":0.4}", "{\"s\":1e300}" };
	static const char *const messages[] = {
		"\"s\" must be seconds, a number from 0.5 to 10, not -1", "\"s\" must be seconds, a number from 0.5 to 10, not 11",
		"\"s\" must be seconds, a number from 0.5 to 10, not 0.4",
		"\"s\" must be seconds, a number from 0.5 to 10, not 1e+300",
	};

	for (int i = 0; i < 4; i++) {
		begin(texts[i], "");
		ck_assert_int_eq(params_span(&p, "s", 77, 500, 10000), 77);
		end_bad("s", messages[i]);
	}
	begin("{\"s\":1e300}", "");
	params_span(&p, "s", 77, 0, INT64_MAX);
	end_bad("s", "\"s\" must be seconds, a number of at least 0, not 1e+300");
	begin("{\"s\":9223372036854775.808}", "");
	ck_assert_int_eq(params_span(&p, "s", 77, 0, INT64_MAX), 77);
	ck_assert_int_eq(error.kind, RPC_INVALID_PARAMS);
	json_decref(object);
	begin("{\"s\":-0.001}", "");
	params_span(&p, "s", 77, 0, INT64_MAX);
	end_bad("s", "\"s\" must be seconds, a number of at least 0, not -0.001");
	begin("{\"s\":\"10m\"}", "");
	params_span(&p, "s", 77, 0, 10000);
	end_bad("s", "\"s\" must be seconds, a number from 0 to 10, not a string");
}
END_TEST

static void expect_time(const char *text, int64_t ms)
{
	begin(text, "");
	ck_assert_int_eq(params_time(&p, "t"), ms);
	end_good();
}

START_TEST(times)
{
	expect_time("{}", 0);
	expect_time("{\"t\":\"2026-11-20T18:00:00.123Z\"}", INT64_C(1795197600123));
	expect_time("{\"t\":\"2026-11-20T19:00:00.123+01:00\"}", INT64_C(1795197600123));
	expect_time("{\"t\":1795197600}", INT64_C(1795197600000));
	expect_time("{\"t\":1795197600.123}", INT64_C(1795197600123));
	expect_time("{\"t\":0}", 1);
	expect_time("{\"t\":\"1970-01-01T00:00:00Z\"}", 1);
	expect_time("{\"t\":253402300799}", INT64_C(253402300799000));
	expect_time("{\"t\":\"9999-12-31T23:59:59.999Z\"}", INT64_C(253402300799999));
}
END_TEST

START_TEST(wrong_times)
{
	static const char *const texts[] = {
		"{\"t\":-1}", "{\"t\":253402300800}", "{\"t\":1e300}", "{\"t\":-1e300}", "{\"t\":true}", "{\"t\":null}", "{\"t\":\"now\"}",
		"{\"t\":\"1969-12-31T23:59:59Z\"}", "{\"t\":\"9999-12-31T23:59:59-01:00\"}", "{\"t\":\"2026-11-20T18:00:00Z\\u0000\"}",
		"{\"t\":9223372036854775807}", "{\"t\":{}}",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		begin(texts[i], "");
		ck_assert_int_eq(params_time(&p, "t"), 0);
		end_bad("t", "\"t\" must be a time of the years 1970 to 9999: RFC 3339 (2026-11-20T18:00:00Z) "
			     "or Unix seconds as a number");
	}
}
END_TEST

START_TEST(unknown_members_are_named)
{
	begin("{\"url\":\"x\",\"urll\":\"y\"}", "");
	ck_assert(params_has(&p, "url"));
	params_string(&p, "url", "");
	params_string(&p, "method", "");
	end_bad("urll", "\"urll\" is not a member here; allowed are: url, method");
	begin("{\"a\":1}", "args.");
	end_bad("args.a", "\"args.a\" is not a member here; none is allowed");
	begin("{\"\":1}", "args.");
	ck_assert_int_eq(params_done(&p), -1);
	ck_assert_str_eq(error.message, "\"args.\" is not a member here; none is allowed");
	json_decref(object);
}
END_TEST

START_TEST(long_unknown_members_are_cut)
{
	char text[3000], name[1000] = "";

	while (strlen(name) < 900)
		strcat(name, "\xe2\x82\xac");
	snprintf(text, sizeof(text), "{\"%s\":1}", name);
	begin(text, "args.");
	params_int(&p, "known", 0, 0, 1);
	ck_assert_int_eq(params_done(&p), -1);
	ck_assert(jtext_utf8(error.message, strlen(error.message)));
	ck_assert(jtext_utf8(error.field, strlen(error.field)));
	ck_assert_ptr_nonnull(strstr(error.message, "allowed are: known"));
	json_decref(object);
}
END_TEST

START_TEST(has_is_asking)
{
	begin("{\"a\":null}", "");
	ck_assert(params_has(&p, "a"));
	ck_assert(!params_has(&p, "b"));
	end_good();
}
END_TEST

START_TEST(the_first_thing_wrong_is_told)
{
	begin("{\"a\":1,\"b\":\"x\",\"c\":5}", "job.");
	ck_assert_int_eq(params_int(&p, "c", 3, 0, 10), 5);
	params_string(&p, "a", NULL);
	ck_assert_int_eq(params_int(&p, "b", 3, 0, 10), 3);
	ck_assert_int_eq(params_int(&p, "c", 3, 0, 10), 3);
	ck_assert_str_eq(params_need_string(&p, "d"), "");
	end_bad("job.a", "\"job.a\" must be a string, not a number");
}
END_TEST

START_TEST(callers_may_refuse)
{
	begin("{\"argv\":[]}", "args.");
	params_array(&p, "argv", 10);
	ck_assert_int_eq(params_refuse(&p, "argv", "must have at least %d element", 1), -1);
	end_bad("args.argv", "\"args.argv\" must have at least 1 element");
}
END_TEST

START_TEST(no_object_is_an_empty_one)
{
	memset(&error, 0, sizeof(error));
	params_init(&p, NULL, "", &error);
	ck_assert_int_eq(params_int(&p, "a", 4, 0, 9), 4);
	ck_assert(!params_has(&p, "a"));
	ck_assert_int_eq(params_done(&p), 0);
}
END_TEST

START_TEST(many_members)
{
	static char names[PARAMS_ASKED_MAX][8];

	begin("{\"zz\":1}", "");
	for (int i = 0; i < PARAMS_ASKED_MAX; i++) {
		snprintf(names[i], sizeof(names[i]), "m%06d", i);
		params_has(&p, names[i]);
	}
	ck_assert_int_eq(params_done(&p), -1);
	ck_assert_str_eq(error.field, "zz");
	ck_assert_ptr_nonnull(strstr(error.message, "m000000, m000001"));
	json_decref(object);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("params");
	TCase *t = tcase_create("params");

	tcase_add_test(t, strings);
	tcase_add_test(t, bytes_may_hold_nul);
	tcase_add_test(t, null_is_not_absent);
	tcase_add_test(t, integers);
	tcase_add_test(t, wrong_integers);
	tcase_add_test(t, reals_and_booleans);
	tcase_add_test(t, one_of_some_words);
	tcase_add_test(t, nested_values);
	tcase_add_test(t, spans_are_seconds);
	tcase_add_test(t, span_milliseconds_are_exact);
	tcase_add_test(t, wrong_spans);
	tcase_add_test(t, times);
	tcase_add_test(t, wrong_times);
	tcase_add_test(t, unknown_members_are_named);
	tcase_add_test(t, long_unknown_members_are_cut);
	tcase_add_test(t, has_is_asking);
	tcase_add_test(t, the_first_thing_wrong_is_told);
	tcase_add_test(t, callers_may_refuse);
	tcase_add_test(t, no_object_is_an_empty_one);
	tcase_add_test(t, many_members);
	suite_add_tcase(s, t);
	return unit_run(s);
}
