#include <string.h>

#include "admit.h"
#include "refs.h"
#include "proto/jtext.h"
#include "tests/lib/failmem.h"
#include "tests/lib/unit.h"

static const wall_ms now = 1700000000000;
static const wall_ms century = 100LL * 366 * 86400 * 1000;

static json_t *object;
static struct rpc_error error;
static struct submission s;
static struct admit_extras extras;

static json_t *read_json(const char *text)
{
	char why[200];
	json_t *value = jtext_parse(text, strlen(text), why, sizeof(why));

	ck_assert_msg(value != NULL, "%s: %s", text, why);
	return value;
}

static struct refs refs;		/* of nobody, unless a test reads some */

static int admit(const char *text, const char *path, bool alone)
{
	struct params p;

	object = read_json(text);
	memset(&error, 0, sizeof(error));
	memset(&extras, 0xee, sizeof(extras));
	params_init(&p, object, path, &error);
	return alone ? admit_read(&p, now, &s, &extras) : admit_read_of_many(&p, now, &refs, &s);
}

static void begin_good(const char *text)
{
	ck_assert_msg(admit(text, "", true) == 0, "%s: %s", text, error.message);
	ck_assert_int_eq(error.kind, RPC_OK);
	/* The spec must stand on its own feet. */
	json_decref(object);
}

static void end_good(void)
{
	ck_assert_int_eq(s.spec->refs, 1);
	admit_free(&s);
}

/* ---- what is right ---- */

START_TEST(defaults)
{
	begin_good("{\"type\":\"io\"}");
	ck_assert_str_eq(s.spec->type, "io");
	ck_assert_str_eq(s.spec->queue, "default");
	ck_assert_str_eq(s.spec->args, "{}");
	ck_assert_uint_eq(s.spec->args_len, 2);
	ck_assert_ptr_null(s.spec->tags);
	ck_assert_ptr_null(s.spec->meta);
	ck_assert_ptr_null(s.spec->unique_key);
	ck_assert_int_eq(s.spec->timeout, 3600 * 1000);
	ck_assert_int_eq(s.spec->retain, -1);
	ck_assert_int_eq(s.spec->retry.max_attempts, 3);
	ck_assert_int_eq(s.spec->retry.backoff, BACKOFF_EXPONENTIAL);
	ck_assert_int_eq(s.spec->retry.base, 1000);
	ck_assert_int_eq(s.spec->retry.cap, 3600 * 1000);
	ck_assert_double_eq(s.spec->retry.jitter, 0.1);
	ck_assert(!s.spec->interrupted_fail);
	ck_assert_int_eq(s.priority, 0);
	ck_assert_int_eq(s.run_at, 0);
	ck_assert_int_eq(s.expires_at, 0);
	ck_assert(!s.hold);
	ck_assert_ptr_null(s.request_id);
	ck_assert(!s.known_only);
	ck_assert_int_eq(s.unique_scope, UNIQUE_ACTIVE);
	ck_assert_int_eq(s.unique_on_conflict, UNIQUE_EXISTING);
	ck_assert(!extras.dry_run);
	ck_assert_int_eq(extras.wait, -1);
	end_good();
}
END_TEST

