#include "graph.h"

#include <stdio.h>

#include "fills.h"
#include "sim.h"

void graph_name(struct wish *child, struct wish *parent)
{
	for (int i = 0; i < child->edges_n; i++)
		if (child->edges[i].parent == parent)
			return;
	child->edges[child->edges_n++] = (struct wish_edge){ .parent = parent, .child = child };
}

void graph_put(const struct wish *w, json_t *job)
{
	json_t *after = json_array();
	char ref[24];

	for (int i = 0; i < w->edges_n; i++) {
		const struct wish *parent = w->edges[i].parent;

		snprintf(ref, sizeof(ref), "ref-%lld", (long long)parent->serial);
		json_array_append_new(after, parent->id != 0 ? json_integer(parent->id) : json_string(ref));
	}
	json_object_set_new(job, "after", after);
	fills_put(w, job);
	if (w->after_run)
		json_object_set_new(job, "after_failure", json_string("run"));
}

void graph_enter(struct wish *w)
{
	for (int i = 0; i < w->edges_n; i++)
		LIST_INSERT_HEAD(&w->edges[i].parent->children, &w->edges[i], link);
}

void graph_leave(const struct wish *w)
{
	for (int i = 0; i < w->edges_n; i++)
		w->edges[i].parent->let_go = clock_mono();
}

/* One that is gone was final, and one that comes with the same request will be told of at once. */
static bool unfinished(const struct wish *w)
{
	return w->id == 0 || (w->state != JOB_NONE && !job_state_final(w->state));
}

bool graph_waits(const struct wish *w)
{
	for (int i = 0; i < w->edges_n; i++)
		if (unfinished(w->edges[i].parent))
			return true;
	return false;
}

const struct wish *graph_blame(const struct wish *w)
{
	for (int i = 0; i < w->edges_n && !w->after_run; i++) {
		const struct wish *parent = w->edges[i].parent;

		if (job_state_final(parent->state) && parent->state != JOB_SUCCEEDED)
			return parent;
	}
	return NULL;
}

bool graph_came_back(const struct wish *w)
{
	bool back = w->came_back;

	for (int i = 0; i < w->edges_n; i++)
		back = back || w->edges[i].parent->came_back;
	return back;
}

int graph_dependents(const struct wish *w)
{
	const struct wish_edge *edge;
	int n = 0;

	LIST_FOREACH(edge, &w->children, link)
		n += edge->child->state != JOB_NONE && !job_state_final(edge->child->state);
	return n;
}

void graph_at_rest(const struct wish *w)
{
	const struct wish *blame = graph_blame(w);

	if (w->state != JOB_BLOCKED && w->state != JOB_HELD)
		return;
	must(w->id, w->state == JOB_HELD || graph_waits(w) || fills_waits(w), "is blocked by nothing");
	must(w->id, blame == NULL || graph_came_back(w), "waits, though %lld before it is %s", (long long)blame->id,
	     job_state_name(blame->state));
}
