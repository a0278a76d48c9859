/* graph: which jobs wait for which, as asked for; and what must follow from that. */
#ifndef JOBD_SIM_GRAPH_H
#define JOBD_SIM_GRAPH_H

#include <jansson.h>

#include "model.h"

/* Names another, which is there or comes with the same request (then by ref). */
void graph_name(struct wish *child, struct wish *parent);
/* `after` for the request. */
void graph_put(const struct wish *w, json_t *job);

/* A job was told of for the first time. */
void graph_enter(struct wish *w);
/* It became final. */
void graph_leave(const struct wish *w);

/* Does it name one that is not final? One that failed it, so that it is to be cancelled? NULL: none. */
bool graph_waits(const struct wish *w);
const struct wish *graph_blame(const struct wish *w);
/* Did one that it names, or it itself, come back after its end? Then it may have gone on before. */
bool graph_came_back(const struct wish *w);
/* How many that are not final name it. */
int graph_dependents(const struct wish *w);

/* What must hold when nothing can run. */
void graph_at_rest(const struct wish *w);

#endif
