/*
 * sim: the daemon in virtual time, against random clients, crashes, failing
 * disks and a clock that jumps.
 *
 * What decides is real: commands, admission, backlog, dispatch, attempts,
 * retry, due, the store's rules. Played are the three edges: the clock and
 * the loop's sleep (vloop), the way to the disk (simstore, over the memory back
 * end), and the work itself (simpool, bodies). The model follows the stream of
 * changes, knows what each client asked for, and judges by the contract alone.
 *
 * One world is one seed: the same seed does the same again.
 */
#ifndef JOBD_SIM_H
#define JOBD_SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"

/* How a world is made: out of its seed, so that each is odd in its own way. */
struct shape {
	uint64_t seed;
	size_t jobs;			/* to be submitted in all */
	unsigned clients, think;	/* how many; ms at most between two requests of one */
	unsigned burst;			/* jobs at most in one submit_many */
	unsigned io_jobs, processes, prefetch;
	mono_us latency;		/* of the store, at most */
	unsigned crash_in;		/* a crash in so many store operations; 0 = none */
	unsigned outage_in;		/* the store begins to fail in so many; 0 = never */
	unsigned step_in;		/* the wall clock jumps in so many requests; 0 = never */
	unsigned stop_in;		/* an orderly end after so many seconds at most; 0 = never */
	unsigned slow_in;		/* a body runs for seconds in so many */
	unsigned fail_in;		/* a body fails in so many */
	unsigned keys;			/* unique keys there are */
	unsigned after_in;		/* a job waits for others in so many; 0 = none */
	bool groups;			/* groups and concurrency keys */
	bool crowd;			/* lanes by the thousand, so that windows are small */
	bool steady;			/* no pauses, holds and drains */
	bool plans;			/* schedules */
	bool listeners;			/* clients that subscribe to events */
	wall_ms least_every;		/* the shortest time between two firings of one */
	unsigned quiet_in;		/* hours pass in which nobody asks, or without a daemon, in so many lives; 0 = never */
	const char *zone;		/* whose clocks schedules go by; and when it all begins: */
	wall_ms begin;
};

extern struct shape shape;

/* Chance, all of it out of the seed. */
uint64_t sim_mix(uint64_t a, uint64_t b);	/* a hash: chance that does not depend on order */
unsigned below(unsigned n);			/* 0 .. n - 1 */
bool one_in(unsigned n);			/* never where n is 0 */
int64_t between(int64_t low, int64_t high);

/* What happened, kept for the case that it goes wrong; id 0: not about one job; below 0: about schedules. */
void trace(int64_t id, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* A promise is broken: tells which, the seed, and what led to it. */
_Noreturn void broken(int64_t id, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#define must(id, condition, ...) \
	do { \
		if (!(condition)) \
			broken((id), __VA_ARGS__); \
	} while (0)

/* Figures of all worlds so far. */
struct sim_figures {
	uint64_t events, lagged;
	uint64_t worlds, lives, crashes, outages, jobs, attempts, operations, takes, refusals, firings;
	mono_us lived;
};

extern struct sim_figures figures;

#endif
