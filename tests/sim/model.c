#include "model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fills.h"
#include "graph.h"
#include "limits.h"
#include "listeners.h"
#include "plans.h"
#include "sim.h"
#include "simstore.h"

const char *const sim_queues[SIM_QUEUES] = { "alpha", "beta", "gamma", "delta", "omega" };
const char *const sim_types[SIM_TYPES] = { "io", "io2", "cpu", "brief" };

static struct {
	struct wish **by_serial, **by_id;
	size_t serials, ids, serials_cap, ids_cap;
	struct wish_list ready[SIM_QUEUES][2];	/* by class */
	int64_t counts[JOB_STATES], waiting[SIM_QUEUES];
	unsigned replacing[SIM_KEYS];
	uint64_t seq;
	unsigned life;
} m;

void model_begin(void)
{
	memset(&m, 0, sizeof(m));
	m.serials = m.ids = 1;
	for (int q = 0; q < SIM_QUEUES; q++)
		for (int class = 0; class < 2; class++)
			TAILQ_INIT(&m.ready[q][class]);
}

void model_end(void)
{
	for (size_t i = 1; i < m.serials; i++) {
		free(m.by_serial[i]->plan);
		free(m.by_serial[i]);
	}
	free(m.by_serial);
	free(m.by_id);
}

void model_new_life(void)
{
	m.life++;
}

unsigned model_life(void)
{
	return m.life;
}

static void **grown(void *v, size_t *cap, size_t n)
{
	size_t was = *cap;

	if (n < was)
		return v;
	*cap = was > 0 ? 2 * was : 1024;
	v = realloc(v, *cap * sizeof(void *));
	must(0, v != NULL, "out of memory");
	memset((void **)v + was, 0, (*cap - was) * sizeof(void *));
	return v;
}

struct wish *model_wish(void)
{
	struct wish *w = calloc(1, sizeof(*w));

	must(0, w != NULL, "out of memory");
	LIST_INIT(&w->updates);
	LIST_INIT(&w->children);
	w->serial = (int64_t)m.serials++;
	w->delay = w->ttl = w->timeout = w->retain = -1;
	m.by_serial = (struct wish **)grown(m.by_serial, &m.serials_cap, m.serials);
	m.by_serial[w->serial] = w;
	return w;
}

struct wish *model_copy(const struct wish *template)
{
	struct wish *w = model_wish();
	int64_t serial = w->serial;

	*w = *template;
	LIST_INIT(&w->updates);
	LIST_INIT(&w->children);
	w->serial = serial;
	w->plan = NULL;
	return w;
}

struct wish *model_by_serial(int64_t serial)
{
	return serial > 0 && serial < (int64_t)m.serials ? m.by_serial[serial] : NULL;
}

struct wish *model_by_id(int64_t id)
{
	return id > 0 && id < (int64_t)m.ids ? m.by_id[id] : NULL;
}

struct wish *model_find(int64_t id)
{
	struct wish *w = model_by_id(id);

	return w != NULL && w->state != JOB_NONE ? w : NULL;
}

int64_t model_last_id(void)
{
	return (int64_t)m.ids - 1;
}

size_t model_wishes(void)
{
	return m.serials - 1;
}

struct wish *model_holder(int key, enum unique_scope scope)
{
	for (size_t id = m.ids; id > 1; id--) {
		struct wish *w = m.by_id[id - 1];

		if (w != NULL && w->state != JOB_NONE && w->key == key && (scope == UNIQUE_ALL || !job_state_final(w->state)))
			return w;
	}
	return NULL;
}

enum job_class model_class(const struct wish *w)
{
	return w->type < SIM_TYPES_IO ? CLASS_IO : CLASS_CPU;
}

const struct wish_list *model_ready(int queue, enum job_class class)
{
	return &m.ready[queue][class];
}

int64_t model_count(enum job_state state)
{
	return m.counts[state];
}

int64_t model_waiting(int queue)
{
	return m.waiting[queue];
}

uint64_t model_seq(void)
{
	return m.seq;
}

static int place_of(const char *const *names, int n, const char *name)
{
	for (int i = 0; i < n; i++)
		if (strcmp(names[i], name) == 0)
			return i;
	return -1;
}

int model_queue_of(const char *name)
{
	return place_of(sim_queues, SIM_QUEUES, name);
}

int model_type_of(const char *name)
{
	return place_of(sim_types, SIM_TYPES, name);
}

/* ---- requests under way ---- */

void model_asks(int64_t id, enum ask ask, int by)
{
	struct wish *w = model_find(id);

	if (w == NULL)
		return;
	w->asking[ask] += (unsigned)by;
	/* While it is asked about it is nothing that could be taken. */
	if (by > 0 && w->state == JOB_READY)
		limits_group_left(w);
}

