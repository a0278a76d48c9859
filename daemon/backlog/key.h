/*
 * key: concurrency keys: how many of their jobs are in hand, over all queues,
 * and the flows that wait for one to be let go.
 *
 * A flow whose key is full is parked when it comes up, and so never comes up
 * again in vain; nothing else is held up by it. When a slot is free again, the
 * best of those parked in each queue comes back; and while one is, with each job
 * taken of that queue one more, for the turn that was had may have put another first.
 */
#ifndef JOBD_KEY_H
#define JOBD_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "base/heap.h"
#include "base/map.h"
#include "backlog/turns.h"

struct flow;

/* Flows of one key and limit that take turns with each other. */
struct lot {
	struct key *key;
	int64_t limit;
	struct turns *turn;
	struct heap parked;	/* in the order of the turns, as it was when they were parked: it only falls back since */
	size_t flows;		/* parked or not */
	bool waiting;		/* in the key's list: some are parked */
	bool open;		/* in the turns' list: and one more could start */
	LIST_ENTRY(lot) link;
	TAILQ_ENTRY(lot) waiting_link, open_link;
};

struct key {
	int64_t in_hand;
	LIST_HEAD(, lot) lots;
	struct lot_list waiting;
	UT_hash_handle hh;	/* by name */
	char name[];
};

struct key_table {
	struct key *by_name;
};

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

/* Takes the flow, which has a head, out of its turn until key_unpark. Its turn is to be settled by the caller. */
void key_park(struct flow *f);
void key_unpark(struct flow *f);
/* The head of a parked flow is another: NULL unparks it. */
void key_settle(struct flow *f);

/* The best of those parked here; NULL where there is none, or no room for it. */
struct flow *lot_best(struct lot *lot);

#endif
