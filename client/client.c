/*
 * libjobd: requests out, answers and notifications in, over one connection.
 *
 * One function, client_pump, moves bytes both ways and waits; everything else
 * looks at what it has brought into the inbox.
 */
#include "client/client.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "client/conn.h"
#include "client/inbox.h"
#include "client/places.h"
#include "proto/jtext.h"

enum {
	CLIENT_CONNECT_SECONDS = 10,
	CLIENT_AGAIN_SECONDS = 5,
	CLIENT_AGAIN_PAUSE = 50,		/* milliseconds */
	CLIENT_READ_BYTES = 64 * 1024,
	CLIENT_OUT_BYTES = 256 * 1024		/* requests gathered before they are sent unasked */
};

struct jobd {
	struct conn conn;
	char address[400];
	struct buf out;
	struct inbox in;
	int64_t last_number;
	bool write_broken;			/* nothing more can be sent; what was on its way here may still come */
};

static int client_no_memory(struct jobd_error *e)
{
	return inbox_error(e, "memory", "out of memory");
}

/* ---- connecting ---- */

static int client_open(struct jobd *j, const char *text, mono_us deadline, char *why, size_t why_size)
{
	struct address address;

	snprintf(j->address, sizeof(j->address), "%s", text);
	if (address_parse(text, &address, why, (unsigned)why_size) < 0)
		return -EINVAL;
	return conn_open(&j->conn, &address, deadline, why, why_size);
}

static int client_open_one(struct jobd *j, const char *address, struct jobd_error *error)
{
	char why[320];
	int rc = client_open(j, address, clock_after(CLIENT_CONNECT_SECONDS * 1000000LL), why, sizeof(why));

	if (rc == -EINVAL)
		return inbox_error(error, "address", "%s", why);
	if (rc == -EPROTO)
		return inbox_error(error, "connection", "no trusted connection to %s: %s", address, why);
	if (rc < 0)
		return inbox_error(error, "connection", "no jobd answers at %s: %s; is it running?", address, why);
	return 0;
}

static int client_open_default(struct jobd *j, struct jobd_error *error)
{
	char places[PLACES_MAX][PLACE_SIZE], why[120];
	mono_us deadline = clock_after(CLIENT_CONNECT_SECONDS * 1000000LL);
	int n = places_default(places);
	struct buf tried;

	buf_init(&tried);
	for (int i = 0; i < n; i++) {
		if (client_open(j, places[i], deadline, why, sizeof(why)) == 0) {
			buf_free(&tried);
			return 0;
		}
		buf_printf(&tried, "%s%s (%s)", i > 0 ? ", " : "", places[i], why);
	}
	buf_putc(&tried, '\0');
	if (buf_failed(&tried))
		client_no_memory(error);
	else
		inbox_error(error, "connection", "no jobd answers at %s; is it running? JOBD_ADDRESS says where else it is",
			    buf_data(&tried));
	buf_free(&tried);
	return -1;
}

struct jobd *jobd_connect(const char *address, struct jobd_error *error)
{
	struct jobd *j = calloc(1, sizeof(*j));
	int rc;

	if (j == NULL) {
		client_no_memory(error);
		return NULL;
	}
	j->conn.fd = -1;
	inbox_init(&j->in, j->address);
	if (address == NULL)
		address = getenv("JOBD_ADDRESS");
	if (address != NULL && *address != '\0')
		rc = client_open_one(j, address, error);
	else
		rc = client_open_default(j, error);
	if (rc == 0)
		return j;
	free(j);
	return NULL;
}

void jobd_close(struct jobd *j)
{
	if (j == NULL)
		return;
	inbox_free(&j->in);
	conn_close(&j->conn);
	buf_free(&j->out);
	free(j);
}

/* One try to connect anew. 0; -EPROTO: whoever is there cannot be trusted; another -errno. */
static int client_open_again(struct jobd *j, mono_us deadline, struct jobd_error *error)
{
	char address[sizeof(j->address)], why[320];
	int rc;

	memcpy(address, j->address, sizeof(address));
	inbox_fail(&j->in, "the connection to jobd at %s was given up", address);
	conn_close(&j->conn);
	rc = client_open(j, address, deadline, why, sizeof(why));
	if (rc < 0) {
		inbox_error(error, "connection", "no jobd answers at %s: %s; is it running?", address, why);
		return rc;
	}
	buf_clear(&j->out);
	j->write_broken = false;
	inbox_restart(&j->in);
	return 0;
}

