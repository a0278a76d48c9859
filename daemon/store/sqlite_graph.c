#include "store/sqlite_graph.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store/graph_ids.h"
#include "store/sqlite_edge.h"

static int graph_no_memory(struct sqlite_tx *tx)
{
	return sqlite_db_fail(&tx->db, -ENOMEM, "out of memory");
}

/* Looks at what is named. 0, -ENOENT, or the failure. */
static int graph_look(struct sqlite_tx *tx, struct submission *s, const struct graph_ids *ids, struct graph_start *start)
{
	*start = (struct graph_start){ 0 };
	for (size_t k = 0; k < ids->n; k++) {
		struct sqlite_job *parent;
		int rc = sqlite_job_get(tx, ids->v[k], &parent);

		if (rc == -ENOENT)
			s->missing = ids->v[k];
		if (rc != 0)
			return rc;
		rules_graph_parent(start, &parent->row.k, s->after_run);
	}
	return 0;
}

/* An edge to each that is there. */
static void graph_add_edges(struct sqlite_tx *tx, struct store_op *op, struct sqlite_job *child, const struct graph_ids *ids)
{
	for (size_t k = 0; k < ids->n && tx->db.failed == 0; k++) {
		struct sqlite_job *parent;

		if (sqlite_job_get(tx, ids->v[k], &parent) == 0)
			sqlite_edge_add(tx, op, parent, child);
	}
}

static int graph_put_waits(struct sqlite_tx *tx, int64_t id, const struct graph_ids *ids)
{
	char *text = graph_ids_text(ids);
	struct sqlite_query q;

	if (text == NULL)
		return graph_no_memory(tx);
	q = sqlite_query(&tx->db, SQL_WAITS_PUT);
	sqlite_bind_int(&q, id);
	sqlite_bind_text(&q, text);
	sqlite_run(&q);
	free(text);
	return tx->db.failed;
}

/* The args as they are to be stored: with the ids of the others in their gaps, as far as these are known. */
static int graph_insert(struct sqlite_tx *tx, struct store_op *op, size_t i, const struct job_kept *k, const struct effect *e)
{
	struct submission *s = &op->submit.v[i];
	struct job_spec spec = *s->spec;
	char *args = NULL;
	int rc;

	if (s->gaps_n > 0) {
		args = graph_ids_args(op->submit.v, i);
		if (args == NULL)
			return graph_no_memory(tx);
		spec.args = args;
		spec.args_len = strlen(args);
	}
	rc = sqlite_job_insert(tx, op, k, &spec, args == NULL ? s->spec : NULL, e);
	free(args);
	return rc;
}

/* With its edges, where all that it names is there. */
static int graph_submit_now(struct sqlite_tx *tx, struct store_op *op, size_t i, const struct graph_ids *ids)
{
	struct submission *s = &op->submit.v[i];
	struct graph_start start;
	char why[RULES_WHY_SIZE];
	struct effect e = { 0 };
	struct sqlite_job *j;
	struct job_kept k;
	int rc = graph_look(tx, s, ids, &start);

	if (rc != 0)
		return rc;
	rules_submit(&k, s, &start, tx->next_id++, op->now, &e, why);
	s->id = k.row.id;
	s->state = k.row.state;
	rc = graph_insert(tx, op, i, &k, &e);
	if (rc != 0)
		return rc;
	graph_put_waits(tx, s->id, ids);
	if (start.blame == 0 && tx->db.failed == 0 && sqlite_job_get(tx, s->id, &j) == 0)
		graph_add_edges(tx, op, j, ids);
	return tx->db.failed;
}

/* As one that waits for the others to be there. */
static int graph_submit_early(struct sqlite_tx *tx, struct store_op *op, size_t i)
{
	static const struct graph_start start = { .pending = 1 };
	struct submission *s = &op->submit.v[i];
	struct effect e = { 0 };
	struct job_kept k;

	rules_submit(&k, s, &start, tx->next_id++, op->now, &e, NULL);
	s->id = k.row.id;
	s->state = k.row.state;
	return sqlite_job_insert(tx, op, &k, s->spec, s->gaps_n == 0 ? s->spec : NULL, &e);
}

