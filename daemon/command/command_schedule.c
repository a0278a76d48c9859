/* command_schedule: schedule.put, schedule.list, schedule.get, schedule.delete, schedule.trigger. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admit.h"
#include "command/command.h"
#include "firing.h"
#include "parts.h"

enum {
	EVERY_MIN = 100,		/* ms */
	NEXT_SHOWN = 5,
	NAME_SIZE = 65,
	LIST_PAGE = 250,		/* read at a time */
	LIST_BYTES = 16 << 20		/* of one reply: what follows has a cursor */
};

#define DAY (INT64_C(86400) * 1000)
#define EVERY_MAX (100 * 366 * DAY)

static const char *const overlap_words[] = { "skip", "allow", "queue", NULL };
static const char *const catch_up_words[] = { "none", "one", "all", NULL };

/* ---- the record ---- */

static void put_time(struct jwriter *w, const char *key, wall_ms at)
{
	if (at != 0)
		jw_put_time(w, key, at);
}

static void put_timing(struct jwriter *w, const struct schedule_row *row)
{
	if (row->cron != NULL)
		jw_put_string(w, "cron", row->cron);
	else
		jw_put_seconds(w, "every", row->every);
	jw_put_string(w, "timezone", row->timezone);
	jw_put_raw(w, "job", row->job, strlen(row->job));
	jw_put_string(w, "overlap", overlap_words[row->overlap]);
	jw_put_string(w, "catch_up", catch_up_words[row->catch_up]);
	jw_put_bool(w, "paused", row->paused);
	if (row->jitter > 0)
		jw_put_seconds(w, "jitter", row->jitter);
}

static void put_members(struct jwriter *w, const struct schedule_row *row)
{
	jw_put_string(w, "name", row->name);
	put_timing(w, row);
	put_time(w, "last_fired_at", row->last_fired_at);
	if (row->last_job != 0)
		jw_put_int(w, "last_job", row->last_job);
	put_time(w, "waiting_for", row->waiting);
	if (row->skipped > 0)
		jw_put_int(w, "skipped", row->skipped);
	put_time(w, "last_skipped_at", row->skipped_at);
	if (row->error != NULL)
		jw_put_string(w, "error", row->error);
	if (!row->paused)
		put_time(w, "next_at", row->next);
}

static void put_next(struct call *call, const struct schedule_row *row)
{
	wall_ms at = row->paused ? 0 : row->next;
	struct timing timing;
	char why[CRON_WHY];

	jw_key(&call->w, "next");
	jw_array(&call->w);
	if (firing_timing(row, &call->parts->schedules.zones, &timing, why, sizeof(why)) != 0)
		at = 0;
	for (int i = 0; i < NEXT_SHOWN && at != 0; i++, at = timing_next(&timing, row->next, at))
		jw_time(&call->w, at);
	jw_array_end(&call->w);
}

static int fail_schedule(struct call *call, int rc, const char *name)
{
	if (rc == -ENOENT || rc == -ESTALE)
		return rpc_error_set(&call->error, RPC_NOT_FOUND, "name", "there is no schedule \"%.64s\"", name);
	return command_fail(call, rc);
}

static int put_schedule(struct call *call, const char *name)
{
	struct schedule_row *row;
	int rc;

	if (command_enter_large(call) != 0)
		return -1;
	rc = store_schedule_get(call->parts->store, name, &row);
	if (rc != 0)
		return fail_schedule(call, rc, name);
	jw_object(&call->w);
	put_members(&call->w, row);
	put_next(call, row);
	jw_object_end(&call->w);
	free(row);
	return 0;
}

/* ---- put ---- */

static const char *read_name(struct params *p)
{
	const char *name = params_need_string(p, "name");

	if (p->error->kind == RPC_OK && !queue_name_ok(name))
		params_refuse(p, "name", "must be " QUEUE_NAME_RULE);
	return name;
}