int jobd_reconnect_once(struct jobd *j, int timeout_ms, struct jobd_error *error)
{
	return client_open_again(j, clock_after(timeout_ms * 1000LL), error) < 0 ? -1 : 0;
}

int jobd_reconnect(struct jobd *j, struct jobd_error *error)
{
	mono_us deadline = clock_after(CLIENT_AGAIN_SECONDS * 1000000LL);
	int rc;

	while ((rc = client_open_again(j, deadline, error)) < 0 && rc != -EPROTO && clock_mono() < deadline)
		poll(NULL, 0, CLIENT_AGAIN_PAUSE);
	return rc < 0 ? -1 : 0;
}

int jobd_fd(const struct jobd *j)
{
	return j->conn.fd;
}

const char *jobd_address(const struct jobd *j)
{
	return j->address;
}

/* ---- moving bytes ---- */

/* Sends what can go. Whether any did. */
static bool client_write(struct jobd *j)
{
	size_t before = buf_len(&j->out);

	while (buf_len(&j->out) > 0 && !j->write_broken) {
		ssize_t n = conn_write(&j->conn, buf_data(&j->out), buf_len(&j->out));

		if (n == -EAGAIN)
			break;
		if (n < 0)
			j->write_broken = true;
		else
			buf_consume(&j->out, (size_t)n);
	}
	return buf_len(&j->out) < before;
}

/* Takes in one piece of what is there. Whether there was any (the end counts). */
static bool client_read(struct jobd *j)
{
	char *to = buf_reserve(&j->in.bytes, CLIENT_READ_BYTES);
	ssize_t n;

	if (to == NULL) {
		inbox_fail(&j->in, "out of memory");
		return true;
	}
	n = conn_read(&j->conn, to, CLIENT_READ_BYTES);
	if (n == -EAGAIN)
		return false;
	if (n > 0) {
		buf_commit(&j->in.bytes, (size_t)n);
		inbox_read(&j->in);
	} else if (n == 0) {
		inbox_fail(&j->in, "jobd at %s closed the connection", j->address);
	} else {
		inbox_fail(&j->in, "the connection to jobd at %s broke: %s", j->address, strerror((int)-n));
	}
	return true;
}

/* Moves something, waiting for it if need be. 0; -ETIMEDOUT; or the connection is over and `failure` says why. */
static int client_pump(struct jobd *j, mono_us deadline)
{
	for (;;) {
		bool wrote, read;
		int rc;

		if (inbox_failed(&j->in))
			return -ENOTCONN;
		wrote = client_write(j);
		read = client_read(j);
		if (wrote || read)
			return 0;
		rc = conn_wait(&j->conn, buf_len(&j->out) > 0 && !j->write_broken, deadline);
		if (rc == -ETIMEDOUT)
			return rc;
		if (rc < 0)
			inbox_fail(&j->in, "the connection to jobd at %s broke: %s", j->address, strerror(-rc));
	}
}

/* The same for a wait that goes on until something of its own has come: a flood of other things must not outlast its time. */
static int client_pump_until(struct jobd *j, mono_us deadline, int *rounds)
{
	if (deadline != MONO_NEVER && ++*rounds > 64 && clock_mono() >= deadline)
		return -ETIMEDOUT;
	return client_pump(j, deadline);
}

static mono_us client_deadline(int timeout_ms)
{
	return timeout_ms < 0 ? MONO_NEVER : timeout_ms == 0 ? MONO_PAST : clock_after(timeout_ms * 1000LL);
}

/* Tells why a wait brought nothing. */
static void client_tell(const struct jobd *j, int rc, struct jobd_error *error)
{
	if (rc == -ETIMEDOUT)
		inbox_error(error, "timeout", "nothing came from %s in time", j->address);
	else
		*error = j->in.failure;
}

