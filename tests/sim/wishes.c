/* wishes: new jobs, each odd in its own way, one by one or many at once. */
#include "clients.h"

#include <string.h>

#include "fills.h"
#include "graph.h"
#include "queues.h"
#include "sim.h"
#include "simstore.h"

static const char *const backoffs[] = { "exponential", "linear", "constant" };
static const char *const conflicts[] = { "existing", "reject", "replace" };

bool client_enough(void)
{
	return model_wishes() >= shape.jobs;
}

static void wish_times(struct wish *w)
{
	if (one_in(6))
		w->delay = between(1, one_in(5) ? 20000 : 800);
	if (one_in(12))
		w->ttl = between(1, one_in(3) ? 5000 : 100);
	if (one_in(10))
		w->timeout = between(1, 40);
	w->retain = one_in(3) ? -1 : between(0, 3000);
}

static void wish_retry(struct wish *w)
{
	w->retry = (struct retry_policy){ .max_attempts = (int)between(1, one_in(10) ? 20 : 4), .backoff = (enum backoff)below(3),
					  .base = between(0, 300), .cap = between(0, 3000),
					  .jitter = one_in(2) ? 0 : (double)below(101) / 100 };
}

struct wish *wish_make(unsigned keyed_in)
{
	struct wish *w = model_wish();

	w->queue = (int)below(SIM_QUEUES);
	w->type = (int)below(SIM_TYPES);
	w->priority = one_in(2) ? 0 : (int)between(-3, 3);
	w->hold = !shape.steady && one_in(25);
	w->once = one_in(5);
	if (shape.keys > 0 && one_in(keyed_in)) {
		w->key = (int)between(1, shape.keys);
		w->scope = one_in(3) ? UNIQUE_ALL : UNIQUE_ACTIVE;
		w->on_conflict = (enum unique_on_conflict)below(3);
	}
	if (shape.groups && one_in(2))
		w->group = (int)below(SIM_GROUPS);
	if (shape.groups && one_in(3)) {
		w->limit_key = (int)below(SIM_LIMITS);
		w->limit = one_in(20) ? 4 : 1 + w->limit_key % 3;
	}
	wish_times(w);
	wish_retry(w);
	return w;
}

/* One that many wait for, for a while: so many that they are let go in more than one step. */
static int64_t hub;

void wishes_begin(void)
{
	hub = 0;
}

static struct wish *wish_hub(void)
{
	if (model_find(hub) == NULL || one_in(1000))
		hub = model_last_id();
	return shape.burst > 100 && one_in(2) ? model_find(hub) : NULL;
}

/* Some that are there; with others of the same call before it, these, by ref. */
static void wish_after(struct wish *w, struct wish *const *before, size_t n)
{
	for (int i = 0; i < WISH_AFTER_MAX && (i == 0 || one_in(2)); i++) {
		struct wish *parent = i == 0 ? wish_hub() : NULL;

		if (parent == NULL)
			parent = n > 0 && one_in(2) ? before[below((unsigned)n)] : client_some_job();
		if (parent != NULL && (parent->id != 0 || parent->key == 0))
			graph_name(w, parent);
	}
	w->after_run = one_in(3);
}

static void put_span(json_t *job, const char *name, wall_ms ms)
{
	if (ms >= 0)
		json_object_set_new(job, name, json_real((double)ms / 1000));
}

json_t *wish_json(struct wish *w)
{
	json_t *job = json_pack("{s:s, s:s, s:i, s:b, s:{s:I}, s:s, s:{s:i, s:s, s:f, s:f, s:f}}", "type", sim_types[w->type],
				"queue", sim_queues[w->queue], "priority", w->priority, "hold", w->hold, "meta", "serial",
				(json_int_t)w->serial, "interrupted", w->once ? "fail" : "retry", "retry", "max_attempts",
				w->retry.max_attempts, "backoff", backoffs[w->retry.backoff], "base", (double)w->retry.base / 1000,
				"cap", (double)w->retry.cap / 1000, "jitter", w->retry.jitter);
	char key[16];

	must(0, job != NULL, "out of memory");
	if (w->group != 0) {
		snprintf(key, sizeof(key), "group-%d", w->group);
		json_object_set_new(job, "group", json_string(key));
	}
	if (w->limit_key != 0) {
		snprintf(key, sizeof(key), "limit-%d", w->limit_key);
		json_object_set_new(job, "concurrency", json_pack("{s:s, s:i}", "key", key, "limit", w->limit));
	}
	put_span(job, "delay", w->delay);
	put_span(job, "ttl", w->ttl);
	put_span(job, "timeout", w->timeout);
	put_span(job, "retain", w->retain);
	if (w->key != 0) {
		snprintf(key, sizeof(key), "key-%d", w->key);
		json_object_set_new(job, "unique", json_pack("{s:s, s:s, s:s}", "key", key, "scope",
							     w->scope == UNIQUE_ALL ? "all" : "active", "on_conflict",
							     conflicts[w->on_conflict]));
	}
	return job;
}

/* ---- answers ---- */

