#include "store/sqlite_lane.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Finds or makes; NULL when out of memory. */
static struct sqlite_queue *lane_queue(struct sqlite_lanes *lanes, const char *name)
{
	size_t len = strlen(name);
	struct sqlite_queue *queue;

	HASH_FIND(hh, lanes->queues, name, len, queue);
	if (queue != NULL)
		return queue;
	queue = calloc(1, sizeof(*queue) + len + 1);
	if (queue == NULL)
		return NULL;
	memcpy(queue->name, name, len);
	HASH_ADD_KEYPTR(hh, lanes->queues, queue->name, len, queue);
	if (queue->hh.tbl == NULL) {
		free(queue);
		return NULL;
	}
	return queue;
}

static void lane_count(struct sqlite_lane *lane, enum job_state state, int64_t n)
{
	if (state == JOB_RUNNING)
		lane->in->running += n;
	else if (job_state_waiting(state))
		lane->in->waiting += n;
}

static struct sqlite_lane *lane_new(const char *queue, const char *type)
{
	size_t queue_size = strlen(queue) + 1, type_size = strlen(type) + 1;
	struct sqlite_lane *lane = calloc(1, sizeof(*lane) + queue_size + type_size);

	if (lane == NULL)
		return NULL;
	lane->queue = memcpy(lane->names, queue, queue_size);
	lane->type = memcpy(lane->names + queue_size, type, type_size);
	lane->names_size = (unsigned)(queue_size + type_size);
	return lane;
}

/* Takes the lane over; NULL (and it is freed) when out of memory. */
static struct sqlite_lane *lane_add(struct sqlite_lanes *lanes, struct sqlite_lane *lane)
{
	lane->in = lane_queue(lanes, lane->queue);
	if (lane->in != NULL)
		HASH_ADD(hh_id, lanes->by_id, id, sizeof(lane->id), lane);
	if (lane->in == NULL || lane->hh_id.tbl == NULL) {
		free(lane);
		return NULL;
	}
	HASH_ADD_KEYPTR(hh_names, lanes->by_names, lane->names, lane->names_size, lane);
	if (lane->hh_names.tbl == NULL) {
		HASH_DELETE(hh_id, lanes->by_id, lane);
		free(lane);
		return NULL;
	}
	if (lane->id > lanes->last_id)
		lanes->last_id = lane->id;
	for (int s = JOB_NONE + 1; s < JOB_STATES; s++) {
		lane_count(lane, (enum job_state)s, lane->n[s]);
		if (job_state_final((enum job_state)s))
			lanes->finals += lane->n[s];
	}
	return lane;
}

static struct sqlite_lane *lane_read(struct sqlite_lanes *lanes, struct sqlite_query *q)
{
	const char *queue = sqlite_text(q, 1), *type = sqlite_text(q, 2);
	struct sqlite_lane *lane = queue != NULL && type != NULL ? lane_new(queue, type) : NULL;

	if (lane != NULL) {
		lane->id = sqlite_int(q, 0);
		for (int s = JOB_NONE + 1; s < JOB_STATES; s++)
			lane->n[s] = sqlite_int(q, 2 + s);
		lane = lane_add(lanes, lane);
	}
	if (lane == NULL)
		sqlite_db_fail(q->db, -ENOMEM, "out of memory");
	return lane;
}

int sqlite_lanes_load(struct sqlite_lanes *lanes, struct sqlite_db *db)
{
	struct sqlite_query q = sqlite_query(db, SQL_LANE_ALL);

	memset(lanes, 0, sizeof(*lanes));
	while (sqlite_next(&q))
		if (lane_read(lanes, &q) == NULL)
			sqlite_end(&q);
	return db->failed;
}

int sqlite_lanes_learn(struct sqlite_lanes *lanes, struct sqlite_db *db)
{
	struct sqlite_query q = sqlite_query(db, SQL_LANE_BEHIND);
	struct sqlite_lane *lane;

	sqlite_bind_int(&q, lanes->learned);
	while (sqlite_next(&q)) {
		int64_t id = sqlite_int(&q, 0);

		HASH_FIND(hh_id, lanes->by_id, &id, sizeof(id), lane);
		if (lane == NULL && lane_read(lanes, &q) == NULL)
			sqlite_end(&q);
		else
			lanes->learned = id;
	}
	return db->failed;
}

