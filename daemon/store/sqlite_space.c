#include "store/sqlite_space.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	SPACE_RESERVE = 4 << 20,
	SPACE_MORE = 512 << 10		/* must be free besides, or it would be given up again at once */
};

int sqlite_space_open(struct sqlite_space *sp, const char *directory)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/reserve", directory);
	sp->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	return sp->fd >= 0 ? 0 : -errno;
}

void sqlite_space_close(struct sqlite_space *sp)
{
	if (sp->fd >= 0)
		close(sp->fd);
	sp->fd = -1;
}

int sqlite_space_take(struct sqlite_space *sp)
{
	struct stat st;
	int rc;

	if (fstat(sp->fd, &st) != 0)
		return -errno;
	if (st.st_size >= SPACE_RESERVE && (int64_t)st.st_blocks * 512 >= SPACE_RESERVE)
		return 0;
	rc = posix_fallocate(sp->fd, 0, SPACE_RESERVE + SPACE_MORE);
	if (ftruncate(sp->fd, rc == 0 ? SPACE_RESERVE : 0) != 0 && rc == 0)
		rc = errno;
	return -rc;
}

void sqlite_space_give(struct sqlite_space *sp)
{
	/* Nobody to tell: where this fails, writing goes on failing, which is said. */
	if (ftruncate(sp->fd, 0) != 0)
		return;
}
