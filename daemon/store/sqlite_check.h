/*
 * sqlite_check: is this file a state of ours, whole, and not newer than us?
 *
 * First its header is read as bytes, so that SQLite never touches what is not
 * ours; then it is opened read-only: its tables must be those of its version,
 * its counters must read, and SQLite's own check may look at it for a moment
 * (all of a small file, a part of a big one).
 */
#ifndef JOBD_SQLITE_CHECK_H
#define JOBD_SQLITE_CHECK_H

#include <stddef.h>

#include "store/sqlite_db.h"
#include "store/store.h"

enum store_open_result sqlite_check(const char *path, char *why, size_t why_size);

/* Opens it so that looking leaves no trace: no checkpoint at the end, and the log stays. 0 or -errno. */
int sqlite_check_open(struct sqlite_db *db, const char *path);

/* What SQLite's code means: is the file to blame, or what is around it (the disk, memory, permissions)? */
enum store_open_result sqlite_check_failed(struct sqlite_db *db, int rc, const char *path, char *why, size_t why_size);

#endif
