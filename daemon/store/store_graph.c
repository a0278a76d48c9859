/* The front of the verbs of graphs. */
#include <stdlib.h>

#include "store/store_backend.h"

int store_submit_dry(struct store *st, struct submission *s, wall_ms now)
{
	struct store_op op;

	op_init(&op, VERB_SUBMIT_DRY, now);
	op.submit.v = s;
	op.submit.n = 1;
	return store_call(st, &op);
}

int store_resolve(struct store *st, wall_ms now, size_t max, wall_ms *next)
{
	struct store_op op;

	op_init(&op, VERB_RESOLVE, now);
	op.time.max = max;
	op.time.next = next;
	return store_call(st, &op);
}

int store_fillings(struct store *st, size_t args_max, struct fillings *out)
{
	struct store_op op;

	op_init(&op, VERB_FILLINGS, 0);
	op.fillings.args_max = args_max;
	op.fillings.out = out;
	out->n = 0;
	return store_call(st, &op);
}

void fillings_free(struct fillings *f)
{
	for (size_t i = 0; i < f->n; i++) {
		free(f->v[i].type);
		free(f->v[i].args);
		free(f->v[i].sources);
	}
	f->n = 0;
}

int store_fill(struct store *st, const struct fillings *f, wall_ms now)
{
	struct store_op op;

	op_init(&op, VERB_FILL, now);
	op.fill = f;
	return store_call(st, &op);
}
