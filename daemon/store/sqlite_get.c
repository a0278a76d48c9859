#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store/rules_graph.h"
#include "store/sqlite_reader.h"

static void get_result(struct sqlite_reader *r, int64_t id, bool brief, struct job_record *out)
{
	struct sqlite_query q = sqlite_query(&r->db, brief ? SQL_RESULT_BRIEF : SQL_RESULT_GET);

	sqlite_bind_int(&q, id);
	if (!sqlite_next(&q))
		return;
	out->reason = sqlite_text_copy(&q, 0);
	out->message = sqlite_text_copy(&q, 1);
	out->progress = sqlite_text_copy(&q, 2);
	out->output_bytes[0] = sqlite_int(&q, 3);
	out->output_bytes[1] = sqlite_int(&q, 4);
	out->result = sqlite_text_copy(&q, 5);
	sqlite_end(&q);
}

bool sqlite_get_record(struct sqlite_reader *r, const struct sqlite_row *row, bool brief, struct job_record *out)
{
	out->row = row->k.row;
	out->row.spec = sqlite_row_spec(row, &r->db, brief);
	if (row->said)
		get_result(r, row->k.row.id, brief, out);
	return r->db.failed == 0;
}

static void get_ended(struct sqlite_query *q, struct attempt_row *at)
{
	at->number = (int)sqlite_int(q, 0);
	at->started_at = sqlite_int(q, 1);
	at->finished_at = sqlite_int(q, 2);
	at->outcome = (enum outcome_kind)sqlite_int(q, 3);
	at->reason = sqlite_text_copy(q, 4);
	at->message = sqlite_text_copy(q, 5);
	at->where = sqlite_text_copy(q, 6);
	at->output_bytes[0] = sqlite_int(q, 7);
	at->output_bytes[1] = sqlite_int(q, 8);
}

static char *get_copy(struct sqlite_reader *r, const char *text)
{
	char *copy = text != NULL && text[0] != '\0' ? strdup(text) : NULL;

	if (copy == NULL && text != NULL && text[0] != '\0')
		sqlite_db_fail(&r->db, -ENOMEM, "out of memory");
	return copy;
}

/* The latest attempt's entry is the job's own row. */
static void get_latest(struct sqlite_reader *r, const struct sqlite_row *row, const struct job_record *record,
		       struct attempt_row *at)
{
	at->number = row->k.row.attempt;
	at->started_at = row->k.row.started_at;
	at->finished_at = row->k.row.finished_at;
	at->outcome = (enum outcome_kind)row->k.outcome;
	at->reason = get_copy(r, record->reason);
	at->message = get_copy(r, record->message);
	at->where = get_copy(r, row->k.where);
	memcpy(at->output_bytes, record->output_bytes, sizeof(at->output_bytes));
}

static void get_history(struct sqlite_reader *r, const struct sqlite_row *row, struct job_record *out)
{
	struct sqlite_query q = sqlite_query(&r->db, SQL_ATTEMPT_ALL);
	size_t room = RULES_HISTORY_MAX - (rules_latest(&row->k) ? 1 : 0);

	out->history = calloc(RULES_HISTORY_MAX, sizeof(out->history[0]));
	if (out->history == NULL) {
		sqlite_db_fail(&r->db, -ENOMEM, "out of memory");
		sqlite_end(&q);
		return;
	}
	sqlite_bind_int(&q, row->k.row.id);
	while (out->history_len < room && sqlite_next(&q))
		get_ended(&q, &out->history[out->history_len++]);
	sqlite_end(&q);
	if (rules_latest(&row->k))
		get_latest(r, row, out, &out->history[out->history_len++]);
}

int sqlite_get(struct sqlite_reader *r, struct store_op *op)
{
	struct sqlite_row row;
	int rc = sqlite_row_load(&row, &r->db, &r->lanes, op->get.id);

	if (rc != 0)
		return rc;
	sqlite_get_record(r, &row, false, op->get.record);
	if (row.k.row.attempt > 0)
		get_history(r, &row, op->get.record);
	if (r->db.failed != 0)
		job_record_free(op->get.record);
	return r->db.failed;
}

int sqlite_submit_dry(struct sqlite_reader *r, struct store_op *op)
{
	struct submission *s = op->submit.v;
	struct graph_start start = { 0 };
	char why[RULES_WHY_SIZE];
	struct effect e = { 0 };
	struct job_kept k;

	for (size_t i = 0; i < s->after_n; i++) {
		struct sqlite_row row;
		int rc = sqlite_row_load(&row, &r->db, &r->lanes, s->after[i]);

		s->missing = s->after[i];
		if (rc != 0)
			return rc;
		rules_graph_parent(&start, &row.k, s->after_run);
	}
	rules_submit(&k, s, &start, 0, op->now, &e, why);
	s->state = k.row.state;
	return 0;
}
