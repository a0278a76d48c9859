#include "backlog/turns.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "backlog/flow.h"
#include "backlog/job.h"

enum { PRIORITY_MAX = 1000, PRIORITY_SHIFT = 53 };

/* Priority goes first; then what fits below it: ids and stamps do. */
static uint64_t rank(int priority, uint64_t below)
{
	if (priority > PRIORITY_MAX)
		priority = PRIORITY_MAX;
	if (priority < -PRIORITY_MAX)
		priority = -PRIORITY_MAX;
	return (uint64_t)(PRIORITY_MAX - priority) << PRIORITY_SHIFT | below;
}

static struct flow *flow_at(struct heap_node *node)
{
	return (struct flow *)(void *)((char *)node - offsetof(struct flow, place));
}

static struct flow *group_first(const struct group *g)
{
	struct heap_node *top = heap_top(&g->flows);

	return top != NULL ? flow_at(top) : NULL;
}

static struct group *group_make(struct turns *t, const char *name)
{
	size_t len = strlen(name);
	struct group *g;

	HASH_FIND(hh, t->by_name, name, len, g);
	if (g != NULL)
		return g;
	if (heap_reserve(&t->groups, HASH_COUNT(t->by_name) + 1) != 0)
		return NULL;
	g = calloc(1, sizeof(*g) + len + 1);
	if (g == NULL)
		return NULL;
	memcpy(g->name, name, len);
	g->turn = t;
	heap_init(&g->flows);
	HASH_ADD_KEYPTR(hh, t->by_name, g->name, len, g);
	if (g->hh.tbl == NULL) {
		free(g);
		return NULL;
	}
	return g;
}

static void group_free(struct group *g)
{
	heap_remove(&g->turn->groups, &g->place);
	heap_free(&g->flows);
	HASH_DEL(g->turn->by_name, g);
	free(g);
}

void turns_init(struct turns *t, struct queue *queue)
{
	t->queue = queue;
	TAILQ_INIT(&t->open);
	TAILQ_INIT(&t->wide);
}

int turns_join(struct turns *t, struct flow *f, const char *group)
{
	struct group *g = group_make(t, group != NULL ? group : "");

	if (g == NULL)
		return -ENOMEM;
	if (heap_reserve(&g->flows, g->n + 1) != 0) {
		if (g->n == 0)
			group_free(g);
		return -ENOMEM;
	}
	g->n++;
	f->group = g;
	return 0;
}

void turns_part(struct flow *f)
{
	struct group *g = f->group;

	if (!f->parked)
		heap_remove(&g->flows, &f->place);
	g->ready -= f->ready;
	if (--g->n == 0)
		group_free(g);
	f->group = NULL;
}

void turns_free(struct turns *t)
{
	struct group *g, *next;

	HASH_ITER(hh, t->by_name, g, next)
		group_free(g);
	heap_free(&t->groups);
}

/* Puts the group where its first flow and its stamp say. */
static void group_settle(struct group *g)
{
	const struct flow *first = group_first(g);
	uint64_t key;

	if (first == NULL) {
		heap_remove(&g->turn->groups, &g->place);
		return;
	}
	key = rank(flow_next_priority(first), g->stamp);
	if (heap_holds(&g->place))
		heap_move(&g->turn->groups, &g->place, key);
	else if (heap_add(&g->turn->groups, &g->place, key) != 0)
		log_fatal("a group has no place in its queue's turns");
}

/* A group of whose flows none has a ready job is away, and comes back at the end. */
static void flow_settle_ready(struct flow *f)
{
	bool ready = flow_waits(f);

	if (ready == f->ready)
		return;
	f->ready = ready;
	if (ready && f->group->ready++ == 0)
		f->group->stamp = ++f->group->turn->clock;
	if (!ready)
		f->group->ready--;
}

void turns_settle(struct flow *f)
{
	struct heap *flows = &f->group->flows;
	uint64_t key;

	flow_settle_ready(f);
	if (!f->parked && flow_waits(f)) {
		key = rank(flow_next_priority(f), (uint64_t)flow_next_id(f));
		if (heap_holds(&f->place))
			heap_move(flows, &f->place, key);
		else if (heap_add(flows, &f->place, key) != 0)
			log_fatal("a flow has no place in its group");
	} else if (!f->parked) {
		heap_remove(flows, &f->place);
	}
	group_settle(f->group);
}

void turns_took(struct flow *f)
{
	f->group->stamp = ++f->group->turn->clock;
}

struct flow *turns_first(const struct turns *t)
{
	struct heap_node *top = heap_top(&t->groups);

	return top != NULL ? group_first((const struct group *)(const void *)top) : NULL;
}

struct job *turns_head(const struct turns *t)
{
	const struct flow *first = turns_first(t);

	return first != NULL ? flow_head(first) : NULL;
}

uint64_t turns_rank(const struct flow *f)
{
	return rank(flow_next_priority(f), f->group->stamp);
}

static wall_ms flow_oldest(const struct flow *f, wall_ms oldest, int *looks)
{
	for (size_t i = 0; i < f->n && *looks > 0; i++, --*looks) {
		const struct job_row *row = &f->v[f->first + i]->row;
		wall_ms since = row->run_at > row->submitted_at ? row->run_at : row->submitted_at;

		if (oldest == 0 || since < oldest)
			oldest = since;
	}
	return oldest;
}

wall_ms turns_oldest(const struct turns *t, int *looks)
{
	wall_ms oldest = 0;

	for (size_t i = 0; i < t->groups.n && *looks > 0; i++) {
		const struct heap *flows = &((const struct group *)(const void *)t->groups.v[i])->flows;

		for (size_t k = 0; k < flows->n && *looks > 0; k++)
			oldest = flow_oldest(flow_at(flows->v[k]), oldest, looks);
	}
	return oldest;
}
