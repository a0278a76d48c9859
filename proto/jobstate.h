/*
 * jobstate: the states of a job, their names, and which may follow which.
 *
 * Daemon, client, tests and documents read this one table.
 */
#ifndef JOBD_JOBSTATE_H
#define JOBD_JOBSTATE_H

#include <stdbool.h>

enum job_state {	/* stored as these numbers: append, never renumber */
	JOB_NONE,	/* no such job: before its submit, after its delete */
	JOB_HELD,
	JOB_BLOCKED,
	JOB_SCHEDULED,
	JOB_READY,
	JOB_RUNNING,
	JOB_SUCCEEDED,
	JOB_FAILED,
	JOB_CANCELLED,
	JOB_EXPIRED,
	JOB_STATES
};

const char *job_state_name(enum job_state state);
/* The state of that name; JOB_NONE if there is none. */
enum job_state job_state_of(const char *name);
bool job_state_final(enum job_state state);
/* Not started and not final: it can be held, changed, expired. */
bool job_state_waiting(enum job_state state);
bool job_state_may_follow(enum job_state from, enum job_state to);

#endif
