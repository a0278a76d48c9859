#include "many.h"

#include <string.h>

#include "graph.h"
#include "sim.h"
#include "simstore.h"

struct many {
	enum ask ask;
	int queue, type;		/* -1: any */
	unsigned states;
	bool purge;
	int64_t last;			/* the last job at the call */
	uint64_t seq;			/* the last change then */
	mono_us since;
	LIST_ENTRY(many) link;
};

static LIST_HEAD(, many) under_way;

void many_begin(void)
{
	LIST_INIT(&under_way);
}

static bool covers(const struct many *m, const struct wish *w)
{
	return (m->queue < 0 || m->queue == w->queue) && (m->type < 0 || m->type == w->type) && (m->states & 1u << w->state) != 0;
}

/* One that has changed since the call may have been in that queue when the ids were looked for. */
static bool may_cover(const struct many *m, const struct wish *w)
{
	return covers(m, w) || (w->changed_seq > m->seq && (m->states & 1u << w->state) != 0);
}

bool many_asks(const struct wish *w, enum ask ask)
{
	const struct many *m;

	LIST_FOREACH(m, &under_way, link)
		if (m->ask == ask && may_cover(m, w))
			return true;
	return false;
}

bool many_holds(const struct wish *w)
{
	const struct many *m;

	LIST_FOREACH(m, &under_way, link)
		if (m->ask == ASK_CANCEL && w->id <= m->last && (m->type < 0 || m->type == w->type) && (covers(m, w) || w->changed_seq > m->seq))
			return true;
	return false;
}

bool many_purges(int queue)
{
	const struct many *m;

	LIST_FOREACH(m, &under_way, link)
		if (m->purge && m->queue == queue)
			return true;
	return false;
}

/* Has the job been as it is since before the call? */
static bool untouched(const struct many *m, const struct wish *w)
{
	return w->id <= m->last && w->changed_seq <= m->seq;
}

/* Has another had its unique key for a moment since the call? */
static bool key_was_taken(const struct many *m, const struct wish *w)
{
	for (int64_t id = model_last_id(); id > 0 && w->key != 0; id--) {
		const struct wish *other = model_by_id(id);

		if (other != NULL && other != w && other->key == w->key && other->changed_seq > m->seq)
			return true;
	}
	return w->key != 0 && model_holder(w->key, UNIQUE_ACTIVE) != NULL;
}

/* A job may be spared for a reason of its own. */
static bool spared(const struct many *m, const struct wish *w)
{
	if (m->ask == ASK_RETRY)
		return key_was_taken(m, w);
	if (m->ask == ASK_DELETE)
		return graph_dependents(w) > 0 || w->let_go >= m->since;
	return m->ask == ASK_CANCEL && w->row.cancel_requested_at != 0;
}

static void judge_all(const struct many *m)
{
	for (int64_t id = 1; id <= m->last; id++) {
		const struct wish *w = model_find(id);

		must(id, w == NULL || !covers(m, w) || !untouched(m, w) || spared(m, w), "is %s and was left out", job_state_name(w->state));
	}
}

static void many_call(struct client *c, struct many *m, const char *method, json_t *params)
{
	struct rpc_error error;
	json_t *answer;

	m->since = clock_mono();
	m->last = model_last_id();
	m->seq = model_seq();
	LIST_INSERT_HEAD(&under_way, m, link);
	answer = client_call(c, method, params, &error);
	LIST_REMOVE(m, link);
	if (answer != NULL)
		judge_all(m);
	must(0, answer != NULL || error.kind == RPC_OVERLOADED || (m->purge && error.kind == RPC_NOT_FOUND) ||
	     client_excused(&error, m->since), "%s: %s", method, error.message);
	json_decref(answer);
}

static unsigned final_state(void)
{
	return 1u << between(JOB_SUCCEEDED, JOB_EXPIRED);
}

void client_asks_many(struct client *c)
{
	static const struct {
		const char *method;
		enum ask ask;
	} methods[] = { { "job.cancel_many", ASK_CANCEL }, { "job.retry_many", ASK_RETRY }, { "job.delete_many", ASK_DELETE } };
	unsigned which = below(3);
	struct many m = { .ask = methods[which].ask, .queue = (int)below(SIM_QUEUES), .type = one_in(2) ? -1 : (int)below(SIM_TYPES) };
	json_t *params = json_pack("{s:s}", "queue", sim_queues[m.queue]);

	m.states = m.ask == ASK_CANCEL ? 1u << between(JOB_HELD, JOB_RUNNING) : final_state();
	if (m.type >= 0)
		json_object_set_new(params, "type", json_string(sim_types[m.type]));
	json_object_set_new(params, "state", json_string(job_state_name((enum job_state)__builtin_ctz(m.states))));
	many_call(c, &m, methods[which].method, params);
}

void client_purges(struct client *c)
{
	struct many m = { .ask = ASK_CANCEL, .queue = (int)below(SIM_QUEUES), .type = -1, .purge = true };

	m.states = 1u << JOB_HELD | 1u << JOB_BLOCKED | 1u << JOB_SCHEDULED | 1u << JOB_READY;
	many_call(c, &m, "queue.purge", json_pack("{s:s}", "name", sim_queues[m.queue]));
}
