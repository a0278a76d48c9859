/* The memory back end's graphs: edges in two lists each, followed by the rules. */
#include <errno.h>
#include <stdlib.h>

#include "store/graph_ids.h"
#include "store/memory.h"
#include "store/rules_graph.h"

struct memory_edge {
	struct memory_job *parent, *child;
	enum edge_met met;
	TAILQ_ENTRY(memory_edge) down, up;	/* of the parent, of the child */
};

/* ---- following ---- */

void memory_touch(struct memory_store *m, struct store_op *op, struct memory_job *j)
{
	op->unfilled |= rules_graph_fills(&j->k);
	if (j->k.graph < GRAPH_MOVING || j->moving)
		return;
	j->moving = true;
	STAILQ_INSERT_TAIL(&m->moving, j, moving_link);
}

static void memory_edge_free(struct memory_store *m, struct store_op *op, struct memory_edge *e)
{
	TAILQ_REMOVE(&e->parent->down, e, down);
	TAILQ_REMOVE(&e->child->up, e, up);
	e->parent->k.dependents--;
	memory_touch(m, op, e->parent);
	free(e);
}

static void memory_edge_down(struct memory_store *m, struct store_op *op, struct memory_edge *edge)
{
	char why[RULES_WHY_SIZE];
	struct job_kept was = edge->child->k;
	struct effect e = { 0 };

	edge->met = rules_edge(&edge->child->k, &edge->parent->k, op->now, &e, why);
	if (e.changed)
		memory_save(m, op, edge->child, &was, &e);
	else
		memory_touch(m, op, edge->child);
}

static void memory_follow_job(struct memory_store *m, struct store_op *op, struct memory_job *j, size_t *budget)
{
	enum edge_met from = rules_edge_from(&j->k);
	struct memory_edge *edge, *next;

	for (edge = TAILQ_FIRST(&j->down); (j->k.graph & GRAPH_DOWN) && edge != NULL && *budget > 0; edge = next) {
		next = TAILQ_NEXT(edge, down);
		if (edge->met != from)
			continue;
		memory_edge_down(m, op, edge);
		--*budget;
	}
	if (*budget > 0)
		j->k.graph &= ~(unsigned)GRAPH_DOWN;
	for (; (j->k.graph & GRAPH_UP) && (edge = TAILQ_FIRST(&j->up)) != NULL && *budget > 0; --*budget)
		memory_edge_free(m, op, edge);
	if (*budget > 0)
		j->k.graph &= ~(unsigned)GRAPH_UP;
	op->unresolved |= j->k.graph >= GRAPH_MOVING;
}

void memory_follow(struct memory_store *m, struct store_op *op, size_t *budget)
{
	struct memory_job *j;

	while ((j = STAILQ_FIRST(&m->moving)) != NULL) {
		memory_follow_job(m, op, j, budget);
		STAILQ_REMOVE_HEAD(&m->moving, moving_link);
		j->moving = false;
	}
}

int memory_resolve(struct memory_store *m, struct store_op *op)
{
	size_t budget = op->time.max;

	for (size_t i = 0; i < m->n && budget > 0; i++) {
		memory_touch(m, op, m->jobs[i]);
		memory_follow(m, op, &budget);
	}
	*op->time.next = 0;
	for (size_t i = 0; i < m->n; i++)
		if (m->jobs[i]->k.graph >= GRAPH_MOVING)
			*op->time.next = 1;
	return 0;
}

/* ---- making ---- */

static void memory_add_edges(struct memory_store *m, struct memory_job *child, const struct graph_ids *ids)
{
	for (size_t i = 0; i < ids->n; i++) {
		struct memory_job *parent = memory_find(m, ids->v[i]);
		struct memory_edge *e;

		if (parent == NULL)
			continue;
		e = memory_alloc(1, sizeof(*e));
		e->parent = parent;
		e->child = child;
		e->met = rules_edge_new(&parent->k);
		TAILQ_INSERT_TAIL(&parent->down, e, down);
		TAILQ_INSERT_TAIL(&child->up, e, up);
		parent->k.dependents++;
	}
}