void sqlite_lanes_free(struct sqlite_lanes *lanes)
{
	struct sqlite_queue *queue, *next_queue;
	struct sqlite_lane *lane, *next;

	HASH_ITER(hh, lanes->queues, queue, next_queue) {
		HASH_DEL(lanes->queues, queue);
		free(queue);
	}
	HASH_CLEAR(hh_names, lanes->by_names);
	HASH_ITER(hh_id, lanes->by_id, lane, next) {
		HASH_DELETE(hh_id, lanes->by_id, lane);
		free(lane);
	}
	memset(lanes, 0, sizeof(*lanes));
}

static bool lane_is(const struct sqlite_lane *lane, const char *queue, const char *type)
{
	return lane != NULL && strcmp(lane->queue, queue) == 0 && strcmp(lane->type, type) == 0;
}

struct sqlite_lane *sqlite_lane_of(struct sqlite_lanes *lanes, const char *queue, const char *type)
{
	struct sqlite_lane *lane, *fresh;

	if (lane_is(lanes->last, queue, type))
		return lanes->last;
	fresh = lane_new(queue, type);
	if (fresh == NULL)
		return NULL;
	HASH_FIND(hh_names, lanes->by_names, fresh->names, fresh->names_size, lane);
	if (lane != NULL) {
		free(fresh);
	} else {
		fresh->id = lanes->last_id + 1;
		lane = lane_add(lanes, fresh);
	}
	if (lane != NULL)
		lanes->last = lane;
	return lane;
}

struct sqlite_lane *sqlite_lane_at(struct sqlite_lanes *lanes, struct sqlite_db *db, int64_t id)
{
	struct sqlite_lane *lane = NULL;
	struct sqlite_query q;

	HASH_FIND(hh_id, lanes->by_id, &id, sizeof(id), lane);
	if (lane != NULL)
		return lane;
	q = sqlite_query(db, SQL_LANE_GET);
	sqlite_bind_int(&q, id);
	if (sqlite_next(&q))
		lane = lane_read(lanes, &q);
	sqlite_end(&q);
	if (lane == NULL)
		sqlite_db_fail(db, -EUCLEAN, "a job of no lane");
	return lane;
}

void sqlite_lane_move(struct sqlite_lanes *lanes, struct sqlite_lane *lane, enum job_state from, enum job_state to)
{
	if (from == to)
		return;
	lane->n[from]--;
	lane->n[to]++;
	lane_count(lane, from, -1);
	lane_count(lane, to, 1);
	lanes->finals += job_state_final(to) - job_state_final(from);
	if (!lane->dirty) {
		lane->dirty = true;
		lane->next_dirty = lanes->dirty;
		lanes->dirty = lane;
	}
}

static void lane_bind_counts(const struct sqlite_lane *lane, struct sqlite_query *q)
{
	for (int s = JOB_NONE + 1; s < JOB_STATES; s++)
		sqlite_bind_int(q, lane->n[s]);
}

/* Its names stay: they are written once. */
static void lane_write(const struct sqlite_lane *lane, struct sqlite_db *db)
{
	struct sqlite_query q = sqlite_query(db, SQL_LANE_SAVE);

	sqlite_bind_int(&q, lane->id);
	lane_bind_counts(lane, &q);
	if (sqlite_run(&q) != 0 || sqlite3_changes(db->h) > 0)
		return;
	q = sqlite_query(db, SQL_LANE_PUT);
	sqlite_bind_int(&q, lane->id);
	sqlite_bind_text(&q, lane->queue);
	sqlite_bind_text(&q, lane->type);
	lane_bind_counts(lane, &q);
	sqlite_run(&q);
}

int sqlite_lanes_write(struct sqlite_lanes *lanes, struct sqlite_db *db)
{
	struct sqlite_lane *lane;

	while ((lane = lanes->dirty) != NULL) {
		lanes->dirty = lane->next_dirty;
		lane->dirty = false;
		lane_write(lane, db);
	}
	return db->failed;
}
