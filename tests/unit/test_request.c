#include <string.h>

#include "base/buf.h"
#include "proto/jtext.h"
#include "proto/request.h"
#include "tests/lib/unit.h"

static json_t *parse(const char *text)
{
	char why[200];
	json_t *value = jtext_parse(text, strlen(text), why, sizeof(why));

	ck_assert_msg(value != NULL, "%s: %s", text, why);
	return value;
}

static void expect_out(struct buf *out, const char *text)
{
	ck_assert(!buf_failed(out));
	buf_putc(out, '\0');
	ck_assert_str_eq(buf_data(out), text);
	buf_free(out);
}

/* The id with which `text` is answered. */
static void expect_id(const struct request *rq, const char *id)
{
	struct buf out;

	buf_init(&out);
	if (rq->id != NULL)
		jtext_put(&out, rq->id);
	else
		buf_puts(&out, "none");
	expect_out(&out, id);
}

static void expect_good(const char *text, const char *id, const char *method, size_t params)
{
	json_t *element = parse(text);
	struct rpc_error error = { 0 };
	struct request rq;

	ck_assert_msg(request_read(element, &rq, &error) == 0, "%s: %s", text, error.message);
	json_decref(element);
	expect_id(&rq, id);
	ck_assert_str_eq(rq.method, method);
	ck_assert_uint_eq(json_object_size(rq.params), params);
	request_free(&rq);
}

static void expect_bad(const char *text, const char *id, enum rpc_error_kind kind, const char *field)
{
	json_t *element = parse(text);
	struct rpc_error error = { 0 };
	struct request rq;

	ck_assert_msg(request_read(element, &rq, &error) == -1, "%s", text);
	json_decref(element);
	ck_assert_msg(error.kind == kind, "%s: %s", text, error.message);
	ck_assert_str_eq(error.field, field);
	ck_assert_str_ne(error.message, "");
	ck_assert(rq.params == NULL || json_is_object(rq.params));
	expect_id(&rq, id);
	request_free(&rq);
	request_free(&rq);
}

START_TEST(requests)
{
	expect_good("{\"jsonrpc\":\"2.0\",\"method\":\"m\",\"params\":{\"a\":1},\"id\":1}", "1", "m", 1);
	expect_good("{\"id\":\"x\",\"method\":\"\",\"jsonrpc\":\"2.0\"}", "\"x\"", "", 0);
	expect_good("{\"jsonrpc\":\"2.0\",\"method\":\"m\",\"params\":{},\"id\":null}", "null", "m", 0);
}
END_TEST

START_TEST(notifications_have_no_id)
{
	expect_good("{\"jsonrpc\":\"2.0\",\"method\":\"m\"}", "none", "m", 0);
	expect_good("{\"jsonrpc\":\"2.0\",\"method\":\"m\",\"params\":{\"a\":1}}", "none", "m", 1);
}
END_TEST

START_TEST(ids_come_back_equal)
{
	static const char *const ids[] = { "0", "-7", "9223372036854775807", "-9223372036854775808", "1.5", "1.0", "1e+300", "\"\"",
					   "\"a\\u0000\\\"\\\\b\"", "\"\xe2\x82\xac\"", "null" };

	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		char text[200];

		snprintf(text, sizeof(text), "{\"jsonrpc\":\"2.0\",\"method\":\"m\",\"id\":%s}", ids[i]);
		expect_good(text, ids[i], "m", 0);
	}
}
END_TEST

START_TEST(version_is_exactly_2_0)
{
	static const char *const versions[] = { "2.0", "2", "\"2\"", "\"1.0\"", "\"2.00\"", "\"2.0\\u0000\"", "null", "\"2.0 \"" };

	for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
		char text[200];

		snprintf(text, sizeof(text), "{\"jsonrpc\":%s,\"method\":\"m\",\"id\":1}", versions[i]);
		expect_bad(text, "1", RPC_INVALID_REQUEST, "jsonrpc");
	}
	expect_bad("{\"method\":\"m\",\"id\":1}", "1", RPC_INVALID_REQUEST, "jsonrpc");
}
END_TEST

START_TEST(other_ids_are_answered_with_null)
{
	expect_bad("{\"jsonrpc\":\"2.0\",\"method\":\"m\",\"id\":true}", "null", RPC_INVALID_REQUEST, "id");
	expect_bad("{\"jsonrpc\":\"2.0\",\"method\":\"m\",\"id\":[1]}", "null", RPC_INVALID_REQUEST, "id");
	expect_bad("{\"jsonrpc\":\"2.0\",\"method\":\"m\",\"id\":{}}", "null", RPC_INVALID_REQUEST, "id");
}
END_TEST

