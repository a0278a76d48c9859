/*
 * sqlite_space: some disk kept in reserve.
 *
 * On a full disk even the end of a job could not be recorded: an UPDATE takes
 * room in the log. So a file holds a few MiB; when the disk is full it is given
 * up, and what ends work or makes room goes on in what it leaves. When there is
 * room for it again, the disk counts as healthy.
 */
#ifndef JOBD_SQLITE_SPACE_H
#define JOBD_SQLITE_SPACE_H

#include <stdbool.h>

struct sqlite_space {
	int fd;
};

/* 0 or -errno. Takes no room yet. */
int sqlite_space_open(struct sqlite_space *sp, const char *directory);
void sqlite_space_close(struct sqlite_space *sp);

/* Takes the reserve, where there is room for it and some more. 0 or -errno. */
int sqlite_space_take(struct sqlite_space *sp);
/* Gives it back to the disk. */
void sqlite_space_give(struct sqlite_space *sp);

#endif
