/* sqlite_schedule: what fires when. */
#ifndef JOBD_SQLITE_SCHEDULE_H
#define JOBD_SQLITE_SCHEDULE_H

#include "store/sqlite_db.h"
#include "store/store.h"

/* Each schedule there is. What is given is borrowed for the call. 0 or -errno. */
int sqlite_schedules_each(struct sqlite_db *db, void (*each)(void *arg, const struct schedule_change *schedule), void *arg);

#endif
