#include "proto/jwriter.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "proto/jtext.h"
#include "proto/timefmt.h"
#include "proto/utf8.h"

void jw_init(struct jwriter *w, struct buf *out)
{
	w->out = out;
	w->comma = false;
}

/* Room for a comma and n bytes; returns where the n go, with the comma already put, or NULL. */
static char *jw_room(struct jwriter *w, size_t n)
{
	char *to = buf_reserve(w->out, n + 1);

	if (to != NULL && w->comma) {
		*to = ',';
		buf_commit(w->out, 1);
		to++;
	}
	return to;
}

static void jw_text(struct jwriter *w, const char *text, size_t len)
{
	char *to = jw_room(w, len);

	if (to != NULL) {
		memcpy(to, text, len);
		buf_commit(w->out, len);
	}
	w->comma = true;
}

void jw_object(struct jwriter *w)
{
	jw_text(w, "{", 1);
	w->comma = false;
}

void jw_object_end(struct jwriter *w)
{
	buf_putc(w->out, '}');
	w->comma = true;
}

void jw_array(struct jwriter *w)
{
	jw_text(w, "[", 1);
	w->comma = false;
}

void jw_array_end(struct jwriter *w)
{
	buf_putc(w->out, ']');
	w->comma = true;
}

void jw_key(struct jwriter *w, const char *key)
{
	size_t len = strlen(key);
	char *to = jw_room(w, len + 3);

	if (to != NULL) {
		to[0] = '"';
		memcpy(to + 1, key, len);
		to[len + 1] = '"';
		to[len + 2] = ':';
		buf_commit(w->out, len + 3);
	}
	w->comma = false;
}

void jw_null(struct jwriter *w)
{
	jw_text(w, "null", 4);
}

void jw_bool(struct jwriter *w, bool value)
{
	jw_text(w, value ? "true" : "false", value ? 4 : 5);
}

void jw_int(struct jwriter *w, int64_t value)
{
	uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
	char digits[20];
	size_t at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + rest % 10);
		rest /= 10;
	} while (rest > 0);
	if (value < 0)
		digits[--at] = '-';
	jw_text(w, digits + at, sizeof(digits) - at);
}

/*
 * What printf made of a finite number, as JSON: whatever stands for the decimal
 * point in this locale becomes ".", and a number without one or an exponent
 * gets ".0", so that a reader still takes it for a real. Returns the length.
 */
static size_t jw_real_text(char *text, const char *printed)
{
	bool real = false;
	size_t n = 0;

	for (const char *p = printed; *p != '\0'; p++) {
		bool part = (*p >= '0' && *p <= '9') || *p == '-' || *p == '+' || *p == 'e';

		real |= *p == 'e' || !part;
		if (part)
			text[n++] = *p;
		else if (n > 0 && text[n - 1] != '.')
			text[n++] = '.';
	}
	if (!real) {
		text[n++] = '.';
		text[n++] = '0';
	}
	return n;
}

/* Its own frame, so that jw_value's recursion stays slim. */
__attribute__((noinline)) void jw_real(struct jwriter *w, double value)
{
	char printed[48], text[48];

	if (!isfinite(value)) {
		jw_null(w);
		return;
	}
	for (int digits = 15; digits <= 17; digits++) {
		snprintf(printed, sizeof(printed), "%.*g", digits, value);
		if (strtod(printed, NULL) == value)
			break;
	}
	jw_text(w, text, jw_real_text(text, printed));
}

