/*
 * parent_member: a process and the tasks that were handed to it.
 *
 * Its queue is in the order in which the process takes them. The first runs, or
 * is the next to; the rest are prefetched. All clocks are here: the
 * timeout of the first, the steps that end it, and the stall after which those behind
 * it are taken back for others.
 */
#ifndef JOBD_PARENT_MEMBER_H
#define JOBD_PARENT_MEMBER_H

#include "work/parent_pool.h"

/* How many more tasks it takes: 0 or 1, or more where all are brief. */
unsigned member_room(struct member *m, bool brief);

/* Hands it a task, for which there is room. 0 or -ENOMEM. */
int member_hand(struct member *m, struct pool_slot *slot);

/* Takes a task back that it has not begun. False: it has. */
bool member_recall(struct member *m, struct pool_slot *slot);

/* Begins to end a task that it has begun. */
void member_stop(struct member *m, struct pool_slot *slot);

/* A frame of its process. 0 or -errno: not what it may say. */
int member_frame(struct member *m, const struct wire_frame *f);

/* What time asks for; it asks for the next time itself. */
void member_tick(struct member *m, mono_us now);

/* Its process is gone: what it had begun fails, the rest goes back to the pool. */
void member_lost(struct member *m, const char *how);

/* Tells an idle one to leave that has done its share, or is no longer wanted. */
void member_retire(struct member *m);

#endif
