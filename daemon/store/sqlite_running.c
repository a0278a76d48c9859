#include "store/sqlite_running.h"

#include <errno.h>
#include <stdlib.h>

#include "base/map.h"

enum { BLOCKS_KEPT = 128, CREDIT_MAX = 64 * BLOCK_IDS };

struct sqlite_block {
	int64_t number;
	bool there;			/* its row is */
	bool fresh;			/* it is to be written */
	bool left;			/* a job may have ended */
	TAILQ_ENTRY(sqlite_block) used, unwritten;
	UT_hash_handle hh;
};

/* ---- in memory ---- */

void sqlite_running_init(struct sqlite_running *b)
{
	b->by_number = b->last = NULL;
	TAILQ_INIT(&b->used);
	TAILQ_INIT(&b->dirty);
	b->credit = 0;
}

static void block_forget(struct sqlite_running *b, struct sqlite_block *k)
{
	if (b->last == k)
		b->last = NULL;
	if (k->fresh)
		TAILQ_REMOVE(&b->dirty, k, unwritten);
	TAILQ_REMOVE(&b->used, k, used);
	HASH_DEL(b->by_number, k);
	free(k);
}

void sqlite_running_forget(struct sqlite_running *b)
{
	struct sqlite_block *k;

	while ((k = TAILQ_FIRST(&b->used)) != NULL)
		block_forget(b, k);
}

static struct sqlite_block *block_new(struct sqlite_running *b, struct sqlite_db *db, int64_t number)
{
	struct sqlite_block *k = calloc(1, sizeof(*k));

	if (k != NULL) {
		k->number = number;
		HASH_ADD(hh, b->by_number, number, sizeof(k->number), k);
		if (k->hh.tbl == NULL) {
			free(k);
			k = NULL;
		}
	}
	if (k == NULL) {
		sqlite_db_fail(db, -ENOMEM, "out of memory");
		return NULL;
	}
	TAILQ_INSERT_TAIL(&b->used, k, used);
	return k;
}

/* The block of that number, touched; NULL after a failure, which sticks. */
static struct sqlite_block *block_touch(struct sqlite_running *b, struct sqlite_db *db, int64_t number)
{
	struct sqlite_block *k = b->last;

	if (k != NULL && k->number == number)
		return k;
	HASH_FIND(hh, b->by_number, &number, sizeof(number), k);
	if (k == NULL) {
		k = block_new(b, db, number);
	} else {
		TAILQ_REMOVE(&b->used, k, used);
		TAILQ_INSERT_TAIL(&b->used, k, used);
	}
	b->last = k;
	return k;
}

void sqlite_running_note(struct sqlite_running *b, struct sqlite_db *db, int64_t id, enum job_state from, enum job_state to)
{
	struct sqlite_block *k;

	if ((from == JOB_RUNNING) == (to == JOB_RUNNING))
		return;
	k = block_touch(b, db, id / BLOCK_IDS);
	if (k == NULL)
		return;
	if (b->credit < CREDIT_MAX)
		b->credit++;
	if (from == JOB_RUNNING) {
		k->there |= !k->fresh;
		k->left = true;
	} else if (!k->there && !k->fresh) {
		k->fresh = true;
		TAILQ_INSERT_TAIL(&b->dirty, k, unwritten);
	}
}

/* ---- in the database ---- */

static void block_run(struct sqlite_db *db, enum sqlite_sql sql, const struct sqlite_block *k)
{
	struct sqlite_query q = sqlite_query(db, sql);

	sqlite_bind_int(&q, k->number);
	sqlite_run(&q);
}

/* Drops the row if no job bears it out any more. */
static void block_sift(const struct sqlite_block *k, struct sqlite_db *db)
{
	struct sqlite_query q = sqlite_query(db, SQL_RUNNING_WITHIN);

	sqlite_bind_int(&q, k->number * BLOCK_IDS);
	sqlite_bind_int(&q, k->number * BLOCK_IDS + BLOCK_IDS - 1);
	if (sqlite_value(&q, 0) == 0)
		block_run(db, SQL_RUNNING_DELETE, k);
}

int sqlite_running_write(struct sqlite_running *b, struct sqlite_db *db)
{
	struct sqlite_block *k;

	while ((k = TAILQ_FIRST(&b->dirty)) != NULL) {
		TAILQ_REMOVE(&b->dirty, k, unwritten);
		k->fresh = false;
		k->there = true;
		block_run(db, SQL_RUNNING_PUT, k);
	}
	while (HASH_COUNT(b->by_number) > BLOCKS_KEPT) {
		k = TAILQ_FIRST(&b->used);
		if (k->there && k->left && b->credit >= BLOCK_IDS) {
			b->credit -= BLOCK_IDS;
			block_sift(k, db);
		}
		block_forget(b, k);
	}
	return db->failed;
}
