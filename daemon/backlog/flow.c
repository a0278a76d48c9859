#include "backlog/flow.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "backlog/job.h"

bool flow_before(int a_priority, int64_t a_id, int b_priority, int64_t b_id)
{
	return a_priority != b_priority ? a_priority > b_priority : a_id < b_id;
}

struct job *flow_head(const struct flow *f)
{
	return f->n > 0 ? f->v[f->first] : NULL;
}

struct job *flow_last(const struct flow *f)
{
	return f->n > 0 ? f->v[f->first + f->n - 1] : NULL;
}

bool flow_waits(const struct flow *f)
{
	return f->n > 0 || f->more;
}

int flow_next_priority(const struct flow *f)
{
	if (f->n > 0)
		return flow_head(f)->row.priority;
	if (f->horizon_id == 0)
		return INT32_MAX;
	return f->horizon_id != INT64_MAX ? f->horizon_priority : f->horizon_priority - 1;
}

int64_t flow_next_id(const struct flow *f)
{
	if (f->n > 0)
		return flow_head(f)->row.id;
	return f->horizon_id != INT64_MAX ? f->horizon_id : 0;
}

bool flow_covers(const struct flow *f, int priority, int64_t id)
{
	if (!f->more)
		return true;
	return f->horizon_id != 0 && !flow_before(f->horizon_priority, f->horizon_id, priority, id);
}

/* How many jobs of the window come before the key. */
static size_t flow_rank(const struct flow *f, int priority, int64_t id)
{
	size_t low = 0, high = f->n;

	/* The common case: a new job goes last. */
	if (high > 0) {
		const struct job_row *last = &f->v[f->first + high - 1]->row;

		if (flow_before(last->priority, last->id, priority, id))
			return high;
	}
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct job_row *row = &f->v[f->first + middle]->row;

		if (flow_before(row->priority, row->id, priority, id))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Room for one more behind the last. */
static int flow_reserve(struct flow *f)
{
	struct job **v;
	size_t cap;

	if (f->first + f->n < f->cap)
		return 0;
	if (f->first > f->cap / 2) {
		memmove(f->v, f->v + f->first, f->n * sizeof(struct job *));
		f->first = 0;
		return 0;
	}
	cap = f->cap > 0 ? 2 * f->cap : 8;
	v = realloc(f->v, cap * sizeof(struct job *));
	if (v == NULL)
		return -ENOMEM;
	f->v = v;
	f->cap = cap;
	return 0;
}

int flow_insert(struct flow *f, struct job *job)
{
	size_t at = flow_rank(f, job->row.priority, job->row.id);
	struct job **place;

	if (flow_reserve(f) != 0)
		return -ENOMEM;
	if (at == 0 && f->first > 0) {
		f->first--;
	} else {
		place = f->v + f->first + at;
		memmove(place + 1, place, (f->n - at) * sizeof(struct job *));
	}
	f->v[f->first + at] = job;
	f->n++;
	job->place = JOB_IN_WINDOW;
	return 0;
}

void flow_remove(struct flow *f, struct job *job)
{
	size_t at = flow_rank(f, job->row.priority, job->row.id);
	struct job **place = f->v + f->first + at;

	if (at >= f->n || *place != job)
		log_fatal("job %lld is not in the window of its flow", (long long)job->row.id);
	f->n--;
	if (at == 0)
		f->first++;
	else
		memmove(place, place + 1, (f->n - at) * sizeof(struct job *));
	if (f->n == 0) {
		f->first = 0;
		if (f->cap > 64) {
			free(f->v);
			f->v = NULL;
			f->cap = 0;
		}
	}
}

void flow_set_horizon(struct flow *f)
{
	const struct job *last = flow_last(f);

	f->more = true;
	if (last != NULL) {
		f->horizon_priority = last->row.priority;
		f->horizon_id = last->row.id;
	}
}

void flow_cut(struct flow *f, int priority, int64_t id, void (*drop)(void *arg, struct job *job), void *arg)
{
	struct job *last;

	while ((last = flow_last(f)) != NULL && flow_before(priority, id, last->row.priority, last->row.id)) {
		f->n--;
		drop(arg, last);
	}
	f->more = true;
	/* Nothing at or behind the key is covered; a key of id - 1 lies right before it in the order. */
	f->horizon_priority = priority;
	f->horizon_id = id - 1;
	if (f->horizon_id == 0) {
		f->horizon_priority = priority < INT32_MAX ? priority + 1 : priority;
		f->horizon_id = INT64_MAX;
	}
}
