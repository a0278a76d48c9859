#include "base/buf.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum { BUF_FIRST = 256 };

void buf_free(struct buf *b)
{
	free(b->base);
	buf_init(b);
}

void buf_clear(struct buf *b)
{
	b->start = b->end = 0;
	b->failed = false;
}

static void buf_slide(struct buf *b)
{
	memmove(b->base, b->base + b->start, buf_len(b));
	b->end -= b->start;
	b->start = 0;
}

static bool buf_grow(struct buf *b, size_t n)
{
	size_t need = buf_len(b) + n;
	size_t cap = b->cap ? b->cap : BUF_FIRST;
	char *base;

	if (need < n || need > SIZE_MAX / 2)
		return false;
	while (cap < need)
		cap *= 2;
	if (b->start > 0)
		buf_slide(b);
	base = realloc(b->base, cap);
	if (base == NULL)
		return false;
	b->base = base;
	b->cap = cap;
	return true;
}

char *buf_reserve(struct buf *b, size_t n)
{
	if (b->failed)
		return NULL;
	if (b->cap - b->end < n) {
		if (b->start >= b->cap / 2 && b->cap - buf_len(b) >= n)
			buf_slide(b);
		else if (!buf_grow(b, n)) {
			b->failed = true;
			return NULL;
		}
	}
	return b->base + b->end;
}

void buf_put(struct buf *b, const void *p, size_t n)
{
	char *to = buf_reserve(b, n);

	if (to != NULL && n > 0) {
		memcpy(to, p, n);
		b->end += n;
	}
}

void buf_puts(struct buf *b, const char *s)
{
	buf_put(b, s, strlen(s));
}

void buf_putc(struct buf *b, char c)
{
	char *to = buf_reserve(b, 1);

	if (to != NULL) {
		*to = c;
		b->end++;
	}
}

void buf_vprintf(struct buf *b, const char *fmt, va_list ap)
{
	va_list again;
	char *to = buf_reserve(b, 64);
	int n;

	if (to == NULL)
		return;
	va_copy(again, ap);
	n = vsnprintf(to, b->cap - b->end, fmt, ap);
	if (n >= 0 && (size_t)n >= b->cap - b->end) {
		to = buf_reserve(b, (size_t)n + 1);
		if (to != NULL)
			n = vsnprintf(to, b->cap - b->end, fmt, again);
	}
	va_end(again);
	if (n < 0)
		b->failed = true;
	else if (to != NULL)
		b->end += (size_t)n;
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	buf_vprintf(b, fmt, ap);
	va_end(ap);
}

void buf_consume(struct buf *b, size_t n)
{
	b->start += n;
	if (b->start == b->end)
		b->start = b->end = 0;
}

void buf_truncate(struct buf *b, size_t n)
{
	b->end = b->start + n;
}

void buf_shrink(struct buf *b, size_t keep)
{
	if (buf_len(b) == 0 && b->cap > keep)
		buf_free(b);
}

char *buf_steal(struct buf *b, size_t *len)
{
	char *base;

	buf_putc(b, '\0');
	if (b->failed) {
		buf_free(b);
		return NULL;
	}
	if (b->start > 0)
		buf_slide(b);
	base = b->base;
	if (len != NULL)
		*len = b->end - 1;
	buf_init(b);
	return base;
}
