/* http jobs: what is sent, what is recorded, what fails and how. */
#include <check.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "config.h"
#include "coro/resolve.h"
#include "tests/lib/iojob.h"
#include "tests/lib/unit.h"
#include "tests/lib/webserver.h"

static struct webserver *server;
static struct iojob job;

/* ---- answers of these tests' own ---- */

static char deep[400];

static void script(const struct web_request *rq, struct web_answer *an, void *arg)
{
	static const char binary[] = "\x00\xff\xfe text";

	if (strcmp(rq->target, "/headers") == 0) {
		snprintf(an->headers, sizeof(an->headers), "X-One: 1\r\nSet-Cookie: a=1\r\nset-cookie: b=2\r\nSet-Cookie: c=3\r\n"
			 "X-Latin: caf\xe9\r\nX-Empty:\r\n");
	} else if (strcmp(rq->target, "/binary") == 0) {
		an->body = binary;
		an->len = sizeof(binary) - 1;
	} else if (strcmp(rq->target, "/problem") == 0) {
		an->body = "{\"title\": \"no\"}";
		an->len = strlen(an->body);
		an->status = 409;
		strcpy(an->headers, "Content-Type: application/problem+json\r\n");
	} else if (strcmp(rq->target, "/bad-json") == 0 || strcmp(rq->target, "/deep-json") == 0) {
		an->body = rq->target[1] == 'b' ? "{\"a\": " : deep;
		an->len = strlen(an->body);
		strcpy(an->headers, "Content-Type: application/json\r\n");
	} else if (strncmp(rq->target, "/later/", 7) == 0) {
		an->status = atoi(rq->target + 7);
		snprintf(an->headers, sizeof(an->headers), "Retry-After: %s\r\n", strrchr(rq->target, '/') + 1);
	} else if (strcmp(rq->target, "/date") == 0) {
		time_t at = time(NULL) + 100;
		char date[64];
		struct tm tm;

		strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&at, &tm));
		an->status = 503;
		snprintf(an->headers, sizeof(an->headers), "Retry-After: %s\r\n", date);
	} else if (strcmp(rq->target, "/no-length") == 0) {
		an->fill = 70000;
		an->no_length = true;
	} else if (strcmp(rq->target, "/garbage") == 0) {
		an->raw = "220 mail.example ESMTP\r\n";
		an->close = true;
	} else {
		webserver_paths(rq, an, arg);
	}
}

static void setup(void)
{
	struct webserver_conf conf = { .script = script };

	ck_assert_int_eq(webserver_start(&conf, &server), 0);
	loop_begin();
}

static void teardown(void)
{
	iojob_free(&job);
	loop_end();
	webserver_stop(&server);
}

/* Runs a job on this path; `more` begins with a comma, or is empty. */
static void get(const char *path, const char *more)
{
	iojob_free(&job);
	iojob_init(&job, &kind_http, "{\"url\": \"http://127.0.0.1:%u%s\"%s}", webserver_port(server), path, more);
	job.timeout = 20 * 1000000;
	iojob_run(&job);
	ck_assert_int_eq(job.rc, 0);
}

static const char *text_of(const char *member)
{
	const char *text = json_string_value(json_object_get(job.result, member));

	ck_assert_msg(text != NULL, "no %s", member);
	return text;
}

static const char *header_of(const char *name)
{
	const char *text = json_string_value(json_object_get(json_object_get(job.result, "headers"), name));

	ck_assert_msg(text != NULL, "no header %s", name);
	return text;
}

static long long number_of(const char *member)
{
	ck_assert(json_is_integer(json_object_get(job.result, member)));
	return json_integer_value(json_object_get(job.result, member));
}

/* The echoed request has this line (or ends in it). */
static bool sent(const char *line)
{
	char want[300];

	snprintf(want, sizeof(want), "%s\r\n", line);
	return strstr(text_of("body"), want) != NULL;
}

static void failed_as(const char *reason)
{
	ck_assert_msg(!job.out.succeeded && strcmp(job.out.reason, reason) == 0, "%s: %s (%s)",
		      job.out.succeeded ? "succeeded" : "failed", job.out.reason, job.out.message);
	ck_assert_str_ne(job.out.message, "");
}

/* ---- what is recorded ---- */

