/*
 * heap: a binary min-heap of things that know their own place in it, so that
 * any of them can be moved or removed in O(log n).
 */
#ifndef JOBD_HEAP_H
#define JOBD_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct heap_node {
	uint64_t key;
	uint64_t tie;		/* decides between equal keys; the owner's, 0 where it does not matter */
	size_t place;		/* index + 1; 0 = not in a heap */
};

struct heap {
	struct heap_node **v;
	size_t n, cap;
};

void heap_init(struct heap *h);
void heap_free(struct heap *h);		/* its array, not the nodes */

static inline bool heap_holds(const struct heap_node *node) { return node->place != 0; }
static inline struct heap_node *heap_top(const struct heap *h) { return h->n > 0 ? h->v[0] : NULL; }

/* Room for n nodes in all, so that adding up to that many cannot fail. 0 or -ENOMEM. */
int heap_reserve(struct heap *h, size_t n);
/* Adds a node not in a heap, with its key; 0 or -ENOMEM. */
int heap_add(struct heap *h, struct heap_node *node, uint64_t key);
/* Gives a node in the heap another key; its tie may have changed too. */
void heap_move(struct heap *h, struct heap_node *node, uint64_t key);
/* Removes a node; harmless if it is in none. */
void heap_remove(struct heap *h, struct heap_node *node);

#endif
