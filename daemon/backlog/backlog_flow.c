/* The backlog's flows: made by the first job that is told of them, gone with the last. */
#include <errno.h>
#include <stdlib.h>

#include "backlog/backlog.h"

void backlog_forget_flow(struct backlog *s, struct flow *f)
{
	HASH_DEL(s->flows, f);
	if (f->lot != NULL)
		key_part(&s->keys, f);
	turns_part(f);
	if (f->hungry)
		TAILQ_REMOVE(f->awaited ? &s->awaited : &s->hungry, f, hungry_link);
	free(f->v);
	free(f);
	s->windows.flows--;
}

static struct flow *flow_make(struct backlog *s, struct lane *l, const struct flow_row *row)
{
	struct turns *turn = &l->queue->turn[lane_class(l)];
	struct flow *f = calloc(1, sizeof(*f));

	if (f == NULL)
		return NULL;
	f->lane = l;
	f->id = row->id;
	if (turns_join(turn, f, row->group) != 0) {
		free(f);
		return NULL;
	}
	HASH_ADD(hh, s->flows, id, sizeof(f->id), f);
	if (f->hh.tbl == NULL || (row->key != NULL && key_join(&s->keys, f, turn, row->key, row->limit) != 0)) {
		if (f->hh.tbl != NULL)
			HASH_DEL(s->flows, f);
		turns_part(f);
		free(f);
		return NULL;
	}
	s->windows.flows++;
	return f;
}

struct flow *backlog_flow(struct backlog *s, struct lane *l, const struct flow_row *row)
{
	struct flow *f;

	if (row == NULL)
		return &l->own;
	HASH_FIND(hh, s->flows, &row->id, sizeof(row->id), f);
	return f != NULL ? f : flow_make(s, l, row);
}
