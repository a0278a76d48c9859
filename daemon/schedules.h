/*
 * schedules: the schedules there are, and what sees to it that they fire.
 *
 * Follows the store's stream. Of each schedule only its name and its times are
 * kept: when one is due it is read, and what becomes of it is decided and
 * recorded by the store in one change (store_schedule_fire), so that a crash
 * neither loses nor doubles a firing. The wall clock may step: it is looked
 * at once a second at least.
 */
#ifndef JOBD_SCHEDULES_H
#define JOBD_SCHEDULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/heap.h"
#include "base/map.h"
#include "coro/coro.h"
#include "proto/error.h"
#include "store/store.h"
#include "cron/zone_cache.h"

enum { SCHEDULES_MAX = 10000 };

struct backlog;
struct schedule;

struct schedules {
	struct store *store;		/* these are the owner's to set */
	struct backlog *backlog;
	size_t *submitting;		/* counted among the jobs there are */
	int64_t jobs_max;		/* not final; 0 = no limit */

	struct schedule *by_name;
	struct schedule *waiting;	/* those with a firing that waits, by the job that it waits for */
	struct heap due;		/* by the time at which there is something to see to */
	struct coro_group firings;
	struct cond earlier;
	struct zone_cache zones;	/* for whoever does not park while he uses one */
	wall_ms awake;			/* what was due up to then nobody could see to */
	mono_us drift;			/* of the wall clock against the other one, when last looked at */
};

void schedules_init(struct schedules *sch);
void schedules_free(struct schedules *sch);

/* The system's time zones may be others now: they are read again. The time that a schedule has next stays. */
void schedules_zones_changed(struct schedules *sch);

/* Makes room for one of this name. 0, -ENOMEM, or -EXFULL: there are SCHEDULES_MAX. */
int schedules_admit(struct schedules *sch, const char *name);
/* It was not put after all. */
void schedules_admitted(struct schedules *sch, const char *name);

/* What the store held when it was opened, and the streams. */
void schedules_changed(struct schedules *sch, const struct schedule_change *change);
void schedules_job_changed(struct schedules *sch, const struct job_change *change);

/* Is there room for one more job such as this? If so it counts as there, until schedules_submitted. 0, or -1 with the error set. */
int schedules_submit(struct schedules *sch, struct submission *s, struct rpc_error *error);
void schedules_submitted(struct schedules *sch);

/* The standing coroutine, until cancelled. */
void schedules_main(void *arg);		/* arg: struct schedules */

#endif
