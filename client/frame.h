/*
 * frame: what a full screen is to show, row by row, each as wide as the screen.
 *
 * Texts are cut where their room ends, by the columns that characters take;
 * what a terminal would obey becomes "?".
 */
#ifndef JOBCTL_FRAME_H
#define JOBCTL_FRAME_H

#include <stdbool.h>

#include "base/buf.h"

#define FRAME_BOLD "\033[1m"
#define FRAME_DIM "\033[2m"
#define FRAME_REVERSE "\033[7m"
#define FRAME_RED "\033[31m"
#define FRAME_YELLOW "\033[33m"

struct frame {
	int width, height;
	bool colored;
	int row, column;	/* where the next text goes */
	struct buf *rows;	/* `height` of them */
};

/* 0, or -ENOMEM. */
int frame_init(struct frame *f, int width, int height, bool colored);
void frame_free(struct frame *f);

/* Columns left in this row. */
int frame_room(const struct frame *f);
/* Fills the row with spaces and goes to the next one; false: there is none, and what is put goes nowhere. */
bool frame_next(struct frame *f);
/* Rows left, with this one. */
int frame_rows(const struct frame *f);

/* As much of the text as there is room for. style: what a terminal is told before it; NULL: nothing. */
void frame_text(struct frame *f, const char *style, const char *text);
void frame_printf(struct frame *f, const char *style, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* The text in exactly `width` columns. */
void frame_field(struct frame *f, const char *style, const char *text, int width, bool right);

/* The columns that the text takes. */
int frame_width(const char *text);

#endif
