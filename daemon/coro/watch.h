/* watch: the callbacks of loop.h (descriptors, signals, timers), as far as the loop itself must know them. */
#ifndef JOBD_WATCH_H
#define JOBD_WATCH_H

/* Takes back every handler that loop_signal set. */
void loop_signals_close(void);

#endif
