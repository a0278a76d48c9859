/*
 * fiber: a stack and the point on it where to go on; what a coroutine is
 * without its manners. Tells the sanitizers about each switch, for they keep
 * books about stacks.
 *
 * A fiber's own record lies at the top of its stack, together with whatever the
 * caller keeps behind it, so that a fiber that waits in a shallow place costs
 * one page.
 */
#ifndef JOBD_FIBER_H
#define JOBD_FIBER_H

#include <stddef.h>

#include "coro/stack.h"
#include "coro/switch.h"

struct fiber {
	struct switch_point point;
	struct stack *stack;		/* NULL: the thread's own */
	const void *bottom;		/* its bounds and these, for the sanitizers only */
	size_t size;
	void *asan_frames;
	void *tsan_fiber;
	int tsan_uses;
};

/* Makes the record of the stack we are on. */
void fiber_adopt(struct fiber *f);

/*
 * Takes a stack, puts a record of `size` bytes (a struct fiber first, all zero)
 * at its top, and readies it to call entry(record), which must leave by
 * fiber_exit. NULL when out of memory.
 */
void *fiber_open(size_t size, void (*entry)(void *record));

/* Goes from the fiber that runs to another; returns when somebody comes back. */
void fiber_switch(struct fiber *from, struct fiber *to);
/* The same for good. */
_Noreturn void fiber_exit(struct fiber *from, struct fiber *to);
/* First in an entry function. */
void fiber_entered(struct fiber *f);

/* Gives the stack of a fiber back, and with it the record. */
void fiber_close(struct fiber *f);

/* Frees what closed fibers left to be used again; none may be open. */
void fiber_pool_close(void);

#endif
