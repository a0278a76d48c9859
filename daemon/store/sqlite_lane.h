/*
 * sqlite_lane: the pairs of queue and type, interned: a small number in each
 * job's row, names that live until the store is closed (changes and records
 * borrow them), and how many jobs of each are in each state.
 *
 * The counts are kept with the jobs, in the same transaction: what a
 * transaction has touched is written once, at its end.
 */
#ifndef JOBD_SQLITE_LANE_H
#define JOBD_SQLITE_LANE_H


#include "base/map.h"
#include "proto/jobstate.h"
#include "store/sqlite_db.h"
#include "store/store.h"

struct sqlite_queue {			/* over its lanes, as it will be when the transaction is committed */
	int64_t waiting, running;	/* neither running nor final; running */
	UT_hash_handle hh;		/* by name */
	char name[];
};

struct sqlite_lane {
	int64_t id;
	struct sqlite_queue *in;
	const char *queue, *type;
	int64_t n[JOB_STATES];		/* as they will be when the transaction is committed */
	bool dirty;
	struct sqlite_lane *next_dirty;
	unsigned asked;			/* reader: the list for which `passes` was found out */
	bool passes;			/* its jobs may */
	bool ready;			/* its ready jobs do, but for those in hand and those with a key */
	UT_hash_handle hh_id, hh_names;
	unsigned names_size;
	char names[];
};

struct sqlite_lanes {
	struct sqlite_queue *queues;
	struct sqlite_lane *by_id, *by_names;
	struct sqlite_lane *last;	/* the one found last: most often the one looked for next */
	struct sqlite_lane *dirty;
	int64_t last_id;
	int64_t learned;		/* all up to that id are here: sqlite_lanes_learn */
	int64_t finals;			/* jobs in final states, over all lanes */
};

/* Reads them all. 0 or -errno. */
int sqlite_lanes_load(struct sqlite_lanes *lanes, struct sqlite_db *db);
void sqlite_lanes_free(struct sqlite_lanes *lanes);

/* Reads those that have come since it was last called. 0 or -errno. */
int sqlite_lanes_learn(struct sqlite_lanes *lanes, struct sqlite_db *db);

/* The lane of these names, made if new; NULL when out of memory. */
struct sqlite_lane *sqlite_lane_of(struct sqlite_lanes *lanes, const char *queue, const char *type);
/* The lane of that number: read from the database if it is new here. NULL after a failure, which sticks to db. */
struct sqlite_lane *sqlite_lane_at(struct sqlite_lanes *lanes, struct sqlite_db *db, int64_t id);

/* One job moves. Called with from and to swapped it undoes itself. */
void sqlite_lane_move(struct sqlite_lanes *lanes, struct sqlite_lane *lane, enum job_state from, enum job_state to);
/* Writes the counts that moved. 0 or -errno. */
int sqlite_lanes_write(struct sqlite_lanes *lanes, struct sqlite_db *db);

#endif
