/*
 * sqlite_digest: what filters ask of all jobs, in memory: the state, lane and
 * flow of each, in digests of DIGEST_IDS consecutive ids, at five bytes a job.
 *
 * The writer keeps them as it commits; readers copy one at a time. What the
 * file has held since before it was opened is read in, the newest first, while
 * others go on (sqlite_digest_read.c): below `known` there is what has not been
 * read yet, or lies behind so many that there is no room for it. Of that the
 * file tells.
 *
 * A digest may be ahead of a reader's snapshot, or behind it by what is being
 * committed. Where that matters, `as_of` asks for one that is not.
 */
#ifndef JOBD_SQLITE_DIGEST_H
#define JOBD_SQLITE_DIGEST_H

#include <pthread.h>

#include "store/op.h"
#include "store/sqlite_db.h"

enum {
	DIGEST_IDS = 4096,
	DIGESTS_MAX = 2048,
	DIGEST_STATE = 0xf,		/* enum job_state; JOB_NONE: there is no such job */
	DIGEST_AGAIN = 0x10,		/* it has been started before */
	DIGEST_KINDS = 0x20,
	DIGEST_LANES = 512,		/* bits */
	DIGEST_KEEP_COST = 2048,	/* changes: for so many, a digest may be written to the file */
	DIGEST_LOOK_COST = 512,		/* and for so many one is looked for */
	DIGESTS_LOOSE = 2		/* and so many wait at least */
};

static inline int64_t digest_of(int64_t id)
{
	return id / DIGEST_IDS;
}

static inline unsigned digest_what(enum job_state state, int attempt)
{
	return (unsigned)state | (attempt > 0 ? DIGEST_AGAIN : 0);
}

/* Of the ids from number * DIGEST_IDS on. */
struct digest {
	int64_t number;
	uint64_t touched;		/* by that transaction, or one that failed, last */
	bool kept;			/* there is a row of it, see sqlite_digest_keep.h */
	uint64_t lanes[DIGEST_LANES / 64];	/* those that it may have, modulo DIGEST_LANES */
	unsigned jobs, n[DIGEST_KINDS];	/* of each `what` */
	uint8_t what[DIGEST_IDS];
	uint32_t lane[DIGEST_IDS];	/* lanes stay in memory: no more of them fit there than in this */
	int64_t *flow;			/* NULL: there is none in it */
};

/* A copy: its flows lie in it. */
struct digest_copy {
	int64_t number;
	bool kept;			/* it was read from its row */
	uint8_t what[DIGEST_IDS];
	uint32_t lane[DIGEST_IDS];
	bool flows;			/* `flow` is filled in */
	int64_t flow[DIGEST_IDS];
};

struct digest_change {
	int64_t id, lane, flow;
	unsigned what;
};

struct sqlite_digests {
	pthread_mutex_t mutex;
	struct digest *v[DIGESTS_MAX];	/* by number; those without jobs are not there */
	size_t n;
	int64_t known;			/* this number and all above are as in `v` */
	uint64_t begun, ended;		/* transactions */
	uint64_t emptied;		/* the last one after which a digest was not there any more */
	struct digest_change *missed;	/* while some are read in: what has changed below `known` */
	size_t missed_n, missed_cap;
	bool reading, missed_some;
	unsigned credit;		/* changes that no digest was written for yet */
	int64_t keeping;		/* the one that this transaction writes; below 0: none */
	struct digest_copy spare;	/* it */
};

void sqlite_digests_init(struct sqlite_digests *d);
void sqlite_digests_free(struct sqlite_digests *d);

/* The writer's: the changes of these ops are about to be committed; have been, or have not. */
void sqlite_digests_touch(struct sqlite_digests *d, const struct op_list *ops);
void sqlite_digests_apply(struct sqlite_digests *d, const struct op_list *ops);
void sqlite_digests_drop(struct sqlite_digests *d);

/* In between: may there be a row of it that is to go? */
bool sqlite_digests_may_be_kept(struct sqlite_digests *d, int64_t number);
/* One that is to be written, if it is time: until the next call. sqlite_digests_keep: it was. */
const struct digest_copy *sqlite_digests_spare(struct sqlite_digests *d);
void sqlite_digests_keep(struct sqlite_digests *d);
/* At the end: one that has not been, each once. */
const struct digest_copy *sqlite_digests_left(struct sqlite_digests *d);

/*
 * What the file has: from now on what becomes of it is noted; false if there is
 * nothing below *below, or no room for it. Then, from a snapshot begun
 * since, the next digest below *below that has jobs, or NULL: there is none.
 * False if it cannot be taken.
 */
bool sqlite_digests_expect(struct sqlite_digests *d, int64_t *below);
bool sqlite_digests_put(struct sqlite_digests *d, int64_t below, const struct digest_copy *from);

/* The last transaction that a snapshot which is begun now is sure to hold. */
uint64_t sqlite_digests_ended(struct sqlite_digests *d);

/* What is looked for: what a digest without any of it need not be copied for. */
struct digest_want {
	uint32_t whats;			/* bits 1 << what */
	bool any_lane;
	uint64_t lanes[DIGEST_LANES / 64];
	bool flows;			/* are asked for */
};

enum digest_found { DIGEST_COPIED, DIGEST_NONE, DIGEST_UNKNOWN };

/*
 * The next digest that may have any of it, from *number on, upwards or down.
 * DIGEST_NONE: there is none. DIGEST_UNKNOWN: the file is to be asked, for
 * *number and, downwards, all below it; or as the digest of *number is not as
 * of `as_of`; UINT64_MAX: it need not be.
 */
enum digest_found sqlite_digests_next(struct sqlite_digests *d, const struct digest_want *want, bool down, uint64_t as_of,
				      int64_t *number, struct digest_copy *out);

#endif
