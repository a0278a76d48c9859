#include "plans.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "life.h"
#include "queues.h"
#include "sim.h"
#include "simstore.h"

#define CLOCK_WRONG (INT64_C(3) * 3600 * 1000)

enum { LATE = 3000, SLACK = 1000, CAUGHT_UP_MAX = 100, VERY_LATE = 60 * 1000 };

/* A schedule that is there. */
static struct kept_plan {
	const struct wish *template;	/* NULL: there is none */
	const struct schedule_plan *plan;	/* as it was put */
	struct timetable times;		/* with the origin that it has */
	wall_ms next, since, waiting, last_fired_at;
	int64_t last_job, skipped;
	struct wish *fired;		/* its job is new, and what became of the schedule is told next */
	wall_ms fired_for;
	mono_us due, freed;		/* its next time has come, or what waits may go, since then; 0 = no */
	unsigned deleting, triggers, triggered;
} kept[SIM_PLANS];

static uint64_t changes;
static int restored;

void plans_begin(void)
{
	memset(kept, 0, sizeof(kept));
	changes = 0;
}

const char *plan_name(int number)
{
	static const char *const names[SIM_PLANS] = { "plan-0", "plan-1", "plan-2", "plan-3", "plan-4" };

	return names[number];
}

static struct kept_plan *plan_of(const char *name)
{
	for (int i = 0; i < SIM_PLANS; i++)
		if (strcmp(plan_name(i), name) == 0)
			return &kept[i];
	broken(0, "there is a schedule %s that nobody put", name);
}

static const struct schedule_row *row_of(const char *name)
{
	const struct memory_store *m = simstore_kept();

	for (size_t i = 0; i < m->schedules_n; i++)
		if (strcmp(m->schedules[i]->name, name) == 0)
			return m->schedules[i];
	broken(0, "schedule %s is told of, and is not in the store", name);
}

/* What it was put as: its job says which put that was. */
static const struct wish *template_of(const struct schedule_row *row)
{
	const char *serial = strstr(row->job, "\"serial\":");
	const struct wish *w = serial != NULL ? model_by_serial(atoll(serial + strlen("\"serial\":"))) : NULL;

	must(0, w != NULL && w->plan != NULL && strcmp(plan_name(w->plan->number), row->name) == 0, "schedule %s is of no put",
	     row->name);
	return w;
}

bool plan_there(int number)
{
	return kept[number].template != NULL;
}

const struct schedule_plan *plan_in_force(int number)
{
	return kept[number].plan;
}

wall_ms plan_next(int number)
{
	return kept[number].next;
}

wall_ms plan_after(int number, wall_ms at)
{
	return timetable_next(&kept[number].times, at);
}

uint64_t plan_changes(void)
{
	return changes;
}

void plan_asks_delete(int number, int by)
{
	kept[number].deleting += (unsigned)by;
}

/* ---- its last job ---- */

static bool unfinished(const struct kept_plan *p)
{
	const struct wish *w = model_find(p->last_job);

	return w != NULL && !job_state_final(w->state);
}

/* Is that job the answer, since it has the key? */
static bool answered_by(const struct kept_plan *p, int64_t id)
{
	const struct wish *w = model_find(id);

	return p->template->key != 0 && p->template->on_conflict == UNIQUE_EXISTING && w != NULL && w->key == p->template->key;
}

/* ---- put ---- */

/* When it begins anew, or goes on: its first time. */
static wall_ms first_time(const struct kept_plan *p, const struct schedule_plan *put)
{
	bool alike = p->template != NULL && timetable_alike(&p->times, &put->times);

	if (!alike)
		return timetable_next(&put->times, put->at);
	if (!p->plan->paused || put->paused)
		return p->next;
	/* A clock that was set back brings no time again. */
	if (p->times.every > 0 ? p->next > put->at : p->since > put->at)
		return p->next;
	return timetable_next(&p->times, put->at);
}

static void judge_put(const struct kept_plan *p, const struct schedule_plan *put, const struct schedule_row *row)
{
	bool alike = p->template != NULL && timetable_alike(&p->times, &put->times);

	must(0, put->under_way > 0, "schedule %s is put, and nobody asks for that", row->name);
	must(0, p->fired == NULL, "schedule %s makes a job and is put in one", row->name);
	must(0, row->next == first_time(p, put), "schedule %s is put at %lld, and its next time is %lld, not %lld", row->name,
	     (long long)put->at, (long long)row->next, (long long)first_time(p, put));
	must(0, row->waiting == 0 || (alike && row->waiting == p->waiting), "schedule %s is put, and something waits", row->name);
	must(0, row->waiting == p->waiting || !alike || put->paused || put->overlap != p->plan->overlap,
	     "schedule %s is put again as it was, and what waited is lost", row->name);
	must(0, p->template == NULL || (row->last_job == p->last_job && row->last_fired_at == p->last_fired_at),
	     "schedule %s has forgotten its last job", row->name);
	must(0, row->every == put->times.every && row->jitter == put->jitter && row->overlap == put->overlap &&
	     row->catch_up == put->catch_up && row->paused == put->paused, "schedule %s is not what was asked for", row->name);
}

