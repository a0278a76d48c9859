/* sleep and dns jobs. */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "config.h"
#include "coro/resolve.h"
#include "tests/lib/dnsserver.h"
#include "tests/lib/iojob.h"
#include "tests/lib/unit.h"

#ifdef JOBD_SANITIZED
enum { MANY = 300 };		/* ThreadSanitizer takes a megabyte for each */
#else
enum { MANY = 10000 };
#endif

static struct iojob job;

static void end(void)
{
	iojob_free(&job);
	loop_end();
}

/* ---- sleep ---- */

START_TEST(sleeps_as_long_as_asked)
{
	iojob_init(&job, &kind_sleep, "{\"seconds\": 0.05}");
	iojob_run(&job);
	ck_assert(job.rc == 0 && job.out.succeeded);
	ck_assert_int_ge(job.took, 50 * 1000);
	ck_assert(json_real_value(json_object_get(job.result, "slept")) >= 0.05);
	ck_assert(json_real_value(json_object_get(job.result, "slept")) < 2);
	ck_assert_uint_eq(json_object_size(job.result), 1);
	iojob_free(&job);
	iojob_init(&job, &kind_sleep, "{\"seconds\": 0}");
	iojob_run(&job);
	ck_assert(job.rc == 0 && job.out.succeeded);
}
END_TEST

START_TEST(deadline_comes_first)
{
	iojob_init(&job, &kind_sleep, "{\"seconds\": 3000000000}");
	job.timeout = 20 * 1000;
	iojob_run(&job);
	ck_assert_int_eq(job.rc, -ETIMEDOUT);
	ck_assert_int_ge(job.took, 20 * 1000);
}
END_TEST

static size_t rss_bytes(void)
{
	unsigned long size = 0, resident = 0;
	FILE *file = fopen("/proc/self/statm", "r");

	ck_assert(file != NULL && fscanf(file, "%lu %lu", &size, &resident) == 2);
	fclose(file);
	return resident * (size_t)sysconf(_SC_PAGESIZE);
}

/* All asleep, then all cancelled. */
static void sleep_at_once(void *arg)
{
	struct iojob *jobs = arg;
	struct coro_group group;
	size_t before = rss_bytes(), each;

	coro_group_init(&group);
	for (int i = 0; i < MANY; i++)
		ck_assert_int_eq(coro_spawn(&group, "sleep", iojob_attempt, &jobs[i]), 0);
	ck_assert_int_eq(coro_yield(), 0);
	each = (rss_bytes() - before) / MANY;
	fprintf(stderr, "# %d sleeping coroutines: %zu bytes each\n", MANY, each);
#ifndef JOBD_SANITIZED
	ck_assert_uint_le(each, 8192);
#endif
	coro_group_cancel(&group);
	coro_group_join(&group);
}

START_TEST(many_sleep_in_little_memory)
{
	struct iojob *jobs = calloc(MANY, sizeof(*jobs));

	iojob_init(&job, &kind_sleep, "{\"seconds\": 1000}");
	for (int i = 0; i < MANY; i++) {
		memset(&jobs[i], 0x5a, sizeof(jobs[i]));	/* not counted as the coroutines' */
		jobs[i] = job;
	}
	loop_try(sleep_at_once, jobs);
	for (int i = 0; i < MANY; i++)
		ck_assert_int_eq(jobs[i].rc, -ECANCELED);
	free(jobs);
}
END_TEST

START_TEST(bad_sleeps_are_refused)
{
	ck_assert_str_eq(iojob_refused(&kind_sleep, "{}"), "args.seconds");
	ck_assert_str_eq(iojob_refused(&kind_sleep, "{\"seconds\": -1}"), "args.seconds");
	ck_assert_str_eq(iojob_refused(&kind_sleep, "{\"seconds\": \"1\"}"), "args.seconds");
	ck_assert_str_eq(iojob_refused(&kind_sleep, "{\"seconds\": 1e12}"), "args.seconds");
	ck_assert_str_eq(iojob_refused(&kind_sleep, "{\"seconds\": null}"), "args.seconds");
	ck_assert_str_eq(iojob_refused(&kind_sleep, "{\"seconds\": 1, \"minutes\": 1}"), "args.minutes");
	ck_assert_str_eq(iojob_refused(&kind_sleep, "{\"seconds\": 1.5}"), "");
}
END_TEST

