/*
 * sqlite_row: a job's rows in the database, in and out, as they are: no policy,
 * no memory of its own. Writer and reader both read by it.
 */
#ifndef JOBD_SQLITE_ROW_H
#define JOBD_SQLITE_ROW_H

#include "store/rules.h"
#include "store/sqlite_db.h"
#include "store/sqlite_lane.h"

enum { SQLITE_KEY_MAX = 255 };

struct sqlite_row {
	struct job_kept k;
	struct sqlite_lane *lane;
	bool said;			/* it has a row in result */
	int64_t flow;			/* its flow's number while it is not final; 0: it has none */
	char unique_key[SQLITE_KEY_MAX + 1];	/* "": none */
};

/* The row under a query's SQLITE_JOB_COLUMNS; the lane is looked up. False after a failure, which sticks. */
bool sqlite_row_read(struct sqlite_row *row, struct sqlite_query *q, struct sqlite_lanes *lanes);
/* By id: 0, -ENOENT, or the failure. */
int sqlite_row_load(struct sqlite_row *row, struct sqlite_db *db, struct sqlite_lanes *lanes, int64_t id);
int sqlite_row_insert(struct sqlite_db *db, const struct sqlite_row *row);
/* Writes what may change in a job's life. */
int sqlite_row_update(struct sqlite_db *db, const struct sqlite_row *row);

int sqlite_row_insert_spec(struct sqlite_db *db, int64_t id, const struct job_spec *spec);
/* Its spec, with one reference; brief: without args and meta. NULL after a failure, which sticks. */
struct job_spec *sqlite_row_spec(const struct sqlite_row *row, struct sqlite_db *db, bool brief);

/* What it was submitted to wait for, as JSON text to be freed; NULL: nothing, or after a failure, which sticks. */
char *sqlite_row_after(const struct sqlite_row *row, struct sqlite_db *db);

enum { TAG_BLOCK_IDS = 64 };

/* The job has these tags (JSON text, or NULL); or has them no more. */
int sqlite_row_tags(struct sqlite_db *db, bool has, int64_t id, const char *tags);

#endif
