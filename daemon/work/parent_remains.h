/*
 * parent_remains: what a daemon that was killed has left behind.
 *
 * Its pool processes leave by themselves when their socket ends, and take their
 * command's group with them; each holds the lock `pool.lock` until then. If
 * they were killed as well, the table of groups (groups.h) says what to kill.
 */
#ifndef JOBD_PARENT_REMAINS_H
#define JOBD_PARENT_REMAINS_H

#include <stddef.h>

#include "base/clock.h"

/*
 * Waits for predecessors on the same directory, with patience until they are
 * killed, then for their commands. 0 with *lock, to be inherited by all processes of the pool, and *groups, a new
 * table; or -errno with a sentence.
 */
int remains_clear(const char *directory, mono_us patience, int *lock, int *groups, char *why, size_t why_size);

#endif
