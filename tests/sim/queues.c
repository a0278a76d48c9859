#include "queues.h"

#include <string.h>

#include "limits.h"
#include "order.h"
#include "sim.h"

const struct queue_settings sim_defaults[SIM_QUEUES] = {
	{ .weight = 1 }, { .weight = 1, .concurrency = 6 }, { .weight = 2, .max_ready = 500 }, { .weight = 5 },
	{ .weight = 3, .rate = { 60, 4 } },
};

static struct {
	bool paused;
	int pausing;			/* by so many */
	struct queue_settings set;
	mono_us changed;
} queues[SIM_QUEUES];

void queues_begin(void)
{
	memset(queues, 0, sizeof(queues));
}

void queues_changed(const struct queue_row *row)
{
	int q = model_queue_of(row->name);
	bool rate_changed;

	if (q < 0)
		return;
	rate_changed = memcmp(&queues[q].set.rate, &row->set.rate, sizeof(row->set.rate)) != 0;
	if (memcmp(&queues[q].set, &row->set, sizeof(row->set)) != 0) {
		queues[q].changed = clock_mono();
		order_new_turns();
	}
	queues[q].paused = row->paused;
	queues[q].set = row->set;
	limits_rate_set(q, rate_changed);
}

bool queue_paused(int queue)
{
	return queues[queue].paused;
}

void queue_pausing(int queue, bool asks)
{
	queues[queue].pausing += asks ? 1 : -1;
}

bool queue_may_stand(int queue)
{
	return queues[queue].pausing > 0;
}

struct queue_settings queue_settings(int queue)
{
	struct queue_settings s = queue_settings_over(&queues[queue].set, &sim_defaults[queue]);

	if (s.weight == 0)
		s.weight = 1;
	return s;
}

bool queue_settled(int queue, wall_ms within)
{
	return queues[queue].changed == 0 || clock_mono() - queues[queue].changed > within * 1000;
}
