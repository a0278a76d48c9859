#include "store/op.h"

#include <stdlib.h>
#include <string.h>

static const struct {
	bool reads, completes;
	rule_fn *rule;
} verbs[VERBS] = {
	[VERB_SETTLE] = { .completes = true },
	[VERB_CANCEL] = { .completes = true, .rule = rules_cancel },
	[VERB_HOLD] = { .rule = rules_hold },
	[VERB_RELEASE] = { .rule = rules_release },
	[VERB_RETRY] = { .rule = rules_retry },
	[VERB_DELETE] = { .completes = true, .rule = rules_delete },
	[VERB_CANCEL_MANY] = { .completes = true, .rule = rules_cancel },
	[VERB_RETRY_MANY] = { .rule = rules_retry },
	[VERB_DELETE_MANY] = { .completes = true, .rule = rules_delete },
	[VERB_EXPIRE] = { .completes = true },
	[VERB_PRUNE] = { .completes = true },
	[VERB_RECOVER] = { .completes = true },
	[VERB_RESOLVE] = { .completes = true },
	[VERB_READY_PAGE] = { .completes = true },
	[VERB_QUEUE_SET] = { .completes = true },
	[VERB_SUBMIT_DRY] = { .reads = true },
	[VERB_SCHEDULE_DELETE] = { .completes = true },
	[VERB_FILLINGS] = { .reads = true },
	[VERB_GET] = { .reads = true },
	[VERB_LIST] = { .reads = true },
	[VERB_AHEAD] = { .reads = true },
	[VERB_BLOCKERS] = { .reads = true },
	[VERB_COUNT] = { .reads = true },
	[VERB_MATCH] = { .reads = true },
	[VERB_OUTPUT_READ] = { .reads = true },
	[VERB_SCHEDULE_GET] = { .reads = true },
	[VERB_SCHEDULE_LIST] = { .reads = true },
	[VERB_BACKUP] = { .reads = true },
};

void op_init(struct store_op *op, enum store_verb verb, wall_ms now)
{
	memset(op, 0, sizeof(*op));
	op->verb = verb;
	op->now = now;
	STAILQ_INIT(&op->notes);
	latch_init(&op->latch);
}

bool op_reads(const struct store_op *op)
{
	return verbs[op->verb].reads;
}

bool op_completes(const struct store_op *op)
{
	return verbs[op->verb].completes;
}

static size_t text_weight(const char *text)
{
	return text != NULL ? strlen(text) : 0;
}

size_t op_weight(const struct store_op *op)
{
	size_t weight = 512;

	if (op->verb == VERB_SUBMIT || op->verb == VERB_SCHEDULE_FIRE)
		for (size_t i = 0; i < op->submit.n; i++)
			weight += 512 + op->submit.v[i].spec->bytes + 256 * op->submit.v[i].after_n;
	else if (op->verb == VERB_SETTLE)
		weight += text_weight(op->settle->result) + text_weight(op->settle->message);
	else if (op->verb == VERB_SCHEDULE_PUT)
		weight += text_weight(op->schedule->job);
	else if (op->verb == VERB_FILL)
		for (size_t i = 0; i < op->fill->n; i++)
			weight += 512 + text_weight(op->fill->v[i].args);
	else if (op->verb == VERB_OUTPUT_APPEND)
		weight += op->output.len;
	else if (op->verb == VERB_DUE || op->verb == VERB_EXPIRE || op->verb == VERB_PRUNE || op->verb == VERB_RECOVER ||
		 op->verb == VERB_RESOLVE)
		weight += 512 * op->time.max;
	else if (op->verb == VERB_CANCEL_MANY || op->verb == VERB_RETRY_MANY || op->verb == VERB_DELETE_MANY)
		weight += 512 * op->many.many->n;
	return weight;
}

static void op_reset_page(struct store_op *op)
{
	for (size_t i = 0; i < op->page.n; i++)
		job_spec_unref(&op->page.rows[i].spec);
	free(op->page.rows);
	op->page.rows = NULL;
	op->page.n = 0;
}

void op_reset(struct store_op *op)
{
	struct note *note;

	while ((note = STAILQ_FIRST(&op->notes)) != NULL) {
		STAILQ_REMOVE_HEAD(&op->notes, link);
		free(note);
	}
	op->unresolved = op->unfilled = false;
	if (op->verb == VERB_READY_PAGE)
		op_reset_page(op);
	else if (op->verb == VERB_CLAIM && op->claim.load != NULL)
		job_spec_unref(op->claim.load);
	else if (op->verb == VERB_PRUNE)
		*op->time.removed = 0;
}

static size_t text_size(const char *text)
{
	return text != NULL ? strlen(text) + 1 : 0;
}

/* Moves *text to *to, and *to behind it. */
static void text_copy(const char **text, char **to)
{
	size_t size = text_size(*text);

	if (size == 0)
		return;
	*text = memcpy(*to, *text, size);
	*to += size;
}

static void note_flow(struct note *note, const struct flow_row *flow, char **to)
{
	note->flow = *flow;
	text_copy(&note->flow.group, to);
	text_copy(&note->flow.key, to);
	note->change.flow = &note->flow;
}

struct note *op_note(struct store_op *op, enum job_state from, const struct job_kept *k, const char *queue,
		     const char *type, const struct flow_row *flow, const struct effect *e)
{
	size_t texts = (flow != NULL ? text_size(flow->group) + text_size(flow->key) : 0) + (e->copy ? text_size(e->message) : 0);
	struct note *note = calloc(1, sizeof(*note) + texts);
	char *to;

	if (note == NULL)
		return NULL;
	to = note->texts;
	if (flow != NULL)
		note_flow(note, flow, &to);
	note->row = k->row;
	note->change.at = op->now;
	note->change.from = from;
	note->change.to = k->row.state;
	note->change.row = &note->row;
	note->change.queue = queue;
	note->change.type = type;
	note->change.reason = e->reason;
	note->change.message = e->message;
	if (e->copy)
		text_copy(&note->change.message, &to);
	note->change.retain = k->retain;
	STAILQ_INSERT_TAIL(&op->notes, note, link);
	return note;
}

bool op_settles(const struct store_op *op, int64_t id)
{
	return op->verb == VERB_SETTLE && op->settle->id == id;
}

bool op_took_along(const struct store_op *op, const struct job_kept *k)
{
	return op->verb == VERB_CANCEL_MANY && k->row.state == JOB_CANCELLED && k->row.cancel_requested_at == 0;
}

rule_fn *op_ask_rule(const struct store_op *op)
{
	return verbs[op->verb].rule;
}
