/* command_job: the methods about one job that exists. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admit.h"
#include "await.h"
#include "command/command.h"
#include "parts.h"

enum { WAIT_IDS_MAX = 1000, WAIT_BYTES_MAX = 16 << 20 };

#define WAIT_MAX (100LL * 366 * 86400 * 1000)

static int job_get(struct call *call)
{
	int64_t id = params_id(&call->params, "id");

	return params_done(&call->params) != 0 ? -1 : command_put_record(call, id);
}

/* ---- wait ---- */

/* Into ids[WAIT_IDS_MAX], which takes the many as well as the one. */
static int read_ids(struct params *p, int64_t *ids, size_t *n, bool *many)
{
	bool one = params_has(p, "id");
	int count = params_ids(p, "ids", ids, WAIT_IDS_MAX);

	*many = count >= 0;
	*n = *many ? (size_t)count : 1;
	if (p->error->kind == RPC_OK && one == *many)
		return params_refuse(p, "id", "or \"ids\" must be given, and not both");
	if (one)
		ids[0] = params_id(p, "id");
	return 0;
}

/* A job of many that is not there was named by another member than the one of one. */
static int fail_among_many(struct call *call)
{
	if (call->error.kind == RPC_NOT_FOUND)
		snprintf(call->error.field, sizeof(call->error.field), "ids");
	return -1;
}

static int put_records(struct call *call, const int64_t *ids, size_t n, bool many)
{
	if (!many)
		return command_put_record(call, ids[0]);
	jw_object(&call->w);
	jw_key(&call->w, "jobs");
	jw_array(&call->w);
	for (size_t i = 0; i < n; i++) {
		if (command_put_record(call, ids[i]) != 0)
			return fail_among_many(call);
		if (buf_len(&call->result) > WAIT_BYTES_MAX)
			return rpc_error_set(&call->error, RPC_TOO_LARGE, "ids",
					     "the records together exceed %d bytes: ask for fewer at once", WAIT_BYTES_MAX);
	}
	jw_array_end(&call->w);
	jw_object_end(&call->w);
	return 0;
}

static int wait_for(struct call *call, const int64_t *ids, size_t n, bool started, wall_ms timeout)
{
	mono_us deadline = timeout < 0 ? MONO_NEVER : clock_after(timeout * 1000);
	size_t which;
	int rc = await_jobs(call->parts->store, call->parts->notify, ids, n, started, deadline, &which);

	if (rc == 0)
		return 0;
	if (rc != -ETIMEDOUT)
		return command_fail_job(call, rc, ids[which], "gone");
	rpc_error_set(&call->error, RPC_TIMEOUT, NULL, "job %lld has not %s within %g s; it goes on", (long long)ids[which],
		      started ? "started" : "ended", (double)timeout / 1000);
	call->error.id = ids[which];
	return -1;
}

/* Most name one: who waits for long keeps no room for a thousand. */
static int64_t *keep_only(int64_t *ids, size_t n)
{
	int64_t *fewer = realloc(ids, (n > 0 ? n : 1) * sizeof(*ids));

	return fewer != NULL ? fewer : ids;
}

static int job_wait(struct call *call)
{
	static const char *const goals[] = { "final", "started", NULL };
	int64_t *ids = calloc(WAIT_IDS_MAX, sizeof(*ids));
	wall_ms timeout;
	bool started, many;
	size_t n;
	int rc;

	if (ids == NULL)
		return command_fail(call, -ENOMEM);
	read_ids(&call->params, ids, &n, &many);
	timeout = params_span(&call->params, "timeout", -1, 0, WAIT_MAX);
	started = params_word(&call->params, "for", 0, goals) == 1;
	rc = params_done(&call->params);
	if (rc == 0)
		rc = command_enter_wait(call);
	if (rc == 0) {
		ids = keep_only(ids, n);
		rc = wait_for(call, ids, n, started, timeout);
		if (rc != 0 && many)
			fail_among_many(call);
		command_leave_wait(call);
	}
	if (rc == 0)
		rc = put_records(call, ids, n, many);
	free(ids);
	return rc;
}

/* ---- changes ---- */

typedef int change_verb(struct store *st, int64_t id, wall_ms now, enum job_state *state);

static int fail_change(struct call *call, int rc, int64_t id, enum job_state state)
{
	if (rc == -ENOTEMPTY) {
		rpc_error_set(&call->error, RPC_CONFLICT, NULL,
			      "job %lld cannot go: jobs that are not final name it in \"after\"", (long long)id);
		call->error.id = id;
		return -1;
	}
	if (rc == -EEXIST) {
		rpc_error_set(&call->error, RPC_CONFLICT, NULL, "another job that is not final has the unique key of job %lld",
			      (long long)id);
		call->error.id = id;
		return -1;
	}
	return command_fail_job(call, rc, id, job_state_name(state));
}

/* Keeps the job from being started until end_aside. */
static bool begin_aside(struct call *call, int64_t id)
{
	return backlog_set_aside(&call->parts->backlog, id) != NULL;
}

static void end_aside(struct call *call, bool aside, int64_t id)
{
	if (aside)
		backlog_put_back(&call->parts->backlog, id);	/* if it is there still, nothing has come of it */
}

