/* utf8: where characters begin and end. */
#ifndef JOBD_UTF8_H
#define JOBD_UTF8_H

#include <stddef.h>

/* The length of the well-formed character (RFC 3629: no surrogate, no overlong form) at `text`; 0 if there is none. */
static inline size_t utf8_char(const char *text, size_t left)
{
	const unsigned char *p = (const unsigned char *)text;
	size_t n = p[0] < 0x80 ? 1 : p[0] < 0xC2 ? 0 : p[0] < 0xE0 ? 2 : p[0] < 0xF0 ? 3 : p[0] < 0xF5 ? 4 : 0;

	if (n > left)
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((p[i] & 0xC0) != 0x80)
			return 0;
	if ((p[0] == 0xE0 && p[1] < 0xA0) || (p[0] == 0xF0 && p[1] < 0x90))
		return 0;	/* overlong */
	if ((p[0] == 0xED && p[1] > 0x9F) || (p[0] == 0xF4 && p[1] > 0x8F))
		return 0;	/* a surrogate, or past U+10FFFF */
	return n;
}

/*
 * The length of the longest start of the text that does not end inside a
 * character: len, or up to three less. Bytes that are not UTF-8 at all count
 * as characters of one byte.
 */
static inline size_t utf8_whole(const char *text, size_t len)
{
	for (size_t back = 1; back <= 3 && back <= len; back++) {
		unsigned char c = (unsigned char)text[len - back];

		if ((c & 0xC0) == 0x80)
			continue;
		if ((c >= 0xF0 && c < 0xF8) || (c >= 0xE0 && c < 0xF0 && back < 3) || (c >= 0xC2 && c < 0xE0 && back < 2))
			return len - back;
		return len;
	}
	return len;
}

/* The length of the longest such start of at most max bytes. */
static inline size_t utf8_clip(const char *text, size_t len, size_t max)
{
	return len <= max ? len : utf8_whole(text, max);
}

#endif
