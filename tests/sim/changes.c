/* changes: requests to change a job that is there, and whether their answers are true. */
#include "clients.h"

#include "graph.h"
#include "life.h"
#include "sim.h"
#include "simstore.h"

struct wish *client_some_job(void)
{
	int64_t last = model_last_id();

	for (int tries = 0; tries < 20 && last > 0; tries++) {
		struct wish *w = model_find(last - between(0, one_in(4) ? last - 1 : last < 200 ? last - 1 : 199));

		if (w != NULL)
			return w;
	}
	return NULL;
}

static const struct {
	const char *method;
	enum ask ask;
} asks[] = {
	{ "job.cancel", ASK_CANCEL }, { "job.hold", ASK_HOLD }, { "job.release", ASK_RELEASE },
	{ "job.retry", ASK_RETRY }, { "job.delete", ASK_DELETE }, { "job.update", ASK_UPDATE },
};

static bool ask_allowed(enum ask ask, enum job_state state)
{
	switch (ask) {
	case ASK_CANCEL:
		return !job_state_final(state);
	case ASK_HOLD:
	case ASK_UPDATE:
		return job_state_waiting(state);
	case ASK_RELEASE:
		return state == JOB_HELD;
	default:
		return job_state_final(state);
	}
}

/* Nobody else asks, and nothing has happened since: then there is one answer. */
static void judge_asked(int64_t id, enum ask ask, enum job_state before, uint64_t seq, bool done, const struct rpc_error *e)
{
	const struct wish *w = model_find(id);

	if (w != NULL && ask == ASK_CANCEL && done)
		must(id, job_state_final(w->state) || w->came_back, "a cancel is answered while it is %s", job_state_name(w->state));
	if (ask == ASK_DELETE && done)
		must(id, w == NULL, "was deleted, and is there");
	if (model_seq() == seq && before != JOB_NONE && !done && e->kind == RPC_CONFLICT)
		must(id, !ask_allowed(ask, before) || ask == ASK_RETRY ||
		     (ask == ASK_DELETE && w != NULL && graph_dependents(w) > 0), "%s is refused while it is %s: %s", asks[ask].method,
		     job_state_name(before), e->message);
}

static void ask_for(struct client *c, const struct wish *w, enum ask ask, json_t *params)
{
	enum job_state before = w->state;
	uint64_t seq = model_seq();
	mono_us since = clock_mono();
	struct rpc_error error;
	int64_t id = w->id;
	json_t *record;

	trace(id, "%s", asks[ask].method);
	model_asks(id, ask, 1);
	record = client_call(c, asks[ask].method, params, &error);
	model_asks(id, ask, -1);
	if (!simstore_dead()) {
		judge_asked(id, ask, before, seq, record != NULL, &error);
		must(id, record != NULL || error.kind == RPC_CONFLICT || error.kind == RPC_NOT_FOUND || client_full_queue(&error) ||
		     client_excused(&error, since), "%s fails: %s", asks[ask].method, error.message);
	}
	json_decref(record);
}

void client_asks(struct client *c, enum ask ask)
{
	const struct wish *w = client_some_job();

	if (w != NULL)
		ask_for(c, w, ask, json_pack("{s:I}", "id", (json_int_t)w->id));
}

/* ---- update ---- */

static json_t *some_update(struct wish_update *u)
{
	json_t *params = json_pack("{s:I}", "id", (json_int_t)u->id);

	if (one_in(2)) {
		u->sets_priority = true;
		u->priority = (int)between(-3, 3);
		json_object_set_new(params, "priority", json_integer(u->priority));
	}
	if (one_in(2)) {
		u->sets_queue = true;
		u->queue = (int)below(SIM_QUEUES);
		json_object_set_new(params, "queue", json_string(sim_queues[u->queue]));
	}
	if (one_in(2)) {
		u->sets_run_at = true;
		u->run_at = one_in(3) ? 0 : clock_wall() + between(-1000, 3000);
		json_object_set_new(params, "run_at", u->run_at == 0 ? json_null() : json_real((double)u->run_at / 1000));
	}
	return params;
}

void client_updates(struct client *c)
{
	struct wish *w = client_some_job();
	struct wish_update u = { 0 };

	if (w == NULL)
		return;
	u.id = w->id;
	LIST_INSERT_HEAD(&w->updates, &u, link);
	ask_for(c, w, ASK_UPDATE, some_update(&u));
	LIST_REMOVE(&u, link);
}

void client_releases(struct client *c, int64_t id)
{
	const struct wish *w;
	struct rpc_error error;
	json_t *record;

	model_asks(id, ASK_RELEASE, 1);
	record = client_call(c, "job.release", json_pack("{s:I}", "id", (json_int_t)id), &error);
	model_asks(id, ASK_RELEASE, -1);
	/* One that is held no more, because it went with its parent, is no breach. */
	w = model_find(id);
	must(id, record != NULL || (error.kind == RPC_CONFLICT && w != NULL && job_state_final(w->state)), "cannot be released: %s",
	     error.message);
	json_decref(record);
}
