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
		if (!sqlite_row_read(&row, q, &tx->lanes) || sqlite_job_know(tx, &row) != 0)
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

/* ---- at open ---- */

static int firsts_room(struct ready_firsts *firsts)
{
	size_t cap = firsts->cap > 0 ? 2 * firsts->cap : 16;
	struct ready_first *v;

	if (firsts->n < firsts->cap)
		return 0;
	v = realloc(firsts->v, cap * sizeof(*v));
	if (v == NULL)
		return -ENOMEM;
	firsts->v = v;
	firsts->cap = cap;
	return 0;
}

static void firsts_add(struct sqlite_tx *tx, struct ready_firsts *firsts, const struct sqlite_lane *lane, int64_t flow)
{
	struct sqlite_query q = sqlite_query(&tx->db, SQL_READY_FIRST);

	sqlite_bind_int(&q, lane->id);
	sqlite_bind_int(&q, flow);
	if (sqlite_next(&q)) {
		if (firsts_room(firsts) == 0)
			firsts->v[firsts->n++] = (struct ready_first){ lane->queue, lane->type, flow, (int)sqlite_int(&q, 0), sqlite_int(&q, 1) };
		else
			sqlite_db_fail(&tx->db, -ENOMEM, "out of memory");
	}
	sqlite_end(&q);
}

int sqlite_ready_firsts(struct sqlite_tx *tx, struct ready_firsts *firsts)
{
	struct sqlite_lane *lane, *next_lane;
	struct sqlite_flow *flow, *next_flow;

	HASH_ITER(hh_id, tx->lanes.by_id, lane, next_lane)
		if (lane->n[JOB_READY] > 0)
			firsts_add(tx, firsts, lane, 0);
	HASH_ITER(hh_id, tx->flows.by_id, flow, next_flow)
		if (flow->ready > 0)
			firsts_add(tx, firsts, flow->lane, flow->row.id);
	return tx->db.failed;
}

/* ---- pages ---- */

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
