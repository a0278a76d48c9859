/* http jobs that are sent elsewhere: what is followed, how far, and what goes along. */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "tests/lib/iojob.h"
#include "tests/lib/unit.h"
#include "tests/lib/webserver.h"

static struct webserver *server, *other;
static struct iojob job;

/*
 * As the paths' script, and /away/CODE/PATH: to that path on the other server; /big: a redirect with a long body;
 * /near: a relative one.
 */
static void script(const struct web_request *rq, struct web_answer *an, void *arg)
{
	if (strncmp(rq->target, "/away/", 6) == 0) {
		an->status = atoi(rq->target + 6);
		snprintf(an->headers, sizeof(an->headers), "Location: http://127.0.0.1:%u%s\r\n", webserver_port(other),
			 strchr(rq->target + 6, '/'));
	} else if (strcmp(rq->target, "/near") == 0) {
		an->status = 302;
		strcpy(an->headers, "Location: echo?x\r\n");
	} else if (strcmp(rq->target, "/big") == 0) {
		an->status = 302;
		an->fill = 50000;
		strcpy(an->headers, "Location: /\r\n");
	} else {
		webserver_paths(rq, an, arg);
	}
}

static void setup(void)
{
	struct webserver_conf conf = { .script = script };

	ck_assert_int_eq(webserver_start(&conf, &other), 0);
	ck_assert_int_eq(webserver_start(&conf, &server), 0);
	loop_begin();
}

static void teardown(void)
{
	iojob_free(&job);
	loop_end();
	webserver_stop(&server);
	webserver_stop(&other);
}

static void get(const char *path, const char *more)
{
	iojob_free(&job);
	iojob_init(&job, &kind_http, "{\"url\": \"http://127.0.0.1:%u%s\"%s}", webserver_port(server), path, more);
	job.timeout = 20 * 1000000;
	iojob_run(&job);
	ck_assert_int_eq(job.rc, 0);
}

static const char *body(void)
{
	const char *text = json_string_value(json_object_get(job.result, "body"));

	ck_assert_ptr_nonnull(text);
	return text;
}

static void ended_at(unsigned port, const char *path)
{
	char url[200];

	snprintf(url, sizeof(url), "http://127.0.0.1:%u%s", port, path);
	ck_assert_msg(job.out.succeeded, "%s", job.out.message);
	ck_assert_str_eq(json_string_value(json_object_get(job.result, "url")), url);
}

static void failed_as(const char *reason)
{
	ck_assert(!job.out.succeeded);
	ck_assert_str_eq(job.out.reason, reason);
}

START_TEST(redirects_are_followed_to_the_end)
{
	get("/redirect/10", "");
	ended_at(webserver_port(server), "/redirect/0");
	ck_assert_str_eq(body(), "hello");
	ck_assert_uint_eq(webserver_requests(server), 11);
}
END_TEST

START_TEST(ten_are_enough)
{
	get("/redirect/11", "");
	failed_as("redirects");
	ck_assert_uint_eq(webserver_requests(server), 11);
	ck_assert_int_eq(json_integer_value(json_object_get(job.result, "status")), 302);
}
END_TEST

START_TEST(not_followed_where_not_wanted)
{
	get("/redirect/1", ", \"follow_redirects\": false");
	failed_as("http_status");
	ck_assert(!job.out.final);
	ck_assert_str_eq(body(), "elsewhere");
	get("/redirect/1", ", \"follow_redirects\": false, \"ok_status\": [[300, 399]]");
	ended_at(webserver_port(server), "/redirect/1");
	get("/status/302", "");			/* without a Location it is an answer like others */
	failed_as("http_status");
	get("/redirect/300/x", "");		/* a choice is not for us */
	failed_as("http_status");
}
END_TEST

START_TEST(relative_places_are_found)
{
	get("/near", "");
	ended_at(webserver_port(server), "/echo?x");
	get("/redirect/302//echo?x", "");
	ended_at(webserver_port(server), "/echo?x");
	get("/away/302/echo/a%20b", "");
	ended_at(webserver_port(other), "/echo/a%20b");
}
END_TEST

