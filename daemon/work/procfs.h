/* procfs: what /proc says about a process, and which system these pids belong to. */
#ifndef JOBD_PROCFS_H
#define JOBD_PROCFS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct procfs_stat {
	char state;
	pid_t group, session;
	uint64_t start;		/* clock ticks after boot: with the pid, it names a process for good */
};

static inline bool procfs_dead(const struct procfs_stat *st)
{
	return st->state == 'Z' || st->state == 'X';
}

/* 0, or -errno: -ENOENT or -ESRCH when there is no such process. */
int procfs_stat(pid_t pid, struct procfs_stat *out);

/* The present, in the unit of `start`: what starts from here on has no lesser one. */
uint64_t procfs_now(void);

/* Is there a process of this pid that started just then, and is it not a zombie? */
bool procfs_alive(pid_t pid, uint64_t start);

/*
 * Calls fn for each process there is until it returns false. 0, or -errno where
 * /proc cannot be read.
 */
int procfs_each(bool (*fn)(void *arg, pid_t pid, const struct procfs_stat *st), void *arg);

/* Pids mean the same as long as both are the same: this boot, this pid namespace. */
struct procfs_system {
	char boot_id[40];
	uint64_t pid_namespace;
};

void procfs_system(struct procfs_system *out);

#endif
