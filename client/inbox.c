#include "client/inbox.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/error.h"

struct event {
	json_t *params;
	size_t size;
	STAILQ_ENTRY(event) link;
};

/* ---- errors ---- */

int inbox_error(struct jobd_error *e, const char *reason, const char *fmt, ...)
{
	va_list ap;

	memset(e, 0, sizeof(*e));
	snprintf(e->reason, sizeof(e->reason), "%s", reason);
	va_start(ap, fmt);
	vsnprintf(e->message, sizeof(e->message), fmt, ap);
	va_end(ap);
	return -1;
}

void inbox_fail(struct inbox *in, const char *fmt, ...)
{
	va_list ap;

	if (inbox_failed(in))
		return;
	snprintf(in->failure.reason, sizeof(in->failure.reason), "connection");
	va_start(ap, fmt);
	vsnprintf(in->failure.message, sizeof(in->failure.message), fmt, ap);
	va_end(ap);
}

/* The error object of a reply. */
static void inbox_read_error(const json_t *object, struct jobd_error *e)
{
	const json_t *data = json_object_get(object, "data");
	const char *reason = json_string_value(json_object_get(data, "reason"));
	const char *field = json_string_value(json_object_get(data, "field"));
	const char *message = json_string_value(json_object_get(object, "message"));

	memset(e, 0, sizeof(*e));
	e->code = (int)json_integer_value(json_object_get(object, "code"));
	e->id = json_integer_value(json_object_get(data, "id"));
	if (reason == NULL)
		reason = rpc_error_reason(rpc_error_kind_of(e->code));
	snprintf(e->reason, sizeof(e->reason), "%s", reason != NULL ? reason : "unknown");
	snprintf(e->field, sizeof(e->field), "%s", field != NULL ? field : "");
	snprintf(e->message, sizeof(e->message), "%s", message != NULL ? message : "the daemon refused without a word");
}

/* ---- calls ---- */

void inbox_init(struct inbox *in, const char *from)
{
	memset(in, 0, sizeof(*in));
	in->from = from;
	in->event_max = INBOX_EVENTS;
	buf_init(&in->bytes);
	TAILQ_INIT(&in->arrived);
	STAILQ_INIT(&in->events);
}

void inbox_free(struct inbox *in)
{
	struct call *call, *next;
	json_t *event;

	HASH_ITER(hh, in->calls, call, next)
		inbox_forget(in, call);
	while ((event = inbox_take_event(in)) != NULL)
		json_decref(event);
	buf_free(&in->bytes);
}

struct call *inbox_expect(struct inbox *in, int64_t number)
{
	struct call *call = calloc(1, sizeof(*call));

	if (call == NULL)
		return NULL;
	call->number = number;
	HASH_ADD(hh, in->calls, number, sizeof(call->number), call);
	if (call->hh.tbl != NULL)
		return call;
	free(call);
	return NULL;
}

struct call *inbox_find(const struct inbox *in, int64_t number)
{
	struct call *call;

	HASH_FIND(hh, in->calls, &number, sizeof(number), call);
	return call;
}

void inbox_forget(struct inbox *in, struct call *call)
{
	if (call->answer != NULL)
		TAILQ_REMOVE(&in->arrived, call, link);
	HASH_DEL(in->calls, call);
	json_decref(call->answer);
	free(call);
}

json_t *inbox_take(struct inbox *in, struct call *call, struct jobd_error *error)
{
	json_t *result = json_object_get(call->answer, "result");
	const json_t *refusal = json_object_get(call->answer, "error");

	if (refusal != NULL)
		inbox_read_error(refusal, error);
	else if (result == NULL)
		inbox_error(error, "connection", "%s answered neither a result nor an error", in->from);
	json_incref(result);
	inbox_forget(in, call);
	return result;
}

/* ---- answers ---- */

static void inbox_arrive(struct inbox *in, struct call *call, json_t *answer)
{
	call->answer = json_incref(answer);
	TAILQ_INSERT_TAIL(&in->arrived, call, link);
}

static struct call *inbox_largest(const struct inbox *in)
{
	struct call *largest = NULL;

	for (struct call *call = in->calls; call != NULL; call = call->hh.next)
		if (call->answer == NULL && (largest == NULL || call->size > largest->size))
			largest = call;
	return largest;
}

