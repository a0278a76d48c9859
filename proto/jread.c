#include "proto/jread.h"

#include <endian.h>
#include <stdint.h>
#include <string.h>

#include "proto/jtext.h"
#include "proto/utf8.h"

enum { DIGITS_MAX = 18 };	/* as many always fit 64 bits */

static json_t *jread_value(struct jread *r);

static void jread_space(struct jread *r)
{
	while (r->at < r->end && (*r->at == ' ' || *r->at == '\t' || *r->at == '\n' || *r->at == '\r'))
		r->at++;
}

/* Is this what comes next, space before it left out? Then it is behind. */
static bool jread_is(struct jread *r, char c)
{
	jread_space(r);
	if (r->at == r->end || *r->at != c)
		return false;
	r->at++;
	return true;
}

/* A token that is not plain. Where rests are asked for, a long one leaves the whole text to jansson. */
static json_t *jread_odd(const struct jread *r, const char *text)
{
	size_t len = (size_t)(r->at - text);

	return r->rest == NULL || len <= JTEXT_PART ? json_loadb(text, len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL) : NULL;
}

/* ---- strings ---- */

/* Goes to what needs a look, eight bytes a step: '"', '\', what is below ' ', or not ASCII. Up to 7 bytes too few at the end. */
static void jread_plain(struct jread *r)
{
	const uint64_t ones = 0x0101010101010101u, tops = ones << 7;

	while (r->end - r->at >= 8) {
		uint64_t v, quote, slash, odd;

		memcpy(&v, r->at, 8);
		v = le64toh(v);
		quote = v ^ ones * '"';
		slash = v ^ ones * '\\';
		odd = ((quote - ones) | (slash - ones) | (v - ones * ' ') | v) & tops;	/* sure of the first; later ones borrow */
		if (odd != 0) {
			r->at += __builtin_ctzll(odd) / 8;
			return;
		}
		r->at += 8;
	}
}

/* What follows the first '"', up to the last. False: it is none. */
static bool jread_text(struct jread *r, const char **text, size_t *len, bool *odd)
{
	size_t n;

	*text = r->at;
	*odd = false;
	for (jread_plain(r); r->at < r->end && *r->at != '"'; r->at += n) {
		n = *r->at == '\\' ? 2 : (unsigned char)*r->at < ' ' ? 0 : utf8_char(r->at, (size_t)(r->end - r->at));
		if (n == 0 || n > (size_t)(r->end - r->at))
			return false;
		*odd |= *r->at == '\\';
	}
	if (r->at == r->end)
		return false;
	*len = (size_t)(r->at++ - *text);
	return true;
}

static json_t *jread_string(struct jread *r)
{
	const char *text;
	size_t len;
	bool odd;

	r->at++;
	if (!jread_text(r, &text, &len, &odd))
		return NULL;
	return odd ? jread_odd(r, text - 1) : json_stringn_nocheck(text, len);
}

/* ---- numbers, words ---- */

static bool jread_digit(const struct jread *r)
{
	return r->at < r->end && *r->at >= '0' && *r->at <= '9';
}

static json_t *jread_number(struct jread *r)
{
	const char *from = r->at, *digits;
	int64_t n = 0;

	r->at += *r->at == '-';
	for (digits = r->at; jread_digit(r) && r->at - digits < DIGITS_MAX; r->at++)
		n = 10 * n + (*r->at - '0');
	if (r->at == digits || (*digits == '0' && r->at - digits > 1))
		return NULL;
	if (!jread_digit(r) && (r->at == r->end || strchr(".eE", *r->at) == NULL))
		return json_integer(*from == '-' ? -n : n);
	while (jread_digit(r) || (r->at < r->end && *r->at != '\0' && strchr("+-.eE", *r->at) != NULL))
		r->at++;
	return jread_odd(r, from);
}

static json_t *jread_word(struct jread *r, const char *word, json_t *value)
{
	size_t n = strlen(word);

	if ((size_t)(r->end - r->at) < n || memcmp(r->at, word, n) != 0)
		return NULL;
	r->at += n;
	return value;
}

/* ---- arrays, objects ---- */

static bool jread_elements(struct jread *r, json_t *array)
{
	if (jread_is(r, ']'))
		return true;
	do {
		if (json_array_append_new(array, jread_value(r)) != 0)
			return false;
	} while (jread_is(r, ','));
	return jread_is(r, ']');
}

static bool jread_member(struct jread *r, json_t *object)
{
	size_t before = json_object_size(object), len;
	const char *name;
	bool odd;

	if (!jread_is(r, '"') || !jread_text(r, &name, &len, &odd) || odd || !jread_is(r, ':'))
		return false;
	return json_object_setn_new_nocheck(object, name, len, jread_value(r)) == 0 && json_object_size(object) > before;
}

static bool jread_members(struct jread *r, json_t *object)
{
	if (jread_is(r, '}'))
		return true;
	do {
		if (!jread_member(r, object))
			return false;
	} while (jread_is(r, ','));
	return jread_is(r, '}');
}

static json_t *jread_inside(struct jread *r, json_t *whole, bool (*parts)(struct jread *r, json_t *whole))
{
	bool ok;

	r->at++;
	r->depth++;
	ok = whole != NULL && r->depth <= JTEXT_DEPTH_MAX && parts(r, whole);
	r->depth--;
	if (!ok)
		json_decref(whole);
	return ok ? whole : NULL;
}

/* ---- all ---- */

/* After each part of the text; false: it is not to go on. */
static bool jread_rests(struct jread *r)
{
	size_t left = (size_t)(r->end - r->at);

	if (r->rest != NULL && left <= r->left) {
		r->left = left > JTEXT_PART ? left - JTEXT_PART : 0;
		r->stopped = r->rest() != 0;
	}
	return !r->stopped;
}

static json_t *jread_value(struct jread *r)
{
	jread_space(r);
	if (r->at == r->end || !jread_rests(r))
		return NULL;
	switch (*r->at) {
	case '{':
		return jread_inside(r, json_object(), jread_members);
	case '[':
		return jread_inside(r, json_array(), jread_elements);
	case '"':
		return jread_string(r);
	case 't':
		return jread_word(r, "true", json_true());
	case 'f':
		return jread_word(r, "false", json_false());
	case 'n':
		return jread_word(r, "null", json_null());
	default:
		return *r->at == '-' || jread_digit(r) ? jread_number(r) : NULL;
	}
}

json_t *jread(struct jread *r, const char *text, size_t len, int (*rest)(void))
{
	json_t *value;

	*r = (struct jread){ .at = text, .end = text + len, .rest = len > JTEXT_PART ? rest : NULL, .left = len - JTEXT_PART };
	value = jread_value(r);
	jread_space(r);
	if (value != NULL && r->at == r->end)
		return value;
	json_decref(value);
	return NULL;
}
