/* The memory back end's answers to request ids: a list, walked along. */
#include <stdlib.h>
#include <string.h>

#include "store/memory.h"

static struct memory_request *memory_request_find(const struct memory_store *m, const char *id)
{
	for (size_t i = 0; i < m->requests_n; i++)
		if (strcmp(m->requests[i].id, id) == 0)
			return &m->requests[i];
	return NULL;
}

bool memory_request_answer(const struct memory_store *m, struct submission *s, wall_ms now)
{
	const struct memory_request *r = s->request_id != NULL ? memory_request_find(m, s->request_id) : NULL;

	if (r == NULL || r->until <= now)
		return false;
	s->id = r->job;
	s->state = r->state;
	s->existing = r->existing;
	return true;
}

void memory_request_keep(struct memory_store *m, const struct submission *s, wall_ms now)
{
	struct memory_request *r;

	if (s->request_id == NULL)
		return;
	r = memory_request_find(m, s->request_id);
	if (r == NULL) {
		m->requests = memory_grow(m->requests, m->requests_n, sizeof(m->requests[0]));
		r = &m->requests[m->requests_n++];
		r->id = memory_copy(s->request_id);
	}
	r->until = rules_request_until(now);
	r->job = s->id;
	r->state = s->state;
	r->existing = s->existing;
}

size_t memory_request_prune(struct memory_store *m, wall_ms now, size_t max)
{
	size_t removed = 0;

	for (size_t i = 0; i < m->requests_n && removed < max;) {
		if (m->requests[i].until > now) {
			i++;
			continue;
		}
		free(m->requests[i].id);
		m->requests[i] = m->requests[--m->requests_n];
		removed++;
	}
	return removed;
}

void memory_request_free(struct memory_store *m)
{
	for (size_t i = 0; i < m->requests_n; i++)
		free(m->requests[i].id);
	free(m->requests);
}
