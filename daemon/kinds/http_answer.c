/*
 * Names of headers become lower case, and those that repeat an array. A value
 * that is not UTF-8 is read as Latin-1, as HTTP once had it. A body is text
 * where it is UTF-8, and stands as `json` too where the server says it is JSON
 * and it is.
 */
#include "kinds/http_answer.h"

#include <ctype.h>
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <strings.h>

#include "proto/jtext.h"

enum { HTTP_NAME_MAX = 256 };

#define HTTP_RETRY_AFTER_MAX (366LL * 24 * 3600 * 1000)

/* ---- headers ---- */

static json_t *http_latin1(const char *value)
{
	struct buf text;
	json_t *string;

	buf_init(&text);
	for (const unsigned char *c = (const unsigned char *)value; *c != '\0'; c++) {
		if (*c >= 0x80)
			buf_putc(&text, (char)(0xc0 | *c >> 6));
		buf_putc(&text, (char)(*c >= 0x80 ? 0x80 | (*c & 0x3f) : *c));
	}
	string = buf_failed(&text) ? NULL : json_stringn(buf_data(&text), buf_len(&text));
	buf_free(&text);
	return string;
}

/* One more of that name: a string; from the second on, an array. */
static int http_header_add(json_t *headers, const char *name, const char *value)
{
	json_t *string = jtext_utf8(value, strlen(value)) ? json_string(value) : http_latin1(value);
	json_t *there = json_object_get(headers, name);
	json_t *array;

	if (string == NULL)
		return -ENOMEM;
	if (there == NULL)
		return json_object_set_new(headers, name, string);
	if (json_is_array(there))
		return json_array_append_new(there, string);
	array = json_pack("[O, o]", there, string);
	return array != NULL ? json_object_set_new(headers, name, array) : -ENOMEM;
}

/* False for what is no token: nobody can have meant it as a name. */
static bool http_header_name(const char *name, char lower[HTTP_NAME_MAX])
{
	size_t len = strlen(name);

	if (len == 0 || len >= HTTP_NAME_MAX)
		return false;
	for (size_t i = 0; i <= len; i++) {
		if (name[i] != '\0' && !isgraph((unsigned char)name[i]))
			return false;
		lower[i] = (char)tolower((unsigned char)name[i]);
	}
	return true;
}

static json_t *http_headers(const struct fetch *f)
{
	json_t *headers = json_object();
	char lower[HTTP_NAME_MAX];
	const char *name, *value;
	size_t at = 0;

	while (headers != NULL && fetch_header_next(f, &at, &name, &value))
		if (http_header_name(name, lower) && http_header_add(headers, lower, value) != 0) {
			json_decref(headers);
			headers = NULL;
		}
	return headers;
}

/* ---- the body as JSON ---- */

/* application/json, or anything+json, parameters aside. */
static bool http_says_json(const struct fetch *f)
{
	const char *type = fetch_header(f, "Content-Type");
	size_t len = type != NULL ? strcspn(type, "; \t") : 0;

	return (len == 16 && strncasecmp(type, "application/json", 16) == 0) ||
	       (len > 5 && strncasecmp(type + len - 5, "+json", 5) == 0);
}

/* *json: NULL where it is none. 0 or -ENOMEM. */
static int http_json(const struct fetch *f, json_t **json)
{
	char why[160];

	*json = NULL;
	if (buf_len(&f->answer) == 0 || !http_says_json(f))
		return 0;
	*json = jtext_parse(buf_data(&f->answer), buf_len(&f->answer), why, sizeof(why));
	return *json == NULL && errno == ENOMEM ? -ENOMEM : 0;
}

/* ---- the result ---- */

void http_answer_write(struct buf *out, const struct fetch *f, CURLU *url, mono_us took)
{
	json_t *headers = http_headers(f);
	json_t *json;
	int rc = http_json(f, &json);
	char *last = NULL;
	struct jwriter w;

	if (rc != 0 || headers == NULL || curl_url_get(url, CURLUPART_URL, &last, 0) != CURLUE_OK) {
		out->failed = true;
	} else {
		jw_init(&w, out);
		jw_object(&w);
		jw_put_int(&w, "status", f->status);
		jw_key(&w, "headers");
		jw_value(&w, headers);
		jw_put_bytes(&w, "body", buf_len(&f->answer) > 0 ? buf_data(&f->answer) : "", buf_len(&f->answer));
		if (json != NULL) {
			jw_key(&w, "json");
			jw_value(&w, json);
		}
		jw_put_string(&w, "url", last);
		jw_put_real(&w, "seconds", (double)took / 1e6);
		jw_put_int(&w, "bytes", (int64_t)buf_len(&f->answer));
		jw_object_end(&w);
	}
	curl_free(last);
	json_decref(json);
	json_decref(headers);
}

/* ---- trying again ---- */

bool http_answer_final(int status)
{
	return status >= 400 && status < 500 && status != 408 && status != 425 && status != 429;
}

int64_t http_answer_retry_after(const struct fetch *f)
{
	const char *value = fetch_header(f, "Retry-After");
	int64_t ms = 0;

	if (value == NULL)
		return 0;
	if (value[strspn(value, "0123456789")] == '\0') {
		unsigned long long seconds = strtoull(value, NULL, 10);	/* ULLONG_MAX where it overflows */

		ms = seconds < HTTP_RETRY_AFTER_MAX / 1000 ? (int64_t)seconds * 1000 : HTTP_RETRY_AFTER_MAX;
	} else {
		time_t at = curl_getdate(value, NULL);

		if (at != (time_t)-1)
			ms = (int64_t)at * 1000 - clock_wall();
	}
	return ms < 0 ? 0 : ms < HTTP_RETRY_AFTER_MAX ? ms : HTTP_RETRY_AFTER_MAX;
}
