/*
 * plans: the schedules there are, as asked for, and what must come of them:
 * each of their times is decided once, in order, by the contract's words.
 */
#ifndef JOBD_SIM_PLANS_H
#define JOBD_SIM_PLANS_H

#include "clients.h"
#include "store/schedule_row.h"
#include "timetable.h"

enum { SIM_PLANS = 5 };

/* What a schedule.put asks for. */
struct schedule_plan {
	int number;
	struct timetable times;
	wall_ms at;			/* when it was asked */
	wall_ms jitter;
	enum schedule_overlap overlap;
	enum schedule_catch_up catch_up;
	bool paused;
	unsigned under_way;
};

void plans_begin(void);
/* A life begins, and has been told all that the store has. */
void plans_new_life(void);
void plans_restored(void);

/* The stream of changes, before the daemon's parts hear it; and at the open. */
void plans_changed(const struct schedule_change *change);
void plans_restore(const struct schedule_change *change);

/* A schedule's job is new in the store: a wish for it. */
struct wish *plans_fire(const struct wish *template, const char *schedule, wall_ms scheduled_for);

/* What must hold when nothing can run. */
void plans_at_rest(void);

/* plans_ask.c: requests about schedules. */
void client_plans(struct client *c) PARKS;
void client_ends_plans(struct client *c) PARKS;

/* For these: what is known of a schedule. */
bool plan_there(int number);
const struct schedule_plan *plan_in_force(int number);
wall_ms plan_next(int number);
wall_ms plan_after(int number, wall_ms at);	/* the time that comes then */
uint64_t plan_changes(void);
void plan_asks_delete(int number, int by);
/* A trigger is under way; it is over, and its answer was this job (0: none). */
void plan_triggers(int number);
void plan_triggered(int number, int64_t id, bool dead);
const char *plan_name(int number);

#endif
