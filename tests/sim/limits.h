/*
 * limits: what is in hand of each queue and concurrency key, what a rate has
 * left, and whose turn it is among the groups.
 */
#ifndef JOBD_SIM_LIMITS_H
#define JOBD_SIM_LIMITS_H

#include "model.h"

void limits_begin(void);
void limits_new_life(void);

/* A job is in hand, or is let go. */
void limits_taken(struct wish *w);
void limits_let_go(int64_t id);

/* Does its queue's or its key's limit let it start now? */
bool limits_allow(const struct wish *w);
/* Is it true that this limit holds it up? */
bool limits_explain(const struct wish *w, const char *reason);

/* Its claim is on disk: a slot and a token must have been there, and are taken. */
void limits_claimed(struct wish *w);
/* It runs no more. */
void limits_ended(const struct wish *w);
/* The rate of a queue is told; is it another now? */
void limits_rate_set(int queue, bool changed);

/* A group has nothing to do for a moment, so that it joins at the end when it comes back. */
void limits_group_left(const struct wish *w);
/* Takes note of whose turn it was; other(h) says whether the group has a job that could have been taken instead. */
void limits_group_turn(const struct wish *w, bool (*other)(const struct wish *taken, int group));

#endif
