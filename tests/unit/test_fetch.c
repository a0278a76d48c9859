/* Transfers: kept connections, TLS, cancels and deadlines, progress, and many at once. */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "config.h"
#include "coro/resolve.h"
#include "kinds/fetch.h"
#include "tests/lib/certs.h"
#include "tests/lib/iojob.h"
#include "tests/lib/unit.h"
#include "tests/lib/webserver.h"

#ifdef JOBD_SANITIZED
enum { MANY = 200 };
#else
enum { MANY = 1000 };
#endif

static struct webserver *server;
static struct certs certs;

/* As the paths' script; /vanish: promises to keep the connection, and closes it. */
static void script(const struct web_request *rq, struct web_answer *an, void *arg)
{
	if (strcmp(rq->target, "/vanish") == 0) {
		an->raw = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
		an->close = true;
	} else {
		webserver_paths(rq, an, arg);
	}
}

static void begin(void)
{
	struct webserver_conf conf = { .script = script };

	ck_assert_int_eq(webserver_start(&conf, &server), 0);
	loop_begin();
}

static void end(void)
{
	loop_end();
	webserver_stop(&server);
}

static void job_init(struct iojob *j, const char *path, mono_us timeout)
{
	iojob_init(j, &kind_http, "{\"url\": \"http://127.0.0.1:%u%s\", \"max_body\": 4000000}", webserver_port(server), path);
	j->timeout = timeout;
}

/* ---- one after another, and side by side ---- */

static void ten_times(void *arg)
{
	struct iojob *j = arg;

	for (int i = 0; i < 10; i++) {
		iojob_attempt(j);
		ck_assert_msg(j->out.succeeded, "%s", j->out.message);
		outcome_free(&j->out);
	}
}

START_TEST(connections_are_kept)
{
	struct fetch_stats stats;
	struct iojob j;

	job_init(&j, "/", 0);
	loop_try(ten_times, &j);
	ck_assert_uint_eq(webserver_requests(server), 10);
	ck_assert_uint_eq(webserver_connections(server), 1);
	fetch_stats(&stats);
	ck_assert_uint_eq(stats.running, 0);
	ck_assert_uint_eq(stats.idle, 1);
	iojob_free(&j);
}
END_TEST

START_TEST(kept_connection_may_have_died)
{
	struct iojob j;

	job_init(&j, "/vanish", 0);
	loop_try(ten_times, &j);
	ck_assert_uint_eq(webserver_requests(server), 10);
	ck_assert_uint_ge(webserver_connections(server), 10);
	iojob_free(&j);
	job_init(&j, "/close", 0);
	loop_try(ten_times, &j);
	ck_assert_uint_eq(webserver_requests(server), 20);
	iojob_free(&j);
}
END_TEST

static void progress_of(const char *path, unsigned at_least)
{
	struct iojob j;

	job_init(&j, path, 0);
	iojob_run(&j);
	ck_assert_msg(j.out.succeeded, "%s", j.out.message);
	ck_assert_uint_ge(j.told, at_least);
	ck_assert_uint_le(j.told, at_least * 10);
	if (j.told > 0)
		ck_assert(j.fraction > 0 && j.fraction <= 1);
	iojob_free(&j);
}

START_TEST(progress_is_told_where_the_length_is_known)
{
	progress_of("/slow/1000/60", 1);	/* ten pieces in 0.6 s */
	progress_of("/chunked/5000", 0);
}
END_TEST

/* ---- stopping ---- */

START_TEST(deadline_ends_a_transfer_at_once)
{
	struct iojob j;

	job_init(&j, "/hang", 50 * 1000);
	iojob_run(&j);
	ck_assert_int_eq(j.rc, -ETIMEDOUT);
	ck_assert_int_ge(j.took, 50 * 1000);
	ck_assert_int_lt(j.took, 2 * 1000000);
	iojob_free(&j);
	job_init(&j, "/slow/1000/1000", 50 * 1000);
	iojob_run(&j);
	ck_assert_int_eq(j.rc, -ETIMEDOUT);
	iojob_free(&j);
}
END_TEST

static void cancelled_under_way(void *arg)
{
	struct iojob *j = arg;
	struct coro_group group;
	struct coro *c;

	coro_group_init(&group);
	ck_assert_int_eq(coro_spawn_handle(&group, "transfer", iojob_attempt, j, &c), 0);
	while (webserver_requests(server) == 0)
		ck_assert_int_eq(coro_sleep(clock_after(1000)), 0);
	coro_cancel(c);
	coro_group_join(&group);
	while (webserver_open(server) > 0)	/* the server sees it go */
		ck_assert_int_eq(coro_sleep(clock_after(1000)), 0);
}

