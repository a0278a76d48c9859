#include "proto/jtext.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "proto/jread.h"
#include "proto/utf8.h"

/* Brackets that open, anywhere: an upper bound of the depth, eight bytes a step. */
static size_t jtext_openings(const char *text, size_t len)
{
	const uint64_t ones = 0x0101010101010101u;
	size_t n = 0, i = 0;

	for (; i + 8 <= len; i += 8) {
		uint64_t v;

		memcpy(&v, text + i, 8);
		v = (v | ones * 0x20) ^ ones * '{';		/* '[' and '{' differ in one bit; both become 0 */
		v |= (v & ones * 0x7f) + ones * 0x7f;		/* the top bit of each byte: it was not 0 */
		n += ((~v >> 7 & ones) * ones) >> 56;		/* the sum of the bytes */
	}
	for (; i < len; i++)
		n += (text[i] | 0x20) == '{';
	return n;
}

bool jtext_too_deep(const char *text, size_t len)
{
	bool in_string = false;
	unsigned depth = 0;

	if (jtext_openings(text, len) <= JTEXT_DEPTH_MAX)
		return false;
	for (size_t i = 0; i < len; i++) {
		char c = text[i];

		if (in_string) {
			if (c == '\\')
				i++;
			else if (c == '"')
				in_string = false;
		} else if (c == '"') {
			in_string = true;
		} else if ((c | 0x20) == '{') {
			if (++depth > JTEXT_DEPTH_MAX)
				return true;
		} else if ((c | 0x20) == '}' && depth > 0) {
			depth--;
		}
	}
	return false;
}

static void jtext_complain(const json_error_t *error, char *why, size_t why_size)
{
	int cause = errno;

	if (cause == ENOMEM)
		snprintf(why, why_size, "out of memory");
	else if (json_error_code(error) == json_error_numeric_overflow)
		snprintf(why, why_size, "a number is out of range (integers: -9223372036854775808 to 9223372036854775807, "
			 "others: to about 1.8e308), at byte %d", error->position);
	else
		snprintf(why, why_size, "%s, at byte %d", error->text, error->position);
	errno = cause;
}

/* ---- jansson's memory ---- */

static _Thread_local unsigned long jtext_refused;	/* allocations, so far */

static void *jtext_malloc(size_t n)
{
	void *p = malloc(n);

	jtext_refused += p == NULL;
	return p;
}

static void jtext_watch_memory(void)
{
	json_set_alloc_funcs(jtext_malloc, free);
}

/* Before it parses: what jtext_whole() is to be given. */
static unsigned long jtext_begin(void)
{
	static pthread_once_t watched = PTHREAD_ONCE_INIT;

	pthread_once(&watched, jtext_watch_memory);
	return jtext_refused;
}

/* The value, or NULL with errno: ENOMEM where any allocation was refused, whatever the parser has made of that. */
static json_t *jtext_whole(json_t *value, unsigned long refused)
{
	bool starved = jtext_refused != refused;

	if (starved) {
		json_decref(value);
		value = NULL;
	}
	if (value == NULL)
		errno = starved ? ENOMEM : EINVAL;
	return value;
}

/* ---- reading ---- */

json_t *jtext_load(const char *text, size_t len)
{
	unsigned long refused = jtext_begin();
	struct jread r;
	json_t *value = jtext_whole(jread(&r, text, len, NULL), refused);

	if (value != NULL || errno == ENOMEM)
		return value;
	return jtext_whole(json_loadb(text, len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL), refused);
}

json_t *jtext_parse(const char *text, size_t len, char *why, size_t why_size)
{
	return jtext_parse_in_parts(text, len, NULL, why, why_size);
}

struct jtext_parts {
	const char *text;
	size_t len, at, part;		/* part: where the next rest is */
	int (*rest)(void);
};