void model_replaces(int key, int by)
{
	m.replacing[key] += (unsigned)by;
}

bool model_asked(const struct wish *w)
{
	for (int i = 0; i < ASKS; i++)
		if (w->asking[i] > 0)
			return true;
	return false;
}

bool model_replaced(int key)
{
	return key != 0 && m.replacing[key] > 0;
}

/* ---- the stream ---- */

static struct wish *wish_of(const struct job_change *c)
{
	const struct memory_job *kept;
	long long serial = 0;
	struct wish *w;

	if (c->from != JOB_NONE)
		return model_find(c->row->id);
	kept = memory_find(simstore_kept(), c->row->id);
	must(c->row->id, kept != NULL && kept->spec->meta != NULL, "a new job that is not in the store");
	must(c->row->id, sscanf(kept->spec->meta, "{\"serial\":%lld}", &serial) == 1, "its meta is %s", kept->spec->meta);
	w = model_by_serial(serial);
	must(c->row->id, w != NULL, "nobody asked for it");
	must(c->row->id, (w->plan != NULL) == (kept->spec->schedule != NULL), "comes of schedule %s",
	     kept->spec->schedule != NULL ? kept->spec->schedule : "none");
	if (w->plan != NULL)
		w = plans_fire(w, kept->spec->schedule, kept->spec->scheduled_for);
	must(c->row->id, w->id == 0, "was asked for once, and is there as %lld already", (long long)w->id);
	must(c->row->id, c->row->id > model_last_id(), "its id is not new");
	w->id = c->row->id;
	m.ids = (size_t)w->id + 1;
	m.by_id = (struct wish **)grown(m.by_id, &m.ids_cap, m.ids);
	m.by_id[w->id] = w;
	figures.jobs++;
	return w;
}

static void take_over(struct wish *w, const struct job_change *c)
{
	int was = w->queue;

	if (c->from == JOB_RUNNING && c->to != JOB_RUNNING)
		limits_ended(w);
	if (c->from == JOB_READY && c->to != JOB_RUNNING)
		limits_group_left(w);
	if (w->state == JOB_READY)
		TAILQ_REMOVE(&m.ready[w->queue][model_class(w)], w, link);
	m.counts[c->from]--;
	m.counts[c->to]++;
	m.waiting[w->queue] -= job_state_waiting(c->from);
	w->queue = model_queue_of(c->queue);
	w->priority = c->row->priority;
	m.waiting[w->queue] += job_state_waiting(c->to);
	if (c->from == JOB_NONE) {
		w->first = c->to;
		graph_enter(w);
	}
	if (job_state_final(c->from) && c->to != JOB_NONE)
		w->came_back = true;
	if (c->row->cancel_requested_at != 0 && w->row.cancel_requested_at == 0)
		w->cancelled = clock_mono();
	if (c->from == JOB_BLOCKED && (c->to == JOB_READY || c->to == JOB_SCHEDULED) && fills_waits(w)) {
		w->filled = true;
		w->filled_with = w->edges[w->part_of].parent->row.attempt;
	}
	w->state = c->to;
	w->changed_seq = c->seq;
	w->row = *c->row;
	w->row.spec = NULL;
	must(w->id, (c->from_queue != NULL) == (c->from != JOB_NONE && strcmp(c->queue, sim_queues[was]) != 0),
	     "is in queue %s after %s, and is said to come from %s", c->queue, sim_queues[was], c->from_queue);
	if (c->to == JOB_READY)
		TAILQ_INSERT_TAIL(&m.ready[w->queue][model_class(w)], w, link);
	if (c->to == JOB_RUNNING && c->from == JOB_READY)
		w->life = m.life;

	if (job_state_final(c->to)) {
		w->final_at = c->at;
		graph_leave(w);
	}
}

void model_changed(const struct job_change *c)
{
	struct wish *w;

	trace(c->row->id, "%s to %s, attempt %d%s%s", job_state_name(c->from), job_state_name(c->to), c->row->attempt,
	      c->reason != NULL ? ": " : "", c->reason != NULL ? c->reason : "");
	must(c->row->id, c->seq > m.seq, "change %llu is told after %llu", (unsigned long long)c->seq, (unsigned long long)m.seq);
	m.seq = c->seq;
	w = wish_of(c);
	must(c->row->id, w != NULL, "changes, and is not there");
	must(w->id, w->state == c->from, "was %s, and changes from %s", job_state_name(w->state), job_state_name(c->from));
	must(w->id, c->row->state == c->to, "its row says %s", job_state_name(c->row->state));
	model_judge(w, c);
	take_over(w, c);
	listeners_note(c);
}
