/* The store's contract, over each back end: schedules, and the jobs that they make. */
#include <stdlib.h>

#include "../lib/unit.h"
#include "storetest.h"

enum { HOUR = 3600 * 1000 };

static struct schedule_change last_told;
static char last_name[16];
static int told_schedules;
static size_t changes_before;		/* of jobs, when the last schedule was told */

static void on_schedule(const struct schedule_change *change)
{
	last_told = *change;
	snprintf(last_name, sizeof(last_name), "%s", change->name);
	told_schedules++;
	changes_before = told_n;
}

static struct schedule_row hourly(void)
{
	return (struct schedule_row){ .name = "s", .cron = "0 * * * *", .timezone = "UTC", .job = "{\"type\":\"t\"}",
				      .catch_up = CATCH_UP_ONE, .next = 1 * HOUR };
}

static struct schedule_row beating(void)
{
	return (struct schedule_row){ .name = "s", .every = HOUR, .timezone = "UTC", .job = "{}", .next = 1 * HOUR };
}

static void put_at(const struct schedule_row *row, wall_ms now)
{
	told_schedules = 0;
	storetest_on_schedule = on_schedule;
	ck_assert_int_eq(store_schedule_put(st, row, now), 0);
	ck_assert_int_eq(told_schedules, 1);
}

/* Compares one member of what is kept. */
#define KEPT(member) kept(offsetof(struct schedule_row, member))

static int64_t kept(size_t offset)
{
	struct schedule_row *row;
	int64_t value;

	ck_assert_int_eq(store_schedule_get(st, "s", &row), 0);
	memcpy(&value, (const char *)row + offset, sizeof(value));
	free(row);
	return value;
}

static struct submission fired(wall_ms at)
{
	struct job_spec spec = storetest_spec();

	spec.schedule = "s";
	spec.scheduled_for = at;
	return (struct submission){ .spec = job_spec_new(&spec) };
}

static int fire(enum fire_kind kind, wall_ms expected, wall_ms at, wall_ms next, enum fire_verdict *verdict, int64_t *id)
{
	struct submission s = fired(at);
	struct schedule_fire f = { .name = "s", .kind = kind, .version = KEPT(version), .expected = expected, .at = at,
				   .next = next, .job = &s };
	int rc = store_schedule_fire(st, &f, at + 5);

	job_spec_unref(&s.spec);
	*verdict = f.verdict;
	*id = s.id;
	return rc;
}

/* The next one, at its time. */
static enum fire_verdict fire_due(wall_ms at, int64_t *id)
{
	enum fire_verdict verdict;

	ck_assert_int_eq(fire(FIRE_DUE, at, at, at + HOUR, &verdict, id), 0);
	return verdict;
}

/* ---- put, get, list, delete ---- */

STORE_TEST(what_was_put_is_there)
{
	struct schedule_row row = hourly(), *got;

	row.overlap = OVERLAP_QUEUE;
	row.jitter = 500;
	put_at(&row, 1000);
	ck_assert_int_eq(store_schedule_get(st, "s", &got), 0);
	ck_assert_str_eq(got->name, "s");
	ck_assert_str_eq(got->cron, "0 * * * *");
	ck_assert_str_eq(got->timezone, "UTC");
	ck_assert_str_eq(got->job, "{\"type\":\"t\"}");
	ck_assert_int_eq(got->every, 0);
	ck_assert_int_eq(got->overlap, OVERLAP_QUEUE);
	ck_assert_int_eq(got->catch_up, CATCH_UP_ONE);
	ck_assert_int_eq(got->jitter, 500);
	ck_assert_int_eq(got->since, 1000);
	ck_assert_int_eq(got->next, HOUR);
	ck_assert_int_eq(got->last_job, 0);
	ck_assert_ptr_null(got->error);
	ck_assert(!got->paused);
	free(got);
	ck_assert_str_eq(last_name, "s");
	ck_assert_int_eq(last_told.next, HOUR);
	ck_assert_int_eq(last_told.jitter, 500);
	ck_assert(!last_told.gone);
}

