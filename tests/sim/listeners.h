/*
 * listeners: clients that only listen. What each is told must be every change
 * that it asked for, once and in order, over lives of the daemon and its own:
 * some ask for what they missed, some read so slowly that they are cut off.
 */
#ifndef JOBD_SIM_LISTENERS_H
#define JOBD_SIM_LISTENERS_H

#include "model.h"

enum { LISTENERS = 3 };

void listeners_begin(void);
void listeners_end(void);
void listeners_new_life(void);

/* The stream of changes, before anyone else hears it. */
void listeners_note(const struct job_change *change);

/* In a life's group: listens until the life ends. arg: its number, as a pointer. */
void listener_main(void *arg);

#endif
