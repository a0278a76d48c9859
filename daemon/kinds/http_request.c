/*
 * One reader serves both the check at submit and the run, so that what was
 * accepted is what is sent. The args must outlive the request: strings are
 * borrowed from them.
 *
 * A redirect changes it as browsers do: 303 makes a GET of anything but HEAD,
 * 301 and 302 one of a POST; 307 and 308 send the same again. Authorization,
 * Cookie and Host are for the origin they were written for (scheme, host and
 * port): after a redirect to another they are left out, also on a way back.
 */
#include "kinds/http_request.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "proto/jtext.h"

enum {
	HTTP_METHOD_MAX = 32,
	HTTP_HEADERS_MAX = 256,
	HTTP_BODY_MAX = 1 << 30		/* of the answer, by max_body */
};

/* ---- the URL ---- */

/* Takes the text (relative to what is there, if anything) into url. 0; -EINVAL with a phrase; or -ENOMEM. */
static int http_url_set(CURLU *url, const char *text, unsigned flags, char *why, size_t why_size)
{
	CURLUcode code = curl_url_set(url, CURLUPART_URL, text, CURLU_URLENCODE | flags);
	char *scheme = NULL;
	bool ours;

	if (code == CURLUE_OUT_OF_MEMORY)
		return -ENOMEM;
	if (code != CURLUE_OK) {
		snprintf(why, why_size, "%s", curl_url_strerror(code));
		return -EINVAL;
	}
	if (curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OUT_OF_MEMORY)
		return -ENOMEM;
	ours = scheme != NULL &&
	       (strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0);
	if (!ours)
		snprintf(why, why_size, "its scheme is %.32s, and only http and https are spoken", scheme ? scheme : "absent");
	curl_free(scheme);
	return ours ? 0 : -EINVAL;
}

/* One part of the URL into out[size]; "" if it lacks, -EINVAL if it is too long. */
static int http_url_part(CURLU *url, CURLUPart part, unsigned flags, char *out, size_t size)
{
	char *text = NULL;
	CURLUcode code = curl_url_get(url, part, &text, flags);
	int n = snprintf(out, size, "%s", code == CURLUE_OK ? text : "");

	curl_free(text);
	return code == CURLUE_OUT_OF_MEMORY ? -ENOMEM : (size_t)n < size ? 0 : -EINVAL;
}

int http_request_target(const struct http_request *rq, char host[HTTP_HOST_SIZE], char port[HTTP_PORT_SIZE])
{
	unsigned flags = 0;
	int rc;

#ifdef CURLU_PUNYCODE
	flags = CURLU_PUNYCODE;
#endif
	rc = http_url_part(rq->url, CURLUPART_HOST, flags, host, HTTP_HOST_SIZE);
	if (rc == 0)
		rc = http_url_part(rq->url, CURLUPART_PORT, CURLU_DEFAULT_PORT, port, HTTP_PORT_SIZE);
	if (rc == 0 && host[0] == '[') {
		char zone[32];

		host[strlen(host) - 1] = '\0';
		memmove(host, host + 1, strlen(host));
		rc = http_url_part(rq->url, CURLUPART_ZONEID, 0, zone, sizeof(zone));
		if (rc == 0 && zone[0] != '\0')
			snprintf(host + strlen(host), HTTP_HOST_SIZE - strlen(host), "%%%s", zone);
	}
	return rc == 0 && host[0] == '\0' ? -EINVAL : rc;
}

bool http_request_secure(const struct http_request *rq)
{
	char scheme[8];

	return http_url_part(rq->url, CURLUPART_SCHEME, 0, scheme, sizeof(scheme)) == 0 && strcmp(scheme, "https") == 0;
}

/* ---- reading the args ---- */