static void take_put(struct kept_plan *p, const struct wish *template)
{
	if (p->template == NULL || !timetable_alike(&p->times, &template->plan->times))
		p->times = template->plan->times;
	p->template = template;
	p->plan = template->plan;
}

/* ---- a time has come ---- */

/* Up to which time are those decided that end before `next`: the last of them; and how many are there before it? */
static wall_ms last_before(const struct kept_plan *p, const char *name, wall_ms next, int *passed)
{
	wall_ms at = p->next, after;

	for (*passed = 0; (after = timetable_next(&p->times, at)) < next; at = after)
		++*passed;
	must(0, after == next, "schedule %s is to fire at %lld, which is none of its times: after %lld comes %lld", name, (long long)next,
	     (long long)at, (long long)after);
	return at;
}

/* Could anyone have seen to it when it was due? */
static bool passed_unseen(const struct kept_plan *p, wall_ms at, wall_ms now)
{
	wall_ms due = at + p->plan->jitter;

	return life_troubled(now - at + LATE) || now > due + VERY_LATE || queue_settings(p->template->queue).max_ready > 0 ||
	       !queue_settled(p->template->queue, LATE);
}

/* Which of the times that are over is made up for, when all are? */
static void judge_caught_up(const struct kept_plan *p, const char *name, wall_ms at, wall_ms now)
{
	int surely = 0, maybe = 0;

	for (wall_ms t = at; t <= now && surely <= CAUGHT_UP_MAX; t = timetable_next(&p->times, t)) {
		surely += t + p->plan->jitter <= now;
		maybe++;
	}
	must(0, surely <= CAUGHT_UP_MAX && maybe >= CAUGHT_UP_MAX, "schedule %s catches up from the last but %d to %d", name, surely, maybe);
}

static void judge_time(const struct kept_plan *p, const char *name, wall_ms at, wall_ms next, int passed, wall_ms now)
{
	must(0, at <= now, "schedule %s fires at %lld for %lld", name, (long long)now, (long long)at);
	if (p->plan->catch_up == CATCH_UP_ALL && passed > 0)
		judge_caught_up(p, name, at, now);
	else if (p->plan->catch_up != CATCH_UP_ALL)
		must(0, next + p->plan->jitter > now, "schedule %s fires for %lld at %lld, when %lld has come, too", name, (long long)at,
		     (long long)now, (long long)next);
	must(0, passed == 0 || now - p->next <= LATE + p->plan->jitter || passed_unseen(p, p->next, now), "schedule %s leaves out %d times from %lld on", name, passed,
	     (long long)p->next);
}

/* Nobody could see to it: then `none` makes up for none of it. */
static bool was_away(const struct kept_plan *p, wall_ms at)
{
	return at + p->plan->jitter < life_began_at() - 1;
}

/* Set back so far that it begins anew? */
static void judge_anew(struct kept_plan *p, const struct schedule_row *row)
{
	wall_ms now = row->since;

	must(0, p->fired == NULL && life_clock_moved(), "schedule %s begins anew for no reason", row->name);
	if (p->times.every > 0) {
		must(0, p->next > now + p->times.every + SLACK, "schedule %s begins anew, and is to fire in a moment", row->name);
		p->times.origin = now;
	} else {
		must(0, p->since > now + CLOCK_WRONG, "schedule %s begins anew, and the clock is right", row->name);
	}
	must(0, row->next == timetable_next(&p->times, now), "schedule %s begins anew with %lld", row->name, (long long)row->next);
}

static void judge_made(const struct kept_plan *p, const struct schedule_row *row, wall_ms at)
{
	must(p->last_job, p->plan->overlap == OVERLAP_ALLOW || !unfinished(p), "is not over, and schedule %s fires", row->name);
	must(0, p->waiting == 0, "schedule %s fires for %lld while %lld waits", row->name, (long long)at, (long long)p->waiting);
	if (p->fired != NULL)
		must(p->fired->id, row->last_job == p->fired->id && p->fired_for == at, "is for %lld, and schedule %s fires for %lld",
		     (long long)p->fired_for, row->name, (long long)at);
	else
		must(row->last_job, answered_by(p, row->last_job), "is the answer to a firing of schedule %s", row->name);
}