START_TEST(only_http_and_https_are_followed)
{
	static const char *const places[] = { "ftp://127.0.0.1/x", "file:///etc/passwd", "gopher://x/", "http://" };
	char path[100];

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		snprintf(path, sizeof(path), "/redirect/302/%s", places[i]);
		get(path, "");
		failed_as("redirects");
		ck_assert_ptr_nonnull(strstr(job.out.message, "redirected to"));
	}
}
END_TEST

START_TEST(methods_change_as_browsers_do)
{
	static const struct {
		const char *path, *method, *line;
		bool body;
	} cases[] = {
		{ "/redirect/301//echo", "POST", "GET /echo", false },
		{ "/redirect/302//echo", "POST", "GET /echo", false },
		{ "/redirect/303//echo", "POST", "GET /echo", false },
		{ "/redirect/307//echo", "POST", "POST /echo", true },
		{ "/redirect/308//echo", "POST", "POST /echo", true },
		{ "/redirect/302//echo", "PUT", "PUT /echo", true },
		{ "/redirect/303//echo", "PUT", "GET /echo", false },
		{ "/redirect/303//echo", "DELETE", "GET /echo", false },
	};
	char more[200];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(more, sizeof(more), ", \"method\": \"%s\", \"json\": {\"a\": 1}, \"headers\": {\"X-Y\": \"z\", "
			 "\"Content-Language\": \"en\"}", cases[i].method);
		get(cases[i].path, more);
		ck_assert_msg(job.out.succeeded, "%s: %s", cases[i].path, job.out.message);
		ck_assert_msg(strncmp(body(), cases[i].line, strlen(cases[i].line)) == 0, "%s: %s", cases[i].path, body());
		ck_assert_int_eq(strstr(body(), "{\"a\":1}") != NULL, cases[i].body);
		ck_assert_int_eq(strstr(body(), "Content-Type: application/json") != NULL, cases[i].body);
		ck_assert_int_eq(strstr(body(), "Content-Language") != NULL, cases[i].body);
		ck_assert_ptr_nonnull(strstr(body(), "X-Y: z"));
	}
	get("/redirect/303//bytes/5", ", \"method\": \"HEAD\"");
	ck_assert_str_eq(body(), "");
}
END_TEST

START_TEST(credentials_stay_with_their_origin)
{
	static const char headers[] = ", \"headers\": {\"Authorization\": \"Bearer x\", \"cookie\": \"a=b\", \"X-Y\": \"z\"}";

	get("/redirect/302//echo", headers);
	ck_assert_ptr_nonnull(strstr(body(), "Authorization: Bearer x"));
	ck_assert_ptr_nonnull(strstr(body(), "cookie: a=b"));
	get("/away/302/echo", headers);
	ended_at(webserver_port(other), "/echo");
	ck_assert_ptr_null(strstr(body(), "Authorization"));
	ck_assert_ptr_null(strstr(body(), "cookie"));
	ck_assert_ptr_nonnull(strstr(body(), "X-Y: z"));
}
END_TEST

START_TEST(body_of_a_redirect_does_not_count)
{
	get("/big", ", \"max_body\": 10");
	ended_at(webserver_port(server), "/");
	get("/big", ", \"max_body\": 10, \"follow_redirects\": false");
	failed_as("too_large");
}
END_TEST

static Suite *redirect_suite(void)
{
	Suite *suite = suite_create("http redirects");
	TCase *tc = tcase_create("redirects");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, redirects_are_followed_to_the_end);
	tcase_add_test(tc, ten_are_enough);
	tcase_add_test(tc, not_followed_where_not_wanted);
	tcase_add_test(tc, relative_places_are_found);
	tcase_add_test(tc, only_http_and_https_are_followed);
	tcase_add_test(tc, methods_change_as_browsers_do);
	tcase_add_test(tc, credentials_stay_with_their_origin);
	tcase_add_test(tc, body_of_a_redirect_does_not_count);
	suite_add_tcase(suite, tc);
	return suite;
}

int main(void)
{
	return unit_run(redirect_suite());
}
