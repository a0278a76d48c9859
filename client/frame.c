#include "client/frame.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <wchar.h>

enum { FRAME_MARKS = 8 /* characters without a width of their own after one that has */ };

int frame_init(struct frame *f, int width, int height, bool colored)
{
	*f = (struct frame){ .width = width, .height = height, .colored = colored };
	f->rows = calloc((size_t)height, sizeof(*f->rows));
	return f->rows != NULL ? 0 : -ENOMEM;
}

void frame_free(struct frame *f)
{
	for (int i = 0; f->rows != NULL && i < f->height; i++)
		buf_free(&f->rows[i]);
	free(f->rows);
	f->rows = NULL;
}

static void frame_pad(struct buf *row, int columns)
{
	for (int i = 0; i < columns; i++)
		buf_putc(row, ' ');
}

int frame_room(const struct frame *f)
{
	return f->row < f->height ? f->width - f->column : 0;
}

bool frame_next(struct frame *f)
{
	if (f->row < f->height) {
		frame_pad(&f->rows[f->row], frame_room(f));
		f->row++;
	}
	f->column = 0;
	return f->row < f->height;
}

int frame_rows(const struct frame *f)
{
	return f->height - f->row;
}

/* ---- characters ---- */

/* The character there: its bytes, and its columns; -1: it is nothing to be shown. */
static size_t frame_character(const char *at, int *columns)
{
	mbstate_t state = { 0 };
	wchar_t wide;
	size_t len = mbrtowc(&wide, at, strlen(at), &state);

	if (len == 0 || len > MB_LEN_MAX) {
		*columns = -1;
		return 1;
	}
	*columns = wcwidth(wide);
	return len;
}

int frame_width(const char *text)
{
	int width = 0, columns;

	for (size_t len; *text != '\0'; text += len) {
		len = frame_character(text, &columns);
		width += columns >= 0 ? columns : 1;
	}
	return width;
}

/* Puts what fits into `room` columns. How many it took. */
static int frame_put(struct buf *row, const char *text, int room)
{
	int used = 0, marks = 0, columns;

	for (size_t len; *text != '\0'; text += len) {
		len = frame_character(text, &columns);
		marks = columns == 0 ? marks + 1 : 0;
		if (marks > FRAME_MARKS)
			continue;
		if (used + (columns >= 0 ? columns : 1) > room)
			break;
		if (columns >= 0)
			buf_put(row, text, len);
		else
			buf_putc(row, '?');
		used += columns >= 0 ? columns : 1;
	}
	return used;
}

/* ---- texts ---- */

void frame_field(struct frame *f, const char *style, const char *text, int width, bool right)
{
	bool styled = style != NULL && f->colored;
	int room = frame_room(f), blank;
	struct buf *row;

	width = width < room ? width : room;
	if (width <= 0)
		return;
	row = &f->rows[f->row];
	blank = width - frame_width(text);
	if (styled)
		buf_puts(row, style);
	if (right && blank > 0)
		frame_pad(row, blank);
	blank = width - (right && blank > 0 ? blank : 0) - frame_put(row, text, width);
	frame_pad(row, blank);
	if (styled)
		buf_puts(row, "\033[0m");
	f->column += width;
}

void frame_text(struct frame *f, const char *style, const char *text)
{
	int width = frame_width(text);

	frame_field(f, style, text, width, false);
}

void frame_printf(struct frame *f, const char *style, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	frame_text(f, style, text);
}
