#include "work/groups.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "work/procfs.h"

#define GROUPS_NAME "pool.groups"

struct groups_header {
	char magic[8];
	struct procfs_system system;
	uint64_t owner_start;
	int32_t owner;
	int32_t record_size;
};

static const char groups_magic[8] = "jobdpool";

static int groups_header_read(int fd, struct groups_header *h)
{
	ssize_t n = pread(fd, h, sizeof(*h), 0);

	return n == (ssize_t)sizeof(*h) ? 0 : n < 0 ? -errno : -ENOENT;
}

static int groups_header_write(int fd)
{
	struct groups_header h;
	struct procfs_stat self;
	int rc;

	memset(&h, 0, sizeof(h));
	memcpy(h.magic, groups_magic, sizeof(h.magic));
	procfs_system(&h.system);
	h.owner = getpid();
	rc = procfs_stat(h.owner, &self);
	if (rc != 0)
		return rc;
	h.owner_start = self.start;
	h.record_size = sizeof(struct group_record);
	return pwrite(fd, &h, sizeof(h), 0) == (ssize_t)sizeof(h) ? 0 : -EIO;
}

int groups_create(int directory)
{
	int fd = openat(directory, GROUPS_NAME, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	int rc = 0;

	if (fd < 0)
		return -errno;
	if (ftruncate(fd, 0) != 0)
		rc = -errno;
	if (rc == 0)	/* so that a full disk cannot keep a record from being written */
		rc = -posix_fallocate(fd, 0, sizeof(struct groups_header) + GROUPS_MAX * sizeof(struct group_record));
	if (rc == 0)
		rc = groups_header_write(fd);
	if (rc != 0) {
		close(fd);
		return rc;
	}
	return fd;
}

int groups_open(int directory)
{
	int fd = openat(directory, GROUPS_NAME, O_RDWR | O_CLOEXEC);
	struct procfs_system now;
	struct groups_header h;
	int rc;

	if (fd < 0)
		return -errno;
	rc = groups_header_read(fd, &h);
	procfs_system(&now);
	if (rc == 0 && (memcmp(h.magic, groups_magic, sizeof(h.magic)) != 0 || memcmp(&h.system, &now, sizeof(now)) != 0 ||
			h.record_size != (int32_t)sizeof(struct group_record)))
		rc = -ENOENT;
	if (rc != 0) {
		close(fd);
		return rc;
	}
	return fd;
}

static off_t groups_offset(unsigned index)
{
	return (off_t)(sizeof(struct groups_header) + index * sizeof(struct group_record));
}

int groups_read(int fd, unsigned index, struct group_record *out)
{
	ssize_t n = pread(fd, out, sizeof(*out), groups_offset(index));

	return n == (ssize_t)sizeof(*out) ? 0 : n < 0 ? -errno : -EIO;
}

int groups_write(int fd, unsigned index, const struct group_record *record)
{
	ssize_t n = pwrite(fd, record, sizeof(*record), groups_offset(index));

	return n == (ssize_t)sizeof(*record) ? 0 : n < 0 ? -errno : -EIO;
}

pid_t groups_owner(int fd)
{
	struct groups_header h;

	if (groups_header_read(fd, &h) != 0 || !procfs_alive(h.owner, h.owner_start))
		return 0;
	return h.owner;
}

bool groups_kill_now(const struct group_record *record)
{
	pid_t session;

	if (record->group <= 0)
		return false;
	session = getsid(record->group);	/* fails when its leader is gone: the others may be there */
	if (session >= 0 && session != record->worker)
		return false;
	return kill(-record->group, SIGKILL) == 0;
}

struct groups_census {
	const struct group_record *v;
	size_t n;
	int alive;
};

static bool groups_of_record(const struct group_record *record, const struct procfs_stat *st)
{
	return record->group > 0 && st->group == record->group && st->session == record->worker &&
	       st->start >= record->group_since;
}

static bool groups_kill_one(void *arg, pid_t pid, const struct procfs_stat *st)
{
	struct groups_census *census = arg;

	(void)pid;
	if (procfs_dead(st))
		return true;
	for (size_t i = 0; i < census->n; i++) {
		if (!groups_of_record(&census->v[i], st))
			continue;
		kill(-census->v[i].group, SIGKILL);
		census->alive++;
	}
	return true;
}

int groups_kill_later(const struct group_record *v, size_t n)
{
	struct groups_census census = { v, n, 0 };
	int rc = procfs_each(groups_kill_one, &census);

	return rc != 0 ? rc : census.alive;
}
