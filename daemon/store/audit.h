/*
 * audit: all of a state looked at, that no daemon uses: is it whole, do its
 * tables agree with each other, and what is in it?
 *
 * Nothing is changed. Takes as long as there is to read: for people, and for
 * backups; a start of the daemon looks at less.
 */
#ifndef JOBD_AUDIT_H
#define JOBD_AUDIT_H

#include <stddef.h>
#include <stdint.h>

#include "proto/jobstate.h"
#include "store/store.h"

struct audit {
	int version, version_now;	/* of the file, and what this jobd makes of it when it starts */
	int64_t bytes;			/* of the file and its log */
	int64_t jobs[JOB_STATES];
	int64_t queues, schedules, edges, outputs;	/* the latter: bytes kept of output */
	size_t wrong;			/* how often `found` was told something */
	void (*found)(void *arg, const char *what);	/* the caller's: what is wrong with it, in a sentence */
	void *arg;
};

/*
 * Fills it in. STORE_OPEN_OK where it could be read to its end, with a->wrong
 * things found; else why[] says why not, as store_open does.
 */
enum store_open_result audit_state(const char *directory, struct audit *a, char *why, size_t why_size);

#endif
