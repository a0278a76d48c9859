#include "backlog/queue.h"

#include <stdlib.h>
#include <string.h>

#include "kinds/kind.h"

enum { OLDEST_LOOKS = 4096 };	/* jobs looked at for the oldest of a queue */

_Static_assert((int)QUEUE_CLASSES == (int)CLASS_WORKER + 1, "one turn for each class");

struct queue *queue_find(const struct queue_table *t, const char *name)
{
	struct queue *q;

	HASH_FIND_STR(t->by_name, name, q);
	return q;
}

struct queue *queue_make(struct queue_table *t, const char *name)
{
	struct queue *q = queue_find(t, name);

	if (q != NULL)
		return q;
	q = calloc(1, sizeof(*q));
	if (q == NULL)
		return NULL;
	q->name = strdup(name);
	if (q->name == NULL) {
		free(q);
		return NULL;
	}
	q->limits.weight = 1;
	TAILQ_INIT(&q->lanes);
	for (int class = 0; class < QUEUE_CLASSES; class++)
		turns_init(&q->turn[class], q);
	HASH_ADD_KEYPTR(hh, t->by_name, q->name, strlen(q->name), q);
	if (q->hh.tbl == NULL) {
		free(q->name);
		free(q);
		return NULL;
	}
	return q;
}

struct lane *queue_find_lane(const struct queue *q, const char *type)
{
	struct lane *l;

	TAILQ_FOREACH(l, &q->lanes, queue_link)
		if (strcmp(l->type, type) == 0)
			return l;
	return NULL;
}

struct lane *queue_make_lane(struct queue *q, const char *type)
{
	struct lane *l = queue_find_lane(q, type);

	if (l != NULL)
		return l;
	l = calloc(1, sizeof(*l));
	if (l == NULL)
		return NULL;
	l->type = strdup(type);
	if (l->type == NULL) {
		free(l);
		return NULL;
	}
	l->queue = q;
	l->kind = kind_find(type);
	l->own.lane = l;
	if (turns_join(&q->turn[lane_class(l)], &l->own, NULL) != 0) {
		free(l->type);
		free(l);
		return NULL;
	}
	TAILQ_INSERT_TAIL(&q->lanes, l, queue_link);
	return l;
}

static void queue_free(struct queue *q)
{
	struct lane *l;

	while ((l = TAILQ_FIRST(&q->lanes)) != NULL) {
		TAILQ_REMOVE(&q->lanes, l, queue_link);
		turns_part(&l->own);
		free(l->own.v);
		free(l->type);
		free(l);
	}
	for (int class = 0; class < QUEUE_CLASSES; class++)
		turns_free(&q->turn[class]);
	free(q->name);
	free(q);
}

void queue_table_free(struct queue_table *t)
{
	struct queue *q, *next;

	HASH_ITER(hh, t->by_name, q, next) {
		HASH_DEL(t->by_name, q);
		queue_free(q);
	}
}

bool queue_still(const struct queue *q)
{
	return q->paused || q->stopped > 0;
}

int64_t queue_count(const struct queue *q, enum job_state state)
{
	const struct lane *l;
	int64_t n = 0;

	TAILQ_FOREACH(l, &q->lanes, queue_link)
		n += l->counts[state];
	return n;
}

int64_t queue_waiting(const struct queue *q)
{
	return queue_count(q, JOB_HELD) + queue_count(q, JOB_BLOCKED) + queue_count(q, JOB_SCHEDULED) + queue_count(q, JOB_READY);
}

bool queue_name_ok(const char *name)
{
	size_t len = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-");

	return len >= 1 && len <= 64 && name[len] == '\0';
}

wall_ms queue_oldest_ready(const struct queue *q)
{
	int looks = OLDEST_LOOKS;
	wall_ms oldest = 0;

	for (int class = 0; class < QUEUE_CLASSES; class++) {
		wall_ms since = turns_oldest(&q->turn[class], &looks);

		if (oldest == 0 || (since != 0 && since < oldest))
			oldest = since;
	}
	return oldest;
}
