#include "timetable.h"

#include "sim.h"
#include "tests/lib/cronwalk.h"

#define DAY (INT64_C(86400) * 1000)

enum { SPAN_DAYS = 90, LOOK_DAYS = 3 };

static const char *const crons[] = {
	"* * * * *", "*/2 * * * *", "7-59/5 * * * *", "*/20 1-3 * * *", "17,47 * * * *", "0 */2 * * *", "30 1 * * *", "15,45 2 * * *",
	"0 3 * * *", "5 0-6 * * *", "10 * * * 0-6",
};

enum { CRONS = sizeof(crons) / sizeof(crons[0]) };

static struct {
	const char *zone;
	struct cronwalk_clock utc, local;
	struct cronwalk walks[CRONS];
} tables;

void timetable_begin(const char *zone, wall_ms begin)
{
	int64_t from = (begin - DAY) / 1000, until = (begin + SPAN_DAYS * DAY) / 1000;

	tables.zone = zone;
	cronwalk_clock_open(&tables.utc, "UTC", from, until);
	cronwalk_clock_open(&tables.local, zone, from, until);
	for (int i = 0; i < CRONS; i++)
		cronwalk_read(&tables.walks[i], crons[i]);
}

void timetable_end(void)
{
	cronwalk_clock_close(&tables.utc);
	cronwalk_clock_close(&tables.local);
}

struct timetable timetable_some(wall_ms least)
{
	if (one_in(2))
		return (struct timetable){ .every = between(least, one_in(3) ? 60000 : 2 * least) };
	return (struct timetable){ .cron = (int)below(CRONS), .local = !one_in(3) };
}

const char *timetable_cron(const struct timetable *t)
{
	return t->every == 0 ? crons[t->cron] : NULL;
}

const char *timetable_zone(const struct timetable *t)
{
	return t->local ? tables.zone : "UTC";
}

bool timetable_alike(const struct timetable *a, const struct timetable *b)
{
	return a->every == b->every && a->cron == b->cron && a->local == b->local;
}

wall_ms timetable_next(const struct timetable *t, wall_ms after)
{
	wall_ms at;

	if (t->every > 0) {
		at = t->origin + (after - t->origin) / t->every * t->every;
		while (at > after)
			at -= t->every;
		return at + t->every;
	}
	at = cronwalk_next(&tables.walks[t->cron], t->local ? &tables.local : &tables.utc, after, LOOK_DAYS * DAY / 1000);
	must(0, at > after, "\"%s\" has no time after %lld", crons[t->cron], (long long)after);
	return at;
}
