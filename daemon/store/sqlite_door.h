/*
 * sqlite_door: ops on their way back from the store's threads to the loop.
 *
 * The writer's ops come through in the order of their commits. A reader may see
 * a commit whose ops are not through yet: between sqlite_door_committing and
 * the writer's next put, what readers bring waits, and follows it.
 */
#ifndef JOBD_SQLITE_DOOR_H
#define JOBD_SQLITE_DOOR_H

#include <pthread.h>

#include "coro/loop.h"
#include "store/store_backend.h"

struct sqlite_door {
	struct store *st;
	pthread_mutex_t mutex;
	struct op_list done;		/* ended, not yet taken by the loop */
	struct op_list held;		/* ended by a reader during a commit */
	bool committing;
	bool rung;			/* the bell has been rung and not yet answered */
	int bell;			/* an eventfd */
	struct loop_watch *watch;
	struct op_list out;		/* the loop's own: taken, to be told */
};

int sqlite_door_open(struct sqlite_door *door, struct store *st);
void sqlite_door_free(struct sqlite_door *door);

/* Writer: from now on a reader may see what is not through the door yet. */
void sqlite_door_committing(struct sqlite_door *door);
/* Writer: these have ended, in this order. */
void sqlite_door_put(struct sqlite_door *door, struct op_list *ops);
/* Reader: this one has ended. */
void sqlite_door_put_read(struct sqlite_door *door, struct store_op *op);

/* Loop: tells all that is there, whatever the turn. */
void sqlite_door_drain(struct sqlite_door *door);

#endif
