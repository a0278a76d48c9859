/*
 * sqlite_flow: the flows, interned: jobs of one lane that have a group or a
 * concurrency key, and these alike. And the keys: how many of their jobs run,
 * over all lanes; derived from the jobs' states, so that no crash can leak one.
 *
 * Counts are kept with the jobs, in the same transaction. A flow goes, from the
 * table and from memory, with the last of its jobs that is not final.
 */
#ifndef JOBD_SQLITE_FLOW_H
#define JOBD_SQLITE_FLOW_H

#include "base/map.h"
#include "store/sqlite_lane.h"

struct sqlite_key {
	int64_t running;		/* as it will be when the transaction is committed */
	size_t flows;			/* that have it */
	UT_hash_handle hh;
	char name[];
};

struct sqlite_flow {
	struct flow_row row;
	struct sqlite_lane *lane;
	struct sqlite_key *key;		/* or NULL */
	int64_t unfinished, ready;	/* jobs, as they will be when the transaction is committed */
	bool touched;			/* by this transaction */
	struct sqlite_flow *next_touched;
	UT_hash_handle hh_id, hh_names;
	unsigned names_size;
	char names[];			/* the lane's number, the limit, the texts */
};

struct sqlite_flows {
	struct sqlite_flow *by_id, *by_names;
	struct sqlite_key *keys;
	struct sqlite_flow *touched;
	int64_t last_id;
};

/* Reads them all, and who runs. 0 or -errno. */
int sqlite_flows_load(struct sqlite_flows *flows, struct sqlite_db *db, struct sqlite_lanes *lanes);
void sqlite_flows_free(struct sqlite_flows *flows);

/*
 * The flow of a job of this lane, made if new; *out is NULL where it has neither
 * group nor key. 0; -EUSERS: there are too many; or a failure, which sticks.
 */
int sqlite_flow_of(struct sqlite_flows *flows, struct sqlite_db *db, struct sqlite_lane *lane, const struct job_spec *spec,
		   struct sqlite_flow **out);
/* The flow of that number, NULL for 0, and after a failure, which sticks. */
struct sqlite_flow *sqlite_flow_at(struct sqlite_flows *flows, struct sqlite_db *db, int64_t id);

/* One job moves. Called with from and to swapped it undoes itself. */
void sqlite_flow_move(struct sqlite_flows *flows, struct sqlite_flow *flow, enum job_state from, enum job_state to);
/* Writes the counts that moved. 0 or -errno. */
int sqlite_flows_write(struct sqlite_flows *flows, struct sqlite_db *db);
/* The transaction is over: forgets those without jobs. */
void sqlite_flows_end(struct sqlite_flows *flows);

#endif
