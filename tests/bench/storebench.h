/* storebench: a store of its own on a loop, for programs that measure it. What fails ends the program, with a word. */
#ifndef JOBD_STOREBENCH_H
#define JOBD_STOREBENCH_H

#include "store/store.h"

extern struct store *store;		/* open between the two */

/* Opens the loop and the store in the directory; nothing final is pruned. */
void storebench_open(const char *directory, size_t coroutines);
void storebench_close(void);

/* Runs n coroutines of fn to their end. */
void storebench_run(void (*fn)(void *arg), size_t n);

/* How many jobs there are; only before the store was called. */
int64_t storebench_jobs(void);

void storebench_check(int rc, const char *what);

#endif