START_TEST(every_member)
{
	begin_good("{\"type\":\"cpu\",\"args\":{\"n\":7},\"queue\":\"a.b-C_9\",\"priority\":-1000,\"delay\":2.5,\"ttl\":60,"
		   "\"timeout\":0,\"retry\":{\"max_attempts\":100,\"backoff\":\"linear\",\"base\":0.25,\"cap\":10,\"jitter\":1},"
		   "\"interrupted\":\"fail\",\"unique\":{\"key\":\"k\",\"scope\":\"all\",\"on_conflict\":\"replace\"},"
		   "\"tags\":{\"a\":\"b\",\"\\u00fc\":\"\"},\"retain\":0,\"meta\":[1,{\"x\":null}],\"hold\":true,\"wait\":1.5,"
		   "\"dry_run\":true}");
	ck_assert_str_eq(s.spec->type, "cpu");
	ck_assert_str_eq(s.spec->args, "{\"n\":7}");
	ck_assert_uint_eq(s.spec->args_len, 7);
	ck_assert_str_eq(s.spec->queue, "a.b-C_9");
	ck_assert_int_eq(s.priority, -1000);
	ck_assert_int_eq(s.run_at, now + 2500);
	ck_assert_int_eq(s.expires_at, now + 60000);
	ck_assert_int_eq(s.spec->timeout, 0);
	ck_assert_int_eq(s.spec->retry.max_attempts, 100);
	ck_assert_int_eq(s.spec->retry.backoff, BACKOFF_LINEAR);
	ck_assert_int_eq(s.spec->retry.base, 250);
	ck_assert_int_eq(s.spec->retry.cap, 10000);
	ck_assert_double_eq(s.spec->retry.jitter, 1);
	ck_assert(s.spec->interrupted_fail);
	ck_assert_str_eq(s.spec->unique_key, "k");
	ck_assert_int_eq(s.unique_scope, UNIQUE_ALL);
	ck_assert_int_eq(s.unique_on_conflict, UNIQUE_REPLACE);
	ck_assert_str_eq(s.spec->tags, "{\"a\":\"b\",\"\xc3\xbc\":\"\"}");
	ck_assert_int_eq(s.spec->retain, 0);
	ck_assert_str_eq(s.spec->meta, "[1,{\"x\":null}]");
	ck_assert(s.hold);
	ck_assert_int_eq(extras.wait, 1500);
	ck_assert(extras.dry_run);
	end_good();
}
END_TEST

/* Not of the spec: it is needed until the submit is answered, and borrowed for so long. */
START_TEST(a_request_id_is_borrowed)
{
	ck_assert_int_eq(admit("{\"type\":\"io\",\"request_id\":\"r 1\"}", "", true), 0);
	ck_assert_str_eq(s.request_id, "r 1");
	admit_free(&s);
	json_decref(object);
}
END_TEST

START_TEST(times)
{
	begin_good("{\"type\":\"io\",\"run_at\":\"2026-11-20T19:00:00.123+01:00\",\"expires_at\":1800000000.5}");
	ck_assert_int_eq(s.run_at, 1795197600123);
	ck_assert_int_eq(s.expires_at, 1800000000500);
	end_good();
	/* What is not in the future is now. */
	begin_good("{\"type\":\"io\",\"run_at\":\"1999-01-01T00:00:00Z\"}");
	ck_assert_int_eq(s.run_at, 0);
	end_good();
	begin_good("{\"type\":\"io\",\"delay\":0,\"ttl\":0}");
	ck_assert_int_eq(s.run_at, 0);
	ck_assert_int_eq(s.expires_at, now);
	end_good();
	begin_good("{\"type\":\"io\",\"delay\":3162240000,\"timeout\":0.0001}");
	ck_assert_int_eq(s.run_at, now + century);
	ck_assert_int_eq(s.spec->timeout, 1);
	end_good();
}
END_TEST

START_TEST(null_is_a_meta)
{
	begin_good("{\"type\":\"io\",\"meta\":null}");
	ck_assert_str_eq(s.spec->meta, "null");
	end_good();
	begin_good("{\"type\":\"io\",\"meta\":false}");
	ck_assert_str_eq(s.spec->meta, "false");
	end_good();
}
END_TEST

START_TEST(no_tags_are_none)
{
	begin_good("{\"type\":\"io\",\"tags\":{}}");
	ck_assert_ptr_null(s.spec->tags);
	end_good();
}
END_TEST

/* ---- what is at its limit ---- */

/* {"type":"io", HEAD, n times FILL, TAIL} */
static const char *filled(const char *head, const char *fill, size_t n, const char *tail)
{
	static char text[16384];
	size_t len = (size_t)snprintf(text, sizeof(text), "{\"type\":\"io\",%s", head);

	while (n-- > 0)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s", fill);
	snprintf(text + len, sizeof(text) - len, "%s}", tail);
	return text;
}

static void expect_bad(const char *text, const char *field)
{
	ck_assert_msg(admit(text, "", true) == -1, "%s was admitted", text);
	ck_assert_int_eq(error.kind, RPC_INVALID_PARAMS);
	ck_assert_msg(strcmp(error.field, field) == 0, "%s blames %s (%s)", text, error.field, error.message);
	ck_assert_msg(strstr(error.message, field) != NULL, "%s: %s", text, error.message);
	ck_assert_ptr_null(s.spec);
	json_decref(object);
}