static void read_timing(struct params *p, struct schedule_row *row)
{
	row->cron = params_string(p, "cron", NULL);
	row->every = params_span(p, "every", 0, EVERY_MIN, EVERY_MAX);
	row->timezone = params_string(p, "timezone", "UTC");
	row->jitter = params_span(p, "jitter", 0, 0, DAY);
	if (p->error->kind != RPC_OK)
		return;
	if (row->cron != NULL && row->every != 0)
		params_refuse(p, "every", "cannot stand beside \"cron\"");
	else if (row->cron == NULL && row->every == 0)
		params_refuse(p, "cron", "is missing: it or \"every\" says when the schedule fires");
}

static void read_how(struct params *p, struct schedule_row *row)
{
	row->overlap = (enum schedule_overlap)params_word(p, "overlap", OVERLAP_SKIP, overlap_words);
	row->catch_up = (enum schedule_catch_up)params_word(p, "catch_up", CATCH_UP_ONE, catch_up_words);
	row->paused = params_bool(p, "paused", false);
}

/* Does the timing make sense? Then the first firing is known. */
static void check_timing(struct call *call, struct schedule_row *row, wall_ms now)
{
	struct params *p = &call->params;
	struct timing timing = { .every = row->every };
	char why[CRON_WHY];

	if (p->error->kind != RPC_OK)
		return;
	if (row->cron != NULL && cron_parse(row->cron, &timing.cron, why, sizeof(why)) != 0)
		params_refuse(p, "cron", "%s", why);
	if (zone_cache_get(&call->parts->schedules.zones, row->timezone, &timing.zone, why, sizeof(why)) != 0)
		params_refuse(p, "timezone", "%s", why);
	if (p->error->kind != RPC_OK)
		return;
	row->next = timing_next(&timing, now, now);
	if (row->next == 0)
		params_refuse(p, "cron", CRON_NO_DATE);
	else if (row->jitter > 0 && row->jitter >= timing_gap(&timing, now))
		params_refuse(p, "jitter", "must be less than the time between two firings, which is %g s",
			      (double)timing_gap(&timing, now) / 1000);
}

/* The job is one that a submit would take, now. */
static int check_job(struct call *call, json_t *job, wall_ms now)
{
	struct submission s;
	struct params p;
	int rc = 0;

	params_init(&p, job, "job.", &call->error);
	if (params_has(&p, "request_id"))
		params_refuse(&p, "request_id", "cannot be in a schedule: every firing is another job");
	if (admit_read(&p, now, &s, NULL) != 0)
		return -1;
	if (s.after_n > 0)
		rc = store_submit_dry(call->parts->store, &s, now);
	if (rc != 0 && firing_refused(rc, &s, &call->error) == 0)
		command_fail(call, rc);
	admit_free(&s);
	return rc == 0 ? 0 : -1;
}

static int keep_schedule(struct call *call, struct schedule_row *row, json_t *job, wall_ms now)
{
	struct schedules *schedules = &call->parts->schedules;
	struct buf text;
	int rc = schedules_admit(schedules, row->name);

	if (rc == -EXFULL)
		return rpc_error_set(&call->error, RPC_OVERLOADED, "name", "there are %d schedules: no more are kept", SCHEDULES_MAX);
	buf_init(&text);
	jtext_put(&text, job);
	buf_putc(&text, '\0');
	row->job = buf_data(&text);
	if (rc == 0)
		rc = buf_failed(&text) ? -ENOMEM : store_schedule_put(call->parts->store, row, now);
	buf_free(&text);
	schedules_admitted(schedules, row->name);
	return rc == 0 ? 0 : command_fail(call, rc);
}

static int schedule_put(struct call *call)
{
	struct params *p = &call->params;
	struct schedule_row row = { .name = read_name(p) };
	wall_ms now = clock_wall();
	json_t *job;

	read_timing(p, &row);
	read_how(p, &row);
	job = params_need_object(p, "job");
	check_timing(call, &row, now);
	if (params_done(p) != 0 || check_job(call, job, now) != 0 || keep_schedule(call, &row, job, now) != 0)
		return -1;
	return put_schedule(call, row.name);
}

/* ---- list, get, delete ---- */

static int schedule_get(struct call *call)
{
	const char *name = params_need_string(&call->params, "name");

	return params_done(&call->params) != 0 ? -1 : put_schedule(call, name);
}

