#include "fills.h"

#include <stdio.h>

#include "graph.h"
#include "life.h"
#include "sim.h"

enum { LATE = 3000 * 1000 };

static const char *const pointers[] = {
	[FILL_ID] = "/id", [FILL_ATTEMPT] = "/attempt", [FILL_MISSING] = "/id/0", [FILL_WHOLE] = "",
};

void fills_choose(struct wish *w)
{
	if (w->edges_n > 0 && one_in(3)) {
		w->part = one_in(4) ? (enum fill_part)between(FILL_MISSING, FILL_WHOLE) : (enum fill_part)between(FILL_ID, FILL_ATTEMPT);
		w->part_of = (int)below((unsigned)w->edges_n);
	} else if (one_in(20)) {
		w->part = FILL_LITERAL;
	}
}

static const struct wish *parent_of(const struct wish *w)
{
	return w->edges[w->part_of].parent;
}

static json_t *placeholder(const struct wish *w)
{
	const struct wish *parent = parent_of(w);
	json_t *value = json_pack("{s:s}", "pointer", pointers[w->part]);
	char ref[24];

	snprintf(ref, sizeof(ref), "ref-%lld", (long long)parent->serial);
	json_object_set_new(value, "$result", parent->id != 0 ? json_integer(parent->id) : json_string(ref));
	return value;
}

void fills_put(const struct wish *w, json_t *job)
{
	if (w->part == FILL_LITERAL)
		json_object_set_new(job, "args", json_pack("{s:{s:I}}", "n", "$literal", (json_int_t)w->serial));
	else if (w->part != FILL_NOTHING)
		json_object_set_new(job, "args", json_pack("{s:o}", "n", placeholder(w)));
}

bool fills_waits(const struct wish *w)
{
	return w->part != FILL_NOTHING && w->part != FILL_LITERAL && !w->filled;
}

bool fills_can(const struct wish *w)
{
	return (w->part == FILL_ID || w->part == FILL_ATTEMPT) && parent_of(w)->state == JOB_SUCCEEDED;
}

bool fills_cannot(const struct wish *w)
{
	const struct wish *parent = parent_of(w);

	return (w->part != FILL_ID && w->part != FILL_ATTEMPT) ||
	       (parent->state != JOB_SUCCEEDED && (parent->state != JOB_CANCELLED || parent->row.attempt == 0));
}

static int64_t expected(const struct wish *w)
{
	switch (w->part) {
	case FILL_ID:
		return parent_of(w)->id;
	case FILL_ATTEMPT:
		return w->filled_with;
	case FILL_LITERAL:
		return w->serial;
	default:
		return 0;
	}
}

void fills_judge(int64_t id, const json_t *args)
{
	const struct wish *w = model_find(id);
	const json_t *n = json_object_get(args, "n");

	if (w == NULL)
		return;
	must(id, !fills_waits(w), "begins, and its args are not filled in");
	must(id, json_object_size(args) == (w->part != FILL_NOTHING), "has %zu args", json_object_size(args));
	must(id, n == NULL || (json_is_integer(n) && json_integer_value(n) == expected(w)), "is given %lld where %lld was to be filled in",
	     (long long)json_integer_value(n), (long long)expected(w));
}

/* It is blocked for its args alone: for a moment. */
void fills_at_rest(struct wish *w)
{
	if (w->state != JOB_BLOCKED || graph_waits(w) || life_troubled(LATE / 1000)) {
		w->unfilled = 0;
		return;
	}
	if (w->unfilled == 0)
		w->unfilled = clock_mono();
	must(w->id, clock_mono() - w->unfilled < LATE, "waits for nothing but its args");
}