/* Asks the store for a change of one job, which is not started meanwhile. */
static int change_job(struct call *call, change_verb *verb, int64_t *id, enum job_state *state)
{
	bool aside;
	int rc;

	*id = params_id(&call->params, "id");
	if (params_done(&call->params) != 0)
		return -1;
	aside = begin_aside(call, *id);
	rc = verb(call->parts->store, *id, clock_wall(), state);
	end_aside(call, aside, *id);
	return rc == 0 ? 0 : fail_change(call, rc, *id, *state);
}

static int change_and_tell(struct call *call, change_verb *verb)
{
	enum job_state state;
	int64_t id;

	return change_job(call, verb, &id, &state) != 0 ? -1 : command_put_record(call, id);
}

static int job_cancel(struct call *call)
{
	enum job_state state;
	int64_t id;

	if (change_job(call, store_cancel, &id, &state) != 0)
		return -1;
	if (state == JOB_RUNNING && wait_for(call, &id, 1, false, -1) != 0)
		return -1;
	return command_put_record(call, id);
}

static int job_retry(struct call *call)
{
	int rc = command_admit(call, 1);

	if (rc != 0)
		return rc;
	rc = change_and_tell(call, store_retry);
	command_admitted(call, 1);
	return rc;
}

static int job_hold(struct call *call)
{
	return change_and_tell(call, store_hold);
}

static int job_release(struct call *call)
{
	return change_and_tell(call, store_release);
}

static int job_delete(struct call *call)
{
	enum job_state state;
	int64_t id;

	if (change_job(call, store_delete, &id, &state) != 0)
		return -1;
	jw_object(&call->w);
	jw_put_int(&call->w, "id", id);
	jw_object_end(&call->w);
	return 0;
}

/* ---- update ---- */

/* A time that has come, or null: at once. */
static void read_run_at(struct params *p, struct job_update *u)
{
	if (!params_has(p, "run_at"))
		return;
	u->what |= UPDATE_RUN_AT;
	if (!json_is_null(params_any(p, "run_at")))
		u->run_at = params_time(p, "run_at");
}

static int read_update(struct params *p, struct job_update *u, struct buf *tags)
{
	memset(u, 0, sizeof(*u));
	u->id = params_id(p, "id");
	if (params_has(p, "priority"))
		u->what |= UPDATE_PRIORITY;
	u->priority = (int)params_int(p, "priority", 0, PRIORITY_MIN, PRIORITY_MAX);
	u->queue = params_string(p, "queue", NULL);
	if (u->queue != NULL && !queue_name_ok(u->queue))
		params_refuse(p, "queue", "must be " QUEUE_NAME_RULE);
	if (u->queue != NULL)
		u->what |= UPDATE_QUEUE;
	read_run_at(p, u);
	if (params_has(p, "tags"))
		u->what |= UPDATE_TAGS;
	u->tags = admit_tags(p, tags);
	return params_done(p);
}

/* Before the store is asked, so that it can be followed there: room for the job's lane in its new queue. */
static int update_room(struct call *call, struct job_update *u)
{
	const struct lane *lane;
	struct job_record record;
	int rc;

	if ((u->what & UPDATE_QUEUE) == 0)
		return 0;
	rc = store_get(call->parts->store, u->id, &record);
	if (rc != 0)
		return fail_change(call, rc, u->id, JOB_NONE);
	lane = backlog_lane(&call->parts->backlog, u->queue, record.row.spec->type);
	job_record_free(&record);
	if (lane == NULL)
		return rpc_error_set(&call->error, RPC_OVERLOADED, "queue", "there is no room for another queue");
	u->max_ready = lane->queue->limits.max_ready;
	return 0;
}

static int fail_full_queue(struct call *call, const struct job_update *u)
{
	const struct queue *q = queue_find(&call->parts->backlog.queues, u->queue);

	return rpc_error_set(&call->error, RPC_OVERLOADED, "queue",
			     "queue %s is full: %lld of its jobs wait, and its max_ready is %lld; try later", u->queue,
			     q != NULL ? (long long)queue_waiting(q) : 0LL, (long long)u->max_ready);
}

static int update(struct call *call, struct job_update *u)
{
	enum job_state state;
	bool aside;
	int rc = update_room(call, u);

	if (rc != 0)
		return rc;
	aside = begin_aside(call, u->id);
	rc = store_update(call->parts->store, u, clock_wall(), &state);
	end_aside(call, aside, u->id);
	if (rc == -EXFULL)
		return fail_full_queue(call, u);
	return rc == 0 ? 0 : fail_change(call, rc, u->id, state);
}

static int job_update(struct call *call)
{
	struct job_update u;
	struct buf tags;
	int rc;

	buf_init(&tags);
	rc = read_update(&call->params, &u, &tags);
	if (rc == 0 && buf_failed(&tags))
		rc = command_fail(call, -ENOMEM);
	if (rc == 0)
		rc = update(call, &u);
	buf_free(&tags);
	return rc != 0 ? -1 : command_put_record(call, u.id);
}

const struct command command_job_get = { "job.get", true, job_get };
const struct command command_job_wait = { "job.wait", true, job_wait };
const struct command command_job_cancel = { "job.cancel", true, job_cancel };
const struct command command_job_retry = { "job.retry", true, job_retry };
const struct command command_job_hold = { "job.hold", true, job_hold };
const struct command command_job_release = { "job.release", true, job_release };
const struct command command_job_update = { "job.update", true, job_update };
const struct command command_job_delete = { "job.delete", true, job_delete };
