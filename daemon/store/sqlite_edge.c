#include "store/sqlite_edge.h"

#include <errno.h>

enum { EDGES_READ = 128 };	/* at a time: the table is not walked while it changes */

struct edges {
	int64_t id[EDGES_READ];
	int64_t met[EDGES_READ];
	size_t n;
};

static size_t edge_share(size_t budget)
{
	return budget < EDGES_READ ? budget : EDGES_READ;
}

static void edge_read(struct edges *edges, struct sqlite_query *q)
{
	edges->n = 0;
	while (sqlite_next(q)) {
		edges->id[edges->n] = sqlite_int(q, 0);
		edges->met[edges->n++] = sqlite_int(q, 1);
	}
}

/* The job at an edge's other end, which is there: NULL after a failure. */
static struct sqlite_job *edge_job(struct sqlite_tx *tx, int64_t id)
{
	struct sqlite_job *j = NULL;

	if (sqlite_job_get(tx, id, &j) == -ENOENT)
		sqlite_db_fail(&tx->db, -EUCLEAN, "an edge of no job");
	return tx->db.failed == 0 ? j : NULL;
}

/* ---- down: to the children ---- */

static void edge_set(struct sqlite_tx *tx, int64_t parent, int64_t child, enum edge_met from, enum edge_met to)
{
	struct sqlite_query q = sqlite_query(&tx->db, SQL_EDGE_SET);

	sqlite_bind_int(&q, parent);
	sqlite_bind_int(&q, from);
	sqlite_bind_int(&q, to);
	sqlite_bind_int(&q, child);
	sqlite_run(&q);
}

static void edge_down(struct sqlite_tx *tx, struct store_op *op, struct sqlite_job *parent, enum edge_met from, int64_t id)
{
	struct sqlite_job *child = edge_job(tx, id);
	char why[RULES_WHY_SIZE];
	struct effect e = { 0 };
	struct job_kept was;

	if (child == NULL)
		return;
	was = child->row.k;
	edge_set(tx, parent->id, id, from, rules_edge(&child->row.k, &parent->row.k, op->now, &e, why));
	if (e.changed)
		sqlite_job_change(tx, op, child, &was, &e);
	else
		sqlite_job_touch(tx, op, child);
}

static void edge_follow_down(struct sqlite_tx *tx, struct store_op *op, struct sqlite_job *j, size_t *budget)
{
	enum edge_met from = rules_edge_from(&j->row.k);
	struct edges edges;
	size_t share = edge_share(*budget);
	struct sqlite_query q = sqlite_query(&tx->db, SQL_EDGE_DOWN);

	sqlite_bind_int(&q, j->id);
	sqlite_bind_int(&q, from);
	sqlite_bind_int(&q, (int64_t)share);
	edge_read(&edges, &q);
	for (size_t i = 0; i < edges.n && tx->db.failed == 0; i++)
		edge_down(tx, op, j, from, edges.id[i]);
	*budget -= edges.n;
	if (edges.n < share)
		j->row.k.graph &= ~(unsigned)GRAPH_DOWN;
}

/* ---- up: to the parents ---- */

static void edge_up(struct sqlite_tx *tx, struct store_op *op, const struct sqlite_job *child, int64_t parent_id, int64_t met)
{
	struct sqlite_job *parent = edge_job(tx, parent_id);
	struct sqlite_query q = sqlite_query(&tx->db, SQL_EDGE_DELETE);

	sqlite_bind_int(&q, parent_id);
	sqlite_bind_int(&q, met);
	sqlite_bind_int(&q, child->id);
	sqlite_run(&q);
	if (parent == NULL)
		return;
	parent->row.k.dependents--;
	sqlite_job_touch(tx, op, parent);
}

static void edge_follow_up(struct sqlite_tx *tx, struct store_op *op, struct sqlite_job *j, size_t *budget)
{
	struct edges edges;
	size_t share = edge_share(*budget);
	struct sqlite_query q = sqlite_query(&tx->db, SQL_EDGE_UP);

	sqlite_bind_int(&q, j->id);
	sqlite_bind_int(&q, (int64_t)share);
	edge_read(&edges, &q);
	for (size_t i = 0; i < edges.n && tx->db.failed == 0; i++)
		edge_up(tx, op, j, edges.id[i], edges.met[i]);
	*budget -= edges.n;
	if (edges.n < share)
		j->row.k.graph &= ~(unsigned)GRAPH_UP;
}

void sqlite_edge_remove(struct sqlite_tx *tx, struct store_op *op, struct sqlite_job *child)
{
	size_t all = SIZE_MAX;

	while ((child->row.k.graph & GRAPH_UP) && tx->db.failed == 0)
		edge_follow_up(tx, op, child, &all);
}

/* ---- all that is to follow ---- */

static void edge_follow_job(struct sqlite_tx *tx, struct store_op *op, struct sqlite_job *j, size_t *budget)
{
	while ((j->row.k.graph & GRAPH_DOWN) && *budget > 0 && tx->db.failed == 0)
		edge_follow_down(tx, op, j, budget);
	while ((j->row.k.graph & GRAPH_UP) && *budget > 0 && tx->db.failed == 0)
		edge_follow_up(tx, op, j, budget);
	if (j->row.k.graph >= GRAPH_MOVING)
		op->unresolved = true;
	else
		sqlite_job_touch(tx, op, j);
}

void sqlite_edge_follow(struct sqlite_tx *tx, struct store_op *op, size_t *budget)
{
	struct sqlite_job *j;

	while ((j = TAILQ_FIRST(&tx->jobs.moving)) != NULL) {
		edge_follow_job(tx, op, j, budget);	/* it stands in the list meanwhile, and so is not added again */
		TAILQ_REMOVE(&tx->jobs.moving, j, moving_link);
		j->moving = false;
	}
}

void sqlite_edge_add(struct sqlite_tx *tx, struct store_op *op, struct sqlite_job *parent, struct sqlite_job *child)
{
	struct sqlite_query q = sqlite_query(&tx->db, SQL_EDGE_PUT);

	sqlite_bind_int(&q, parent->id);
	sqlite_bind_int(&q, rules_edge_new(&parent->row.k));
	sqlite_bind_int(&q, child->id);
	sqlite_run(&q);
	parent->row.k.dependents++;
	sqlite_job_touch(tx, op, parent);
}
