#include "timing.h"

#include <string.h>

#define HOUR (INT64_C(3600) * 1000)
#define CLOCK_CORRECTED (3 * HOUR)	/* as cronie has it: set back farther, the clock was wrong before */
enum { GAPS = 100 };

#define EVERY_SLACK 1000		/* ms: a clock that is nudged goes on with the beat it has */

wall_ms timing_next(const struct timing *t, wall_ms beat, wall_ms after)
{
	wall_ms next;

	if (t->every == 0) {
		next = cron_next(&t->cron, t->zone, after);
		return next > 0 ? next : 0;
	}
	next = after < beat ? beat - (beat - after - 1) / t->every * t->every : beat + ((after - beat) / t->every + 1) * t->every;
	return next > 0 ? next : 0;
}

wall_ms timing_gap(const struct timing *t, wall_ms after)
{
	wall_ms gap = 0, at = timing_next(t, after, after), next;

	if (t->every > 0)
		return t->every;
	for (int i = 0; i < GAPS && at != 0; i++, at = next) {
		next = timing_next(t, after, at);
		if (next != 0 && (gap == 0 || next - at < gap))
			gap = next - at;
	}
	return gap;
}

/* FNV-1a, and a last stir: neighbouring times lie far apart. */
static uint64_t timing_hash(const char *name, wall_ms at)
{
	uint64_t hash = UINT64_C(14695981039346656037);

	for (const char *c = name; *c != '\0'; c++)
		hash = (hash ^ (unsigned char)*c) * UINT64_C(1099511628211);
	for (int i = 0; i < 8; i++)
		hash = (hash ^ ((uint64_t)at >> i * 8 & 0xff)) * UINT64_C(1099511628211);
	hash ^= hash >> 32;
	hash *= UINT64_C(0x9e3779b97f4a7c15);
	return hash ^ hash >> 29;
}

wall_ms timing_due(const char *name, wall_ms jitter, wall_ms at)
{
	return jitter > 0 ? at + (wall_ms)(timing_hash(name, at) % (uint64_t)(jitter + 1)) : at;
}

bool timing_clock_back(wall_ms every, wall_ms since, wall_ms next, wall_ms now)
{
	if (every > 0)
		return next > now + every + EVERY_SLACK;
	return since > now + CLOCK_CORRECTED;
}

/* ---- what has come due ---- */

/* Times that are due: the n-th of them lies at v[n % MAX], as long as it is one of the last. */
struct timing_recent {
	wall_ms v[TIMING_CATCH_UP_MAX];
	size_t n;
};

static bool timing_is_due(const struct schedule_row *row, wall_ms at, wall_ms now)
{
	return timing_due(row->name, row->jitter, at) <= now;
}

/* The times from `from` on that are due: they come so in their order. */
static void timing_walk(const struct timing *t, const struct schedule_row *row, wall_ms from, wall_ms now,
			struct timing_recent *out)
{
	out->n = 0;
	for (wall_ms at = from; at != 0 && timing_is_due(row, at, now); at = timing_next(t, row->next, at))
		out->v[out->n++ % TIMING_CATCH_UP_MAX] = at;
}

/*
 * The last times that are due, enough for any catch_up. They are looked for
 * from ever farther back, so that years of being away cost no years of walking.
 */
static void timing_recent(const struct timing *t, const struct schedule_row *row, wall_ms now, struct timing_recent *out)
{
	wall_ms span = (t->every > 0 ? t->every : 60 * 1000) * TIMING_CATCH_UP_MAX + row->jitter;

	for (;;) {
		bool whole = now - span <= row->next;
		wall_ms from = whole ? row->next : timing_next(t, row->next, now - span - 1);

		timing_walk(t, row, from, now, out);
		if (whole || out->n >= TIMING_CATCH_UP_MAX)
			return;
		span *= 4;
	}
}

bool timing_plan(const struct timing *t, const struct schedule_row *row, wall_ms now, wall_ms awake,
		 struct schedule_fire *fire)
{
	struct timing_recent recent;
	wall_ms last, due;

	if (row->next == 0 || row->paused)
		return false;
	fire->expected = row->next;
	if (timing_clock_back(t->every, row->since, row->next, now)) {
		fire->kind = FIRE_MOVE;
		fire->next = timing_next(t, now, now);
		return true;
	}
	if (!timing_is_due(row, row->next, now))
		return false;
	timing_recent(t, row, now, &recent);
	last = recent.v[(recent.n - 1) % TIMING_CATCH_UP_MAX];
	due = timing_due(row->name, row->jitter, last);
	fire->kind = row->catch_up == CATCH_UP_NONE && (due <= awake || due < now - TIMING_LATE) ? FIRE_MOVE : FIRE_DUE;
	fire->at = last;
	if (row->catch_up == CATCH_UP_ALL)
		fire->at = recent.n > TIMING_CATCH_UP_MAX ? recent.v[recent.n % TIMING_CATCH_UP_MAX] : recent.v[0];
	fire->next = timing_next(t, row->next, fire->at);
	return true;
}
