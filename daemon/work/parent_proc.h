/*
 * parent_proc: one process of the pool, seen from the daemon: spawned, greeted,
 * talked to, reaped, spawned again.
 *
 * It knows frames, not tasks: what comes is checked against the table of legal
 * frames and handed up. Whatever goes wrong with a process ends it; its end is
 * told once its socket has been read to the end and nothing of its command's
 * group is left. One that dies within a second of its start without
 * having finished anything is spawned again ever later.
 */
#ifndef JOBD_PARENT_PROC_H
#define JOBD_PARENT_PROC_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/clock.h"
#include "coro/loop.h"
#include "work/groups.h"
#include "work/ring.h"
#include "work/wire.h"

struct proc;

enum proc_state {
	PROC_DOWN,			/* none there; to be spawned at `due`, or MONO_NEVER */
	PROC_STARTING,			/* has not greeted */
	PROC_UP,
	PROC_LEAVING,			/* told to quit */
	PROC_DYING,			/* killed, or its socket has ended; not reaped */
	PROC_CLEARING			/* reaped; of its command's group something is left */
};

/* What processes of one pool have in common. */
struct proc_setup {
	char *program;			/* own */
	int lock, groups;		/* descriptors, to be inherited */
	int nice;
	unsigned long long open_files;	/* the limit for commands: what the daemon's was at open */
	size_t output_bytes, result_bytes;
	/* Told on the loop's stack. */
	void (*greeted)(struct proc *p);
	int (*frame)(struct proc *p, const struct wire_frame *f);	/* 0, or -errno: the process is ended */
	void (*read_done)(struct proc *p);				/* all frames that had come were told */
	void (*ended)(struct proc *p, const char *how);			/* "signal 9 (SIGKILL)"; it is down, not yet again due */
	void (*due)(struct proc *p, mono_us when);			/* proc_tick is wanted then */
	void (*unwritten)(struct proc *p);				/* talk_flush is wanted this turn */
};

struct proc {
	const struct proc_setup *setup;
	void *pool;
	unsigned index;
	enum proc_state state;
	enum wire_state wire;		/* kept by who hands the tasks */
	char where[48];			/* "worker 1 (pid 4711)" */
	pid_t pid;
	int fd, exit_fd;
	struct loop_watch *watch, *exit_watch;
	struct buf in, out;
	struct ring *ring;
	int ring_fd;
	size_t output_bytes, result_bytes;	/* of this one, as it was started */
	mono_us since;			/* its start */
	mono_us due;			/* of what its state waits for */
	bool productive;		/* it has finished something */
	bool strike;			/* it died at once */
	unsigned strikes;		/* such deaths in a row */
	bool full;			/* its socket takes no more: it is watched for that */
	bool dirty;			/* in want of talk_flush */
	char fault[160];		/* why we ended it */
	char how[200];			/* how it ended */
	struct group_record record;	/* CLEARING: as it was at its death */
	mono_us clear_until;		/* CLEARING: then it is given up */
	uint64_t spawned, died;		/* in this place, since open */
};

/* 0 or -errno; the process is down. */
int proc_init(struct proc *p, const struct proc_setup *setup, void *pool, unsigned index);
/* Ends its socket: it will leave, with its command. Before proc_fini, to let all leave at once. */
void proc_hang_up(struct proc *p);
/* Ends it for good, waiting for that. */
void proc_fini(struct proc *p);

/* 0 or -errno; down → starting. */
int proc_spawn(struct proc *p);

/* When its state is to be looked at by proc_tick. */
void proc_wait(struct proc *p, mono_us due);
/* What time asks for. */
void proc_tick(struct proc *p, mono_us now);

/* Up → leaving: nothing lies there. */
void proc_quit(struct proc *p);
/* Ends it at once, for the reason that is logged. */
void proc_kill(struct proc *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Sends a signal to the process itself. */
void proc_signal(struct proc *p, int signo);

/* Its record in the table; all zero when it cannot be read. */
struct group_record proc_record(const struct proc *p);

/* A child of ours has ended: is it p, or of the group that p's end waits for? */
void proc_child_ended(struct proc *p);

#endif
