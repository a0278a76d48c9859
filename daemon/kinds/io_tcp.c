/*
 * tcp: connects, says something, and receives until there is enough.
 *
 * The host's addresses are tried in turn. What is enough: `read_until` has come
 * (it ends what is received; bytes behind it are dropped), `read_bytes` have
 * come, or the peer has closed (`read_all`). Without any of these nothing is
 * received: a connect is a success. Our direction stays open until the end: too
 * many servers take its end for a hang-up and drop what they were about to say.
 */
#include <errno.h>

#include "coro/resolve.h"
#include "coro/stream.h"
#include "coro/tls.h"
#include "coro/trust.h"
#include "kinds/io.h"
#include "proto/jtext.h"

enum {
	TCP_HOST_MAX = 253,
	TCP_UNTIL_MAX = 4 << 10,
	TCP_BYTES = 1 << 20,			/* max_bytes, unless given */
	TCP_BYTES_MAX = 1 << 30,
	TCP_CHUNK = 16 << 10,
	TCP_CONNECT = 30 * 1000000		/* us, for one address */
};

struct tcp_request {
	const char *host;			/* strings: borrowed from the args */
	char port[8];
	const char *send, *read_until;		/* NULL: none */
	size_t send_len, read_until_len;
	int64_t read_bytes;			/* 0: none */
	bool read_all, tls, verify_tls;
	size_t max_bytes;
};

/* ---- args ---- */

static void tcp_read_amount(struct params *p, struct tcp_request *rq)
{
	int ways = params_has(p, "read_until") + params_has(p, "read_bytes");

	rq->read_until = params_bytes(p, "read_until", &rq->read_until_len);
	rq->read_bytes = params_int(p, "read_bytes", 0, 1, TCP_BYTES_MAX);
	rq->read_all = params_bool(p, "read_all", false);
	rq->max_bytes = (size_t)params_int(p, "max_bytes", TCP_BYTES, 1, TCP_BYTES_MAX);
	if (ways + rq->read_all > 1)
		params_refuse(p, rq->read_all ? "read_all" : "read_bytes",
			      "cannot stand beside another of read_until, read_bytes and read_all");
	if (rq->read_until != NULL && (rq->read_until_len == 0 || rq->read_until_len > TCP_UNTIL_MAX))
		params_refuse(p, "read_until", "must be 1 to %d bytes long", TCP_UNTIL_MAX);
	if (rq->read_bytes > (int64_t)rq->max_bytes && !params_later(p, "max_bytes"))
		params_refuse(p, "read_bytes", "must be at most max_bytes, which is %zu", rq->max_bytes);
}

static int tcp_read_args(struct params *p, struct tcp_request *rq)
{
	memset(rq, 0, sizeof(*rq));
	rq->host = params_need_string(p, "host");
	snprintf(rq->port, sizeof(rq->port), "%d", (int)params_need_int(p, "port", 1, 65535));
	rq->send = params_bytes(p, "send", &rq->send_len);
	tcp_read_amount(p, rq);
	rq->tls = params_bool(p, "tls", false);
	rq->verify_tls = params_bool(p, "verify_tls", true);
	if ((rq->host[0] == '\0' && !params_later(p, "host")) || strlen(rq->host) > TCP_HOST_MAX)
		params_refuse(p, "host", "must be 1 to %d bytes long", TCP_HOST_MAX);
	return params_done(p);
}

static void tcp_check(struct params *args)
{
	struct tcp_request rq;

	tcp_read_args(args, &rq);
}

static int tcp_prepare(struct io_job *job, struct tcp_request *rq, struct outcome *out)
{
	struct rpc_error error = { 0 };
	struct params args;

	params_init(&args, job->args, "args.", &error);
	if (tcp_read_args(&args, rq) < 0)
		return io_fail(out, "handler", "%s", error.message);
	if (rq->max_bytes > job->result_bytes)
		rq->max_bytes = job->result_bytes;
	return 0;
}

/* ---- steps ---- */

/* Has the await ended for good, or only for the one peer it was about? */
static bool tcp_over(int rc, mono_us deadline)
{
	return rc == -ECANCELED || (rc == -ETIMEDOUT && clock_mono() >= deadline);
}

static int tcp_connect(const struct tcp_request *rq, mono_us deadline, struct stream **s, struct outcome *out)
{
	struct resolved to;
	char why[320], text[INET6_ADDRSTRLEN] = "";
	int rc = resolve(rq->host, rq->port, AF_UNSPEC, deadline, &to, why, sizeof(why));	/* parks */

	if (rc == -ECANCELED || rc == -ETIMEDOUT)
		return rc;
	if (rc < 0)
		return io_fail(out, "resolve", "%s", why);
	for (size_t i = 0; i < to.n; i++) {
		mono_us patience = clock_after(TCP_CONNECT);

		rc = stream_connect(&to.addr[i].sa, resolved_len(&to, i), patience < deadline ? patience : deadline, s);
		if (rc == 0 || tcp_over(rc, deadline))
			return rc;
		resolved_text(&to, i, text, sizeof(text));
	}
	return io_fail(out, "connect", "cannot connect to %.80s (%s) port %s: %s", rq->host, text, rq->port, strerror(-rc));
}