START_TEST(result_has_all_members)
{
	char url[64];

	get("/", "");
	ck_assert_msg(job.out.succeeded, "%s", job.out.message);
	snprintf(url, sizeof(url), "http://127.0.0.1:%u/", webserver_port(server));
	ck_assert_int_eq(number_of("status"), 200);
	ck_assert_str_eq(text_of("body"), "hello");
	ck_assert_int_eq(number_of("bytes"), 5);
	ck_assert_str_eq(text_of("url"), url);
	ck_assert_str_eq(header_of("content-type"), "text/plain");
	ck_assert_str_eq(header_of("content-length"), "5");
	ck_assert(json_is_real(json_object_get(job.result, "seconds")));
	ck_assert_uint_eq(json_object_size(job.result), 6);
}
END_TEST

START_TEST(headers_that_repeat_become_an_array)
{
	json_t *headers, *cookies;

	get("/headers", "");
	headers = json_object_get(job.result, "headers");
	cookies = json_object_get(headers, "set-cookie");
	ck_assert_uint_eq(json_array_size(cookies), 3);
	ck_assert_str_eq(json_string_value(json_array_get(cookies, 0)), "a=1");
	ck_assert_str_eq(json_string_value(json_array_get(cookies, 2)), "c=3");
	ck_assert_str_eq(header_of("x-one"), "1");
	ck_assert_str_eq(header_of("x-latin"), "caf\xc3\xa9");
	ck_assert_str_eq(header_of("x-empty"), "");
}
END_TEST

START_TEST(body_that_is_not_text_comes_as_base64)
{
	get("/binary", "");
	ck_assert(job.out.succeeded);
	ck_assert_ptr_null(json_object_get(job.result, "body"));
	ck_assert_str_eq(text_of("body_base64"), "AP/+IHRleHQ=");
	ck_assert_int_eq(number_of("bytes"), 8);
}
END_TEST

START_TEST(json_stands_beside_the_body)
{
	json_t *n;

	get("/json", "");
	n = json_object_get(json_object_get(job.result, "json"), "n");
	ck_assert_uint_eq(json_array_size(n), 3);
	ck_assert_str_eq(json_string_value(json_array_get(n, 2)), "\xc3\xa9");
	ck_assert_ptr_nonnull(strchr(text_of("body"), '\n'));
	get("/problem", ", \"ok_status\": [409]");
	ck_assert(job.out.succeeded);
	ck_assert_str_eq(json_string_value(json_object_get(json_object_get(job.result, "json"), "title")), "no");
}
END_TEST

START_TEST(json_that_is_none_is_left_out)
{
	memset(deep, '[', 80);
	memset(deep + 80, ']', 80);
	get("/bad-json", "");
	ck_assert(job.out.succeeded);
	ck_assert_ptr_null(json_object_get(job.result, "json"));
	get("/deep-json", "");
	ck_assert(job.out.succeeded);
	ck_assert_ptr_null(json_object_get(job.result, "json"));
	ck_assert_uint_eq(strlen(text_of("body")), 160);
	get("/", "");
	ck_assert_ptr_null(json_object_get(job.result, "json"));
}
END_TEST

START_TEST(chunked_and_large_bodies_come_whole)
{
	get("/chunked/300000", "");
	ck_assert_int_eq(number_of("bytes"), 300000);
	ck_assert_uint_eq(strlen(text_of("body")), 300000);
	get("/bytes/1048576", "");		/* just what max_body allows */
	ck_assert_int_eq(number_of("bytes"), 1048576);
	get("/no-length", "");
	ck_assert_int_eq(number_of("bytes"), 70000);
	get("/bytes/0", "");
	ck_assert_str_eq(text_of("body"), "");
}
END_TEST

/* ---- what is sent ---- */

START_TEST(requests_carry_what_was_asked_for)
{
	get("/echo?a=b%20c#part", ", \"headers\": {\"X-Y\": \"z\", \"X-Empty\": \"\", \"X-Many\": [\"1\", \"2\"], "
	    "\"Accept\": \"a/b\"}");
	ck_assert(sent("GET /echo?a=b%20c HTTP/1.1"));
	ck_assert(sent("X-Y: z"));
	ck_assert(sent("X-Empty:"));
	ck_assert(sent("X-Many: 1"));
	ck_assert(sent("X-Many: 2"));
	ck_assert(sent("Accept: a/b"));
	ck_assert(sent("User-Agent: jobd/" PACKAGE_VERSION));
	ck_assert_ptr_null(strstr(text_of("body"), "Accept-Encoding"));
	get("/echo", ", \"headers\": {\"user-agent\": \"mine\"}");
	ck_assert(sent("user-agent: mine"));
	ck_assert_ptr_null(strstr(text_of("body"), "jobd"));
}
END_TEST