static void judge_skipped(const struct kept_plan *p, const struct schedule_row *row)
{
	must(0, row->skipped == p->skipped + 1 && p->fired == NULL, "schedule %s counts %lld that were skipped after %lld", row->name,
	     (long long)row->skipped, (long long)p->skipped);
	if (row->error != NULL)
		must(0, p->template->key != 0 && p->template->on_conflict == UNIQUE_REJECT, "schedule %s makes no job: %s", row->name,
		     row->error);
	else if (p->plan->overlap == OVERLAP_SKIP)
		must(0, unfinished(p), "schedule %s is skipped, and the last job is over", row->name);
	else
		must(0, p->plan->overlap == OVERLAP_QUEUE && p->waiting != 0, "schedule %s is skipped for no reason", row->name);
}

static void judge_queued(const struct kept_plan *p, const struct schedule_row *row, wall_ms at)
{
	must(0, p->waiting == 0 && row->waiting == at && p->fired == NULL, "of schedule %s, %lld waits for %lld", row->name,
	     (long long)row->waiting, (long long)at);
	must(0, p->plan->overlap == OVERLAP_QUEUE && unfinished(p), "schedule %s waits for nothing", row->name);
}

/* None was made, and none is to be. */
static void judge_moved(const struct kept_plan *p, const struct schedule_row *row, wall_ms at)
{
	must(0, p->plan->catch_up == CATCH_UP_NONE && passed_unseen(p, at, row->since), "schedule %s lets %lld pass", row->name,
	     (long long)at);
	must(0, at <= row->since && row->next + p->plan->jitter > row->since, "schedule %s lets %lld pass at %lld", row->name, (long long)at,
	     (long long)row->since);
}

/* Was the job of its key taken for the one of that time? */
static bool was_answered(const struct kept_plan *p, const struct schedule_row *row, wall_ms at)
{
	if (p->template->key == 0 || row->since != at)
		return false;
	return p->plan->catch_up != CATCH_UP_NONE || row->last_fired_at != p->last_fired_at;
}

static void judge_due(struct kept_plan *p, const struct schedule_row *row)
{
	wall_ms at;
	int passed;

	must(0, !p->plan->paused, "schedule %s is paused, and fires", row->name);
	if (row->next <= p->next) {
		judge_anew(p, row);
		return;
	}
	at = last_before(p, row->name, row->next, &passed);
	if (row->skipped != p->skipped) {
		judge_skipped(p, row);
		if (row->error == NULL)		/* else that was decided a moment before */
			judge_time(p, row->name, at, row->next, passed, row->skipped_at);
	} else if (row->waiting != p->waiting) {
		judge_queued(p, row, at);
	} else if (p->fired != NULL || was_answered(p, row, at)) {
		judge_made(p, row, at);
		judge_time(p, row->name, at, row->next, passed, row->last_fired_at);
		must(0, p->plan->catch_up != CATCH_UP_NONE || !was_away(p, at), "schedule %s makes up for %lld", row->name, (long long)at);
	} else {
		judge_moved(p, row, at);
	}
}

/* The one that waited. */
static void judge_waited(const struct kept_plan *p, const struct schedule_row *row)
{
	struct kept_plan free = *p;

	must(0, !p->plan->paused && row->waiting == 0, "schedule %s has %lld waiting", row->name, (long long)row->waiting);
	free.waiting = 0;
	if (row->skipped == p->skipped)
		judge_made(&free, row, p->waiting);
	else
		judge_skipped(&free, row);
	must(0, row->skipped == p->skipped || row->error != NULL, "schedule %s forgets what waited", row->name);
}

static void judge_trigger(struct kept_plan *p, const struct schedule_row *row)
{
	const struct wish *last = model_find(row->last_job);

	must(0, row->skipped == p->skipped && row->since == p->since, "schedule %s is triggered, and its times move", row->name);
	if (p->fired == NULL) {
		must(0, p->triggers > p->triggered && last != NULL && last->key != 0, "schedule %s changes for no reason", row->name);
		return;
	}
	must(p->fired->id, p->fired_for == 0 && row->last_job == p->fired->id, "is for %lld, and schedule %s has no such time",
	     (long long)p->fired_for, row->name);
	must(p->fired->id, p->triggered < p->triggers, "comes of schedule %s, which nobody triggers", row->name);
	p->triggered++;
	p->fired->triggered = true;
}

static void judge_change(struct kept_plan *p, const struct schedule_row *row)
{
	if (row->next != p->next || row->since != p->since)
		judge_due(p, row);
	else if (row->waiting != p->waiting)
		judge_waited(p, row);
	else
		judge_trigger(p, row);
}

/* ---- the stream ---- */

static void take_over(struct kept_plan *p, const struct schedule_row *row)
{
	if (p->next != row->next)
		p->due = 0;
	if (p->waiting != row->waiting)
		p->freed = 0;
	p->next = row->next;
	p->since = row->since;
	p->waiting = row->waiting;
	p->last_fired_at = row->last_fired_at;
	p->last_job = row->last_job;
	p->skipped = row->skipped;
	p->fired = NULL;
}