static void expect_limit(const char *head, const char *fill, size_t most, const char *tail, const char *field)
{
	begin_good(filled(head, fill, most, tail));
	end_good();
	expect_bad(filled(head, fill, most + 1, tail), field);
}

START_TEST(lengths)
{
	expect_limit("\"queue\":\"", "q", 64, "\"", "queue");
	expect_limit("\"unique\":{\"key\":\"", "k", 255, "\"}", "unique.key");
	expect_limit("\"request_id\":\"", "r", 255, "\"", "request_id");
	expect_limit("\"tags\":{\"", "n", 64, "\":\"v\"}", "tags");
	expect_limit("\"tags\":{\"n\":\"", "v", 256, "\"}", "tags");
	expect_limit("\"meta\":\"", "m", 4094, "\"", "meta");
	/* Bytes, not characters. */
	expect_limit("\"unique\":{\"key\":\"x", "\xc3\xa4", 127, "\"}", "unique.key");
}
END_TEST

START_TEST(as_many_tags)
{
	char text[2048] = "\"tags\":{\"first\":\"\"";

	for (int i = 1; i < 32; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), ",\"t%d\":\"\"", i);
	begin_good(filled(text, "", 0, "}"));
	end_good();
	expect_bad(filled(text, "", 0, ",\"one\":\"more\"}"), "tags");
}
END_TEST

/* ---- what is wrong ---- */

static const struct {
	const char *members, *field;
} wrong[] = {
	{ "\"args\":[]", "args" },
	{ "\"args\":null", "args" },
	{ "\"args\":{\"n\":101}", "args.n" },
	{ "\"args\":{\"m\":1}", "args.m" },
	{ "\"queue\":\"\"", "queue" },
	{ "\"queue\":\"a b\"", "queue" },
	{ "\"queue\":\"\\u00fc\"", "queue" },
	{ "\"queue\":\"a\\u0000b\"", "queue" },
	{ "\"queue\":7", "queue" },
	{ "\"priority\":1001", "priority" },
	{ "\"priority\":-1001", "priority" },
	{ "\"priority\":0.5", "priority" },
	{ "\"priority\":\"0\"", "priority" },
	{ "\"delay\":-1", "delay" },
	{ "\"delay\":\"1\"", "delay" },
	{ "\"delay\":1e300", "delay" },
	{ "\"delay\":1,\"run_at\":1", "run_at" },
	{ "\"run_at\":\"tomorrow\"", "run_at" },
	{ "\"run_at\":\"2026-13-01T00:00:00Z\"", "run_at" },
	{ "\"run_at\":-1", "run_at" },
	{ "\"run_at\":{}", "run_at" },
	{ "\"ttl\":-0.1", "ttl" },
	{ "\"ttl\":1,\"expires_at\":1", "expires_at" },
	{ "\"expires_at\":true", "expires_at" },
	{ "\"timeout\":-1", "timeout" },
	{ "\"timeout\":null", "timeout" },
	{ "\"retain\":-1", "retain" },
	{ "\"retain\":\"7d\"", "retain" },
	{ "\"retry\":3", "retry" },
	{ "\"retry\":{\"max_attempts\":0}", "retry.max_attempts" },
	{ "\"retry\":{\"max_attempts\":101}", "retry.max_attempts" },
	{ "\"retry\":{\"max_attempts\":1.5}", "retry.max_attempts" },
	{ "\"retry\":{\"backoff\":\"cubic\"}", "retry.backoff" },
	{ "\"retry\":{\"base\":-1}", "retry.base" },
	{ "\"retry\":{\"cap\":[]}", "retry.cap" },
	{ "\"retry\":{\"jitter\":1.01}", "retry.jitter" },
	{ "\"retry\":{\"jitter\":-0.01}", "retry.jitter" },
	{ "\"retry\":{\"attempts\":3}", "retry.attempts" },
	{ "\"interrupted\":\"Retry\"", "interrupted" },
	{ "\"interrupted\":false", "interrupted" },
	{ "\"unique\":\"key\"", "unique" },
	{ "\"unique\":{}", "unique.key" },
	{ "\"unique\":{\"key\":\"\"}", "unique.key" },
	{ "\"unique\":{\"key\":1}", "unique.key" },
	{ "\"unique\":{\"key\":\"k\",\"scope\":\"some\"}", "unique.scope" },
	{ "\"unique\":{\"key\":\"k\",\"on_conflict\":\"ignore\"}", "unique.on_conflict" },
	{ "\"unique\":{\"key\":\"k\",\"mode\":\"x\"}", "unique.mode" },
	{ "\"request_id\":1", "request_id" },
	{ "\"request_id\":\"\"", "request_id" },
	{ "\"request_id\":\"a\\u0000b\"", "request_id" },
	{ "\"tags\":[]", "tags" },
	{ "\"tags\":{\"a\":1}", "tags" },
	{ "\"tags\":{\"a\":\"x\\u0000y\"}", "tags" },
	{ "\"tags\":{\"\":\"x\"}", "tags" },
	{ "\"hold\":1", "hold" },
	{ "\"wait\":-1", "wait" },
	{ "\"wait\":true", "wait" },
	{ "\"dry_run\":\"yes\"", "dry_run" },
	{ "\"concurrency\":{}", "concurrency.key" },
	{ "\"concurrency\":{\"key\":\"k\"}", "concurrency.limit" },
	{ "\"concurrency\":{\"key\":\"k\",\"limit\":0}", "concurrency.limit" },
	{ "\"concurrency\":{\"key\":\"\",\"limit\":1}", "concurrency.key" },
	{ "\"group\":\"\"", "group" },
	{ "\"group\":1", "group" },
	/* Not of this version. */
	{ "\"after\":[0]", "after" },
	{ "\"after_failure\":\"retry\"", "after_failure" },
	{ "\"ref\":\"r\"", "ref" },
	{ "\"Priority\":1", "Priority" },
};

