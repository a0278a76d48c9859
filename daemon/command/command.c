#include "command/command.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "mailbox.h"
#include "parts.h"
#include "record.h"

enum { STATE_NAMES_MAX = 100, BULK_MAX = 4 };

static const struct command *const commands[] = {
	&command_job_submit, &command_job_submit_many, &command_job_get, &command_job_list, &command_job_count,
	&command_job_wait, &command_job_cancel, &command_job_retry, &command_job_delete, &command_job_hold,
	&command_job_release, &command_job_update, &command_job_explain, &command_job_output,
	&command_job_cancel_many, &command_job_retry_many, &command_job_delete_many,
	&command_queue_list, &command_queue_get, &command_queue_set, &command_queue_pause, &command_queue_resume,
	&command_queue_purge,
	&command_schedule_put, &command_schedule_list, &command_schedule_get, &command_schedule_delete, &command_schedule_trigger,
	&command_event_subscribe, &command_event_unsubscribe,
	&command_daemon_ping, &command_daemon_status, &command_daemon_drain, &command_daemon_resume, &command_daemon_reload,
	&command_daemon_backup,
};

const struct command *command_find(const char *method)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strcmp(commands[i]->method, method) == 0)
			return commands[i];
	return NULL;
}

int command_run(const struct command *command, struct call *call)
{
	int rc;

	if (call->parts->shutting_down)
		return rpc_error_set(&call->error, RPC_SHUTTING_DOWN, NULL, "the daemon is shutting down");
	rc = command->run(call);
	mailbox_leave_line(call->mailbox, &call->turn);
	if (rc == 0 && buf_failed(&call->result))
		return command_fail(call, -ENOMEM);
	return rc;
}

int command_fail(struct call *call, int rc)
{
	struct rpc_error *e = &call->error;

	switch (rc) {
	case -ENOSPC:
		return rpc_error_set(e, RPC_STORAGE, NULL, "the disk is full: nothing was changed; try again when there is room");
	case -ENOMEM:
	case -EAGAIN:
		return rpc_error_set(e, RPC_OVERLOADED, NULL, "the daemon is out of memory: try later");
	case -EUSERS:
		return rpc_error_set(e, RPC_OVERLOADED, NULL,
				     "there is no room for another group or concurrency key: jobs that are not final have %d of them, "
				     "counted by queue and type; try later", STORE_FLOWS_MAX);
	case -ECANCELED:
		return rpc_error_set(e, RPC_SHUTTING_DOWN, NULL, "the daemon is shutting down");
	case -EIO:
		return rpc_error_set(e, RPC_STORAGE, NULL, "the disk is failing: nothing was changed");
	default:
		return rpc_error_set(e, RPC_INTERNAL_ERROR, NULL, "%s", strerror(-rc));
	}
}

int command_fail_job(struct call *call, int rc, int64_t id, const char *state)
{
	if (rc == -ENOENT)
		rpc_error_set(&call->error, RPC_NOT_FOUND, "id", "there is no job %lld", (long long)id);
	else if (rc == -EBUSY)
		rpc_error_set(&call->error, RPC_CONFLICT, NULL, "job %lld is %s", (long long)id, state);
	else
		return command_fail(call, rc);
	call->error.id = id;
	return -1;
}

int command_enter_large(struct call *call)
{
	int rc = mailbox_enter_large(call->mailbox);

	if (rc != 0)
		return command_fail(call, rc);
	call->large = true;
	return 0;
}

unsigned command_states(struct params *p, const char *name, bool or_one)
{
	const char *names[STATE_NAMES_MAX];
	int n = params_strings(p, name, or_one, names, STATE_NAMES_MAX);
	unsigned states = n == 0 ? 1u << JOB_NONE : 0;

	for (int i = 0; i < n; i++) {
		enum job_state state = job_state_of(names[i]);

		if (state == JOB_NONE)
			params_refuse(p, name,
				      "must be out of held, blocked, scheduled, ready, running, succeeded, failed, cancelled and "
				      "expired, not \"%.32s\"",
				      names[i]);
		states |= 1u << state;
	}
	return states;
}

int command_admit(struct call *call, size_t n)
{
	struct parts *parts = call->parts;
	int64_t active = backlog_active(&parts->backlog) + (int64_t)parts->submitting;

	if (parts->limits.jobs > 0 && active + (int64_t)n > parts->limits.jobs)
		return rpc_error_set(&call->error, RPC_OVERLOADED, NULL, "limits.jobs is reached: %lld of %lld jobs are not final",
				     (long long)active, (long long)parts->limits.jobs);
	parts->submitting += n;
	return 0;
}

void command_admitted(struct call *call, size_t n)
{
	call->parts->submitting -= n;
}

int command_enter_wait(struct call *call)
{
	struct parts *parts = call->parts;

	if (parts->waits >= parts->limits.waits)
		return rpc_error_set(&call->error, RPC_OVERLOADED, NULL, "%zu requests wait for jobs already: try later",
				     parts->waits);
	parts->waits++;
	return 0;
}

void command_leave_wait(struct call *call)
{
	call->parts->waits--;
}

int command_enter_bulk(struct call *call)
{
	struct parts *parts = call->parts;

	if (parts->bulks >= BULK_MAX)
		return rpc_error_set(&call->error, RPC_OVERLOADED, NULL, "%d calls about many jobs are under way already: try later",
				     BULK_MAX);
	parts->bulks++;
	return 0;
}

void command_leave_bulk(struct call *call)
{
	call->parts->bulks--;
}

int command_put_record(struct call *call, int64_t id)
{
	struct job_record record;
	int rc;

	if (!call->large && command_enter_large(call) != 0)
		return -1;
	rc = store_get(call->parts->store, id, &record);
	if (rc != 0)
		return command_fail_job(call, rc, id, "gone");
	record_write(&call->w, &record, &call->parts->backlog, &call->parts->dispatch, true);
	job_record_free(&record);
	return 0;
}
