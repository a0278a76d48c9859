#include "store/sqlite_flow.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- keys ---- */

/* Finds or makes; NULL when out of memory. */
static struct sqlite_key *key_of(struct sqlite_flows *flows, const char *name)
{
	size_t len = strlen(name);
	struct sqlite_key *key;

	HASH_FIND(hh, flows->keys, name, len, key);
	if (key != NULL)
		return key;
	key = calloc(1, sizeof(*key) + len + 1);
	if (key == NULL)
		return NULL;
	memcpy(key->name, name, len);
	HASH_ADD_KEYPTR(hh, flows->keys, key->name, len, key);
	if (key->hh.tbl == NULL) {
		free(key);
		return NULL;
	}
	return key;
}

static void key_let_go(struct sqlite_flows *flows, struct sqlite_key *key)
{
	if (key == NULL || --key->flows > 0)
		return;
	HASH_DEL(flows->keys, key);
	free(key);
}

/* ---- flows ---- */

static size_t text_size(const char *text)
{
	return text != NULL ? strlen(text) + 1 : 1;
}

static const char *text_put(char **to, const char *text)
{
	size_t size = text_size(text);
	const char *at = *to;

	memcpy(*to, text != NULL ? text : "", size);
	*to += size;
	return text != NULL ? at : NULL;
}

/* Of no number and in no table yet; NULL when out of memory. */
static struct sqlite_flow *flow_new(struct sqlite_lane *lane, const struct flow_row *row)
{
	size_t size = 2 * sizeof(int64_t) + text_size(row->group) + text_size(row->key);
	struct sqlite_flow *flow = calloc(1, sizeof(*flow) + size);
	char *to;

	if (flow == NULL)
		return NULL;
	flow->row = *row;
	flow->lane = lane;
	flow->names_size = (unsigned)size;
	to = flow->names;
	to = (char *)memcpy(to, &lane->id, sizeof(lane->id)) + sizeof(lane->id);
	to = (char *)memcpy(to, &row->limit, sizeof(row->limit)) + sizeof(row->limit);
	flow->row.group = text_put(&to, row->group);
	flow->row.key = text_put(&to, row->key);
	return flow;
}

static void flow_free(struct sqlite_flows *flows, struct sqlite_flow *flow)
{
	if (flow->hh_id.tbl != NULL)
		HASH_DELETE(hh_id, flows->by_id, flow);
	if (flow->hh_names.tbl != NULL)
		HASH_DELETE(hh_names, flows->by_names, flow);
	key_let_go(flows, flow->key);
	free(flow);
}

/* Takes the flow over; NULL (and it is freed) when out of memory. */
static struct sqlite_flow *flow_add(struct sqlite_flows *flows, struct sqlite_flow *flow)
{
	bool kept;

	HASH_ADD(hh_id, flows->by_id, row.id, sizeof(flow->row.id), flow);
	kept = flow->hh_id.tbl != NULL;
	if (kept) {
		HASH_ADD_KEYPTR(hh_names, flows->by_names, flow->names, flow->names_size, flow);
		kept = flow->hh_names.tbl != NULL;
	}
	if (kept && flow->row.key != NULL) {
		flow->key = key_of(flows, flow->row.key);
		kept = flow->key != NULL;
	}
	if (!kept) {
		flow_free(flows, flow);
		return NULL;
	}
	if (flow->key != NULL)
		flow->key->flows++;
	if (flow->row.id > flows->last_id)
		flows->last_id = flow->row.id;
	return flow;
}

static void flow_touch(struct sqlite_flows *flows, struct sqlite_flow *flow)
{
	if (flow->touched)
		return;
	flow->touched = true;
	flow->next_touched = flows->touched;
	flows->touched = flow;
}

int sqlite_flow_of(struct sqlite_flows *flows, struct sqlite_db *db, struct sqlite_lane *lane, const struct job_spec *spec,
		   struct sqlite_flow **out)
{
	struct flow_row row = { flows->last_id + 1, spec->group, spec->concurrency_key, spec->concurrency_limit };
	struct sqlite_flow *fresh;

	*out = NULL;
	if (spec->group == NULL && spec->concurrency_key == NULL)
		return 0;
	fresh = flow_new(lane, &row);
	if (fresh == NULL)
		return sqlite_db_fail(db, -ENOMEM, "out of memory");
	HASH_FIND(hh_names, flows->by_names, fresh->names, fresh->names_size, *out);
	if (*out != NULL || HASH_CNT(hh_id, flows->by_id) >= STORE_FLOWS_MAX) {
		free(fresh);
		return *out != NULL ? 0 : -EUSERS;
	}
	*out = flow_add(flows, fresh);
	if (*out == NULL)
		return sqlite_db_fail(db, -ENOMEM, "out of memory");
	flow_touch(flows, *out);
	return 0;
}