START_TEST(bodies_are_sent_as_given)
{
	get("/echo", ", \"body\": \"a=1\"");
	ck_assert(sent("POST /echo HTTP/1.1"));
	ck_assert(sent("Content-Length: 3"));
	ck_assert_ptr_null(strcasestr(text_of("body"), "content-type"));
	ck_assert_ptr_nonnull(strstr(text_of("body"), "\r\n\r\na=1"));
	get("/echo", ", \"json\": {\"a\": [1, null]}, \"method\": \"put\"");
	ck_assert(sent("PUT /echo HTTP/1.1"));
	ck_assert(sent("Content-Type: application/json"));
	ck_assert_ptr_nonnull(strstr(text_of("body"), "\r\n\r\n{\"a\":[1,null]}"));
	get("/echo", ", \"json\": null, \"headers\": {\"Content-Type\": \"x/y+json\"}");
	ck_assert(sent("Content-Type: x/y+json"));
	ck_assert_ptr_nonnull(strstr(text_of("body"), "\r\n\r\nnull"));
	ck_assert_ptr_null(strstr(text_of("body"), "application/json"));
	get("/echo", ", \"body_base64\": \"AQID\", \"method\": \"PATCH\"");
	ck_assert(sent("PATCH /echo HTTP/1.1"));
	ck_assert_ptr_nonnull(strstr(text_of("body"), "\r\n\r\n\x01\x02\x03"));
}
END_TEST

START_TEST(methods_without_a_body)
{
	get("/echo", ", \"method\": \"POST\"");
	ck_assert(sent("Content-Length: 0"));
	get("/echo", ", \"method\": \"DELETE\"");
	ck_assert(sent("DELETE /echo HTTP/1.1"));
	ck_assert_ptr_null(strcasestr(text_of("body"), "content-length"));
	get("/echo", ", \"method\": \"Report\"");
	ck_assert(sent("Report /echo HTTP/1.1"));
	get("/bytes/500", ", \"method\": \"head\", \"max_body\": 10");
	ck_assert_msg(job.out.succeeded, "%s", job.out.message);
	ck_assert_str_eq(text_of("body"), "");
	ck_assert_str_eq(header_of("content-length"), "500");
}
END_TEST

START_TEST(credentials_may_stand_in_the_url)
{
	iojob_init(&job, &kind_http, "{\"url\": \"http://me:secret@127.0.0.1:%u/echo\"}", webserver_port(server));
	iojob_run(&job);
	ck_assert(sent("Authorization: Basic bWU6c2VjcmV0"));
}
END_TEST

START_TEST(large_bodies_are_sent_whole)
{
	char *more = malloc(300100);

	sprintf(more, ", \"body\": \"%0300000d\"", 7);
	get("/status/200", more);
	ck_assert_msg(job.out.succeeded, "%s", job.out.message);
	free(more);
}
END_TEST

START_TEST(environment_is_not_asked)
{
	setenv("http_proxy", "http://127.0.0.1:1", 1);
	setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
	get("/", "");
	ck_assert_msg(job.out.succeeded, "%s", job.out.message);
}
END_TEST

/* ---- failures ---- */

START_TEST(status_outside_ok_status_fails_with_its_result)
{
	get("/status/404", "");
	failed_as("http_status");
	ck_assert(job.out.final);
	ck_assert_int_eq(number_of("status"), 404);
	ck_assert_str_eq(text_of("body"), "as you asked");
	get("/status/500", "");
	failed_as("http_status");
	ck_assert(!job.out.final);
	get("/status/404", ", \"ok_status\": [[200, 299], [404, 404]]");
	ck_assert(job.out.succeeded);
	get("/status/200", ", \"ok_status\": [[300, 399], 404]");
	failed_as("http_status");
	ck_assert(!job.out.final);
}
END_TEST

START_TEST(some_4xx_are_tried_again)
{
	static const struct {
		int status;
		bool final;
	} cases[] = {
		{ 400, true }, { 401, true }, { 408, false }, { 409, true }, { 425, false }, { 429, false }, { 499, true },
		{ 503, false },
	};
	char path[32];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(path, sizeof(path), "/status/%d", cases[i].status);
		get(path, "");
		failed_as("http_status");
		ck_assert_int_eq(job.out.final, cases[i].final);
		ck_assert_int_eq(job.out.retry_after, 0);
	}
}
END_TEST

