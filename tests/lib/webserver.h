/*
 * webserver: a small web server on loopback, in a thread of its own, that
 * answers as a script says: at once, late, in chunks, slowly, hugely, not at
 * all, cut off, over TLS.
 *
 *	struct webserver_conf conf = { .script = webserver_paths };
 *	struct webserver *server;
 *
 *	webserver_start(&conf, &server);
 *	... http://127.0.0.1:PORT/delay/1000, PORT = webserver_port(server) ...
 *	webserver_stop(&server);
 *
 * HTTP/1.1 with kept connections; one request of a connection at a time.
 */
#ifndef JOBD_TEST_WEBSERVER_H
#define JOBD_TEST_WEBSERVER_H

#include <stdbool.h>
#include <stddef.h>

struct webserver;

struct web_request {
	const char *method, *target;	/* "GET", "/status/404?x" */
	const char *head;		/* the whole head, as it came */
	const char *body;		/* NUL-ended */
	size_t body_len;
	unsigned connection;		/* its number, from 1 */
	unsigned nth;			/* request of that connection, from 1 */
};

/* All zero is an empty 200. */
struct web_answer {
	int status;
	char headers[1024];		/* more header lines, each with its "\r\n" */
	const void *body;		/* copied, once the script has returned */
	size_t len;
	size_t fill;			/* without a body: this many letters */
	unsigned delay_ms;		/* before anything is sent */
	size_t piece;			/* send so much at a time ... */
	unsigned pause_ms;		/* ... and pause between */
	bool chunked;			/* a chunk a piece, and no Content-Length */
	bool no_length;			/* neither: the close ends the body */
	bool close;			/* the connection, at the end */
	size_t cut_after;		/* close when so much of the body is out */
	const char *raw;		/* send this instead of all the above, then close if asked */
	bool silent;			/* never answer */
};

/* Runs in the server's thread. */
typedef void web_script(const struct web_request *rq, struct web_answer *an, void *arg);

struct webserver_conf {
	web_script *script;
	void *arg;
	const char *certificate, *key;	/* PEM files: speak TLS; NULL: plain */
	const char *address;		/* NULL: 127.0.0.1 */
	unsigned short port;		/* 0: any */
};

/* 0 or -errno. */
int webserver_start(const struct webserver_conf *conf, struct webserver **out);
void webserver_stop(struct webserver **s);

unsigned webserver_port(const struct webserver *s);
unsigned webserver_connections(const struct webserver *s);	/* accepted so far */
unsigned webserver_requests(const struct webserver *s);		/* read so far */
unsigned webserver_open(const struct webserver *s);		/* connections open now */

/*
 * A script for all needs:
 *	/                   "hello"
 *	/delay/MS           "hello" after that time
 *	/status/CODE        that status
 *	/redirect/N         N redirects (302), then "hello"; /redirect/CODE/TARGET: one, with that status
 *	/bytes/N            N letters; /chunked/N in chunks; /slow/N/MS a tenth each MS; /cut/N half of them, then a close
 *	/json               a JSON object
 *	/echo               the request as it came, as text/plain
 *	/hang               nothing, ever
 *	/close              "hello", then closes
 */
web_script webserver_paths;

#endif
