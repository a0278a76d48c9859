/* command_event: event.subscribe and event.unsubscribe. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "command/command.h"
#include "parts.h"

static int read_jobs(struct params *p, struct subscription *s)
{
	int64_t ids[SUBSCRIPTION_NAMES_MAX];
	int n = params_ids(p, "jobs", ids, SUBSCRIPTION_NAMES_MAX);

	if (n < 0)
		return 0;
	s->jobs_len = (size_t)n;
	s->jobs = calloc(s->jobs_len + 1, sizeof(*s->jobs));
	if (s->jobs == NULL)
		return -ENOMEM;
	memcpy(s->jobs, ids, s->jobs_len * sizeof(*ids));
	return 0;
}

/* An array of strings, copied. */
static int read_names(struct params *p, const char *name, char ***copies)
{
	const char *names[SUBSCRIPTION_NAMES_MAX];
	int n = params_strings(p, name, false, names, SUBSCRIPTION_NAMES_MAX);

	if (n < 0)
		return 0;
	*copies = calloc((size_t)n + 1, sizeof(**copies));
	if (*copies == NULL)
		return -ENOMEM;
	for (int i = 0; i < n; i++) {
		(*copies)[i] = strdup(names[i]);
		if ((*copies)[i] == NULL)
			return -ENOMEM;
	}
	return 0;
}

static int read_subscription(struct call *call, struct subscription *s)
{
	struct params *p = &call->params;
	int rc = read_jobs(p, s);

	if (rc == 0)
		rc = read_names(p, "queues", &s->queues);
	if (rc == 0)
		rc = read_names(p, "types", &s->types);
	s->states = command_states(p, "states", false);
	s->output = params_bool(p, "output", false);
	if (rc != 0)
		return command_fail(call, rc);
	return params_done(p);
}

/* Behind the reply: what has happened since, a share a turn, and no faster than the client reads. */
static void event_replay(struct call *call)
{
	enum replay step;
	int rc = 0;

	while (rc == 0 && (step = notify_replay(call->parts->notify, call->mailbox, call->subscription)) != REPLAY_OVER)
		rc = step == REPLAY_NEEDS_ROOM ? mailbox_await_room(call->mailbox) : coro_yield();
	mailbox_end_replay(call->mailbox);
}

/* 0: it stands, and what `since` asks for follows the reply. */
static int start_subscription(struct call *call, struct subscription *s, int64_t since, bool *missed)
{
	struct notify *n = call->parts->notify;

	*missed = since >= 0 && !notify_since(n, s, (uint64_t)since);
	if (notify_subscribe(n, s) != 0)
		return rpc_error_set(&call->error, RPC_OVERLOADED, NULL, "a connection may have at most %d subscriptions",
				     SUBSCRIPTIONS_PER_CLIENT);
	mailbox_begin_replay(call->mailbox);
	call->subscription = s->number;
	call->then = event_replay;
	return 0;
}

static int event_subscribe(struct call *call)
{
	struct subscription *s = calloc(1, sizeof(*s));
	int64_t since = params_int(&call->params, "since", -1, 0, INT64_MAX);
	bool missed;
	int rc;

	if (s == NULL)
		return command_fail(call, -ENOMEM);
	s->mailbox = call->mailbox;
	rc = read_subscription(call, s);
	if (rc == 0)
		rc = start_subscription(call, s, since, &missed);
	if (rc != 0) {
		subscription_free(&s);
		return -1;
	}
	jw_object(&call->w);
	jw_put_int(&call->w, "subscription", (int64_t)s->number);
	jw_put_int(&call->w, "seq", (int64_t)notify_seq(call->parts->notify));
	if (missed)
		jw_put_bool(&call->w, "missed", true);
	jw_object_end(&call->w);
	return 0;
}

static int event_unsubscribe(struct call *call)
{
	int64_t number = params_need_int(&call->params, "subscription", 1, INT64_MAX);

	if (params_done(&call->params) != 0)
		return -1;
	if (notify_unsubscribe(call->parts->notify, call->mailbox, (uint64_t)number) != 0)
		return rpc_error_set(&call->error, RPC_NOT_FOUND, "subscription", "this connection has no subscription %lld",
				     (long long)number);
	jw_object(&call->w);
	jw_put_int(&call->w, "subscription", number);
	jw_object_end(&call->w);
	return 0;
}

const struct command command_event_subscribe = { "event.subscribe", true, event_subscribe };
const struct command command_event_unsubscribe = { "event.unsubscribe", false, event_unsubscribe };
