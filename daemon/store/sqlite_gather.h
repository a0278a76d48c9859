/*
 * sqlite_gather: what SQLite writes to its log, in one write a commit.
 *
 * SQLite writes each frame of the log by two calls, its header and its page.
 * Here they are gathered, and written when the log is synced, or looked at by
 * other means than the frames' own connection. Others read of the log only what
 * has been committed, and so synced.
 */
#ifndef JOBD_SQLITE_GATHER_H
#define JOBD_SQLITE_GATHER_H

/* The name of the VFS that does so, made of sqlite_db_vfs: for the one connection that writes. NULL where it cannot be had. */
const char *sqlite_gather_vfs(void);

#endif
