/*
 * follow: a job's output as it comes, without loss and without repeating.
 *
 * Subscribes first, then fetches what had been produced before; from then on
 * every event says where its data begins, so that what is known is skipped and
 * what is missing is fetched. The end is told by a job.wait that is sent along.
 *
 *	follow_init(&f, ctl, true);
 *	f.id = ...submit by follow_submit...
 *	record = follow_job(&f, 1);
 */
#ifndef JOBCTL_FOLLOW_H
#define JOBCTL_FOLLOW_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "client/client.h"
#include "client/waiting.h"

struct ctl;

struct follow {
	struct ctl *ctl;
	int64_t id;		/* 0: not known yet */
	int attempt;		/* whose output is being shown; 0: none yet */
	int64_t offset[2];	/* shown of its stdout and stderr */
	bool wanted[2];
	bool truncated[2];	/* that not all was kept has been said */
	bool broken;		/* what was shown could not be written */
	int signals;		/* see interrupt.h; -1: Ctrl-C ends the program */
	int interrupts;		/* so many times Ctrl-C: the first cancels the job, the second leaves */
	int64_t cancel, wait;	/* requests under way */
	bool lagged;
	struct waiting waiting;
	struct jobd_error error;	/* after a NULL: why; code 0 and no reason: left by Ctrl-C */
};

/* Both streams wanted. cancels: Ctrl-C cancels the job. 0, or the exit code. */
int follow_init(struct follow *f, struct ctl *ctl, bool cancels);
void follow_end(struct follow *f);

/* As jobd_call, but Ctrl-C is heeded meanwhile. params is stolen. NULL: see f->error. */
json_t *follow_call(struct follow *f, const char *method, json_t *params);

/* The same for job.submit; where the connection is lost before the answer, once more over a new one, see ctl_submit. */
json_t *follow_submit(struct follow *f, json_t *job);

/* The number of the job's latest attempt; 0: it has not started; -1: see f->error. */
int follow_latest(struct follow *f);

/* Shows what is kept of attempt f->attempt, from f->offset on. 0; -1: see f->error. */
int follow_fetch(struct follow *f);

/* Shows the output of attempt `from` (0: the latest) and all later ones until the job is over. The final record, or NULL. */
json_t *follow_job(struct follow *f, int from);

#endif
