/* watch: the callbacks of loop.h (descriptors, signals, timers), as far as the loop itself must know them. */
#ifndef JOBD_WATCH_H
#define JOBD_WATCH_H

#include <stdbool.h>

enum { LOOP_SLICE_US = 2 * 1000 };	/* of a turn, for what descriptors bring; and for coroutines */

/* A turn begins: its watches may call until a slice is over. What is ready beyond that is first in the next. */
void watch_turn(void);
/* Has any, since it began? */
bool watch_called(void);

/* Takes back every handler that loop_signal set. */
void loop_signals_close(void);

#endif