START_TEST(wrong_members_are_named)
{
	expect_bad(filled(wrong[_i].members, "", 0, ""), wrong[_i].field);
}
END_TEST

START_TEST(a_type_is_needed_and_known)
{
	expect_bad("{}", "type");
	expect_bad("{\"type\":null}", "type");
	expect_bad("{\"type\":\"nosuch\"}", "type");
	ck_assert_ptr_nonnull(strstr(error.message, "io, io2, cpu, brief"));
	expect_bad("{\"type\":\"io\\u0000\"}", "type");
	expect_bad("{\"type\":\"IO\"}", "type");
}
END_TEST

START_TEST(the_first_fault_is_told)
{
	expect_bad("{\"type\":\"nosuch\",\"args\":{\"m\":1},\"priority\":9999}", "type");
}
END_TEST

/* In job.submit_many. */
START_TEST(one_of_many)
{
	ck_assert_int_eq(admit("{\"type\":\"io\",\"wait\":1}", "jobs[3].", false), -1);
	ck_assert_str_eq(error.field, "jobs[3].wait");
	json_decref(object);
	ck_assert_int_eq(admit("{\"type\":\"io\",\"dry_run\":true}", "jobs[3].", false), -1);
	ck_assert_str_eq(error.field, "jobs[3].dry_run");
	json_decref(object);
	ck_assert_int_eq(admit("{\"type\":\"io\",\"priority\":\"x\"}", "jobs[3].", false), -1);
	ck_assert_str_eq(error.field, "jobs[3].priority");
	json_decref(object);
	ck_assert_int_eq(admit("{\"type\":\"io\",\"args\":{\"n\":-1}}", "jobs[3].", false), -1);
	ck_assert_str_eq(error.field, "jobs[3].args.n");
	json_decref(object);
	ck_assert_int_eq(admit("{\"type\":\"io\",\"retry\":{\"cap\":-1}}", "jobs[3].", false), -1);
	ck_assert_str_eq(error.field, "jobs[3].retry.cap");
	json_decref(object);
	ck_assert_int_eq(admit("{\"type\":\"io\",\"unique\":{\"key\":0}}", "jobs[3].", false), -1);
	ck_assert_str_eq(error.field, "jobs[3].unique.key");
	json_decref(object);
	ck_assert_int_eq(admit("{\"type\":\"io\"}", "jobs[3].", false), 0);
	json_decref(object);
	admit_free(&s);
}
END_TEST