/* 0: as it is; 'u': \u00xx; else the letter after the backslash. */
static const char jw_escapes[256] = {
	[0 ... 7] = 'u', ['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', [11] = 'u', ['\f'] = 'f', ['\r'] = 'r',
	[14 ... 31] = 'u', ['"'] = '"', ['\\'] = '\\',
};

static void jw_escape(struct buf *out, unsigned char c)
{
	static const char hex[] = "0123456789abcdef";
	char text[6] = { '\\', jw_escapes[c], '0', '0', hex[c >> 4], hex[c & 15] };

	if (c >= 0x80)
		buf_puts(out, "\xef\xbf\xbd");		/* not UTF-8: U+FFFD in its place */
	else
		buf_put(out, text, jw_escapes[c] == 'u' ? 6 : 2);
}

/* The top bit of some byte is set if a byte is 0; of none if none is. */
static inline uint64_t jw_zeros(uint64_t v)
{
	return (v - UINT64_C(0x0101010101010101)) & ~v & UINT64_C(0x8080808080808080);
}

/* Eight bytes of plain ASCII: nothing to escape, nothing to check? */
static inline bool jw_plain_word(const char *text)
{
	const uint64_t ones = UINT64_C(0x0101010101010101);
	uint64_t v;

	memcpy(&v, text, 8);
	return ((v | (v - ones * 0x20)) & ones * 0x80) == 0 && (jw_zeros(v ^ ones * '"') | jw_zeros(v ^ ones * '\\')) == 0;
}

/* How many bytes at the front can be copied as they are. */
static size_t jw_plain(const char *text, size_t len)
{
	size_t n = 0, step;

	for (; n < len; n += step) {
		unsigned char c = (unsigned char)text[n];

		if (len - n >= 8 && jw_plain_word(text + n))
			step = 8;
		else
			step = c >= 0x80 ? utf8_char(text + n, len - n) : jw_escapes[c] == 0;
		if (step == 0)
			break;
	}
	return n;
}

static void jw_escaped(struct buf *out, const char *text, size_t len)
{
	buf_putc(out, '"');
	while (len > 0) {
		size_t plain = jw_plain(text, len);

		buf_put(out, text, plain);
		if (plain < len)
			jw_escape(out, (unsigned char)text[plain++]);
		text += plain;
		len -= plain;
	}
	buf_putc(out, '"');
}

void jw_stringn(struct jwriter *w, const char *text, size_t len)
{
	char *to = jw_room(w, len + 2);

	w->comma = true;
	if (to != NULL && jw_plain(text, len) == len) {
		to[0] = '"';
		memcpy(to + 1, text, len);
		to[len + 1] = '"';
		buf_commit(w->out, len + 2);
		return;
	}
	jw_escaped(w->out, text, len);
}

void jw_string(struct jwriter *w, const char *text)
{
	jw_stringn(w, text, strlen(text));
}

void jw_raw(struct jwriter *w, const char *json, size_t len)
{
	jw_text(w, json, len);
}

static void jw_members(struct jwriter *w, json_t *object)
{
	const char *key;
	json_t *value;

	jw_object(w);
	json_object_foreach(object, key, value) {
		jw_string(w, key);
		buf_putc(w->out, ':');
		w->comma = false;
		jw_value(w, value);
	}
	jw_object_end(w);
}

static void jw_elements(struct jwriter *w, const json_t *array)
{
	jw_array(w);
	for (size_t i = 0; i < json_array_size(array); i++)
		jw_value(w, json_array_get(array, i));
	jw_array_end(w);
}

void jw_value(struct jwriter *w, const json_t *value)
{
	switch (json_typeof(value)) {
	case JSON_OBJECT:
		jw_members(w, (json_t *)value);	/* jansson's iterators want it so; nothing is changed */
		break;
	case JSON_ARRAY:
		jw_elements(w, value);
		break;
	case JSON_STRING:
		jw_stringn(w, json_string_value(value), json_string_length(value));
		break;
	case JSON_INTEGER:
		jw_int(w, json_integer_value(value));
		break;
	case JSON_REAL:
		jw_real(w, json_real_value(value));
		break;
	case JSON_TRUE:
	case JSON_FALSE:
		jw_bool(w, json_is_true(value));
		break;
	case JSON_NULL:
		jw_null(w);
		break;
	}
}

void jw_time(struct jwriter *w, int64_t wall_ms)
{
	char text[TIMEFMT_SIZE];

	timefmt_write(text, wall_ms);
	jw_string(w, text);
}

void jw_base64(struct jwriter *w, const void *data, size_t len)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const unsigned char *p = data;
	size_t groups = (len + 2) / 3;
	char *to = jw_room(w, groups * 4 + 2);

	w->comma = true;
	if (to == NULL)
		return;
	*to++ = '"';
	for (size_t i = 0; i < len; i += 3, to += 4) {
		size_t left = len - i;
		uint32_t bits = (uint32_t)p[i] << 16;

		bits |= left > 1 ? (uint32_t)p[i + 1] << 8 : 0;
		bits |= left > 2 ? p[i + 2] : 0;
		to[0] = digits[bits >> 18];
		to[1] = digits[bits >> 12 & 63];
		to[2] = left > 1 ? digits[bits >> 6 & 63] : '=';
		to[3] = left > 2 ? digits[bits & 63] : '=';
	}
	*to = '"';
	buf_commit(w->out, groups * 4 + 2);
}

/* ---- members ---- */

void jw_put_bool(struct jwriter *w, const char *key, bool value)
{
	jw_key(w, key);
	jw_bool(w, value);
}

void jw_put_int(struct jwriter *w, const char *key, int64_t value)
{
	jw_key(w, key);
	jw_int(w, value);
}

void jw_put_real(struct jwriter *w, const char *key, double value)
{
	jw_key(w, key);
	jw_real(w, value);
}

void jw_put_string(struct jwriter *w, const char *key, const char *text)
{
	jw_key(w, key);
	jw_string(w, text);
}

void jw_put_raw(struct jwriter *w, const char *key, const char *json, size_t len)
{
	jw_key(w, key);
	jw_raw(w, json, len);
}

void jw_put_time(struct jwriter *w, const char *key, int64_t wall_ms)
{
	jw_key(w, key);
	jw_time(w, wall_ms);
}

void jw_put_seconds(struct jwriter *w, const char *key, int64_t ms)
{
	uint64_t rest = ms < 0 ? 0 - (uint64_t)ms : (uint64_t)ms;
	char text[32];
	int n = snprintf(text, sizeof(text), "%s%llu.%03u", ms < 0 ? "-" : "", (unsigned long long)(rest / 1000),
			 (unsigned)(rest % 1000));

	while (text[n - 1] == '0')
		n--;
	if (text[n - 1] == '.')
		n--;
	jw_key(w, key);
	jw_raw(w, text, (size_t)n);
}

void jw_put_bytes(struct jwriter *w, const char *key, const void *data, size_t len)
{
	char name[64];

	if (jtext_utf8(data, len)) {
		jw_key(w, key);
		jw_stringn(w, data, len);
		return;
	}
	snprintf(name, sizeof(name), "%s_base64", key);
	jw_key(w, name);
	jw_base64(w, data, len);
}
