#include "store/sqlite_block.h"

#include <errno.h>
#include <stdlib.h>

#include "base/map.h"

enum { BLOCKS_KEPT = 128, CREDIT_MAX = 64 * BLOCK_IDS };

struct block_lane {
	int64_t id;
	bool written;			/* its row is there */
	bool seen;			/* by the look at what still holds */
};

struct sqlite_block {
	int64_t number;
	unsigned states;		/* bits 1 << enum job_state: their rows are there */
	unsigned fresh;			/* theirs are not */
	struct block_lane *lanes;
	size_t lanes_n, lanes_cap;
	bool left;			/* something may have left a lane or a state */
	bool dirty;
	TAILQ_ENTRY(sqlite_block) used, unwritten;
	UT_hash_handle hh;
};

/* ---- in memory ---- */

void sqlite_blocks_init(struct sqlite_blocks *b)
{
	b->by_number = b->last = NULL;
	TAILQ_INIT(&b->used);
	TAILQ_INIT(&b->dirty);
	b->credit = 0;
}

static void block_forget(struct sqlite_blocks *b, struct sqlite_block *k)
{
	if (b->last == k)
		b->last = NULL;
	if (k->dirty)
		TAILQ_REMOVE(&b->dirty, k, unwritten);
	TAILQ_REMOVE(&b->used, k, used);
	HASH_DEL(b->by_number, k);
	free(k->lanes);
	free(k);
}

void sqlite_blocks_forget(struct sqlite_blocks *b)
{
	struct sqlite_block *k;

	while ((k = TAILQ_FIRST(&b->used)) != NULL)
		block_forget(b, k);
}

static struct sqlite_block *block_new(struct sqlite_blocks *b, struct sqlite_db *db, int64_t number)
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
static struct sqlite_block *block_touch(struct sqlite_blocks *b, struct sqlite_db *db, int64_t number)
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

static struct block_lane *block_lane(const struct sqlite_block *k, int64_t lane)
{
	for (size_t i = k->lanes_n; i > 0; i--)
		if (k->lanes[i - 1].id == lane)
			return &k->lanes[i - 1];
	return NULL;
}

static void block_dirty(struct sqlite_blocks *b, struct sqlite_block *k)
{
	if (k->dirty)
		return;
	k->dirty = true;
	TAILQ_INSERT_TAIL(&b->dirty, k, unwritten);
}

static void block_add_lane(struct sqlite_blocks *b, struct sqlite_db *db, struct sqlite_block *k, int64_t lane, bool written)
{
	if (k->lanes_n == k->lanes_cap) {
		size_t cap = k->lanes_cap > 0 ? 2 * k->lanes_cap : 4;
		struct block_lane *lanes = realloc(k->lanes, cap * sizeof(*lanes));

		if (lanes == NULL) {
			sqlite_db_fail(db, -ENOMEM, "out of memory");
			return;
		}
		k->lanes = lanes;
		k->lanes_cap = cap;
	}
	k->lanes[k->lanes_n++] = (struct block_lane){ .id = lane, .written = written };
	if (!written)
		block_dirty(b, k);
}

void sqlite_blocks_note(struct sqlite_blocks *b, struct sqlite_db *db, int64_t id, int64_t lane, enum job_state from,
			enum job_state to)
{
	struct sqlite_block *k = block_touch(b, db, block_of(id));

	if (k == NULL)
		return;
	if (b->credit < CREDIT_MAX)
		b->credit++;
	if (from != JOB_NONE) {
		k->states |= 1u << from & ~k->fresh;
		k->left = true;
	}
	if (to != JOB_NONE && ((k->states | k->fresh) & 1u << to) == 0) {
		k->fresh |= 1u << to;
		block_dirty(b, k);
	}
	if (block_lane(k, lane) == NULL)
		block_add_lane(b, db, k, lane, from != JOB_NONE && from != to);
}

/* ---- in the database ---- */

static void block_run(struct sqlite_db *db, enum sqlite_sql sql, int64_t key, int64_t number)
{
	struct sqlite_query q = sqlite_query(db, sql);

	sqlite_bind_int(&q, key);
	sqlite_bind_int(&q, number);
	sqlite_run(&q);
}

static void block_write(struct sqlite_block *k, struct sqlite_db *db)
{
	for (int s = JOB_NONE + 1; s < JOB_STATES; s++)
		if ((k->fresh & 1u << s) != 0)
			block_run(db, SQL_BLOCK_PUT, -s, k->number);
	k->states |= k->fresh;
	k->fresh = 0;
	for (size_t i = 0; i < k->lanes_n; i++)
		if (!k->lanes[i].written) {
			block_run(db, SQL_BLOCK_PUT, k->lanes[i].id, k->number);
			k->lanes[i].written = true;
		}
}

/* Drops the rows known here that no job bears out any more. */
static void block_sift(struct sqlite_block *k, struct sqlite_db *db)
{
	struct sqlite_query q = sqlite_query(db, SQL_BLOCK_JOBS);
	unsigned states = 0;

	sqlite_bind_int(&q, k->number * BLOCK_IDS);
	sqlite_bind_int(&q, k->number * BLOCK_IDS + BLOCK_IDS - 1);
	while (sqlite_next(&q)) {
		struct block_lane *lane = block_lane(k, sqlite_int(&q, 1));

		if (lane != NULL)
			lane->seen = true;
		states |= 1u << sqlite_int(&q, 2);
	}
	if (db->failed != 0)
		return;
	for (int s = JOB_NONE + 1; s < JOB_STATES; s++)
		if ((k->states & ~states & 1u << s) != 0)
			block_run(db, SQL_BLOCK_DELETE, -s, k->number);
	for (size_t i = 0; i < k->lanes_n; i++)
		if (!k->lanes[i].seen)
			block_run(db, SQL_BLOCK_DELETE, k->lanes[i].id, k->number);
}

int sqlite_blocks_write(struct sqlite_blocks *b, struct sqlite_db *db)
{
	struct sqlite_block *k;

	while ((k = TAILQ_FIRST(&b->dirty)) != NULL) {
		TAILQ_REMOVE(&b->dirty, k, unwritten);
		k->dirty = false;
		block_write(k, db);
	}
	while (HASH_COUNT(b->by_number) > BLOCKS_KEPT) {
		k = TAILQ_FIRST(&b->used);
		if (k->left && b->credit >= BLOCK_IDS) {
			b->credit -= BLOCK_IDS;
			block_sift(k, db);
		}
		block_forget(b, k);
	}
	return db->failed;
}
