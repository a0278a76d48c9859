/*
 * request: a JSON-RPC 2.0 request or batch out of a line, and the envelope of
 * its reply.
 */
#ifndef JOBD_REQUEST_H
#define JOBD_REQUEST_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "proto/error.h"

struct buf;

enum { REQUEST_BATCH_MAX = 1000 };

struct request {
	json_t *id;		/* own reference: string, number or null; NULL = notification */
	const char *method;	/* borrowed from `whole`; NULL: it is no valid Request */
	json_t *params;		/* borrowed from `whole`: an object, or NULL */
	json_t *whole;		/* own reference to the request's object */
};

/*
 * Checks one element against the JSON-RPC 2.0 specification. 0; or -1 with
 * *error set, and out->id what the error is to be answered with: null where the
 * request's own cannot be told, NULL where it is a well-formed notification,
 * which is never answered. Either way *out is to be freed by request_free.
 * `element` is borrowed.
 */
int request_read(json_t *element, struct request *out, struct rpc_error *error);
void request_free(struct request *rq);

/* A whole reply without its newline, appended. `id` may be NULL: null. */
void reply_result(struct buf *out, const json_t *id, const char *result, size_t len);
void reply_error(struct buf *out, const json_t *id, const struct rpc_error *error);

#endif
