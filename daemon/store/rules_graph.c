#include "store/rules_graph.h"

#include <errno.h>
#include <stdio.h>

void rules_graph_parent(struct graph_start *start, const struct job_kept *parent, bool run)
{
	if (!job_state_final(parent->row.state)) {
		start->pending++;
	} else if (parent->row.state != JOB_SUCCEEDED && !run && start->blame == 0) {
		start->blame = parent->row.id;
		start->how = parent->row.state;
	}
}

enum edge_met rules_edge_new(const struct job_kept *parent)
{
	return job_state_final(parent->row.state) ? EDGE_MET : EDGE_OPEN;
}

enum edge_met rules_edge_from(const struct job_kept *parent)
{
	return job_state_final(parent->row.state) ? EDGE_OPEN : EDGE_MET;
}

void rules_graph_blame(struct effect *e, int64_t parent, enum job_state how, char *why)
{
	snprintf(why, RULES_WHY_SIZE, "job %lld, which it was to wait for, %s%s", (long long)parent,
		 how == JOB_CANCELLED ? "was " : "", job_state_name(how));
	e->reason = "dependency";
	e->message = why;
	e->copy = true;
}

static void graph_cancel(struct job_kept *k, int64_t parent, enum job_state how, wall_ms now, struct effect *e, char *why)
{
	rules_graph_blame(e, parent, how, why);
	rules_archive(k, e);
	rules_move(k, JOB_CANCELLED, now, e);
}

/* Lets a blocked job go where nothing blocks it any more. */
static void graph_go(struct job_kept *k, wall_ms now, struct effect *e)
{
	enum job_state to = rules_graph_state(k, now);

	if (k->row.state == JOB_BLOCKED && to != JOB_BLOCKED)
		rules_move(k, to, now, e);
}

/* Is it blocked, if it were not held? */
static bool graph_waits(const struct job_kept *k)
{
	return (k->row.state == JOB_BLOCKED || k->row.state == JOB_HELD) && (k->row.pending > 0 || (k->graph & GRAPH_FILL));
}

enum edge_met rules_edge(struct job_kept *child, const struct job_kept *parent, wall_ms now, struct effect *e, char *why)
{
	if (job_state_final(child->row.state))
		return EDGE_KEPT;
	if (!job_state_final(parent->row.state)) {
		if (!graph_waits(child))
			return EDGE_KEPT;
		child->row.pending++;
		return EDGE_OPEN;
	}
	if (parent->row.state != JOB_SUCCEEDED && !(child->graph & GRAPH_RUN)) {
		graph_cancel(child, parent->row.id, parent->row.state, now, e, why);
		return EDGE_MET;
	}
	child->row.pending--;
	graph_go(child, now, e);
	return EDGE_MET;
}

void rules_graph_begin(struct job_kept *k, const struct graph_start *start, wall_ms now, struct effect *e, char *why)
{
	k->row.pending = start->pending;
	if (start->blame != 0)
		graph_cancel(k, start->blame, start->how, now, e, why);
	else
		graph_go(k, now, e);
}

void rules_graph_cross(struct job_kept *k)
{
	if (k->dependents > 0)
		k->graph |= GRAPH_DOWN;
	if (!job_state_final(k->row.state))
		return;
	k->row.pending = 0;
	if (k->graph & GRAPH_AFTER)
		k->graph |= GRAPH_UP;
}

enum job_state rules_graph_state(const struct job_kept *k, wall_ms now)
{
	if (k->row.pending > 0 || (k->graph & GRAPH_FILL))
		return JOB_BLOCKED;
	return k->row.run_at > now ? JOB_SCHEDULED : JOB_READY;
}

bool rules_graph_fills(const struct job_kept *k)
{
	return k->row.state == JOB_BLOCKED && k->row.pending == 0 && (k->graph & GRAPH_FILL);
}

int rules_graph_fill(struct job_kept *k, const char *why, wall_ms now, struct effect *e)
{
	if (!rules_graph_fills(k))
		return -EBUSY;
	if (why != NULL) {
		e->reason = "dependency";
		e->message = why;
		rules_move(k, JOB_FAILED, now, e);
		return 0;
	}
	k->graph &= ~(unsigned)GRAPH_FILL;
	graph_go(k, now, e);
	return 0;
}

bool rules_graph_source(const struct fill_source *source, const struct job_kept *parent)
{
	if (parent == NULL)
		return source->attempt < 0;
	return job_state_final(parent->row.state) && parent->row.attempt == source->attempt &&
	       parent->final_at == source->final_at;
}
