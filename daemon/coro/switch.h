/*
 * switch: leaves one stack for another.
 *
 * A switch saves what a called function must keep (the callee-saved registers
 * and the floating-point control words) on the stack it leaves, and takes the
 * same from the stack it enters: no system call, about 5 ns. The signal mask is
 * not switched. Assembly for x86-64 and aarch64; ucontext elsewhere, or with
 * -DCORO_UCONTEXT, which also serves as the second opinion in the tests.
 */
#ifndef JOBD_SWITCH_H
#define JOBD_SWITCH_H

#include <stddef.h>

#if !defined(CORO_UCONTEXT) && !(defined(__LP64__) && (defined(__x86_64__) || defined(__aarch64__)))
#define CORO_UCONTEXT 1
#endif

#ifdef CORO_UCONTEXT

#include <ucontext.h>

struct switch_point {
	ucontext_t context;
	void (*entry)(void *arg);
	void *arg;
};

#else

struct switch_point {
	void *sp;
};

#endif

/* A point which, first switched to, calls entry(arg) on the given stack. The entry must never return. */
void switch_prepare(struct switch_point *point, void *low, size_t size, void (*entry)(void *arg), void *arg);

/* Goes on at `to`; returns when somebody switches back to `from`. */
void switch_go(struct switch_point *from, const struct switch_point *to);

#endif
