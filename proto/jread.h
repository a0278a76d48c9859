/*
 * jread: JSON text into a jansson value, quickly.
 *
 * jansson looks at each byte of a string through five calls: for a submit it
 * took half of the loop's time. Here is read what is plain; a number or string
 * that is not is jansson's still, and so is the last word on any text that is
 * not taken: whether it is JSON, and what is wrong with it.
 */
#ifndef JOBD_JREAD_H
#define JOBD_JREAD_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct jread {
	const char *at, *end;
	size_t left;			/* bytes behind it when the next rest is due */
	int (*rest)(void);		/* or NULL; see jtext.h */
	bool stopped;			/* it was not 0 */
	unsigned depth;
};

/*
 * The value of the whole text: as jansson would have it, duplicate members
 * refused. NULL: not taken, or for want of memory, or stopped. Nests as deep as
 * JTEXT_DEPTH_MAX; parks where rest() does, every JTEXT_PART bytes.
 */
json_t *jread(struct jread *r, const char *text, size_t len, int (*rest)(void));

#endif