static void forget(struct kept_plan *p, const char *name)
{
	must(0, p->template != NULL && p->deleting > 0, "schedule %s is gone, and nobody asks for that", name);
	p->template = NULL;
	p->plan = NULL;
	p->next = p->since = p->waiting = p->last_fired_at = p->last_job = p->skipped = 0;
}

static bool as_told(const struct schedule_change *c, const struct schedule_row *row)
{
	return c->paused == row->paused && c->every == row->every && c->jitter == row->jitter && c->since == row->since &&
	       c->next == row->next && c->waiting == row->waiting && c->last_job == row->last_job;
}

void plans_changed(const struct schedule_change *c)
{
	struct kept_plan *p = plan_of(c->name);
	const struct schedule_row *row;
	const struct wish *template;

	changes++;
	trace(-1, "schedule %s: next %lld, since %lld, waiting %lld, last job %lld%s", c->name, (long long)c->next, (long long)c->since,
	      (long long)c->waiting, (long long)c->last_job, c->gone ? ": gone" : "");
	if (c->gone) {
		forget(p, c->name);
		return;
	}
	row = row_of(c->name);
	must(0, as_told(c, row), "schedule %s is told otherwise than it is", c->name);
	template = template_of(row);
	if (template == p->template) {
		judge_change(p, row);
	} else {
		judge_put(p, template->plan, row);
		take_put(p, template);
	}
	take_over(p, row);
}

struct wish *plans_fire(const struct wish *template, const char *schedule, wall_ms scheduled_for)
{
	struct kept_plan *p = plan_of(schedule);

	must(0, template->plan != NULL && template->plan->number == p - kept, "a job of schedule %s that was not put", schedule);
	must(0, template == p->template || (scheduled_for == 0 && p->triggers > 0), "a job of schedule %s as it was before", schedule);
	must(0, p->template != NULL && p->fired == NULL, "schedule %s fires twice at once", schedule);
	figures.firings++;
	p->fired = model_copy(template);
	p->fired_for = scheduled_for;
	return p->fired;
}

void plan_triggers(int number)
{
	kept[number].triggers++;
}

void plan_triggered(int number, int64_t id, bool dead)
{
	struct kept_plan *p = &kept[number];
	struct wish *w = model_by_id(id);

	if (dead)
		return;
	p->triggers--;
	if (w == NULL)
		return;
	if (w->triggered) {
		w->triggered = false;
		p->triggered--;
	} else {
		must(id, w->key != 0, "is the answer to a second trigger of schedule %s", plan_name(number));
	}
}

/* ---- a life begins ---- */

void plans_new_life(void)
{
	restored = 0;
	for (int i = 0; i < SIM_PLANS; i++)
		kept[i].deleting = kept[i].triggers = kept[i].triggered = 0;
}

void plans_restore(const struct schedule_change *c)
{
	const struct kept_plan *p = plan_of(c->name);

	must(0, p->template != NULL && p->next == c->next && p->since == c->since && p->waiting == c->waiting &&
	     p->last_job == c->last_job && p->plan->paused == c->paused, "schedule %s is another after a crash", c->name);
	must(0, p->fired == NULL, "schedule %s made a job, and did not move on", c->name);
	restored++;
}

void plans_restored(void)
{
	int n = 0;

	for (int i = 0; i < SIM_PLANS; i++)
		n += kept[i].template != NULL;
	must(0, n == restored, "%d schedules are there of %d", restored, n);
}

/* ---- at rest ---- */

static bool may_come(const struct kept_plan *p)
{
	return p->template != NULL && !p->plan->paused && queue_settings(p->template->queue).max_ready == 0 &&
	       queue_settled(p->template->queue, LATE) && !life_troubled(LATE);
}

/* It should have come of it long ago, if that has been so since *since. */
static bool is_late(bool should, mono_us *since)
{
	if (!should)
		*since = 0;
	else if (*since == 0)
		*since = clock_mono();
	return *since != 0 && clock_mono() - *since >= LATE * 1000;
}

void plans_at_rest(void)
{
	for (int i = 0; i < SIM_PLANS; i++) {
		struct kept_plan *p = &kept[i];

		must(0, p->fired == NULL, "schedule %s has made a job, and is not told of", plan_name(i));
		must(0, !is_late(may_come(p) && p->next + p->plan->jitter <= clock_wall(), &p->due), "schedule %s does not fire for %lld",
		     plan_name(i), (long long)p->next);
		must(0, !is_late(may_come(p) && p->waiting != 0 && !unfinished(p), &p->freed), "schedule %s has %lld waiting for nothing",
		     plan_name(i), (long long)p->waiting);
	}
}