START_TEST(method_is_a_string)
{
	expect_bad("{\"jsonrpc\":\"2.0\",\"method\":1,\"params\":\"bar\"}", "null", RPC_INVALID_REQUEST, "method");
	expect_bad("{\"jsonrpc\":\"2.0\",\"id\":\"a\"}", "\"a\"", RPC_INVALID_REQUEST, "method");
	expect_bad("{\"jsonrpc\":\"2.0\",\"id\":3,\"method\":\"job.get\\u0000x\"}", "3", RPC_METHOD_NOT_FOUND, "");
	expect_bad("{\"jsonrpc\":\"2.0\",\"method\":\"job.get\\u0000x\"}", "none", RPC_METHOD_NOT_FOUND, "");
}
END_TEST

START_TEST(params_are_by_name)
{
	expect_bad("{\"jsonrpc\":\"2.0\",\"method\":\"m\",\"params\":[1],\"id\":1}", "1", RPC_INVALID_PARAMS, "params");
	expect_bad("{\"jsonrpc\":\"2.0\",\"method\":\"m\",\"params\":[]}", "none", RPC_INVALID_PARAMS, "params");
	expect_bad("{\"jsonrpc\":\"2.0\",\"method\":\"m\",\"params\":\"x\",\"id\":1}", "1", RPC_INVALID_REQUEST, "params");
	expect_bad("{\"jsonrpc\":\"2.0\",\"method\":\"m\",\"params\":null,\"id\":1}", "1", RPC_INVALID_REQUEST, "params");
	expect_bad("{\"jsonrpc\":\"2.0\",\"method\":\"m\",\"params\":1}", "null", RPC_INVALID_REQUEST, "params");
}
END_TEST

START_TEST(unknown_members_are_named)
{
	expect_bad("{\"jsonrpc\":\"2.0\",\"method\":\"m\",\"id\":1,\"parms\":{}}", "1", RPC_INVALID_REQUEST, "parms");
	expect_bad("{\"jsonrpc\":\"2.0\",\"method\":\"m\",\"parms\":{}}", "null", RPC_INVALID_REQUEST, "parms");
}
END_TEST

START_TEST(what_is_no_object_is_no_request)
{
	static const char *const texts[] = { "1", "[]", "\"x\"", "null", "true" };

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		expect_bad(texts[i], "null", RPC_INVALID_REQUEST, "");
	expect_bad("{\"foo\":\"boo\"}", "null", RPC_INVALID_REQUEST, "jsonrpc");
	expect_bad("{}", "null", RPC_INVALID_REQUEST, "jsonrpc");
}
END_TEST

START_TEST(replies)
{
	json_t *id = parse("\"a\\\"\"");
	struct buf out;

	buf_init(&out);
	reply_result(&out, id, "{\"x\":[1]}", 9);
	expect_out(&out, "{\"jsonrpc\":\"2.0\",\"id\":\"a\\\"\",\"result\":{\"x\":[1]}}");
	reply_result(&out, NULL, "19", 2);
	expect_out(&out, "{\"jsonrpc\":\"2.0\",\"id\":null,\"result\":19}");
	json_decref(id);
}
END_TEST

START_TEST(error_replies)
{
	json_t *id = parse("5");
	struct rpc_error error = { 0 };
	struct buf out;

	buf_init(&out);
	rpc_error_set(&error, RPC_INVALID_PARAMS, "args.url", "\"args.url\" is \xe2\x82\xac\n");
	reply_error(&out, id, &error);
	expect_out(&out, "{\"jsonrpc\":\"2.0\",\"id\":5,\"error\":{\"code\":-32602,\"message\":\"\\\"args.url\\\" is \xe2\x82\xac\\n\","
			 "\"data\":{\"reason\":\"invalid_params\",\"field\":\"args.url\"}}}");
	memset(&error, 0, sizeof(error));
	rpc_error_set(&error, RPC_CONFLICT, "", "taken");
	error.id = 42;
	reply_error(&out, NULL, &error);
	expect_out(&out, "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32004,\"message\":\"taken\","
			 "\"data\":{\"reason\":\"conflict\",\"id\":42}}}");
	json_decref(id);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("request");
	TCase *t = tcase_create("request");

	tcase_add_test(t, requests);
	tcase_add_test(t, notifications_have_no_id);
	tcase_add_test(t, ids_come_back_equal);
	tcase_add_test(t, version_is_exactly_2_0);
	tcase_add_test(t, other_ids_are_answered_with_null);
	tcase_add_test(t, method_is_a_string);
	tcase_add_test(t, params_are_by_name);
	tcase_add_test(t, unknown_members_are_named);
	tcase_add_test(t, what_is_no_object_is_no_request);
	tcase_add_test(t, replies);
	tcase_add_test(t, error_replies);
	suite_add_tcase(s, t);
	return unit_run(s);
}
