#include "session.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "command/command.h"
#include "parts.h"
#include "proto/frame.h"
#include "proto/request.h"
#include "sender.h"

enum {
	READ_CHUNK = 16 * 1024,
	REFUSE_WAIT = 1000 * 1000,
	PART_WAIT = 1000 * 1000,
	PART_BYTES = 1024 * 1024,
	WATCH_STEP = 1000 * 1000,
	BATCH_BYTES = 16 * 1024 * 1024
};

struct session {
	struct parts *parts;
	struct stream *stream;
	struct mailbox mailbox;
	struct frame_reader frames;
	struct buf in;
	struct coro_group requests;	/* under way */
	size_t in_flight;
	size_t unstarted;		/* of these, in coroutines that have not begun */
	struct cond fewer;		/* in_flight has fallen */
	struct sender sender;
	struct coro *reader;
	bool foreign;			/* no client of ours: answered, and closed unheard */
	bool finishing;			/* no more is read; the last answer wakes the reader */
	bool broken;			/* nothing can be sent any more */
};

/* The elements of one batch: its array goes out when the last has its reply. */
struct batch {
	struct session *session;
	struct buf out;			/* "[reply,reply" */
	size_t waiting;			/* elements without their reply yet, and the reader while it starts them */
};

/* One request under way. */
struct exchange {
	struct session *session;
	struct batch *batch;		/* NULL: it stands alone */
	struct request request;
	const struct command *command;	/* NULL: the error is set already */
	struct call call;
	bool answered;
};

/* At 1 KiB an allocation is a large one to glibc, before which it tidies its heap, every time. */
_Static_assert(sizeof(struct exchange) <= 1000, "an exchange is allocated with each request");

/* ---- out ---- */

static void session_broken(void *arg)
{
	struct session *s = arg;

	s->broken = true;
	notify_forget(s->parts->notify, &s->mailbox);
	coro_group_cancel(&s->requests);
	coro_cancel(s->reader);
}

static void session_ready(void *arg)
{
	struct session *s = arg;

	sender_ready(&s->sender);
}

/* ---- replies ---- */

static void batch_leave(struct batch *b)
{
	if (--b->waiting > 0)
		return;
	if (buf_len(&b->out) > 0 || buf_failed(&b->out)) {
		buf_putc(&b->out, ']');
		mailbox_put(&b->session->mailbox, &b->out);
	}
	buf_free(&b->out);
	free(b);
}

static void write_reply(struct buf *out, const struct exchange *x)
{
	const struct call *call = &x->call;

	if (call->error.kind == RPC_OK)
		reply_result(out, x->request.id, buf_data(&call->result), buf_len(&call->result));
	else
		reply_error(out, x->request.id, &call->error);
}

/* Into the batch's array; what would make that too long is answered so, in its place. */
static void add_reply(struct batch *b, struct exchange *x)
{
	if (buf_len(&b->out) + buf_len(&x->call.result) > BATCH_BYTES)
		rpc_error_set(&x->call.error, RPC_TOO_LARGE, NULL, "the replies of this batch together exceed %d bytes", BATCH_BYTES);
	buf_putc(&b->out, buf_len(&b->out) > 0 ? ',' : '[');
	write_reply(&b->out, x);
}

static void send_reply(struct exchange *x)
{
	struct buf line;

	if (x->batch != NULL) {
		add_reply(x->batch, x);
		return;
	}
	buf_init(&line);
	write_reply(&line, x);
	mailbox_put(&x->session->mailbox, &line);
	buf_free(&line);
}

/* A whole line that no request of its own stands for. */
static void send_error(struct session *s, enum rpc_error_kind kind, const char *message)
{
	struct rpc_error error = { .kind = RPC_OK };
	struct buf line;

	rpc_error_set(&error, kind, NULL, "%s", message);
	buf_init(&line);
	reply_error(&line, NULL, &error);
	mailbox_put(&s->mailbox, &line);
	buf_free(&line);
}

/* ---- requests ---- */

static void exchange_answer(struct exchange *x)
{
	if (x->request.id != NULL)
		send_reply(x);
	if (x->batch != NULL)
		batch_leave(x->batch);
	x->answered = true;
}

static void exchange_end(struct exchange *x)
{
	struct session *s = x->session;

	if (!x->answered)
		exchange_answer(x);
	if (x->call.large)
		mailbox_leave_large(&s->mailbox);
	buf_free(&x->call.result);
	request_free(&x->request);
	free(x);
	s->in_flight--;
	s->parts->requests--;
	cond_signal(&s->fewer);
	if (s->finishing && s->in_flight == 0)
		coro_cancel(s->reader);
}

