/* The working set's pages: ready jobs of a flow, in their order, with their specs. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store/sqlite_verbs.h"

/* Adds what a query gives to the page, up to its max. */
static void ready_read(struct sqlite_tx *tx, struct store_op *op, struct sqlite_query *q)
{
	struct sqlite_row row;

	while (sqlite_next(q)) {
		if (!sqlite_row_read(&row, q, &tx->lanes))
			break;
		if (op->page.bytes < STORE_PAGE_SPECS) {
			row.k.row.spec = sqlite_row_spec(&row, &tx->db, false);
			if (row.k.row.spec == NULL)
				break;
			op->page.bytes += row.k.row.spec->bytes;
		}
		op->page.rows[op->page.n++] = row.k.row;
	}
	sqlite_end(q);
}

/* Those of the priority where the page before has ended. */
static void ready_same(struct sqlite_tx *tx, struct store_op *op, const struct sqlite_lane *lane)
{
	struct sqlite_query q = sqlite_query(&tx->db, SQL_READY_SAME);

	sqlite_bind_int(&q, lane->id);
	sqlite_bind_int(&q, op->page.flow);
	sqlite_bind_int(&q, op->page.after_priority);
	sqlite_bind_int(&q, op->page.after_id);
	sqlite_bind_int(&q, (int64_t)(op->page.max - op->page.n));
	ready_read(tx, op, &q);
}

static void ready_below(struct sqlite_tx *tx, struct store_op *op, const struct sqlite_lane *lane)
{
	struct sqlite_query q = sqlite_query(&tx->db, SQL_READY_BELOW);

	sqlite_bind_int(&q, lane->id);
	sqlite_bind_int(&q, op->page.flow);
	sqlite_bind_int(&q, op->page.after_id > 0 ? op->page.after_priority : INT64_MAX);
	sqlite_bind_int(&q, (int64_t)(op->page.max - op->page.n));
	ready_read(tx, op, &q);
}

int sqlite_ready_page(struct sqlite_tx *tx, struct store_op *op)
{
	struct sqlite_lane *lane = sqlite_lane_of(&tx->lanes, op->page.queue, op->page.type);

	op->page.n = op->page.bytes = 0;
	op->page.rows = calloc(op->page.max > 0 ? op->page.max : 1, sizeof(op->page.rows[0]));
	if (lane == NULL || op->page.rows == NULL)
		return sqlite_db_fail(&tx->db, -ENOMEM, "out of memory");
	sqlite_jobs_flush(tx);
	if (op->page.after_id > 0)
		ready_same(tx, op, lane);
	if (op->page.n < op->page.max)
		ready_below(tx, op, lane);
	return tx->db.failed;
}
