/* What stands before a job that waits. */
#include <string.h>

#include "base/names.h"
#include "store/sqlite_reader.h"

int sqlite_ahead(struct sqlite_reader *r, struct store_op *op)
{
	struct sqlite_lane *lane, *next;

	if (sqlite_lanes_learn(&r->lanes, &r->db) != 0)
		return r->db.failed;
	HASH_ITER(hh_id, r->lanes.by_id, lane, next) {
		struct sqlite_query q;

		if (strcmp(lane->queue, op->ahead.queue) != 0 || !names_pass(op->ahead.types, lane->type))
			continue;
		q = sqlite_query(&r->db, SQL_READY_AHEAD);
		sqlite_bind_int(&q, lane->id);
		sqlite_bind_int(&q, op->ahead.priority);
		sqlite_bind_int(&q, op->ahead.id);
		*op->ahead.n += sqlite_value(&q, 0);
	}
	return r->db.failed;
}

int sqlite_blockers(struct sqlite_reader *r, struct store_op *op)
{
	struct sqlite_query q = sqlite_query(&r->db, SQL_EDGE_BLOCKERS);
	size_t n = 0;

	sqlite_bind_int(&q, op->blockers.id);
	sqlite_bind_int(&q, (int64_t)op->blockers.max);
	while (n < op->blockers.max && sqlite_next(&q))
		op->blockers.ids[n++] = sqlite_int(&q, 0);
	sqlite_end(&q);
	*op->blockers.n = n;
	return r->db.failed;
}
