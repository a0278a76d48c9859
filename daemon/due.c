#include "due.h"

#include <errno.h>

enum {
	BATCH = 1000,
	PRUNE_BATCH = 200,		/* at least; or twice what has ended, up to BATCH */
	PRUNE_PAUSE = 5 * 1000,		/* between batches: others' commits go first */
	PRUNE_IDLE = 10 * 1000 * 1000,
	PRUNE_GRACE = 1000,		/* ms that a final record stays in any case, for who waits for it to read it */
	WALL_STEP = 1000,		/* ms: how late a step of the wall clock may be noticed */
	STORE_RETRY = 500 * 1000
};

void due_init(struct due *d)
{
	/* Unknown until asked: long past, so that it is asked at once. */
	d->next_run = d->next_expiry = d->next_resolve = 1;
	cond_init(&d->earlier);
	cond_init(&d->prune_earlier);
}

static bool due_lower(wall_ms *next, wall_ms at)
{
	if (at == 0 || (*next != 0 && *next <= at))
		return false;
	*next = at;
	return true;
}

void due_changed(struct due *d, const struct job_change *change)
{
	bool earlier = false;

	if (change->to == JOB_SCHEDULED)
		earlier = due_lower(&d->next_run, change->row->run_at);
	if (job_state_waiting(change->to) && change->row->attempt == 0)
		earlier = due_lower(&d->next_expiry, change->row->expires_at) || earlier;
	if (earlier)
		cond_signal(&d->earlier);
	d->ended += job_state_final(change->to);
	if (job_state_final(change->to) && change->retain >= 0 && due_lower(&d->next_prune, change->at + change->retain + PRUNE_GRACE))
		cond_signal(&d->prune_earlier);
}

void due_unresolved(struct due *d)
{
	due_lower(&d->next_resolve, 1);
	cond_signal(&d->earlier);
}

static bool due_now(wall_ms next, wall_ms now)
{
	return next != 0 && next <= now;
}

/*
 * While the verb is under way `next` says "none", so that what due_changed puts
 * there meanwhile is seen; the verb's own answer is then one more bidder.
 */
static int due_run(struct due *d, int (*verb)(struct store *, wall_ms, size_t, wall_ms *), wall_ms *next, wall_ms now)
{
	wall_ms left = 0;
	int rc;

	if (!due_now(*next, now))
		return 0;
	*next = 0;
	rc = verb(d->store, now, BATCH, &left);
	due_lower(next, rc == 0 ? left : now);
	return rc;
}

static mono_us due_wait_until(const struct due *d, wall_ms now)
{
	wall_ms next = d->next_run;

	if (next == 0 || (d->next_expiry != 0 && d->next_expiry < next))
		next = d->next_expiry;
	if (d->next_resolve != 0)
		return MONO_PAST;
	if (next == 0)
		return MONO_NEVER;
	if (next <= now)
		return MONO_PAST;
	return clock_after((next - now < WALL_STEP ? next - now : WALL_STEP) * 1000);
}

void due_main(void *arg)
{
	struct due *d = arg;
	int rc = 0;

	while (rc != -ECANCELED) {
		wall_ms now = clock_wall();
		mono_us until;

		if (due_run(d, store_expire, &d->next_expiry, now) != 0 || due_run(d, store_due, &d->next_run, now) != 0 ||
		    due_run(d, store_resolve, &d->next_resolve, now) != 0) {
			rc = coro_sleep(clock_after(STORE_RETRY));
			continue;
		}
		until = due_wait_until(d, clock_wall());
		rc = until == MONO_PAST ? coro_yield() : cond_wait(&d->earlier, until);
	}
}

/* When to look again after one that found nothing: records kept by number alone are looked for now and then. */
static mono_us prune_wait_until(const struct due *d, wall_ms now)
{
	mono_us wait = d->next_prune != 0 ? (d->next_prune - now) * 1000 : PRUNE_IDLE;

	if (wait > PRUNE_IDLE)
		wait = PRUNE_IDLE;
	return clock_after(wait > PRUNE_PAUSE ? wait : PRUNE_PAUSE);
}

static size_t prune_batch(struct due *d)
{
	size_t n = 2 * d->ended;

	d->ended = 0;
	return n < PRUNE_BATCH ? PRUNE_BATCH : n > BATCH ? BATCH : n;
}

void due_prune_main(void *arg)
{
	struct due *d = arg;
	int rc = 0;

	while (rc != -ECANCELED) {
		wall_ms next = 0;
		size_t removed = 0;

		d->next_prune = 0;
		store_prune(d->store, clock_wall() - PRUNE_GRACE, prune_batch(d), &next, &removed);
		due_lower(&d->next_prune, next != 0 ? next + PRUNE_GRACE : 0);
		if (removed > 0)
			rc = coro_sleep(clock_after(PRUNE_PAUSE));
		else
			rc = cond_wait(&d->prune_earlier, prune_wait_until(d, clock_wall()));
	}
}