int sqlite_graph_submit(struct sqlite_tx *tx, struct store_op *op, size_t i)
{
	struct graph_ids ids;
	int rc;

	if (graph_ids_late(op->submit.v, i))
		return graph_submit_early(tx, op, i);
	if (graph_ids_of(&ids, op->submit.v, i) != 0)
		return graph_no_memory(tx);
	rc = graph_submit_now(tx, op, i, &ids);
	graph_ids_free(&ids);
	return rc;
}

/* ---- late ---- */

static int graph_late_args(struct sqlite_tx *tx, struct store_op *op, size_t i)
{
	char *args;
	struct sqlite_query q;

	if (op->submit.v[i].gaps_n == 0)
		return 0;
	args = graph_ids_args(op->submit.v, i);
	if (args == NULL)
		return graph_no_memory(tx);
	q = sqlite_query(&tx->db, SQL_SPEC_ARGS);
	sqlite_bind_int(&q, op->submit.v[i].id);
	sqlite_bind_text(&q, args);
	sqlite_run(&q);
	free(args);
	return tx->db.failed;
}

static int graph_late_edges(struct sqlite_tx *tx, struct store_op *op, struct submission *s, const struct graph_ids *ids)
{
	struct graph_start start;
	char why[RULES_WHY_SIZE];
	struct effect e = { 0 };
	struct sqlite_job *j;
	struct job_kept was;
	int rc = graph_look(tx, s, ids, &start);

	if (rc == 0)
		rc = sqlite_job_get(tx, s->id, &j);
	if (rc != 0)
		return rc;
	graph_put_waits(tx, s->id, ids);
	graph_add_edges(tx, op, j, ids);
	if (job_state_final(j->row.k.row.state))	/* replaced meanwhile, by another of the call */
		return tx->db.failed;
	was = j->row.k;
	rules_graph_begin(&j->row.k, &start, op->now, &e, why);
	if (e.changed)
		return sqlite_job_change(tx, op, j, &was, &e);
	sqlite_job_touch(tx, op, j);
	return tx->db.failed;
}

int sqlite_graph_late(struct sqlite_tx *tx, struct store_op *op, size_t *at)
{
	struct submission *v = op->submit.v;
	struct graph_ids ids;
	int rc = 0;

	for (size_t i = 0; i < op->submit.n && rc == 0; i++) {
		if (!v[i].fresh || !graph_ids_late(v, i))
			continue;
		*at = i;
		if (graph_ids_of(&ids, v, i) != 0)
			return graph_no_memory(tx);
		rc = graph_late_args(tx, op, i);
		if (rc == 0)
			rc = graph_late_edges(tx, op, &v[i], &ids);
		graph_ids_free(&ids);
	}
	return rc;
}

/* ---- again ---- */

int sqlite_graph_again(struct sqlite_tx *tx, struct store_op *op, struct sqlite_job *j)
{
	struct graph_ids ids;
	char *text;

	sqlite_edge_remove(tx, op, j);
	text = sqlite_row_after(&j->row, &tx->db);
	if (text == NULL)
		return tx->db.failed;
	if (graph_ids_read(&ids, text) != 0) {
		graph_no_memory(tx);
	} else {
		graph_add_edges(tx, op, j, &ids);
		j->row.k.row.pending = 0;
		for (size_t k = 0; k < ids.n && tx->db.failed == 0; k++) {
			struct sqlite_job *parent;

			if (sqlite_job_get(tx, ids.v[k], &parent) == 0)
				j->row.k.row.pending += rules_edge_new(&parent->row.k) == EDGE_OPEN;
		}
		graph_ids_free(&ids);
	}
	free(text);
	return tx->db.failed;
}
