#include "retry.h"

#include <math.h>
#include <string.h>

wall_ms retry_delay(const struct retry_policy *policy, int n, double chance)
{
	double delay = (double)policy->base;

	if (policy->backoff == BACKOFF_EXPONENTIAL)
		delay *= exp2(n - 1);
	else if (policy->backoff == BACKOFF_LINEAR)
		delay *= n;
	if (delay > (double)policy->cap)
		delay = (double)policy->cap;
	delay *= 1.0 + policy->jitter * (2.0 * chance - 1.0);
	return (wall_ms)llround(delay);
}

static void settle_error(struct settlement *s, const char *reason, const char *message)
{
	s->reason = reason;
	s->message = message;
}

static void settle_interrupted(struct settlement *s, const struct job_row *row, const struct job_spec *spec,
			       enum attempt_stop stop)
{
	s->outcome = OUTCOME_INTERRUPTED;
	s->excused = true;
	if (stop == STOP_CAME_BACK) {
		s->next = JOB_READY;
		settle_error(s, "interrupted", "the job was held and released while this attempt was being started");
	} else if (stop == STOP_UNBEGUN) {
		s->next = JOB_READY;
		settle_error(s, "interrupted", "the daemon ended before the job's work began");
	} else if (spec->interrupted_fail) {
		s->next = JOB_FAILED;
		settle_error(s, "interrupted", "the daemon ended while the job ran, and it must not run twice");
	} else if (row->interruptions + 1 >= JOB_INTERRUPTIONS_MAX) {
		s->next = JOB_FAILED;
		settle_error(s, "interrupted", "the daemon ended under this job ten times in a row");
	} else {
		s->next = JOB_READY;
		settle_error(s, "interrupted", "the daemon ended while the job ran");
	}
}

/* May the job never be begun a second time, and may this attempt have left something half done? */
static bool settle_once_only(const struct job_spec *spec, const struct outcome *out)
{
	return spec->interrupted_fail && strcmp(out->reason, "worker_lost") == 0;
}

static void settle_failed(struct settlement *s, const struct job_row *row, const struct job_spec *spec,
			  const struct outcome *out, wall_ms now, double chance)
{
	int used = s->attempt - row->excused;
	wall_ms delay;

	s->outcome = OUTCOME_FAILED;
	settle_error(s, out->reason, out->message);
	if (out->final || used >= spec->retry.max_attempts || settle_once_only(spec, out)) {
		s->next = JOB_FAILED;
		return;
	}
	delay = retry_delay(&spec->retry, used, chance);
	if (delay < out->retry_after)
		delay = out->retry_after;
	s->next = delay > 0 ? JOB_SCHEDULED : JOB_READY;
	s->run_at = delay > 0 ? now + delay : 0;
}

void retry_decide(struct settlement *s, const struct job_row *row, const struct job_spec *spec, enum attempt_stop stop,
		  const struct outcome *out, wall_ms now, double chance)
{
	s->run_at = 0;
	s->excused = false;
	s->result = out->result;
	settle_error(s, NULL, NULL);
	if (stop == STOP_CANCEL) {
		s->outcome = OUTCOME_CANCELLED;
		s->next = JOB_CANCELLED;
		settle_error(s, "cancelled", "the job was cancelled while it ran");
	} else if (stop == STOP_SHUTDOWN || stop == STOP_UNBEGUN || stop == STOP_CAME_BACK) {
		settle_interrupted(s, row, spec, stop);
	} else if (out->succeeded) {
		s->outcome = OUTCOME_SUCCEEDED;
		s->next = JOB_SUCCEEDED;
	} else {
		settle_failed(s, row, spec, out, now, chance);
	}
}
