/*
 * child_link: a pool process's end of its socket.
 *
 * Frames out are gathered and written at once by link_flush. Frames in are
 * sorted as they are read: tasks queue up, what concerns the running one is
 * noted. The other end being gone ends the process (link->gone): by then the
 * daemon is dead, or does not want it any more.
 */
#ifndef JOBD_CHILD_LINK_H
#define JOBD_CHILD_LINK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "work/ring.h"
#include "work/wire.h"

/* A task as it came. */
struct child_task {
	struct wire_run run;		/* its texts point into `text` */
	char *text;			/* own: the type and a NUL, the args and a NUL */
};

struct child_link {
	int fd;
	struct buf in, out;
	struct child_task tasks[RING_PLACES];	/* not begun, oldest first */
	unsigned tasks_len;
	bool busy;			/* a task runs */
	bool gone, quit;
	bool broken;			/* gone for a reason of our own, which has been logged */
	uint32_t stop_ticket;		/* the task last asked to stop */
	uint8_t stop_signo;		/* how; 0: that has been done */
	int64_t acknowledged;		/* bytes of the running task's output */
};

void link_init(struct child_link *l, int fd);
void link_free(struct child_link *l);

/* Reads once, and waits for that; sorts what came. */
void link_read(struct child_link *l);
/* Writes all that has gathered, and waits for that. */
void link_flush(struct child_link *l);

/* Takes the oldest task; false if there is none. The caller frees task->text. */
bool link_take(struct child_link *l, struct child_task *task);

#endif
