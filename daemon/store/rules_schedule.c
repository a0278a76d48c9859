#include "store/rules_schedule.h"

#include <errno.h>
#include <string.h>

static bool same_text(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool same_timing(const struct schedule_row *a, const struct schedule_row *b)
{
	return same_text(a->cron, b->cron) && a->every == b->every && strcmp(a->timezone, b->timezone) == 0;
}

/* The beat goes on where it stopped: the first of its times that lies ahead. */
static wall_ms next_beat(wall_ms next, wall_ms every, wall_ms now)
{
	return next > now ? next : next + ((now - next) / every + 1) * every;
}

void rules_schedule_put(struct schedule_row *row, const struct schedule_row *was, wall_ms now)
{
	row->version = was != NULL && was->version >= now ? was->version + 1 : now;
	row->since = now;
	row->waiting = 0;
	if (was == NULL)
		return;
	row->last_fired_at = was->last_fired_at;
	row->last_job = was->last_job;
	row->skipped = was->skipped;
	row->skipped_at = was->skipped_at;
	row->error = was->error;
	if (!same_timing(row, was))
		return;
	if (!was->paused || row->paused) {
		row->since = was->since;
		row->next = was->next;
	} else if (row->every > 0) {
		row->next = next_beat(was->next, row->every, now);
	} else if (was->since > now) {
		row->since = was->since;	/* the clock was set back: no time comes again */
		row->next = was->next;
	}
	if (!row->paused && row->overlap == was->overlap)
		row->waiting = was->waiting;
}

bool rules_schedule_asks(const struct schedule_row *row, const struct schedule_fire *f)
{
	return row->last_job != 0 && (f->kind == FIRE_WAITING || (f->kind == FIRE_DUE && row->overlap != OVERLAP_ALLOW));
}

static bool as_expected(const struct schedule_row *row, const struct schedule_fire *f)
{
	if (f->kind == FIRE_TRIGGER)
		return true;
	if (row->version != f->version || row->paused)
		return false;
	return f->expected == (f->kind == FIRE_WAITING ? row->waiting : row->next);
}

static int skip(struct schedule_row *row, struct schedule_fire *f, wall_ms now)
{
	row->skipped++;
	row->skipped_at = now;
	row->error = f->job == NULL ? f->error : NULL;
	f->verdict = FIRE_SKIPPED;
	return 0;
}

int rules_schedule_fire(struct schedule_row *row, struct schedule_fire *f, bool unfinished, wall_ms now)
{
	if (!as_expected(row, f))
		return -ESTALE;
	if (f->kind == FIRE_WAITING && unfinished)
		return -EAGAIN;
	f->verdict = FIRE_MADE;
	if (f->kind == FIRE_WAITING)
		row->waiting = 0;
	if (f->kind == FIRE_DUE || f->kind == FIRE_MOVE) {
		row->since = f->kind == FIRE_DUE ? f->at : now;
		row->next = f->next;
	}
	if (f->kind == FIRE_MOVE)
		f->verdict = FIRE_MOVED;
	if (f->kind == FIRE_MOVE || f->kind == FIRE_TRIGGER)
		return 0;
	if (f->job == NULL || (unfinished && row->overlap == OVERLAP_SKIP))
		return skip(row, f, now);
	if (!unfinished && (row->waiting == 0 || row->overlap != OVERLAP_QUEUE))
		return 0;
	if (row->waiting != 0)
		return skip(row, f, now);
	row->waiting = f->at;
	f->verdict = FIRE_QUEUED;
	return 0;
}

void rules_schedule_made(struct schedule_row *row, int64_t job, wall_ms now)
{
	row->last_job = job;
	row->last_fired_at = now;
	row->error = NULL;
}
