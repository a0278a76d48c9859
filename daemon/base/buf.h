/*
 * buf: a growing run of bytes, filled at the end and consumed from the front.
 *
 * Allocation failure is sticky: it empties nothing already there, sets
 * `failed`, and turns further appends into no-ops, so that a writer checks once
 * at its end (buf_failed) instead of after each piece.
 */
#ifndef JOBD_BUF_H
#define JOBD_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct buf {
	char *base;		/* allocated block, or NULL */
	size_t start;		/* first byte not yet consumed */
	size_t end;		/* one past the last byte */
	size_t cap;
	bool failed;		/* an allocation failed since buf_init */
};

static inline void buf_init(struct buf *b) { memset(b, 0, sizeof(*b)); }
static inline size_t buf_len(const struct buf *b) { return b->end - b->start; }
/* The first byte; NULL in a buffer that has never held one. */
static inline char *buf_data(const struct buf *b) { return b->base != NULL ? b->base + b->start : NULL; }
static inline bool buf_failed(const struct buf *b) { return b->failed; }

void buf_free(struct buf *b);		/* also leaves it as buf_init does */
void buf_clear(struct buf *b);		/* empties it; keeps the block and clears `failed` */

/* Room for at least n more bytes behind the end; returns where they go, or NULL. */
char *buf_reserve(struct buf *b, size_t n);
/* Counts n bytes, written where buf_reserve said, as part of the buffer. */
static inline void buf_commit(struct buf *b, size_t n) { b->end += n; }

void buf_put(struct buf *b, const void *p, size_t n);
void buf_puts(struct buf *b, const char *s);
void buf_putc(struct buf *b, char c);
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void buf_vprintf(struct buf *b, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));

/* Drops n bytes from the front. */
void buf_consume(struct buf *b, size_t n);
/* Drops bytes from the end so that n remain (n <= buf_len). */
void buf_truncate(struct buf *b, size_t n);
/* Gives a large, now empty block back to the allocator; keeps a small one. */
void buf_shrink(struct buf *b, size_t keep);

/*
 * Ends the text with a NUL and hands its malloc'ed block to the caller; the
 * buffer is as after buf_init. NULL when it failed. *len may be NULL.
 */
char *buf_steal(struct buf *b, size_t *len);

#endif
