/* lane: the jobs of one queue and one type: how many are in each state, and those without group and key. */
#ifndef JOBD_LANE_H
#define JOBD_LANE_H

#include <stdint.h>
#include <sys/queue.h>

#include "backlog/flow.h"
#include "kinds/kind.h"
#include "proto/jobstate.h"

struct queue;

struct lane {
	struct queue *queue;
	char *type;
	const struct kind *kind;	/* NULL: nobody here runs this type */
	int64_t counts[JOB_STATES];	/* as committed */
	struct flow own;		/* its jobs without group and key */
	TAILQ_ENTRY(lane) queue_link;
};

TAILQ_HEAD(lane_list, lane);

static inline enum job_class lane_class(const struct lane *l)
{
	return l->kind != NULL ? l->kind->class : CLASS_WORKER;
}

#endif