START_TEST(retry_after_is_heard)
{
	get("/later/429/7", "");
	failed_as("http_status");
	ck_assert_int_eq(job.out.retry_after, 7000);
	get("/later/503/1", "");
	ck_assert_int_eq(job.out.retry_after, 1000);
	get("/later/500/7", "");
	ck_assert_int_eq(job.out.retry_after, 0);
	get("/later/429/soon", "");
	ck_assert_int_eq(job.out.retry_after, 0);
	get("/later/429/99999999999999999999999", "");
	ck_assert_int_gt(job.out.retry_after, 300LL * 24 * 3600 * 1000);
	get("/date", "");
	ck_assert_int_gt(job.out.retry_after, 90 * 1000);
	ck_assert_int_le(job.out.retry_after, 100 * 1000);
}
END_TEST

START_TEST(too_large_answers_are_stopped)
{
	get("/bytes/1048577", "");
	failed_as("too_large");
	ck_assert_str_eq(job.out.message, "the answer's body is longer than 1048576 bytes");
	ck_assert_ptr_null(job.out.result);
	get("/bytes/4000000000", "");
	failed_as("too_large");
	get("/chunked/5000", ", \"max_body\": 4999");
	failed_as("too_large");
	get("/bytes/1", ", \"max_body\": 0");
	failed_as("too_large");
	get("/bytes/0", ", \"max_body\": 0");
	ck_assert(job.out.succeeded);
}
END_TEST

START_TEST(result_keeps_to_its_limit)
{
	iojob_init(&job, &kind_http, "{\"url\": \"http://127.0.0.1:%u/bytes/900\"}", webserver_port(server));
	job.result_bytes = 1000;
	iojob_run(&job);
	failed_as("too_large");
	ck_assert_ptr_null(job.result);
	iojob_free(&job);
	iojob_init(&job, &kind_http, "{\"url\": \"http://127.0.0.1:%u/bytes/100000\"}", webserver_port(server));
	job.result_bytes = 1000;
	iojob_run(&job);
	failed_as("too_large");
}
END_TEST

static void endless_headers(const struct web_request *rq, struct web_answer *an, void *arg)
{
	(void)rq;
	an->raw = arg;
}

START_TEST(headers_have_a_limit)
{
	size_t room = 500000, n = 0;
	char *raw = malloc(room);
	struct webserver_conf conf = { .script = endless_headers, .arg = raw };

	teardown();
	memset(&job, 0, sizeof(job));
	n += (size_t)sprintf(raw, "HTTP/1.1 200 OK\r\n");
	while (n < 300000)
		n += (size_t)sprintf(raw + n, "X-%zu: %080d\r\n", n, 0);
	strcpy(raw + n, "\r\n");
	ck_assert_int_eq(webserver_start(&conf, &server), 0);
	loop_begin();
	get("/", "");
	failed_as("too_large");
	ck_assert_str_eq(job.out.message, "the answer's headers are longer than 262144 bytes");
	free(raw);
}
END_TEST

START_TEST(connection_and_name_failures)
{
	unsigned closed;
	int fd = quiet_port(&closed);

	iojob_init(&job, &kind_http, "{\"url\": \"http://127.0.0.1:%u/\"}", closed);
	iojob_run(&job);
	failed_as("connect");
	ck_assert(!job.out.final);
	iojob_free(&job);
	close(fd);
	resolve_use_nameserver("127.0.0.1:1", 20000, 1);
	iojob_init(&job, &kind_http, "{\"url\": \"http://nowhere.example/\"}");
	iojob_run(&job);
	failed_as("resolve");
}
END_TEST

START_TEST(broken_answers_are_io)
{
	get("/cut/1000", "");
	failed_as("io");
	get("/garbage", "");
	failed_as("io");
}
END_TEST

static Suite *http_suite(void)
{
	const TTest *const with_server[] = {
		result_has_all_members, headers_that_repeat_become_an_array, body_that_is_not_text_comes_as_base64,
		json_stands_beside_the_body, json_that_is_none_is_left_out, chunked_and_large_bodies_come_whole,
		requests_carry_what_was_asked_for, bodies_are_sent_as_given, methods_without_a_body, credentials_may_stand_in_the_url,
		large_bodies_are_sent_whole,
		environment_is_not_asked, status_outside_ok_status_fails_with_its_result, some_4xx_are_tried_again,
		retry_after_is_heard, too_large_answers_are_stopped, result_keeps_to_its_limit, headers_have_a_limit,
		connection_and_name_failures, broken_answers_are_io,
	};
	Suite *suite = suite_create("http");
	TCase *served = tcase_create("served");

	tcase_add_checked_fixture(served, setup, teardown);
	for (size_t i = 0; i < sizeof(with_server) / sizeof(with_server[0]); i++)
		tcase_add_test(served, with_server[i]);
	suite_add_tcase(suite, served);
	return suite;
}

int main(void)
{
	return unit_run(http_suite());
}
