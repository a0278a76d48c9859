/* vloop: the loop of coro/loop.h in virtual time: when nothing can run, the clock jumps to what is due next. */
#ifndef JOBD_VLOOP_H
#define JOBD_VLOOP_H

#include "base/clock.h"

/* Called when nothing can run at this instant, before the clock jumps. */
void vloop_on_idle(void (*fn)(void));

/* Moves the wall clock alone; sets it. */
void vloop_step_wall(wall_ms by);
void vloop_set_wall(wall_ms to);

#endif
