/* Names → addresses: without DNS, with it, and with a DNS that is late, broken, silent or gone. */
#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "config.h"
#include "coro/hosts.h"
#include "coro/resolve.h"
#include "tests/lib/dnsserver.h"
#include "tests/lib/iojob.h"
#include "tests/lib/unit.h"

static struct dnsserver *server;

static void say(struct dns_answer *an, const char *address)
{
	an->addresses[an->n++] = address;
}

static void script(const char *name, bool v6, struct dns_answer *an, void *arg)
{
	(void)arg;
	if (strcmp(name, "four.test") == 0 && !v6) {
		say(an, "192.0.2.1");
		say(an, "192.0.2.2");
	} else if (strcmp(name, "six.test") == 0 && v6) {
		say(an, "2001:db8::6");
	} else if (strcmp(name, "both.test") == 0) {
		say(an, v6 ? "2001:db8::7" : "192.0.2.7");
	} else if (strcmp(name, "late-six.test") == 0) {
		an->silent = v6;
		say(an, "192.0.2.8");
	} else if (strcmp(name, "silent.test") == 0) {
		an->silent = true;
	} else if (strcmp(name, "broken.test") == 0) {
		an->rcode = 2;
	} else if (strcmp(name, "long.test") == 0) {
		an->truncated = true;
	} else if (strncmp(name, "many", 4) == 0) {
		say(an, v6 ? "2001:db8::1" : "192.0.2.3");
	} else if (strcmp(name, "none.test") == 0) {
		an->rcode = 3;
	}
}

static void begin(void)
{
	ck_assert_int_eq(dnsserver_start(script, NULL, &server), 0);
	loop_begin();
	resolve_use_nameserver(dnsserver_address(server), 5 * 1000000, 3);
}

static void end(void)
{
	loop_end();
	dnsserver_stop(&server);
}

/* ---- one lookup, in a coroutine ---- */

struct lookup {
	const char *name, *port;
	int family;
	mono_us timeout;		/* 0: none */
	int rc;
	struct resolved out;
	char why[200];
	mono_us took;
};

static void lookup_main(void *arg)
{
	struct lookup *l = arg;
	mono_us began = clock_mono();

	l->why[0] = '\0';
	l->rc = resolve(l->name, l->port, l->family, l->timeout > 0 ? clock_after(l->timeout) : MONO_NEVER, &l->out, l->why,
			sizeof(l->why));
	l->took = clock_mono() - began;
}

static struct lookup look(const char *name, int family)
{
	struct lookup l = { .name = name, .port = "80", .family = family };

	loop_try(lookup_main, &l);
	return l;
}

/* The addresses, joined by spaces. */
static const char *found(const char *name, int family)
{
	static char all[1000];
	struct lookup l = look(name, family);
	size_t n = 0;

	ck_assert_msg(l.rc == 0, "%s: %d %s", name, l.rc, l.why);
	all[0] = '\0';
	for (size_t i = 0; i < l.out.n; i++) {
		char text[INET6_ADDRSTRLEN];

		resolved_text(&l.out, i, text, sizeof(text));
		n += (size_t)snprintf(all + n, sizeof(all) - n, "%s%s", i > 0 ? " " : "", text);
		ck_assert_int_eq(ntohs(l.out.addr[i].in.sin_port), 80);
	}
	return all;
}

static void failed(const char *name, int family, int rc)
{
	struct lookup l = look(name, family);

	ck_assert_msg(l.rc == rc, "%s: %d, not %d (%s)", name, l.rc, rc, l.why);
	ck_assert_str_ne(l.why, "");
}

/* ---- without DNS ---- */

START_TEST(numbers_are_addresses_already)
{
	ck_assert_str_eq(found("192.0.2.1", AF_UNSPEC), "192.0.2.1");
	ck_assert_str_eq(found("::1", AF_UNSPEC), "::1");
	ck_assert_str_eq(found("2001:DB8::1", AF_INET6), "2001:db8::1");
	failed("::1", AF_INET, -ENOENT);
	failed("192.0.2.1", AF_INET6, -ENOENT);
	ck_assert_uint_eq(dnsserver_questions(server), 0);
}
END_TEST

START_TEST(scopes_name_an_interface)
{
	struct lookup l = look("fe80::1%lo", AF_UNSPEC);

	ck_assert_msg(l.rc == 0, "%s", l.why);
	ck_assert_uint_gt(l.out.addr[0].in6.sin6_scope_id, 0);
	failed("fe80::1%no-such-interface", AF_UNSPEC, -ENOENT);
}
END_TEST

