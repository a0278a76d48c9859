/*
 * kind: what a job can be. A file and a row in table.c each.
 *
 * check runs in the daemon at submit, run in a coroutine of the daemon (io) or
 * in a pool process (cpu). `check` reads every member with params_*, so that
 * wrong and unknown ones are refused with their field; `run` may then rely on it.
 */
#ifndef JOBD_KIND_H
#define JOBD_KIND_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "coro/coro.h"
#include "kinds/outcome.h"
#include "proto/params.h"

enum job_class { CLASS_IO, CLASS_CPU, CLASS_WORKER };

const char *job_class_name(enum job_class class);	/* "io", "cpu", "worker" */

/* What an io handler is given. */
struct io_job {
	int64_t id;
	int attempt;
	json_t *args;			/* borrowed: an object that passed check */
	mono_us deadline;		/* of the attempt; MONO_NEVER */
	size_t result_bytes;		/* limits.result_bytes */
	/* Tells how far it is (0..1, or < 0: unknown), for people; message may be NULL. */
	void (*progress)(void *arg, double fraction, const char *message);
	void *arg;
};

/* What a cpu handler is given, in its pool process. */
struct cpu_job;				/* work/child.h */

struct kind {
	const char *name;
	enum job_class class;
	bool brief;			/* ends in far less than a millisecond: may be prefetched */
	/* Reads all args; errors stick. Ends with params_done, save where anything goes. */
	void (*check)(struct params *args);
	/*
	 * io. Fills *out. 0; or -ECANCELED, -ETIMEDOUT straight from an await: the
	 * caller makes the outcome of these.
	 */
	int (*run_io)(struct io_job *job, struct outcome *out) PARKS;
	/* cpu. Fills *out; blocking. */
	void (*run_cpu)(struct cpu_job *job, struct outcome *out);
};

/* NULL if there is none of that name. */
const struct kind *kind_find(const char *name);
const struct kind *kind_at(size_t index);	/* NULL past the last */

#endif
