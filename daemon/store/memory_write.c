/* The memory back end's verbs that change something: jobs, by the rules. */
#include "store/memory.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "store/rules_graph.h"

_Noreturn void memory_no_memory(void)
{
	log_fatal("memory store: out of memory");
}

void *memory_alloc(size_t n, size_t size)
{
	void *p = calloc(n > 0 ? n : 1, size);

	if (p == NULL)
		memory_no_memory();
	return p;
}

char *memory_copy(const char *text)
{
	return text != NULL ? strcpy(memory_alloc(strlen(text) + 1, 1), text) : NULL;
}

void memory_set(char **to, const char *text)
{
	free(*to);
	*to = memory_copy(text);
}

void *memory_grow(void *v, size_t n, size_t size)
{
	if ((n & (n - 1)) != 0)
		return v;
	v = realloc(v, (n > 0 ? 2 * n : 1) * size);
	if (v == NULL)
		memory_no_memory();
	return v;
}

/* ---- jobs ---- */

static void memory_attempt_free(struct attempt_row *at)
{
	free(at->reason);
	free(at->message);
	free(at->where);
}

void memory_job_free(struct memory_job *j)
{
	for (size_t i = 0; i < j->history_len; i++)
		memory_attempt_free(&j->history[i]);
	for (size_t i = 0; i < j->outputs_n; i++)
		buf_free(&j->outputs[i].data);
	free(j->outputs);
	free(j->reason);
	free(j->message);
	free(j->result);
	free(j->progress);
	job_spec_unref(&j->spec);
	free(j);
}