START_TEST(localhost_is_here)
{
	ck_assert_str_eq(found("localhost", AF_UNSPEC), "127.0.0.1 ::1");
	ck_assert_str_eq(found("LocalHost.", AF_INET), "127.0.0.1");
	ck_assert_str_eq(found("any.thing.localhost", AF_INET6), "::1");
	ck_assert_uint_eq(dnsserver_questions(server), 0);
	failed("notlocalhost", AF_UNSPEC, -ENOENT);
	ck_assert_uint_gt(dnsserver_questions(server), 0);
}
END_TEST

START_TEST(nonsense_is_not_asked_for)
{
	char label[80], name[300];

	memset(label, 'a', 64);
	strcpy(label + 64, ".test");
	memset(name, 'a', sizeof(name));
	for (size_t i = 50; i < sizeof(name); i += 50)
		name[i] = '.';
	name[260] = '\0';
	failed("", AF_UNSPEC, -ENOENT);
	failed("a..b", AF_UNSPEC, -ENOENT);
	failed(".a", AF_UNSPEC, -ENOENT);
	failed("a b", AF_UNSPEC, -ENOENT);
	failed("caf\xc3\xa9.test", AF_UNSPEC, -ENOENT);
	failed(label, AF_UNSPEC, -ENOENT);
	failed(name, AF_UNSPEC, -ENOENT);
	failed("1.2.3.4.5", AF_UNSPEC, -ENOENT);	/* is asked for, and not there */
}
END_TEST

START_TEST(hosts_file_is_a_table)
{
	static const char text[] = "# a comment\n127.0.0.1 localhost\n192.0.2.9\tNine nine.test # 192.0.2.8 eight\n"
				   "2001:db8::9 nine\nnonsense name\n192.0.2.10 nine\r\n192.0.2.11 last";
	char path[] = "/tmp/jobd-hosts-XXXXXX";
	int fd = mkstemp(path);
	struct hosts *hosts;
	struct ip ips[8];

	ck_assert_int_eq(write(fd, text, sizeof(text) - 1), sizeof(text) - 1);
	close(fd);
	hosts = hosts_load(path);
	ck_assert_uint_eq(hosts_find(hosts, "NINE", AF_UNSPEC, ips, 8), 3);
	ck_assert_int_eq(ips[0].bytes[3], 9);
	ck_assert_int_eq(ips[1].family, AF_INET6);
	ck_assert_int_eq(ips[2].bytes[3], 10);
	ck_assert_uint_eq(hosts_find(hosts, "nine", AF_INET, ips, 8), 2);
	ck_assert_uint_eq(hosts_find(hosts, "nine", AF_UNSPEC, ips, 1), 1);
	ck_assert_uint_eq(hosts_find(hosts, "last", AF_UNSPEC, ips, 8), 1);
	ck_assert_uint_eq(hosts_find(hosts, "eight", AF_UNSPEC, ips, 8), 0);
	ck_assert_uint_eq(hosts_find(hosts, "name", AF_UNSPEC, ips, 8), 0);
	hosts_free(&hosts);
	unlink(path);
	hosts = hosts_load(path);		/* gone: as if empty */
	ck_assert_uint_eq(hosts_find(hosts, "nine", AF_UNSPEC, ips, 8), 0);
	hosts_free(&hosts);
	hosts = hosts_load("/tmp");		/* not even a file */
	ck_assert_ptr_nonnull(hosts);
	hosts_free(&hosts);
}
END_TEST

/* ---- with DNS ---- */

START_TEST(both_families_are_asked)
{
	ck_assert_str_eq(found("four.test", AF_UNSPEC), "192.0.2.1 192.0.2.2");
	ck_assert_str_eq(found("six.test", AF_UNSPEC), "2001:db8::6");
	ck_assert_str_eq(found("both.test", AF_UNSPEC), "192.0.2.7 2001:db8::7");
	ck_assert_uint_eq(dnsserver_questions(server), 6);
}
END_TEST

START_TEST(one_family_on_request)
{
	ck_assert_str_eq(found("both.test", AF_INET), "192.0.2.7");
	ck_assert_str_eq(found("both.test", AF_INET6), "2001:db8::7");
	ck_assert_uint_eq(dnsserver_questions(server), 2);
	failed("four.test", AF_INET6, -ENOENT);
	failed("six.test", AF_INET, -ENOENT);
}
END_TEST

START_TEST(names_that_are_not_there)
{
	failed("none.test", AF_UNSPEC, -ENOENT);
	failed("empty.test", AF_UNSPEC, -ENOENT);
	failed("none.test", AF_INET, -ENOENT);
}
END_TEST

START_TEST(second_family_is_not_waited_for_long)
{
	struct lookup l = look("late-six.test", AF_UNSPEC);

	ck_assert_msg(l.rc == 0, "%s", l.why);
	ck_assert_uint_eq(l.out.n, 1);
	ck_assert_int_lt(l.took, 3 * 1000000);
}
END_TEST

