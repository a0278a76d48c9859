/*
 * graph_ids: the jobs that a submission names, once their ids are known.
 *
 * Pure, for both back ends: ids in the order given, each once; as the text that
 * the record shows; and in the gaps of the args.
 */
#ifndef JOBD_GRAPH_IDS_H
#define JOBD_GRAPH_IDS_H

#include "store/store.h"

struct graph_ids {
	int64_t *v;
	size_t n;
};

/* Does the i-th name a submission behind it? */
bool graph_ids_late(const struct submission *v, size_t i);

/* What the i-th names; a submission's id stands for it. Freed by graph_ids_free. 0 or -ENOMEM. */
int graph_ids_of(struct graph_ids *ids, const struct submission *v, size_t i);
void graph_ids_free(struct graph_ids *ids);

/* As the text of an array, to be freed, and back. NULL or -ENOMEM when out of memory. */
char *graph_ids_text(const struct graph_ids *ids);
int graph_ids_read(struct graph_ids *ids, const char *text);

/* The i-th's args with their gaps filled in, to be freed; NULL when out of memory. */
char *graph_ids_args(const struct submission *v, size_t i);

#endif