STORE_TEST(the_same_again_moves_nothing)
{
	struct schedule_row row = beating();
	int64_t id;

	put_at(&row, 1000);
	ck_assert_int_eq(fire_due(HOUR, &id), FIRE_MADE);
	row.next = 9 * HOUR;
	row.job = "{\"other\":1}";
	put_at(&row, 2000);
	ck_assert_int_eq(KEPT(next), 2 * HOUR);
	ck_assert_int_eq(KEPT(since), HOUR);
	ck_assert_int_eq(KEPT(last_job), id);
	ck_assert_int_eq(last_told.next, 2 * HOUR);
}

STORE_TEST(another_timing_begins_anew)
{
	struct schedule_row row = beating();
	int64_t id;

	put_at(&row, 1000);
	fire_due(HOUR, &id);
	row.every = 2 * HOUR;
	row.next = 5 * HOUR;
	put_at(&row, 3 * HOUR);
	ck_assert_int_eq(KEPT(next), 5 * HOUR);
	ck_assert_int_eq(KEPT(since), 3 * HOUR);
	ck_assert_int_eq(KEPT(last_job), id);
	row.timezone = "Europe/Berlin";
	row.next = 6 * HOUR;
	put_at(&row, 4 * HOUR);
	ck_assert_int_eq(KEPT(next), 6 * HOUR);
}

STORE_TEST(a_pause_is_passed_over_and_the_beat_kept)
{
	struct schedule_row row = beating();

	put_at(&row, 0);
	row.paused = true;
	put_at(&row, 100);
	ck_assert(last_told.paused);
	row.paused = false;
	row.next = 100 * HOUR;
	put_at(&row, 3 * HOUR + 1);
	ck_assert_int_eq(KEPT(next), 4 * HOUR);
	ck_assert_int_eq(KEPT(since), 3 * HOUR + 1);
}

STORE_TEST(a_clock_that_was_set_back_during_a_pause_brings_no_time_again)
{
	struct schedule_row row = hourly();
	int64_t id;

	put_at(&row, 1000);
	ck_assert_int_eq(fire_due(HOUR, &id), FIRE_MADE);
	ck_assert_int_eq(KEPT(next), 2 * HOUR);
	row.paused = true;
	put_at(&row, HOUR + 1);
	row.paused = false;
	row.next = HOUR;
	put_at(&row, HOUR - 1000);
	ck_assert_int_eq(KEPT(next), 2 * HOUR);
	ck_assert_int_eq(KEPT(since), HOUR);
}

STORE_TEST(a_list_goes_by_names_in_pages)
{
	static const char *const names[] = { "b", "d", "a", "c" };
	struct schedule_page page;

	for (int i = 0; i < 4; i++) {
		struct schedule_row row = hourly();

		row.name = names[i];
		put_at(&row, 1000);
	}
	ck_assert_int_eq(store_schedule_list(st, "", 3, &page), 0);
	ck_assert_uint_eq(page.n, 3);
	ck_assert(page.more);
	ck_assert_str_eq(page.v[0]->name, "a");
	ck_assert_str_eq(page.v[2]->name, "c");
	ck_assert_str_eq(page.v[2]->job, "{\"type\":\"t\"}");
	schedule_page_free(&page);
	ck_assert_int_eq(store_schedule_list(st, "c", 3, &page), 0);
	ck_assert_uint_eq(page.n, 1);
	ck_assert(!page.more);
	ck_assert_str_eq(page.v[0]->name, "d");
	schedule_page_free(&page);
}

STORE_TEST(deleted_is_gone)
{
	struct schedule_row row = hourly(), *got;
	struct submission s = fired(HOUR);
	struct schedule_fire f = { .name = "s", .kind = FIRE_TRIGGER, .at = HOUR, .job = &s };

	put_at(&row, 1000);
	ck_assert_int_eq(store_schedule_delete(st, "s"), 0);
	ck_assert(last_told.gone);
	ck_assert_int_eq(store_schedule_delete(st, "s"), -ENOENT);
	ck_assert_int_eq(store_schedule_get(st, "s", &got), -ENOENT);
	ck_assert_int_eq(store_schedule_fire(st, &f, HOUR), -ESTALE);
	job_spec_unref(&s.spec);
	ck_assert_uint_eq(told_n, 0);
}

