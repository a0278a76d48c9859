/*
 * windows: the ready jobs that are in memory: of each flow the first ones.
 *
 * Memory is bounded: the windows of all flows share WINDOWS_JOBS_MAX jobs (but
 * each has WINDOW_MIN) and WINDOWS_SPEC_BYTES of their arguments. Each of these
 * changes the windows of one flow only, which its caller then settles.
 */
#ifndef JOBD_WINDOWS_H
#define JOBD_WINDOWS_H

#include <stdbool.h>
#include <stddef.h>

#include "backlog/flow.h"
#include "backlog/job.h"
#include "backlog/lane.h"

enum {
	WINDOWS_JOBS_MAX = 65536,
	WINDOWS_SPEC_BYTES = 64 << 20,
	WINDOW_MIN = 2,
	WINDOW_MAX = 1024
};

struct windows {
	struct job *jobs;	/* the working set, by id */
	size_t flows;		/* among which the room is shared */
	size_t windowed, spec_bytes;
};

struct job *windows_find(const struct windows *w, int64_t id);

/* How many jobs a flow's window holds at most. */
size_t windows_cap(const struct windows *w);

/* Puts a ready job that is in no window into its flow's, or leaves it to the store where the window does not reach. */
void windows_enter(struct windows *w, struct job *job);
void windows_enter_row(struct windows *w, struct flow *f, const struct job_row *row);
/* Takes a job out of its window: it is aside. */
void windows_leave(struct windows *w, struct job *job);
/* A job that is in no window is of another flow now. Its spec names the old queue: it is loaded anew. */
void windows_move(struct windows *w, struct job *job, struct flow *to);
/* Forgets a job that is in no window. */
void windows_forget(struct windows *w, struct job *job);

/* Begins a page, and takes over what came; see backlog.h. */
void windows_ask_page(struct flow *f);
void windows_paged(struct windows *w, struct flow *f, int rc, const struct job_row *rows, size_t n, size_t max);

void windows_free(struct windows *w);

#endif
