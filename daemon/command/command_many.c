/*
 * command_many: job.cancel_many, job.retry_many, job.delete_many.
 *
 * First the ids of all that pass, as of one moment; then the change, batch by
 * batch, each a step of its own, so that others have their turn between them.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command/command.h"
#include "parts.h"

enum { BATCH = 256 };

#define STATES_FINAL (1u << JOB_SUCCEEDED | 1u << JOB_FAILED | 1u << JOB_CANCELLED | 1u << JOB_EXPIRED)
#define STATES_UNDER_WAY (1u << JOB_HELD | 1u << JOB_BLOCKED | 1u << JOB_SCHEDULED | 1u << JOB_READY | 1u << JOB_RUNNING)

typedef int many_verb(struct store *st, const struct job_many *many, wall_ms now, size_t *done);

/* One call under way. */
struct many_call {
	many_verb *verb;
	struct job_matches matches;
	int64_t ids[BATCH];
	bool aside[BATCH];
	struct job_many batch;
	int64_t done;
};

/* The batch's jobs are not started meanwhile. */
static void begin_batch(struct call *call, struct many_call *m)
{
	for (size_t i = 0; i < m->batch.n; i++)
		m->aside[i] = backlog_set_aside(&call->parts->backlog, m->ids[i]) != NULL;
}

static void end_batch(struct call *call, const struct many_call *m)
{
	for (size_t i = 0; i < m->batch.n; i++)
		if (m->aside[i])
			backlog_put_back(&call->parts->backlog, m->ids[i]);
}

static int run_batch(struct call *call, struct many_call *m)
{
	size_t done = 0;
	int rc;

	begin_batch(call, m);
	rc = m->verb(call->parts->store, &m->batch, clock_wall(), &done);
	end_batch(call, m);
	m->done += (int64_t)done;
	return rc == 0 ? coro_yield() : rc;
}

/* Room for those that job.retry_many brings back. */
static int run_batch_admitted(struct call *call, struct many_call *m)
{
	int rc;

	if (m->verb != store_retry_many)
		return run_batch(call, m);
	if (command_admit(call, m->batch.n) != 0)
		return -EOVERFLOW;
	rc = run_batch(call, m);
	command_admitted(call, m->batch.n);
	return rc;
}

static int fail_many(struct call *call, int rc, const struct many_call *m)
{
	if (rc == -E2BIG)
		return rpc_error_set(&call->error, RPC_OVERLOADED, NULL, "too many jobs pass: narrow the filters");
	if (call->error.kind == RPC_OK)
		command_fail(call, rc);
	if (m->done > 0) {
		size_t len = strlen(call->error.message);

		snprintf(call->error.message + len, sizeof(call->error.message) - len, " (%lld of %lld jobs were done before)",
			 (long long)m->done, (long long)m->matches.matched);
	}
	return -1;
}

static int run_many(struct call *call, struct many_call *m, const struct job_filter *filter, bool newest_first)
{
	int rc = store_match(call->parts->store, filter, m->batch.states, newest_first, &m->matches);

	m->batch.ids = m->ids;
	while (rc == 0 && (m->batch.n = idlist_take(&m->matches.ids, m->ids, BATCH)) > 0)
		rc = run_batch_admitted(call, m);
	job_matches_free(&m->matches);
	return rc == 0 ? 0 : fail_many(call, rc, m);
}

static int change_many(struct call *call, many_verb *verb, const struct job_filter *filter, unsigned states, bool newest_first,
		       int64_t *matched, int64_t *done)
{
	struct many_call *m = calloc(1, sizeof(*m));
	int rc;

	*matched = *done = 0;
	if (m == NULL)
		return command_fail(call, -ENOMEM);
	m->verb = verb;
	m->batch.states = filter->states != 0 ? states & filter->states : states;
	rc = run_many(call, m, filter, newest_first);
	*matched = m->matches.matched;
	*done = m->done;
	free(m);
	return rc;
}

int command_cancel_all(struct call *call, const struct job_filter *filter, unsigned states, int64_t *matched, int64_t *done)
{
	return change_many(call, store_cancel_many, filter, states, true, matched, done);
}

/* A filter that was forgotten must not mean all there is. */
static int need_filter(struct call *call, const struct job_filter *f)
{
	bool any = f->states != 0 || f->queues != NULL || f->types != NULL || f->tag_names != NULL ||
		   f->reasons != NULL;

	return any ? 0 : params_refuse(&call->params, "state",
				       "or another filter (\"queue\", \"type\", \"tags\", \"reason\") must be given");
}

static int many(struct call *call, many_verb *verb, unsigned states, bool newest_first)
{
	struct job_filter *filter = command_filter(call);
	int64_t matched, done;
	int rc = -1;

	if (filter == NULL)
		return -1;
	if (params_done(&call->params) == 0 && need_filter(call, filter) == 0 && command_enter_bulk(call) == 0) {
		rc = change_many(call, verb, filter, states, newest_first, &matched, &done);
		command_leave_bulk(call);
	}
	command_filter_free(&filter);
	if (rc != 0)
		return -1;
	jw_object(&call->w);
	jw_put_int(&call->w, "matched", matched);
	jw_put_int(&call->w, "done", done);
	jw_object_end(&call->w);
	return 0;
}

static int job_cancel_many(struct call *call)
{
	return many(call, store_cancel_many, STATES_UNDER_WAY, true);
}

static int job_retry_many(struct call *call)
{
	return many(call, store_retry_many, STATES_FINAL, false);
}

static int job_delete_many(struct call *call)
{
	return many(call, store_delete_many, STATES_FINAL, false);
}

const struct command command_job_cancel_many = { "job.cancel_many", true, job_cancel_many };
const struct command command_job_retry_many = { "job.retry_many", true, job_retry_many };
const struct command command_job_delete_many = { "job.delete_many", true, job_delete_many };
