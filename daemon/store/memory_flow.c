/* The memory back end's flows: a list, walked along; none of them goes. */
#include <stdlib.h>
#include <string.h>

#include "store/memory.h"

static bool flow_same(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool flow_is(const struct memory_flow *f, const struct job_spec *spec)
{
	return flow_same(f->group, spec->group) && flow_same(f->key, spec->concurrency_key) &&
	       f->limit == spec->concurrency_limit && strcmp(f->queue, spec->queue) == 0 && strcmp(f->type, spec->type) == 0;
}

static size_t flow_place(struct memory_store *m, const struct job_spec *spec)
{
	for (size_t i = 0; i < m->flows_n; i++)
		if (flow_is(&m->flows[i], spec))
			return i;
	m->flows = memory_grow(m->flows, m->flows_n, sizeof(m->flows[0]));
	m->flows[m->flows_n] = (struct memory_flow){
		.queue = memory_copy(spec->queue),
		.type = memory_copy(spec->type),
		.group = memory_copy(spec->group),
		.key = memory_copy(spec->concurrency_key),
		.limit = spec->concurrency_limit,
	};
	return m->flows_n++;
}

bool memory_flow_of(struct memory_store *m, const struct job_spec *spec, struct flow_row *out)
{
	size_t i;

	if (spec->group == NULL && spec->concurrency_key == NULL)
		return false;
	i = flow_place(m, spec);
	*out = (struct flow_row){ (int64_t)i + 1, m->flows[i].group, m->flows[i].key, m->flows[i].limit };
	return true;
}

void memory_flow_free(struct memory_store *m)
{
	for (size_t i = 0; i < m->flows_n; i++) {
		free(m->flows[i].queue);
		free(m->flows[i].type);
		free(m->flows[i].group);
		free(m->flows[i].key);
	}
	free(m->flows);
}