START_TEST(cancel_ends_a_transfer_at_once)
{
	struct iojob j;

	job_init(&j, "/hang", 0);
	loop_try(cancelled_under_way, &j);
	ck_assert_int_eq(j.rc, -ECANCELED);
	iojob_free(&j);
}
END_TEST

static void cancelled_before(void *arg)
{
	struct coro_group group;

	coro_group_init(&group);
	coro_group_cancel(&group);
	ck_assert_int_eq(coro_spawn(&group, "transfer", iojob_attempt, arg), 0);
	coro_group_join(&group);
}

START_TEST(cancel_before_the_start)
{
	struct iojob j;

	job_init(&j, "/", 0);
	loop_try(cancelled_before, &j);
	ck_assert_int_eq(j.rc, -ECANCELED);
	iojob_free(&j);
}
END_TEST

/* ---- names ---- */

START_TEST(second_address_is_tried)
{
	struct webserver_conf conf = { .script = webserver_paths, .address = "::1" };
	struct iojob j;

	webserver_stop(&server);
	ck_assert_int_eq(webserver_start(&conf, &server), 0);
	iojob_init(&j, &kind_http, "{\"url\": \"http://localhost:%u/echo\"}", webserver_port(server));
	iojob_run(&j);
	ck_assert_msg(j.out.succeeded, "%s", j.out.message);
	ck_assert_ptr_nonnull(strstr(j.out.result, "Host: localhost:"));
	iojob_free(&j);
	iojob_init(&j, &kind_http, "{\"url\": \"http://[::1]:%u/echo\"}", webserver_port(server));
	iojob_run(&j);
	ck_assert_msg(j.out.succeeded, "%s", j.out.message);
	iojob_free(&j);
}
END_TEST

/* ---- TLS ---- */

static void tls_begin(void)
{
	ck_assert_int_eq(certs_make(&certs), 0);
	setenv("SSL_CERT_FILE", certs.ca, 1);
	loop_begin();
}

static void tls_end(void)
{
	loop_end();
	certs_remove(&certs);
}

/* What a server with this certificate is to a job: "" is a success. */
static void tls_case(const char *certificate, const char *host, const char *more, const char *reason)
{
	struct webserver_conf conf = { .script = webserver_paths, .certificate = certificate, .key = certs.key };
	struct iojob j;

	ck_assert_int_eq(webserver_start(&conf, &server), 0);
	iojob_init(&j, &kind_http, "{\"url\": \"https://%s:%u/\"%s}", host, webserver_port(server), more);
	iojob_run(&j);
	ck_assert_msg(strcmp(j.out.reason, reason) == 0, "%s to %s: %s (%s)", host, certificate, j.out.reason, j.out.message);
	iojob_free(&j);
	webserver_stop(&server);
}

START_TEST(certificates_are_verified)
{
	tls_case(certs.good, "localhost", "", "");
	tls_case(certs.good, "127.0.0.1", "", "");
	tls_case(certs.wrong, "localhost", "", "tls");
	tls_case(certs.expired, "localhost", "", "tls");
	tls_case(certs.stranger, "localhost", "", "tls");
	tls_case(NULL, "localhost", "", "tls");			/* a plain server */
}
END_TEST

START_TEST(certificates_are_not_verified_on_request)
{
	tls_case(certs.wrong, "localhost", ", \"verify_tls\": false", "");
	tls_case(certs.stranger, "127.0.0.1", ", \"verify_tls\": false", "");
}
END_TEST

START_TEST(no_certificates_is_a_failure)
{
	ck_assert_int_eq(unlink(certs.ca), 0);
	tls_case(certs.good, "localhost", "", "tls");
	tls_case(certs.good, "localhost", ", \"verify_tls\": false", "");
}
END_TEST

static void copy(const char *from, const char *to)
{
	char bytes[10000];
	FILE *in = fopen(from, "r"), *out = fopen(to, "w");
	size_t n = fread(bytes, 1, sizeof(bytes), in);

	ck_assert(n > 0 && fwrite(bytes, 1, n, out) == n && fclose(in) == 0 && fclose(out) == 0);
}

START_TEST(changed_certificates_are_read_again)
{
	tls_case(certs.good, "localhost", "", "");
	tls_case(certs.stranger, "localhost", "", "tls");
	copy(certs.stranger, certs.ca);
	tls_case(certs.good, "localhost", "", "tls");
	tls_case(certs.stranger, "localhost", "", "");
}
END_TEST

/* ---- many ---- */