static void http_read_url(struct params *p, struct http_request *rq)
{
	char why[96], host[HTTP_HOST_SIZE], port[HTTP_PORT_SIZE];
	const char *text = params_need_string(p, "url");
	int rc;

	if (p->error->kind != RPC_OK || params_later(p, "url"))
		return;
	rc = http_url_set(rq->url, text, 0, why, sizeof(why));
	if (rc == -EINVAL)
		params_refuse(p, "url", "must be an http or https URL, and cannot be read as one: %s", why);
	if (rc == 0)
		rc = http_request_target(rq, host, port);
	if (rc == -ENOMEM)
		rpc_error_set(p->error, RPC_OVERLOADED, NULL, "the daemon is out of memory: try later");
	else if (p->error->kind == RPC_OK && rc != 0)
		params_refuse(p, "url", "must name a host, of at most %d bytes", HTTP_HOST_SIZE - 1);
	else if (rc == 0 && strcmp(port, "0") == 0)
		params_refuse(p, "url", "must name a port from 1 to 65535, or none");
}

/* RFC 9110's token: what methods and header names are made of. */
static bool http_is_token(const char *text, size_t max)
{
	size_t len = strspn(text, "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");

	return len > 0 && len <= max && text[len] == '\0';
}

/* The common ones in whatever case, as people type them. */
static const char *http_common_method(const char *method)
{
	static const char *const common[] = { "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS" };

	for (size_t i = 0; i < sizeof(common) / sizeof(common[0]); i++)
		if (strcasecmp(method, common[i]) == 0)
			return common[i];
	return method;
}

static void http_read_method(struct params *p, struct http_request *rq)
{
	const char *method = params_string(p, "method", rq->body != NULL ? "POST" : "GET");

	rq->method = http_common_method(method);
	if (!http_is_token(method, HTTP_METHOD_MAX))
		params_refuse(p, "method", "must be an HTTP method: 1 to %d letters, digits or -", HTTP_METHOD_MAX);
	else if (strcasecmp(method, "CONNECT") == 0)
		params_refuse(p, "method", "cannot be CONNECT: this is no proxy's client");
	if (rq->body == NULL && (!strcmp(rq->method, "POST") || !strcmp(rq->method, "PUT") || !strcmp(rq->method, "PATCH")))
		rq->body = "";	/* says Content-Length: 0, which servers want of these */
}

static void http_check_header_value(struct params *headers, const char *name, const json_t *value)
{
	const char *text = json_string_value(value);

	if (params_value_later(headers, value))
		return;
	if (text == NULL)
		params_refuse(headers, name, "must be a string, or an array of strings");
	else if (strlen(text) != json_string_length(value) || strpbrk(text, "\r\n") != NULL)
		params_refuse(headers, name, "must be one line: without CR, LF and NUL");
}

static void http_check_header(struct params *headers, const char *name, const json_t *value)
{
	static const char *const own[] = { "Content-Length", "Transfer-Encoding", "Expect" };

	if (!http_is_token(name, 256))
		params_refuse(headers, name, "is not a header's name: that is letters, digits and -");
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		if (strcasecmp(name, own[i]) == 0)
			params_refuse(headers, name, "cannot be set: it follows from the body");
	if (!json_is_array(value))
		http_check_header_value(headers, name, value);
	for (size_t i = 0; i < json_array_size(value); i++)
		http_check_header_value(headers, name, json_array_get(value, i));
}

static void http_read_headers(struct params *p, struct http_request *rq)
{
	char path[64];
	struct params headers;
	const char *name;
	json_t *value;

	rq->headers = params_object(p, "headers");
	if (json_object_size(rq->headers) > HTTP_HEADERS_MAX)
		params_refuse(p, "headers", "may have at most %d members", HTTP_HEADERS_MAX);
	params_init_inner(&headers, rq->headers, p, "headers", path, sizeof(path));
	json_object_foreach(rq->headers, name, value)
		http_check_header(&headers, name, value);
}

static void http_read_text_body(struct params *p, struct http_request *rq)
{
	size_t len;
	const char *text = params_bytes(p, "body", &len);

	if (text != NULL) {
		rq->body = text;
		rq->body_len = len;
	}
}

static void http_read_base64_body(struct params *p, struct http_request *rq)
{
	size_t len;
	const char *text = params_bytes(p, "body_base64", &len);

	if (text == NULL)
		return;
	if (jtext_base64_decode(&rq->text, text, len) < 0)
		params_refuse(p, "body_base64", "must be base64 (RFC 4648, padded)");
	rq->body = buf_len(&rq->text) > 0 ? buf_data(&rq->text) : "";
	rq->body_len = buf_len(&rq->text);
}

