/* The memory back end's queues: what is set of them, and how many jobs they have. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "store/memory.h"

static struct memory_queue *queue_find(struct memory_store *m, const char *name)
{
	for (size_t i = 0; i < m->queues_n; i++)
		if (strcmp(m->queues[i].name, name) == 0)
			return &m->queues[i];
	return NULL;
}

static struct memory_queue *queue_make(struct memory_store *m, const char *name)
{
	struct memory_queue *q = queue_find(m, name);

	if (q != NULL)
		return q;
	m->queues = memory_grow(m->queues, m->queues_n, sizeof(m->queues[0]));
	q = &m->queues[m->queues_n++];
	memset(q, 0, sizeof(*q));
	snprintf(q->name, sizeof(q->name), "%s", name);
	return q;
}

int memory_queue_set(struct memory_store *m, struct store_op *op)
{
	struct memory_queue *q = queue_find(m, op->queue.row.name);

	rules_queue_set(&op->queue.row, op->queue.members, q != NULL ? &q->row : NULL);
	queue_make(m, op->queue.row.name)->row = op->queue.row;
	return 0;
}

int64_t memory_queue_waiting(const struct memory_store *m, const char *queue)
{
	int64_t n = 0;

	for (size_t i = 0; i < m->n; i++)
		n += job_state_waiting(m->jobs[i]->k.row.state) && strcmp(m->jobs[i]->spec->queue, queue) == 0;
	return n;
}

int memory_queue_slots(const struct memory_store *m, const struct claim *c, const struct job_spec *spec)
{
	int64_t in_queue = 0, of_key = 0;

	for (size_t i = 0; i < m->n; i++) {
		const struct job_spec *other = m->jobs[i]->spec;

		if (m->jobs[i]->k.row.state != JOB_RUNNING)
			continue;
		in_queue += strcmp(other->queue, spec->queue) == 0;
		of_key += spec->concurrency_key != NULL && other->concurrency_key != NULL &&
			  strcmp(other->concurrency_key, spec->concurrency_key) == 0;
	}
	return rules_slots(c, spec->queue, in_queue, of_key, spec->concurrency_key != NULL ? spec->concurrency_limit : 0);
}

int memory_queue_token(struct memory_store *m, const struct claim *c, const char *queue)
{
	if (c->rate.per_second <= 0)
		return 0;
	return bucket_take(&queue_make(m, queue)->bucket, &c->rate, c->token_at) ? 0 : -EAGAIN;
}
