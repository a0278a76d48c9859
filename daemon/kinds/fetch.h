/*
 * fetch: one HTTP exchange, by libcurl, as a call that parks.
 *
 * No redirect is followed and no name looked up here: the caller says which
 * address to go to. Connections are kept and used again.
 */
#ifndef JOBD_FETCH_H
#define JOBD_FETCH_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "base/buf.h"
#include "coro/coro.h"
#include "coro/resolve.h"

enum { FETCH_HEAD_MAX = 256 << 10 };	/* bytes of headers; more is `too_large` */

struct fetch {
	/* Asked for; borrowed while fetch_run parks. */
	CURLU *url;
	const char *method;			/* as sent */
	const struct curl_slist *headers;	/* curl's syntax */
	const void *body;			/* NULL: none */
	size_t body_len;
	const union resolved_address *address;	/* where the URL's host is */
	size_t body_max;			/* a longer answer is `too_large` */
	bool verify_tls;
	bool skip_redirects;			/* drop the body of an answer that redirects */
	/* Told a few times a second at most, in the coroutine's turn, where the length is known; or NULL. */
	void (*progress)(void *arg, double fraction, const char *message);
	void *progress_arg;

	/* The answer. */
	int status;
	struct buf head;			/* see fetch_header_next */
	struct buf answer;			/* the body */

	/* Why there is none. */
	const char *failure;			/* a word for error.reason, or NULL */
	bool unreached;				/* nothing was sent: another address may do better */
	char why[CURL_ERROR_SIZE];

	/* fetch.c's own. */
	TAILQ_ENTRY(fetch) link;
	CURL *easy;				/* while it is libcurl's */
	struct cond cond;			/* done, deaf or tick */
	bool queued, done, tick, deaf;
	bool endless;				/* no deadline */
	bool begun, skipping;			/* of the body: has come, is dropped */
	size_t head_bytes, received;
	int64_t length;				/* of the body, as announced; -1: not */
	const char *exceeded;			/* "body is", "headers are": longer than limit; or NULL */
	size_t limit;
	mono_us told;
	char to[INET6_ADDRSTRLEN + 16];
	struct curl_slist connect_to;
};

void fetch_init(struct fetch *f);	/* all zero, verify_tls */
void fetch_free(struct fetch *f);	/* its contents */

/*
 * Sends the request and takes the answer. 0 with the answer set or, if there
 * was none, `failure` and `why`; -ECANCELED or -ETIMEDOUT: the transfer is gone
 * at once. May be used again for the next hop.
 */
int fetch_run(struct fetch *f, mono_us deadline) PARKS;

/* Goes through the answer's headers in their order: *at starts as 0. False past the last. */
bool fetch_header_next(const struct fetch *f, size_t *at, const char **name, const char **value);
/* The first header of that name; NULL if there is none. */
const char *fetch_header(const struct fetch *f, const char *name);

/* Is it one of those that send the client elsewhere? */
bool fetch_status_redirects(int status);

struct fetch_stats {
	size_t running;		/* transfers under way */
	size_t idle;		/* easy handles kept for the next ones */
};

void fetch_stats(struct fetch_stats *out);

/* Ends libcurl's part, closes kept connections; no transfer may be under way. */
void fetch_close(void);

#endif
