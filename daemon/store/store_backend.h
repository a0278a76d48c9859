/*
 * store_backend: what a back end of the store supplies.
 *
 * The front (store.c) turns each verb into an op and parks its caller; a back
 * end carries ops out and ends each exactly once with store_op_done, on the
 * loop's thread, maybe before `submit` returns. Ops that change something end
 * in the order submitted, which is the order of their commits. An op that reads
 * ends after every change that it may have seen.
 */
#ifndef JOBD_STORE_BACKEND_H
#define JOBD_STORE_BACKEND_H

#include "store/op.h"
#include "store/store.h"

struct store {
	const struct store_backend *backend;
	struct store_observer observer;
	void *impl;			/* the back end's own */
	bool closing;			/* nothing new is taken up */
	uint64_t seq;			/* of the last change told; at open set by the back end */
	wall_ms retain;			/* final records' default, and how many are kept */
	int64_t retain_jobs;
};

struct store_backend {
	const char *name;
	/* Fills st->impl; on failure leaves nothing behind. */
	enum store_open_result (*open)(struct store *st, const struct store_conf *conf, char *why, size_t why_size);
	/* Ends what was submitted, then frees st->impl. */
	void (*close)(struct store *st);
	void (*submit)(struct store *st, struct store_op *op);
	/* As they were at open. */
	void (*counts)(struct store *st, void (*each)(void *arg, const struct lane_count *count), void *arg);
	void (*flows)(struct store *st, void (*each)(void *arg, const struct flow_count *flow), void *arg);
	void (*firsts)(struct store *st, void (*each)(void *arg, const struct ready_first *first), void *arg);
	void (*queues)(struct store *st, void (*each)(void *arg, const struct queue_row *queue), void *arg);
	void (*schedules)(struct store *st, void (*each)(void *arg, const struct schedule_change *schedule), void *arg);
	void (*hurry)(struct store *st);	/* or NULL: nothing here takes long */
	void (*stats)(struct store *st, struct store_stats *out);
};

/* Hands the op to the back end and parks until it has ended: its rc. The only park in the store. */
int store_call(struct store *st, struct store_op *op) PARKS;

/* Tells of the changes of an op that has ended, in their order, until that time. Is none left? Then it is done. */
bool store_op_tell(struct store *st, struct store_op *op, mono_us until);
/* Tells the op's changes, then its caller. The op is gone after it. */
void store_op_done(struct store *st, struct store_op *op);

#endif
