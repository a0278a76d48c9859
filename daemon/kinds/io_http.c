/*
 * http: one request, its redirects, one answer.
 *
 * Each hop is the same: look the host up, go to its addresses in turn until
 * one is reached, take the answer; while it redirects, ask what comes next. The
 * status then decides: a result, or a failure that keeps the result beside it.
 * A client's own fault (4xx) is not tried again, save 408, 425 and 429; 429 and
 * 503 may say when (Retry-After).
 */
#include <errno.h>

#include "coro/resolve.h"
#include "coro/trust.h"
#include "kinds/fetch.h"
#include "kinds/http_answer.h"
#include "kinds/http_request.h"
#include "kinds/io.h"

enum { HTTP_HOPS_MAX = 10 };

static void http_check(struct params *args)
{
	struct http_request rq;

	http_request_read(args, &rq);
	http_request_free(&rq);
}

/* One job at work. */
struct http {
	struct io_job *job;
	struct outcome *out;
	struct http_request rq;
	struct fetch fetch;
	int rc;				/* of http_prepare */
};

/* From the args. Aside: reading a URL goes deep. */
static void http_prepare(void *arg)
{
	struct http *h = arg;
	struct rpc_error error = { 0 };
	struct params args;

	fetch_init(&h->fetch);
	params_init(&args, h->job->args, "args.", &error);
	if (http_request_read(&args, &h->rq) < 0)
		h->rc = io_fail(h->out, "handler", "%s", error.message);
	h->fetch.body_max = h->rq.body_max < h->job->result_bytes ? h->rq.body_max : h->job->result_bytes;
	h->fetch.verify_tls = h->rq.verify_tls;
	h->fetch.skip_redirects = h->rq.follow_redirects;
	h->fetch.progress = h->job->progress;
	h->fetch.progress_arg = h->job->arg;
}

static int http_resolve(struct http *h, struct resolved *to)
{
	char host[HTTP_HOST_SIZE], port[HTTP_PORT_SIZE], why[160];
	int rc = http_request_target(&h->rq, host, port);

	if (rc < 0)
		return io_fail(h->out, "resolve", "the URL's host cannot be looked up");
	rc = resolve(host, port, AF_UNSPEC, h->job->deadline, to, why, sizeof(why));
	if (rc == 0 || rc == -ECANCELED || rc == -ETIMEDOUT)
		return rc;
	return io_fail(h->out, "resolve", "%s", why);
}

/* https needs to know whom to believe. */
static int http_trust(struct http *h)
{
	char why[200];
	int rc = h->rq.verify_tls && http_request_secure(&h->rq) ? trust_ready(h->job->deadline, why, sizeof(why)) : 0;

	if (rc == 0 || rc == -ECANCELED || rc == -ETIMEDOUT)
		return rc;
	return io_fail(h->out, "tls", "%s", why);
}

/* One request, one answer: from the first of the addresses that can be reached. */
static int http_exchange(struct http *h)
{
	struct fetch *f = &h->fetch;
	struct curl_slist *headers;
	struct resolved to;
	int rc = http_resolve(h, &to);				/* parks */

	if (rc == 0)
		rc = http_trust(h);				/* parks */
	if (rc != 0)
		return rc;
	headers = http_request_headers(&h->rq);
	if (headers == NULL)
		return io_fail(h->out, "handler", "no memory for the request's headers");
	f->url = h->rq.url;
	f->method = h->rq.method;
	f->headers = headers;
	f->body = h->rq.body;
	f->body_len = h->rq.body_len;
	for (size_t i = 0; i < to.n && rc == 0 && (i == 0 || f->unreached); i++) {
		f->address = &to.addr[i];
		rc = fetch_run(f, h->job->deadline);		/* parks */
	}
	curl_slist_free_all(headers);
	return rc == 0 && f->failure != NULL ? io_fail(h->out, f->failure, "%s", f->why) : rc;
}

/* Does the answer send us on? A redirect that cannot be followed is the fetch's failure. */
static bool http_redirected(struct http *h, int hop)
{
	struct fetch *f = &h->fetch;
	const char *location = fetch_header(f, "Location");
	char why[160];

	if (!h->rq.follow_redirects || location == NULL || !fetch_status_redirects(f->status))
		return false;
	f->failure = "redirects";
	if (hop == HTTP_HOPS_MAX)
		snprintf(f->why, sizeof(f->why), "redirected more than %d times, at last to %.120s", HTTP_HOPS_MAX, location);
	else if (http_request_follow(&h->rq, f->status, location, why, sizeof(why)) < 0)
		snprintf(f->why, sizeof(f->why), "redirected to %.80s: %s", location, why);
	else
		f->failure = NULL;
	return f->failure == NULL;
}

static int http_conclude(struct http *h, mono_us took)
{
	const struct fetch *f = &h->fetch;
	struct outcome *out = h->out;
	struct buf result;

	buf_init(&result);
	http_answer_write(&result, f, h->rq.url, took);
	io_succeed(h->job, out, &result);
	if (!out->succeeded)
		return IO_ENDED;
	if (f->failure != NULL) {
		outcome_fail(out, f->failure, "%s", f->why);
	} else if (!http_request_ok(&h->rq, f->status)) {
		outcome_fail(out, "http_status", "the server answered %d", f->status);
		out->final = http_answer_final(f->status);
		if (f->status == 429 || f->status == 503)
			out->retry_after = http_answer_retry_after(f);
	}
	return IO_ENDED;
}

static int http_run(struct io_job *job, struct outcome *out)
{
	mono_us began = clock_mono();
	struct http h = { .job = job, .out = out };
	int hop = 0, rc;

	io_aside(http_prepare, &h);				/* parks */
	rc = h.rc;
	do {
		if (rc == 0)
			rc = http_exchange(&h);			/* parks */
	} while (rc == 0 && http_redirected(&h, hop++));
	if (rc == 0)
		rc = http_conclude(&h, clock_mono() - began);
	fetch_free(&h.fetch);
	http_request_free(&h.rq);
	return io_end(rc);
}

const struct kind kind_http = { .name = "http", .class = CLASS_IO, .check = http_check, .run_io = http_run };
