/* command_explain: job.explain. */
#include "command/command.h"
#include "explain.h"
#include "parts.h"

enum { TYPES_MAX = 64 };

/* The types of its queue whose jobs compete with it: those of the same class. NULL-ended. */
static void competing_types(const struct parts *p, const struct job_spec *spec, const char *types[TYPES_MAX + 1])
{
	const struct queue *q = queue_find(&p->backlog.queues, spec->queue);
	const struct kind *own = kind_find(spec->type);
	const struct lane *l;
	size_t n = 0;

	if (q != NULL && own != NULL)
		TAILQ_FOREACH(l, &q->lanes, queue_link)
			if (n < TYPES_MAX && l->kind != NULL && l->kind->class == own->class)
				types[n++] = l->type;
	if (n == 0)
		types[n++] = spec->type;
	types[n] = NULL;
}

/* What the record does not say. 0 or -errno. */
static int look_further(struct call *call, const struct job_row *row, struct explained *more)
{
	const char *types[TYPES_MAX + 1];
	struct store *st = call->parts->store;

	more->ahead = -1;
	more->blockers_n = 0;
	if (row->state == JOB_BLOCKED) {
		more->blockers_n = EXPLAIN_BLOCKERS;
		return store_blockers(st, row->id, more->blockers, &more->blockers_n);
	}
	if (row->state != JOB_READY)
		return 0;
	competing_types(call->parts, row->spec, types);
	return store_ahead(st, row->spec->queue, types, row->priority, row->id, &more->ahead);
}

static int job_explain(struct call *call)
{
	int64_t id = params_id(&call->params, "id");
	struct job_record record;
	struct explained more;
	int rc;

	if (params_done(&call->params) != 0)
		return -1;
	rc = store_get(call->parts->store, id, &record);
	if (rc != 0)
		return command_fail_job(call, rc, id, "gone");
	rc = look_further(call, &record.row, &more);
	if (rc == 0)
		explain_write(&call->w, call->parts, &record, &more);
	job_record_free(&record);
	return rc == 0 ? 0 : command_fail(call, rc);
}

const struct command command_job_explain = { "job.explain", true, job_explain };
