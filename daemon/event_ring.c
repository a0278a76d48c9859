#include "event_ring.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Its texts lie one behind the other: queue, type and, with an error, reason and message. */
struct event_kept {
	uint64_t seq, text;
	wall_ms at;
	int64_t id;
	int attempt;
	unsigned char state;
	bool error;
};

_Static_assert(sizeof(struct event_kept) == 40, "what a watcher's short absence costs");

int event_ring_open(struct event_ring *r)
{
	memset(r, 0, sizeof(*r));
	r->v = malloc(EVENT_RING_EVENTS * sizeof(*r->v));
	r->texts = malloc(EVENT_RING_TEXTS);
	if (r->v != NULL && r->texts != NULL)
		return 0;
	event_ring_close(r);
	return -ENOMEM;
}

void event_ring_close(struct event_ring *r)
{
	free(r->v);
	free(r->texts);
	memset(r, 0, sizeof(*r));
}

static struct event_kept *ring_place(const struct event_ring *r, uint64_t place)
{
	return &r->v[place % EVENT_RING_EVENTS];
}

static const char *ring_text(const struct event_ring *r, uint64_t text)
{
	return r->texts + text % EVENT_RING_TEXTS;
}

static void ring_drop_first(struct event_ring *r)
{
	r->floor = ring_place(r, r->first)->seq;
	r->first++;
}

/* Most events are of the same lane as the one before, and share its texts. */
static bool ring_same_texts(const struct event_ring *r, const struct state_event *e)
{
	const struct event_kept *last;
	const char *queue;

	if (r->first == r->end || e->reason != NULL)
		return false;
	last = ring_place(r, r->end - 1);
	queue = ring_text(r, last->text);
	return !last->error && strcmp(queue, e->queue) == 0 && strcmp(queue + strlen(queue) + 1, e->type) == 0;
}

/* Room for so many bytes in one piece, behind all texts; the events whose texts lie there go. */
static uint64_t ring_text_room(struct event_ring *r, size_t size)
{
	uint64_t at = r->text_end, left = EVENT_RING_TEXTS - at % EVENT_RING_TEXTS;

	if (size > left)
		at += left;
	r->text_end = at + size;
	while (r->first != r->end && r->text_end - ring_place(r, r->first)->text > EVENT_RING_TEXTS)
		ring_drop_first(r);
	return at;
}

static uint64_t ring_put_texts(struct event_ring *r, const struct state_event *e)
{
	const char *const texts[] = { e->queue, e->type, e->reason, e->message };
	size_t n = e->reason != NULL ? 4 : 2, size = 0;
	uint64_t at;
	char *to;

	for (size_t i = 0; i < n; i++)
		size += strlen(texts[i]) + 1;
	if (size > EVENT_RING_TEXTS)
		return UINT64_MAX;
	at = ring_text_room(r, size);
	to = r->texts + at % EVENT_RING_TEXTS;
	for (size_t i = 0; i < n; i++)
		to = stpcpy(to, texts[i]) + 1;
	return at;
}

void event_ring_put(struct event_ring *r, const struct state_event *e)
{
	uint64_t text = ring_same_texts(r, e) ? ring_place(r, r->end - 1)->text : ring_put_texts(r, e);
	if (text == UINT64_MAX) {	/* too long to be kept: as if it and all before it had left */
		r->first = r->end;
		r->floor = e->seq;
		return;
	}
	if (r->end - r->first == EVENT_RING_EVENTS)
		ring_drop_first(r);
	*ring_place(r, r->end++) = (struct event_kept){ .seq = e->seq, .text = text, .at = e->at, .id = e->id,
		.attempt = e->attempt, .state = (unsigned char)e->state, .error = e->reason != NULL };
}

uint64_t event_ring_seek(const struct event_ring *r, uint64_t seq)
{
	uint64_t low = r->first, high = r->end;

	while (low < high) {
		uint64_t middle = low + (high - low) / 2;

		if (ring_place(r, middle)->seq > seq)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

struct state_event event_ring_at(const struct event_ring *r, uint64_t place)
{
	const struct event_kept *k = ring_place(r, place);
	struct state_event e = { .seq = k->seq, .at = k->at, .id = k->id, .attempt = k->attempt,
				 .state = (enum job_state)k->state };

	e.queue = ring_text(r, k->text);
	e.type = e.queue + strlen(e.queue) + 1;
	if (k->error) {
		e.reason = e.type + strlen(e.type) + 1;
		e.message = e.reason + strlen(e.reason) + 1;
	}
	return e;
}
