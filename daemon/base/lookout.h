/*
 * lookout: waiting for a moment without sleep.
 *
 * To be woken takes a thread some tens of microseconds, on virtual machines
 * above all: of a submit that comes alone, each hand-over between threads is a
 * tenth. So whoever awaits something that should come very soon looks out for
 * it first; but now and then only after it was done in vain, or in the way of
 * others who want the processor.
 */
#ifndef JOBD_LOOKOUT_H
#define JOBD_LOOKOUT_H

#include <stdbool.h>

struct lookout {
	unsigned skip;			/* so many times it will not be looked out */
	bool never;			/* there is no processor to spare */
};

void lookout_init(struct lookout *l);

/* Asks come(arg) again and again, for 200 us at most. True: it has come. */
bool lookout(struct lookout *l, bool (*come)(void *arg), void *arg);

#endif
