#include "work/parent_remains.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "work/groups.h"
#include "work/procfs.h"

enum {
	REMAINS_DIE = 5 * 1000 * 1000,		/* for anything to be gone after SIGKILL */
	REMAINS_LOOK = 2 * 1000			/* between two looks: rare, and the loop does not run yet */
};

static void remains_pause(void)
{
	const struct timespec pause = { 0, REMAINS_LOOK * 1000L };

	nanosleep(&pause, NULL);
}

static bool remains_try_lock(int lock, mono_us until)
{
	while (flock(lock, LOCK_EX | LOCK_NB) != 0) {
		if (clock_mono() >= until)
			return false;
		remains_pause();
	}
	return true;
}

static void remains_kill_workers(int groups)
{
	struct group_record record;

	for (unsigned i = 0; i < GROUPS_MAX && groups_read(groups, i, &record) == 0; i++) {
		if (!procfs_alive(record.worker, record.worker_start))
			continue;
		log_warning("killing pool process %d of a daemon that is gone: it does not leave", (int)record.worker);
		kill(record.worker, SIGKILL);
	}
}

/* groups: the predecessor's table, or -1. */
static int remains_lock(int lock, int groups, mono_us patience, const char *directory, char *why, size_t why_size)
{
	pid_t owner;

	if (remains_try_lock(lock, clock_after(patience)))
		return 0;
	owner = groups >= 0 ? groups_owner(groups) : 0;
	if (owner != 0) {
		snprintf(why, why_size, "%s/pool.lock is held by process %d: another daemon uses this state", directory, (int)owner);
		return -EBUSY;
	}
	if (groups >= 0)
		remains_kill_workers(groups);
	if (remains_try_lock(lock, clock_after(REMAINS_DIE)))
		return 0;
	snprintf(why, why_size, "%s/pool.lock is held by processes of an earlier daemon that cannot be killed", directory);
	return -EBUSY;
}

/* The records that name a group, packed; how many. */
static size_t remains_read(int groups, struct group_record v[GROUPS_MAX])
{
	size_t n = 0;

	for (unsigned i = 0; i < GROUPS_MAX && groups_read(groups, i, &v[n]) == 0; i++)
		if (v[n].group > 0)
			n++;
	return n;
}

static int remains_kill_groups(int groups, char *why, size_t why_size)
{
	struct group_record v[GROUPS_MAX];
	size_t n = remains_read(groups, v);
	mono_us until = clock_after(REMAINS_DIE);
	int alive;

	if (n == 0)
		return 0;
	while ((alive = groups_kill_later(v, n)) > 0 && clock_mono() < until)
		remains_pause();
	if (alive > 0) {
		snprintf(why, why_size, "%d processes of jobs of an earlier daemon cannot be killed", alive);
		return -EBUSY;
	}
	if (alive < 0)
		snprintf(why, why_size, "what an earlier daemon left running cannot be told: /proc: %s", strerror(-alive));
	return alive;
}

static int remains_in(int dir, const char *directory, mono_us patience, int *lock, int *groups, char *why, size_t why_size)
{
	int old = groups_open(dir);
	int rc = 0;

	*lock = openat(dir, "pool.lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (*lock < 0) {
		rc = -errno;
		snprintf(why, why_size, "%s/pool.lock: %s", directory, strerror(-rc));
	}
	if (rc == 0)
		rc = remains_lock(*lock, old, patience, directory, why, why_size);
	if (rc == 0 && old >= 0)
		rc = remains_kill_groups(old, why, why_size);
	if (old >= 0)
		close(old);
	if (rc != 0)
		return rc;
	*groups = groups_create(dir);
	if (*groups < 0)
		snprintf(why, why_size, "%s/pool.groups: %s", directory, strerror(-*groups));
	return *groups < 0 ? *groups : 0;
}

int remains_clear(const char *directory, mono_us patience, int *lock, int *groups, char *why, size_t why_size)
{
	int dir = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc;

	*lock = *groups = -1;
	if (dir < 0) {
		rc = -errno;
		snprintf(why, why_size, "%s: %s", directory, strerror(-rc));
		return rc;
	}
	rc = remains_in(dir, directory, patience, lock, groups, why, why_size);
	close(dir);
	if (rc != 0 && *lock >= 0) {
		close(*lock);
		*lock = -1;
	}
	return rc;
}
