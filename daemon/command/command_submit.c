/* command_submit: job.submit and job.submit_many. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admit.h"
#include "await.h"
#include "command/command.h"
#include "mailbox.h"
#include "parts.h"
#include "refs.h"

/* No other limit than the message's length is needed; this one keeps a transaction short. */
enum { SUBMIT_MANY_MAX = 100000 };

/* "unique", or "jobs[3].unique" where the job is one of many. */
static const char *field_of(char *out, size_t size, bool many, size_t at, const char *member)
{
	if (many)
		snprintf(out, size, "jobs[%zu].%s", at, member);
	else
		snprintf(out, size, "%s", member);
	return out;
}

/* Before the store is asked, so that what is accepted can be finished: room for the jobs' queues, and for the jobs. */
static int admit_room(struct call *call, struct submission *v, size_t n, bool many)
{
	char field[48];

	for (size_t i = 0; i < n; i++) {
		const struct lane *lane = backlog_lane(&call->parts->backlog, v[i].spec->queue, v[i].spec->type);

		if (lane == NULL)
			return rpc_error_set(&call->error, RPC_OVERLOADED, field_of(field, sizeof(field), many, i, "queue"),
					     "there is no room for another queue: at most %d pairs of queue and type are kept",
					     BACKLOG_LANES_MAX);
		v[i].max_ready = lane->queue->limits.max_ready;
	}
	return command_admit(call, n);
}

static int fail_full_queue(struct call *call, const struct submission *s, const char *field)
{
	return rpc_error_set(&call->error, RPC_OVERLOADED, field,
			     "queue %s is full: %lld of its jobs wait, and its max_ready is %lld; try later", s->spec->queue,
			     (long long)s->waiting, (long long)s->max_ready);
}

static int fail_missing(struct call *call, const struct submission *s, const char *field)
{
	rpc_error_set(&call->error, RPC_NOT_FOUND, field, "there is no job %lld to wait for", (long long)s->missing);
	call->error.id = s->missing;
	return -1;
}

static int fail_submit(struct call *call, int rc, const struct submission *v, size_t at, bool many)
{
	const struct submission *s = &v[at];
	char field[48], holder[48] = "an earlier job of this call";

	if (rc == -EXFULL)
		return fail_full_queue(call, s, field_of(field, sizeof(field), many, at, "queue"));
	if (rc == -ENOENT)
		return fail_missing(call, s, field_of(field, sizeof(field), many, at, "after"));
	if (rc != -EEXIST && rc != -EBUSY)
		return command_fail(call, rc);
	if (s->id != 0)
		snprintf(holder, sizeof(holder), "job %lld", (long long)s->id);
	rpc_error_set(&call->error, RPC_CONFLICT, field_of(field, sizeof(field), many, at, "unique"),
		      "%s has the unique key \"%.100s\"%s", holder, s->spec->unique_key,
		      rc == -EBUSY ? " and runs: it cannot be replaced" : "");
	call->error.id = s->id;
	return -1;
}

/* Where there is no room, the answer to what was asked before is still owed. */
static bool may_be_known(struct submission *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (v[i].request_id == NULL)
			return false;
		v[i].known_only = true;
	}
	return true;
}

/* Hands the jobs to the store, all or none. */
static int submit_all(struct call *call, struct submission *v, size_t n, bool many, wall_ms now)
{
	size_t at = 0;
	bool room = admit_room(call, v, n, many) == 0;
	int rc;

	if (!room && !may_be_known(v, n))
		return -1;
	mailbox_leave_line(call->mailbox, &call->turn);	/* the store takes them in the order asked */
	if (room && n > 0)
		v[0].admitted = &call->parts->submitting;	/* so that none counts twice when others ask for room */
	rc = n > 0 ? store_submit(call->parts->store, v, n, now, &at) : 0;
	if (!room && rc == -EDQUOT)
		return -1;
	call->error.kind = RPC_OK;
	return rc == 0 ? 0 : fail_submit(call, rc, v, at, many);
}

static void put_submitted(struct jwriter *w, const struct submission *s)
{
	jw_object(w);
	jw_put_int(w, "id", s->id);
	jw_put_string(w, "state", job_state_name(s->state));
	jw_put_bool(w, "existing", s->existing);
	jw_object_end(w);
}

static void put_dry_run(struct jwriter *w, const struct submission *s)
{
	jw_object(w);
	jw_key(w, "id");
	jw_null(w);
	jw_put_string(w, "state", job_state_name(s->state));
	jw_put_bool(w, "dry_run", true);
	jw_object_end(w);
}

/* Answers with the final record instead of the submit's own result. */
static int answer_when_final(struct call *call, int64_t id, wall_ms wait)
{
	size_t which;
	int rc = await_jobs(call->parts->store, call->parts->notify, &id, 1, false, clock_after(wait * 1000), &which);

	if (rc == 0 && command_put_record(call, id) == 0)
		return 0;
	if (rc == -ETIMEDOUT)
		rpc_error_set(&call->error, RPC_TIMEOUT, NULL, "job %lld was submitted, but has not ended within %g s; it goes on",
			      (long long)id, (double)wait / 1000);
	else if (rc != 0)
		command_fail_job(call, rc, id, "gone");
	call->error.id = id;		/* whatever comes after the submit: it was accepted */
	call->error.field[0] = '\0';	/* and no member of it is to blame */
	return -1;
}

