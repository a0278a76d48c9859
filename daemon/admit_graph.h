/* admit_graph: the part of a submit that names other jobs. */
#ifndef JOBD_ADMIT_GRAPH_H
#define JOBD_ADMIT_GRAPH_H

#include "base/buf.h"
#include "proto/params.h"
#include "refs.h"
#include "store/store.h"

/* Reads "after", "after_failure" and, with refs, "ref". What *out holds of it is freed by admit_graph_free. */
void admit_graph_read(struct params *p, const struct refs *refs, struct submission *out);

/*
 * The args (an object, or NULL) with their literals as they are meant: a new
 * reference, an object, or NULL. If they hold results of jobs in out->after,
 * out->fill is set, and `text` and out->gaps are what is to be stored.
 */
json_t *admit_graph_args(struct params *p, json_t *args, const struct refs *refs, struct submission *out, struct buf *text);

void admit_graph_free(struct submission *s);

#endif
