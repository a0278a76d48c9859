/*
 * attempt_output: a command's output on its way from the pool to the store and
 * to those who follow it. Chunks gather while one is being written, so that a
 * chatty command costs few writes; the pool is told what has been kept and
 * lets the command go on accordingly, so the gathering is bounded.
 */
#ifndef JOBD_ATTEMPT_OUTPUT_H
#define JOBD_ATTEMPT_OUTPUT_H

#include "base/buf.h"
#include "coro/coro.h"
#include "notify.h"
#include "work/pool.h"

struct output_stream {
	struct buf waiting;
	int64_t offset;			/* where `waiting` begins in the whole */
};

struct attempt_output {
	struct store *store;
	struct notify *notify;
	struct notify_job job;		/* texts borrowed from the attempt's spec */
	struct pool_task *task;		/* NULL once its run is over */
	const bool *abandon;		/* true: the daemon ends and the store cannot write; stop trying */
	struct output_stream streams[2];
	struct coro_group writer;	/* at most one coroutine, while something waits */
	bool ending;			/* no more will come: write even half a character */
	bool unwanted;			/* the attempt is not to be recorded, nor is its output */
};

void attempt_output_init(struct attempt_output *o, struct store *store, struct notify *notify,
			 const struct notify_job *job, struct pool_task *task, const bool *abandon);

/* From the pool's callback: copies the data; never parks. */
void attempt_output_put(struct attempt_output *o, int stream, int64_t offset, const void *data, size_t len);

/* Nothing more is kept: the job turned out not to be this attempt's. */
void attempt_output_drop(struct attempt_output *o);

/* Parks until all of it is kept. While the store cannot write, this waits. */
void attempt_output_end(struct attempt_output *o) PARKS;

#endif