/* ---- fire ---- */

STORE_TEST(a_firing_makes_the_job_and_moves_on)
{
	struct schedule_row row = hourly();
	struct job_record record;
	int64_t id;

	put_at(&row, 1000);
	ck_assert_int_eq(fire_due(HOUR, &id), FIRE_MADE);
	ck_assert_int_eq(state_of(id), JOB_READY);
	ck_assert_int_eq(KEPT(next), 2 * HOUR);
	ck_assert_int_eq(KEPT(since), HOUR);
	ck_assert_int_eq(KEPT(last_job), id);
	ck_assert_int_eq(KEPT(last_fired_at), HOUR + 5);
	ck_assert_int_eq(store_get(st, id, &record), 0);
	ck_assert_str_eq(record.row.spec->schedule, "s");
	ck_assert_int_eq(record.row.spec->scheduled_for, HOUR);
	job_record_free(&record);
	/* The job is told before its schedule. */
	ck_assert_uint_eq(changes_before, 1);
	ck_assert_int_eq(last_told.last_job, id);
}

STORE_TEST(none_fires_twice)
{
	struct schedule_row row = hourly();
	enum fire_verdict verdict;
	int64_t id, version;

	put_at(&row, 1000);
	fire_due(HOUR, &id);
	ck_assert_int_eq(fire(FIRE_DUE, HOUR, HOUR, 2 * HOUR, &verdict, &id), -ESTALE);
	ck_assert_uint_eq(told_n, 1);
	/* What was read before another put does not fire, either. */
	version = KEPT(version);
	put_at(&row, 1000);
	ck_assert_int_gt(KEPT(version), version);
}

STORE_TEST(a_paused_one_does_not_fire)
{
	struct schedule_row row = hourly();
	enum fire_verdict verdict;
	int64_t id;

	row.paused = true;
	put_at(&row, 1000);
	ck_assert_int_eq(fire(FIRE_DUE, HOUR, HOUR, 2 * HOUR, &verdict, &id), -ESTALE);
	ck_assert_int_eq(fire(FIRE_TRIGGER, 0, 0, 0, &verdict, &id), 0);
	ck_assert_int_eq(verdict, FIRE_MADE);
	ck_assert_int_eq(KEPT(next), HOUR);
	ck_assert_uint_eq(told_n, 1);
}

STORE_TEST(skip_while_the_last_job_is_not_over)
{
	struct schedule_row row = hourly();
	int64_t id, second;

	put_at(&row, 1000);
	fire_due(HOUR, &id);
	ck_assert_int_eq(fire_due(2 * HOUR, &second), FIRE_SKIPPED);
	ck_assert_uint_eq(told_n, 1);
	ck_assert_int_eq(KEPT(skipped), 1);
	ck_assert_int_eq(KEPT(skipped_at), 2 * HOUR + 5);
	ck_assert_int_eq(KEPT(next), 3 * HOUR);
	ck_assert_int_eq(KEPT(last_job), id);
	succeed(id, 2 * HOUR);
	ck_assert_int_eq(fire_due(3 * HOUR, &second), FIRE_MADE);
	ck_assert_int_eq(second, id + 1);
}

STORE_TEST(a_last_job_that_is_gone_is_over)
{
	struct schedule_row row = hourly();
	enum job_state state;
	int64_t id, second;

	put_at(&row, 1000);
	fire_due(HOUR, &id);
	succeed(id, HOUR);
	ck_assert_int_eq(store_delete(st, id, HOUR, &state), 0);
	ck_assert_int_eq(fire_due(2 * HOUR, &second), FIRE_MADE);
}

