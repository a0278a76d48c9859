/* The memory back end's verbs that change nothing: walks along the array. */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/names.h"
#include "proto/jtext.h"
#include "store/memory.h"

/* ---- the working set ---- */

static int memory_ready_order(const void *a, const void *b)
{
	const struct job_row *left = a, *right = b;

	if (left->priority != right->priority)
		return right->priority - left->priority;
	return (left->id > right->id) - (left->id < right->id);
}

static bool memory_ready_behind(const struct job_row *row, const struct store_op *op)
{
	if (op->page.after_id == 0)
		return true;
	return row->priority < op->page.after_priority ||
	       (row->priority == op->page.after_priority && row->id > op->page.after_id);
}

static int64_t memory_flow_id(struct memory_store *m, const struct memory_job *j)
{
	struct flow_row flow;

	return memory_flow_of(m, j->spec, &flow) ? flow.id : 0;
}

int memory_ready_page(struct memory_store *m, struct store_op *op)
{
	size_t n = 0;

	op->page.rows = memory_alloc(m->n, sizeof(op->page.rows[0]));
	for (size_t i = 0; i < m->n; i++) {
		const struct memory_job *j = m->jobs[i];

		if (j->k.row.state == JOB_READY && memory_flow_id(m, j) == op->page.flow && memory_ready_behind(&j->k.row, op) &&
		    strcmp(j->spec->queue, op->page.queue) == 0 && strcmp(j->spec->type, op->page.type) == 0) {
			op->page.rows[n] = j->k.row;
			op->page.rows[n++].spec = j->spec;
		}
	}
	qsort(op->page.rows, n, sizeof(op->page.rows[0]), memory_ready_order);
	op->page.n = n < op->page.max ? n : op->page.max;
	for (size_t i = 0; i < op->page.n; i++)
		job_spec_ref(op->page.rows[i].spec);
	return 0;
}

/* ---- get ---- */

static struct job_spec *memory_brief_spec(const struct job_spec *spec)
{
	struct job_spec brief = *spec;
	struct job_spec *copy;

	brief.args = brief.meta = NULL;
	copy = job_spec_new(&brief);
	if (copy == NULL)
		memory_no_memory();
	return copy;
}

static void memory_record(const struct memory_job *j, bool full, struct job_record *out)
{
	out->row = j->k.row;
	out->row.spec = full ? job_spec_ref(j->spec) : memory_brief_spec(j->spec);
	out->result = full ? memory_copy(j->result) : NULL;
	out->reason = memory_copy(j->reason);
	out->message = memory_copy(j->message);
	out->progress = memory_copy(j->progress);
	memcpy(out->output_bytes, j->output_bytes, sizeof(out->output_bytes));
}

static void memory_history(const struct memory_job *j, struct job_record *out)
{
	out->history = memory_alloc(j->history_len + 1, sizeof(out->history[0]));
	for (size_t i = 0; i < j->history_len; i++) {
		const struct attempt_row *at = &j->history[i];
		struct attempt_row *to = &out->history[out->history_len++];

		*to = *at;
		to->reason = memory_copy(at->reason);
		to->message = memory_copy(at->message);
		to->where = memory_copy(at->where);
	}
	if (rules_latest(&j->k))
		out->history[out->history_len++] = memory_latest(j, &j->k);
}

int memory_get(struct memory_store *m, struct store_op *op)
{
	const struct memory_job *j = memory_find(m, op->get.id);

	if (j == NULL)
		return -ENOENT;
	memory_record(j, true, op->get.record);
	memory_history(j, op->get.record);
	return 0;
}

/* ---- list, count ---- */

/* Is "name": "value" among the job's tags? */
static bool memory_tagged(const struct memory_job *j, const char *name, const char *value)
{
	json_t *tags = j->spec->tags != NULL ? jtext_load(j->spec->tags, strlen(j->spec->tags)) : NULL;
	const char *has = json_string_value(json_object_get(tags, name));
	bool tagged = has != NULL && strcmp(has, value) == 0;

	json_decref(tags);
	return tagged;
}

static bool memory_ready_passes(const struct memory_job *j, const struct job_reasons *r)
{
	const char *key = r->keys != NULL ? j->spec->concurrency_key : NULL;

	return r->ready(r->arg, j->spec->queue, j->spec->type, key, key != NULL ? j->spec->concurrency_limit : 0);
}

