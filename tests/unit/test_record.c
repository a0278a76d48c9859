/* A job's record as JSON: every member where there is something to say, and none where there is not. */
#include <jansson.h>
#include <string.h>

#include "attempt.h"
#include "base/buf.h"
#include "dispatch.h"
#include "record.h"
#include "backlog/backlog.h"
#include "tests/lib/unit.h"

static struct backlog s;
static struct dispatch d;
static struct job_record record;
static struct job_spec spec;
static bool room;
static const char *doing;		/* of the running attempt */
static int64_t produced[2];

/* ---- played here: who knows of room, and a running attempt ---- */

bool dispatch_room(const struct dispatch *dispatch, enum job_class class, bool brief)
{
	(void)class;
	(void)brief;
	ck_assert_ptr_eq(dispatch, &d);
	return room;
}

const char *attempt_progress(const struct attempt *at)
{
	ck_assert_ptr_nonnull(at);
	return doing;
}

void attempt_output_bytes(const struct attempt *at, int64_t out[2])
{
	ck_assert_ptr_nonnull(at);
	memcpy(out, produced, sizeof(produced));
}

static void on_wake(void *arg)
{
	(void)arg;
}

static void begin(enum job_state state)
{
	backlog_init(&s, on_wake, NULL);
	memset(&d, 0, sizeof(d));
	room = true;
	doing = NULL;
	spec = (struct job_spec){ .refs = 1, .type = "io", .queue = "q", .args = "{\"n\":1}", .timeout = 3600000,
				  .retry = { .max_attempts = 3 } };
	record = (struct job_record){ .row = { .id = 42, .state = state, .submitted_at = 1700000000001, .spec = &spec } };
}

static json_t *written(bool full)
{
	struct jwriter w;
	struct buf out;
	json_t *json;
	char why[200];

	buf_init(&out);
	jw_init(&w, &out);
	record_write(&w, &record, &s, &d, full);
	json = jtext_parse(buf_data(&out), buf_len(&out), why, sizeof(why));
	ck_assert_msg(json != NULL, "%s: %.*s", why, (int)buf_len(&out), buf_data(&out));
	buf_free(&out);
	return json;
}

/* Compares the whole record with JSON text, and ends. */
static void expect(bool full, const char *text)
{
	char why[200], *got;
	json_t *wanted = jtext_parse(text, strlen(text), why, sizeof(why)), *json = written(full);

	ck_assert_msg(wanted != NULL, "%s", why);
	got = json_dumps(json, JSON_COMPACT);
	ck_assert_msg(json_equal(json, wanted), "got    %s\nwanted %s", got, text);
	free(got);
	json_decref(json);
	json_decref(wanted);
}

static void end(void)
{
	backlog_free(&s);
}

#define BARE "\"id\":42,\"type\":\"io\",\"class\":\"io\",\"queue\":\"q\",\"priority\":0,\"attempt\":0,\"max_attempts\":3," \
	"\"submitted_at\":\"2023-11-14T22:13:20.001Z\",\"timeout\":3600"

START_TEST(a_new_job)
{
	begin(JOB_READY);
	expect(true, "{" BARE ",\"state\":\"ready\",\"reason\":\"next\",\"args\":{\"n\":1}}");
	expect(false, "{" BARE ",\"state\":\"ready\",\"reason\":\"next\"}");
	end();
}
END_TEST