/* All that can be checked without keeping anything; what holds a unique key may be another by the time of the submit. */
static int submit_dry(struct call *call, struct submission *s, wall_ms now)
{
	const struct queue *q = queue_find(&call->parts->backlog.queues, s->spec->queue);
	int rc;

	if (q != NULL && q->limits.max_ready > 0 && s->spec->unique_key == NULL) {
		s->max_ready = q->limits.max_ready;
		s->waiting = queue_waiting(q);
		if (s->waiting >= s->max_ready)
			return fail_full_queue(call, s, "queue");
	}
	if (command_admit(call, 1) != 0)
		return -1;
	command_admitted(call, 1);
	rc = store_submit_dry(call->parts->store, s, now);
	if (rc != 0)
		return fail_submit(call, rc, s, 0, false);
	put_dry_run(&call->w, s);
	return 0;
}

static int submit_one(struct call *call, struct submission *s, const struct admit_extras *extras, wall_ms now)
{
	if (extras->dry_run)
		return submit_dry(call, s, now);
	if (submit_all(call, s, 1, false, now) != 0)
		return -1;
	if (extras->wait >= 0)
		return answer_when_final(call, s->id, extras->wait);
	put_submitted(&call->w, s);
	return 0;
}

/* A client's submits get their ids in the order sent, however long one takes to be read. */
static int enter_line(struct call *call)
{
	int rc = mailbox_enter_line(call->mailbox, &call->turn);

	return rc == 0 ? 0 : command_fail(call, rc);
}

/* What has been read goes before the store is waited for; but for the request's id, which is borrowed. */
static json_t *forget_params(struct params *p)
{
	json_t *request_id = json_incref(json_object_get(p->object, "request_id"));

	json_object_clear(p->object);
	return request_id;
}

static int job_submit(struct call *call)
{
	struct admit_extras extras;
	struct submission s;
	wall_ms now = clock_wall();
	json_t *request_id;
	bool waits;
	int rc;

	if (enter_line(call) != 0 || admit_read(&call->params, now, &s, &extras) != 0)
		return -1;
	request_id = forget_params(&call->params);
	waits = extras.wait >= 0 && !extras.dry_run;
	rc = waits ? command_enter_wait(call) : 0;
	if (rc == 0) {
		rc = submit_one(call, &s, &extras, now);
		if (waits)
			command_leave_wait(call);
	}
	admit_free(&s);
	json_decref(request_id);
	return rc;
}

/* Reads all the jobs; *n counts those read, which are to be given back. */
static int read_jobs(struct call *call, json_t *jobs, wall_ms now, const struct refs *refs, struct submission *v, size_t *n)
{
	for (*n = 0; *n < json_array_size(jobs); ++*n) {
		json_t *job = json_array_get(jobs, *n);
		struct params p;
		char path[32];

		snprintf(path, sizeof(path), "jobs[%zu].", *n);
		if (!json_is_object(job)) {
			path[strlen(path) - 1] = '\0';
			return rpc_error_set(&call->error, RPC_INVALID_PARAMS, path, "\"%s\" must be an object: a job", path);
		}
		params_init(&p, job, path, &call->error);
		if (admit_read_of_many(&p, now, refs, &v[*n]) != 0)
			return -1;
		if (*n % 256 == 255 && coro_yield() != 0)
			return command_fail(call, -ECANCELED);
	}
	return refs_refuse_circle(refs, v, *n, &call->error);
}

/* Of many jobs, the JSON too: all at once, at the request's end, it would take as long as to read it. */
static void free_jobs(json_t *jobs, struct submission *v, size_t n)
{
	for (size_t i = 0; i <= n; i++) {
		admit_free(&v[i]);
		json_array_set_new(jobs, i, json_null());
		if (i % 256 == 255)
			coro_yield();
	}
	free(v);
}

static void put_all_submitted(struct jwriter *w, const struct submission *v, size_t n)
{
	jw_object(w);
	jw_key(w, "jobs");
	jw_array(w);
	for (size_t i = 0; i < n; i++)
		put_submitted(w, &v[i]);
	jw_array_end(w);
	jw_object_end(w);
}

static int job_submit_many(struct call *call)
{
	json_t *jobs = params_array(&call->params, "jobs", SUBMIT_MANY_MAX);
	wall_ms now = clock_wall();
	struct submission *v;
	struct refs refs;
	size_t n = 0;
	int rc;

	if (jobs == NULL)
		params_refuse(&call->params, "jobs", "is missing: it must be an array of jobs");
	if (params_done(&call->params) != 0 || enter_line(call) != 0)
		return -1;
	v = calloc(json_array_size(jobs) + 1, sizeof(*v));
	if (v == NULL)
		return command_fail(call, -ENOMEM);
	rc = refs_read(&refs, jobs, &call->error);
	if (rc == 0)
		rc = read_jobs(call, jobs, now, &refs, v, &n);
	refs_free(&refs);
	if (rc == 0)
		rc = submit_all(call, v, n, true, now);
	if (rc == 0)
		put_all_submitted(&call->w, v, n);
	free_jobs(jobs, v, n);
	return rc;
}

const struct command command_job_submit = { "job.submit", true, job_submit };
const struct command command_job_submit_many = { "job.submit_many", true, job_submit_many };