struct sqlite_flow *sqlite_flow_at(struct sqlite_flows *flows, struct sqlite_db *db, int64_t id)
{
	struct sqlite_flow *flow = NULL;

	if (id == 0)
		return NULL;
	HASH_FIND(hh_id, flows->by_id, &id, sizeof(id), flow);
	if (flow == NULL)
		sqlite_db_fail(db, -EUCLEAN, "a job of no flow");
	return flow;
}

/* ---- counts ---- */

static bool flow_counts(enum job_state state)
{
	return state != JOB_NONE && !job_state_final(state);
}

void sqlite_flow_move(struct sqlite_flows *flows, struct sqlite_flow *flow, enum job_state from, enum job_state to)
{
	if (flow == NULL || from == to)
		return;
	flow->unfinished += flow_counts(to) - flow_counts(from);
	flow->ready += (to == JOB_READY) - (from == JOB_READY);
	if (flow->key != NULL)
		flow->key->running += (to == JOB_RUNNING) - (from == JOB_RUNNING);
	flow_touch(flows, flow);
}

/* What it is of stays: that is written once. */
static void flow_save(const struct sqlite_flow *flow, struct sqlite_db *db)
{
	struct sqlite_query q = sqlite_query(db, SQL_FLOW_SAVE);

	sqlite_bind_int(&q, flow->row.id);
	sqlite_bind_int(&q, flow->unfinished);
	sqlite_bind_int(&q, flow->ready);
	if (sqlite_run(&q) != 0 || sqlite3_changes(db->h) > 0)
		return;
	q = sqlite_query(db, SQL_FLOW_PUT);
	sqlite_bind_int(&q, flow->row.id);
	sqlite_bind_int(&q, flow->lane->id);
	sqlite_bind_text(&q, flow->row.group);
	sqlite_bind_text(&q, flow->row.key);
	sqlite_bind_int(&q, flow->row.limit);
	sqlite_bind_int(&q, flow->unfinished);
	sqlite_bind_int(&q, flow->ready);
	sqlite_run(&q);
}

static void flow_write(const struct sqlite_flow *flow, struct sqlite_db *db)
{
	struct sqlite_query q;

	if (flow->unfinished > 0) {
		flow_save(flow, db);
		return;
	}
	q = sqlite_query(db, SQL_FLOW_DELETE);
	sqlite_bind_int(&q, flow->row.id);
	sqlite_run(&q);
}

int sqlite_flows_write(struct sqlite_flows *flows, struct sqlite_db *db)
{
	for (struct sqlite_flow *flow = flows->touched; flow != NULL; flow = flow->next_touched)
		flow_write(flow, db);
	return db->failed;
}

void sqlite_flows_end(struct sqlite_flows *flows)
{
	struct sqlite_flow *flow;

	while ((flow = flows->touched) != NULL) {
		flows->touched = flow->next_touched;
		flow->touched = false;
		if (flow->unfinished == 0)
			flow_free(flows, flow);
	}
}

/* ---- at open ---- */

static void flow_read(struct sqlite_flows *flows, struct sqlite_query *q, struct sqlite_lanes *lanes)
{
	struct sqlite_lane *lane = sqlite_lane_at(lanes, q->db, sqlite_int(q, 1));
	struct flow_row row = { sqlite_int(q, 0), sqlite_text(q, 2), sqlite_text(q, 3), sqlite_int(q, 4) };
	struct sqlite_flow *flow = lane != NULL ? flow_new(lane, &row) : NULL;

	if (flow != NULL)
		flow = flow_add(flows, flow);
	if (flow == NULL) {
		sqlite_db_fail(q->db, -ENOMEM, "out of memory");
		return;
	}
	flow->unfinished = sqlite_int(q, 5);
	flow->ready = sqlite_int(q, 6);
}

static void flow_runs(struct sqlite_flows *flows, struct sqlite_query *q)
{
	const struct sqlite_flow *flow = sqlite_flow_at(flows, q->db, sqlite_int(q, 0));

	if (flow != NULL && flow->key != NULL)
		flow->key->running++;
}

int sqlite_flows_load(struct sqlite_flows *flows, struct sqlite_db *db, struct sqlite_lanes *lanes)
{
	struct sqlite_query q = sqlite_query(db, SQL_FLOW_ALL);

	memset(flows, 0, sizeof(*flows));
	while (db->failed == 0 && sqlite_next(&q))
		flow_read(flows, &q, lanes);
	sqlite_end(&q);
	q = sqlite_query(db, SQL_FLOWS_RUNNING);
	while (db->failed == 0 && sqlite_next(&q))
		flow_runs(flows, &q);
	sqlite_end(&q);
	return db->failed;
}

void sqlite_flows_free(struct sqlite_flows *flows)
{
	struct sqlite_flow *flow, *next;

	HASH_ITER(hh_id, flows->by_id, flow, next)
		flow_free(flows, flow);
	memset(flows, 0, sizeof(*flows));
}
