/*
 * faultvfs: a disk under SQLite that fails when a test says so.
 *
 * Once installed, every file that SQLite opens goes through here. Writes,
 * syncs, truncations and allocations are counted; chosen ones fail.
 */
#ifndef JOBD_TEST_FAULTVFS_H
#define JOBD_TEST_FAULTVFS_H

#include <stdbool.h>

/* Before SQLite opens anything; once a process. */
void faultvfs_install(void);

/* From the n-th call on from now (1: the next), `many` calls fail with this code of SQLite's (SQLITE_FULL, SQLITE_IOERR_WRITE, ...). */
void faultvfs_fail(long n, long many, int code);
/* All is well again. How many calls have failed since? */
long faultvfs_heal(void);
/* Calls counted since faultvfs_fail or faultvfs_heal. */
long faultvfs_calls(void);

#endif
