#include "client/follow.h"

#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "client/ctl.h"
#include "client/interrupt.h"
#include "proto/jtext.h"

static const char *const follow_streams[2] = { "stdout", "stderr" };

enum { FOLLOW_PAGE = 512 * 1024 };

int follow_init(struct follow *f, struct ctl *ctl, bool cancels)
{
	memset(f, 0, sizeof(*f));
	f->ctl = ctl;
	f->wanted[0] = f->wanted[1] = true;
	f->signals = cancels ? interrupt_open() : -1;
	return cancels && f->signals < 0 ? CTL_JOB : 0;
}

void follow_end(struct follow *f)
{
	if (f->signals >= 0)
		interrupt_close(f->signals);
	f->signals = -1;
}

/* ---- waiting ---- */

static void follow_cancel(struct follow *f)
{
	struct jobd_error error;

	if (f->id != 0 && f->cancel == 0)
		f->cancel = jobd_send(f->ctl->conn, "job.cancel", json_pack("{s:I}", "id", (json_int_t)f->id), &error);
}

/* Until the daemon sends something, or the time is up. False: Ctrl-C for the second time. */
static bool follow_pause(struct follow *f, int timeout_ms)
{
	if (interrupt_wait(f->signals, f->ctl, timeout_ms) == 0)
		return true;
	if (++f->interrupts > 1) {
		memset(&f->error, 0, sizeof(f->error));
		return false;
	}
	ctl_note(f->ctl, "cancelling the job; once more leaves without waiting for its end");
	follow_cancel(f);
	return true;
}

static json_t *follow_answer(struct follow *f, int64_t number)
{
	for (;;) {
		json_t *answer = jobd_receive(f->ctl->conn, &number, 0, &f->error);

		if (answer != NULL || !ctl_nothing(&f->error))
			return answer;
		if (!follow_pause(f, -1))
			return NULL;
	}
}

json_t *follow_call(struct follow *f, const char *method, json_t *params)
{
	int64_t number = jobd_send(f->ctl->conn, method, params, &f->error);

	return number < 0 ? NULL : follow_answer(f, number);
}

json_t *follow_submit(struct follow *f, json_t *job)
{
	json_t *answer = NULL;

	if (jobd_request_id(job, &f->error) == 0) {
		answer = follow_call(f, "job.submit", json_incref(job));
		if (answer == NULL && jobd_lost(&f->error) && ctl_again(f->ctl, &f->error) == 0)
			answer = follow_call(f, "job.submit", json_incref(job));
	}
	json_decref(job);
	return answer;
}

/* ---- showing ---- */

static void follow_show_json(const struct follow *f, int stream, const char *data, size_t len)
{
	struct jwriter w;
	struct buf line;

	buf_init(&line);
	jw_init(&w, &line);
	jw_object(&w);
	jw_put_int(&w, "attempt", f->attempt);
	jw_put_string(&w, "stream", follow_streams[stream]);
	jw_put_int(&w, "offset", f->offset[stream]);
	jw_put_bytes(&w, "data", data, len);
	jw_object_end(&w);
	buf_putc(&line, '\n');
	if (!buf_failed(&line))
		fwrite(buf_data(&line), 1, buf_len(&line), stdout);
	buf_free(&line);
}

/* A reader that is gone ends it all as Ctrl-C does. */
static void follow_show(struct follow *f, int stream, const char *data, size_t len)
{
	if (len > 0 && f->wanted[stream] && !f->broken) {
		if (f->ctl->json)
			follow_show_json(f, stream, data, len);
		else if (stream == 0)
			fwrite(data, 1, len, stdout);
		else
			f->broken = ctl_write(STDERR_FILENO, data, len) < 0;
		if (!ctl_flush())
			f->broken = true;
		if (f->broken)
			follow_cancel(f);
	}
	f->offset[stream] += (int64_t)len;
}

