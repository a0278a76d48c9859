/* webserver_paths: what to answer is said in the request's path. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "webserver.h"

static void web_text(struct web_answer *an, const char *text)
{
	an->body = text;
	an->len = strlen(text);
	strcpy(an->headers, "Content-Type: text/plain\r\n");
}

/* "N": N times 302, then hello. "CODE/TARGET": once, to any place. */
static void web_redirect(struct web_answer *an, const char *rest)
{
	const char *target = strchr(rest, '/');
	int n = atoi(rest);

	if (n == 0) {
		web_text(an, "hello");
		return;
	}
	an->status = target != NULL ? n : 302;
	web_text(an, "elsewhere");
	if (target != NULL)
		snprintf(an->headers, sizeof(an->headers), "Location: %s\r\n", target + 1);
	else
		snprintf(an->headers, sizeof(an->headers), "Location: /redirect/%d\r\n", n - 1);
}

static void web_echo(const struct web_request *rq, struct web_answer *an)
{
	static __thread char text[96 << 10];
	int n = snprintf(text, sizeof(text), "%s", rq->head);

	if ((size_t)n + rq->body_len < sizeof(text)) {
		memcpy(text + n, rq->body, rq->body_len);
		text[(size_t)n + rq->body_len] = '\0';
	}
	web_text(an, text);
}

static bool web_path(const char *target, const char *prefix, const char **rest)
{
	size_t len = strlen(prefix);

	*rest = target + len;
	return strncmp(target, prefix, len) == 0;
}

void webserver_paths(const struct web_request *rq, struct web_answer *an, void *arg)
{
	const char *rest, *second;

	(void)arg;
	if (web_path(rq->target, "/delay/", &rest)) {
		web_text(an, "hello");
		an->delay_ms = (unsigned)atoi(rest);
	} else if (web_path(rq->target, "/status/", &rest)) {
		web_text(an, "as you asked");
		an->status = atoi(rest);
	} else if (web_path(rq->target, "/redirect/", &rest)) {
		web_redirect(an, rest);
	} else if (web_path(rq->target, "/bytes/", &rest)) {
		an->fill = strtoul(rest, NULL, 10);
	} else if (web_path(rq->target, "/chunked/", &rest)) {
		an->fill = strtoul(rest, NULL, 10);
		an->piece = 1000;
		an->chunked = true;
	} else if (web_path(rq->target, "/slow/", &rest)) {
		second = strchr(rest, '/');
		an->fill = strtoul(rest, NULL, 10);
		an->piece = an->fill / 10 + 1;
		an->pause_ms = second != NULL ? (unsigned)atoi(second + 1) : 10;
	} else if (web_path(rq->target, "/cut/", &rest)) {
		an->fill = strtoul(rest, NULL, 10);
		an->cut_after = an->fill / 2;
	} else if (web_path(rq->target, "/json", &rest)) {
		web_text(an, "{ \"ok\": true,\n \"n\": [1, 2.5, \"\\u00e9\"] }");
		strcpy(an->headers, "Content-Type: application/json; charset=utf-8\r\n");
	} else if (web_path(rq->target, "/echo", &rest)) {
		web_echo(rq, an);
	} else if (web_path(rq->target, "/hang", &rest)) {
		an->silent = true;
	} else {
		web_text(an, "hello");
		an->close = web_path(rq->target, "/close", &rest);
	}
}
