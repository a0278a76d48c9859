/* Args that wait for results: filled in by the reader, recorded by the writer. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store/fill_args.h"
#include "store/rules_graph.h"
#include "store/sqlite_reader.h"
#include "store/sqlite_verbs.h"

enum { READ_MAX = 8 << 20 };	/* bytes of results that are read for one answer, and one more */

/* ---- the reader ---- */

static char *fill_result(void *arg, struct fill_source *source)
{
	struct sqlite_reader *r = arg;
	struct sqlite_row row;
	struct sqlite_query q;
	char *text = NULL;

	source->attempt = -1;
	if (sqlite_row_load(&row, &r->db, &r->lanes, source->id) != 0)
		return NULL;
	source->attempt = row.k.row.attempt;
	source->final_at = row.k.final_at;
	q = sqlite_query(&r->db, SQL_RESULT_GET);
	sqlite_bind_int(&q, source->id);
	if (sqlite_next(&q)) {
		text = sqlite_text_copy(&q, 5);
		sqlite_end(&q);
	}
	return text;
}

static void fill_read(struct sqlite_reader *r, struct store_op *op, struct fill_cache *cache, int64_t id)
{
	struct filling *f = &op->fillings.out->v[op->fillings.out->n];
	struct job_spec *spec = NULL;
	struct sqlite_row row;

	memset(f, 0, sizeof(*f));
	f->id = id;
	if (sqlite_row_load(&row, &r->db, &r->lanes, id) == -ENOENT)
		sqlite_db_fail(&r->db, -EUCLEAN, "the args of no job are to be filled in");
	if (r->db.failed == 0)
		spec = sqlite_row_spec(&row, &r->db, false);
	if (spec == NULL)
		return;
	op->fillings.out->n++;
	f->type = strdup(spec->type);
	if (f->type == NULL || fill_args(f, spec->args, op->fillings.args_max, cache, fill_result, r) != 0)
		sqlite_db_fail(&r->db, -ENOMEM, "out of memory");
	job_spec_unref(&spec);
}

int sqlite_fillings(struct sqlite_reader *r, struct store_op *op)
{
	enum { MOST = sizeof(op->fillings.out->v) / sizeof(op->fillings.out->v[0]) };
	struct fill_cache cache = { 0 };
	struct sqlite_query q = sqlite_query(&r->db, SQL_FILL_NEXT);
	int64_t ids[MOST];
	size_t n = 0;

	sqlite_bind_int(&q, MOST);
	while (sqlite_next(&q))
		ids[n++] = sqlite_int(&q, 0);
	for (size_t i = 0; i < n && r->db.failed == 0 && cache.read < READ_MAX; i++)
		fill_read(r, op, &cache, ids[i]);
	fill_cache_free(&cache);
	if (r->db.failed != 0)
		fillings_free(op->fillings.out);
	return r->db.failed;
}

/* ---- the writer ---- */

static bool fill_holds(struct sqlite_tx *tx, const struct filling *f)
{
	for (size_t i = 0; i < f->sources_n; i++) {
		struct sqlite_job *parent = NULL;

		sqlite_job_get(tx, f->sources[i].id, &parent);
		if (!rules_graph_source(&f->sources[i], parent != NULL ? &parent->row.k : NULL))
			return false;
	}
	return tx->db.failed == 0;
}

static void fill_put_args(struct sqlite_tx *tx, int64_t id, const char *args)
{
	struct sqlite_query q = sqlite_query(&tx->db, SQL_SPEC_ARGS);

	sqlite_bind_int(&q, id);
	sqlite_bind_text(&q, args);
	sqlite_run(&q);
}

static void fill_write(struct sqlite_tx *tx, struct store_op *op, const struct filling *f)
{
	const char *why = f->why[0] != '\0' ? f->why : NULL;
	struct effect e = { 0 };
	struct sqlite_job *j;
	struct job_kept was;

	if (sqlite_job_get(tx, f->id, &j) != 0 || !fill_holds(tx, f))
		return;
	was = j->row.k;
	if (rules_graph_fill(&j->row.k, why, op->now, &e) != 0)
		return;
	if (why == NULL)
		fill_put_args(tx, f->id, f->args);
	sqlite_job_change(tx, op, j, &was, &e);
}

int sqlite_fill(struct sqlite_tx *tx, struct store_op *op)
{
	for (size_t i = 0; i < op->fill->n && tx->db.failed == 0; i++)
		fill_write(tx, op, &op->fill->v[i]);
	return tx->db.failed;
}
