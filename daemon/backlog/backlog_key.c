/* The backlog's keys: who comes back when there is a slot. */
#include "backlog/backlog.h"

enum { LOTS_A_TAKE = 16 };

void backlog_release_lot(struct backlog *s, struct lot *lot)
{
	struct flow *f = lot_best(lot);

	if (f == NULL)
		return;
	key_unpark(f);
	turns_settle(f);
	backlog_turns_changed(s, f);
	s->wake(s->arg);
}

void backlog_release_lots(struct backlog *s, struct lot_list *list)
{
	const struct lot *last = TAILQ_LAST(list, lot_list);
	struct lot *lot = NULL;

	for (int i = 0; i < LOTS_A_TAKE && lot != last && !TAILQ_EMPTY(list); i++) {
		lot = TAILQ_FIRST(list);
		TAILQ_REMOVE(list, lot, link);
		TAILQ_INSERT_TAIL(list, lot, link);
		backlog_release_lot(s, lot);
	}
}

bool backlog_release_keys(struct backlog *s, enum job_class class)
{
	const struct key_waits *last = TAILQ_LAST(&s->keys.open[class], key_waits_list), *w = NULL;
	bool some = last != NULL;

	for (int i = 0; i < LOTS_A_TAKE && w != last && !TAILQ_EMPTY(&s->keys.open[class]); i++) {
		struct lot *lot;

		w = TAILQ_FIRST(&s->keys.open[class]);
		lot = key_next_lot(&s->keys, class);
		if (lot != NULL)
			backlog_release_lot(s, lot);
	}
	return some;
}

void backlog_key_let_go(struct backlog *s, struct key *k)
{
	struct lot *lots[KEY_LOTS];
	size_t n = key_lots(&s->keys, k, lots);

	for (size_t i = 0; i < n; i++)
		backlog_release_lot(s, lots[i]);
}
