/*
 * ring: memory that the pool and one of its processes share, for what a frame
 * would be too slow or too late to say.
 *
 * A task handed to the process holds one of a few places. The process takes a
 * place before it begins the task, the pool may recall it before: a
 * compare-and-swap decides between them. A recalled place is free again when
 * the process has come across its frame and passed over it.
 */
#ifndef JOBD_RING_H
#define JOBD_RING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum { RING_PLACES = 4 };

enum ring_place { PLACE_FREE, PLACE_QUEUED, PLACE_TAKEN, PLACE_RECALLED };

struct ring {
	_Atomic uint32_t place[RING_PLACES];
	_Atomic uint32_t stop;		/* ticket of a task that is to end, were it a mere function */
	/* Written by a command on its way to exec that did not get there. */
	int32_t spawn_step, spawn_error;
};

/* New memory, all free, and a descriptor to map it by; 0 or -errno. */
int ring_open(struct ring **out, int *fd);
struct ring *ring_map(int fd);		/* NULL on failure */
void ring_unmap(struct ring **ring);

/* Everything as ring_open leaves it, for the next process. */
void ring_reset(struct ring *ring);

static inline enum ring_place ring_at(struct ring *ring, unsigned place)
{
	return (enum ring_place)atomic_load(&ring->place[place]);
}

static inline void ring_set(struct ring *ring, unsigned place, enum ring_place state)
{
	atomic_store(&ring->place[place], state);
}

/* The process's: false when it was recalled. */
static inline bool ring_take(struct ring *ring, unsigned place)
{
	uint32_t queued = PLACE_QUEUED;

	return atomic_compare_exchange_strong(&ring->place[place], &queued, PLACE_TAKEN);
}

/* The pool's: false when it has been taken. */
static inline bool ring_recall(struct ring *ring, unsigned place)
{
	uint32_t queued = PLACE_QUEUED;

	return atomic_compare_exchange_strong(&ring->place[place], &queued, PLACE_RECALLED);
}

/* The pool's: the task that is to end; that it has. */
static inline void ring_stop(struct ring *ring, uint32_t ticket)
{
	atomic_store(&ring->stop, ticket);
}

static inline void ring_stopped(struct ring *ring, uint32_t ticket)
{
	atomic_compare_exchange_strong(&ring->stop, &ticket, 0);	/* by now it may be another's */
}

static inline bool ring_stopping(struct ring *ring)
{
	return atomic_load(&ring->stop) != 0;
}

#endif