/* jansson: what comes next; nothing ends the text. */
static size_t jtext_next(void *to, size_t size, void *arg)
{
	struct jtext_parts *p = arg;
	size_t n = p->len - p->at < size ? p->len - p->at : size;

	if (p->at >= p->part) {
		p->part += JTEXT_PART;
		if (p->rest() != 0)
			return 0;
	}
	memcpy(to, p->text + p->at, n);
	p->at += n;
	return n;
}

/* What is not JSON, or none that jread takes. */
static json_t *jtext_parse_odd(const char *text, size_t len, int (*rest)(void), char *why, size_t why_size)
{
	enum { FLAGS = JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL };
	struct jtext_parts parts = { text, len, 0, JTEXT_PART, rest };
	unsigned long refused = jtext_begin();
	json_error_t error;
	json_t *value;

	if (jtext_too_deep(text, len)) {
		snprintf(why, why_size, "nested deeper than %d", JTEXT_DEPTH_MAX);
		errno = EINVAL;
		return NULL;
	}
	if (rest != NULL && len > JTEXT_PART)
		value = json_load_callback(jtext_next, &parts, FLAGS, &error);
	else
		value = json_loadb(text, len, FLAGS, &error);
	value = jtext_whole(value, refused);
	if (value == NULL)
		jtext_complain(&error, why, why_size);
	return value;
}

json_t *jtext_parse_in_parts(const char *text, size_t len, int (*rest)(void), char *why, size_t why_size)
{
	unsigned long refused = jtext_begin();
	struct jread r;
	json_t *value = jtext_whole(jread(&r, text, len, rest), refused);

	if (value != NULL)
		return value;
	if (errno != ENOMEM && !r.stopped)
		return jtext_parse_odd(text, len, rest, why, why_size);
	snprintf(why, why_size, "%s", r.stopped ? "it was not read to its end" : "out of memory");
	return NULL;
}

bool jtext_utf8(const void *data, size_t len)
{
	const char *p = data;
	size_t i = 0;

	while (i < len) {
		uint64_t v;
		size_t n;

		if (len - i >= 8 && (memcpy(&v, p + i, 8), (v & 0x8080808080808080u) == 0)) {
			i += 8;
			continue;
		}
		n = utf8_char(p + i, len - i);
		if (n == 0)
			return false;
		i += n;
	}
	return true;
}

static int jtext_base64_digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Four characters → one to three bytes: how many, or 0 if they are no group. Only the last group may be padded. */
static size_t jtext_base64_group(const char *in, bool last, char *out)
{
	size_t digits = in[3] != '=' || !last ? 4 : in[2] != '=' ? 3 : 2;
	uint32_t bits = 0;

	for (size_t i = 0; i < 4; i++) {
		int digit = i < digits ? jtext_base64_digit(in[i]) : 0;

		if (digit < 0)
			return 0;
		bits = bits << 6 | (uint32_t)digit;
	}
	if ((digits == 3 && (bits & 0xff) != 0) || (digits == 2 && (bits & 0xffff) != 0))
		return 0;	/* bits that belong to no byte: two texts would mean the same bytes */
	out[0] = (char)(bits >> 16);
	out[1] = (char)(bits >> 8);
	out[2] = (char)bits;
	return digits - 1;
}

int jtext_base64_decode(struct buf *out, const char *text, size_t len)
{
	char *to = buf_reserve(out, len / 4 * 3 + 3);
	size_t n = 0;

	if (to == NULL)
		return -ENOMEM;
	if (len % 4 != 0)
		return -EINVAL;
	for (size_t i = 0; i < len; i += 4) {
		size_t got = jtext_base64_group(text + i, i + 4 == len, to + n);

		if (got == 0)
			return -EINVAL;
		n += got;
	}
	buf_commit(out, n);
	return 0;
}

void jtext_put(struct buf *out, const json_t *value)
{
	struct jwriter w;

	jw_init(&w, out);
	jw_value(&w, value);
}