START_TEST(broken_servers_are_a_failure)
{
	failed("broken.test", AF_UNSPEC, -EIO);
	resolve_use_nameserver(dnsserver_address(server), 100 * 1000, 2);
	failed("long.test", AF_INET, -EIO);
	failed("silent.test", AF_UNSPEC, -EIO);
	resolve_use_nameserver(dnsserver_address(server), 5 * 1000000, 3);
	ck_assert_str_eq(found("both.test", AF_UNSPEC), "192.0.2.7 2001:db8::7");	/* and it goes on */
}
END_TEST

START_TEST(nobody_there_is_a_failure)
{
	resolve_use_nameserver("127.0.0.1:1", 50 * 1000, 2);
	failed("four.test", AF_UNSPEC, -EIO);
	resolve_use_nameserver("not an address", 50 * 1000, 2);
	failed("four.test", AF_UNSPEC, -EIO);
}
END_TEST

/* ---- stopping ---- */

START_TEST(deadline_ends_a_lookup)
{
	struct lookup l = { .name = "silent.test", .timeout = 30 * 1000 };

	loop_try(lookup_main, &l);
	ck_assert_int_eq(l.rc, -ETIMEDOUT);
	ck_assert_int_lt(l.took, 2 * 1000000);
}
END_TEST

static void cancel_under_way(void *arg)
{
	struct lookup *l = arg;
	struct coro_group group;

	coro_group_init(&group);
	ck_assert_int_eq(coro_spawn(&group, "lookup", lookup_main, l), 0);
	while (dnsserver_questions(server) < 2)
		ck_assert_int_eq(coro_sleep(clock_after(1000)), 0);
	coro_group_cancel(&group);
	coro_group_join(&group);
}

START_TEST(cancel_ends_a_lookup)
{
	struct lookup l = { .name = "silent.test" };

	loop_try(cancel_under_way, &l);
	ck_assert_int_eq(l.rc, -ECANCELED);
	ck_assert_str_eq(found("both.test", AF_UNSPEC), "192.0.2.7 2001:db8::7");
}
END_TEST

/* ---- many ---- */

#ifdef JOBD_SANITIZED
enum { MANY = 300 };		/* still more than may be in flight */
#else
enum { MANY = 1000 };
#endif

static struct lookup lookups[MANY];
static char names[MANY][20];

static void look_at_once(void *arg)
{
	struct coro_group group;

	coro_group_init(&group);
	for (int i = 0; i < MANY; i++) {
		snprintf(names[i], sizeof(names[i]), "many%d.test", i);
		lookups[i].name = names[i];
		ck_assert_int_eq(coro_spawn(&group, "lookup", lookup_main, &lookups[i]), 0);
	}
	if (arg != NULL) {
		while (dnsserver_questions(server) < 10)
			ck_assert_int_eq(coro_sleep(clock_after(1000)), 0);
		coro_group_cancel(&group);
	}
	coro_group_join(&group);
}

START_TEST(many_take_their_turns)
{
	loop_try(look_at_once, NULL);
	for (int i = 0; i < MANY; i++) {
		ck_assert_msg(lookups[i].rc == 0, "%s: %s", names[i], lookups[i].why);
		ck_assert_uint_eq(lookups[i].out.n, 2);
	}
	ck_assert_uint_ge(dnsserver_questions(server), 2 * MANY);
}
END_TEST

START_TEST(many_are_cancelled)
{
	loop_try(look_at_once, &server);
	for (int i = 0; i < MANY; i++)
		ck_assert(lookups[i].rc == 0 || lookups[i].rc == -ECANCELED);
	ck_assert_int_eq(lookups[MANY - 1].rc, -ECANCELED);
}
END_TEST

static Suite *resolve_suite(void)
{
	Suite *suite = suite_create("resolve");
	TCase *tc = tcase_create("resolve");

	tcase_add_checked_fixture(tc, begin, end);
	tcase_add_test(tc, numbers_are_addresses_already);
	tcase_add_test(tc, scopes_name_an_interface);
	tcase_add_test(tc, localhost_is_here);
	tcase_add_test(tc, nonsense_is_not_asked_for);
	tcase_add_test(tc, hosts_file_is_a_table);
	tcase_add_test(tc, both_families_are_asked);
	tcase_add_test(tc, one_family_on_request);
	tcase_add_test(tc, names_that_are_not_there);
	tcase_add_test(tc, second_family_is_not_waited_for_long);
	tcase_add_test(tc, broken_servers_are_a_failure);
	tcase_add_test(tc, nobody_there_is_a_failure);
	tcase_add_test(tc, deadline_ends_a_lookup);
	tcase_add_test(tc, cancel_ends_a_lookup);
	tcase_add_test(tc, many_take_their_turns);
	tcase_add_test(tc, many_are_cancelled);
	suite_add_tcase(suite, tc);
	return suite;
}

int main(void)
{
	return unit_run(resolve_suite());
}