static void inbox_orphan(struct inbox *in, json_t *answer)
{
	json_t *error = json_object_get(answer, "error");
	struct call *call = inbox_largest(in);

	if (call != NULL && json_integer_value(json_object_get(error, "code")) == rpc_error_code(RPC_TOO_LARGE))
		inbox_arrive(in, call, answer);
	else if (!inbox_failed(in))
		inbox_read_error(error, &in->failure);
}

static void inbox_answered(struct inbox *in, json_t *answer)
{
	const json_t *id = json_object_get(answer, "id");
	struct call *call = json_is_integer(id) ? inbox_find(in, json_integer_value(id)) : NULL;

	if (call != NULL && call->answer == NULL)
		inbox_arrive(in, call, answer);
	else if (json_is_null(id) && json_is_object(json_object_get(answer, "error")))
		inbox_orphan(in, answer);
	else
		inbox_fail(in, "%s answered what was not asked", in->from);
}

void inbox_restart(struct inbox *in)
{
	json_t *answer = json_pack("{s:{s:i, s:s, s:{s:s}}}", "error", "code", 0, "message", in->failure.message, "data", "reason",
				   in->failure.reason);
	struct call *call, *next;

	HASH_ITER(hh, in->calls, call, next) {
		if (call->answer == NULL && answer != NULL)
			inbox_arrive(in, call, answer);
		else if (call->answer == NULL)
			inbox_forget(in, call);
	}
	json_decref(answer);
	buf_clear(&in->bytes);
	in->scanned = 0;
	memset(&in->failure, 0, sizeof(in->failure));
}

/* ---- notifications ---- */

/* params is stolen. */
static int inbox_keep_event(struct inbox *in, json_t *params, size_t size)
{
	struct event *event = malloc(sizeof(*event));

	if (event == NULL || params == NULL) {
		free(event);
		json_decref(params);
		return -ENOMEM;
	}
	event->params = params;
	event->size = size;
	STAILQ_INSERT_TAIL(&in->events, event, link);
	in->event_bytes += size;
	return 0;
}

static int inbox_notified(struct inbox *in, json_t *params, size_t size)
{
	if (STAILQ_EMPTY(&in->events))
		in->lagged = false;
	if (in->lagged)
		return 0;
	if (in->event_bytes + size <= in->event_max)
		return inbox_keep_event(in, params != NULL ? json_incref(params) : json_object(), size);
	in->lagged = true;
	return inbox_keep_event(in, json_pack("{s:s}", "kind", "lagged"), 0);
}

json_t *inbox_take_event(struct inbox *in)
{
	struct event *event = STAILQ_FIRST(&in->events);
	json_t *params;

	if (event == NULL)
		return NULL;
	STAILQ_REMOVE_HEAD(&in->events, link);
	in->event_bytes -= event->size;
	params = event->params;
	free(event);
	return params;
}

/* ---- lines ---- */

static void inbox_line(struct inbox *in, const char *line, size_t len)
{
	json_error_t why;
	json_t *message;

	while (len > 0 && (*line == ' ' || *line == '\t' || *line == '\r')) {
		line++;
		len--;
	}
	if (len == 0)
		return;
	message = json_loadb(line, len, JSON_ALLOW_NUL, &why);
	if (!json_is_object(message))
		inbox_fail(in, "what answers at %s does not speak jobd's protocol", in->from);
	else if (!json_is_string(json_object_get(message, "method")))
		inbox_answered(in, message);
	else if (inbox_notified(in, json_object_get(message, "params"), len) < 0)
		inbox_fail(in, "out of memory");
	json_decref(message);
}

void inbox_read(struct inbox *in)
{
	for (;;) {
		char *from = buf_data(&in->bytes);
		size_t len = buf_len(&in->bytes);
		char *newline = len > in->scanned ? memchr(from + in->scanned, '\n', len - in->scanned) : NULL;

		if (newline == NULL) {
			in->scanned = len;
			break;
		}
		inbox_line(in, from, (size_t)(newline - from));
		buf_consume(&in->bytes, (size_t)(newline - from) + 1);
		in->scanned = 0;
	}
	if (in->scanned > INBOX_LINE)
		inbox_fail(in, "%s sent a line of more than %d bytes", in->from, INBOX_LINE);
	buf_shrink(&in->bytes, 1024 * 1024);
}
