/*
 * sqlite_job: the jobs that the writer works on, in memory between their rows.
 *
 * A verb gets a job, changes it by a rule and says so (sqlite_job_change). The
 * row is written when the transaction ends, or before a verb searches the
 * tables (sqlite_jobs_flush): a job claimed and settled in one transaction is
 * written once. Jobs touched lately stay, so that a job's settlement need not
 * read what its claim has written. Nobody else writes the tables.
 */
#ifndef JOBD_SQLITE_JOB_H
#define JOBD_SQLITE_JOB_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "base/map.h"
#include "store/sqlite_row.h"

struct sqlite_tx;
struct store_op;

struct sqlite_job {
	int64_t id;
	struct sqlite_row row;		/* as it is now */
	struct sqlite_flow *flow;	/* that of row.flow; NULL: none */
	struct job_kept written;	/* as the tables have it */
	bool dirty;
	TAILQ_ENTRY(sqlite_job) used;	/* in order of use */
	TAILQ_ENTRY(sqlite_job) unwritten;
	bool moving;			/* its edges are to follow */
	TAILQ_ENTRY(sqlite_job) moving_link;
	UT_hash_handle hh;
};

TAILQ_HEAD(sqlite_job_list, sqlite_job);

struct sqlite_jobs {
	struct sqlite_job *by_id;
	struct sqlite_job_list used, dirty, moving;
};

void sqlite_jobs_init(struct sqlite_jobs *jobs);
/* Writes what has changed. 0 or the failure. */
int sqlite_jobs_flush(struct sqlite_tx *tx);
/* Forgets those not used for long; between transactions. */
void sqlite_jobs_trim(struct sqlite_jobs *jobs);
/* Forgets all, written or not: the transaction, or a part of it, is undone. */
void sqlite_jobs_forget(struct sqlite_jobs *jobs);

/* A row that was read: kept, so that its job's claim need not read it again. 0 or the failure. */
int sqlite_job_know(struct sqlite_tx *tx, const struct sqlite_row *row);
/* By id: 0 and *out, good until the transaction ends; -ENOENT; or the failure. */
int sqlite_job_get(struct sqlite_tx *tx, int64_t id, struct sqlite_job **out);

/*
 * A new job, made by rules_submit with this effect; noted as a change from
 * none, with the spec `told`, which may be NULL. 0, -EUSERS (there are too many
 * flows), or the failure.
 */
int sqlite_job_insert(struct sqlite_tx *tx, struct store_op *op, const struct job_kept *k, const struct job_spec *spec,
		      struct job_spec *told, const struct effect *e);

/* A final job is to be none: it gets its flow back. 0, -EUSERS, or the failure. */
int sqlite_job_revive(struct sqlite_tx *tx, struct sqlite_job *j);

/* A rule has changed the job from `was`, with this effect: carried out and noted. 0 or the failure. */
int sqlite_job_change(struct sqlite_tx *tx, struct store_op *op, struct sqlite_job *j, const struct job_kept *was,
		      const struct effect *e);
/* Something changed that nobody is told of: to be written. */
void sqlite_job_touch(struct sqlite_tx *tx, struct store_op *op, struct sqlite_job *j);
/* The same where its lane may be another now (was_lane: as it was), and its priority. */
int sqlite_job_move(struct sqlite_tx *tx, struct store_op *op, struct sqlite_job *j, const struct job_kept *was,
		    struct sqlite_lane *was_lane, const struct effect *e);
/* Its tags from now on: JSON text, or NULL. 0 or the failure. */
int sqlite_job_tags(struct sqlite_tx *tx, const struct sqlite_job *j, const char *tags);
/* As sqlite_job_change where the rule moved it to none: it goes, with all that belongs to it. */
int sqlite_job_drop(struct sqlite_tx *tx, struct store_op *op, struct sqlite_job *j, const struct job_kept *was,
		    const struct effect *e);

/* Kinds of times in the table agenda. */
enum sqlite_agenda { AGENDA_DUE, AGENDA_EXPIRE, AGENDA_PRUNE, AGENDA_RESOLVE, AGENDA_FILL, AGENDAS };

#endif
