/*
 * parts: what a client's command may use, in one place. Made by server.c.
 */
#ifndef JOBD_PARTS_H
#define JOBD_PARTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "attempt.h"
#include "base/clock.h"
#include "dispatch.h"
#include "due.h"
#include "fill.h"
#include "notify.h"
#include "backlog/backlog.h"
#include "schedules.h"

struct limits {
	size_t message_bytes;
	size_t connections;
	size_t requests_per_connection;
	size_t requests;		/* in flight, of all connections */
	size_t waits;			/* of these, such as wait for jobs */
	int64_t jobs;			/* not final; 0 = no limit */
};

struct parts {
	struct store *store;
	struct pool *pool;
	struct notify *notify;
	struct backlog backlog;
	struct attempts attempts;
	struct dispatch dispatch;
	struct due due;
	struct fill fill;
	struct schedules schedules;
	struct limits limits;

	bool shutting_down;
	mono_us started;
	size_t connections, requests;	/* open, in flight */
	size_t waits;			/* requests that wait for jobs */
	size_t bulks;			/* calls about many jobs under way */
	bool backing_up;
	size_t submitting;		/* jobs admitted that the store has not answered for */
	uint64_t accepted;		/* connections so far */

	/* Reads the configuration again; 0, or -1 with a sentence in why. */
	int (*reload)(void *arg, char *why, size_t why_size);
	void *arg;
};

#endif
