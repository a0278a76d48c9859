#include "base/clock.h"

#include <stddef.h>
#include <time.h>

static wall_ms system_wall(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (wall_ms)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static mono_us system_mono(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (mono_us)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static const struct clock_source system_clock = { system_wall, system_mono };
static const struct clock_source *source = &system_clock;

wall_ms clock_wall(void)
{
	return source->wall();
}

mono_us clock_mono(void)
{
	return source->mono();
}

mono_us clock_after(mono_us span)
{
	mono_us now = clock_mono();

	return span > MONO_NEVER - now ? MONO_NEVER : now + span;
}

void clock_set_source(const struct clock_source *s)
{
	source = s != NULL ? s : &system_clock;
}
