/*
 * command: the methods that a client may call, a row each.
 *
 * A handler reads its params, does its work, writes its result: one short,
 * straight function. One that parks runs in a coroutine of its own.
 */
#ifndef JOBD_COMMAND_H
#define JOBD_COMMAND_H

#include <stdbool.h>

#include "base/buf.h"
#include "coro/coro.h"
#include "mailbox.h"
#include "proto/error.h"
#include "proto/jtext.h"
#include "proto/params.h"

struct job_filter;
struct parts;

/* One call of a method. */
struct call {
	struct parts *parts;
	struct mailbox *mailbox;	/* of the client: for subscriptions and back-pressure */
	struct params params;		/* the handler's: it may take members away */
	struct rpc_error error;
	struct buf result;		/* JSON text, through w */
	struct jwriter w;
	struct turn turn;		/* of a submit, until the store has it */
	bool large;			/* holds a place of mailbox_enter_large until its reply is put */
	void (*then)(struct call *call) PARKS;	/* what follows behind the reply, error or not; or NULL */
	uint64_t subscription;		/* for `then` of event.subscribe */
};

struct command {
	const char *method;
	bool parks;
	int (*run)(struct call *call) PARKS;	/* 0, or -1 with call->error set */
};

/* NULL: there is no such method. */
const struct command *command_find(const char *method);

/* Runs the command's handler, and sees to what holds for all of them. 0, or -1 with call->error set. */
int command_run(const struct command *command, struct call *call) PARKS;

/* ---- for handlers ---- */

/* Sets the error that a store's or an await's -errno means to a client. Returns -1. */
int command_fail(struct call *call, int rc);
/* The same where `id` names the job. */
int command_fail_job(struct call *call, int rc, int64_t id, const char *state);

/* Waits until a large result may be written. 0, or -1 with the error set. */
int command_enter_large(struct call *call) PARKS;

/*
 * Reads job states by name, an array of them (with or_one: or a single one): bits
 * 1 << enum job_state. 0 if absent; 1 << JOB_NONE for an empty array: none at all.
 */
unsigned command_states(struct params *p, const char *name, bool or_one);

/* Reads the filters of job.list; what it points to is borrowed from the params. NULL, with the error set: no memory. */
struct job_filter *command_filter(struct call *call) PARKS;
void command_filter_free(struct job_filter **filter);

/*
 * Is there room for n more jobs that are not final? 0, or -1 with the error set.
 * Then they count as there, until command_admitted(call, n) says that the store has answered.
 */
int command_admit(struct call *call, size_t n);
void command_admitted(struct call *call, size_t n);

/*
 * A place among those that wait for jobs, for as long as their clients like:
 * they must leave room for the requests that end their waits. 0, or -1 with
 * the error set.
 */
int command_enter_wait(struct call *call);
void command_leave_wait(struct call *call);

/* A place among the calls that are about many jobs: few at once, for each goes through all there are. The same. */
int command_enter_bulk(struct call *call);
void command_leave_bulk(struct call *call);

/*
 * Cancels all that pass and are in one of `states`, as of this moment, newest first, so that none is cancelled for the
 * sake of another before its turn. 0, or -1 with the error set; both say how many passed and were cancelled.
 */
int command_cancel_all(struct call *call, const struct job_filter *filter, unsigned states, int64_t *matched, int64_t *done)
	PARKS;

/* Writes the job's record. 0, or -1 with the error set. */
int command_put_record(struct call *call, int64_t id) PARKS;

/* The methods, by family. */
extern const struct command command_job_submit, command_job_submit_many, command_job_get, command_job_list, command_job_count,
	command_job_wait, command_job_cancel, command_job_retry, command_job_delete, command_job_hold, command_job_release,
	command_job_update, command_job_explain, command_job_output, command_job_cancel_many, command_job_retry_many, command_job_delete_many;
extern const struct command command_queue_list, command_queue_get, command_queue_set, command_queue_pause, command_queue_resume,
	command_queue_purge;
extern const struct command command_schedule_put, command_schedule_list, command_schedule_get, command_schedule_delete,
	command_schedule_trigger;
extern const struct command command_event_subscribe, command_event_unsubscribe;
extern const struct command command_daemon_ping, command_daemon_status, command_daemon_drain, command_daemon_resume,
	command_daemon_reload, command_daemon_backup;

#endif
