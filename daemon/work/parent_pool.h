/*
 * parent_pool: what the parts of the pool in the daemon share.
 *
 * A task is a struct pool_slot on the stack of its pool_run. It lies in the
 * queue of one member (a process and what was handed to it), whose order is
 * that of the process, or it waits in the pool until a member has room again.
 */
#ifndef JOBD_PARENT_POOL_H
#define JOBD_PARENT_POOL_H

#include <sys/queue.h>

#include "work/parent_proc.h"
#include "work/pool.h"

enum slot_stop { SLOT_RUNS, SLOT_TERMINATED, SLOT_KILLED, SLOT_PROCESS_KILLED };

struct pool_slot {
	struct pool *pool;
	struct pool_task *task;
	struct outcome *outcome;
	struct member *member;		/* where it lies; NULL: it waits in the pool */
	TAILQ_ENTRY(pool_slot) link;	/* there */
	uint32_t ticket;
	unsigned place;
	bool begun;
	enum slot_stop stop;		/* how far the attempt to end it has gone */
	mono_us stop_due;		/* then it goes further */
	bool timed_out, cancelled;	/* why it is ended */
	int64_t unacknowledged;		/* bytes of output not yet said to be kept */
	bool ended;
	struct cond wake;		/* pool_run waits: first so that it can be cancelled */
	struct latch gone;		/* then for the end */
};

TAILQ_HEAD(slot_list, pool_slot);

struct member {
	struct proc proc;
	struct pool_slot *queue[RING_PLACES];	/* handed to it, in order; [0] runs, or is the next to */
	unsigned queue_len;
	bool places[RING_PLACES];	/* not known to be free */
	unsigned recalled;		/* places that it has yet to pass over */
	bool stalled;			/* queue[0] is not brief after all: nothing is put behind it */
	mono_us head_since;		/* queue[0] began, or came to the head */
	mono_us head_due;		/* when to look at it again */
	uint32_t ticket;		/* last given */
	unsigned handed;		/* tasks given to this process */
};

struct pool {
	struct proc_setup setup;
	char *directory;
	unsigned processes;		/* wanted; members beyond that leave when idle */
	unsigned members_len;
	struct member *members[GROUPS_MAX];
	mono_us kill_grace;
	unsigned jobs_per_process;
	struct slot_list waiting;
	unsigned waiting_len;
	struct loop_timer *timer;
	mono_us timer_due;
	struct deferred turn_end;
	bool grown;			/* tell of room at the turn's end */
	void (*on_room)(void *arg);
	void *on_room_arg;
};

static inline struct member *member_of(struct proc *p)
{
	return (struct member *)p;
}

/* pool_tick is wanted at `when`, or before. */
void pool_due(struct pool *p, mono_us when);
/* Room may have grown, or a process wants its frames written: dealt with at the end of the turn. */
void pool_later(struct pool *p, bool grown);

/* Back to the pool, not begun: at the head or the tail of those that wait. */
void pool_put_back(struct pool *p, struct pool_slot *slot, bool first);

#endif
