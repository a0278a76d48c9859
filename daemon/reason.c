#include "reason.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "attempt.h"
#include "backlog.h"
#include "dispatch.h"
#include "kinds/kind.h"

enum { QUEUES_A_TURN = 4096 };	/* looked at before others get the loop */

const char *const reason_names[REASONS + 1] = {
	"held", "dependency", "delay", "retry", "draining", "queue_paused", "no_worker", "rate", "queue_concurrency",
	"key_concurrency", "io_busy", "pool_busy", "next", NULL
};

enum reason reason_of(const char *name)
{
	int r = 0;

	while (r < REASONS && strcmp(reason_names[r], name) != 0)
		r++;
	return (enum reason)r;
}

unsigned reason_states(unsigned reasons)
{
	unsigned states = 0;

	if ((reasons & 1u << REASON_HELD) != 0)
		states |= 1u << JOB_HELD;
	if ((reasons & 1u << REASON_DEPENDENCY) != 0)
		states |= 1u << JOB_BLOCKED;
	if ((reasons & (1u << REASON_DELAY | 1u << REASON_RETRY)) != 0)
		states |= 1u << JOB_SCHEDULED;
	if ((reasons & ((1u << REASONS) - 1)) >> REASON_DRAINING != 0)
		states |= 1u << JOB_READY;
	return states;
}

/* ---- what is known now ---- */

/* A queue whose jobs do not start, for a reason of its own. */
struct still_queue {
	const char *name;		/* the queue's, which stays */
	enum reason why;
	UT_hash_handle hh;
};

/* What keeps the jobs of a type from starting, where their queue does not. */
struct known_type {
	const char *name;
	enum reason why;
};

struct known {
	struct job_reasons of;		/* first: a filter is a pointer to it */
	unsigned reasons;
	bool draining;
	struct still_queue *queues;
	struct known_type *types;
	size_t types_n;
	int64_t *in_hand;
};

static enum reason known_why(const struct known *k, const char *queue, const char *type)
{
	const struct still_queue *q = NULL;

	if (k->draining)
		return REASON_DRAINING;
	HASH_FIND_STR(k->queues, queue, q);
	if (q != NULL && q->why == REASON_QUEUE_PAUSED)
		return q->why;
	for (size_t i = 0; i < k->types_n; i++)
		if (strcmp(k->types[i].name, type) == 0)
			return q != NULL ? q->why : k->types[i].why;
	return REASON_NO_WORKER;
}

/* In the store's thread. */
static bool known_ready(const void *arg, const char *queue, const char *type)
{
	const struct known *k = arg;

	return (k->reasons & 1u << known_why(k, queue, type)) != 0;
}

static int known_add_queue(struct known *k, const struct queue *q, enum reason why)
{
	struct still_queue *still = calloc(1, sizeof(*still));

	if (still == NULL)
		return -ENOMEM;
	still->name = q->name;
	still->why = why;
	HASH_ADD_KEYPTR(hh, k->queues, still->name, strlen(still->name), still);
	if (still->hh.tbl == NULL) {
		free(still);
		return -ENOMEM;
	}
	return 0;
}

/* All queues, the loop given away now and then. That is safe: queues are added at the end, and none goes. */
static int known_add_queues(struct known *k, const struct backlog *s)
{
	const struct queue *q, *next;
	unsigned n = 0;
	int rc = 0;

	HASH_ITER(hh, s->queues.by_name, q, next) {
		if (++n % QUEUES_A_TURN == 0)
			rc = coro_yield();
		if (rc == 0 && q->paused)
			rc = known_add_queue(k, q, REASON_QUEUE_PAUSED);
		if (rc != 0)
			return rc;
	}
	return 0;
}

static int known_add_types(struct known *k, const struct dispatch *d)
{
	const struct kind *kind;

	while (kind_at(k->types_n) != NULL)
		k->types_n++;
	k->types = calloc(k->types_n + 1, sizeof(*k->types));
	if (k->types == NULL)
		return -ENOMEM;
	for (size_t i = 0; (kind = kind_at(i)) != NULL; i++) {
		enum reason busy = kind->class == CLASS_IO ? REASON_IO_BUSY : REASON_POOL_BUSY;

		k->types[i].name = kind->name;
		k->types[i].why = dispatch_room(d, kind->class, kind->brief) ? REASON_NEXT : busy;
	}
	return 0;
}

static int compare_ids(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* While it drains, and where a queue is paused, what is in hand waits for the same as the rest. */
static int known_add_in_hand(struct known *k, const struct attempts *all)
{
	size_t n = k->draining ? 0 : attempts_entering(all, NULL);

	k->in_hand = calloc(n + 1, sizeof(*k->in_hand));
	if (k->in_hand == NULL)
		return -ENOMEM;
	if (n > 0)
		n = attempts_entering(all, k->in_hand);
	qsort(k->in_hand, n, sizeof(k->in_hand[0]), compare_ids);
	k->of.in_hand = k->in_hand;
	k->of.in_hand_n = n;
	return 0;
}

int reason_filter(unsigned reasons, const struct backlog *s, const struct dispatch *d, struct job_reasons **out)
{
	struct known *k = calloc(1, sizeof(*k));
	int rc = k != NULL ? known_add_queues(k, s) : -ENOMEM;

	*out = k != NULL ? &k->of : NULL;
	if (rc == 0)
		rc = known_add_types(k, d);
	if (rc == 0) {
		k->draining = d->draining;
		rc = known_add_in_hand(k, d->attempts);
	}
	if (rc != 0) {
		reason_filter_free(out);
		return rc;
	}
	k->reasons = reasons;
	k->of.first = (reasons & 1u << REASON_DELAY) != 0;
	k->of.again = (reasons & 1u << REASON_RETRY) != 0;
	k->of.taken = (reasons & 1u << REASON_NEXT) != 0;
	k->of.ready = known_ready;
	k->of.arg = k;
	return 0;
}

void reason_filter_free(struct job_reasons **filter)
{
	struct known *k = (struct known *)*filter;
	struct still_queue *q, *next;

	*filter = NULL;
	if (k == NULL)
		return;
	HASH_ITER(hh, k->queues, q, next) {
		HASH_DEL(k->queues, q);
		free(q);
	}
	free(k->types);
	free(k->in_hand);
	free(k);
}

bool reason_asked(const struct job_reasons *filter, const char *name)
{
	const struct known *k = (const struct known *)filter;

	return k == NULL || name == NULL || (k->reasons & 1u << reason_of(name)) != 0;
}
