#include "record.h"

#include <string.h>

#include "attempt.h"
#include "dispatch.h"
#include "backlog/backlog.h"

const char *record_reason(const struct job_row *row, const struct backlog *s, const struct dispatch *d)
{
	const struct queue *q = queue_find(&s->queues, row->spec->queue);
	const struct kind *kind = kind_find(row->spec->type);
	const struct job *job = backlog_find(s, row->id);
	struct backlog_limit limit;

	if (row->state == JOB_HELD)
		return "held";
	if (row->state == JOB_BLOCKED)
		return "dependency";
	if (row->state == JOB_SCHEDULED)
		return row->attempt > 0 ? "retry" : "delay";
	if (row->state != JOB_READY)
		return NULL;
	if (d->draining)
		return "draining";
	if (q != NULL && queue_still(q))
		return "queue_paused";
	if (kind == NULL)
		return "no_worker";
	/* What has been taken to start may fill the last room itself. */
	if (job != NULL && job->attempt != NULL)
		return "next";
	backlog_why(s, row->spec, clock_wall(), &limit);
	if (limit.reason != NULL)
		return limit.reason;
	if (dispatch_room(d, kind->class, kind->brief))
		return "next";
	return kind->class == CLASS_IO ? "io_busy" : "pool_busy";
}

static void put_time(struct jwriter *w, const char *key, wall_ms at)
{
	if (at != 0)
		jw_put_time(w, key, at);
}

static void put_text(struct jwriter *w, const char *key, const char *json)
{
	if (json != NULL)
		jw_put_raw(w, key, json, strlen(json));
}

static void put_error(struct jwriter *w, const char *reason, const char *message)
{
	if (reason == NULL)
		return;
	jw_key(w, "error");
	jw_object(w);
	jw_put_string(w, "reason", reason);
	jw_put_string(w, "message", message != NULL ? message : "");
	jw_object_end(w);
}

static void put_history(struct jwriter *w, const struct job_record *record)
{
	if (record->history_len == 0)
		return;
	jw_key(w, "history");
	jw_array(w);
	for (size_t i = 0; i < record->history_len; i++) {
		const struct attempt_row *a = &record->history[i];

		jw_object(w);
		jw_put_int(w, "attempt", a->number);
		put_time(w, "started_at", a->started_at);
		put_time(w, "finished_at", a->finished_at);
		jw_put_string(w, "outcome", outcome_kind_name(a->outcome));
		put_error(w, a->reason, a->message);
		if (a->where != NULL)
			jw_put_string(w, "where", a->where);
		jw_object_end(w);
	}
	jw_array_end(w);
}

/* Progress and output: a running attempt knows better than the store. */
static void put_doings(struct jwriter *w, const struct job_record *record, const struct backlog *s)
{
	const struct job *job = backlog_find(s, record->row.id);
	const struct attempt *at = job != NULL && record->row.state == JOB_RUNNING ? job->attempt : NULL;
	int64_t bytes[2] = { record->output_bytes[0], record->output_bytes[1] };

	if (at != NULL)
		attempt_output_bytes(at, bytes);
	put_text(w, "progress", at != NULL ? attempt_progress(at) : record->progress);
	if (bytes[0] == 0 && bytes[1] == 0)
		return;
	jw_key(w, "output_bytes");
	jw_object(w);
	jw_put_int(w, "stdout", bytes[0]);
	jw_put_int(w, "stderr", bytes[1]);
	jw_object_end(w);
}

static void put_identity(struct jwriter *w, const struct job_row *row, bool full)
{
	const struct job_spec *spec = row->spec;
	const struct kind *kind = kind_find(spec->type);

	jw_put_int(w, "id", row->id);
	jw_put_string(w, "type", spec->type);
	jw_put_string(w, "class", job_class_name(kind != NULL ? kind->class : CLASS_WORKER));
	jw_put_string(w, "queue", spec->queue);
	jw_put_int(w, "priority", row->priority);
	jw_put_string(w, "state", job_state_name(row->state));
	if (full)
		put_text(w, "args", spec->args);
	put_text(w, "tags", spec->tags);
	if (full)
		put_text(w, "meta", spec->meta);
}

static void put_concurrency(struct jwriter *w, const struct job_spec *spec)
{
	if (spec->concurrency_key == NULL)
		return;
	jw_key(w, "concurrency");
	jw_object(w);
	jw_put_string(w, "key", spec->concurrency_key);
	jw_put_int(w, "limit", spec->concurrency_limit);
	jw_object_end(w);
}

static void put_times(struct jwriter *w, const struct job_row *row)
{
	put_time(w, "submitted_at", row->submitted_at);
	put_time(w, "run_at", row->run_at);
	put_time(w, "started_at", row->started_at);
	put_time(w, "finished_at", row->finished_at);
	put_time(w, "expires_at", row->expires_at);
	put_time(w, "cancel_requested_at", row->cancel_requested_at);
}

void record_write(struct jwriter *w, const struct job_record *record, const struct backlog *s, const struct dispatch *d,
		  bool full)
{
	const struct job_row *row = &record->row;
	const char *reason = record_reason(row, s, d);

	jw_object(w);
	put_identity(w, row, full);
	if (reason != NULL)
		jw_put_string(w, "reason", reason);
	jw_put_int(w, "attempt", row->attempt);
	jw_put_int(w, "max_attempts", row->spec->retry.max_attempts);
	if (row->spec->group != NULL)
		jw_put_string(w, "group", row->spec->group);
	put_times(w, row);
	if (row->spec->timeout > 0)
		jw_put_seconds(w, "timeout", row->spec->timeout);
	if (row->spec->after != NULL)
		jw_put_raw(w, "after", row->spec->after, strlen(row->spec->after));
	if (row->spec->unique_key != NULL)
		jw_put_string(w, "unique_key", row->spec->unique_key);
	put_concurrency(w, row->spec);
	if (row->spec->schedule != NULL)
		jw_put_string(w, "schedule", row->spec->schedule);
	put_time(w, "scheduled_for", row->spec->scheduled_for);
	put_doings(w, record, s);
	if (full)
		put_text(w, "result", record->result);
	put_error(w, record->reason, record->message);
	put_history(w, record);
	jw_object_end(w);
}
