/* Why a job does not run, as a sentence: each reason's, with its numbers. */
#include <jansson.h>
#include <string.h>

#include "base/buf.h"
#include "explain.h"
#include "parts.h"
#include "work/pool.h"
#include "tests/lib/unit.h"

static struct parts p;
static struct job_record record;
static struct job_spec spec;
static struct explained more;
static struct pool_stats pool;
static bool room;

/* ---- played here: the pool, and who knows of room ---- */

bool dispatch_room(const struct dispatch *dispatch, enum job_class class, bool brief)
{
	(void)class;
	(void)brief;
	ck_assert_ptr_eq(dispatch, &p.dispatch);
	return room;
}

void pool_stats(const struct pool *of, struct pool_stats *out)
{
	(void)of;
	*out = pool;
}

int attempts_each(const struct attempts *all, int (*each)(void *arg, const struct job *job), void *arg)
{
	(void)all, (void)each, (void)arg;
	ck_abort_msg("explain lists nothing");
}

const char *attempt_progress(const struct attempt *at)
{
	(void)at;
	ck_abort_msg("explain asks for no progress");
}

void attempt_output_bytes(const struct attempt *at, int64_t out[2])
{
	(void)at, (void)out;
	ck_abort_msg("explain asks for no output");
}

static void on_wake(void *arg)
{
	(void)arg;
}

static void begin(enum job_state state)
{
	memset(&p, 0, sizeof(p));
	backlog_init(&p.backlog, on_wake, NULL);
	room = true;
	spec = (struct job_spec){ .refs = 1, .type = "io", .queue = "q", .args = "{}", .retry = { .max_attempts = 3 } };
	record = (struct job_record){ .row = { .id = 42, .state = state, .submitted_at = 1, .spec = &spec } };
	more = (struct explained){ .ahead = state == JOB_READY ? 0 : -1 };
}

static json_t *explained(void)
{
	struct jwriter w;
	struct buf out;
	json_t *json;
	char why[200];

	buf_init(&out);
	jw_init(&w, &out);
	explain_write(&w, &p, &record, &more);
	json = jtext_parse(buf_data(&out), buf_len(&out), why, sizeof(why));
	ck_assert_msg(json != NULL, "%s: %.*s", why, (int)buf_len(&out), buf_data(&out));
	buf_free(&out);
	return json;
}

static void says(const char *reason, const char *part)
{
	json_t *json = explained();
	const char *message = json_string_value(json_object_get(json, "message"));

	ck_assert_pstr_eq(json_string_value(json_object_get(json, "reason")), reason);
	ck_assert_msg(strstr(message, part) != NULL, "%s\nlacks %s", message, part);
	json_decref(json);
}

static void end(void)
{
	backlog_free(&p.backlog);
}

START_TEST(parents)
{
	begin(JOB_BLOCKED);
	record.row.pending = 1;
	more.blockers_n = 1;
	more.blockers[0] = 7;
	says("dependency", "it waits for job 7 to end");
	record.row.pending = 300;
	more.blockers_n = 100;
	says("dependency", "it waits for 300 jobs to end, the first of them 7");
	/* They have ended, but not everybody has been told. */
	more.blockers_n = 0;
	says("dependency", "the jobs that it was to wait for have ended");
	record.row.pending = 0;
	says("dependency", "their results are being filled in");
	end();
}
END_TEST

START_TEST(another_attempt)
{
	begin(JOB_SCHEDULED);
	record.row.run_at = INT64_C(4102444800000);
	says("delay", "it is not to run before 2100-01-01T00:00:00.000Z, ");
	record.row.run_at = 1000;
	says("delay", "from now; that has come, and it goes on as soon as the daemon has been able to write so");
	record.row.run_at = INT64_C(4102444800000);
	record.row.attempt = 5;
	record.row.excused = 3;
	record.reason = (char[]){ "timeout" };
	says("retry", "attempt 5 failed (timeout), 2 of at most 3; the next is due at 2100-01-01T00:00:00.000Z, ");
	record.row.interruptions = 1;
	record.reason = (char[]){ "interrupted" };
	says("retry", "attempt 5 was interrupted, which does not count; the next is due at 2100");
	/* It was over, was retried, and put off: how it ended then is no reason. */
	record.row.interruptions = 0;
	record.reason = NULL;
	says("retry", "it is to run again, after 5 attempts; the next is due at 2100");
	record.row.attempt = 1;
	says("retry", "after 1 attempt;");
	end();
}
END_TEST

START_TEST(no_room)
{
	begin(JOB_READY);
	room = false;
	p.dispatch.io_jobs = 1;
	p.attempts.alive[CLASS_IO] = 1;
	says("io_busy", "1 job of class io runs, and limits.io_jobs is 1; no ready job of its queue comes before it");
	p.dispatch.io_jobs = p.attempts.alive[CLASS_IO] = 20;
	more.ahead = 1;
	says("io_busy", "20 jobs of class io run, and limits.io_jobs is 20; 1 ready job of its queue comes before it");
	spec.type = "cpu";
	pool = (struct pool_stats){ .processes = 2, .busy = 1, .starting = 0 };
	p.attempts.entering = 1;
	more.ahead = 1234;
	says("pool_busy", "of 2, 1 is busy and 0 are starting, and 1 job is on the way to them; "
			  "1234 ready jobs of its queue come before it");
	p.attempts.entering = 0;
	pool.busy = 2;
	says("pool_busy", "of 2, 2 are busy and 0 are starting; 1234 ready jobs");
	end();
}
END_TEST

START_TEST(a_queue_that_stands_still)
{
	struct queue_row paused = { .name = "q", .paused = true };

	begin(JOB_READY);
	more.ahead = 3;
	ck_assert(backlog_make_queue(&p.backlog, "q"));
	backlog_stop_queue(&p.backlog, queue_find(&p.backlog.queues, "q"));
	says("queue_paused", "its queue q stands still while it is being purged or paused; 3 ready jobs");
	backlog_queue_changed(&p.backlog, &paused);
	says("queue_paused", "its queue q is paused, with 0 ready jobs in it, until queue.resume");
	end();
}
END_TEST

START_TEST(nothing_keeps_it_but_the_store_may)
{
	begin(JOB_READY);
	says("next", "nothing keeps it: it is about to start");
	p.dispatch.resume_at = 1;
	says("next", "nothing starts while the disk is full or failing");
	p.dispatch.draining = true;
	p.backlog.counts[JOB_RUNNING] = 1;
	says("draining", "nothing starts until daemon.resume; 1 job is running");
	end();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("explain");
	TCase *tc = tcase_create("explain");

	tcase_add_test(tc, parents);
	tcase_add_test(tc, another_attempt);
	tcase_add_test(tc, no_room);
	tcase_add_test(tc, a_queue_that_stands_still);
	tcase_add_test(tc, nothing_keeps_it_but_the_store_may);
	suite_add_tcase(suite, tc);
	return unit_run(suite);
}