static int tcp_secure(const struct tcp_request *rq, mono_us deadline, struct stream *s, struct outcome *out)
{
	struct tls_context *tls = NULL;
	char why[256];
	int rc = rq->verify_tls ? trust_ready(deadline, why, sizeof(why)) : 0;	/* parks */

	if (rc == 0)
		rc = tls_client_context(rq->verify_tls, &tls, why, sizeof(why));
	if (rc == 0)
		rc = stream_start_tls(s, tls, rq->host, deadline, why, sizeof(why));	/* parks */
	tls_context_free(&tls);
	if (rc == 0 || rc == -ECANCELED || rc == -ETIMEDOUT)
		return rc;
	return io_fail(out, "tls", "%s", why);
}

static int tcp_send(const struct tcp_request *rq, mono_us deadline, struct stream *s, struct outcome *out)
{
	int rc = rq->send_len > 0 ? stream_write(s, rq->send, rq->send_len, deadline) : 0;	/* parks */

	if (rc == 0 || rc == -ECANCELED || rc == -ETIMEDOUT)
		return rc;
	return io_fail(out, "io", "cannot send to %.80s: %s", rq->host, strerror(-rc));
}

/* Is what has come enough? Then it is cut to what was asked for. `seen`: bytes looked at before. */
static bool tcp_enough(const struct tcp_request *rq, struct buf *in, size_t seen)
{
	size_t back = seen < rq->read_until_len ? seen : rq->read_until_len;
	const char *end;

	if (rq->read_bytes > 0)
		return buf_len(in) >= (size_t)rq->read_bytes;
	if (rq->read_until == NULL)
		return !rq->read_all;
	if (buf_len(in) == 0)
		return false;
	end = memmem(buf_data(in) + seen - back, buf_len(in) - seen + back, rq->read_until, rq->read_until_len);
	if (end != NULL)
		buf_truncate(in, (size_t)(end - buf_data(in)) + rq->read_until_len);
	return end != NULL;
}

/* Room for the next read: never for more than is asked for, and one byte past the limit to tell that it was passed. */
static size_t tcp_room(const struct tcp_request *rq, const struct buf *in)
{
	size_t most = rq->read_bytes > 0 ? (size_t)rq->read_bytes : rq->max_bytes + 1;
	size_t left = most - buf_len(in);

	return left < TCP_CHUNK ? left : TCP_CHUNK;
}

static int tcp_receive(const struct tcp_request *rq, mono_us deadline, struct stream *s, struct buf *in,
		       struct outcome *out)
{
	size_t seen = 0;

	while (!tcp_enough(rq, in, seen) && buf_len(in) <= rq->max_bytes) {
		size_t room = tcp_room(rq, in);
		char *to = buf_reserve(in, room);
		ssize_t n;

		seen = buf_len(in);
		if (to == NULL)
			return io_fail(out, "handler", "no memory for what is received");
		n = stream_read(s, to, room, deadline);		/* parks */
		if (n == 0 && rq->read_all)
			break;
		if (n == 0)
			return io_fail(out, "io", "%.80s closed the connection after %zu bytes", rq->host, seen);
		if (n == -ECANCELED || n == -ETIMEDOUT)
			return (int)n;
		if (n < 0)
			return io_fail(out, "io", "cannot receive from %.80s: %s", rq->host, strerror((int)-n));
		buf_commit(in, (size_t)n);
	}
	if (buf_len(in) > rq->max_bytes)
		return io_fail(out, "too_large", "more than %zu bytes came", rq->max_bytes);
	return 0;
}

static int tcp_conclude(struct io_job *job, const struct buf *in, mono_us took, struct outcome *out)
{
	struct buf result;
	struct jwriter w;

	buf_init(&result);
	jw_init(&w, &result);
	jw_object(&w);
	jw_put_bytes(&w, "received", buf_len(in) > 0 ? buf_data(in) : "", buf_len(in));
	jw_put_int(&w, "bytes", (int64_t)buf_len(in));
	jw_put_real(&w, "seconds", (double)took / 1e6);
	jw_object_end(&w);
	return io_succeed(job, out, &result);
}

static int tcp_run(struct io_job *job, struct outcome *out)
{
	mono_us began = clock_mono();
	struct tcp_request rq;
	struct stream *s = NULL;
	struct buf in;
	int rc;

	buf_init(&in);
	rc = tcp_prepare(job, &rq, out);
	if (rc == 0)
		rc = tcp_connect(&rq, job->deadline, &s, out);		/* parks, as the next three do */
	if (rc == 0 && rq.tls)
		rc = tcp_secure(&rq, job->deadline, s, out);
	if (rc == 0)
		rc = tcp_send(&rq, job->deadline, s, out);
	if (rc == 0)
		rc = tcp_receive(&rq, job->deadline, s, &in, out);
	if (s != NULL)
		stream_close(&s);
	if (rc == 0)
		rc = tcp_conclude(job, &in, clock_mono() - began, out);
	buf_free(&in);
	return io_end(rc);
}

const struct kind kind_tcp = { .name = "tcp", .class = CLASS_IO, .check = tcp_check, .run_io = tcp_run };
