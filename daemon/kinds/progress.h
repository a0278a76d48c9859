/* progress: how far an attempt is, as all that hear of it get it: in its record, in events. */
#ifndef JOBD_PROGRESS_H
#define JOBD_PROGRESS_H

struct buf;

enum { PROGRESS_MESSAGE = 512 };	/* bytes kept of a message */

/* Appends {"fraction"?, "message"?} (fraction: 1 at most; < 0: unknown; message: for people, or NULL). */
void progress_put(struct buf *out, double fraction, const char *message);

#endif
