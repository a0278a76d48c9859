/* The memory back end's args that wait for results. */
#include <stdlib.h>

#include "store/fill_args.h"
#include "store/memory.h"
#include "store/rules_graph.h"

static char *memory_result(void *arg, struct fill_source *source)
{
	const struct memory_job *j = memory_find(arg, source->id);

	source->attempt = j != NULL ? j->k.row.attempt : -1;
	source->final_at = j != NULL ? j->k.final_at : 0;
	return j != NULL ? memory_copy(j->result) : NULL;
}

int memory_fillings(struct memory_store *m, struct store_op *op)
{
	struct fillings *out = op->fillings.out;
	struct fill_cache cache = { 0 };

	for (size_t i = 0; i < m->n && out->n < sizeof(out->v) / sizeof(out->v[0]); i++) {
		const struct memory_job *j = m->jobs[i];
		struct filling *f = &out->v[out->n];

		if (!rules_graph_fills(&j->k))
			continue;
		*f = (struct filling){ .id = j->k.row.id, .type = memory_copy(j->spec->type) };
		out->n++;
		if (fill_args(f, j->spec->args, op->fillings.args_max, &cache, memory_result, m) != 0)
			memory_no_memory();
	}
	fill_cache_free(&cache);
	return 0;
}

static bool memory_fill_holds(const struct memory_store *m, const struct filling *f)
{
	for (size_t i = 0; i < f->sources_n; i++) {
		const struct memory_job *parent = memory_find(m, f->sources[i].id);

		if (!rules_graph_source(&f->sources[i], parent != NULL ? &parent->k : NULL))
			return false;
	}
	return true;
}

static void memory_fill_one(struct memory_store *m, struct store_op *op, const struct filling *f)
{
	const char *why = f->why[0] != '\0' ? f->why : NULL;
	struct memory_job *j = memory_find(m, f->id);
	struct effect e = { 0 };
	struct job_spec from, *filled;
	struct job_kept was;

	if (j == NULL || !memory_fill_holds(m, f))
		return;
	was = j->k;
	if (rules_graph_fill(&j->k, why, op->now, &e) != 0)
		return;
	if (why == NULL) {
		from = *j->spec;
		from.args = f->args;
		filled = job_spec_new(&from);
		if (filled == NULL)
			memory_no_memory();
		job_spec_unref(&j->spec);
		j->spec = filled;
	}
	memory_save(m, op, j, &was, &e);
}

int memory_fill(struct memory_store *m, struct store_op *op)
{
	for (size_t i = 0; i < op->fill->n; i++)
		memory_fill_one(m, op, &op->fill->v[i]);
	return 0;
}
