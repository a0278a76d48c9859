#include "listeners.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clients.h"
#include "life.h"
#include "notify.h"
#include "proto/timefmt.h"
#include "sim.h"
#include "simstore.h"

enum { REASON_SIZE = 24, SOME_JOBS = 3 };

/* ---- what there was to tell ---- */

struct told {
	uint64_t seq;
	wall_ms at;
	int64_t id;
	int attempt, queue, type;
	enum job_state state;
	char reason[REASON_SIZE];
};

static struct {
	struct told *v;
	size_t n, cap;
	uint64_t life_seq;		/* the last change when this life began */
} all;

void listeners_note(const struct job_change *c)
{
	struct told *t;

	if (c->from == c->to || c->to == JOB_NONE)
		return;
	if (all.n == all.cap) {
		all.cap = all.cap > 0 ? 2 * all.cap : 1024;
		all.v = realloc(all.v, all.cap * sizeof(*all.v));
		must(0, all.v != NULL, "out of memory");
	}
	t = &all.v[all.n++];
	*t = (struct told){ .seq = c->seq, .at = c->at, .id = c->row->id, .attempt = c->row->attempt, .queue = model_queue_of(c->queue),
			    .type = model_type_of(c->type), .state = c->to };
	if (c->reason != NULL)
		snprintf(t->reason, sizeof(t->reason), "%s", c->reason);
}

