/*
 * map: uthash, set up alike for all: a hash function that both compilers take
 * without a warning, and no end of the program when memory runs out. After
 * HASH_ADD..., `item->hh.tbl == NULL` says that the item was not added.
 */
#ifndef JOBD_MAP_H
#define JOBD_MAP_H

#define HASH_FUNCTION HASH_FNV
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#endif