/* Edges of a parent that is yet to end: of an open one, too, that is final, and is followed in a moment. */
int memory_blockers(struct memory_store *m, struct store_op *op)
{
	const struct memory_job *j = memory_find(m, op->blockers.id);
	const struct memory_edge *e;
	size_t n = 0;

	if (j == NULL)
		return 0;
	for (size_t i = 0; i < m->n && n < op->blockers.max; i++)	/* in order of id */
		TAILQ_FOREACH(e, &j->up, up)
			if (e->met == EDGE_OPEN && e->parent == m->jobs[i])
				op->blockers.ids[n++] = e->parent->k.row.id;
	*op->blockers.n = n;
	return 0;
}

void memory_remove_edges(struct memory_store *m, struct store_op *op, struct memory_job *j)
{
	struct memory_edge *e;

	while ((e = TAILQ_FIRST(&j->up)) != NULL)
		memory_edge_free(m, op, e);
	j->k.graph &= ~(unsigned)GRAPH_UP;
}

void memory_free_edges(struct memory_store *m)
{
	for (size_t i = 0; i < m->n; i++) {
		struct memory_edge *e;

		while ((e = TAILQ_FIRST(&m->jobs[i]->up)) != NULL) {
			TAILQ_REMOVE(&m->jobs[i]->up, e, up);
			free(e);
		}
	}
}

static void memory_look(const struct memory_store *m, const struct submission *s, const struct graph_ids *ids,
			struct graph_start *start)
{
	for (size_t i = 0; i < ids->n; i++)
		rules_graph_parent(start, &memory_find(m, ids->v[i])->k, s->after_run);
}

/* The spec as it is kept: with the args' gaps filled in, and what is named as text. */
static void memory_graph_spec(struct memory_job *j, const struct submission *v, size_t i, const struct graph_ids *ids)
{
	struct job_spec from = *v[i].spec;
	char *args = graph_ids_args(v, i), *after = graph_ids_text(ids);

	from.args = args;
	from.after = after;
	job_spec_unref(&j->spec);
	j->spec = job_spec_new(&from);
	if (args == NULL || after == NULL || j->spec == NULL)
		memory_no_memory();
	free(args);
	free(after);
}

static void memory_ids_of(struct graph_ids *ids, const struct submission *v, size_t i)
{
	if (graph_ids_of(ids, v, i) != 0)
		memory_no_memory();
}

struct memory_job *memory_graph_insert(struct memory_store *m, struct store_op *op, size_t i)
{
	struct submission *s = &op->submit.v[i];
	struct graph_start start = { 0 };
	struct graph_ids ids = { 0 };
	char why[RULES_WHY_SIZE];
	struct effect e = { 0 };
	struct memory_job *j;
	bool late = graph_ids_late(op->submit.v, i);

	if (late) {
		start.pending = 1;
	} else {
		memory_ids_of(&ids, op->submit.v, i);
		memory_look(m, s, &ids, &start);
	}
	j = memory_insert(m, op, s, &start, &e, why);
	if (!late) {
		memory_graph_spec(j, op->submit.v, i, &ids);
		if (start.blame == 0)
			memory_add_edges(m, j, &ids);
	}
	graph_ids_free(&ids);
	return j;
}

void memory_graph_late(struct memory_store *m, struct store_op *op)
{
	struct submission *v = op->submit.v;

	for (size_t i = 0; i < op->submit.n; i++) {
		struct graph_start start = { 0 };
		struct graph_ids ids;
		char why[RULES_WHY_SIZE];
		struct effect e = { 0 };
		struct memory_job *j;
		struct job_kept was;

		if (!v[i].fresh || !graph_ids_late(v, i))
			continue;
		memory_ids_of(&ids, v, i);
		memory_look(m, &v[i], &ids, &start);
		j = memory_find(m, v[i].id);
		memory_graph_spec(j, v, i, &ids);
		memory_add_edges(m, j, &ids);
		graph_ids_free(&ids);
		if (job_state_final(j->k.row.state))
			continue;
		was = j->k;
		rules_graph_begin(&j->k, &start, op->now, &e, why);
		if (e.changed)
			memory_save(m, op, j, &was, &e);
		else
			memory_touch(m, op, j);
	}
}

void memory_graph_again(struct memory_store *m, struct store_op *op, struct memory_job *j)
{
	struct graph_ids ids;
	struct memory_edge *e;

	memory_remove_edges(m, op, j);
	if (graph_ids_read(&ids, j->spec->after) != 0)
		memory_no_memory();
	memory_add_edges(m, j, &ids);
	graph_ids_free(&ids);
	j->k.row.pending = 0;
	TAILQ_FOREACH(e, &j->up, up)
		j->k.row.pending += e->met == EDGE_OPEN;
}
