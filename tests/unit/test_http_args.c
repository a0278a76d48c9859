/* http jobs' args: what is refused at submit, and by which field. */
#include <check.h>
#include <string.h>

#include "tests/lib/iojob.h"
#include "tests/lib/unit.h"

START_TEST(bad_args_are_refused_by_field)
{
	static const struct {
		const char *args, *field;
	} cases[] = {
		{ "{}", "args.url" },
		{ "{\"url\": 1}", "args.url" },
		{ "{\"url\": \"\"}", "args.url" },
		{ "{\"url\": \"example.org\"}", "args.url" },
		{ "{\"url\": \"ftp://example.org/\"}", "args.url" },
		{ "{\"url\": \"file:///etc/passwd\"}", "args.url" },
		{ "{\"url\": \"http://\"}", "args.url" },
		{ "{\"url\": \"http://a:99999/\"}", "args.url" },
		{ "{\"url\": \"http://a:0/\"}", "args.url" },
		{ "{\"url\": \"http://a/\\r\\nHost: b\"}", "args.url" },
		{ "{\"url\": \"http://a b/\"}", "args.url" },
		{ "{\"url\": \"http://a/\", \"method\": \"GET X\"}", "args.method" },
		{ "{\"url\": \"http://a/\", \"method\": \"\"}", "args.method" },
		{ "{\"url\": \"http://a/\", \"method\": \"connect\"}", "args.method" },
		{ "{\"url\": \"http://a/\", \"headers\": []}", "args.headers" },
		{ "{\"url\": \"http://a/\", \"headers\": {\"X-Y\": 1}}", "args.headers.X-Y" },
		{ "{\"url\": \"http://a/\", \"headers\": {\"X-Y\": \"a\\r\\nb\"}}", "args.headers.X-Y" },
		{ "{\"url\": \"http://a/\", \"headers\": {\"X-Y\": [\"a\", \"b\\nc\"]}}", "args.headers.X-Y" },
		{ "{\"url\": \"http://a/\", \"headers\": {\"X Y\": \"a\"}}", "args.headers.X Y" },
		{ "{\"url\": \"http://a/\", \"headers\": {\"content-length\": \"3\"}}", "args.headers.content-length" },
		{ "{\"url\": \"http://a/\", \"headers\": {\"Transfer-Encoding\": \"x\"}}", "args.headers.Transfer-Encoding" },
		{ "{\"url\": \"http://a/\", \"body\": 1}", "args.body" },
		{ "{\"url\": \"http://a/\", \"body\": \"a\", \"json\": 1}", "args.json" },
		{ "{\"url\": \"http://a/\", \"json\": 1, \"body_base64\": \"AA==\"}", "args.body_base64" },
		{ "{\"url\": \"http://a/\", \"body_base64\": \"A\"}", "args.body_base64" },
		{ "{\"url\": \"http://a/\", \"follow_redirects\": 1}", "args.follow_redirects" },
		{ "{\"url\": \"http://a/\", \"max_body\": -1}", "args.max_body" },
		{ "{\"url\": \"http://a/\", \"max_body\": \"1\"}", "args.max_body" },
		{ "{\"url\": \"http://a/\", \"ok_status\": 200}", "args.ok_status" },
		{ "{\"url\": \"http://a/\", \"ok_status\": []}", "args.ok_status" },
		{ "{\"url\": \"http://a/\", \"ok_status\": [[299, 200]]}", "args.ok_status" },
		{ "{\"url\": \"http://a/\", \"ok_status\": [[200]]}", "args.ok_status" },
		{ "{\"url\": \"http://a/\", \"ok_status\": [[200, 299, 300]]}", "args.ok_status" },
		{ "{\"url\": \"http://a/\", \"ok_status\": [99]}", "args.ok_status" },
		{ "{\"url\": \"http://a/\", \"verify_tls\": null}", "args.verify_tls" },
		{ "{\"url\": \"http://a/\", \"verify\": false}", "args.verify" },
		{ "{\"url\": \"http://a/\"}", "" },
		{ "{\"url\": \"HTTPS://user:pw@[::1]:8443/x?y#z\", \"ok_status\": [[100, 999], 404], \"max_body\": 0}", "" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		ck_assert_msg(strcmp(iojob_refused(&kind_http, cases[i].args), cases[i].field) == 0, "%s: %s", cases[i].args,
			      iojob_refused(&kind_http, cases[i].args));
}
END_TEST

static Suite *args_suite(void)
{
	Suite *suite = suite_create("http args");
	TCase *tc = tcase_create("args");

	tcase_add_test(tc, bad_args_are_refused_by_field);
	suite_add_tcase(suite, tc);
	return suite;
}

int main(void)
{
	return unit_run(args_suite());
}
