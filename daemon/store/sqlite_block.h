/*
 * sqlite_block: in which blocks of consecutive ids a lane or a state may be
 * found: a block range index, for lists of what is rare among many.
 *
 * A row (key, number) says that a job of that lane (key > 0), or in that state
 * (key = -state), may be in that block; where there is no row, there is none.
 * So a plain job costs a look in memory, and one in BLOCK_IDS of its lane and
 * states a row. Rows that hold no longer go when their block has not been
 * touched for a while, at a bounded cost a change; until then they cost a list
 * a vain look.
 */
#ifndef JOBD_SQLITE_BLOCK_H
#define JOBD_SQLITE_BLOCK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "proto/jobstate.h"
#include "store/sqlite_db.h"

enum { BLOCK_IDS = 64 };

static inline int64_t block_of(int64_t id)
{
	return id / BLOCK_IDS;
}

struct sqlite_block;
TAILQ_HEAD(sqlite_block_list, sqlite_block);

struct sqlite_blocks {
	struct sqlite_block *by_number;
	struct sqlite_block *last;	/* touched last: most often the next one */
	struct sqlite_block_list used;	/* the longest untouched first */
	struct sqlite_block_list dirty;	/* with rows to be written */
	unsigned credit;		/* rows that may be looked at to find what holds no longer */
};

void sqlite_blocks_init(struct sqlite_blocks *b);
void sqlite_blocks_forget(struct sqlite_blocks *b);

/* A job of that lane came from one state to another. After a failure nothing, which sticks to db. */
void sqlite_blocks_note(struct sqlite_blocks *b, struct sqlite_db *db, int64_t id, int64_t lane, enum job_state from,
			enum job_state to);

/* Writes the rows that are new, and drops some that hold no longer, once the jobs are written. 0 or -errno. */
int sqlite_blocks_write(struct sqlite_blocks *b, struct sqlite_db *db);

#endif
