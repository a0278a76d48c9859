/* cell: a member of a record as a short text for a table. */
#ifndef JOBCTL_CELL_H
#define JOBCTL_CELL_H

#include <jansson.h>
#include <stdbool.h>

struct buf;

/* The member at a dotted path ("counts.ready"); NULL if there is none. Borrowed. */
json_t *cell_find(json_t *record, const char *path);

/*
 * Appends the value of a member of that name: texts as they are, errors as
 * "reason: message", other values as JSON; for people times are local and
 * bytes and spans rounded, else they are as on the wire. NULL: nothing.
 */
void cell_put(struct buf *out, const char *name, const json_t *value, bool people);

/* Is a member of that name a number, to be set to the right? */
bool cell_numeric(const char *name);

/* What a terminal is told before something in that state, to colour it; NULL: nothing. */
const char *cell_state_color(const char *state);
/* What a terminal is told before the value, to colour it; NULL: nothing. */
const char *cell_color(const char *name, const json_t *value);
#define CELL_COLOR_END "\033[0m"

#endif
