/*
 * simstore: the memory back end behind a disk that takes its time, fails, and
 * is cut off.
 *
 * Operations wait in line and are carried out by store_memory later, some at
 * once. A crash falls between two of them: those behind it never happen, and
 * whoever waits for them is answered with an error that nobody is to hear.
 * What was carried out stays, for the next life to open.
 */
#ifndef JOBD_SIMSTORE_H
#define JOBD_SIMSTORE_H

#include "store/memory.h"
#include "store/store_backend.h"

extern const struct store_backend simstore;

/* An empty one; and its end. */
void simstore_make(void (*on_crash)(void));
void simstore_free(void);

/* What is on the disk. */
const struct memory_store *simstore_kept(void);

/* Operations under way. */
size_t simstore_waiting(void);

/* The process is gone: nothing that happens from here on is true. */
bool simstore_dead(void);
void simstore_crash(void);

/* No crash and no failure from here on. */
void simstore_calm(void);

/* When the store last refused anything for want of a disk; 0 = never. */
mono_us simstore_failed_at(void);

#endif
