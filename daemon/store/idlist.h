/*
 * idlist: ids of jobs in a row, packed: about a byte each where they lie close
 * together. So a verb may be about all the jobs there are, and the list of them
 * costs little.
 */
#ifndef JOBD_IDLIST_H
#define JOBD_IDLIST_H

#include <stdint.h>

#include "base/buf.h"

struct idlist {
	struct buf bytes;
	int64_t first, last;		/* what the first one left, and the next one put, is told as a step from */
	size_t n;
};

void idlist_init(struct idlist *l);
void idlist_free(struct idlist *l);

/* Behind the last; -ENOMEM, and from then on each time, or 0. */
int idlist_put(struct idlist *l, int64_t id);
/* Takes the first ones, at most max, out of the list; how many. */
size_t idlist_take(struct idlist *l, int64_t *ids, size_t max);

#endif
