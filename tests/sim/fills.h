/* fills: args that hold a part of another job's result, as asked for; and what must come of them. */
#ifndef JOBD_SIM_FILLS_H
#define JOBD_SIM_FILLS_H

#include <jansson.h>

#include "model.h"

/* Which part of the parent's result: one that fits, one that is not there, or one that is no number. */
enum fill_part { FILL_NOTHING, FILL_ID, FILL_ATTEMPT, FILL_MISSING, FILL_WHOLE, FILL_LITERAL };

/* Some job's args are to hold something, if it is to. */
void fills_choose(struct wish *w);
/* `args` for the request. */
void fills_put(const struct wish *w, json_t *job);

/* Are its args still to be filled in? Then it stays blocked. */
bool fills_waits(const struct wish *w);
/* Can they be, or must it fail for that? One that was cancelled as it ended may have a result, or none. */
bool fills_can(const struct wish *w);
bool fills_cannot(const struct wish *w);

/* The args that it runs with. */
void fills_judge(int64_t id, const json_t *args);

/* What must hold when nothing can run. */
void fills_at_rest(struct wish *w);

#endif
