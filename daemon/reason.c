#include "reason.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "attempt.h"
#include "backlog/backlog.h"
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

/* A concurrency key of which jobs are in hand. */
struct known_key {
	UT_hash_handle hh;
	int64_t in_hand;
	char name[];
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
	struct known_key *keys;
	const char **key_names;
	int64_t *in_hand;
	size_t in_hand_cap;
};

static bool known_full(const struct known *k, const char *name, int64_t limit)
{
	const struct known_key *key = NULL;

	if (name != NULL)
		HASH_FIND_STR(k->keys, name, key);
	return key != NULL && key->in_hand >= limit;
}

static enum reason known_why(const struct known *k, const char *queue, const char *type, const char *key, int64_t limit)
{
	const struct still_queue *q = NULL;
	enum reason why = REASON_NO_WORKER;

	if (k->draining)
		return REASON_DRAINING;
	HASH_FIND_STR(k->queues, queue, q);
	if (q != NULL && q->why == REASON_QUEUE_PAUSED)
		return q->why;
	for (size_t i = 0; i < k->types_n; i++)
		if (strcmp(k->types[i].name, type) == 0)
			why = k->types[i].why;
	if (why == REASON_NO_WORKER)
		return why;
	if (q != NULL)
		return q->why;
	return known_full(k, key, limit) ? REASON_KEY_CONCURRENCY : why;
}

/* In the store's thread. */
static bool known_ready(const void *arg, const char *queue, const char *type, const char *key, int64_t limit)
{
	const struct known *k = arg;

	return (k->reasons & 1u << known_why(k, queue, type, key, limit)) != 0;
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
	wall_ms now = clock_wall();
	const struct queue *q, *next;
	struct backlog_limit limit;
	unsigned n = 0;
	int rc = 0;

	HASH_ITER(hh, s->queues.by_name, q, next) {
		if (++n % QUEUES_A_TURN == 0)
			rc = coro_yield();
		if (rc == 0 && queue_still(q))
			rc = known_add_queue(k, q, REASON_QUEUE_PAUSED);
		else if (rc == 0 && backlog_why_queue(q, now, &limit))
			rc = known_add_queue(k, q, reason_of(limit.reason));
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

static int known_add_key(struct known *k, const struct key *key)
{
	size_t size = strlen(key->name) + 1;
	struct known_key *known;

	HASH_FIND_STR(k->keys, key->name, known);
	if (known != NULL)
		return 0;
	known = calloc(1, sizeof(*known) + size);
	if (known == NULL)
		return -ENOMEM;
	known->in_hand = key->in_hand;
	memcpy(known->name, key->name, size);
	HASH_ADD_STR(k->keys, name, known);
	if (known->hh.tbl == NULL) {
		free(known);
		return -ENOMEM;
	}
	return 0;
}

static int known_add_id(struct known *k, int64_t id)
{
	if (k->of.in_hand_n == k->in_hand_cap) {
		size_t cap = k->in_hand_cap > 0 ? 2 * k->in_hand_cap : 64;
		int64_t *ids = realloc(k->in_hand, cap * sizeof(*ids));

		if (ids == NULL)
			return -ENOMEM;
		k->in_hand = ids;
		k->in_hand_cap = cap;
	}
	k->in_hand[k->of.in_hand_n++] = id;
	return 0;
}

/* While it drains, and where a queue is paused, what is in hand waits for the same as the rest. */
static int known_add_job(void *arg, const struct job *job)
{
	struct known *k = arg;
	int rc = 0;

	if (job->flow != NULL && job->flow->lot != NULL)
		rc = known_add_key(k, job->flow->lot->name.key);
	if (rc == 0 && job->row.state == JOB_READY && !k->draining && !queue_still(job->lane->queue))
		rc = known_add_id(k, job->row.id);
	return rc;
}

static int known_name_keys(struct known *k)
{
	const struct known_key *key, *next;
	size_t n = 0;

	if (k->keys == NULL)
		return 0;
	k->key_names = calloc(HASH_COUNT(k->keys) + 1, sizeof(*k->key_names));
	if (k->key_names == NULL)
		return -ENOMEM;
	HASH_ITER(hh, k->keys, key, next)
		k->key_names[n++] = key->name;
	return 0;
}

static int known_add_in_hand(struct known *k, const struct attempts *all)
{
	int rc = attempts_each(all, known_add_job, k);

	if (rc == 0)
		rc = known_name_keys(k);
	if (rc == 0 && k->of.in_hand_n > 0)
		qsort(k->in_hand, k->of.in_hand_n, sizeof(k->in_hand[0]), compare_ids);
	k->of.in_hand = k->in_hand;
	return rc;
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
	k->of.keys = k->key_names;
	k->of.keyed_too = k->keys != NULL && (reasons & 1u << REASON_KEY_CONCURRENCY) != 0;
	k->of.arg = k;
	return 0;
}

void reason_filter_free(struct job_reasons **filter)
{
	struct known *k = (struct known *)*filter;
	struct still_queue *q, *next;
	struct known_key *key, *after;

	*filter = NULL;
	if (k == NULL)
		return;
	HASH_ITER(hh, k->queues, q, next) {
		HASH_DEL(k->queues, q);
		free(q);
	}
	HASH_ITER(hh, k->keys, key, after) {
		HASH_DEL(k->keys, key);
		free(key);
	}
	free(k->key_names);
	free(k->types);
	free(k->in_hand);
	free(k);
}

bool reason_asked(const struct job_reasons *filter, const char *name)
{
	const struct known *k = (const struct known *)filter;

	return k == NULL || name == NULL || (k->reasons & 1u << reason_of(name)) != 0;
}
