#include <errno.h>
#include <string.h>

#include "proto/address.h"
#include "proto/jtext.h"
#include "tests/lib/unit.h"

static void expect(const char *text, enum address_kind kind, const char *host, const char *port, const char *path)
{
	struct address a;
	char why[300];

	ck_assert_msg(address_parse(text, &a, why, sizeof(why)) == 0, "%s: %s", text, why);
	ck_assert_int_eq(a.kind, kind);
	ck_assert_str_eq(a.host, host);
	ck_assert_str_eq(a.port, port);
	ck_assert_str_eq(a.path, path);
}

START_TEST(hosts_and_ports)
{
	expect("127.0.0.1:7420", ADDRESS_TCP, "127.0.0.1", "7420", "");
	expect("localhost:0", ADDRESS_TCP, "localhost", "0", "");
	expect("jobs_1.example.org:65535", ADDRESS_TCP, "jobs_1.example.org", "65535", "");
	expect("[::1]:7420", ADDRESS_TCP, "::1", "7420", "");
	expect("[fe80::1%eth0]:1", ADDRESS_TCP, "fe80::1%eth0", "1", "");
	expect("a:00080", ADDRESS_TCP, "a", "80", "");
}
END_TEST

START_TEST(tls)
{
	expect("tls://example.org:443", ADDRESS_TLS, "example.org", "443", "");
	expect("tls://[::]:443", ADDRESS_TLS, "::", "443", "");
}
END_TEST

START_TEST(unix_paths)
{
	expect("unix:/run/jobd/jobd.sock", ADDRESS_UNIX, "", "", "/run/jobd/jobd.sock");
	expect("unix:a:1", ADDRESS_UNIX, "", "", "a:1");
}
END_TEST

START_TEST(all_else_is_refused_with_what_is_allowed)
{
	static const char *const texts[] = {
		"", ":", "localhost", "localhost:", ":7420", "localhost:x", "localhost:65536", "localhost:-1", "localhost:+1",
		"localhost:1 ", "localhost:999999999999", " a:1", "a b:1", "a/b:1", "::1:7420", "::1", "[::1]", "[::1]7420", "[::1:7420",
		"[]:1", "[x]:1", "[::1%]:1", "[127.0.0.1]:1", "tls://", "tls://a", "tls:a:1", "http://a:1", "a:1:2", "*:1",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct address a;
		char why[300] = "";

		ck_assert_msg(address_parse(texts[i], &a, why, sizeof(why)) == -EINVAL, "%s", texts[i]);
		ck_assert_msg(strstr(why, "unix:PATH") != NULL, "%s: %s", texts[i], why);
	}
}
END_TEST

START_TEST(lengths_are_bounded)
{
	struct address a;
	char why[300], text[600];

	snprintf(text, sizeof(text), "unix:/%0106d", 1);
	ck_assert_int_eq(address_parse(text, &a, why, sizeof(why)), 0);
	ck_assert_uint_eq(strlen(a.path), 107);
	snprintf(text, sizeof(text), "unix:/%0107d", 1);
	ck_assert_int_eq(address_parse(text, &a, why, sizeof(why)), -EINVAL);
	ck_assert_ptr_nonnull(strstr(why, "107"));
	ck_assert_int_eq(address_parse("unix:", &a, why, sizeof(why)), -EINVAL);
	snprintf(text, sizeof(text), "%0255d:1", 1);
	ck_assert_int_eq(address_parse(text, &a, why, sizeof(why)), 0);
	snprintf(text, sizeof(text), "%0256d:1", 1);
	ck_assert_int_eq(address_parse(text, &a, why, sizeof(why)), -EINVAL);
	ck_assert_ptr_nonnull(strstr(why, "255"));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("address");
	TCase *t = tcase_create("address");

	tcase_add_test(t, hosts_and_ports);
	tcase_add_test(t, tls);
	tcase_add_test(t, unix_paths);
	tcase_add_test(t, all_else_is_refused_with_what_is_allowed);
	tcase_add_test(t, lengths_are_bounded);
	suite_add_tcase(s, t);
	return unit_run(s);
}
