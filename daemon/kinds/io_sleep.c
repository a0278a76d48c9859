/*
 * sleep: the cheapest job there is. Ten thousand of them may lie parked in
 * sleep_run, so it holds next to nothing on its stack while it waits; what
 * needs room comes before or after, in calls of their own.
 */
#include <errno.h>

#include "kinds/io.h"
#include "proto/jtext.h"

#define SLEEP_MAX (100.0 * 366 * 24 * 3600)	/* a hundred years; no deadline overflows */

static void sleep_check(struct params *args)
{
	if (!params_has(args, "seconds"))
		params_refuse(args, "seconds", "is missing: it must be a number of seconds");
	params_real(args, "seconds", 0, 0, SLEEP_MAX);
	params_done(args);
}

static mono_us sleep_span(const struct io_job *job)
{
	return (mono_us)(json_number_value(json_object_get(job->args, "seconds")) * 1e6);
}

static void sleep_conclude(struct io_job *job, struct outcome *out, mono_us slept)
{
	struct buf result;
	struct jwriter w;

	buf_init(&result);
	jw_init(&w, &result);
	jw_object(&w);
	jw_put_real(&w, "slept", (double)slept / 1e6);
	jw_object_end(&w);
	io_succeed(job, out, &result);
}

static int sleep_run(struct io_job *job, struct outcome *out)
{
	mono_us began = clock_mono(), until = clock_after(sleep_span(job));
	int rc = coro_sleep(until < job->deadline ? until : job->deadline);	/* parks */

	if (rc == 0 && job->deadline < until)
		rc = -ETIMEDOUT;
	if (rc == 0)
		sleep_conclude(job, out, clock_mono() - began);
	return rc;
}

const struct kind kind_sleep = { .name = "sleep", .class = CLASS_IO, .check = sleep_check, .run_io = sleep_run };
