/*
 * table: records as rows. On a terminal a table headed by the members' names
 * in capitals; in a pipe plain columns, set apart by tabs, without a head, a
 * "-" where there is nothing; with --json the records themselves.
 */
#ifndef JOBCTL_TABLE_H
#define JOBCTL_TABLE_H

#include <jansson.h>

struct ctl;
struct table;

/* columns: paths of members, NULL-ended, borrowed as long as the table is. NULL: out of memory, was said. */
struct table *table_new(const struct ctl *ctl, const char *const *columns);
/* On a terminal, makes each column at least so wide, for rows that are flushed one by one. */
void table_set_widths(struct table *t, const int *widths);
/* Adds (in a pipe: prints) a record, borrowed. */
void table_add(struct table *t, json_t *record);
/* Prints the rows added since; the next ones get no head again. */
void table_flush(struct table *t);
void table_free(struct table **t);	/* flushes */

/*
 * Two columns: the names and values of an object's members, save those left
 * out (NULL-ended, or NULL). In a pipe each name has `prefix` and a dot before
 * it, unless NULL.
 */
void table_members(const struct ctl *ctl, json_t *object, const char *prefix, const char *const *leave_out);

#endif
