/*
 * key: concurrency keys: how many of their jobs are in hand, over all queues,
 * and the flows that wait for one to be let go.
 *
 * A flow whose key is full is parked when it comes up, and so never comes up
 * again in vain; nothing else is held up by it. When a slot is free again, the
 * best of those parked in each queue comes back; and while one is, with each job
 * taken of that queue one more, for the turn that was had may have put another first.
 * Where very many queues wait for one slot (a wide key), those that were served
 * the longest ago come back first, one a look, and each other when it is its turn.
 */
#ifndef JOBD_KEY_H
#define JOBD_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "base/heap.h"
#include "base/map.h"
#include "backlog/queue.h"
#include "backlog/turns.h"

struct flow;

struct lot_name {
	struct key *key;
	struct turns *turn;
	int64_t limit;
};

/* Flows of one key and limit that take turns with each other. */
struct lot {
	struct heap_node place;	/* while some are parked: among those that wait, by the turns' pass as it was; it only grows */
	struct key_waits *waits;
	struct lot_name name;
	struct heap parked;	/* in the order of the turns, as it was when they were parked: it only falls back since */
	size_t flows;		/* parked or not */
	struct lot_list *list;	/* the turns' list that it is in, or NULL */
	TAILQ_ENTRY(lot) link;
	UT_hash_handle hh;	/* by name */
};

enum {
	KEY_WIDE = 16,				/* so many lots of a class are let know at once of a slot that is free */
	KEY_LOTS = QUEUE_CLASSES * KEY_WIDE
};

/* What of one class waits for a key. */
struct key_waits {
	struct heap lots;	/* those with parked flows */
	bool open;		/* in the table's list of wide ones with a slot to give */
	TAILQ_ENTRY(key_waits) link;
};

TAILQ_HEAD(key_waits_list, key_waits);

struct key {
	int64_t in_hand;
	size_t lots;
	bool mixed;		/* their limits differ, or did */
	int64_t limit;		/* that of the first */
	struct key_waits waits[QUEUE_CLASSES];
	UT_hash_handle hh;	/* by name */
	char name[];
};

struct key_table {
	struct key *by_name;
	struct lot *lots;
	struct key_waits_list open[QUEUE_CLASSES];
};

void key_table_init(struct key_table *t);	/* the rest of it zero */

struct key *key_find(const struct key_table *t, const char *name);

/* The flow has this key from now on. 0 or -ENOMEM. */
int key_join(struct key_table *t, struct flow *f, struct turns *turn, const char *name, int64_t limit);
/* The flow goes, and with the last one its key. Nothing of it is in hand. */
void key_part(struct key_table *t, struct flow *f);

/* May no more of the flow's jobs start? False where it has no key. */
bool key_full(const struct flow *f);
/* A job of the flow is in hand, or is let go. */
void key_take(struct flow *f);
void key_let_go(struct flow *f);

/* The lots that are to be let know of a slot that was let go, at most KEY_LOTS: where very many wait none, these are open instead. */
size_t key_lots(struct key_table *t, struct key *k, struct lot *lots[static KEY_LOTS]);
/* Of those that are open the next one's, by turns: the lot served the longest ago. NULL: nobody to give a slot to, open no more. */
struct lot *key_next_lot(struct key_table *t, enum job_class class);

/* Takes the flow, which has a head, out of its turn until key_unpark. Its turn is to be settled by the caller. */
void key_park(struct flow *f);
void key_unpark(struct flow *f);
/* The head of a parked flow is another: NULL unparks it. */
void key_settle(struct flow *f);

/* The best of those parked here; NULL where there is none, or no room for it. */
struct flow *lot_best(struct lot *lot);

#endif