/* ---- dns ---- */

static void script(const char *name, bool v6, struct dns_answer *an, void *arg)
{
	(void)arg;
	if (strcmp(name, "both.test") == 0)
		an->addresses[an->n++] = v6 ? "2001:db8::7" : "192.0.2.7";
	else
		an->rcode = 3;
}

static void dns(const char *args)
{
	iojob_free(&job);
	iojob_init(&job, &kind_dns, "%s", args);
	iojob_run(&job);
	ck_assert_int_eq(job.rc, 0);
}

static const char *address(size_t i)
{
	return json_string_value(json_array_get(json_object_get(job.result, "addresses"), i));
}

START_TEST(names_have_addresses)
{
	struct dnsserver *server;

	ck_assert_int_eq(dnsserver_start(script, NULL, &server), 0);
	resolve_use_nameserver(dnsserver_address(server), 1000000, 2);
	dns("{\"name\": \"both.test\"}");
	ck_assert(job.out.succeeded);
	ck_assert_uint_eq(json_array_size(json_object_get(job.result, "addresses")), 2);
	ck_assert_str_eq(address(0), "192.0.2.7");
	ck_assert_str_eq(address(1), "2001:db8::7");
	dns("{\"name\": \"both.test\", \"family\": \"ipv6\"}");
	ck_assert_str_eq(address(0), "2001:db8::7");
	ck_assert_ptr_null(address(1));
	dns("{\"name\": \"localhost\", \"family\": \"ipv4\"}");
	ck_assert_str_eq(address(0), "127.0.0.1");
	ck_assert_ptr_null(address(1));
	dns("{\"name\": \"none.test\", \"family\": \"any\"}");
	ck_assert(!job.out.succeeded);
	ck_assert_str_eq(job.out.reason, "resolve");
	ck_assert_str_ne(job.out.message, "");
	dnsserver_stop(&server);
}
END_TEST

START_TEST(bad_lookups_are_refused)
{
	ck_assert_str_eq(iojob_refused(&kind_dns, "{}"), "args.name");
	ck_assert_str_eq(iojob_refused(&kind_dns, "{\"name\": \"\"}"), "args.name");
	ck_assert_str_eq(iojob_refused(&kind_dns, "{\"name\": 7}"), "args.name");
	ck_assert_str_eq(iojob_refused(&kind_dns, "{\"name\": \"a\", \"family\": \"inet\"}"), "args.family");
	ck_assert_str_eq(iojob_refused(&kind_dns, "{\"name\": \"a\", \"type\": \"MX\"}"), "args.type");
	ck_assert_str_eq(iojob_refused(&kind_dns, "{\"name\": \"a\"}"), "");
}
END_TEST

static Suite *sleep_dns_suite(void)
{
	Suite *suite = suite_create("sleep and dns");
	TCase *tc = tcase_create("sleep and dns");

	tcase_add_checked_fixture(tc, loop_begin, end);
	tcase_add_test(tc, sleeps_as_long_as_asked);
	tcase_add_test(tc, deadline_comes_first);
	tcase_add_test(tc, many_sleep_in_little_memory);
	tcase_add_test(tc, bad_sleeps_are_refused);
	tcase_add_test(tc, names_have_addresses);
	tcase_add_test(tc, bad_lookups_are_refused);
	suite_add_tcase(suite, tc);
	return suite;
}

int main(void)
{
	return unit_run(sleep_dns_suite());
}