static void exchange_main(void *arg)
{
	struct exchange *x = arg;

	x->session->unstarted--;
	command_run(x->command, &x->call);
	if (x->call.then != NULL) {
		exchange_answer(x);
		x->call.then(&x->call);
	} else {
		mailbox_await_replays(&x->session->mailbox);
	}
	exchange_end(x);
}

static void exchange_prepare(struct exchange *x, json_t *element)
{
	struct call *call = &x->call;
	int rc;

	buf_init(&call->result);
	jw_init(&call->w, &call->result);
	call->parts = x->session->parts;
	call->mailbox = &x->session->mailbox;
	rc = request_read(element, &x->request, &call->error);
	if (x->request.method == NULL)
		return;
	/* Whether the method is there comes before what its params may be. */
	x->command = command_find(x->request.method);
	if (x->command == NULL) {
		call->error.kind = RPC_OK;
		rpc_error_set(&call->error, RPC_METHOD_NOT_FOUND, NULL, "there is no method \"%.64s\"", x->request.method);
	} else if (rc != 0) {
		x->command = NULL;
	}
	params_init(&call->params, x->request.params, "", &call->error);
}

/* Starts one request. Its failure to start is its answer; memory for no answer ends the session. */
static void start_request(struct session *s, struct batch *batch, json_t *element)
{
	struct exchange *x = calloc(1, sizeof(*x));

	if (x == NULL) {
		mailbox_break(&s->mailbox);
		return;
	}
	x->session = s;
	x->batch = batch;
	if (batch != NULL)
		batch->waiting++;
	s->in_flight++;
	s->parts->requests++;
	exchange_prepare(x, element);
	if (x->command == NULL) {
		exchange_end(x);
		return;
	}
	if (x->command->parks && s->parts->requests > s->parts->limits.requests) {
		rpc_error_set(&x->call.error, RPC_OVERLOADED, NULL, "too many requests are under way: try later");
		exchange_end(x);
		return;
	}
	s->unstarted++;
	/* Requests start in their order: what need not park does not overtake what waits to begin. */
	if (!x->command->parks && s->unstarted == 1) {
		exchange_main(x);
	} else if (coro_spawn(&s->requests, x->command->method, exchange_main, x) != 0) {
		s->unstarted--;
		rpc_error_set(&x->call.error, RPC_OVERLOADED, NULL, "the daemon has too much to do at once: try later");
		exchange_end(x);
	}
}

/* Waits for a change, and looks now and then whether the client is still there. 0, -EPIPE or -ECANCELED. */
static int wait_watchfully(struct session *s, struct cond *change)
{
	int rc = cond_wait(change, clock_after(WATCH_STEP));

	if (rc != -ETIMEDOUT)
		return rc;
	return stream_hung_up(s->stream) ? -EPIPE : 0;
}

/* Waits until one more request may be in flight. 0; or what ends the session. */
static int wait_for_room(struct session *s)
{
	int rc = 0;

	while (rc == 0) {
		if (s->in_flight >= s->parts->limits.requests_per_connection)
			rc = wait_watchfully(s, &s->fewer);
		else if (mailbox_pending(&s->mailbox) > MAILBOX_HIGH)
			rc = wait_watchfully(s, &s->mailbox.room);
		else
			return 0;
	}
	return rc;
}

static int start_batch(struct session *s, json_t *array)
{
	struct batch *batch;
	int rc = 0;

	if (json_array_size(array) == 0 || json_array_size(array) > REQUEST_BATCH_MAX) {
		send_error(s, RPC_INVALID_REQUEST, "a batch must hold 1 to 1000 requests");
		return 0;
	}
	batch = calloc(1, sizeof(*batch));
	if (batch == NULL)
		return -ENOMEM;
	batch->session = s;
	batch->waiting = 1;
	for (size_t i = 0; rc == 0 && i < json_array_size(array); i++) {
		rc = wait_for_room(s);
		if (rc == 0)
			start_request(s, batch, json_array_get(array, i));
	}
	batch_leave(batch);
	return rc;
}

/* ---- in ---- */

static int start_line(struct session *s, const struct frame *line)
{
	char why[160], message[224];
	json_t *value = jtext_parse_in_parts(line->text, line->len, coro_yield, why, sizeof(why));
	int rc = 0;

	if (value == NULL && s->broken)
		return -EPIPE;
	if (value == NULL && errno == ENOMEM) {
		mailbox_break(&s->mailbox);	/* which request it is cannot be told, either */
		return -ENOMEM;
	}
	if (value == NULL) {
		snprintf(message, sizeof(message), "the line cannot be read as JSON: %s", why);
		send_error(s, RPC_PARSE_ERROR, message);
		return 0;
	}
	if (json_is_array(value))
		rc = start_batch(s, value);
	else
		start_request(s, NULL, value);
	json_decref(value);
	return rc;
}