static bool memory_reason_passes(const struct memory_job *j, const struct job_reasons *r)
{
	if (j->k.row.state == JOB_SCHEDULED)
		return j->k.row.attempt > 0 ? r->again : r->first;
	if (j->k.row.state != JOB_READY)
		return true;
	return job_reasons_in_hand(r, j->k.row.id) ? r->taken : memory_ready_passes(j, r);
}

static bool memory_passes(const struct memory_job *j, const struct job_filter *f)
{
	if (f->states != 0 && (f->states & 1u << j->k.row.state) == 0)
		return false;
	if (!names_pass(f->queues, j->spec->queue) || !names_pass(f->types, j->spec->type))
		return false;
	for (size_t i = 0; f->tag_names != NULL && f->tag_names[i] != NULL; i++)
		if (!memory_tagged(j, f->tag_names[i], f->tag_values[i]))
			return false;
	return f->reasons == NULL || memory_reason_passes(j, f->reasons);
}

/* Does the job come behind the page before? */
static bool memory_listed_after(const struct memory_job *j, const struct store_op *op)
{
	if (op->list.after_id == 0)
		return true;
	return op->list.newest_first ? j->k.row.id < op->list.after_id : j->k.row.id > op->list.after_id;
}

int memory_list(struct memory_store *m, struct store_op *op)
{
	struct job_page *page = op->list.page;

	page->v = memory_alloc(op->list.limit, sizeof(page->v[0]));
	for (size_t i = 0; i < m->n && !page->more; i++) {
		const struct memory_job *j = m->jobs[op->list.newest_first ? m->n - 1 - i : i];

		if (!memory_listed_after(j, op) || !memory_passes(j, op->list.filter))
			continue;
		if (page->n == op->list.limit || op->list.bytes > STORE_PAGE_BYTES) {
			page->more = true;
		} else {
			memory_record(j, op->list.full, &page->v[page->n]);
			op->list.bytes += job_record_bytes(&page->v[page->n++]);
		}
	}
	return 0;
}

int memory_ahead(struct memory_store *m, struct store_op *op)
{
	for (size_t i = 0; i < m->n; i++) {
		const struct memory_job *j = m->jobs[i];
		const struct job_row *row = &j->k.row;

		if (row->state == JOB_READY && strcmp(j->spec->queue, op->ahead.queue) == 0 &&
		    names_pass(op->ahead.types, j->spec->type) &&
		    (row->priority > op->ahead.priority || (row->priority == op->ahead.priority && row->id < op->ahead.id)))
			++*op->ahead.n;
	}
	return 0;
}

int memory_count(struct memory_store *m, struct store_op *op)
{
	for (size_t i = 0; i < m->n; i++)
		if (memory_passes(m->jobs[i], op->list.filter))
			op->list.by_state[m->jobs[i]->k.row.state]++;
	return 0;
}

int memory_match(struct memory_store *m, struct store_op *op)
{
	struct job_matches *out = op->list.matches;

	for (size_t i = 0; i < m->n; i++) {
		const struct memory_job *j = m->jobs[op->list.newest_first ? m->n - 1 - i : i];

		if (!memory_passes(j, op->list.filter))
			continue;
		out->matched++;
		if ((op->list.wanted & 1u << j->k.row.state) != 0 && idlist_put(&out->ids, j->k.row.id) != 0)
			return -ENOMEM;
	}
	return 0;
}

/* ---- output ---- */

int memory_output_read(struct memory_store *m, struct store_op *op)
{
	const struct memory_job *j = memory_find(m, op->output.id);
	struct output_page *page = op->output.page;
	struct memory_output *out;

	if (j == NULL || op->output.attempt < 1 || op->output.attempt > j->k.row.attempt + 1)
		return -ENOENT;
	out = memory_output(j, op->output.attempt, op->output.stream);
	page->stored = out != NULL ? (int64_t)buf_len(&out->data) : 0;
	if (op->output.offset < page->stored) {
		page->len = (size_t)(page->stored - op->output.offset);
		if (page->len > op->output.len)
			page->len = op->output.len;
	}
	page->data = memory_alloc(page->len, 1);
	if (page->len > 0)
		memcpy(page->data, buf_data(&out->data) + op->output.offset, page->len);
	return 0;
}

/* ---- backup ---- */

int memory_backup(struct memory_store *m, struct store_op *op)
{
	(void)m;
	snprintf(op->backup->why, sizeof(op->backup->why), "the state is in memory only");
	return -EOPNOTSUPP;
}
