/*
 * life: one life of the daemon: its parts, wired as server.c wires them, from
 * the opening of the store to an orderly end or a crash.
 */
#ifndef JOBD_SIM_LIFE_H
#define JOBD_SIM_LIFE_H

#include <stdbool.h>

#include "parts.h"

enum { LIFE_RETAIN = 20 * 1000, LIFE_RETAIN_JOBS = 400 };

extern struct parts life_parts;

/* A new world. */
void life_forget(void);

/* In a coroutine: opens the store and starts what stands. */
void life_begin(void);
/* The process is killed: everything but the store's contents goes. */
void life_crash(void) PARKS;
/* SIGTERM: as server.c does it; the clients are gone when it returns, if no crash came between. */
void life_stop(void) PARKS;

/* The clients of this life. */
struct coro_group *life_clients(void);

bool life_draining(void);
bool life_stopping(void);

/* Was the store failing, the wall clock moved, or the daemon not there less than so many ms ago? */
bool life_troubled(wall_ms within);
bool life_clock_moved(void);
void life_step_clock(wall_ms by);
/* The clock is not behind any more: what waits for a time waits no longer than it says. */
void life_right_clock(void);
/* Nothing has started yet in this life, since the store failed as it began. */
bool life_recovers(void);
/* By the wall clock; 0: that has moved since. */
wall_ms life_began_at(void);

#endif