STORE_TEST(allow_does_not_ask)
{
	struct schedule_row row = hourly();
	int64_t id, second;

	row.overlap = OVERLAP_ALLOW;
	put_at(&row, 1000);
	fire_due(HOUR, &id);
	ck_assert_int_eq(fire_due(2 * HOUR, &second), FIRE_MADE);
	ck_assert_int_eq(KEPT(skipped), 0);
}

STORE_TEST(queue_keeps_one_for_later)
{
	struct schedule_row row = hourly();
	enum fire_verdict verdict;
	int64_t id, second;

	row.overlap = OVERLAP_QUEUE;
	put_at(&row, 1000);
	fire_due(HOUR, &id);
	ck_assert_int_eq(fire_due(2 * HOUR, &second), FIRE_QUEUED);
	ck_assert_int_eq(last_told.waiting, 2 * HOUR);
	ck_assert_int_eq(fire_due(3 * HOUR, &second), FIRE_SKIPPED);
	ck_assert_int_eq(KEPT(waiting), 2 * HOUR);
	ck_assert_int_eq(fire(FIRE_WAITING, 2 * HOUR, 2 * HOUR, 0, &verdict, &second), -EAGAIN);
	ck_assert_uint_eq(told_n, 1);
	succeed(id, 3 * HOUR);
	ck_assert_int_eq(fire(FIRE_WAITING, 2 * HOUR, 2 * HOUR, 0, &verdict, &second), 0);
	ck_assert_int_eq(verdict, FIRE_MADE);
	ck_assert_int_eq(KEPT(last_job), second);
	ck_assert_int_eq(KEPT(waiting), 0);
	ck_assert_int_eq(KEPT(next), 4 * HOUR);
	ck_assert_int_eq(fire(FIRE_WAITING, 2 * HOUR, 2 * HOUR, 0, &verdict, &id), -ESTALE);
	ck_assert_uint_eq(told_n, 4);
}

/* What waits is in front, even where the job before it has just ended. */
STORE_TEST(a_firing_does_not_pass_the_one_that_waits)
{
	struct schedule_row row = hourly();
	int64_t id, second;

	row.overlap = OVERLAP_QUEUE;
	put_at(&row, 1000);
	fire_due(HOUR, &id);
	fire_due(2 * HOUR, &second);
	succeed(id, 2 * HOUR);
	ck_assert_int_eq(fire_due(3 * HOUR, &second), FIRE_SKIPPED);
	ck_assert_int_eq(KEPT(waiting), 2 * HOUR);
}

STORE_TEST(a_job_that_cannot_be_made_is_passed_over_with_its_reason)
{
	struct schedule_row row = hourly(), *got;
	struct schedule_fire f = { .name = "s", .kind = FIRE_DUE, .expected = HOUR, .at = HOUR, .next = 2 * HOUR, .error = "no" };
	int64_t id;

	put_at(&row, 1000);
	f.version = KEPT(version);
	ck_assert_int_eq(store_schedule_fire(st, &f, HOUR), 0);
	ck_assert_int_eq(f.verdict, FIRE_SKIPPED);
	ck_assert_int_eq(store_schedule_get(st, "s", &got), 0);
	ck_assert_str_eq(got->error, "no");
	ck_assert_int_eq(got->skipped, 1);
	free(got);
	fire_due(2 * HOUR, &id);
	ck_assert_int_eq(store_schedule_get(st, "s", &got), 0);
	ck_assert_ptr_null(got->error);
	free(got);
}

