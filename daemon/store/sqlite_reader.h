/*
 * sqlite_reader: a thread that serves what only looks, by a connection of its
 * own. There are three: one for what is soon done, one for what looks at all
 * there is in one go, which would hold up the others, and one that makes backups.
 */
#ifndef JOBD_SQLITE_READER_H
#define JOBD_SQLITE_READER_H

#include <pthread.h>
#include <stdatomic.h>

#include "store/sqlite_digest.h"
#include "store/sqlite_door.h"
#include "store/sqlite_inbox.h"
#include "store/sqlite_row.h"

struct sqlite_reader {
	struct sqlite_db db;
	struct sqlite_lanes lanes;	/* read as they are met; their counts are not kept up */
	struct sqlite_inbox inbox;
	struct sqlite_door *door;
	const char *path, *name;
	size_t snapshot_ops;		/* ops that look at one snapshot: it may not last, or the log could not be begun anew */
	pthread_t thread;
	atomic_bool hurry;		/* what takes long is to end early */
	unsigned asked;			/* numbers the lists, see struct sqlite_lane */
	struct sqlite_digests *digests;
	uint64_t as_of;			/* the last transaction that is sure to be in the snapshot */
};

/* name, digests and snapshot_ops are the caller's to set. The connection is opened when first needed, if it is not open. */
int sqlite_reader_start(struct sqlite_reader *r, const char *path, struct sqlite_door *door);
void sqlite_reader_stop(struct sqlite_reader *r);

/*
 * The verbs that read. Each returns what its caller is to be told, or -EAGAIN:
 * it has looked at its share, and goes on where it stopped when others have had
 * their turn. Failures stick to r->db.
 */
int sqlite_fillings(struct sqlite_reader *r, struct store_op *op);	/* sqlite_fill.c */
int sqlite_submit_dry(struct sqlite_reader *r, struct store_op *op);	/* sqlite_get.c */
int sqlite_get(struct sqlite_reader *r, struct store_op *op);		/* sqlite_get.c */
int sqlite_ahead(struct sqlite_reader *r, struct store_op *op);		/* sqlite_why.c */
int sqlite_blockers(struct sqlite_reader *r, struct store_op *op);	/* sqlite_why.c */
int sqlite_list(struct sqlite_reader *r, struct store_op *op);		/* sqlite_list.c */
int sqlite_count(struct sqlite_reader *r, struct store_op *op);		/* sqlite_list.c */
int sqlite_match(struct sqlite_reader *r, struct store_op *op);		/* sqlite_list.c; in one go */
int sqlite_output_read(struct sqlite_reader *r, struct store_op *op);	/* sqlite_output.c */
int sqlite_schedule_get(struct sqlite_reader *r, struct store_op *op);	/* sqlite_schedule.c */
int sqlite_schedule_list(struct sqlite_reader *r, struct store_op *op);
int sqlite_backup(struct sqlite_reader *r, struct store_op *op);	/* sqlite_backup.c; in one go */

/* A job's record without its history; brief: without args, meta and result. False after a failure. */
bool sqlite_get_record(struct sqlite_reader *r, const struct sqlite_row *row, bool brief, struct job_record *out);

#endif