/* Writes a page; the last name goes to last[]. 1: the reply is full; 0; or -1 with the error set. */
static int put_page(struct call *call, size_t limit, char last[NAME_SIZE], bool *more)
{
	struct schedule_page page;
	bool full = false;
	size_t i;
	int rc = store_schedule_list(call->parts->store, last, limit, &page);

	if (rc != 0)
		return command_fail(call, rc);
	for (i = 0; i < page.n && !full; i++) {
		jw_object(&call->w);
		put_members(&call->w, page.v[i]);
		jw_object_end(&call->w);
		snprintf(last, NAME_SIZE, "%s", page.v[i]->name);
		full = buf_len(&call->result) > LIST_BYTES;
	}
	*more = page.more || i < page.n;
	schedule_page_free(&page);
	return full;
}

static int put_list(struct call *call, const char *cursor, size_t limit)
{
	char last[NAME_SIZE];
	bool more = true;
	int rc = 0;

	snprintf(last, sizeof(last), "%s", cursor);
	jw_object(&call->w);
	jw_key(&call->w, "schedules");
	jw_array(&call->w);
	for (size_t left = limit; left > 0 && more && rc == 0; left -= left < LIST_PAGE ? left : LIST_PAGE)
		rc = put_page(call, left < LIST_PAGE ? left : LIST_PAGE, last, &more);
	if (rc < 0)
		return -1;
	jw_array_end(&call->w);
	if (more)
		jw_put_string(&call->w, "next_cursor", last);
	jw_object_end(&call->w);
	return 0;
}

static int schedule_list(struct call *call)
{
	size_t limit = (size_t)params_int(&call->params, "limit", SCHEDULES_MAX, 1, SCHEDULES_MAX);
	const char *cursor = params_string(&call->params, "cursor", "");

	if (cursor[0] != '\0' && !queue_name_ok(cursor))
		params_refuse(&call->params, "cursor", "must be a next_cursor of this list");
	if (params_done(&call->params) != 0 || command_enter_large(call) != 0)
		return -1;
	return put_list(call, cursor, limit);
}

static int schedule_delete(struct call *call)
{
	const char *name = params_need_string(&call->params, "name");
	int rc;

	if (params_done(&call->params) != 0)
		return -1;
	rc = store_schedule_delete(call->parts->store, name);
	if (rc != 0)
		return fail_schedule(call, rc, name);
	jw_object(&call->w);
	jw_put_string(&call->w, "name", name);
	jw_object_end(&call->w);
	return 0;
}

/* ---- trigger ---- */

static int fire_job(struct call *call, const char *name, struct submission *job, wall_ms now)
{
	struct schedules *schedules = &call->parts->schedules;
	struct schedule_fire f = { .name = name, .kind = FIRE_TRIGGER, .job = job };
	int rc;

	if (schedules_submit(schedules, job, &call->error) != 0)
		return -1;
	rc = store_schedule_fire(call->parts->store, &f, now);
	schedules_submitted(schedules);
	if (rc != 0 && firing_refused(rc, job, &call->error) == 0)
		return fail_schedule(call, rc, name);
	if (rc != 0)
		return -1;
	jw_object(&call->w);
	jw_put_int(&call->w, "id", job->id);
	jw_object_end(&call->w);
	return 0;
}

static int schedule_trigger(struct call *call)
{
	const char *name = params_need_string(&call->params, "name");
	wall_ms now = clock_wall();
	struct schedule_row *row;
	struct submission job;
	int rc;

	if (params_done(&call->params) != 0)
		return -1;
	rc = store_schedule_get(call->parts->store, name, &row);
	if (rc != 0)
		return fail_schedule(call, rc, name);
	rc = firing_job(row, 0, now, &job, &call->error);
	free(row);
	if (rc != 0)
		return -1;
	rc = fire_job(call, name, &job, now);
	admit_free(&job);
	return rc;
}

const struct command command_schedule_put = { "schedule.put", true, schedule_put };
const struct command command_schedule_list = { "schedule.list", true, schedule_list };
const struct command command_schedule_get = { "schedule.get", true, schedule_get };
const struct command command_schedule_delete = { "schedule.delete", true, schedule_delete };
const struct command command_schedule_trigger = { "schedule.trigger", true, schedule_trigger };
