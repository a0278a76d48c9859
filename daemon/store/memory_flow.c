/* The memory back end's flows, found by what makes one; none of them goes. */
#include <stdlib.h>
#include <string.h>

#include "store/memory.h"

/* What makes a flow, in one text: its fields end in a NUL, and one that is not there is told from an empty one. */
static void flow_name(struct buf *name, const struct job_spec *spec)
{
	const char *fields[] = { spec->queue, spec->type, spec->group, spec->concurrency_key };

	buf_init(name);
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		buf_putc(name, fields[i] != NULL ? '+' : '-');
		buf_put(name, fields[i] != NULL ? fields[i] : "", fields[i] != NULL ? strlen(fields[i]) + 1 : 1);
	}
	buf_put(name, &spec->concurrency_limit, sizeof(spec->concurrency_limit));
	if (buf_failed(name))
		memory_no_memory();
}

static struct memory_flow *flow_make(struct memory_store *m, const struct job_spec *spec, struct buf *name)
{
	struct memory_flow *f = memory_alloc(1, sizeof(*f));

	f->name_len = buf_len(name);
	f->name = buf_steal(name, NULL);
	f->row = (struct flow_row){ (int64_t)HASH_COUNT(m->flows) + 1, memory_copy(spec->group),
				    memory_copy(spec->concurrency_key), spec->concurrency_limit };
	HASH_ADD_KEYPTR(hh, m->flows, f->name, f->name_len, f);
	if (f->hh.tbl == NULL)
		memory_no_memory();
	return f;
}

bool memory_flow_of(struct memory_store *m, const struct job_spec *spec, struct flow_row *out)
{
	struct memory_flow *f;
	struct buf name;

	if (spec->group == NULL && spec->concurrency_key == NULL)
		return false;
	flow_name(&name, spec);
	HASH_FIND(hh, m->flows, buf_data(&name), buf_len(&name), f);
	if (f == NULL)
		f = flow_make(m, spec, &name);
	buf_free(&name);
	*out = f->row;
	return true;
}

void memory_flow_free(struct memory_store *m)
{
	struct memory_flow *f, *next;

	HASH_ITER(hh, m->flows, f, next) {
		HASH_DEL(m->flows, f);
		free(f->name);
		free((char *)f->row.group);
		free((char *)f->row.key);
		free(f);
	}
}
