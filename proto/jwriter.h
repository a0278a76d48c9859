/*
 * jwriter: JSON text written straight into a buf.
 *
 * A value already at hand as text is copied as it is, so a record's args, meta
 * and result go from store to wire unparsed. Numbers are written in the
 * shortest form that reads back the same, strings with no escape that JSON does
 * not demand. A byte that is not UTF-8 becomes U+FFFD: no message, whoever made
 * it and wherever it was cut, can spoil the line it stands in.
 *
 * The writer is for well-formed use (begin/end in pairs, a key before each
 * member's value); it puts the commas. Failure is the buf's (buf_failed).
 */
#ifndef JOBD_JWRITER_H
#define JOBD_JWRITER_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;

struct jwriter {
	struct buf *out;
	bool comma;		/* the next key or element needs one before it */
};

void jw_init(struct jwriter *w, struct buf *out);
void jw_object(struct jwriter *w);		/* { */
void jw_object_end(struct jwriter *w);		/* } */
void jw_array(struct jwriter *w);		/* [ */
void jw_array_end(struct jwriter *w);		/* ] */
void jw_key(struct jwriter *w, const char *key);	/* "key": ; key needs no escapes */

/* Values: array elements, or after jw_key. */
void jw_null(struct jwriter *w);
void jw_bool(struct jwriter *w, bool value);
void jw_int(struct jwriter *w, int64_t value);
void jw_real(struct jwriter *w, double value);			/* finite; JSON has no others, they become null */
void jw_string(struct jwriter *w, const char *text);
void jw_stringn(struct jwriter *w, const char *text, size_t len);
void jw_raw(struct jwriter *w, const char *json, size_t len);	/* a JSON text, copied */
void jw_value(struct jwriter *w, const json_t *value);
void jw_time(struct jwriter *w, int64_t wall_ms);		/* RFC 3339, milliseconds */
void jw_base64(struct jwriter *w, const void *data, size_t len);

/* Members: key and value at once. */
void jw_put_bool(struct jwriter *w, const char *key, bool value);
void jw_put_int(struct jwriter *w, const char *key, int64_t value);
void jw_put_real(struct jwriter *w, const char *key, double value);
void jw_put_string(struct jwriter *w, const char *key, const char *text);
void jw_put_raw(struct jwriter *w, const char *key, const char *json, size_t len);
void jw_put_time(struct jwriter *w, const char *key, int64_t wall_ms);
void jw_put_seconds(struct jwriter *w, const char *key, int64_t ms);	/* a duration, as seconds */

/*
 * `key` as a string where the bytes are UTF-8, else `key`_base64: what every
 * member that holds outside bytes does.
 */
void jw_put_bytes(struct jwriter *w, const char *key, const void *data, size_t len);

#endif
