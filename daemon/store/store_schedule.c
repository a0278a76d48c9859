/* The front: schedules. */
#include <string.h>

#include "store/op.h"
#include "store/store_backend.h"

int store_schedule_put(struct store *st, const struct schedule_row *row, wall_ms now)
{
	struct schedule_change told = { .name = row->name };
	struct store_op op;

	op_init(&op, VERB_SCHEDULE_PUT, now);
	op.schedule = row;
	op.schedule_told = &told;
	return store_call(st, &op);
}

int store_schedule_delete(struct store *st, const char *name)
{
	struct schedule_change told = { .name = name, .gone = true };
	struct store_op op;

	op_init(&op, VERB_SCHEDULE_DELETE, 0);
	op.schedule_get.name = name;
	op.schedule_told = &told;
	return store_call(st, &op);
}

int store_schedule_fire(struct store *st, struct schedule_fire *fire, wall_ms now)
{
	struct schedule_change told = { .name = fire->name };
	struct store_op op;

	op_init(&op, VERB_SCHEDULE_FIRE, now);
	op.submit.v = fire->job;
	op.submit.n = fire->job != NULL;
	op.submit.fire = fire;
	op.schedule_told = &told;
	return store_call(st, &op);
}

int store_schedule_get(struct store *st, const char *name, struct schedule_row **out)
{
	struct store_op op;

	*out = NULL;
	op_init(&op, VERB_SCHEDULE_GET, 0);
	op.schedule_get.name = name;
	op.schedule_get.row = out;
	return store_call(st, &op);
}

int store_schedule_list(struct store *st, const char *after, size_t limit, struct schedule_page *out)
{
	struct store_op op;

	memset(out, 0, sizeof(*out));
	op_init(&op, VERB_SCHEDULE_LIST, 0);
	op.schedule_list.after = after;
	op.schedule_list.limit = limit;
	op.schedule_list.page = out;
	return store_call(st, &op);
}
