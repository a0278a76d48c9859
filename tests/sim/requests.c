/* requests: jobs with a request_id, asked for again and again. */
#include "clients.h"

#include <stdio.h>
#include <string.h>

#include "graph.h"
#include "sim.h"
#include "simstore.h"

enum { KEPT = 64, HOUR = 3600 * 1000, LAST = 20 * HOUR };

static struct request {
	int64_t serial;			/* 0: none */
	json_t *job;
	wall_ms at;
	bool answered;			/* with: */
	int64_t id;
	char state[16];
	bool existing;
} requests[KEPT];

static void request_drop(struct request *r)
{
	json_decref(r->job);
	memset(r, 0, sizeof(*r));
}

void requests_begin(void)
{
	memset(requests, 0, sizeof(requests));
}

void requests_end(void)
{
	for (int i = 0; i < KEPT; i++)
		request_drop(&requests[i]);
}

void request_asked(const struct wish *w, json_t *job)
{
	struct request *r = &requests[(size_t)w->serial % KEPT];
	char id[32];

	snprintf(id, sizeof(id), "request-%lld", (long long)w->serial);
	json_object_set_new(job, "request_id", json_string(id));
	request_drop(r);
	r->serial = w->serial;
	r->job = json_deep_copy(job);
	r->at = clock_wall();
}

static struct request *request_of(const struct wish *w)
{
	struct request *r = &requests[(size_t)w->serial % KEPT];

	return r->serial == w->serial ? r : NULL;
}

void request_answered(const struct wish *w, const json_t *answer)
{
	struct request *r = request_of(w);
	int64_t id = json_integer_value(json_object_get(answer, "id"));
	const char *state = json_string_value(json_object_get(answer, "state"));
	bool existing = json_is_true(json_object_get(answer, "existing"));

	if (r == NULL)
		return;
	must(id, !r->answered || (r->id == id && strcmp(r->state, state) == 0 && r->existing == existing),
	     "is the answer to request %lld, %s%s; it was %lld, %s%s", (long long)w->serial, state, existing ? ", existing" : "",
	     (long long)r->id, r->state, r->existing ? ", existing" : "");
	r->answered = true;
	r->id = id;
	r->existing = existing;
	snprintf(r->state, sizeof(r->state), "%s", state);
}

/* By itself, so without refs. */
static void ask_again(struct client *c, const struct request *r, struct wish *w)
{
	json_t *job = json_deep_copy(r->job);

	for (int i = 0; i < w->edges_n; i++)
		if (w->edges[i].parent->id == 0) {
			json_decref(job);
			return;
		}
	json_object_del(job, "ref");
	if (w->edges_n > 0)
		graph_put(w, job);
	client_submits_again(c, w, job);
}

void client_asks_again(struct client *c)
{
	struct request *r = &requests[below(KEPT)];
	wall_ms age = clock_wall() - r->at;
	struct wish *w = model_by_serial(r->serial);

	if (r->serial == 0)
		return;
	/* Its time may be over: another answer would be right. */
	if (age > LAST || age < -LAST)
		request_drop(r);
	else
		ask_again(c, r, w);
}
