/*
 * event_ring: the last state events, so that a client who was away for a
 * moment can be told what it missed.
 *
 * Bounded in events and in bytes of text: the oldest make room. `floor` says
 * from which number on none is missing.
 */
#ifndef JOBD_EVENT_RING_H
#define JOBD_EVENT_RING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "proto/jobstate.h"

enum { EVENT_RING_EVENTS = 1 << 18, EVENT_RING_TEXTS = 8 << 20 };

struct state_event {
	uint64_t seq;
	wall_ms at;
	int64_t id;
	int attempt;
	enum job_state state;
	const char *queue, *type;
	const char *reason, *message;	/* of the error, or both NULL */
};

struct event_ring {
	struct event_kept *v;
	char *texts;
	uint64_t first, end;		/* of the events kept; the places of both grow for ever */
	uint64_t text_end;
	uint64_t floor;			/* every event of a higher number is here */
};

/* Takes memory for all it may hold, which is touched only as it fills. 0 or -ENOMEM. */
int event_ring_open(struct event_ring *r);
void event_ring_close(struct event_ring *r);

/* Adds an event; its number is higher than those before. */
void event_ring_put(struct event_ring *r, const struct state_event *e);

/* The place of the first event with a number above `seq`; r->end if there is none. */
uint64_t event_ring_seek(const struct event_ring *r, uint64_t seq);

/* The event at a place from r->first to r->end; its texts are borrowed until the next put. */
struct state_event event_ring_at(const struct event_ring *r, uint64_t place);

#endif
