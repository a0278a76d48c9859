/* The memory back end's queues: what is set of them, and how many jobs they have. */
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

int memory_queue_set(struct memory_store *m, struct store_op *op)
{
	struct memory_queue *q = queue_find(m, op->queue.row.name);

	rules_queue_set(&op->queue.row, op->queue.members, q != NULL ? &q->row : NULL);
	if (q == NULL) {
		m->queues = memory_grow(m->queues, m->queues_n, sizeof(m->queues[0]));
		q = &m->queues[m->queues_n++];
		snprintf(q->name, sizeof(q->name), "%s", op->queue.row.name);
	}
	q->row = op->queue.row;
	return 0;
}

int64_t memory_queue_waiting(const struct memory_store *m, const char *queue)
{
	int64_t n = 0;

	for (size_t i = 0; i < m->n; i++)
		n += job_state_waiting(m->jobs[i]->k.row.state) && strcmp(m->jobs[i]->spec->queue, queue) == 0;
	return n;
}
