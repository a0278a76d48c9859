#include "backlog/key.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "backlog/flow.h"
#include "backlog/job.h"
#include "backlog/turns.h"

static struct flow *flow_at(struct heap_node *node)
{
	return (struct flow *)(void *)((char *)node - offsetof(struct flow, place));
}

struct key *key_find(const struct key_table *t, const char *name)
{
	struct key *k;

	HASH_FIND_STR(t->by_name, name, k);
	return k;
}

static struct key *key_make(struct key_table *t, const char *name)
{
	struct key *k = key_find(t, name);
	size_t len = strlen(name);

	if (k != NULL)
		return k;
	k = calloc(1, sizeof(*k) + len + 1);
	if (k == NULL)
		return NULL;
	memcpy(k->name, name, len);
	LIST_INIT(&k->lots);
	TAILQ_INIT(&k->waiting);
	HASH_ADD_KEYPTR(hh, t->by_name, k->name, len, k);
	if (k->hh.tbl == NULL) {
		free(k);
		return NULL;
	}
	return k;
}

static void key_tidy(struct key_table *t, struct key *k)
{
	if (!LIST_EMPTY(&k->lots))
		return;
	HASH_DEL(t->by_name, k);
	free(k);
}

static struct lot *lot_make(struct key *k, struct turns *turn, int64_t limit)
{
	struct lot *lot;

	LIST_FOREACH(lot, &k->lots, link)
		if (lot->turn == turn && lot->limit == limit)
			return lot;
	lot = calloc(1, sizeof(*lot));
	if (lot == NULL)
		return NULL;
	lot->key = k;
	lot->limit = limit;
	lot->turn = turn;
	heap_init(&lot->parked);
	LIST_INSERT_HEAD(&k->lots, lot, link);
	return lot;
}

static void lot_tidy(struct lot *lot)
{
	if (lot->flows > 0)
		return;
	LIST_REMOVE(lot, link);
	heap_free(&lot->parked);
	free(lot);
}

int key_join(struct key_table *t, struct flow *f, struct turns *turn, const char *name, int64_t limit)
{
	struct key *k = key_make(t, name);
	struct lot *lot = k != NULL ? lot_make(k, turn, limit) : NULL;

	if (lot != NULL && heap_reserve(&lot->parked, lot->flows + 1) == 0) {
		lot->flows++;
		f->lot = lot;
		return 0;
	}
	if (lot != NULL)
		lot_tidy(lot);
	if (k != NULL)
		key_tidy(t, k);
	return -ENOMEM;
}

void key_part(struct key_table *t, struct flow *f)
{
	struct lot *lot = f->lot;
	struct key *k = lot->key;

	if (f->parked)
		key_unpark(f);
	f->lot = NULL;
	lot->flows--;
	lot_tidy(lot);
	key_tidy(t, k);
}

bool key_full(const struct flow *f)
{
	return f->lot != NULL && f->lot->key->in_hand >= f->lot->limit;
}

static void lot_settle(struct lot *lot)
{
	bool waiting = lot->parked.n > 0, open = waiting && lot->key->in_hand < lot->limit;

	if (waiting != lot->waiting) {
		lot->waiting = waiting;
		if (waiting)
			TAILQ_INSERT_TAIL(&lot->key->waiting, lot, waiting_link);
		else
			TAILQ_REMOVE(&lot->key->waiting, lot, waiting_link);
	}
	if (open != lot->open) {
		lot->open = open;
		if (open)
			TAILQ_INSERT_TAIL(&lot->turn->open, lot, open_link);
		else
			TAILQ_REMOVE(&lot->turn->open, lot, open_link);
	}
}

static void key_count(struct key *k, int change)
{
	struct lot *lot;

	k->in_hand += change;
	if (k->in_hand < 0)
		log_fatal("more of key %s were let go than were in hand", k->name);
	TAILQ_FOREACH(lot, &k->waiting, waiting_link)
		lot_settle(lot);
}

void key_take(struct flow *f)
{
	if (f->lot != NULL)
		key_count(f->lot->key, 1);
}

void key_let_go(struct flow *f)
{
	if (f->lot != NULL)
		key_count(f->lot->key, -1);
}

/* ---- parked ---- */

void key_park(struct flow *f)
{
	heap_remove(&f->group->flows, &f->place);
	f->parked = true;
	f->place.tie = (uint64_t)flow_next_id(f);
	if (heap_add(&f->lot->parked, &f->place, turns_rank(f)) != 0)
		log_fatal("a flow of key %s has no place to be parked", f->lot->key->name);
	lot_settle(f->lot);
}

void key_unpark(struct flow *f)
{
	heap_remove(&f->lot->parked, &f->place);
	f->parked = false;
	f->place.tie = 0;
	lot_settle(f->lot);
}

void key_settle(struct flow *f)
{
	f->place.tie = (uint64_t)flow_next_id(f);
	heap_move(&f->lot->parked, &f->place, turns_rank(f));
}

struct flow *lot_best(struct lot *lot)
{
	struct heap_node *top;

	if (lot->key->in_hand >= lot->limit)
		return NULL;
	/* Groups that were served since have fallen back: each is put right when it comes to the top. */
	while ((top = heap_top(&lot->parked)) != NULL) {
		uint64_t rank = turns_rank(flow_at(top));

		if (rank == top->key)
			return flow_at(top);
		heap_move(&lot->parked, top, rank);
	}
	return NULL;
}
