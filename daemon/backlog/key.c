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

static struct lot *lot_at(struct heap_node *node)
{
	return (struct lot *)(void *)((char *)node - offsetof(struct lot, place));
}

void key_table_init(struct key_table *t)
{
	for (int class = 0; class < QUEUE_CLASSES; class++)
		TAILQ_INIT(&t->open[class]);
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
	for (int class = 0; class < QUEUE_CLASSES; class++)
		heap_init(&k->waits[class].lots);
	HASH_ADD_KEYPTR(hh, t->by_name, k->name, len, k);
	if (k->hh.tbl == NULL) {
		free(k);
		return NULL;
	}
	return k;
}

static void key_tidy(struct key_table *t, struct key *k)
{
	if (k->lots > 0)
		return;
	for (int class = 0; class < QUEUE_CLASSES; class++) {
		if (k->waits[class].open)
			TAILQ_REMOVE(&t->open[class], &k->waits[class], link);
		heap_free(&k->waits[class].lots);
	}
	HASH_DEL(t->by_name, k);
	free(k);
}

static struct lot *lot_make(struct key_table *t, struct key *k, struct turns *turn, int64_t limit)
{
	struct key_waits *waits = &k->waits[turn - turn->queue->turn];
	struct lot_name name = { k, turn, limit };
	struct lot *lot;

	HASH_FIND(hh, t->lots, &name, sizeof(name), lot);
	if (lot != NULL)
		return lot;
	lot = heap_reserve(&waits->lots, k->lots + 1) == 0 ? calloc(1, sizeof(*lot)) : NULL;
	if (lot == NULL)
		return NULL;
	lot->name = name;
	lot->waits = waits;
	heap_init(&lot->parked);
	HASH_ADD(hh, t->lots, name, sizeof(lot->name), lot);
	if (lot->hh.tbl == NULL) {
		free(lot);
		return NULL;
	}
	if (k->lots++ == 0)
		k->limit = limit;
	k->mixed |= limit != k->limit;
	return lot;
}

static void lot_tidy(struct key_table *t, struct lot *lot)
{
	if (lot->flows > 0)
		return;
	lot->name.key->lots--;
	HASH_DEL(t->lots, lot);
	heap_free(&lot->parked);
	free(lot);
}

int key_join(struct key_table *t, struct flow *f, struct turns *turn, const char *name, int64_t limit)
{
	struct key *k = key_make(t, name);
	struct lot *lot = k != NULL ? lot_make(t, k, turn, limit) : NULL;

	if (lot != NULL && heap_reserve(&lot->parked, lot->flows + 1) == 0) {
		lot->flows++;
		f->lot = lot;
		return 0;
	}
	if (lot != NULL)
		lot_tidy(t, lot);
	if (k != NULL)
		key_tidy(t, k);
	return -ENOMEM;
}

void key_part(struct key_table *t, struct flow *f)
{
	struct lot *lot = f->lot;
	struct key *k = lot->name.key;

	if (f->parked)
		key_unpark(f);
	f->lot = NULL;
	lot->flows--;
	lot_tidy(t, lot);
	key_tidy(t, k);
}

static bool lot_has_room(const struct lot *lot)
{
	return lot->name.key->in_hand < lot->name.limit;
}

bool key_full(const struct flow *f)
{
	return f->lot != NULL && !lot_has_room(f->lot);
}

/* ---- lots that wait ---- */

static bool waits_wide(const struct key_waits *w)
{
	return w->open || w->lots.n > KEY_WIDE;
}

/* Puts the lot in the list of its turns that it belongs in. */
static void lot_enlist(struct lot *lot)
{
	struct turns *turn = lot->name.turn;
	struct lot_list *list = NULL;

	if (heap_holds(&lot->place) && waits_wide(lot->waits))
		list = &turn->wide;
	else if (heap_holds(&lot->place) && lot_has_room(lot))
		list = &turn->open;
	if (list == lot->list)
		return;
	if (lot->list != NULL)
		TAILQ_REMOVE(lot->list, lot, link);
	if (list != NULL)
		TAILQ_INSERT_TAIL(list, lot, link);
	lot->list = list;
}

static void waits_enlist(const struct key_waits *w)
{
	for (size_t i = 0; i < w->lots.n; i++)
		lot_enlist(lot_at(w->lots.v[i]));
}

/* One of its flows was parked, or is parked no more. */
static void lot_settle(struct lot *lot)
{
	struct key_waits *w = lot->waits;
	bool waits = lot->parked.n > 0, was_wide = waits_wide(w);

	if (waits != heap_holds(&lot->place)) {
		if (!waits)
			heap_remove(&w->lots, &lot->place);
		else if (heap_add(&w->lots, &lot->place, lot->name.turn->pass) != 0)
			log_fatal("a queue has no place to wait for key %s", lot->name.key->name);
	}
	lot_enlist(lot);
	if (waits_wide(w) != was_wide)
		waits_enlist(w);
}

static void key_count(struct key *k, int change)
{
	k->in_hand += change;
	if (k->in_hand < 0)
		log_fatal("more of key %s were let go than were in hand", k->name);
	for (int class = 0; class < QUEUE_CLASSES; class++)
		if (!waits_wide(&k->waits[class]))
			waits_enlist(&k->waits[class]);
}

void key_take(struct flow *f)
{
	if (f->lot != NULL)
		key_count(f->lot->name.key, 1);
}

void key_let_go(struct flow *f)
{
	if (f->lot != NULL)
		key_count(f->lot->name.key, -1);
}

size_t key_lots(struct key_table *t, struct key *k, struct lot *lots[static KEY_LOTS])
{
	size_t n = 0;

	for (int class = 0; class < QUEUE_CLASSES; class++) {
		struct key_waits *w = &k->waits[class];

		for (size_t i = 0; !waits_wide(w) && i < w->lots.n; i++)
			lots[n++] = lot_at(w->lots.v[i]);
		if (!waits_wide(w) || w->open)
			continue;
		w->open = true;
		TAILQ_INSERT_TAIL(&t->open[class], w, link);
	}
	return n;
}

/* One of them of which one more could start; NULL if there is none. */
static struct lot *waits_next(struct key_waits *w)
{
	struct heap_node *top;

	while ((top = heap_top(&w->lots)) != NULL && top->key != lot_at(top)->name.turn->pass)
		heap_move(&w->lots, top, lot_at(top)->name.turn->pass);
	if (top == NULL || lot_has_room(lot_at(top)))
		return top != NULL ? lot_at(top) : NULL;
	for (size_t i = 0; lot_at(top)->name.key->mixed && i < w->lots.n; i++)
		if (lot_has_room(lot_at(w->lots.v[i])))
			return lot_at(w->lots.v[i]);
	return NULL;
}

struct lot *key_next_lot(struct key_table *t, enum job_class class)
{
	struct key_waits *w = TAILQ_FIRST(&t->open[class]);
	struct lot *lot = waits_next(w);

	TAILQ_REMOVE(&t->open[class], w, link);
	if (lot != NULL) {
		TAILQ_INSERT_TAIL(&t->open[class], w, link);
		return lot;
	}
	w->open = false;
	if (!waits_wide(w))
		waits_enlist(w);
	return NULL;
}

/* ---- parked ---- */

void key_park(struct flow *f)
{
	heap_remove(&f->group->flows, &f->place);
	f->parked = true;
	f->place.tie = (uint64_t)flow_next_id(f);
	if (heap_add(&f->lot->parked, &f->place, turns_rank(f)) != 0)
		log_fatal("a flow of key %s has no place to be parked", f->lot->name.key->name);
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

	if (!lot_has_room(lot))
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
