/*
 * frame: bytes → one JSON text a line, checked for length and depth before any
 * parser sees it.
 *
 * Feed it a buffer again and again: it remembers how far it has looked, so a
 * byte is looked at once however the bytes arrive. An over-long or over-deep
 * line is swallowed, without being kept, up to its newline and told once.
 */
#ifndef JOBD_FRAME_H
#define JOBD_FRAME_H

#include <stdbool.h>
#include <stddef.h>

struct buf;

enum frame_kind {
	FRAME_NONE,		/* no whole line yet: read more */
	FRAME_TEXT,		/* a line, at most max_bytes long and JTEXT_DEPTH_MAX deep */
	FRAME_TOO_LONG,		/* a line longer than max_bytes began; the rest of it is swallowed */
	FRAME_TOO_DEEP,		/* a line nested too deeply; swallowed */
	FRAME_FOREIGN		/* the first non-blank byte is neither { nor [: not a client of ours */
};

struct frame {
	char *text;		/* in the buffer: valid until the buffer is next appended to */
	size_t len;		/* without "\n", "\r\n" */
};

struct frame_reader {
	size_t max_bytes;	/* longest line, its newline not counted */
	size_t scanned;		/* bytes at the front of the buffer known to hold no newline */
	size_t skipped;		/* white space at this line's front, already consumed */
	bool swallowing;	/* inside a line already refused */
	bool begun;		/* the connection's first non-blank byte has been seen */
};

void frame_reader_init(struct frame_reader *r, size_t max_bytes);

/*
 * Takes the next line off the front of `in`; lines of white space are skipped.
 * FRAME_TEXT: *out holds it until `in` is next appended to. Call until FRAME_NONE,
 * or FRAME_FOREIGN, after which nothing more is read.
 */
enum frame_kind frame_next(struct frame_reader *r, struct buf *in, struct frame *out);

#endif