/* ---- what goes out ---- */

static int client_encode(struct jobd *j, int64_t number, const char *method, const json_t *params, size_t *size)
{
	size_t before = buf_len(&j->out);
	struct jwriter w;
	int rc;

	jw_init(&w, &j->out);
	jw_object(&w);
	jw_put_string(&w, "jsonrpc", "2.0");
	jw_put_int(&w, "id", number);
	jw_put_string(&w, "method", method);
	if (params != NULL) {
		jw_key(&w, "params");
		jw_value(&w, params);
	}
	jw_object_end(&w);
	buf_putc(&j->out, '\n');
	*size = buf_len(&j->out) - before;
	if (!buf_failed(&j->out) && !jtext_too_deep(buf_data(&j->out) + before, *size))
		return 0;
	buf_truncate(&j->out, before);
	rc = buf_failed(&j->out) ? -ENOMEM : -EINVAL;
	j->out.failed = false;
	return rc;
}

static int client_send(struct jobd *j, const char *method, const json_t *params, struct jobd_error *error)
{
	struct call *call;
	int rc;

	if (inbox_failed(&j->in)) {
		*error = j->in.failure;
		return -1;
	}
	call = inbox_expect(&j->in, j->last_number + 1);
	if (call == NULL)
		return client_no_memory(error);
	j->last_number = call->number;
	rc = client_encode(j, call->number, method, params, &call->size);
	if (rc < 0)
		inbox_forget(&j->in, call);
	if (rc == -ENOMEM)
		return client_no_memory(error);
	if (rc < 0)
		return inbox_error(error, "usage", "the request is nested more than %d levels deep", JTEXT_DEPTH_MAX);
	return buf_len(&j->out) > CLIENT_OUT_BYTES ? jobd_flush(j, error) : 0;
}

int64_t jobd_send(struct jobd *j, const char *method, json_t *params, struct jobd_error *error)
{
	int rc = client_send(j, method, params, error);

	json_decref(params);
	return rc < 0 ? -1 : j->last_number;
}

int jobd_flush(struct jobd *j, struct jobd_error *error)
{
	while (buf_len(&j->out) > 0) {
		if (client_pump(j, MONO_NEVER) < 0) {
			*error = j->in.failure;
			return -1;
		}
	}
	return 0;
}

/* ---- what is asked for ---- */

json_t *jobd_receive(struct jobd *j, int64_t *number, int timeout_ms, struct jobd_error *error)
{
	mono_us deadline = client_deadline(timeout_ms);
	struct call *call;
	int rc, rounds = 0;

	if (*number != 0 ? inbox_find(&j->in, *number) == NULL : j->in.calls == NULL) {
		inbox_error(error, "usage", "there is no such request to be answered");
		return NULL;
	}
	for (;;) {
		call = *number != 0 ? inbox_find(&j->in, *number) : TAILQ_FIRST(&j->in.arrived);
		if (call != NULL && call->answer != NULL)
			break;
		rc = client_pump_until(j, deadline, &rounds);
		if (rc < 0) {
			client_tell(j, rc, error);
			return NULL;
		}
	}
	*number = call->number;
	return inbox_take(&j->in, call, error);
}

json_t *jobd_call(struct jobd *j, const char *method, json_t *params, struct jobd_error *error)
{
	int64_t number = jobd_send(j, method, params, error);

	return number > 0 ? jobd_receive(j, &number, -1, error) : NULL;
}

json_t *jobd_event(struct jobd *j, int timeout_ms, struct jobd_error *error)
{
	mono_us deadline = client_deadline(timeout_ms);
	int rc, rounds = 0;

	while (STAILQ_EMPTY(&j->in.events)) {
		rc = client_pump_until(j, deadline, &rounds);
		if (rc < 0 && STAILQ_EMPTY(&j->in.events)) {
			client_tell(j, rc, error);
			return NULL;
		}
	}
	return inbox_take_event(&j->in);
}

bool jobd_pending(const struct jobd *j)
{
	return !TAILQ_EMPTY(&j->in.arrived) || !STAILQ_EMPTY(&j->in.events);
}
