#include "base/heap.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void heap_init(struct heap *h)
{
	memset(h, 0, sizeof(*h));
}

void heap_free(struct heap *h)
{
	free(h->v);
	heap_init(h);
}

static void heap_set(struct heap *h, size_t at, struct heap_node *node)
{
	h->v[at] = node;
	node->place = at + 1;
}

static bool heap_before(const struct heap_node *a, const struct heap_node *b)
{
	return a->key != b->key ? a->key < b->key : a->tie < b->tie;
}

static void heap_rise(struct heap *h, size_t at, struct heap_node *node)
{
	while (at > 0 && heap_before(node, h->v[(at - 1) / 2])) {
		heap_set(h, at, h->v[(at - 1) / 2]);
		at = (at - 1) / 2;
	}
	heap_set(h, at, node);
}

static void heap_sink(struct heap *h, size_t at, struct heap_node *node)
{
	for (size_t child; (child = 2 * at + 1) < h->n; at = child) {
		if (child + 1 < h->n && heap_before(h->v[child + 1], h->v[child]))
			child++;
		if (!heap_before(h->v[child], node))
			break;
		heap_set(h, at, h->v[child]);
	}
	heap_set(h, at, node);
}

int heap_reserve(struct heap *h, size_t n)
{
	size_t cap = h->cap ? h->cap : 16;
	struct heap_node **v;

	if (n <= h->cap)
		return 0;
	while (cap < n)
		cap *= 2;
	v = realloc(h->v, cap * sizeof(struct heap_node *));
	if (v == NULL)
		return -ENOMEM;
	h->v = v;
	h->cap = cap;
	return 0;
}

int heap_add(struct heap *h, struct heap_node *node, uint64_t key)
{
	if (heap_reserve(h, h->n + 1) < 0)
		return -ENOMEM;
	node->key = key;
	heap_rise(h, h->n++, node);
	return 0;
}

void heap_move(struct heap *h, struct heap_node *node, uint64_t key)
{
	size_t at = node->place - 1;

	node->key = key;
	heap_rise(h, at, node);
	if (node->place - 1 == at)
		heap_sink(h, at, node);
}

void heap_remove(struct heap *h, struct heap_node *node)
{
	size_t at = node->place - 1;
	struct heap_node *last;

	if (!heap_holds(node))
		return;
	last = h->v[--h->n];
	node->place = 0;
	if (last == node)
		return;
	if (heap_before(last, node))
		heap_rise(h, at, last);
	else
		heap_sink(h, at, last);
}
