/*
 * overflow: says which coroutine ran over the end of its stack.
 *
 * A fault in the guard page of the running coroutine's stack is caught on a
 * signal stack of its own, reported in one line by name, and then takes its
 * usual course (the process dies by SIGSEGV, with a core if those are on). Other
 * faults go to whoever handled them before.
 */
#ifndef JOBD_OVERFLOW_H
#define JOBD_OVERFLOW_H

/* For the thread that calls, which must be the loop's. 0 or -errno. */
int overflow_open(void);
void overflow_close(void);

#endif
