/*
 * sqlite_running: in which blocks of consecutive ids jobs may run, for those
 * that look after them when the file is opened again.
 *
 * Where there is no row, no job of the block runs. So a claim costs a look in
 * memory, and one in BLOCK_IDS, where ids follow each other, a row. Rows that
 * hold no longer go when their block has not been touched for a while, at a
 * bounded cost a change.
 */
#ifndef JOBD_SQLITE_RUNNING_H
#define JOBD_SQLITE_RUNNING_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "proto/jobstate.h"
#include "store/sqlite_db.h"

enum { BLOCK_IDS = 64 };

struct sqlite_block;
TAILQ_HEAD(sqlite_block_list, sqlite_block);

struct sqlite_running {
	struct sqlite_block *by_number;
	struct sqlite_block *last;	/* touched last: most often the next one */
	struct sqlite_block_list used;	/* the longest untouched first */
	struct sqlite_block_list dirty;	/* with a row to be written */
	unsigned credit;		/* jobs that may be looked at to find what holds no longer */
};

void sqlite_running_init(struct sqlite_running *b);
void sqlite_running_forget(struct sqlite_running *b);

/* A job came from one state to another. After a failure nothing, which sticks to db. */
void sqlite_running_note(struct sqlite_running *b, struct sqlite_db *db, int64_t id, enum job_state from, enum job_state to);

/* Writes the rows that are new, and drops some that hold no longer, once the jobs are written. 0 or -errno. */
int sqlite_running_write(struct sqlite_running *b, struct sqlite_db *db);

#endif
