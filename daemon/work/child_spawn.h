/*
 * child_spawn: from this process to a command, by vfork and exec.
 *
 * Before exec the new process leads a group of its own, has written that group
 * into the table, and dies with this one: whatever happens, somebody knows
 * whom to kill. What went wrong on the way to exec is left in the ring.
 */
#ifndef JOBD_CHILD_SPAWN_H
#define JOBD_CHILD_SPAWN_H

#include <stddef.h>
#include <sys/types.h>

#include "work/groups.h"
#include "work/ring.h"

struct command;

struct spawn {
	const struct command *command;
	int fds[3];			/* its stdin, stdout, stderr */
	int groups;			/* the table, and our place and record in it */
	unsigned index;
	struct group_record *record;	/* of this process; its group is cleared by the caller when all is over */
	struct ring *ring;
};

/* The new process's pid, also of one that will fail at exec; or -errno. */
pid_t spawn_command(struct spawn *s);

/* After its end: did it get to exec? If not, why[] is the sentence that says why not. */
bool spawn_succeeded(const struct spawn *s, char *why, size_t why_size);

#endif
