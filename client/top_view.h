/* top_view: what `top` shows, out of the daemon's answers. Knows no daemon and no terminal. */
#ifndef JOBCTL_TOP_VIEW_H
#define JOBCTL_TOP_VIEW_H

#include <jansson.h>
#include <stdint.h>

#include "base/clock.h"

struct frame;

struct top_data {
	const char *address;
	json_t *status;		/* of daemon.status */
	json_t *queues;		/* of queue.list */
	json_t *running;	/* of job.list, the oldest first */
	wall_ms now;		/* by the daemon's clock */
	double ended;		/* jobs that ended a second; < 0: not known */
	const char *problem;	/* shown in place of the last figures; NULL: none */
};

void top_view(struct frame *f, const struct top_data *data);

/* The jobs in that status that are over. */
int64_t top_view_ended(const json_t *status);

#endif
