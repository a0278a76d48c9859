#include "store/sqlite_row.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "proto/jtext.h"
#include "store/rules_graph.h"

static void row_text(char *to, size_t size, const char *from)
{
	size_t len = from != NULL ? strnlen(from, size - 1) : 0;

	if (len > 0)
		memcpy(to, from, len);
	to[len] = '\0';
}

/* NULL where a text says nothing. */
static const char *row_text_or_null(const char *text)
{
	return text[0] != '\0' ? text : NULL;
}

/* ---- job ---- */

static void row_columns(struct sqlite_row *row, struct sqlite_query *q)
{
	struct job_kept *k = &row->k;

	k->row.id = sqlite_int(q, 0);
	k->row.state = (enum job_state)sqlite_int(q, 2);
	k->row.priority = (int)sqlite_int(q, 3);
	k->row.attempt = (int)sqlite_int(q, 4);
	k->row.excused = (int)sqlite_int(q, 5);
	k->row.interruptions = (int)sqlite_int(q, 6);
	k->outcome = (int)sqlite_int(q, 7);
	row->said = sqlite_int(q, 8) != 0;
	k->interrupted_fail = sqlite_int(q, 9) != 0;
	k->retain = sqlite_int(q, 10);
	k->row.submitted_at = sqlite_int(q, 11);
	k->row.run_at = sqlite_int(q, 12);
	k->row.expires_at = sqlite_int(q, 13);
	k->row.started_at = sqlite_int(q, 14);
	k->row.finished_at = sqlite_int(q, 15);
	k->row.cancel_requested_at = sqlite_int(q, 16);
	k->final_at = sqlite_int(q, 17);
	k->row.spec = NULL;
	row_text(k->where, sizeof(k->where), sqlite_text(q, 18));
	row_text(row->unique_key, sizeof(row->unique_key), sqlite_text(q, 19));
	k->row.pending = (int)sqlite_int(q, 20);
	k->dependents = (int)sqlite_int(q, 21);
	k->graph = (unsigned)sqlite_int(q, 22);
	row->flow = sqlite_int(q, 23);
}

bool sqlite_row_read(struct sqlite_row *row, struct sqlite_query *q, struct sqlite_lanes *lanes)
{
	row_columns(row, q);
	if (row->k.row.state <= JOB_NONE || row->k.row.state >= JOB_STATES) {
		sqlite_db_fail(q->db, -EUCLEAN, "a job in no state");
		return false;
	}
	row->lane = sqlite_lane_at(lanes, q->db, sqlite_int(q, 1));
	return row->lane != NULL && q->db->failed == 0;
}

int sqlite_row_load(struct sqlite_row *row, struct sqlite_db *db, struct sqlite_lanes *lanes, int64_t id)
{
	struct sqlite_query q = sqlite_query(db, SQL_JOB_GET);

	sqlite_bind_int(&q, id);
	if (!sqlite_next(&q))
		return db->failed != 0 ? db->failed : -ENOENT;
	sqlite_row_read(row, &q, lanes);
	sqlite_end(&q);
	return db->failed;
}

int sqlite_row_insert(struct sqlite_db *db, const struct sqlite_row *row)
{
	const struct job_kept *k = &row->k;
	struct sqlite_query q = sqlite_query(db, SQL_JOB_INSERT);

	sqlite_bind_int(&q, k->row.id);
	sqlite_bind_int(&q, row->lane->id);
	sqlite_bind_int(&q, k->row.state);
	sqlite_bind_int(&q, k->row.priority);
	sqlite_bind_int(&q, k->interrupted_fail);
	sqlite_bind_int(&q, k->retain);
	sqlite_bind_int(&q, k->row.submitted_at);
	sqlite_bind_int(&q, k->row.run_at);
	sqlite_bind_int(&q, k->row.expires_at);
	sqlite_bind_text(&q, row_text_or_null(row->unique_key));
	sqlite_bind_int(&q, k->final_at);
	sqlite_bind_int(&q, k->row.pending);
	sqlite_bind_int(&q, k->graph);
	sqlite_bind_int(&q, row->flow);
	return sqlite_run(&q);
}

int sqlite_row_update(struct sqlite_db *db, const struct sqlite_row *row)
{
	const struct job_kept *k = &row->k;
	struct sqlite_query q = sqlite_query(db, SQL_JOB_SAVE);

	sqlite_bind_int(&q, k->row.id);
	sqlite_bind_int(&q, k->row.state);
	sqlite_bind_int(&q, k->row.attempt);
	sqlite_bind_int(&q, k->row.excused);
	sqlite_bind_int(&q, k->row.interruptions);
	sqlite_bind_int(&q, k->outcome);
	sqlite_bind_int(&q, row->said);
	sqlite_bind_int(&q, k->row.run_at);
	sqlite_bind_int(&q, k->row.expires_at);
	sqlite_bind_int(&q, k->row.started_at);
	sqlite_bind_int(&q, k->row.finished_at);
	sqlite_bind_int(&q, k->row.cancel_requested_at);
	sqlite_bind_int(&q, k->final_at);
	sqlite_bind_text(&q, row_text_or_null(k->where));
	sqlite_bind_int(&q, k->row.pending);
	sqlite_bind_int(&q, k->dependents);
	sqlite_bind_int(&q, k->graph);
	sqlite_bind_int(&q, row->flow);
	return sqlite_run(&q);
}

