#include "backlog/windows.h"

struct job *windows_find(const struct windows *w, int64_t id)
{
	struct job *job;

	HASH_FIND(hh, w->jobs, &id, sizeof(id), job);
	return job;
}

size_t windows_cap(const struct windows *w)
{
	size_t cap = WINDOWS_JOBS_MAX / (w->flows > 0 ? w->flows : 1);

	if (cap > WINDOW_MAX)
		return WINDOW_MAX;
	return cap < WINDOW_MIN ? WINDOW_MIN : cap;
}

static void job_drop(struct windows *w, struct job *job)
{
	if (job->row.spec != NULL)
		w->spec_bytes -= job->row.spec->bytes;
	job->flow->jobs--;
	job_free(&job);
}

void windows_forget(struct windows *w, struct job *job)
{
	HASH_DEL(w->jobs, job);
	job_drop(w, job);
}

void windows_leave(struct windows *w, struct job *job)
{
	flow_remove(job->flow, job);
	job->place = JOB_ASIDE;
	w->windowed--;
}

void windows_move(struct windows *w, struct job *job, struct flow *to)
{
	job->flow->jobs--;
	to->jobs++;
	job->flow = to;
	job->lane = to->lane;
	job->moves_to = NULL;
	if (job->row.spec == NULL)
		return;
	w->spec_bytes -= job->row.spec->bytes;
	job_spec_unref(&job->row.spec);
}

static void drop_behind(void *arg, struct job *job)
{
	struct windows *w = arg;

	w->windowed--;
	windows_forget(w, job);
}

/* Arguments that would exceed the cache are left to be loaded with the claim. */
static void job_bound_spec(struct windows *w, struct job *job)
{
	if (job->row.spec == NULL)
		return;
	if (w->spec_bytes + job->row.spec->bytes > WINDOWS_SPEC_BYTES)
		job_spec_unref(&job->row.spec);
	else
		w->spec_bytes += job->row.spec->bytes;
}

static struct job *job_remember(struct windows *w, struct flow *f, const struct job_row *row)
{
	struct job *job = job_new(row);

	if (job == NULL)
		return NULL;
	job->flow = f;
	job->lane = f->lane;
	f->jobs++;
	job->place = JOB_ASIDE;
	job_bound_spec(w, job);
	HASH_ADD(hh, w->jobs, row.id, sizeof(job->row.id), job);
	if (job->hh.tbl == NULL) {
		job_drop(w, job);
		return NULL;
	}
	return job;
}

void windows_enter(struct windows *w, struct job *job)
{
	struct flow *f = job->flow;

	if (!flow_covers(f, job->row.priority, job->row.id)) {
		windows_forget(w, job);
		return;
	}
	if (flow_insert(f, job) != 0) {
		flow_cut(f, job->row.priority, job->row.id, drop_behind, w);
		windows_forget(w, job);
		return;
	}
	w->windowed++;
	if (f->n > windows_cap(w)) {
		struct job *last = flow_last(f);

		windows_leave(w, last);
		windows_forget(w, last);
		flow_set_horizon(f);
	}
}

void windows_enter_row(struct windows *w, struct flow *f, const struct job_row *row)
{
	struct job *job;

	if (!flow_covers(f, row->priority, row->id))
		return;
	job = job_remember(w, f, row);
	if (job != NULL)
		windows_enter(w, job);
	else
		flow_cut(f, row->priority, row->id, drop_behind, w);
}

void windows_ask_page(struct flow *f)
{
	f->paging = true;
	f->page_priority = f->horizon_priority;
	f->page_id = f->horizon_id;
}

void windows_paged(struct windows *w, struct flow *f, int rc, const struct job_row *rows, size_t n, size_t max)
{
	f->paging = false;
	/* A page behind a horizon that has moved since would leave a gap: it is asked for again. */
	if (rc != 0 || !f->more || f->page_priority != f->horizon_priority || f->page_id != f->horizon_id)
		return;
	f->more = n == max;
	if (n > 0) {
		f->horizon_priority = rows[n - 1].priority;
		f->horizon_id = rows[n - 1].id;
	}
	for (size_t i = 0; i < n; i++)
		if (windows_find(w, rows[i].id) == NULL)
			windows_enter_row(w, f, &rows[i]);
}

void windows_free(struct windows *w)
{
	struct job *job, *next;

	HASH_ITER(hh, w->jobs, job, next) {
		HASH_DEL(w->jobs, job);
		job_free(&job);
	}
}
