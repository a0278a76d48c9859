/*
 * groups: the pool's table of who runs where, in the file `pool.groups` of the
 * state directory, so that whoever survives knows what is left to kill.
 *
 * One record a pool process: who it is, and the process group of the command
 * it runs. Each process writes its own (a command's group is written before
 * the command is exec'ed); the daemon reads one when its process has died, a
 * later daemon reads all when everyone has. Nothing need reach the disk: after
 * a reboot there are no processes left, and the table says which boot it is of.
 *
 * A pool process leads a session of its own, so a process of that group in that
 * session is its command's, and none that got the same number by chance.
 */
#ifndef JOBD_GROUPS_H
#define JOBD_GROUPS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum { GROUPS_MAX = 1024 };		/* records: the most processes a pool can have */

struct group_record {
	uint64_t worker_start;		/* as procfs_stat says it */
	uint64_t group_since;		/* none of the group's processes started before */
	int32_t worker;			/* the process, leader of its session; 0 = none */
	int32_t group;			/* its command's process group; 0 = none */
};

/* Makes an empty table of this boot for the caller; a descriptor, or -errno. */
int groups_create(int directory);

/*
 * Opens the table that is there. A descriptor; -ENOENT when there is none, or
 * one of another boot or another form: then there is nothing left of it.
 */
int groups_open(int directory);

int groups_read(int fd, unsigned index, struct group_record *out);
/* Safe between vfork and exec. */
int groups_write(int fd, unsigned index, const struct group_record *record);

/* Who made it: its pid, if that process still lives; else 0. */
pid_t groups_owner(int fd);

/*
 * Sends SIGKILL to what is left of the record's group, given that its process
 * was there a moment ago: pids cannot have come round since. False: nothing is left.
 */
bool groups_kill_now(const struct group_record *record);

/*
 * The same long after, for any number of records: every process is looked at
 * first. How many of them live still, or -errno.
 */
int groups_kill_later(const struct group_record *v, size_t n);

#endif
