#include "notify.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/names.h"
#include "event_ring.h"
#include "mailbox.h"
#include "proto/jtext.h"

/* Who is interested in one job by its id. */
struct topic {
	int64_t id;
	struct watcher_list watchers;
	UT_hash_handle hh;
};

struct notify {
	struct topic *topics;
	struct subscription_list subscriptions;
	uint64_t last_number;
	uint64_t seq;
	struct event_ring ring;
};

enum { REPLAY_LOOKED = 512 };	/* events looked at before others get the loop */

struct notify *notify_new(void)
{
	struct notify *n = calloc(1, sizeof(*n));

	if (n != NULL && event_ring_open(&n->ring) != 0) {
		free(n);
		n = NULL;
	}
	return n;
}

void subscription_free(struct subscription **s)
{
	if (*s == NULL)
		return;
	for (char **name = (*s)->queues; name != NULL && *name != NULL; name++)
		free(*name);
	for (char **name = (*s)->types; name != NULL && *name != NULL; name++)
		free(*name);
	free((*s)->queues);
	free((*s)->types);
	free((*s)->jobs);
	free(*s);
	*s = NULL;
}

static void subscription_end(struct subscription *s)
{
	LIST_REMOVE(s, link);
	subscription_free(&s);
}

void notify_free(struct notify **n)
{
	struct subscription *s;

	if (*n == NULL)
		return;
	while ((s = LIST_FIRST(&(*n)->subscriptions)) != NULL)
		subscription_end(s);
	event_ring_close(&(*n)->ring);
	free(*n);
	*n = NULL;
}

uint64_t notify_seq(const struct notify *n)
{
	return n->seq;
}

void notify_set_seq(struct notify *n, uint64_t seq)
{
	n->seq = n->ring.floor = seq;
}

/* ---- watchers ---- */

static struct topic *topic_find(const struct notify *n, int64_t id)
{
	struct topic *t;

	HASH_FIND(hh, n->topics, &id, sizeof(id), t);
	return t;
}

int notify_watch(struct notify *n, struct watcher *w, int64_t id, struct cond *changed)
{
	struct topic *t = topic_find(n, id);

	if (t == NULL) {
		t = calloc(1, sizeof(*t));
		if (t == NULL)
			return -ENOMEM;
		t->id = id;
		HASH_ADD(hh, n->topics, id, sizeof(t->id), t);
		if (t->hh.tbl == NULL) {
			free(t);
			return -ENOMEM;
		}
	}
	w->id = id;
	w->told = w->begun = w->ended = w->gone = false;
	w->changed = changed;
	LIST_INSERT_HEAD(&t->watchers, w, link);
	return 0;
}

void notify_unwatch(struct notify *n, struct watcher *w)
{
	struct topic *t = topic_find(n, w->id);

	LIST_REMOVE(w, link);
	if (LIST_EMPTY(&t->watchers)) {
		HASH_DEL(n->topics, t);
		free(t);
	}
}

static void topic_tell(const struct notify *n, const struct job_change *change)
{
	const struct topic *t = topic_find(n, change->row->id);
	struct watcher *w;

	if (t == NULL)
		return;
	LIST_FOREACH(w, &t->watchers, link) {
		w->told = true;
		w->begun = w->begun || change->row->attempt > 0;
		w->ended = w->ended || job_state_final(change->to);
		w->gone = w->gone || change->to == JOB_NONE;
		cond_broadcast(w->changed);
	}
}

/* ---- subscriptions ---- */