/* Refused: nothing has moved. */
STORE_TEST(a_refused_submit_leaves_the_schedule)
{
	struct schedule_row row = hourly();
	struct job_spec spec = storetest_spec();
	struct submission s;
	struct schedule_fire f = { .name = "s", .kind = FIRE_DUE, .expected = HOUR, .at = HOUR, .next = 2 * HOUR, .job = &s };

	submit_spec(new_keyed_spec("k"), 0, 0);
	put_at(&row, 1000);
	told_schedules = 0;
	f.version = KEPT(version);
	spec.unique_key = "k";
	s = (struct submission){ .spec = job_spec_new(&spec), .unique_on_conflict = UNIQUE_REJECT };
	ck_assert_int_eq(store_schedule_fire(st, &f, HOUR), -EEXIST);
	ck_assert_int_eq(told_schedules, 0);
	ck_assert_int_eq(KEPT(next), HOUR);
	ck_assert_int_eq(KEPT(skipped), 0);
	s.unique_on_conflict = UNIQUE_EXISTING;
	ck_assert_int_eq(store_schedule_fire(st, &f, HOUR), 0);
	ck_assert_int_eq(KEPT(last_job), 1);
	ck_assert_uint_eq(told_n, 1);
	job_spec_unref(&s.spec);
}

STORE_TEST(a_move_makes_none)
{
	struct schedule_row row = hourly();
	struct schedule_fire f = { .name = "s", .kind = FIRE_MOVE, .expected = HOUR, .next = 7 * HOUR };

	put_at(&row, 1000);
	f.version = KEPT(version);
	ck_assert_int_eq(store_schedule_fire(st, &f, 3 * HOUR), 0);
	ck_assert_int_eq(f.verdict, FIRE_MOVED);
	ck_assert_int_eq(KEPT(next), 7 * HOUR);
	ck_assert_int_eq(KEPT(since), 3 * HOUR);
	ck_assert_int_eq(store_schedule_fire(st, &f, 3 * HOUR), -ESTALE);
	ck_assert_uint_eq(told_n, 0);
}

/* ---- a restart ---- */

static int at_open;

static void each(void *arg, const struct schedule_change *schedule)
{
	(void)arg;
	on_schedule(schedule);
	at_open++;
}

static void put_and_fire(void)
{
	struct schedule_row row = hourly();
	int64_t id;

	row.overlap = OVERLAP_QUEUE;
	put_at(&row, 1000);
	fire_due(HOUR, &id);
	fire_due(2 * HOUR, &id);
}

START_TEST(it_is_there_at_open)
{
	storetest_make_directory();
	storetest_open(&store_sqlite);
	storetest_go(put_and_fire);
	storetest_close();
	storetest_open(&store_sqlite);
	at_open = 0;
	store_schedules(st, each, NULL);
	ck_assert_int_eq(at_open, 1);
	ck_assert_str_eq(last_name, "s");
	ck_assert_int_eq(last_told.next, 3 * HOUR);
	ck_assert_int_eq(last_told.waiting, 2 * HOUR);
	ck_assert_int_eq(last_told.last_job, 1);
	storetest_close();
	storetest_remove_directory();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("store_schedule");
	TCase *tc = tcase_create("schedules"), *fires = tcase_create("firings");

	add_store_test(tc, what_was_put_is_there);
	add_store_test(tc, the_same_again_moves_nothing);
	add_store_test(tc, another_timing_begins_anew);
	add_store_test(tc, a_pause_is_passed_over_and_the_beat_kept);
	add_store_test(tc, a_clock_that_was_set_back_during_a_pause_brings_no_time_again);
	add_store_test(tc, a_list_goes_by_names_in_pages);
	add_store_test(tc, deleted_is_gone);
	tcase_add_test(tc, it_is_there_at_open);
	suite_add_tcase(suite, tc);
	add_store_test(fires, a_firing_makes_the_job_and_moves_on);
	add_store_test(fires, none_fires_twice);
	add_store_test(fires, a_paused_one_does_not_fire);
	add_store_test(fires, skip_while_the_last_job_is_not_over);
	add_store_test(fires, a_last_job_that_is_gone_is_over);
	add_store_test(fires, allow_does_not_ask);
	add_store_test(fires, queue_keeps_one_for_later);
	add_store_test(fires, a_firing_does_not_pass_the_one_that_waits);
	add_store_test(fires, a_job_that_cannot_be_made_is_passed_over_with_its_reason);
	add_store_test(fires, a_refused_submit_leaves_the_schedule);
	add_store_test(fires, a_move_makes_none);
	suite_add_tcase(suite, fires);
	return unit_run(suite);
}