/* Shows what is new in a piece of the stream that begins at `offset`: the `data` or `data_base64` of an event or a page. */
static int follow_show_from(struct follow *f, int stream, int64_t offset, const json_t *holder)
{
	const json_t *text = json_object_get(holder, "data"), *base64 = json_object_get(holder, "data_base64");
	int64_t skip = f->offset[stream] - offset;
	struct buf decoded;
	int rc = 0;

	buf_init(&decoded);
	if (base64 != NULL)
		rc = jtext_base64_decode(&decoded, json_string_value(base64), json_string_length(base64));
	else
		buf_put(&decoded, json_string_value(text), json_string_length(text));
	if (rc == 0 && !buf_failed(&decoded) && skip >= 0 && skip < (int64_t)buf_len(&decoded))
		follow_show(f, stream, buf_data(&decoded) + skip, buf_len(&decoded) - (size_t)skip);
	rc = rc < 0 || buf_failed(&decoded) ? -1 : 0;
	buf_free(&decoded);
	if (rc < 0) {
		memset(&f->error, 0, sizeof(f->error));
		strcpy(f->error.reason, "connection");
		strcpy(f->error.message, "the daemon sent output that cannot be read");
	}
	return rc;
}

/* ---- fetching ---- */

/* One page of a stream. 1: there may be more; 0: not now; -1. */
static int follow_fetch_page(struct follow *f, int stream)
{
	json_t *params = json_pack("{s:I, s:i, s:s, s:I, s:i}", "id", (json_int_t)f->id, "attempt", f->attempt, "stream",
				   follow_streams[stream], "offset", (json_int_t)f->offset[stream], "limit", FOLLOW_PAGE);
	int64_t before = f->offset[stream];
	json_t *page;
	int rc;

	page = follow_call(f, "job.output", params);
	if (page == NULL)
		return -1;
	rc = follow_show_from(f, stream, json_integer_value(json_object_get(page, "offset")), page);
	if (rc == 0 && json_is_true(json_object_get(page, "truncated")) && !f->truncated[stream]) {
		ctl_note(f->ctl, "%s went on, but no more of it was kept", follow_streams[stream]);
		f->truncated[stream] = true;
	}
	if (rc == 0)
		rc = f->offset[stream] > before && !json_is_true(json_object_get(page, "eof"));
	json_decref(page);
	return rc;
}

static int follow_fetch_stream(struct follow *f, int stream)
{
	int rc;

	do
		rc = f->wanted[stream] && !f->broken ? follow_fetch_page(f, stream) : 0;
	while (rc > 0);
	return rc;
}

int follow_fetch(struct follow *f)
{
	int rc = follow_fetch_stream(f, 0);

	return rc < 0 ? rc : follow_fetch_stream(f, 1);
}

int follow_latest(struct follow *f)
{
	json_t *record = follow_call(f, "job.get", json_pack("{s:I}", "id", (json_int_t)f->id));
	int attempt = (int)json_integer_value(json_object_get(record, "attempt"));

	json_decref(record);
	return record != NULL ? attempt : -1;
}

/* Goes on to that attempt, showing first all there is of those before it. */
static int follow_attempt(struct follow *f, int attempt)
{
	while (f->attempt < attempt) {
		if (f->attempt > 0 && follow_fetch(f) < 0)
			return -1;
		f->attempt++;
		f->offset[0] = f->offset[1] = 0;
		f->truncated[0] = f->truncated[1] = false;
	}
	return 0;
}

/* ---- following ---- */

static int follow_output(struct follow *f, const json_t *event)
{
	const char *name = json_string_value(json_object_get(event, "stream"));
	int attempt = (int)json_integer_value(json_object_get(json_object_get(event, "job"), "attempt"));
	int64_t offset = json_integer_value(json_object_get(event, "offset"));
	int stream = name != NULL && strcmp(name, "stderr") == 0;

	if (attempt < f->attempt)
		return 0;
	if (follow_attempt(f, attempt) < 0 || (offset > f->offset[stream] && follow_fetch_stream(f, stream) < 0))
		return -1;
	if (offset > f->offset[stream] && f->wanted[stream]) {
		int64_t lost = offset - f->offset[stream];

		ctl_note(f->ctl, "%lld byte%s of %s %s not kept", (long long)lost, lost == 1 ? "" : "s", name, lost == 1 ? "was" : "were");
		f->offset[stream] = offset;
	}
	return follow_show_from(f, stream, offset, event);
}