/* Whichever allocation fails: a sentence, nothing half made, nothing leaked. */
START_TEST(without_memory)
{
	static const char text[] = "{\"type\":\"io\",\"args\":{\"n\":1},\"tags\":{\"a\":\"b\"},\"meta\":{\"x\":[1,2,3]},\"after\":[1]}";
	long at = 1;
	int rc;

	object = read_json(text);
	for (rc = -1; rc != 0; at++) {
		struct params p;

		memset(&error, 0, sizeof(error));
		params_init(&p, object, "", &error);
		failmem_from(at);
		rc = admit_read(&p, now, &s, &extras);
		failmem_off();
		if (rc != 0) {
			ck_assert_int_eq(error.kind, RPC_OVERLOADED);
			ck_assert_ptr_null(s.spec);
		}
	}
	ck_assert_int_ge(at, 4);
	admit_free(&s);
	json_decref(object);
}
END_TEST

/* ---- what names others ---- */

START_TEST(after_takes_ids)
{
	begin_good("{\"type\":\"io\",\"after\":[7,3,7],\"after_failure\":\"run\"}");
	ck_assert_uint_eq(s.after_n, 3);
	ck_assert_int_eq(s.after[0], 7);
	ck_assert_int_eq(s.after[1], 3);
	ck_assert(s.after_run);
	admit_free(&s);
	begin_good("{\"type\":\"io\",\"after\":[],\"after_failure\":\"cancel\"}");
	ck_assert_uint_eq(s.after_n, 0);
	ck_assert(!s.after_run);
	admit_free(&s);
}
END_TEST

START_TEST(after_takes_refs_where_there_are_some)
{
	json_t *jobs = read_json("[{\"ref\":\"a\"},{},{\"ref\":\"b\"}]");

	ck_assert_int_eq(refs_read(&refs, jobs, &error), 0);
	ck_assert_int_eq(admit("{\"type\":\"io\",\"ref\":\"a\",\"after\":[5,\"b\"]}", "jobs[0].", false), 0);
	ck_assert_int_eq(s.after[0], 5);
	ck_assert_int_eq(s.after[1], -3);
	admit_free(&s);
	json_decref(object);
	ck_assert_int_eq(admit("{\"type\":\"io\",\"after\":[\"c\"]}", "jobs[0].", false), -1);
	ck_assert_str_eq(error.field, "jobs[0].after");
	ck_assert_ptr_null(s.after);
	json_decref(object);
	refs_free(&refs);
	json_decref(jobs);
}
END_TEST

START_TEST(refs_are_refused_where_there_are_none)
{
	static const char *const bad[] = { "[\"a\"]", "[0]", "[-1]", "[1.5]", "[null]", "[[1]]", "1", "\"1\"", "null" };
	char text[80];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(text, sizeof(text), "{\"type\":\"io\",\"after\":%s}", bad[i]);
		ck_assert_msg(admit(text, "", true) == -1, "%s", bad[i]);
		ck_assert_str_eq(error.field, "after");
		json_decref(object);
	}
	ck_assert_int_eq(admit("{\"type\":\"io\",\"ref\":\"a\"}", "", true), -1);
	ck_assert_str_eq(error.field, "ref");
	json_decref(object);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("admit");
	TCase *tc = tcase_create("admit");

	tcase_add_test(tc, defaults);
	tcase_add_test(tc, after_takes_ids);
	tcase_add_test(tc, after_takes_refs_where_there_are_some);
	tcase_add_test(tc, refs_are_refused_where_there_are_none);
	tcase_add_test(tc, every_member);
	tcase_add_test(tc, a_request_id_is_borrowed);
	tcase_add_test(tc, times);
	tcase_add_test(tc, null_is_a_meta);
	tcase_add_test(tc, no_tags_are_none);
	tcase_add_test(tc, lengths);
	tcase_add_test(tc, as_many_tags);
	tcase_add_loop_test(tc, wrong_members_are_named, 0, sizeof(wrong) / sizeof(wrong[0]));
	tcase_add_test(tc, a_type_is_needed_and_known);
	tcase_add_test(tc, the_first_fault_is_told);
	tcase_add_test(tc, one_of_many);
	tcase_add_test(tc, without_memory);
	suite_add_tcase(suite, tc);
	return unit_run(suite);
}
