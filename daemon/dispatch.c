#include "dispatch.h"

#include <errno.h>
#include <stdlib.h>

#include "base/log.h"
#include "backlog/backlog.h"
#include "store/store.h"
#include "work/pool.h"

enum {
	STARTS_A_TURN = 256,		/* then others get the loop */
	PAGES_MAX = 4,			/* under way at once: what they load is bounded */
	RECOVER_BATCH = 1000,
	STORE_RETRY = 500 * 1000,
	MEMORY_RETRY = 100 * 1000,
	TOKEN_WAIT = 1000		/* ms: how late a step of the wall clock may be noticed */
};

void dispatch_init(struct dispatch *d)
{
	cond_init(&d->wake);
}

void dispatch_wake(struct dispatch *d)
{
	d->woken = true;
	cond_signal(&d->wake);
}

void dispatch_store_failed(struct dispatch *d)
{
	d->resume_at = clock_after(STORE_RETRY);
}

bool dispatch_room(const struct dispatch *d, enum job_class class, bool brief)
{
	if (class == CLASS_IO)
		return d->attempts->alive[CLASS_IO] < d->io_jobs;
	return pool_room(d->pool, brief) > d->attempts->entering;
}

/* ---- pages ---- */

struct page_request {
	struct dispatch *dispatch;
	struct flow *flow;
	size_t max;
};

static void page_came(void *arg, int rc, const struct job_row *rows, size_t n)
{
	struct page_request *page = arg;

	if (rc != 0)
		dispatch_store_failed(page->dispatch);
	backlog_paged(page->dispatch->backlog, page->flow, rc, rows, n, page->max);
	page->dispatch->pages--;
	dispatch_wake(page->dispatch);
	free(page);
}

static void ask_for_pages(struct dispatch *d)
{
	struct flow *flow;
	size_t max;

	while (d->pages < PAGES_MAX && (flow = backlog_hungry(d->backlog, &max)) != NULL) {
		struct page_request *page = malloc(sizeof(*page));
		int rc = -ENOMEM;

		if (page != NULL) {
			*page = (struct page_request){ d, flow, max };
			rc = store_ready_page(d->store, flow->lane->queue->name, flow->lane->type, flow->id, flow->page_priority,
					      flow->page_id, max, page_came, page);
		}
		if (rc != 0) {
			free(page);
			d->resume_at = clock_after(MEMORY_RETRY);
			backlog_paged(d->backlog, flow, rc, NULL, 0, max);
			return;
		}
		d->pages++;
	}
}

/* ---- starts ---- */

static struct job *next_of(struct dispatch *d, enum job_class class, wall_ms now)
{
	struct job *job = dispatch_room(d, class, true) ? backlog_peek(d->backlog, class, now) : NULL;

	/* What is limited is on disk before it starts, and so never lies ahead in the pool. */
	return job != NULL && dispatch_room(d, class, job->lane->kind->brief && !backlog_limited(job)) ? job : NULL;
}

/* The classes take turns, so that many jobs of one do not hold up the other. */
static struct job *next_job(struct dispatch *d, wall_ms now)
{
	enum job_class first = d->last == CLASS_IO ? CLASS_CPU : CLASS_IO;
	struct job *job = next_of(d, first, now);

	if (job == NULL)
		job = next_of(d, first == CLASS_IO ? CLASS_CPU : CLASS_IO, now);
	if (job != NULL)
		d->last = job->lane->kind->class;
	return job;
}

/* Starts what there is room for; false when it stopped early to let others run. */
static bool start_jobs(struct dispatch *d)
{
	wall_ms now = clock_wall();

	for (int n = 0; n < STARTS_A_TURN; n++) {
		struct job *job = next_job(d, now);

		if (job == NULL)
			return true;
		backlog_take(d->backlog, job, now);
		if (attempt_start(d->attempts, job) != 0) {
			d->resume_at = clock_after(MEMORY_RETRY);
			backlog_done(d->backlog, &job);
			return true;
		}
	}
	return false;
}

/* When to look again, should nobody call: after a failure, or when a queue has its next token. */
static mono_us dispatch_until(const struct dispatch *d)
{
	wall_ms token = d->draining ? 0 : backlog_next_token(d->backlog), now;
	mono_us until = MONO_NEVER;

	if (token != 0) {
		now = clock_wall();
		token = token - now < TOKEN_WAIT ? token : now + TOKEN_WAIT;
		until = token > now ? clock_after((token - now) * 1000) : clock_after(0);
	}
	return d->resume_at != 0 && d->resume_at < until ? d->resume_at : until;
}

/* After a failure, nothing starts until the store can write again. */
static bool dispatch_held_up(struct dispatch *d)
{
	if (d->resume_at == 0)
		return false;
	if (clock_mono() < d->resume_at)
		return true;
	if (store_probe(d->store) != 0) {
		dispatch_store_failed(d);
		return true;
	}
	d->resume_at = 0;
	return false;
}

static int recover(struct dispatch *d)
{
	bool left = true;
	int rc = 0;

	while (left && rc != -ECANCELED) {
		rc = store_recover(d->store, clock_wall(), RECOVER_BATCH, &left);
		if (rc != 0)
			rc = coro_sleep(clock_after(STORE_RETRY));
	}
	return rc;
}

void dispatch_main(void *arg)
{
	struct dispatch *d = arg;
	int rc = recover(d);

	while (rc != -ECANCELED) {
		bool held_up = dispatch_held_up(d);
		bool done = true;

		d->woken = false;
		backlog_refresh(d->backlog, clock_wall());	/* even with no room: who waits must have something to wait for */
		if (!held_up) {
			ask_for_pages(d);
			if (!d->draining)
				done = start_jobs(d);
		}
		if (!done || d->woken)
			rc = coro_yield();
		else
			rc = cond_wait(&d->wake, dispatch_until(d));
	}
}
