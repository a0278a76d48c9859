#include "store/sqlite_door.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { TELL_SLICE = 2 * 1000 };	/* us of telling in one turn of the loop: the rest waits for the next */

/* Is the bell to be rung? Once, until it is answered. */
static bool door_must_ring(struct sqlite_door *door)
{
	bool must = !door->rung && !STAILQ_EMPTY(&door->done);

	door->rung |= must;
	return must;
}

static void door_ring(struct sqlite_door *door)
{
	/* Cannot fail: the counter is 0. */
	if (eventfd_write(door->bell, 1) != 0)
		return;
}

void sqlite_door_committing(struct sqlite_door *door)
{
	pthread_mutex_lock(&door->mutex);
	door->committing = true;
	pthread_mutex_unlock(&door->mutex);
}

void sqlite_door_put(struct sqlite_door *door, struct op_list *ops)
{
	bool ring;

	pthread_mutex_lock(&door->mutex);
	STAILQ_CONCAT(&door->done, ops);
	STAILQ_CONCAT(&door->done, &door->held);
	door->committing = false;
	ring = door_must_ring(door);
	pthread_mutex_unlock(&door->mutex);
	if (ring)
		door_ring(door);
}

void sqlite_door_put_read(struct sqlite_door *door, struct store_op *op)
{
	bool ring;

	pthread_mutex_lock(&door->mutex);
	if (door->committing)
		STAILQ_INSERT_TAIL(&door->held, op, link);
	else
		STAILQ_INSERT_TAIL(&door->done, op, link);
	ring = door_must_ring(door);
	pthread_mutex_unlock(&door->mutex);
	if (ring)
		door_ring(door);
}

static bool door_take(struct sqlite_door *door)
{
	eventfd_t rings;

	pthread_mutex_lock(&door->mutex);
	STAILQ_CONCAT(&door->out, &door->done);
	if (STAILQ_EMPTY(&door->out) && door->rung && eventfd_read(door->bell, &rings) == 0)
		door->rung = false;
	pthread_mutex_unlock(&door->mutex);
	return !STAILQ_EMPTY(&door->out);
}

static void door_tell(struct sqlite_door *door, mono_us until)
{
	struct store_op *op;

	while ((op = STAILQ_FIRST(&door->out)) != NULL && store_op_tell(door->st, op, until)) {
		STAILQ_REMOVE_HEAD(&door->out, link);
		loop_expect(-1);
		store_op_done(door->st, op);
		if (until != MONO_NEVER && clock_mono() >= until)
			break;
	}
}

/* The bell goes on ringing until there is nothing left to tell. */
static void door_answer(void *arg)
{
	struct sqlite_door *door = arg;

	if (door_take(door))
		door_tell(door, clock_after(TELL_SLICE));
	if (STAILQ_EMPTY(&door->out))
		door_take(door);
}

void sqlite_door_drain(struct sqlite_door *door)
{
	while (door_take(door))
		door_tell(door, MONO_NEVER);
}

int sqlite_door_open(struct sqlite_door *door, struct store *st)
{
	door->st = st;
	STAILQ_INIT(&door->done);
	STAILQ_INIT(&door->held);
	STAILQ_INIT(&door->out);
	door->committing = door->rung = false;
	door->bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (door->bell < 0)
		return -errno;
	door->watch = loop_watch_open(door->bell, true, false, door_answer, door);
	if (door->watch == NULL || pthread_mutex_init(&door->mutex, NULL) != 0) {
		loop_watch_close(&door->watch);
		close(door->bell);
		return -ENOMEM;
	}
	return 0;
}

void sqlite_door_free(struct sqlite_door *door)
{
	loop_watch_close(&door->watch);
	close(door->bell);
	pthread_mutex_destroy(&door->mutex);
}