static int compare_ids(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

int notify_subscribe(struct notify *n, struct subscription *s)
{
	const struct subscription *other;
	size_t held = 0;

	LIST_FOREACH(other, &n->subscriptions, link)
		held += other->mailbox == s->mailbox;
	if (held >= SUBSCRIPTIONS_PER_CLIENT)
		return -ENOSPC;
	if (s->jobs != NULL)
		qsort(s->jobs, s->jobs_len, sizeof(*s->jobs), compare_ids);
	s->number = ++n->last_number;
	LIST_INSERT_HEAD(&n->subscriptions, s, link);
	return 0;
}

static struct subscription *notify_find(const struct notify *n, const struct mailbox *m, uint64_t number)
{
	struct subscription *s;

	LIST_FOREACH(s, &n->subscriptions, link)
		if (s->mailbox == m && s->number == number)
			return s;
	return NULL;
}

int notify_unsubscribe(struct notify *n, const struct mailbox *m, uint64_t number)
{
	struct subscription *s = notify_find(n, m, number);

	if (s == NULL)
		return -ENOENT;
	subscription_end(s);
	return 0;
}

void notify_forget(struct notify *n, const struct mailbox *m)
{
	struct subscription *s, *next;

	for (s = LIST_FIRST(&n->subscriptions); s != NULL; s = next) {
		next = LIST_NEXT(s, link);
		if (s->mailbox == m)
			subscription_end(s);
	}
}

/* The last change that the subscription has been told of, if it passed. */
static uint64_t subscription_told(const struct notify *n, const struct subscription *s)
{
	return s->replaying ? s->told : n->seq;
}

static bool subscription_wants(const struct subscription *s, const struct notify_job *job)
{
	if (s->jobs != NULL && bsearch(&job->id, s->jobs, s->jobs_len, sizeof(job->id), compare_ids) == NULL)
		return false;
	return names_pass((const char *const *)s->queues, job->queue) &&
	       names_pass((const char *const *)s->types, job->type);
}

/* Begins an event's line for a subscription, up to the members that differ by kind. */
static void event_begin(struct jwriter *w, struct buf *line, const struct subscription *s, uint64_t seq, wall_ms at,
			const char *kind)
{
	buf_init(line);
	jw_init(w, line);
	jw_object(w);
	jw_put_string(w, "jsonrpc", "2.0");
	jw_put_string(w, "method", "event");
	jw_key(w, "params");
	jw_object(w);
	jw_put_int(w, "subscription", (int64_t)s->number);
	jw_put_int(w, "seq", (int64_t)seq);
	jw_put_time(w, "at", at);
	jw_put_string(w, "kind", kind);
}

static void event_job(struct jwriter *w, const struct notify_job *job, const char *state)
{
	jw_key(w, "job");
	jw_object(w);
	jw_put_int(w, "id", job->id);
	jw_put_string(w, "queue", job->queue);
	jw_put_string(w, "type", job->type);
	jw_put_string(w, "state", state);
	jw_put_int(w, "attempt", job->attempt);
	jw_object_end(w);
}

static void event_send(struct jwriter *w, struct buf *line, struct subscription *s)
{
	jw_object_end(w);
	jw_object_end(w);
	mailbox_put(s->mailbox, line);
	buf_free(line);
}

/* A reader too slow for its events: told so, once, and its subscription ends. */
static void subscription_cut_off(const struct notify *n, struct subscription *s)
{
	struct jwriter w;
	struct buf line;

	event_begin(&w, &line, s, subscription_told(n, s), clock_wall(), "lagged");
	event_send(&w, &line, s);
	subscription_end(s);
}

static bool subscription_lags(const struct notify *n, struct subscription *s)
{
	if (mailbox_pending(s->mailbox) < MAILBOX_EVENTS)
		return false;
	subscription_cut_off(n, s);
	return true;
}

static void send_state(struct subscription *s, const struct state_event *e)
{
	struct notify_job job = { e->id, e->queue, e->type, e->attempt };
	struct jwriter w;
	struct buf line;

	event_begin(&w, &line, s, e->seq, e->at, "state");
	event_job(&w, &job, job_state_name(e->state));
	if (e->reason != NULL) {
		jw_key(&w, "error");
		jw_object(&w);
		jw_put_string(&w, "reason", e->reason);
		jw_put_string(&w, "message", e->message);
		jw_object_end(&w);
	}
	event_send(&w, &line, s);
}

static bool subscription_wants_state(const struct subscription *s, const struct state_event *e)
{
	struct notify_job job = { e->id, e->queue, e->type, e->attempt };

	return (s->states == 0 || (s->states & 1u << e->state) != 0) && subscription_wants(s, &job);
}

static void notify_state(struct notify *n, const struct state_event *e)
{
	struct subscription *s, *next;

	event_ring_put(&n->ring, e);
	for (s = LIST_FIRST(&n->subscriptions); s != NULL; s = next) {
		next = LIST_NEXT(s, link);
		if (!s->replaying && subscription_wants_state(s, e) && !subscription_lags(n, s))
			send_state(s, e);
	}
}

void notify_changed(struct notify *n, const struct job_change *change)
{
	topic_tell(n, change);
	if (change->from != change->to && change->to != JOB_NONE) {
		struct state_event e = { .seq = change->seq, .at = change->at, .id = change->row->id,
					 .attempt = change->row->attempt, .state = change->to, .queue = change->queue,
					 .type = change->type, .reason = change->reason };

		if (e.reason != NULL)
			e.message = change->message != NULL ? change->message : "";
		notify_state(n, &e);
	}
	n->seq = change->seq;	/* who was cut off just now is told the one before */
}

/* ---- replay ---- */

bool notify_since(const struct notify *n, struct subscription *s, uint64_t seq)
{
	s->place = event_ring_seek(&n->ring, seq);
	s->told = seq < n->seq ? seq : n->seq;
	s->replaying = s->place < n->ring.end;
	return seq >= n->ring.floor && seq <= n->seq;
}

enum replay notify_replay(struct notify *n, const struct mailbox *m, uint64_t number)
{
	struct subscription *s = notify_find(n, m, number);

	if (s == NULL || !s->replaying)
		return REPLAY_OVER;
	if (s->place < n->ring.first) {		/* those that come have overtaken it */
		subscription_cut_off(n, s);
		return REPLAY_OVER;
	}
	for (int looked = 0; looked < REPLAY_LOOKED && s->place < n->ring.end; looked++) {
		struct state_event e = event_ring_at(&n->ring, s->place++);

		if (subscription_wants_state(s, &e))
			send_state(s, &e);
		s->told = e.seq;
		if (mailbox_pending(m) > MAILBOX_HIGH)
			break;
	}
	s->replaying = s->place < n->ring.end;
	if (!s->replaying)
		return REPLAY_OVER;
	return mailbox_pending(m) > MAILBOX_HIGH ? REPLAY_NEEDS_ROOM : REPLAY_GOES_ON;
}

/* ---- what happens beside it ---- */

void notify_progress(struct notify *n, const struct notify_job *job, const char *json)
{
	struct subscription *s, *next;
	struct jwriter w;
	struct buf line;

	for (s = LIST_FIRST(&n->subscriptions); s != NULL; s = next) {
		next = LIST_NEXT(s, link);
		if (!subscription_wants(s, job) || subscription_lags(n, s))
			continue;
		event_begin(&w, &line, s, subscription_told(n, s), clock_wall(), "progress");
		event_job(&w, job, job_state_name(JOB_RUNNING));
		jw_put_raw(&w, "progress", json, strlen(json));
		event_send(&w, &line, s);
	}
}

void notify_output(struct notify *n, const struct notify_job *job, int stream, int64_t offset, const void *data, size_t len)
{
	struct subscription *s, *next;
	struct jwriter w;
	struct buf line;

	for (s = LIST_FIRST(&n->subscriptions); s != NULL; s = next) {
		next = LIST_NEXT(s, link);
		if (!s->output || !subscription_wants(s, job) || subscription_lags(n, s))
			continue;
		event_begin(&w, &line, s, subscription_told(n, s), clock_wall(), "output");
		event_job(&w, job, job_state_name(JOB_RUNNING));
		jw_put_string(&w, "stream", stream == 0 ? "stdout" : "stderr");
		jw_put_int(&w, "offset", offset);
		jw_put_bytes(&w, "data", data, len);
		event_send(&w, &line, s);
	}
}
