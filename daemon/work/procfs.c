#include "work/procfs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* The file's text, cut to size - 1 bytes. 0 or -errno. */
static int procfs_text(const char *path, char *to, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = read(fd, to, size - 1);
	if (n < 0)
		n = -errno;
	close(fd);
	if (n < 0)
		return (int)n;
	to[n] = '\0';
	return 0;
}

int procfs_stat(pid_t pid, struct procfs_stat *out)
{
	char path[32], text[1024], *after;
	unsigned long long start;
	int group, session, rc;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	rc = procfs_text(path, text, sizeof(text));
	if (rc != 0)
		return rc;
	after = strrchr(text, ')');	/* the name before it may hold anything */
	if (after == NULL ||
	    sscanf(after, ") %c %*d %d %d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu", &out->state, &group,
		   &session, &start) != 4)
		return -EIO;
	out->group = group;
	out->session = session;
	out->start = start;
	return 0;
}

uint64_t procfs_now(void)
{
	struct timespec ts;
	uint64_t hz = (uint64_t)sysconf(_SC_CLK_TCK);

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return (uint64_t)ts.tv_sec * hz + (uint64_t)ts.tv_nsec / (1000000000 / hz);
}

bool procfs_alive(pid_t pid, uint64_t start)
{
	struct procfs_stat st;

	return pid > 0 && procfs_stat(pid, &st) == 0 && st.start == start && !procfs_dead(&st);
}

int procfs_each(bool (*fn)(void *arg, pid_t pid, const struct procfs_stat *st), void *arg)
{
	DIR *dir = opendir("/proc");
	struct dirent *entry;
	bool more = true;

	if (dir == NULL)
		return -errno;
	while (more && (entry = readdir(dir)) != NULL) {
		struct procfs_stat st;
		pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);

		if (pid > 0 && procfs_stat(pid, &st) == 0)
			more = fn(arg, pid, &st);
	}
	closedir(dir);
	return 0;
}

void procfs_system(struct procfs_system *out)
{
	struct stat st;

	memset(out, 0, sizeof(*out));
	if (procfs_text("/proc/sys/kernel/random/boot_id", out->boot_id, sizeof(out->boot_id)) == 0)
		out->boot_id[strcspn(out->boot_id, "\n")] = '\0';
	if (stat("/proc/self/ns/pid", &st) == 0)
		out->pid_namespace = st.st_ino;
}
