/* simpool: the pool of work/pool.h, its processes played by bodies. */
#ifndef JOBD_SIM_POOL_H
#define JOBD_SIM_POOL_H

#include "work/pool.h"

struct pool *simpool_open(unsigned processes, unsigned prefetch, void (*on_room)(void *arg), void *arg);
void simpool_close(struct pool **p);

#endif
