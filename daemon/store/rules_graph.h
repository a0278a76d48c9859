/*
 * rules_graph: what jobs are to each other, as arithmetic.
 *
 * An edge leads from a parent to the child that names it in `after`. It is
 * there while the child is not final, and says whether the parent still holds
 * the child back. A job that becomes final, or final no more, is marked: its
 * edges are to follow (GRAPH_DOWN: those to its children; GRAPH_UP: those to
 * its parents, which go). A back end follows them edge by edge, and takes the
 * mark off when it is through: so a crash between two edges loses nothing.
 */
#ifndef JOBD_RULES_GRAPH_H
#define JOBD_RULES_GRAPH_H

#include "store/rules.h"

enum {				/* bits of job_kept.graph; stored */
	GRAPH_AFTER = 1,	/* it names others */
	GRAPH_RUN = 2,		/* and runs, too, where one of them does not succeed */
	GRAPH_FILL = 4,		/* its args wait for results */
	GRAPH_DOWN = 8,		/* edges to follow */
	GRAPH_UP = 16,
	GRAPH_MOVING = GRAPH_DOWN	/* from here on: its edges are to follow */
};

enum edge_met {			/* stored */
	EDGE_OPEN,		/* the child waits for the parent */
	EDGE_MET,		/* no more */
	EDGE_KEPT		/* and never again: it went on before the parent came back */
};

/* What a new child finds. */
struct graph_start {
	int pending;			/* parents not final yet */
	int64_t blame;			/* a parent for which it is cancelled at once; 0 */
	enum job_state how;		/* what became of that one */
};

void rules_graph_parent(struct graph_start *start, const struct job_kept *parent, bool run);

/* The edge of a child to this parent, made now. */
enum edge_met rules_edge_new(const struct job_kept *parent);

enum { RULES_WHY_SIZE = 80 };

/* Why a child is cancelled: "job 12, which it was to wait for, failed". Into why[RULES_WHY_SIZE], which e borrows. */
void rules_graph_blame(struct effect *e, int64_t parent, enum job_state how, char *why);

/*
 * Brings an edge that is open (the parent is final), or met (it is final no
 * more), to what the parent is now: what becomes of the edge, and of the child.
 */
enum edge_met rules_edge(struct job_kept *child, const struct job_kept *parent, wall_ms now, struct effect *e, char *why);

/* The met of the edges of this parent that are to follow. */
enum edge_met rules_edge_from(const struct job_kept *parent);

/* A child whose edges were made late: cancelled, let go, or left waiting. */
void rules_graph_begin(struct job_kept *k, const struct graph_start *start, wall_ms now, struct effect *e, char *why);

/* It has crossed the border between final and not. */
void rules_graph_cross(struct job_kept *k);

/* Where it goes that is neither held nor final: blocked, else scheduled, else ready. */
enum job_state rules_graph_state(const struct job_kept *k, wall_ms now);

/*
 * Its args were filled in, or (why) cannot be: it goes on, or fails. -EBUSY:
 * they are not wanted.
 */
int rules_graph_fill(struct job_kept *k, const char *why, wall_ms now, struct effect *e);

/* Is the result of this end of the parent's still the one to be filled in? parent NULL: it is gone. */
bool rules_graph_source(const struct fill_source *source, const struct job_kept *parent);

/* Nothing holds it back but its args, which are to be filled in now. */
bool rules_graph_fills(const struct job_kept *k);

#endif
