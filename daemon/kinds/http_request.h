/* http_request: what an http job asks for, read from its args, and what becomes of it at a redirect. */
#ifndef JOBD_HTTP_REQUEST_H
#define JOBD_HTTP_REQUEST_H

#include <curl/curl.h>
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "proto/params.h"

enum { HTTP_RANGES_MAX = 32, HTTP_HOST_SIZE = 256, HTTP_PORT_SIZE = 8 };

struct http_request {
	CURLU *url;			/* own; of this hop */
	const char *method;		/* borrowed from the args, or a literal */
	json_t *headers;		/* borrowed, or NULL */
	const void *body;		/* NULL: none; in `text`, or borrowed */
	size_t body_len;
	struct buf text;
	bool json;			/* the body is; said unless the headers say otherwise */
	bool follow_redirects, verify_tls;
	size_t body_max;
	struct {
		int from, to;
	} ok[HTTP_RANGES_MAX];
	size_t ok_len;
	/* What redirects have done to it. */
	bool foreign;			/* it has left the first origin: credentials stay behind */
	bool bodiless;			/* it has become a GET: what described its body goes too */
};

/* Reads all args; what is wrong is in p->error. Free it either way. */
int http_request_read(struct params *p, struct http_request *rq);
void http_request_free(struct http_request *rq);

/* Where to connect: the URL's host, without brackets and in ASCII, and port. 0, or -EINVAL, -ENOMEM. */
int http_request_target(const struct http_request *rq, char host[HTTP_HOST_SIZE], char port[HTTP_PORT_SIZE]);

bool http_request_secure(const struct http_request *rq);	/* https? */

/* The header lines for libcurl, the caller's; NULL when out of memory. */
struct curl_slist *http_request_headers(const struct http_request *rq);

/*
 * Turns it into what comes after a 301, 302, 303, 307 or 308 with that Location. 0; or
 * -EINVAL with a sentence in why: not a place to go to.
 */
int http_request_follow(struct http_request *rq, int status, const char *location, char *why, size_t why_size);

bool http_request_ok(const struct http_request *rq, int status);

#endif
