/*
 * jobd/client.h: the C client library of jobd.
 *
 * One connection, one thread at a time, blocking. Requests may be pipelined:
 * jobd_send any number, then jobd_receive each answer by its number. Link with
 * -ljobd (pkg-config jobd). JSON values are jansson's.
 *
 *	struct jobd_error error;
 *	struct jobd *j = jobd_connect(NULL, &error);
 *	json_t *job = json_pack("{s:s, s:{s:f}}", "type", "sleep", "args", "seconds", 1.5);
 *	json_t *answer = j != NULL ? jobd_submit(j, job, &error) : NULL;
 *
 *	if (answer == NULL)
 *		fprintf(stderr, "%s\n", error.message);
 *
 * A program that has other things to wait for takes what has come with a
 * timeout of 0, and polls jobd_fd beside them once jobd_pending is false
 * (asking for one thing reads others in). Whatever has arrived is kept until
 * it is asked for: answers without bound, for there are no more of them than
 * requests; notifications up to 64 MiB of text, after which the rest is
 * dropped and the last that jobd_event gives is {"kind": "lagged"}.
 *
 * On a `tls://` address the server's certificate must be valid for the host,
 * by the system's authorities or, if set, those in the file $JOBD_TLS_CA. The
 * client shows $JOBD_TLS_CERTIFICATE (with $JOBD_TLS_KEY) if set.
 */
#ifndef JOBD_CLIENT_H
#define JOBD_CLIENT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

struct jobd;

/* What the daemon answered instead of a result, or what went wrong on the way to it. */
struct jobd_error {
	int code;			/* JSON-RPC's; 0: not the daemon's word, see reason */
	/*
	 * error.data.reason, e.g. "not_found". Where code is 0: "connection" (there
	 * is none, or it broke), "address" (cannot be understood), "timeout" (nothing
	 * came within timeout_ms), "memory", "usage" (of this library).
	 */
	char reason[32];
	char field[96];			/* error.data.field, or "" */
	char message[512];		/* a sentence for a person */
	int64_t id;			/* error.data.id, or 0 */
};

/*
 * address: "host:port", "tls://host:port", "unix:PATH"; NULL: $JOBD_ADDRESS,
 * else the first of the default places where a daemon answers: the Unix socket
 * where jobd would put it for this user, /run/jobd/jobd.sock, 127.0.0.1:7420.
 * Gives up after 10 seconds. NULL on failure.
 */
struct jobd *jobd_connect(const char *address, struct jobd_error *error);
void jobd_close(struct jobd *j);

/* The descriptor, for poll: readable does not mean that a whole answer is there. */
int jobd_fd(const struct jobd *j);
/* The address in use, as text. */
const char *jobd_address(const struct jobd *j);

/*
 * Calls and waits. params (an object, or NULL) is stolen. The result is the
 * caller's; NULL on failure. Notifications met meanwhile are kept for jobd_event.
 */
json_t *jobd_call(struct jobd *j, const char *method, json_t *params, struct jobd_error *error);

/* Is it that the connection broke, so that nobody knows whether the request arrived? */
static inline bool jobd_lost(const struct jobd_error *error)
{
	return error->code == 0 && strcmp(error->reason, "connection") == 0;
}

/*
 * Calls job.submit and waits; job is stolen. Where it has no request_id it gets
 * one (jobd_request_id), and where the connection is lost before the answer, a
 * new one is made (jobd_reconnect) and it is submitted once more: one job
 * results, whichever of the two it was that arrived.
 */
json_t *jobd_submit(struct jobd *j, json_t *job, struct jobd_error *error);

/*
 * For who submits in another way: puts 128 random bits as request_id into a job
 * that has none, so that it may be submitted again. 0; -1.
 */
int jobd_request_id(json_t *job, struct jobd_error *error);

/*
 * Connects anew to the address in use, for a connection that was lost: tries for
 * 5 seconds, for a daemon may be about to be there again. What came and was not
 * taken stays; requests without an answer get the failure for theirs;
 * subscriptions and a login went with the old connection. 0; -1.
 */
int jobd_reconnect(struct jobd *j, struct jobd_error *error);

/* The same with a single try of at most timeout_ms, for a program that has other things to do between the tries. */
int jobd_reconnect_once(struct jobd *j, int timeout_ms, struct jobd_error *error);

/*
 * Queues a request (sent by the next call that waits, by jobd_flush, or when
 * many have gathered); params is stolen. Its number, > 0; -1 on failure.
 */
int64_t jobd_send(struct jobd *j, const char *method, json_t *params, struct jobd_error *error);
/* 0 once all is sent; -1. What the daemon sends meanwhile is taken in, so that neither can hold up the other. */
int jobd_flush(struct jobd *j, struct jobd_error *error);
/*
 * The answer to request `number` (0: whichever comes next; *number is set, to
 * 0 if the failure is not one request's). Waits up to timeout_ms (-1: for
 * ever). NULL: the daemon answered with an error; or none came, or the
 * connection broke (code 0).
 */
json_t *jobd_receive(struct jobd *j, int64_t *number, int timeout_ms, struct jobd_error *error);

/* The next notification's params; waits as jobd_receive does. NULL: none came, or failure. */
json_t *jobd_event(struct jobd *j, int timeout_ms, struct jobd_error *error);

/* Is there an answer or a notification that has been read and not been taken yet? */
bool jobd_pending(const struct jobd *j);

#ifdef __cplusplus
}
#endif

#endif