START_TEST(everything)
{
	struct attempt_row history[] = {
		{ 1, 1700000000100, 1700000000200, OUTCOME_FAILED, (char[]){ "timeout" }, (char[]){ "too long" }, (char[]){ "io" }, { 0, 0 } },
		{ 2, 1700000000300, 1700000000400, OUTCOME_INTERRUPTED, (char[]){ "interrupted" }, NULL, NULL, { 0, 0 } },
		{ 3, 1700000000500, 1700000000600, OUTCOME_SUCCEEDED, NULL, NULL, NULL, { 0, 0 } },
	};

	begin(JOB_SUCCEEDED);
	spec.type = "cpu";
	spec.tags = "{\"a\":\"b\"}";
	spec.meta = "null";
	spec.unique_key = "key \"quoted\"";
	spec.timeout = 1500;
	record.row.priority = -7;
	record.row.attempt = 3;
	record.row.run_at = 1700000000250;
	record.row.started_at = 1700000000500;
	record.row.finished_at = 1700000000600;
	record.row.expires_at = 1700000009000;
	record.row.cancel_requested_at = 1700000000550;
	record.result = (char[]){ "[1,2]" };
	record.progress = (char[]){ "{\"fraction\":1.0}" };
	record.output_bytes[1] = 5;
	record.history = history;
	record.history_len = 3;
	expect(true, "{\"id\":42,\"type\":\"cpu\",\"class\":\"cpu\",\"queue\":\"q\",\"priority\":-7,\"state\":\"succeeded\","
		     "\"args\":{\"n\":1},\"tags\":{\"a\":\"b\"},\"meta\":null,\"attempt\":3,\"max_attempts\":3,"
		     "\"submitted_at\":\"2023-11-14T22:13:20.001Z\",\"run_at\":\"2023-11-14T22:13:20.250Z\","
		     "\"started_at\":\"2023-11-14T22:13:20.500Z\",\"finished_at\":\"2023-11-14T22:13:20.600Z\","
		     "\"expires_at\":\"2023-11-14T22:13:29.000Z\",\"cancel_requested_at\":\"2023-11-14T22:13:20.550Z\","
		     "\"timeout\":1.5,\"unique_key\":\"key \\\"quoted\\\"\",\"progress\":{\"fraction\":1.0},"
		     "\"output_bytes\":{\"stdout\":0,\"stderr\":5},\"result\":[1,2],\"history\":["
		     "{\"attempt\":1,\"started_at\":\"2023-11-14T22:13:20.100Z\",\"finished_at\":\"2023-11-14T22:13:20.200Z\","
		     "\"outcome\":\"failed\",\"error\":{\"reason\":\"timeout\",\"message\":\"too long\"},\"where\":\"io\"},"
		     "{\"attempt\":2,\"started_at\":\"2023-11-14T22:13:20.300Z\",\"finished_at\":\"2023-11-14T22:13:20.400Z\","
		     "\"outcome\":\"interrupted\",\"error\":{\"reason\":\"interrupted\",\"message\":\"\"}},"
		     "{\"attempt\":3,\"started_at\":\"2023-11-14T22:13:20.500Z\",\"finished_at\":\"2023-11-14T22:13:20.600Z\","
		     "\"outcome\":\"succeeded\"}]}");
	end();
}
END_TEST

START_TEST(a_failure_has_its_error_beside_its_result)
{
	begin(JOB_FAILED);
	record.row.attempt = 1;
	record.result = (char[]){ "{\"exit_code\":1}" };
	record.reason = (char[]){ "exit_status" };
	record.message = (char[]){ "it left with 1" };
	expect(true, "{\"id\":42,\"type\":\"io\",\"class\":\"io\",\"queue\":\"q\",\"priority\":0,\"attempt\":1,\"max_attempts\":3,"
		     "\"submitted_at\":\"2023-11-14T22:13:20.001Z\",\"timeout\":3600,\"state\":\"failed\",\"args\":{\"n\":1},"
		     "\"result\":{\"exit_code\":1},\"error\":{\"reason\":\"exit_status\",\"message\":\"it left with 1\"}}");
	end();
}
END_TEST

START_TEST(no_timeout_is_left_out)
{
	json_t *json;

	begin(JOB_HELD);
	spec.timeout = 0;
	json = written(true);
	ck_assert_ptr_null(json_object_get(json, "timeout"));
	json_decref(json);
	end();
}
END_TEST

/* ---- reasons ---- */

static const char *reason(void)
{
	const char *word = record_reason(&record.row, &s, &d);

	return word != NULL ? word : "";
}

START_TEST(reasons_by_state)
{
	static const struct {
		enum job_state state;
		int attempt;
		const char *reason;
	} table[] = {
		{ JOB_HELD, 0, "held" }, { JOB_BLOCKED, 0, "dependency" }, { JOB_SCHEDULED, 0, "delay" }, { JOB_SCHEDULED, 1, "retry" },
		{ JOB_READY, 0, "next" }, { JOB_READY, 1, "next" }, { JOB_RUNNING, 1, "" }, { JOB_SUCCEEDED, 1, "" }, { JOB_FAILED, 1, "" },
		{ JOB_CANCELLED, 0, "" }, { JOB_EXPIRED, 0, "" },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		begin(table[i].state);
		record.row.attempt = table[i].attempt;
		ck_assert_str_eq(reason(), table[i].reason);
		end();
	}
}
END_TEST

