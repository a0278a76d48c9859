/*
 * screen: the terminal, taken over as a whole and given back as it was.
 *
 * From screen_open to screen_close signals do not end the program, and keys do
 * not appear: screen_wait tells of them. Only rows that have changed are
 * written, all of them at once, so that nothing flickers.
 */
#ifndef JOBCTL_SCREEN_H
#define JOBCTL_SCREEN_H

#include <stdbool.h>
#include <termios.h>

#include "client/frame.h"

enum screen_event {
	SCREEN_TIME,		/* the time is up */
	SCREEN_OTHER,		/* the other descriptor is readable */
	SCREEN_KEY,		/* a key that means nothing */
	SCREEN_SIZE,		/* it has another size, or was someone else's meanwhile: show it again */
	SCREEN_QUIT		/* "q", Ctrl-C, a signal to end, or the terminal is gone */
};

struct screen {
	struct termios before;
	int signals;
	int width, height;
	struct frame shown;	/* rows NULL: unknown */
};

/* False: failed, was said. */
bool screen_open(struct screen *s);
void screen_close(struct screen *s);

/* Whatever comes first; `other`: a descriptor to wait for too. */
enum screen_event screen_wait(struct screen *s, int other, int timeout_ms);

/* Takes the frame, of the screen's size; f is empty then. False: the terminal does not take it. */
bool screen_show(struct screen *s, struct frame *f);

#endif