/* Takes up the lines that have come. 0; or what ends the session. */
static int take_lines(struct session *s)
{
	struct frame line;
	int rc;

	while ((rc = wait_for_room(s)) == 0) {
		switch (frame_next(&s->frames, &s->in, &line)) {
		case FRAME_NONE:
			return 0;
		case FRAME_TEXT:
			rc = start_line(s, &line);
			break;
		case FRAME_TOO_LONG:
			send_error(s, RPC_TOO_LARGE, "the line is longer than limits.message_bytes");
			break;
		case FRAME_TOO_DEEP:
			send_error(s, RPC_PARSE_ERROR, "the line is nested deeper than 64");
			break;
		case FRAME_FOREIGN:
			send_error(s, RPC_PARSE_ERROR, "this is jobd: one JSON-RPC 2.0 request a line, beginning with { or [");
			s->foreign = true;
			return -EPROTO;
		}
		if (rc != 0)
			return rc;
	}
	return rc;
}

/* Reads what has come behind what is there. 1.. bytes, 0 at the end, or -errno. */
static ssize_t read_more(struct session *s)
{
	char *to = buf_reserve(&s->in, READ_CHUNK);
	ssize_t n;

	if (to == NULL)
		return -ENOMEM;
	n = stream_read(s->stream, to, READ_CHUNK, MONO_NEVER);
	if (n > 0)
		buf_commit(&s->in, (size_t)n);
	return n;
}

/* Requests begin between the pieces of what a client sends at once: the store is at the first while the last are read. */
static void session_read(struct session *s)
{
	ssize_t n;

	while ((n = read_more(s)) > 0) {
		if (take_lines(s) != 0 || (n == READ_CHUNK && coro_yield() != 0))
			return;
		buf_shrink(&s->in, READ_CHUNK);
	}
	if (n == 0) {	/* the end ends the last line, too */
		buf_putc(&s->in, '\n');
		take_lines(s);
	}
}

/* ---- life ---- */

static void session_open(struct session *s, struct parts *parts, struct stream *stream)
{
	s->parts = parts;
	s->stream = stream;
	mailbox_init(&s->mailbox, session_ready, s);
	frame_reader_init(&s->frames, parts->limits.message_bytes);
	buf_init(&s->in);
	coro_group_init(&s->requests);
	cond_init(&s->fewer);
	sender_init(&s->sender, &s->mailbox, stream, session_broken, s);
	s->reader = coro_self();
}

/*
 * The client has said its last, or is not listened to any more. It still gets
 * the answers to what it asked, unless it is gone for good or the daemon ends.
 */
static void session_finish(struct session *s)
{
	s->finishing = true;
	if (s->in_flight > 0)
		stream_await_hangup(s->stream, MONO_NEVER);	/* the last answer cancels this */
	if (s->in_flight > 0)
		coro_group_cancel(&s->requests);
	coro_group_join(&s->requests);
	notify_forget(s->parts->notify, &s->mailbox);
	sender_finish(&s->sender, s->parts->shutting_down);
}

static void session_close(struct session *s)
{
	if (s->foreign && !s->broken)
		stream_part(&s->stream, PART_BYTES, clock_after(PART_WAIT));
	else
		stream_close(&s->stream);
	mailbox_free(&s->mailbox);
	buf_free(&s->in);
}

void session_run(struct parts *parts, struct stream *stream)
{
	struct session *s = calloc(1, sizeof(*s));

	if (s == NULL) {
		stream_close(&stream);
		return;
	}
	session_open(s, parts, stream);
	session_read(s);
	session_finish(s);
	session_close(s);
	free(s);
}

void session_refuse(struct stream *stream)
{
	struct rpc_error error = { .kind = RPC_OK };
	struct buf line;

	rpc_error_set(&error, RPC_OVERLOADED, NULL, "limits.connections is reached: try later");
	buf_init(&line);
	reply_error(&line, NULL, &error);
	buf_putc(&line, '\n');
	if (!buf_failed(&line))
		stream_write(stream, buf_data(&line), buf_len(&line), clock_after(REFUSE_WAIT));
	buf_free(&line);
	stream_part(&stream, PART_BYTES, clock_after(PART_WAIT));
}
