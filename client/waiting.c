#include "client/waiting.h"

#include <stdio.h>
#include <string.h>

#include "client/ctl.h"
#include "proto/jobstate.h"

#define WAITING_MOMENT 2000000LL	/* us */
#define WAITING_LONGEST 30000000LL

static void waiting_arm(struct waiting *w)
{
	w->pause = WAITING_MOMENT;
	w->at = clock_after(w->pause);
}

void waiting_start(struct waiting *w, struct ctl *ctl)
{
	memset(w, 0, sizeof(*w));
	w->ctl = ctl;
	waiting_arm(w);
}

void waiting_stop(struct waiting *w)
{
	w->at = MONO_NEVER;
	w->said[0] = '\0';
}

static bool waiting_is(const json_t *holder)
{
	const char *state = json_string_value(json_object_get(holder, "state"));

	return state != NULL && job_state_waiting(job_state_of(state));
}

void waiting_event(struct waiting *w, const json_t *event)
{
	if (!waiting_is(json_object_get(event, "job")))
		waiting_stop(w);
	else if (w->at == MONO_NEVER)
		waiting_arm(w);
}

/* `next` is none: it is about to start. */
static void waiting_tell(struct waiting *w, int64_t id, const json_t *answer)
{
	const char *reason = json_string_value(json_object_get(answer, "reason"));
	const char *message = json_string_value(json_object_get(answer, "message"));

	if (reason == NULL || strcmp(reason, "next") == 0 || strcmp(reason, w->said) == 0)
		return;
	snprintf(w->said, sizeof(w->said), "%s", reason);
	ctl_note(w->ctl, "job %lld waits: %s", (long long)id, message != NULL ? message : reason);
}

/* A refusal is no news of the job's: it is asked again later. */
static void waiting_settle(struct waiting *w, int64_t id)
{
	struct jobd_error error;
	json_t *answer = jobd_receive(w->ctl->conn, &w->asked, 0, &error);

	if (answer == NULL && ctl_nothing(&error))
		return;
	w->asked = 0;
	if (answer != NULL && !waiting_is(answer))
		waiting_stop(w);
	else if (answer != NULL && w->at != MONO_NEVER)
		waiting_tell(w, id, answer);
	json_decref(answer);
}

void waiting_step(struct waiting *w, int64_t id)
{
	struct jobd_error error;

	if (w->asked > 0)
		waiting_settle(w, id);
	if (w->asked > 0 || w->at == MONO_NEVER || clock_mono() < w->at)
		return;
	w->asked = jobd_send(w->ctl->conn, "job.explain", json_pack("{s:I}", "id", (json_int_t)id), &error);
	w->at = clock_after(w->pause);
	w->pause = w->pause * 2 < WAITING_LONGEST ? w->pause * 2 : WAITING_LONGEST;
}

int waiting_timeout(const struct waiting *w)
{
	mono_us now = clock_mono();

	if (w->asked > 0 || w->at == MONO_NEVER)
		return -1;
	return w->at > now ? (int)((w->at - now + 999) / 1000) : 0;
}
