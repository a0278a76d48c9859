/* The front: reading what was committed. */
#include <stdlib.h>
#include <string.h>

#include "store/op.h"
#include "store/store_backend.h"

int store_get(struct store *st, int64_t id, struct job_record *out)
{
	struct store_op op;

	op_init(&op, VERB_GET, 0);
	op.get.id = id;
	op.get.record = out;
	memset(out, 0, sizeof(*out));
	return store_call(st, &op);
}

int store_ahead(struct store *st, const char *queue, const char *const *types, int priority, int64_t id, int64_t *n)
{
	struct store_op op;

	op_init(&op, VERB_AHEAD, 0);
	op.ahead.queue = queue;
	op.ahead.types = types;
	op.ahead.priority = priority;
	op.ahead.id = id;
	op.ahead.n = n;
	*n = 0;
	return store_call(st, &op);
}

int store_blockers(struct store *st, int64_t id, int64_t *ids, size_t *n)
{
	struct store_op op;

	op_init(&op, VERB_BLOCKERS, 0);
	op.blockers.id = id;
	op.blockers.ids = ids;
	op.blockers.n = n;
	op.blockers.max = *n;
	*n = 0;
	return store_call(st, &op);
}

static int compare_ids(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

bool job_reasons_in_hand(const struct job_reasons *reasons, int64_t id)
{
	return reasons->in_hand_n > 0 &&
	       bsearch(&id, reasons->in_hand, reasons->in_hand_n, sizeof(id), compare_ids) != NULL;
}

int store_list(struct store *st, const struct job_filter *filter, bool newest_first, int64_t after_id, size_t limit,
	       bool full, struct job_page *out)
{
	struct store_op op;

	op_init(&op, VERB_LIST, 0);
	op.list.filter = filter;
	op.list.newest_first = newest_first;
	op.list.after_id = after_id;
	op.list.limit = limit;
	op.list.full = full;
	op.list.page = out;
	memset(out, 0, sizeof(*out));
	return store_call(st, &op);
}

void job_page_free(struct job_page *page)
{
	for (size_t i = 0; i < page->n; i++)
		job_record_free(&page->v[i]);
	free(page->v);
	memset(page, 0, sizeof(*page));
}

int store_count(struct store *st, const struct job_filter *filter, int64_t by_state[JOB_STATES])
{
	struct store_op op;

	op_init(&op, VERB_COUNT, 0);
	op.list.filter = filter;
	op.list.by_state = by_state;
	memset(by_state, 0, sizeof(*by_state) * JOB_STATES);
	return store_call(st, &op);
}

int store_match(struct store *st, const struct job_filter *filter, unsigned states, bool newest_first,
		struct job_matches *out)
{
	struct store_op op;

	op_init(&op, VERB_MATCH, 0);
	op.list.filter = filter;
	op.list.newest_first = newest_first;
	op.list.wanted = states;
	op.list.matches = out;
	out->matched = 0;
	idlist_init(&out->ids);
	return store_call(st, &op);
}

void job_matches_free(struct job_matches *matches)
{
	idlist_free(&matches->ids);
}

static int store_change_many(struct store *st, enum store_verb verb, const struct job_many *many, wall_ms now, size_t *done)
{
	struct store_op op;

	op_init(&op, verb, now);
	op.many.many = many;
	op.many.done = done;
	*done = 0;
	return store_call(st, &op);
}

int store_cancel_many(struct store *st, const struct job_many *many, wall_ms now, size_t *done)
{
	return store_change_many(st, VERB_CANCEL_MANY, many, now, done);
}

int store_retry_many(struct store *st, const struct job_many *many, wall_ms now, size_t *done)
{
	return store_change_many(st, VERB_RETRY_MANY, many, now, done);
}

int store_delete_many(struct store *st, const struct job_many *many, wall_ms now, size_t *done)
{
	return store_change_many(st, VERB_DELETE_MANY, many, now, done);
}

/* ---- backup ---- */

int store_backup(struct store *st, struct backup *backup)
{
	struct store_op op;

	op_init(&op, VERB_BACKUP, 0);
	op.backup = backup;
	backup->bytes = 0;
	backup->why[0] = '\0';
	return store_call(st, &op);
}

void store_hurry(struct store *st)
{
	if (st->backend->hurry != NULL)
		st->backend->hurry(st);
}