static size_t rss_bytes(void)
{
	unsigned long size = 0, resident = 0;
	FILE *file = fopen("/proc/self/statm", "r");

	if (file != NULL && fscanf(file, "%lu %lu", &size, &resident) != 2)
		resident = 0;
	if (file != NULL)
		fclose(file);
	return resident * (size_t)sysconf(_SC_PAGESIZE);
}

static void spawn_many(struct coro_group *group, struct iojob *jobs, size_t n)
{
	coro_group_init(group);
	for (size_t i = 0; i < n; i++)
		ck_assert_int_eq(coro_spawn(group, "transfer", iojob_attempt, &jobs[i]), 0);
}

/* While all are waiting, what does each hold? */
static void wait_at_once(void *arg)
{
	struct iojob *jobs = arg;
	struct coro_group group;
	unsigned asked = webserver_requests(server);
	size_t before = rss_bytes();

	spawn_many(&group, jobs, MANY);
	while (webserver_requests(server) < asked + MANY)
		ck_assert_int_eq(coro_sleep(clock_after(5000)), 0);
	fprintf(stderr, "# %d waiting transfers: %.1f KiB each, server's side included\n", MANY,
		(double)(rss_bytes() - before) / 1024 / MANY);
	coro_group_join(&group);
}

/* How long it took until all had their answer. */
static mono_us wait_round(void)
{
	struct iojob *jobs = calloc(MANY, sizeof(*jobs));
	mono_us began, took;

	for (int i = 0; i < MANY; i++)
		job_init(&jobs[i], "/delay/1000", 0);
	began = clock_mono();
	loop_try(wait_at_once, jobs);
	took = clock_mono() - began;
	fprintf(stderr, "# %d transfers answered after 1 s took %.3f s together\n", MANY, (double)took / 1e6);
	for (int i = 0; i < MANY; i++) {
		ck_assert_msg(jobs[i].out.succeeded, "%d: %s", i, jobs[i].out.message);
		iojob_free(&jobs[i]);
	}
	free(jobs);
	return took;
}

START_TEST(many_wait_together)
{
	mono_us took = wait_round();

	for (int i = 0; i < 4 && took >= 2000000; i++)	/* the machine may be busy with others */
		took = wait_round();
	ck_assert_int_ge(took, 1000000);
	ck_assert_int_lt(took, 2000000);
}
END_TEST

static void cancel_at_once(void *arg)
{
	struct coro_group group;

	spawn_many(&group, arg, MANY);
	while (webserver_requests(server) < MANY / 2)	/* some are under way, some not yet connected */
		ck_assert_int_eq(coro_sleep(clock_after(1000)), 0);
	coro_group_cancel(&group);
	coro_group_join(&group);
}

START_TEST(many_are_cancelled_together)
{
	struct iojob *jobs = calloc(MANY, sizeof(*jobs));

	for (int i = 0; i < MANY; i++)
		job_init(&jobs[i], "/hang", 0);
	loop_try(cancel_at_once, jobs);
	for (int i = 0; i < MANY; i++) {
		ck_assert_int_eq(jobs[i].rc, -ECANCELED);
		iojob_free(&jobs[i]);
	}
	free(jobs);
}
END_TEST

static Suite *fetch_suite(void)
{
	Suite *suite = suite_create("fetch");
	TCase *plain = tcase_create("plain"), *tls = tcase_create("tls"), *many = tcase_create("many");

	tcase_add_checked_fixture(plain, begin, end);
	tcase_add_test(plain, connections_are_kept);
	tcase_add_test(plain, kept_connection_may_have_died);
	tcase_add_test(plain, progress_is_told_where_the_length_is_known);
	tcase_add_test(plain, deadline_ends_a_transfer_at_once);
	tcase_add_test(plain, cancel_ends_a_transfer_at_once);
	tcase_add_test(plain, cancel_before_the_start);
	tcase_add_test(plain, second_address_is_tried);
	tcase_add_checked_fixture(tls, tls_begin, tls_end);
	tcase_add_test(tls, certificates_are_verified);
	tcase_add_test(tls, certificates_are_not_verified_on_request);
	tcase_add_test(tls, no_certificates_is_a_failure);
	tcase_add_test(tls, changed_certificates_are_read_again);
	tcase_add_checked_fixture(many, begin, end);
	tcase_add_test(many, many_wait_together);
	tcase_add_test(many, many_are_cancelled_together);
	suite_add_tcase(suite, plain);
	suite_add_tcase(suite, tls);
	suite_add_tcase(suite, many);
	return suite;
}

/* Both ends of a thousand connections are ours. */
static void raise_limit_of_files(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

int main(void)
{
	raise_limit_of_files();
	return unit_run(fetch_suite());
}
