/*
 * reason: why jobs wait, as words, and lists by them.
 *
 * The reason of one job is record_reason's; what it finds depends on this
 * moment. For a list, what is known now is written down, so that the store can
 * tell by it, in a thread of its own, whose jobs pass.
 */
#ifndef JOBD_REASON_H
#define JOBD_REASON_H

#include <stdbool.h>

#include "store/store.h"

struct attempts;
struct backlog;
struct dispatch;

enum reason {			/* the first that holds is a job's */
	REASON_HELD, REASON_DEPENDENCY, REASON_DELAY, REASON_RETRY,
	REASON_DRAINING, REASON_QUEUE_PAUSED, REASON_NO_WORKER, REASON_RATE, REASON_QUEUE_CONCURRENCY, REASON_KEY_CONCURRENCY,
	REASON_IO_BUSY, REASON_POOL_BUSY, REASON_NEXT,
	REASONS
};

extern const char *const reason_names[REASONS + 1];	/* NULL-ended */

/* The reason of that name; REASONS if there is none. */
enum reason reason_of(const char *name);

/* The states of jobs that may wait for one of these reasons (bits 1 << enum reason), as bits. */
unsigned reason_states(unsigned reasons);

/*
 * What is known now of why jobs wait, for a filter by these reasons; valid until
 * reason_filter_free. 0 or -errno.
 */
int reason_filter(unsigned reasons, const struct backlog *s, const struct dispatch *d, struct job_reasons **out) PARKS;
void reason_filter_free(struct job_reasons **filter);

/* Is the reason (a word, or NULL) one of those asked for? NULL asks for none in particular. */
bool reason_asked(const struct job_reasons *filter, const char *name);

#endif