/* The first with a number above `seq`. */
static size_t behind(uint64_t seq)
{
	size_t low = 0, high = all.n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (all.v[middle].seq <= seq)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* ---- one listener ---- */

struct listener {
	struct client client;		/* the first member */
	int64_t subscription;		/* 0: none */
	bool replaying, lagged, sleepy;
	int64_t jobs[SOME_JOBS];
	size_t jobs_n;
	unsigned queues, states;	/* bits; 0: any */
	int type;			/* -1: any */
	size_t next;			/* of what there was to tell */
	uint64_t last;			/* the last number it was told */
};

static uint64_t last_told[LISTENERS];	/* over lives; 0: nothing yet */

void listeners_begin(void)
{
	memset(&all, 0, sizeof(all));
	memset(last_told, 0, sizeof(last_told));
}

void listeners_end(void)
{
	free(all.v);
}

void listeners_new_life(void)
{
	all.life_seq = model_seq();
}

static bool wants(const struct listener *l, const struct told *t)
{
	bool one_of = l->jobs_n == 0;

	for (size_t i = 0; i < l->jobs_n; i++)
		one_of = one_of || l->jobs[i] == t->id;
	return one_of && (l->queues == 0 || (l->queues & 1u << t->queue) != 0) && (l->states == 0 || (l->states & 1u << t->state) != 0) &&
	       (l->type < 0 || l->type == t->type);
}

/* Nothing up to this number may have been left out. */
static void judge_up_to(struct listener *l, uint64_t seq)
{
	for (; l->next < all.n && all.v[l->next].seq <= seq; l->next++)
		must(all.v[l->next].id, !wants(l, &all.v[l->next]), "is %s (change %llu), and listener %d, who is told %llu, was not told",
		     job_state_name(all.v[l->next].state), (unsigned long long)all.v[l->next].seq, l->client.number,
		     (unsigned long long)seq);
}

static const char *text_of(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text != NULL ? text : "";
}

static void judge_state(struct listener *l, const json_t *event, uint64_t seq)
{
	const json_t *job = json_object_get(event, "job");
	const struct told *t;
	wall_ms at = 0;

	judge_up_to(l, seq - 1);
	must(0, l->next < all.n && all.v[l->next].seq == seq, "listener %d is told change %llu, which is none", l->client.number,
	     (unsigned long long)seq);
	t = &all.v[l->next++];
	must(t->id, wants(l, t), "is told to listener %d, who did not ask for it", l->client.number);
	must(t->id, json_integer_value(json_object_get(job, "id")) == t->id && json_integer_value(json_object_get(job, "attempt")) == t->attempt &&
	     strcmp(text_of(job, "state"), job_state_name(t->state)) == 0 && strcmp(text_of(job, "queue"), sim_queues[t->queue]) == 0 &&
	     strcmp(text_of(job, "type"), sim_types[t->type]) == 0, "is %s, and an event tells otherwise", job_state_name(t->state));
	must(t->id, timefmt_read(text_of(event, "at"), &at) == 0 && at == t->at, "changed at %lld, and an event says %lld", (long long)t->at,
	     (long long)at);
	must(t->id, strcmp(text_of(json_object_get(event, "error"), "reason"), t->reason) == 0, "has the error %s, and an event says %s",
	     t->reason, text_of(json_object_get(event, "error"), "reason"));
}

static void judge_event(struct listener *l, const json_t *event)
{
	uint64_t seq = (uint64_t)json_integer_value(json_object_get(event, "seq"));
	const char *kind = text_of(event, "kind");

	must(0, json_integer_value(json_object_get(event, "subscription")) == l->subscription, "listener %d is told of a subscription that is over",
	     l->client.number);
	must(0, !l->lagged, "listener %d is told more behind the end", l->client.number);
	must(0, seq >= l->last && seq <= model_seq(), "listener %d is told %llu after %llu", l->client.number, (unsigned long long)seq,
	     (unsigned long long)l->last);
	if (strcmp(kind, "state") == 0) {
		judge_state(l, event, seq);
	} else if (strcmp(kind, "lagged") == 0) {
		judge_up_to(l, seq);
		l->lagged = true;
		figures.lagged++;
	}
	l->last = seq;
	figures.events++;
}

/* Takes all that has come for it; then, unless it is told of the past, nothing is left that it should know. */
static void listener_reads(struct listener *l)
{
	struct mailbox *m = &l->client.mailbox;
	const char *text = buf_data(&m->out), *line = text, *end;
	size_t len = buf_len(&m->out);

	while (line < text + len) {
		json_t *message;

		end = memchr(line, '\n', (size_t)(text + len - line));
		must(0, end != NULL, "listener %d is told half an event", l->client.number);
		message = json_loadb(line, (size_t)(end - line), 0, NULL);
		must(0, message != NULL, "listener %d is told what is no JSON", l->client.number);
		judge_event(l, json_object_get(message, "params"));
		json_decref(message);
		line = end + 1;
	}
	mailbox_sent(m, len);
	if (l->subscription != 0 && !l->replaying && !l->lagged && !simstore_dead())
		judge_up_to(l, model_seq());
	last_told[l->client.number] = l->last;
}

static void reader_main(void *arg)
{
	struct listener *l = arg;
	int rc = 0;

	while (rc == 0) {
		rc = coro_sleep(clock_after(between(1, l->sleepy ? 20000 : 400) * 1000));
		if (rc == 0)
			listener_reads(l);
	}
}

/* ---- subscribing ---- */

static void some_filter(struct listener *l, json_t *params)
{
	l->jobs_n = l->queues = l->states = 0;
	l->type = -1;
	if (one_in(6)) {
		for (const struct wish *w; l->jobs_n < SOME_JOBS && (w = client_some_job()) != NULL;)
			l->jobs[l->jobs_n++] = w->id;
		if (l->jobs_n > 0)
			json_object_set_new(params, "jobs", json_array());
		for (size_t i = 0; i < l->jobs_n; i++)
			json_array_append_new(json_object_get(params, "jobs"), json_integer(l->jobs[i]));
	}
	if (one_in(4)) {
		unsigned queue = below(SIM_QUEUES);

		l->queues = 1u << queue;
		json_object_set_new(params, "queues", json_pack("[s]", sim_queues[queue]));
	}
	if (one_in(4)) {
		l->type = (int)below(SIM_TYPES);
		json_object_set_new(params, "types", json_pack("[s]", sim_types[l->type]));
	}
	if (one_in(4)) {
		enum job_state state = (enum job_state)between(JOB_HELD, JOB_EXPIRED);

		l->states = 1u << state | 1u << JOB_RUNNING;
		json_object_set_new(params, "states", json_pack("[s, s]", job_state_name(state), job_state_name(JOB_RUNNING)));
	}
	json_object_set_new(params, "output", json_boolean(one_in(2)));
}

/* It is answered, and what it is to be told begins: with what came after `last`, which is now where it did not ask. */
static void on_answer(struct client *c, const json_t *answer)
{
	struct listener *l = (struct listener *)c;
	uint64_t now = (uint64_t)json_integer_value(json_object_get(answer, "seq"));
	bool missed = json_is_true(json_object_get(answer, "missed"));

	if (simstore_dead() || answer == NULL)
		return;
	must(0, now == model_seq(), "a subscription begins at %llu, and the last change is %llu", (unsigned long long)now,
	     (unsigned long long)model_seq());
	must(0, missed == (l->last < all.life_seq || l->last > now), "listener %d asks for what came after %llu, and missed %s",
	     c->number, (unsigned long long)l->last, missed ? "some" : "nothing");
	if (l->last < all.life_seq)
		l->last = all.life_seq;
	else if (l->last > now)
		l->last = now;
	l->next = behind(l->last);
	l->subscription = json_integer_value(json_object_get(answer, "subscription"));
	must(0, l->subscription != 0, "a subscription has no number");
}

static void subscribe(struct listener *l)
{
	json_t *params = json_object(), *answer;
	struct rpc_error error;

	some_filter(l, params);
	if (l->last != 0 && !one_in(4))
		json_object_set_new(params, "since", json_integer((json_int_t)(l->last += one_in(30) ? 1000000 : 0)));
	else
		l->last = model_seq();
	l->lagged = false;
	l->replaying = true;
	answer = client_call(&l->client, "event.subscribe", params, &error);
	l->replaying = false;
	must(0, answer != NULL || client_excused(&error, clock_mono()), "listener %d is refused: %s", l->client.number, error.message);
	json_decref(answer);
}

static void unsubscribe(struct listener *l)
{
	struct rpc_error error;
	json_t *answer;

	listener_reads(l);
	answer = client_call(&l->client, "event.unsubscribe", json_pack("{s:I}", "subscription", (json_int_t)l->subscription), &error);
	must(0, answer != NULL || l->lagged || client_excused(&error, clock_mono()), "a subscription does not end: %s", error.message);
	l->subscription = 0;
	json_decref(answer);
}

static void listen_for_a_while(struct listener *l, mono_us until)
{
	int rc = 0;

	while (rc == 0 && !l->lagged && clock_mono() < until)
		rc = coro_sleep(clock_after(between(1, 300) * 1000));
}

static void nobody_waits(void *arg)
{
	(void)arg;
}

void listener_main(void *arg)
{
	struct listener l = { .client = { .number = (int)(intptr_t)arg, .replied = on_answer } };
	struct coro_group reader;

	mailbox_init(&l.client.mailbox, nobody_waits, NULL);
	coro_group_init(&reader);
	l.last = last_told[l.client.number];
	l.sleepy = one_in(3);
	must(0, coro_spawn(&reader, "reader", reader_main, &l) == 0, "out of memory");
	while (!simstore_dead() && !life_parts.shutting_down && !coro_cancelled()) {
		subscribe(&l);
		if (l.subscription == 0)
			break;
		listen_for_a_while(&l, clock_after(between(1, l.sleepy ? 60000 : 8000) * 1000));
		if (simstore_dead() || coro_cancelled())
			break;
		unsubscribe(&l);
	}
	coro_group_cancel(&reader);
	coro_group_join(&reader);
	notify_forget(life_parts.notify, &l.client.mailbox);
	mailbox_free(&l.client.mailbox);
}
