#include "proto/jobstate.h"

#include <string.h>

#define TO(state) (1u << (state))
#define TO_WAITING (TO(JOB_HELD) | TO(JOB_BLOCKED) | TO(JOB_SCHEDULED) | TO(JOB_READY))
#define TO_ENDED (TO(JOB_CANCELLED) | TO(JOB_EXPIRED) | TO(JOB_FAILED))

static const struct {
	const char *name;
	unsigned next;
} states[JOB_STATES] = {
	[JOB_NONE] = { "none", TO_WAITING | TO(JOB_CANCELLED) },
	[JOB_HELD] = { "held", TO_WAITING | TO_ENDED },
	[JOB_BLOCKED] = { "blocked", TO_WAITING | TO_ENDED },
	[JOB_SCHEDULED] = { "scheduled", TO_WAITING | TO_ENDED },
	[JOB_READY] = { "ready", TO_WAITING | TO_ENDED | TO(JOB_RUNNING) | TO(JOB_SUCCEEDED) },
	[JOB_RUNNING] = { "running", TO(JOB_SCHEDULED) | TO(JOB_READY) | TO(JOB_SUCCEEDED) | TO(JOB_FAILED) | TO(JOB_CANCELLED) },
	/* A final job comes back by job.retry, or goes by job.delete and pruning. */
	[JOB_SUCCEEDED] = { "succeeded", TO_WAITING | TO(JOB_NONE) },
	[JOB_FAILED] = { "failed", TO_WAITING | TO(JOB_NONE) },
	[JOB_CANCELLED] = { "cancelled", TO_WAITING | TO(JOB_NONE) },
	[JOB_EXPIRED] = { "expired", TO_WAITING | TO(JOB_NONE) },
};

const char *job_state_name(enum job_state state)
{
	return states[state].name;
}

enum job_state job_state_of(const char *name)
{
	for (int s = JOB_NONE + 1; s < JOB_STATES; s++)
		if (strcmp(states[s].name, name) == 0)
			return (enum job_state)s;
	return JOB_NONE;
}

bool job_state_final(enum job_state state)
{
	return state >= JOB_SUCCEEDED;
}

bool job_state_waiting(enum job_state state)
{
	return state >= JOB_HELD && state <= JOB_READY;
}

bool job_state_may_follow(enum job_state from, enum job_state to)
{
	return (states[from].next & TO(to)) != 0;
}
