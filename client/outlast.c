#include "client/outlast.h"

#include <poll.h>
#include <stdbool.h>
#include <string.h>

#include "base/clock.h"
#include "client/ctl.h"
#include "client/times.h"
#include "proto/error.h"

enum {
	OUTLAST_SOON = 1000000,		/* microseconds within which a connection is lost at once */
	OUTLAST_PATIENCE = 5000000,	/* microseconds of connections that are, one after the other */
	OUTLAST_PAUSE = 50,		/* milliseconds between them */
	OUTLAST_END = 12000		/* milliseconds for a daemon to end: what it grants to jobs, and a moment more */
};

/* params with what is left of the time. NULL: out of memory, was said. */
static json_t *outlast_params(const json_t *params, int64_t timeout_ms)
{
	json_t *now = json_copy((json_t *)(uintptr_t)params);

	if (timeout_ms < 0 || ctl_put(now, "timeout", times_seconds(timeout_ms)))
		return now;
	json_decref(now);
	return NULL;
}

/* The daemon is shutting down: until it has gone, which *error says then. Where the time is over first, that is a timeout. */
static void outlast_end(struct ctl *ctl, int64_t timeout_ms, struct jobd_error *error)
{
	bool short_time = timeout_ms >= 0 && timeout_ms < OUTLAST_END;
	struct jobd_error end;

	json_decref(jobd_event(ctl->conn, short_time ? (int)timeout_ms : OUTLAST_END, &end));
	if (jobd_lost(&end))
		*error = end;
	else if (short_time && timeout_ms > 0)
		error->code = rpc_error_code(RPC_TIMEOUT);
}

/* Is there a connection again? begun: when the one that is lost was asked; *series: since when each was lost at once. */
static bool outlast_again(struct ctl *ctl, mono_us begun, mono_us *series)
{
	struct jobd_error error;
	mono_us now = clock_mono();

	if (*series == 0 || now - begun > OUTLAST_SOON)
		*series = now;
	else
		poll(NULL, 0, OUTLAST_PAUSE);	/* it was on its way out when it let us in */
	return now - *series <= OUTLAST_PATIENCE && ctl_again(ctl, &error) == 0;
}

json_t *outlast_wait(struct ctl *ctl, json_t *params, int64_t *timeout_ms, int *code)
{
	struct jobd_error error = { .reason = "memory", .message = "out of memory" };
	json_t *answer = NULL;
	mono_us series = 0;

	*code = ctl_connect(ctl);
	while (answer == NULL && *code == 0) {
		mono_us begun = clock_mono();
		json_t *now = outlast_params(params, *timeout_ms);
		int64_t took;

		answer = now != NULL ? jobd_call(ctl->conn, "job.wait", now, &error) : NULL;
		if (answer == NULL && strcmp(error.reason, "shutting_down") == 0)
			outlast_end(ctl, *timeout_ms, &error);
		if (answer == NULL && (!jobd_lost(&error) || !outlast_again(ctl, begun, &series)))
			*code = ctl_refused(NULL, &error);
		took = (clock_mono() - begun) / 1000;
		if (*timeout_ms > 0)
			*timeout_ms = took < *timeout_ms ? *timeout_ms - took : 0;
	}
	json_decref(params);
	return answer;
}
