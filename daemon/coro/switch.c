#include "coro/switch.h"

#include <stdint.h>

#ifdef CORO_UCONTEXT

/* makecontext passes ints only: the pointer goes over in halves. */
static void begin(unsigned high, unsigned low)
{
	struct switch_point *point = (struct switch_point *)(((uintptr_t)high << 16 << 16) | (uintptr_t)low);

	point->entry(point->arg);
}

void switch_prepare(struct switch_point *point, void *low, size_t size, void (*entry)(void *arg), void *arg)
{
	uintptr_t self = (uintptr_t)point;

	getcontext(&point->context);
	point->context.uc_stack.ss_sp = low;
	point->context.uc_stack.ss_size = size;
	point->context.uc_link = NULL;
	point->entry = entry;
	point->arg = arg;
	makecontext(&point->context, (void (*)(void))begin, 2, (unsigned)(self >> 16 >> 16), (unsigned)self);
}

void switch_go(struct switch_point *from, const struct switch_point *to)
{
	swapcontext(&from->context, &to->context);
}

#else

/* In assembly: pushes the registers, stores the stack pointer in *save, loads `load` and pops. */
void switch_swap(void **save, void *load);
void switch_begin(void);

/*
 * A new stack begins with the frame that switch_swap would have pushed: here and
 * there are two sides of one layout. The first pop goes on at switch_begin, which
 * finds the entry and its argument in callee-saved registers.
 */

#if defined(__x86_64__)

enum { MXCSR_DEFAULT = 0x1f80, X87_DEFAULT = 0x037f };

void switch_prepare(struct switch_point *point, void *low, size_t size, void (*entry)(void *arg), void *arg)
{
	uint64_t *sp = (uint64_t *)(((uintptr_t)low + size) & ~(uintptr_t)15) - 10;

	sp[0] = (uint64_t)X87_DEFAULT << 32 | MXCSR_DEFAULT;
	sp[1] = 0;				/* r15 */
	sp[2] = 0;				/* r14 */
	sp[3] = (uint64_t)(uintptr_t)arg;	/* r13 */
	sp[4] = (uint64_t)(uintptr_t)entry;	/* r12 */
	sp[5] = 0;				/* rbx */
	sp[6] = 0;				/* rbp: no frame above */
	sp[7] = (uint64_t)(uintptr_t)switch_begin;
	sp[8] = 0;				/* where a caller's return address would be */
	sp[9] = 0;
	point->sp = sp;
}

#elif defined(__aarch64__)

void switch_prepare(struct switch_point *point, void *low, size_t size, void (*entry)(void *arg), void *arg)
{
	uint64_t *sp = (uint64_t *)(((uintptr_t)low + size) & ~(uintptr_t)15) - 22;

	for (int i = 0; i < 22; i++)
		sp[i] = 0;			/* d8-d15, x19-x30, fpcr's default */
	sp[8] = (uint64_t)(uintptr_t)entry;	/* x19 */
	sp[9] = (uint64_t)(uintptr_t)arg;	/* x20 */
	sp[19] = (uint64_t)(uintptr_t)switch_begin;	/* x30 */
	point->sp = sp;
}

#endif

void switch_go(struct switch_point *from, const struct switch_point *to)
{
	switch_swap(&from->sp, to->sp);
}

#endif
