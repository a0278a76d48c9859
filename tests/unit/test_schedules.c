/* Schedules that fire, on the real loop: a store in memory that fails when told to, and a wall clock that the test sets. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "backlog/backlog.h"
#include "coro/loop.h"
#include "schedules.h"
#include "store/store_backend.h"
#include "tests/lib/unit.h"

#define HOUR (INT64_C(3600) * 1000)
#define DAY (24 * HOUR)
#define JOBS_MAX 2000

static struct store *store;
static struct backlog backlog;
static struct schedules sch;
static struct coro_group group, standing;
static size_t submitting;
static void (*body)(void);

/* ---- the clocks: wall goes as mono does, until the test moves it ---- */

static wall_ms moved;
static mono_us begun;

static mono_us test_mono(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (mono_us)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

/* Half past ten when the case begins. */
static wall_ms test_wall(void)
{
	return INT64_C(1700000000000) / DAY * DAY + 10 * HOUR + HOUR / 2 + (test_mono() - begun) / 1000 + moved;
}

static const struct clock_source source = { test_wall, test_mono };

/* ---- the store: memory, which may fail ---- */

static int failing;		/* rc of the next firings, as many as `failures` */
static int failures, fires, at_once_max;

static void fake_submit(struct store *st, struct store_op *op)
{
	(void)st;
	if (op->verb == VERB_SCHEDULE_FIRE)
		fires++;
	if (op->verb == VERB_SCHEDULE_FIRE && failures > 0) {
		failures--;
		op->rc = failing;
		store_op_done(store, op);
		return;
	}
	store_memory.submit(store, op);
}

static enum store_open_result fake_open(struct store *st, const struct store_conf *conf, char *why, size_t why_size)
{
	return store_memory.open(st, conf, why, why_size);
}

static void fake_close(struct store *st)
{
	store_memory.close(st);
}

static const struct store_backend fake = { .name = "fake", .open = fake_open, .close = fake_close, .submit = fake_submit };

/* ---- what was made ---- */

static int64_t ids[JOBS_MAX];
static size_t made;

static void on_changed(void *arg, const struct job_change *change)
{
	(void)arg;
	if (change->from == JOB_NONE) {
		ck_assert_uint_lt(made, JOBS_MAX);
		ids[made++] = change->row->id;
		if ((int)sch.firings.count > at_once_max)
			at_once_max = (int)sch.firings.count;
	}
	schedules_job_changed(&sch, change);
}

static void on_queue_changed(void *arg, const struct queue_row *queue)
{
	(void)arg, (void)queue;
}

static void on_schedule_changed(void *arg, const struct schedule_change *change)
{
	(void)arg;
	schedules_changed(&sch, change);
}

static void on_wake(void *arg)
{
	(void)arg;
}

static wall_ms scheduled_for(int64_t id)
{
	struct job_record record;
	wall_ms at;

	ck_assert_int_eq(store_get(store, id, &record), 0);
	at = record.row.spec->scheduled_for;
	job_record_free(&record);
	return at;
}

/* ---- a case: the standing coroutine, and the body ---- */

static void body_main(void *arg)
{
	(void)arg;
	ck_assert_int_eq(coro_spawn(&standing, "schedules", schedules_main, &sch), 0);
	coro_yield();
	body();
	coro_group_cancel(&standing);
	coro_group_join(&standing);
	ck_assert_uint_eq(sch.firings.count, 0);
	ck_assert_uint_eq(submitting, 0);
}

static void run(void (*of)(void))
{
	struct loop_conf loop = { .coroutines_max = 1000 };
	struct store_conf conf = { .directory = "", .retain = DAY, .retain_jobs = 1000000 };
	struct store_observer observer = { .changed = on_changed, .queue_changed = on_queue_changed,
					   .schedule_changed = on_schedule_changed };
	char why[64];

	moved = 0;
	begun = test_mono();
	made = 0;
	failures = fires = at_once_max = 0;
	body = of;
	clock_set_source(&source);
	ck_assert_int_eq(loop_open(&loop), 0);
	coro_group_init(&group);
	coro_group_init(&standing);
	backlog_init(&backlog, on_wake, NULL);
	schedules_init(&sch);
	ck_assert_int_eq(store_open(&fake, &conf, &observer, &store, why, sizeof(why)), STORE_OPEN_OK);
	sch.store = store;
	sch.backlog = &backlog;
	sch.submitting = &submitting;
	ck_assert_int_eq(coro_spawn(&group, "test", body_main, NULL), 0);
	loop_run();
	store_close(&store);
	schedules_free(&sch);
	backlog_free(&backlog);
	loop_close();
	clock_set_source(NULL);
}

#define CASE(name) \
	static void name##_body(void); \
	START_TEST(name) \
	{ \
		run(name##_body); \
	} \
	END_TEST \
	static void name##_body(void)

static struct schedule_row hourly(const char *name, enum schedule_catch_up catch_up)
{
	return (struct schedule_row){ .name = name, .cron = "0 * * * *", .timezone = "UTC", .job = "{\"type\":\"io\"}",
				      .overlap = OVERLAP_ALLOW, .catch_up = catch_up, .next = clock_wall() / HOUR * HOUR + HOUR };
}

static void put(const struct schedule_row *row)
{
	ck_assert_int_eq(schedules_admit(&sch, row->name), 0);
	ck_assert_int_eq(store_schedule_put(store, row, clock_wall()), 0);
	schedules_admitted(&sch, row->name);
}

static struct schedule_row *get(const char *name)
{
	struct schedule_row *row;

	ck_assert_int_eq(store_schedule_get(store, name, &row), 0);
	return row;
}

static wall_ms next_of(const char *name)
{
	struct schedule_row *row = get(name);
	wall_ms next = row->next;

	free(row);
	return next;
}

/* Waits for a condition. */
#define AWAIT(condition) \
	for (mono_us give_up = clock_after(20 * 1000 * 1000); !(condition);) { \
		ck_assert_msg(clock_mono() < give_up, "not within 20 s: " #condition); \
		coro_sleep(clock_after(2000)); \
	}

/* As long as a step may go unnoticed, and a bit. */
static void look_twice(void)
{
	coro_sleep(clock_after(2100 * 1000));
}

/* ---- steps of the clock ---- */

CASE(a_step_forward_is_made_up_for_once)
{
	struct schedule_row one = hourly("one", CATCH_UP_ONE), none = hourly("none", CATCH_UP_NONE), all = hourly("all", CATCH_UP_ALL);
	wall_ms first = one.next;

	put(&one);
	put(&none);
	put(&all);
	moved = 5 * HOUR;
	AWAIT(next_of("one") > clock_wall() && next_of("none") > clock_wall() && next_of("all") > clock_wall());
	ck_assert_uint_eq(made, 1 + 5);
	for (size_t i = 0; i < made; i++)
		ck_assert_int_eq(scheduled_for(ids[i]) % HOUR, 0);
	ck_assert_int_eq(next_of("one"), first + 5 * HOUR);
	look_twice();
	ck_assert_uint_eq(made, 6);
}

CASE(a_step_back_fires_nothing_twice)
{
	struct schedule_row row = hourly("s", CATCH_UP_ONE);

	put(&row);
	moved = HOUR;
	AWAIT(made == 1);
	moved = 0;
	look_twice();
	ck_assert_uint_eq(made, 1);
	moved = HOUR;
	look_twice();
	ck_assert_uint_eq(made, 1);
	moved = 2 * HOUR;
	AWAIT(made == 2);
	ck_assert_int_eq(scheduled_for(ids[1]) - scheduled_for(ids[0]), HOUR);
}

CASE(a_clock_that_was_wrong_is_noticed)
{
	struct schedule_row row = hourly("s", CATCH_UP_ONE), beat = { .name = "b", .every = HOUR, .timezone = "UTC",
								       .job = "{\"type\":\"io\"}", .overlap = OVERLAP_ALLOW,
								       .catch_up = CATCH_UP_ONE, .next = clock_wall() + HOUR };

	put(&row);
	put(&beat);
	moved = 400 * DAY;
	AWAIT(made == 2);
	moved = 0;
	AWAIT(next_of("s") < clock_wall() + 2 * HOUR && next_of("b") <= clock_wall() + HOUR);
	ck_assert_uint_eq(made, 2);
	moved = HOUR;
	AWAIT(made == 4);
}

/* ---- failures ---- */

CASE(a_store_that_fails_is_asked_again)
{
	struct schedule_row row = hourly("s", CATCH_UP_ONE);

	put(&row);
	failing = -EIO;
	failures = 2;
	moved = HOUR;
	AWAIT(made == 1);
	ck_assert_int_eq(fires, 3);
	ck_assert_int_eq(scheduled_for(ids[0]), row.next);
	look_twice();
	ck_assert_int_eq(fires, 3);
}

CASE(a_full_queue_is_asked_again)
{
	struct schedule_row row = hourly("s", CATCH_UP_ONE), *got;

	put(&row);
	failing = -EXFULL;
	failures = 1;
	moved = HOUR;
	AWAIT(made == 1);
	ck_assert_int_eq(fires, 2);
	got = get("s");
	ck_assert_int_eq(got->skipped, 0);
	free(got);
}

CASE(no_room_for_a_group_is_asked_for_again)
{
	/* That is no time that nobody could see to: it fires though nothing is made up for. */
	struct schedule_row row = hourly("s", CATCH_UP_NONE), *got;

	row.next = clock_wall() + 50;
	failing = -EUSERS;
	failures = 1;
	put(&row);
	AWAIT(fires == 2);
	AWAIT(made == 1);
	got = get("s");
	ck_assert_int_eq(got->skipped, 0);
	free(got);
}

CASE(limits_jobs_holds_it_up)
{
	struct schedule_row row = hourly("s", CATCH_UP_ONE);

	put(&row);
	sch.jobs_max = 1;
	submitting = 1;		/* there is one already */
	moved = HOUR;
	look_twice();
	ck_assert_int_eq(fires, 0);
	submitting = 0;
	AWAIT(made == 1);
}

CASE(a_job_that_nobody_knows_any_more_is_passed_over)
{
	struct schedule_row row = hourly("s", CATCH_UP_ONE), *got;

	row.job = "{\"type\":\"gone\"}";
	put(&row);
	moved = HOUR;
	AWAIT(next_of("s") > row.next);
	got = get("s");
	ck_assert_int_eq(got->skipped, 1);
	ck_assert_msg(strstr(got->error, "\"job.type\" must be one that this daemon knows") != NULL, "%s", got->error);
	free(got);
	ck_assert_uint_eq(made, 0);
}

/* ---- many ---- */

CASE(a_thousand_at_one_moment)
{
	struct schedule_row row;
	char name[16];

	for (int i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "s%d", i);
		row = hourly(name, CATCH_UP_ONE);
		put(&row);
	}
	moved = HOUR;
	AWAIT(made == 1000);
	ck_assert_int_le(at_once_max, 64);
	look_twice();
	ck_assert_uint_eq(made, 1000);
	ck_assert_int_eq(fires, 1000);
}

CASE(no_more_than_there_may_be)
{
	char name[16];

	for (int i = 0; i < SCHEDULES_MAX; i++) {
		snprintf(name, sizeof(name), "s%d", i);
		ck_assert_int_eq(schedules_admit(&sch, name), 0);
	}
	ck_assert_int_eq(schedules_admit(&sch, "more"), -EXFULL);
	ck_assert_int_eq(schedules_admit(&sch, "s7"), 0);
	schedules_admitted(&sch, "s7");		/* it was not put after all */
	ck_assert_int_eq(schedules_admit(&sch, "more"), 0);
}

/* ---- waiting for a job to end ---- */

CASE(several_wait_for_one_job)
{
	struct schedule_row row = hourly("s", CATCH_UP_ONE);
	enum job_state state;
	char name[16];

	row.overlap = OVERLAP_QUEUE;
	row.job = "{\"type\":\"io\",\"unique\":{\"key\":\"k\"}}";
	for (int i = 0; i < 5; i++) {
		snprintf(name, sizeof(name), "s%d", i);
		row.name = name;
		put(&row);
	}
	moved = HOUR;
	AWAIT(fires >= 5);
	ck_assert_uint_eq(made, 1);
	moved = 2 * HOUR;
	AWAIT(fires >= 10);
	look_twice();
	ck_assert_uint_eq(made, 1);
	ck_assert_int_eq(fires, 10);
	ck_assert_int_eq(store_cancel(store, ids[0], clock_wall(), &state), 0);
	AWAIT(fires >= 15);
	AWAIT(made == 2);
	ck_assert_int_eq(scheduled_for(ids[1]) - scheduled_for(ids[0]), HOUR);
}

int main(void)
{
	Suite *suite = suite_create("schedules");
	TCase *clocks = tcase_create("clocks"), *failed = tcase_create("failures"), *many = tcase_create("many");

	tcase_set_timeout(clocks, 60);
	tcase_add_test(clocks, a_step_forward_is_made_up_for_once);
	tcase_add_test(clocks, a_step_back_fires_nothing_twice);
	tcase_add_test(clocks, a_clock_that_was_wrong_is_noticed);
	suite_add_tcase(suite, clocks);
	tcase_set_timeout(failed, 60);
	tcase_add_test(failed, a_store_that_fails_is_asked_again);
	tcase_add_test(failed, a_full_queue_is_asked_again);
	tcase_add_test(failed, no_room_for_a_group_is_asked_for_again);
	tcase_add_test(failed, limits_jobs_holds_it_up);
	tcase_add_test(failed, a_job_that_nobody_knows_any_more_is_passed_over);
	suite_add_tcase(suite, failed);
	tcase_set_timeout(many, 60);
	tcase_add_test(many, a_thousand_at_one_moment);
	tcase_add_test(many, no_more_than_there_may_be);
	tcase_add_test(many, several_wait_for_one_job);
	suite_add_tcase(suite, many);
	return unit_run(suite);
}