static int follow_event(struct follow *f, const json_t *event)
{
	const char *kind = json_string_value(json_object_get(event, "kind"));

	if (kind != NULL && strcmp(kind, "output") == 0)
		return follow_output(f, event);
	if (kind != NULL && strcmp(kind, "state") == 0)
		waiting_event(&f->waiting, event);
	if (kind != NULL && strcmp(kind, "lagged") == 0)
		f->lagged = true;
	return 0;
}

/* All the events that are there. 0: no more now; -1: the end, see f->error. */
static int follow_events(struct follow *f)
{
	for (;;) {
		json_t *event = jobd_event(f->ctl->conn, 0, &f->error);
		int rc;

		if (event == NULL)
			return ctl_nothing(&f->error) ? 0 : -1;
		rc = follow_event(f, event);
		json_decref(event);
		if (rc < 0)
			return -1;
	}
}

/* Subscribes, and fetches what came before. At first, and again after having been too slow. */
static int follow_catch_up(struct follow *f, int from)
{
	json_t *answer = follow_call(f, "event.subscribe", json_pack("{s:[I], s:b}", "jobs", (json_int_t)f->id, "output", true));
	int attempt;

	f->lagged = false;
	if (answer == NULL)
		return -1;
	json_decref(answer);
	attempt = follow_latest(f);
	if (attempt < 0)
		return -1;
	if (f->attempt == 0)
		f->attempt = from > 0 && from < attempt ? from : attempt;
	if (follow_attempt(f, attempt) < 0)
		return -1;
	return f->attempt > 0 ? follow_fetch(f) : 0;
}

/* Takes the answer to a cancel; one that came too late is no failure. */
static void follow_cancelled(struct follow *f)
{
	struct jobd_error error;
	json_t *answer;

	if (f->cancel <= 0)
		return;
	answer = jobd_receive(f->ctl->conn, &f->cancel, 0, &error);
	if (answer == NULL && ctl_nothing(&error))
		return;
	if (answer == NULL && strcmp(error.reason, "conflict") != 0)
		ctl_refused("cancel", &error);
	json_decref(answer);
	f->cancel = -1;
}

/* Everything after the subscription: events until the answer to job.wait. */
static json_t *follow_until_final(struct follow *f)
{
	json_t *record;

	for (;;) {
		follow_cancelled(f);
		waiting_step(&f->waiting, f->id);
		record = jobd_receive(f->ctl->conn, &f->wait, 0, &f->error);
		if (record == NULL && !ctl_nothing(&f->error))
			return NULL;
		if (follow_events(f) < 0 || (f->lagged && follow_catch_up(f, 0) < 0))
			break;
		if (record != NULL)
			return record;
		if (f->broken && f->signals < 0) {
			memset(&f->error, 0, sizeof(f->error));
			break;
		}
		if (!jobd_pending(f->ctl->conn) && !follow_pause(f, waiting_timeout(&f->waiting)))
			break;
	}
	json_decref(record);
	return NULL;
}

json_t *follow_job(struct follow *f, int from)
{
	json_t *record;

	if (f->interrupts > 0)
		follow_cancel(f);
	waiting_start(&f->waiting, f->ctl);
	f->wait = jobd_send(f->ctl->conn, "job.wait", json_pack("{s:I}", "id", (json_int_t)f->id), &f->error);
	if (f->wait < 0 || follow_catch_up(f, from) < 0)
		return NULL;
	if (f->attempt > 0)
		waiting_stop(&f->waiting);
	record = follow_until_final(f);
	if (record == NULL)
		return NULL;
	if (follow_attempt(f, (int)json_integer_value(json_object_get(record, "attempt"))) == 0 &&
	    (f->attempt == 0 || follow_fetch(f) == 0))
		return record;
	if (strcmp(f->error.reason, "not_found") == 0)
		return record;	/* kept for no time at all: what the events brought is all */
	json_decref(record);
	return NULL;
}
