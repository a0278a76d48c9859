/* filemark: has a file changed since it was last looked at? */
#ifndef JOBD_FILEMARK_H
#define JOBD_FILEMARK_H

#include <stdbool.h>
#include <sys/stat.h>

struct filemark {	/* all zero: there is no such file */
	ino_t inode;
	off_t size;
	struct timespec time;
};

static inline struct filemark filemark_of(const char *path)
{
	struct stat st;

	if (path == NULL || stat(path, &st) < 0)
		return (struct filemark){ 0 };
	return (struct filemark){ st.st_ino, st.st_size, st.st_mtim };
}

static inline bool filemark_same(struct filemark a, struct filemark b)
{
	return a.inode == b.inode && a.size == b.size && a.time.tv_sec == b.time.tv_sec && a.time.tv_nsec == b.time.tv_nsec;
}

#endif
