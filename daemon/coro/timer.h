/*
 * timer: what falls due at a moment, in one heap over one timerfd.
 *
 * Deadlines are read on clock.h's clock, so a replaced clock governs them too.
 * The timerfd is set only when the earliest deadline comes before the one it is
 * set for, so a deadline that is put and taken back (most of them) costs no
 * system call.
 */
#ifndef JOBD_TIMER_H
#define JOBD_TIMER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/clock.h"
#include "base/heap.h"

struct timer {
	struct heap_node node;		/* first: a node is cast back to its timer */
	void (*fn)(struct timer *t);	/* called once when due, the timer unset */
};

/* Makes a timer, with its place in the heap reserved: setting it cannot fail. 0 or -ENOMEM. */
int timer_open(struct timer *t, void (*fn)(struct timer *t));
void timer_close(struct timer *t);

void timer_set(struct timer *t, mono_us deadline);	/* MONO_NEVER: unset */
void timer_unset(struct timer *t);

/* The heap's own life, for the loop: the timerfd is readable when timers_run has something to do. */
int timers_open(int *fd);
void timers_close(void);
/* The timerfd has fired. */
void timers_fired(void);
/* Calls what is due. */
void timers_run(void);
/* The earliest deadline; MONO_NEVER if there is none. */
mono_us timers_next(void);
/* Sets the timerfd for the earliest deadline; false if that has come already. */
bool timers_arm(void);

#endif
