/*
 * child_command: a pool process attends the command of its running task.
 *
 * One loop over the socket, the command's end (a pidfd), its two outputs and
 * its input. Output goes to the daemon as it comes, with at most
 * WIRE_CREDIT bytes not yet acknowledged: beyond that the pipes are left
 * full and the command waits. When the command exits, its group is killed,
 * what the pipes still hold is taken, and nobody waits for processes that have
 * escaped with a pipe in their hands. When the daemon is gone, so is the command,
 * and then this process.
 */
#ifndef JOBD_CHILD_COMMAND_H
#define JOBD_CHILD_COMMAND_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "work/child.h"
#include "work/child_link.h"
#include "work/groups.h"
#include "work/ring.h"

/* The last bytes of a stream; they lie in one piece. */
struct tail {
	char *base;			/* of TAIL_SIZE */
	size_t len;
};

struct attendant {
	struct child_link *link;
	struct ring *ring;
	int groups;			/* the table, our place and our record in it */
	unsigned index;
	struct group_record record;
	int null_fd;			/* of /dev/null */
	size_t output_bytes;		/* kept per stream */
	struct tail tails[2];
	/* of the running task */
	uint32_t ticket;
	int64_t produced[2];
	int64_t sent;			/* bytes of output in frames */
	volatile sig_atomic_t attending;	/* a command is there, or about to be */
};

/* 0 or -ENOMEM. */
int attendant_init(struct attendant *a);
void attendant_free(struct attendant *a);
void attendant_begin_task(struct attendant *a, uint32_t ticket);

/* cpu_run_command's work. -ECANCELED: the task was to be stopped before it came to that. */
int attendant_run(struct attendant *a, const struct command *command, struct command_end *end);

#endif