/* A job that was there already is the answer: it has the key. */
static void judge_existing(const struct wish *w, int64_t id)
{
	const struct wish *holder = model_find(id);

	must(id, w->key != 0 && w->on_conflict == UNIQUE_EXISTING, "is the answer to a submit that may not be answered so");
	must(id, w->id == 0, "is the answer, and %lld was submitted too", (long long)w->id);
	must(id, holder == NULL || holder->key == w->key, "is the answer, and has another key");
}

static void judge_answer(const struct wish *w, const json_t *answer)
{
	int64_t id = json_integer_value(json_object_get(answer, "id"));

	must(id, id > 0, "wish %lld is answered without an id", (long long)w->serial);
	if (json_is_true(json_object_get(answer, "existing")))
		judge_existing(w, id);
	else
		must(id, w->id == id && strcmp(json_string_value(json_object_get(answer, "state")), job_state_name(w->first)) == 0,
		     "is the answer to wish %lld, which is %lld and began as %s", (long long)w->serial, (long long)w->id,
		     job_state_name(w->first));
	request_answered(w, answer);
}

bool client_full_queue(const struct rpc_error *e)
{
	for (int q = 0; q < SIM_QUEUES; q++)
		if (e->kind == RPC_OVERLOADED && (queue_settings(q).max_ready > 0 || !queue_settled(q, 10000)))
			return true;
	return false;
}

static void judge_refused(const struct wish *w, const struct rpc_error *e, mono_us since)
{
	figures.refusals++;
	must(w->id, w->id == 0 || w->again, "was refused: %s", e->message);
	if (client_excused(e, since))
		return;
	if (e->kind == RPC_NOT_FOUND)
		must(0, strstr(e->field, "after") != NULL, "%s is not found: %s", e->field, e->message);
	else if (!client_full_queue(e))
		must(0, e->kind == RPC_CONFLICT, "wish %lld is refused: %s", (long long)w->serial, e->message);
}

enum { BURST_MAX = 400 };

/* Jobs asked for by one request. */
struct burst {
	struct wish *v[BURST_MAX];
	size_t n;
};

static void burst_add(struct burst *b, struct wish *w)
{
	b->v[b->n++] = w;
	if (w->key != 0 && w->on_conflict == UNIQUE_REPLACE)
		model_replaces(w->key, 1);
}

static json_t *burst_make(struct burst *b, size_t n)
{
	json_t *jobs = json_array();
	char ref[24];

	b->n = 0;
	while (b->n < n) {
		struct wish *w = wish_make(n == 1 ? 5 : 200);
		json_t *job = wish_json(w);

		if (one_in(shape.after_in)) {
			wish_after(w, b->v, b->n);
			fills_choose(w);
			graph_put(w, job);
		}
		if (n > 1 && w->key == 0) {
			snprintf(ref, sizeof(ref), "ref-%lld", (long long)w->serial);
			json_object_set_new(job, "ref", json_string(ref));
		}
		if (one_in(4))
			request_asked(w, job);
		json_array_append_new(jobs, job);
		burst_add(b, w);
	}
	return jobs;
}

static void burst_end(const struct burst *b, const json_t *jobs, const struct rpc_error *error, mono_us since)
{
	for (size_t i = 0; i < b->n; i++)
		if (b->v[i]->key != 0 && b->v[i]->on_conflict == UNIQUE_REPLACE)
			model_replaces(b->v[i]->key, -1);
	if (simstore_dead())
		return;
	must(0, jobs == NULL || json_array_size(jobs) == b->n, "%zu jobs are answered for %zu", json_array_size(jobs), b->n);
	for (size_t i = 0; i < b->n; i++) {
		if (jobs != NULL)
			judge_answer(b->v[i], json_array_get(jobs, i));
		else
			judge_refused(b->v[i], error, since);
	}
}

static void submit(struct client *c, struct burst *b, json_t *job)
{
	mono_us since = clock_mono();
	struct rpc_error error;
	json_t *answer = client_call(c, "job.submit", job, &error), *jobs = answer != NULL ? json_pack("[o]", answer) : NULL;

	burst_end(b, jobs, &error, since);
	json_decref(jobs);
}

void client_submits(struct client *c)
{
	struct burst b;
	json_t *jobs = burst_make(&b, 1), *job = json_incref(json_array_get(jobs, 0));

	json_decref(jobs);
	submit(c, &b, job);
}

void client_submits_again(struct client *c, struct wish *w, json_t *job)
{
	struct burst b = { .n = 0 };

	w->again = true;
	burst_add(&b, w);
	submit(c, &b, job);
}

void client_submits_many(struct client *c)
{
	struct burst *b = calloc(1, sizeof(*b));
	struct rpc_error error;
	mono_us since = clock_mono();
	json_t *answer;

	must(0, b != NULL, "out of memory");
	answer = client_call(c, "job.submit_many", json_pack("{s:o}", "jobs", burst_make(b, 1 + below(shape.burst))), &error);
	burst_end(b, json_object_get(answer, "jobs"), &error, since);
	json_decref(answer);
	free(b);
}