static void http_read_json_body(struct params *p, struct http_request *rq)
{
	json_t *value = params_any(p, "json");

	if (value == NULL)
		return;
	jtext_put(&rq->text, value);
	if (buf_failed(&rq->text)) {
		rpc_error_set(p->error, RPC_OVERLOADED, NULL, "there is no memory for the body");
		return;
	}
	rq->body = buf_data(&rq->text);
	rq->body_len = buf_len(&rq->text);
	rq->json = true;
}

static void http_read_body(struct params *p, struct http_request *rq)
{
	static const char *const names[] = { "body", "json", "body_base64" };
	const char *first = NULL;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!params_has(p, names[i]))
			continue;
		if (first != NULL)
			params_refuse(p, names[i], "cannot stand beside %s: a request has one body", first);
		first = names[i];
	}
	http_read_text_body(p, rq);
	http_read_json_body(p, rq);
	http_read_base64_body(p, rq);
}

/* 404, or [200, 299]. */
static bool http_read_range(const json_t *element, int *from, int *to)
{
	const json_t *low = json_is_array(element) ? json_array_get(element, 0) : element;
	const json_t *high = json_is_array(element) ? json_array_get(element, 1) : element;

	if (!json_is_integer(low) || !json_is_integer(high) || json_array_size(element) > 2)
		return false;
	if (json_integer_value(low) < 100 || json_integer_value(high) > 999 ||
	    json_integer_value(low) > json_integer_value(high))
		return false;
	*from = (int)json_integer_value(low);
	*to = (int)json_integer_value(high);
	return true;
}

static void http_read_ok_status(struct params *p, struct http_request *rq)
{
	json_t *ranges = params_array(p, "ok_status", HTTP_RANGES_MAX);

	rq->ok[0].from = 200;
	rq->ok[0].to = 299;
	rq->ok_len = ranges != NULL ? json_array_size(ranges) : 1;
	if (rq->ok_len == 0)
		params_refuse(p, "ok_status", "must name at least one status");
	for (size_t i = 0; i < json_array_size(ranges); i++)
		if (!params_value_later(p, json_array_get(ranges, i)) &&
		    !http_read_range(json_array_get(ranges, i), &rq->ok[i].from, &rq->ok[i].to))
			params_refuse(p, "ok_status", "must hold pairs [from, to] of statuses from 100 to 999, or single ones");
}

int http_request_read(struct params *p, struct http_request *rq)
{
	memset(rq, 0, sizeof(*rq));
	rq->url = curl_url();
	if (rq->url == NULL)
		return rpc_error_set(p->error, RPC_OVERLOADED, NULL, "there is no memory for one more request");
	http_read_url(p, rq);
	http_read_headers(p, rq);
	http_read_body(p, rq);
	http_read_method(p, rq);
	rq->follow_redirects = params_bool(p, "follow_redirects", true);
	rq->verify_tls = params_bool(p, "verify_tls", true);
	rq->body_max = (size_t)params_int(p, "max_body", 1 << 20, 0, HTTP_BODY_MAX);
	http_read_ok_status(p, rq);
	return params_done(p);
}

void http_request_free(struct http_request *rq)
{
	curl_url_cleanup(rq->url);
	buf_free(&rq->text);
	memset(rq, 0, sizeof(*rq));
}

/* ---- sending ---- */

static bool http_among(const char *name, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcasecmp(name, names[i]) == 0)
			return true;
	return false;
}

static bool http_header_stays(const struct http_request *rq, const char *name)
{
	static const char *const credentials[] = { "Authorization", "Cookie", "Proxy-Authorization", "Host" };
	static const char *const of_body[] = { "Content-Type", "Content-Encoding", "Content-Language", "Content-Location" };

	if (rq->foreign && http_among(name, credentials, sizeof(credentials) / sizeof(credentials[0])))
		return false;
	return !rq->bodiless || !http_among(name, of_body, sizeof(of_body) / sizeof(of_body[0]));
}

