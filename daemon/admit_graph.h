/* admit_graph: the part of a submit that names other jobs. */
#ifndef JOBD_ADMIT_GRAPH_H
#define JOBD_ADMIT_GRAPH_H

#include "proto/params.h"
#include "refs.h"
#include "store/store.h"

/* Reads "after", "after_failure" and, with refs, "ref". What *out holds of it is freed by admit_graph_free. */
void admit_graph_read(struct params *p, const struct refs *refs, struct submission *out);
void admit_graph_free(struct submission *s);

#endif