START_TEST(the_first_that_holds)
{
	struct queue_row paused = { .name = "q", .paused = true };

	begin(JOB_READY);
	room = false;
	ck_assert_str_eq(reason(), "io_busy");
	spec.type = "cpu";
	ck_assert_str_eq(reason(), "pool_busy");
	spec.type = "ghost";
	ck_assert_str_eq(reason(), "no_worker");
	ck_assert(backlog_make_queue(&s, "q"));
	backlog_stop_queue(&s, queue_find(&s.queues, "q"));
	ck_assert_str_eq(reason(), "queue_paused");
	backlog_start_queue(&s, queue_find(&s.queues, "q"));
	ck_assert_str_eq(reason(), "no_worker");
	backlog_queue_changed(&s, &paused);
	ck_assert_str_eq(reason(), "queue_paused");
	d.draining = true;
	ck_assert_str_eq(reason(), "draining");
	/* Those concern what is ready; the others have their own. */
	record.row.state = JOB_HELD;
	ck_assert_str_eq(reason(), "held");
	record.row.state = JOB_SCHEDULED;
	ck_assert_str_eq(reason(), "delay");
	end();
}
END_TEST

START_TEST(an_unknown_type_is_for_workers)
{
	json_t *json;

	begin(JOB_READY);
	spec.type = "ghost";
	json = written(false);
	ck_assert_str_eq(json_string_value(json_object_get(json, "class")), "worker");
	json_decref(json);
	end();
}
END_TEST

/* ---- while it runs ---- */

START_TEST(a_running_attempt_knows_better)
{
	struct attempt *at = (struct attempt *)&d;	/* nobody looks inside */
	struct job_change change = { .seq = 1, .to = JOB_READY, .row = &record.row, .queue = "q", .type = "io" };
	struct job *job;
	json_t *json;

	begin(JOB_READY);
	backlog_changed(&s, &change);
	job = backlog_peek(&s, CLASS_IO, 1);
	ck_assert_ptr_nonnull(job);
	backlog_take(&s, job, 1);
	job->attempt = at;
	record.row.state = JOB_RUNNING;
	record.row.attempt = 1;
	record.progress = (char[]){ "{\"fraction\":0.1}" };
	doing = "{\"fraction\":0.5}";
	produced[0] = 7;
	produced[1] = 9;
	json = written(true);
	ck_assert_double_eq(json_number_value(json_object_get(json_object_get(json, "progress"), "fraction")), 0.5);
	ck_assert_int_eq(json_integer_value(json_object_get(json_object_get(json, "output_bytes"), "stdout")), 7);
	ck_assert_int_eq(json_integer_value(json_object_get(json_object_get(json, "output_bytes"), "stderr")), 9);
	json_decref(json);
	/* Once the store says that it is over, the store is right. */
	record.row.state = JOB_SUCCEEDED;
	record.output_bytes[0] = 8;
	json = written(true);
	ck_assert_double_eq(json_number_value(json_object_get(json_object_get(json, "progress"), "fraction")), 0.1);
	ck_assert_int_eq(json_integer_value(json_object_get(json_object_get(json, "output_bytes"), "stdout")), 8);
	json_decref(json);
	job->row.state = JOB_SUCCEEDED;
	backlog_done(&s, &job);
	end();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("record");
	TCase *tc = tcase_create("record");

	tcase_add_test(tc, a_new_job);
	tcase_add_test(tc, everything);
	tcase_add_test(tc, a_failure_has_its_error_beside_its_result);
	tcase_add_test(tc, no_timeout_is_left_out);
	tcase_add_test(tc, reasons_by_state);
	tcase_add_test(tc, the_first_that_holds);
	tcase_add_test(tc, an_unknown_type_is_for_workers);
	tcase_add_test(tc, a_running_attempt_knows_better);
	suite_add_tcase(suite, tc);
	return unit_run(suite);
}
