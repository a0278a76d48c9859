/*
 * powervfs: a disk under SQLite that remembers in which order it was written
 * and synced, so that a test can have the files as they would be had the power
 * failed at any moment: all that was synced is there, and of what was not,
 * nothing, or some of it in any order.
 */
#ifndef JOBD_TEST_POWERVFS_H
#define JOBD_TEST_POWERVFS_H

#include <stdbool.h>
#include <stddef.h>

/* Before SQLite opens anything; once a process. */
void powervfs_install(void);

/* From now on what happens to jobd.db and jobd.db-wal in the directory is recorded; as they are now, they are synced. */
void powervfs_record(const char *directory);
void powervfs_stop(void);

/* How much has been recorded: a moment. Any thread. */
size_t powervfs_moment(void);
/* The next moment after this one right before or after which a sync is over; 0: there is none. */
size_t powervfs_next_sync(size_t after);

/*
 * Puts the two files into the directory as they were when the power failed at
 * that moment; the moments of successive calls may not fall. Of what was not
 * synced: nothing; or (some) each sector that was written, by chance.
 */
void powervfs_fail(size_t moment, bool some);

#endif
