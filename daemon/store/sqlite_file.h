/*
 * sqlite_file: the state directory and the database file in it, before anyone
 * works with them: locked against a second daemon, made where there is none,
 * looked at where there is one. A file that is not ours, newer than us or
 * damaged is refused, and stays as it is.
 */
#ifndef JOBD_SQLITE_FILE_H
#define JOBD_SQLITE_FILE_H

#include <stddef.h>

#include "store/sqlite_db.h"
#include "store/store.h"

/* Locks the directory until *fd is closed. */
enum store_open_result sqlite_file_lock(const char *directory, int *fd, char *why, size_t why_size);

/* Makes the file where there is none, whole or not at all; looks at it where there is one. */
enum store_open_result sqlite_file_prepare(const char *directory, const char *path, char *why, size_t why_size);

/* Opens it to write: its modes, and what is missing to the present version. 0 or -errno. */
int sqlite_file_open(struct sqlite_db *db, const char *path);
/* Opens it to read. */
int sqlite_file_open_reader(struct sqlite_db *db, const char *path);

/* What was made, named or removed in it is so for good. 0 or -errno. */
int sqlite_file_sync_directory(const char *directory);

#endif