/* In libcurl's syntax "Name;" is an empty header, "Name:" none at all. */
static bool http_add_header(struct curl_slist **list, const char *name, const char *value)
{
	struct buf line;
	struct curl_slist *longer;

	buf_init(&line);
	value += strspn(value, " \t");
	if (*value == '\0')
		buf_printf(&line, "%s;", name);
	else
		buf_printf(&line, "%s: %s", name, value);
	buf_putc(&line, '\0');
	longer = buf_failed(&line) ? NULL : curl_slist_append(*list, buf_data(&line));
	buf_free(&line);
	if (longer != NULL)
		*list = longer;
	return longer != NULL;
}

static bool http_add_headers(const struct http_request *rq, struct curl_slist **list, bool *typed)
{
	const char *name;
	json_t *value;

	json_object_foreach(rq->headers, name, value) {
		if (!http_header_stays(rq, name))
			continue;
		*typed |= strcasecmp(name, "Content-Type") == 0;
		if (json_is_string(value) && !http_add_header(list, name, json_string_value(value)))
			return false;
		for (size_t i = 0; i < json_array_size(value); i++)
			if (!http_add_header(list, name, json_string_value(json_array_get(value, i))))
				return false;
	}
	return true;
}

struct curl_slist *http_request_headers(const struct http_request *rq)
{
	struct curl_slist *list = curl_slist_append(NULL, "Expect:"), *longer = list;
	bool typed = false;

	if (list == NULL)
		return NULL;
	if (!http_add_headers(rq, &list, &typed))
		longer = NULL;
	else if (!typed)	/* libcurl would call any body a form's */
		longer = curl_slist_append(list, rq->json && !rq->bodiless ? "Content-Type: application/json" : "Content-Type:");
	if (longer == NULL)
		curl_slist_free_all(list);
	return longer;
}

bool http_request_ok(const struct http_request *rq, int status)
{
	for (size_t i = 0; i < rq->ok_len; i++)
		if (status >= rq->ok[i].from && status <= rq->ok[i].to)
			return true;
	return false;
}

/* ---- redirects ---- */

static bool http_same_origin(CURLU *a, CURLU *b)
{
	static const struct {
		CURLUPart part;
		unsigned flags;
	} parts[] = {
		{ CURLUPART_SCHEME, 0 }, { CURLUPART_HOST, 0 }, { CURLUPART_PORT, CURLU_DEFAULT_PORT },
	};
	char x[HTTP_HOST_SIZE], y[HTTP_HOST_SIZE];

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (http_url_part(a, parts[i].part, parts[i].flags, x, sizeof(x)) < 0 ||
		    http_url_part(b, parts[i].part, parts[i].flags, y, sizeof(y)) < 0 || strcasecmp(x, y) != 0)
			return false;
	return true;
}

static void http_become_get(struct http_request *rq)
{
	rq->method = "GET";
	rq->body = NULL;
	rq->body_len = 0;
	rq->bodiless = true;
	buf_free(&rq->text);
}

int http_request_follow(struct http_request *rq, int status, const char *location, char *why, size_t why_size)
{
	char host[HTTP_HOST_SIZE], port[HTTP_PORT_SIZE];
	CURLU *from = rq->url;
	int rc;

	rq->url = curl_url_dup(from);
	rc = rq->url != NULL ? http_url_set(rq->url, location, CURLU_ALLOW_SPACE, why, why_size) : -ENOMEM;
	if (rc == 0) {
		snprintf(why, why_size, "it names no host");
		rc = http_request_target(rq, host, port);
	}
	if (rc == 0) {
		rq->foreign |= !http_same_origin(from, rq->url);
		if ((status == 303 && strcmp(rq->method, "HEAD") != 0) ||
		    ((status == 301 || status == 302) && strcmp(rq->method, "POST") == 0))
			http_become_get(rq);
		curl_url_cleanup(from);
	} else {
		curl_url_cleanup(rq->url);
		rq->url = from;
	}
	return rc;
}
