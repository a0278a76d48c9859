#include "lane.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "job.h"

bool lane_before(int a_priority, int64_t a_id, int b_priority, int64_t b_id)
{
	return a_priority != b_priority ? a_priority > b_priority : a_id < b_id;
}

struct job *lane_head(const struct lane *l)
{
	return l->n > 0 ? l->v[l->first] : NULL;
}

struct job *lane_last(const struct lane *l)
{
	return l->n > 0 ? l->v[l->first + l->n - 1] : NULL;
}

bool lane_covers(const struct lane *l, int priority, int64_t id)
{
	if (!l->more)
		return true;
	return l->horizon_id != 0 && !lane_before(l->horizon_priority, l->horizon_id, priority, id);
}

/* How many jobs of the window come before the key. */
static size_t lane_rank(const struct lane *l, int priority, int64_t id)
{
	size_t low = 0, high = l->n;

	/* The common case: a new job goes last. */
	if (high > 0) {
		const struct job_row *last = &l->v[l->first + high - 1]->row;

		if (lane_before(last->priority, last->id, priority, id))
			return high;
	}
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct job_row *row = &l->v[l->first + middle]->row;

		if (lane_before(row->priority, row->id, priority, id))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Room for one more behind the last. */
static int lane_reserve(struct lane *l)
{
	struct job **v;
	size_t cap;

	if (l->first + l->n < l->cap)
		return 0;
	if (l->first > l->cap / 2) {
		memmove(l->v, l->v + l->first, l->n * sizeof(struct job *));
		l->first = 0;
		return 0;
	}
	cap = l->cap > 0 ? 2 * l->cap : 8;
	v = realloc(l->v, cap * sizeof(struct job *));
	if (v == NULL)
		return -ENOMEM;
	l->v = v;
	l->cap = cap;
	return 0;
}

int lane_insert(struct lane *l, struct job *job)
{
	size_t at = lane_rank(l, job->row.priority, job->row.id);
	struct job **place;

	if (lane_reserve(l) != 0)
		return -ENOMEM;
	if (at == 0 && l->first > 0) {
		l->first--;
	} else {
		place = l->v + l->first + at;
		memmove(place + 1, place, (l->n - at) * sizeof(struct job *));
	}
	l->v[l->first + at] = job;
	l->n++;
	job->place = JOB_IN_WINDOW;
	return 0;
}

void lane_remove(struct lane *l, struct job *job)
{
	size_t at = lane_rank(l, job->row.priority, job->row.id);
	struct job **place = l->v + l->first + at;

	if (at >= l->n || *place != job)
		log_fatal("job %lld is not in the window of %s", (long long)job->row.id, l->type);
	l->n--;
	if (at == 0)
		l->first++;
	else
		memmove(place, place + 1, (l->n - at) * sizeof(struct job *));
	if (l->n == 0) {
		l->first = 0;
		if (l->cap > 64) {
			free(l->v);
			l->v = NULL;
			l->cap = 0;
		}
	}
}

void lane_set_horizon(struct lane *l)
{
	const struct job *last = lane_last(l);

	l->more = true;
	if (last != NULL) {
		l->horizon_priority = last->row.priority;
		l->horizon_id = last->row.id;
	}
}

void lane_cut(struct lane *l, int priority, int64_t id, void (*drop)(void *arg, struct job *job), void *arg)
{
	struct job *last;

	while ((last = lane_last(l)) != NULL && lane_before(priority, id, last->row.priority, last->row.id)) {
		l->n--;
		drop(arg, last);
	}
	l->more = true;
	/* Nothing at or behind the key is covered; a key of id - 1 lies right before it in the order. */
	l->horizon_priority = priority;
	l->horizon_id = id - 1;
	if (l->horizon_id == 0) {
		l->horizon_priority = priority < INT32_MAX ? priority + 1 : priority;
		l->horizon_id = INT64_MAX;
	}
}