static size_t memory_index(const struct memory_store *m, int64_t id)
{
	size_t low = 0, high = m->n;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (m->jobs[middle]->k.row.id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct memory_job *memory_find(const struct memory_store *m, int64_t id)
{
	size_t i = memory_index(m, id);

	return i < m->n && m->jobs[i]->k.row.id == id ? m->jobs[i] : NULL;
}

struct note *memory_note(struct memory_store *m, struct store_op *op, enum job_state from, const struct memory_job *j,
			 const struct effect *e)
{
	bool over = (from == JOB_NONE || job_state_final(from)) && (j->k.row.state == JOB_NONE || job_state_final(j->k.row.state));
	struct flow_row flow;
	bool has = !over && memory_flow_of(m, j->spec, &flow);
	struct note *note = op_note(op, from, &j->k, j->spec->queue, j->spec->type, has ? &flow : NULL, e);

	if (note == NULL)
		memory_no_memory();
	note->change.seq = ++m->seq;
	if (from == JOB_NONE && !(j->k.graph & GRAPH_AFTER))
		note->row.spec = j->spec;
	return note;
}

struct attempt_row memory_latest(const struct memory_job *j, const struct job_kept *k)
{
	return (struct attempt_row){
		.number = k->row.attempt,
		.started_at = k->row.started_at,
		.finished_at = k->row.finished_at,
		.outcome = (enum outcome_kind)k->outcome,
		.reason = memory_copy(j->reason),
		.message = memory_copy(j->message),
		.where = memory_copy(k->where[0] != '\0' ? k->where : NULL),
		.output_bytes = { j->output_bytes[0], j->output_bytes[1] },
	};
}

static void memory_archive(struct memory_job *j, const struct job_kept *was)
{
	if (j->history_len == RULES_HISTORY_MAX - 1) {
		memory_attempt_free(&j->history[0]);
		memmove(&j->history[0], &j->history[1], --j->history_len * sizeof(j->history[0]));
	}
	j->history[j->history_len++] = memory_latest(j, was);
}

struct memory_output *memory_output(const struct memory_job *j, int attempt, int stream)
{
	for (size_t i = 0; i < j->outputs_n; i++)
		if (j->outputs[i].attempt == attempt && j->outputs[i].stream == stream)
			return &j->outputs[i];
	return NULL;
}

static int64_t memory_kept(const struct memory_job *j, int attempt, int stream)
{
	const struct memory_output *out = memory_output(j, attempt, stream);

	return out != NULL ? (int64_t)buf_len(&out->data) : 0;
}

/* All that an attempt's end says anew. */
static void memory_say(struct memory_job *j, const struct settlement *s, const struct effect *e)
{
	memory_set(&j->reason, e->reason);
	memory_set(&j->message, e->message);
	memory_set(&j->result, s->result);
	memory_set(&j->progress, s->progress);
	memcpy(j->output_bytes, s->output_bytes, sizeof(j->output_bytes));
}

void memory_save(struct memory_store *m, struct store_op *op, struct memory_job *j, const struct job_kept *was,
		 const struct effect *e)
{
	static const struct settlement nothing;

	if (e->archive)
		memory_archive(j, was);
	if (op_settles(op, j->k.row.id)) {
		memory_say(j, op->settle, e);
	} else if (e->forget) {
		memory_say(j, &nothing, e);
		for (int stream = 0; e->reason != NULL && stream < 2; stream++)
			j->output_bytes[stream] = memory_kept(j, j->k.row.attempt, stream);
	} else if (e->reason != NULL) {
		memory_set(&j->reason, e->reason);
		memory_set(&j->message, e->message);
	}
	memory_note(m, op, was->row.state, j, e);
	memory_touch(m, op, j);
}

int memory_apply(struct memory_store *m, struct store_op *op, struct memory_job *j, rule_fn *rule)
{
	struct job_kept was = j->k;
	struct effect e = { 0 };
	int rc = rule(&j->k, op->now, &e);

	if (rc != 0 || !e.changed)
		return rc;
	if (j->k.row.state == JOB_NONE)
		memory_remove_edges(m, op, j);
	memory_save(m, op, j, &was, &e);
	if (j->k.row.state == JOB_NONE) {
		size_t i = memory_index(m, j->k.row.id);

		memmove(&m->jobs[i], &m->jobs[i + 1], (--m->n - i) * sizeof(m->jobs[0]));
		j->next_dropped = m->dropped;
		m->dropped = j;
	}
	return 0;
}

/* ---- claim, settle, ask ---- */

int memory_claim(struct memory_store *m, struct store_op *op)
{
	struct memory_job *j = memory_find(m, op->claim.claim->id);
	struct job_kept was;
	struct effect e = { 0 };
	int rc;

	if (j == NULL)
		return -ENOENT;
	was = j->k;
	rc = memory_queue_slots(m, op->claim.claim, j->spec);
	if (rc == 0)
		rc = rules_claim(&j->k, op->claim.claim, &e);
	if (rc != 0)
		return rc;
	rc = memory_queue_token(m, op->claim.claim, j->spec->queue);
	if (rc != 0) {
		j->k = was;
		return rc;
	}
	if (op->claim.load != NULL)
		*op->claim.load = job_spec_ref(j->spec);
	memory_save(m, op, j, &was, &e);
	return 0;
}

int memory_settle(struct memory_store *m, struct store_op *op)
{
	struct memory_job *j = memory_find(m, op->settle->id);
	struct job_kept was;
	struct effect e = { 0 };
	int rc;

	if (j == NULL)
		return -ENOENT;
	was = j->k;
	rc = rules_settle(&j->k, op->settle, &e);
	if (rc == 0)
		memory_save(m, op, j, &was, &e);
	return rc;
}

static bool memory_key_taken(const struct memory_store *m, struct memory_job *j)
{
	struct submission s = { .spec = j->spec, .unique_scope = UNIQUE_ACTIVE };

	return j->spec->unique_key != NULL && job_state_final(j->k.row.state) && memory_holder(m, &s) != NULL;
}

static int memory_ask_change(struct memory_store *m, struct store_op *op, struct memory_job *j)
{
	rule_fn *rule = op_ask_rule(op);

	if (rule == rules_retry && memory_key_taken(m, j))
		return -EEXIST;
	if (rule == rules_retry && job_state_final(j->k.row.state) && (j->k.graph & GRAPH_AFTER))
		memory_graph_again(m, op, j);
	return memory_apply(m, op, j, rule);
}

int memory_ask(struct memory_store *m, struct store_op *op)
{
	struct memory_job *j = memory_find(m, op->ask.id);
	int rc;

	if (j == NULL)
		return -ENOENT;
	rc = memory_ask_change(m, op, j);
	*op->ask.state = j->k.row.state;
	return rc;
}

int memory_ask_many(struct memory_store *m, struct store_op *op)
{
	const struct job_many *many = op->many.many;

	for (size_t i = 0; i < many->n; i++) {
		struct memory_job *j = memory_find(m, many->ids[i]);

		if (j == NULL)
			continue;
		if ((many->states & 1u << j->k.row.state) != 0)
			*op->many.done += memory_ask_change(m, op, j) == 0;
		else
			*op->many.done += op_took_along(op, &j->k);
	}
	return 0;
}

static struct job_spec *memory_updated_spec(const struct job_spec *spec, const struct job_update *u)
{
	struct job_spec from = *spec;
	struct job_spec *updated;

	if (u->what & UPDATE_QUEUE)
		from.queue = u->queue;
	if (u->what & UPDATE_TAGS)
		from.tags = u->tags;
	updated = job_spec_new(&from);
	if (updated == NULL)
		memory_no_memory();
	return updated;
}

int memory_update(struct memory_store *m, struct store_op *op)
{
	const struct job_update *u = op->update.update;
	struct memory_job *j = memory_find(m, u->id);
	enum job_state was = j != NULL ? j->k.row.state : JOB_NONE;
	struct effect e = { 0 };
	struct job_kept k;
	struct flow_row from;
	struct note *note;
	int rc;

	if (j == NULL)
		return -ENOENT;
	*op->update.state = was;
	k = j->k;
	rc = rules_update(&k, u, op->now, &e);
	if (rc == 0 && (u->what & UPDATE_QUEUE) && strcmp(u->queue, j->spec->queue) != 0)
		rc = rules_update_room(u, memory_queue_waiting(m, u->queue));
	if (rc != 0)
		return rc;
	*op->update.state = k.row.state;
	j->k = k;
	m->dropped_spec = j->spec;
	j->spec = memory_updated_spec(j->spec, u);
	note = memory_note(m, op, was, j, &e);
	if (strcmp(m->dropped_spec->queue, j->spec->queue) != 0) {
		note->change.from_queue = m->dropped_spec->queue;
		note->change.from_flow = memory_flow_of(m, m->dropped_spec, &from) ? from.id : 0;
	}
	return 0;
}

/* ---- output ---- */

int memory_output_append(struct memory_store *m, struct store_op *op)
{
	struct memory_job *j = memory_find(m, op->output.id);
	struct memory_output *out;

	if (j == NULL)
		return -ENOENT;
	if (!rules_output(&j->k, op->output.attempt))
		return -EBUSY;
	out = memory_output(j, op->output.attempt, op->output.stream);
	if (out != NULL && op->output.offset == 0)
		buf_clear(&out->data);
	if (op->output.offset != memory_kept(j, op->output.attempt, op->output.stream))
		return -EINVAL;
	if (out == NULL) {
		j->outputs = memory_grow(j->outputs, j->outputs_n, sizeof(j->outputs[0]));
		out = &j->outputs[j->outputs_n++];
		out->attempt = op->output.attempt;
		out->stream = op->output.stream;
		buf_init(&out->data);
	}
	buf_put(&out->data, op->output.data, op->output.len);
	return buf_failed(&out->data) ? -ENOMEM : 0;
}
