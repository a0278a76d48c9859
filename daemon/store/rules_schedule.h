/* rules_schedule: what becomes of a schedule that is put or fires, as arithmetic; as rules.h is for jobs. */
#ifndef JOBD_RULES_SCHEDULE_H
#define JOBD_RULES_SCHEDULE_H

#include "store/schedule_row.h"

/*
 * `row`, as it is wanted and with the `next` of one that begins now, becomes
 * what is kept; `was`: the one of that name, or NULL. Where the timing is the
 * same, nothing moves; one that was paused goes on at the first of its times
 * from now on.
 */
void rules_schedule_put(struct schedule_row *row, const struct schedule_row *was, wall_ms now);

/*
 * Is this firing to be: what is expected still so? unfinished: the last job is
 * not over. Changes the row by what is decided (f->verdict), but for the job
 * that is to be made (rules_schedule_made). 0; -ESTALE: it is not as expected; -EAGAIN: the
 * last job is not over yet, and this one waits on.
 */
int rules_schedule_fire(struct schedule_row *row, struct schedule_fire *f, bool unfinished, wall_ms now);

/* The job was made, or one that was there is the answer. */
void rules_schedule_made(struct schedule_row *row, int64_t job, wall_ms now);

/* Does a firing ask for what has become of the last job? */
bool rules_schedule_asks(const struct schedule_row *row, const struct schedule_fire *f);

#endif
