#include "proto/frame.h"

#include "base/buf.h"
#include "proto/jtext.h"

void frame_reader_init(struct frame_reader *r, size_t max_bytes)
{
	memset(r, 0, sizeof(*r));
	r->max_bytes = max_bytes;
}

static void frame_consume(struct frame_reader *r, struct buf *in, size_t n)
{
	buf_consume(in, n);
	r->scanned = 0;
}

/* Drops what is left of a refused line; false if its newline has not come yet. */
static bool frame_swallow(struct frame_reader *r, struct buf *in)
{
	size_t len = buf_len(in);
	char *newline = len > 0 ? memchr(buf_data(in), '\n', len) : NULL;

	frame_consume(r, in, newline != NULL ? (size_t)(newline - buf_data(in)) + 1 : len);
	r->swallowing = newline == NULL;
	return newline != NULL;
}

/* Drops white space, whole lines of it too; false if nothing else is there yet. */
static bool frame_skip_blank(struct frame_reader *r, struct buf *in)
{
	size_t len = buf_len(in), i;

	for (i = 0; i < len; i++) {
		char c = buf_data(in)[i];

		if (c == '\n')
			r->skipped = 0;
		else if (c == ' ' || c == '\t' || c == '\r')
			r->skipped++;
		else
			break;
	}
	if (i > 0)
		frame_consume(r, in, i);
	return i < len;
}

/* A line is at the front: `len` bytes and its newline. Takes it off. */
static enum frame_kind frame_take(struct frame_reader *r, struct buf *in, size_t len, struct frame *out)
{
	size_t skipped = r->skipped;

	out->text = buf_data(in);
	out->len = len > 0 && out->text[len - 1] == '\r' ? len - 1 : len;
	frame_consume(r, in, len + 1);
	r->skipped = 0;
	if (out->len + skipped > r->max_bytes)
		return FRAME_TOO_LONG;
	return jtext_too_deep(out->text, out->len) ? FRAME_TOO_DEEP : FRAME_TEXT;
}

/* No newline yet: read on, unless what is there is too long already (a last "\r" may yet be the newline's). */
static enum frame_kind frame_wait(struct frame_reader *r, struct buf *in)
{
	size_t len = buf_len(in);

	r->scanned = len;
	if (buf_data(in)[len - 1] == '\r')
		len--;
	if (len + r->skipped <= r->max_bytes)
		return FRAME_NONE;
	frame_consume(r, in, buf_len(in));
	r->skipped = 0;
	r->swallowing = true;
	return FRAME_TOO_LONG;
}

enum frame_kind frame_next(struct frame_reader *r, struct buf *in, struct frame *out)
{
	char *data, *newline;

	if (r->swallowing && !frame_swallow(r, in))
		return FRAME_NONE;
	if (r->scanned == 0 && !frame_skip_blank(r, in))
		return FRAME_NONE;
	data = buf_data(in);
	if (!r->begun && *data != '{' && *data != '[')
		return FRAME_FOREIGN;
	r->begun = true;
	newline = buf_len(in) > r->scanned ? memchr(data + r->scanned, '\n', buf_len(in) - r->scanned) : NULL;
	return newline != NULL ? frame_take(r, in, (size_t)(newline - data), out) : frame_wait(r, in);
}
