/*
 * jtext: JSON text read, and told from what is none.
 *
 * jansson parses, with what every text of ours demands: UTF-8, no duplicate
 * member, one value and nothing after it, nesting that a coroutine's small
 * stack can bear. Writing is jwriter's. Short of memory, jansson by itself would
 * leave out what it could not keep, or find a fault with the text: not so here.
 */
#ifndef JOBD_JTEXT_H
#define JOBD_JTEXT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/jwriter.h"

struct buf;

enum { JTEXT_DEPTH_MAX = 64, JTEXT_PART = 32 * 1024 };

/*
 * Parses; NULL on failure with what is wrong in why[why_size] ("string or '}'
 * expected near '2', at byte 9"). The result is the caller's. Refuses what jtext_too_deep says, so that text from anywhere (a
 * client's line, the body of a web page) is safe to parse on a coroutine's stack. errno is ENOMEM where it is not the text's
 * fault, and EINVAL where it is.
 */
json_t *jtext_parse(const char *text, size_t len, char *why, size_t why_size);
/* The same, with a rest after every JTEXT_PART bytes; where rest() is not 0 it ends there, and the result is NULL. */
json_t *jtext_parse_in_parts(const char *text, size_t len, int (*rest)(void), char *why, size_t why_size);
/* A text of our own, which may nest deeper, and be any value: NULL for want of memory (or where it is no text of ours). */
json_t *jtext_load(const char *text, size_t len);

/* Do more than JTEXT_DEPTH_MAX brackets enclose something in the text? Strings do not count. Quick: no parser. */
bool jtext_too_deep(const char *text, size_t len);

/* The whole value as text appended to `out`; the same as jw_value on a fresh writer. */
void jtext_put(struct buf *out, const json_t *value);

/* Are the bytes well-formed UTF-8 (RFC 3629)? */
bool jtext_utf8(const void *data, size_t len);

/* Decodes base64 (RFC 4648, padded) appended to `out`; -EINVAL if it is none, -ENOMEM. */
int jtext_base64_decode(struct buf *out, const char *text, size_t len);

#endif
