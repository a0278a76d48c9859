#include "client/job_check.h"

#include <stdbool.h>

#include "base/clock.h"
#include "client/ctl.h"
#include "client/options.h"
#include "client/times.h"
#include "proto/timefmt.h"

enum { JOB_CHECK_LATE = 60000 /* ms: whoever hands on what was "now" a moment ago is not to hear of it */ };

/* A moment, which an option says by the clock and another from now on. */
struct job_check_moment {
	const char *time, *span;		/* the members */
	const char *time_option, *span_option;
};

static const struct job_check_moment job_check_start = { "run_at", "delay", "at", "delay" };
static const struct job_check_moment job_check_end = { "expires_at", "ttl", "expires-at", "ttl" };

/* Milliseconds, which a long span may put beyond any integer. False: the job says none. */
static bool job_check_read(const struct job_check_moment *m, const json_t *job, double *at)
{
	const char *time = json_string_value(json_object_get(job, m->time));
	const json_t *span = json_object_get(job, m->span);
	wall_ms ms;

	if (time != NULL && timefmt_read(time, &ms) == 0)
		*at = (double)ms;
	else if (span != NULL)
		*at = (double)clock_wall() + json_number_value(span) * 1000;
	else
		return false;
	return true;
}

static const char *job_check_option(const struct job_check_moment *m, const json_t *job)
{
	return json_object_get(job, m->span) != NULL ? m->span_option : m->time_option;
}

static int job_check_twice(const struct cmd *cmd, const struct job_check_moment *m, const json_t *job)
{
	if (json_object_get(job, m->time) == NULL || json_object_get(job, m->span) == NULL)
		return 0;
	return options_misused(cmd, "--%s and --%s say the same: one of the two", m->time_option, m->span_option);
}

static int job_check_order(const struct cmd *cmd, const json_t *job)
{
	const json_t *ttl = json_object_get(job, "ttl");
	double start, end;

	if (ttl != NULL && json_number_value(ttl) <= 0)
		return options_misused(cmd, "--ttl: it is more than 0, or the job could never start");
	if (!job_check_read(&job_check_start, job, &start) || !job_check_read(&job_check_end, job, &end) || start < end)
		return 0;
	return options_misused(cmd, "it would expire before it may start: --%s must end later than --%s",
			       job_check_option(&job_check_end, job), job_check_option(&job_check_start, job));
}

static int job_check_together(const struct cmd *cmd, const json_t *job)
{
	const json_t *unique = json_object_get(job, "unique");
	int code = job_check_twice(cmd, &job_check_start, job);

	if (code == 0)
		code = job_check_twice(cmd, &job_check_end, job);
	if (code == 0 && unique != NULL && json_object_get(unique, "key") == NULL)
		code = options_misused(cmd, "--unique-scope and --on-conflict go with --unique");
	return code != 0 ? code : job_check_order(cmd, job);
}

static void job_check_note(const struct ctl *ctl, const struct job_check_moment *m, const json_t *job, const char *then)
{
	char shown[TIMES_SIZE];
	double at;

	if (json_object_get(job, m->time) == NULL || !job_check_read(m, job, &at) || at >= (double)clock_wall() - JOB_CHECK_LATE)
		return;
	times_show(shown, (wall_ms)at);
	ctl_note(ctl, "--%s: %s has passed: %s", m->time_option, shown, then);
}

void job_check_past(const struct ctl *ctl, const json_t *job)
{
	job_check_note(ctl, &job_check_start, job, "it starts as soon as it can");
	job_check_note(ctl, &job_check_end, job, "it expires instead of starting");
}

int job_check(const struct ctl *ctl, const struct cmd *cmd, const json_t *job)
{
	int code = job_check_together(cmd, job);

	if (code == 0)
		job_check_past(ctl, job);
	return code;
}

int job_check_repeated(const struct cmd *cmd, const json_t *job)
{
	if (json_object_get(job, "run_at") != NULL || json_object_get(job, "expires_at") != NULL)
		return options_misused(cmd, "--%s is one moment, and its jobs come again and again: see --delay and --ttl",
				       json_object_get(job, "run_at") != NULL ? "at" : "expires-at");
	return job_check_together(cmd, job);
}
