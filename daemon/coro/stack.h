/*
 * stack: the stacks that coroutines run on.
 *
 * Address space is reserved in slabs of many stacks; memory is spent by the
 * page, as it is touched. A freed stack is used again first (its page is warm);
 * free ones beyond STACKS_WARM are cooled some at a time by stack_cool, which
 * gives their pages back, and a slab that is all cold is unmapped.
 *
 * What ends a stack at its low end, the strongest first:
 * - madvise: guard pages without a mapping of their own (Linux 6.13); no limit;
 * - mprotect: guard pages that split the mapping, up to a share of
 *   vm.max_map_count;
 * - canary: bytes that must stay zero, looked at whenever the coroutine parks.
 */
#ifndef JOBD_STACK_H
#define JOBD_STACK_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/queue.h>

enum { STACKS_WARM = 256, STACKS_A_SLAB = 256 };

enum stack_guard { STACK_MADVISE, STACK_MPROTECT, STACK_CANARY };

struct stack_slab;

struct stack {
	char *low;			/* the lowest usable byte */
	char *high;			/* one past the highest */
	enum stack_guard guard;
	unsigned valgrind_id;
	bool used;			/* since its slab was mapped */
	struct stack_slab *slab;
	TAILQ_ENTRY(stack) link;	/* in the warm list, or in its slab's cold one */
};

/* 0 or -ENOMEM. */
int stack_take(struct stack **out);
void stack_give(struct stack **s);

/* Bytes reserved a stack, its guard included. */
size_t stack_bytes(void);

/* False once something was written below the stack's end (canary only: a guard page would have ended the process). */
bool stack_intact(const struct stack *s);

/* Does the address lie in the guard page of the stack? */
bool stack_guards(const struct stack *s, const void *address);

/* Gives back the memory of at most n free stacks beyond those kept warm. True: there are more. */
bool stack_cool(size_t n);

/* Unmaps every slab; all stacks must have been given back. */
void stack_pool_close(void);

/* Try no stronger guard than this on slabs to come: for tests. */
void stack_guard_limit(enum stack_guard strongest);

struct stack_stats {
	size_t taken, warm, cold;
	enum stack_guard guard;		/* the weakest there is */
};

void stack_stats(struct stack_stats *out);
const char *stack_guard_name(enum stack_guard guard);

#endif
