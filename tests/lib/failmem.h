/*
 * failmem: memory that runs out when a test says so.
 *
 * Programs linked with $(failmem_ldflags) of Makefile.am have their own calls of malloc, calloc,
 * realloc and strdup (not those inside shared libraries) led through here.
 * Check allocates too: no ck_assert between failmem_from and failmem_off.
 */
#ifndef JOBD_TEST_FAILMEM_H
#define JOBD_TEST_FAILMEM_H

#include <stdbool.h>

/* The n-th allocation from now fails (1: the next), and every one behind it. */
void failmem_from(long n);
/* The n-th allocation from now fails, and no other. */
void failmem_only(long n);
/* Each allocation fails with a chance of one in n. */
void failmem_one_in(unsigned n);
/* All is well again; how many have failed since then? */
long failmem_off(void);

#endif