/* ---- spec ---- */

int sqlite_row_insert_spec(struct sqlite_db *db, int64_t id, const struct job_spec *spec)
{
	struct sqlite_query q = sqlite_query(db, SQL_SPEC_INSERT);

	sqlite_bind_int(&q, id);
	sqlite_bind_int(&q, spec->timeout);
	sqlite_bind_int(&q, spec->retry.max_attempts);
	sqlite_bind_int(&q, spec->retry.backoff);
	sqlite_bind_int(&q, spec->retry.base);
	sqlite_bind_int(&q, spec->retry.cap);
	sqlite_bind_real(&q, spec->retry.jitter);
	sqlite_bind_text(&q, spec->tags);
	sqlite_bind_text(&q, spec->meta);
	sqlite_bind_textn(&q, spec->args, spec->args_len);
	sqlite_bind_text(&q, spec->schedule);
	sqlite_bind_int(&q, spec->scheduled_for);
	sqlite_bind_text(&q, spec->group);
	sqlite_bind_text(&q, spec->concurrency_key);
	sqlite_bind_int(&q, spec->concurrency_limit);
	return sqlite_run(&q);
}

static struct job_spec *row_spec_columns(const struct sqlite_row *row, struct sqlite_query *q, const char *after)
{
	struct job_spec from = { .type = row->lane->type, .queue = row->lane->queue };
	struct job_spec *spec;

	from.timeout = sqlite_int(q, 0);
	from.retry.max_attempts = (int)sqlite_int(q, 1);
	from.retry.backoff = (enum backoff)sqlite_int(q, 2);
	from.retry.base = sqlite_int(q, 3);
	from.retry.cap = sqlite_int(q, 4);
	from.retry.jitter = sqlite_real(q, 5);
	from.tags = sqlite_text(q, 6);
	from.meta = sqlite_text(q, 7);
	from.args = sqlite_text(q, 8);
	from.schedule = sqlite_text(q, 9);
	from.scheduled_for = sqlite_int(q, 10);
	from.group = sqlite_text(q, 11);
	from.concurrency_key = sqlite_text(q, 12);
	from.concurrency_limit = sqlite_int(q, 13);
	from.unique_key = row_text_or_null(row->unique_key);
	from.after = after;
	from.retain = row->k.retain;
	from.interrupted_fail = row->k.interrupted_fail;
	spec = job_spec_new(&from);
	if (spec == NULL)
		sqlite_db_fail(q->db, -ENOMEM, "out of memory");
	return spec;
}

char *sqlite_row_after(const struct sqlite_row *row, struct sqlite_db *db)
{
	struct sqlite_query q;
	char *after = NULL;

	if (!(row->k.graph & GRAPH_AFTER))
		return NULL;
	q = sqlite_query(db, SQL_WAITS_GET);
	sqlite_bind_int(&q, row->k.row.id);
	if (sqlite_next(&q)) {
		after = sqlite_text_copy(&q, 0);
		sqlite_end(&q);
	} else {
		sqlite_db_fail(db, -EUCLEAN, "a job without what it waits for");
	}
	return after;
}

struct job_spec *sqlite_row_spec(const struct sqlite_row *row, struct sqlite_db *db, bool brief)
{
	char *after = sqlite_row_after(row, db);
	struct sqlite_query q = sqlite_query(db, brief ? SQL_SPEC_BRIEF : SQL_SPEC_GET);
	struct job_spec *spec = NULL;

	sqlite_bind_int(&q, row->k.row.id);
	if (sqlite_next(&q)) {
		spec = row_spec_columns(row, &q, after);
		sqlite_end(&q);
	} else {
		sqlite_db_fail(db, -EUCLEAN, "a job without its spec");
	}
	free(after);
	return spec;
}

/* ---- tags ---- */

static void row_tag(struct sqlite_db *db, enum sqlite_sql sql, int64_t id, const char *name, const char *value)
{
	struct sqlite_query q = sqlite_query(db, sql);

	sqlite_bind_text(&q, name);
	sqlite_bind_text(&q, value);
	sqlite_bind_int(&q, id / TAG_BLOCK_IDS);
	if (sql != SQL_TAG_DELETE)
		sqlite_bind_int(&q, (int64_t)(1ull << id % TAG_BLOCK_IDS));
	sqlite_run(&q);
}

int sqlite_row_tags(struct sqlite_db *db, bool has, int64_t id, const char *tags)
{
	const char *name;
	json_t *object, *value;

	if (tags == NULL)
		return db->failed;
	object = jtext_load(tags, strlen(tags));
	if (object == NULL)
		return sqlite_db_fail(db, -ENOMEM, "the tags could not be read");
	json_object_foreach(object, name, value) {
		row_tag(db, has ? SQL_TAG_PUT : SQL_TAG_DROP, id, name, json_string_value(value));
		if (!has)
			row_tag(db, SQL_TAG_DELETE, id, name, json_string_value(value));
	}
	json_decref(object);
	return db->failed;
}
