/* The memory back end's schedules: a list, walked along. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store/memory.h"
#include "store/rules_schedule.h"

static struct schedule_row **schedule_find(const struct memory_store *m, const char *name)
{
	for (size_t i = 0; i < m->schedules_n; i++)
		if (strcmp(m->schedules[i]->name, name) == 0)
			return &m->schedules[i];
	return NULL;
}

static struct schedule_row *schedule_copy(const struct schedule_row *from)
{
	struct schedule_row *row = schedule_row_new(from);

	if (row == NULL)
		memory_no_memory();
	return row;
}

/* `row` takes the place of the one there is. */
static void schedule_keep(struct schedule_row **at, const struct schedule_row *row)
{
	struct schedule_row *was = *at;

	*at = schedule_copy(row);
	free(was);
}

int memory_schedule_put(struct memory_store *m, struct store_op *op)
{
	struct schedule_row row = *op->schedule, **at = schedule_find(m, row.name);

	rules_schedule_put(&row, at != NULL ? *at : NULL, op->now);
	if (at == NULL) {
		m->schedules = memory_grow(m->schedules, m->schedules_n, sizeof(struct schedule_row *));
		at = &m->schedules[m->schedules_n++];
		*at = NULL;
	}
	schedule_keep(at, &row);
	schedule_tell(op->schedule_told, &row);
	return 0;
}

int memory_schedule_delete(struct memory_store *m, struct store_op *op)
{
	struct schedule_row **at = schedule_find(m, op->schedule_get.name);

	if (at == NULL)
		return -ENOENT;
	free(*at);
	*at = m->schedules[--m->schedules_n];
	return 0;
}

static bool schedule_unfinished(const struct memory_store *m, int64_t id)
{
	const struct memory_job *j = memory_find(m, id);

	return j != NULL && !job_state_final(j->k.row.state);
}

int memory_schedule_fire(struct memory_store *m, struct store_op *op)
{
	struct schedule_fire *f = op->submit.fire;
	struct schedule_row row, **at = schedule_find(m, f->name);
	int rc;

	if (at == NULL)
		return -ESTALE;
	row = **at;
	rc = rules_schedule_fire(&row, f, rules_schedule_asks(&row, f) && schedule_unfinished(m, row.last_job), op->now);
	if (rc == 0 && f->verdict == FIRE_MADE) {
		rc = memory_submit(m, op);
		rules_schedule_made(&row, f->job->id, op->now);
	}
	if (rc != 0)
		return rc;
	schedule_keep(at, &row);
	schedule_tell(op->schedule_told, &row);
	return 0;
}

int memory_schedule_get(struct memory_store *m, struct store_op *op)
{
	struct schedule_row **at = schedule_find(m, op->schedule_get.name);

	if (at == NULL)
		return -ENOENT;
	*op->schedule_get.row = schedule_copy(*at);
	return 0;
}

/* The first one behind a name, or NULL. */
static const struct schedule_row *schedule_behind(const struct memory_store *m, const char *name)
{
	const struct schedule_row *first = NULL;

	for (size_t i = 0; i < m->schedules_n; i++)
		if (strcmp(m->schedules[i]->name, name) > 0 && (first == NULL || strcmp(m->schedules[i]->name, first->name) < 0))
			first = m->schedules[i];
	return first;
}

int memory_schedule_list(struct memory_store *m, struct store_op *op)
{
	struct schedule_page *page = op->schedule_list.page;
	const struct schedule_row *row = schedule_behind(m, op->schedule_list.after);
	size_t bytes = 0;

	page->v = memory_alloc(op->schedule_list.limit, sizeof(struct schedule_row *));
	while (row != NULL && page->n < op->schedule_list.limit && bytes <= STORE_PAGE_BYTES) {
		page->v[page->n++] = schedule_copy(row);
		bytes += strlen(row->job);
		row = schedule_behind(m, row->name);
	}
	page->more = row != NULL;
	return 0;
}

void memory_schedule_each(const struct memory_store *m, void (*each)(void *arg, const struct schedule_change *schedule),
			  void *arg)
{
	for (size_t i = 0; i < m->schedules_n; i++) {
		struct schedule_change told = { .name = m->schedules[i]->name };

		schedule_tell(&told, m->schedules[i]);
		each(arg, &told);
	}
}

void memory_schedule_free(struct memory_store *m)
{
	for (size_t i = 0; i < m->schedules_n; i++)
		free(m->schedules[i]);
	free(m->schedules);
}
