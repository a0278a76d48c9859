/* Conditions and latches (coro.h): lists to wait on, and one answer to wait for. */
#include "coro/coro_priv.h"

#include "base/log.h"

void cond_init(struct cond *c)
{
	TAILQ_INIT(&c->waiters);
}

void cond_signal(struct cond *c)
{
	struct coro *first = TAILQ_FIRST(&c->waiters);

	if (first != NULL)
		coro_wake(first, 0);
}

void cond_broadcast(struct cond *c)
{
	coro_wake_all(&c->waiters);
}

int cond_wait(struct cond *c, mono_us deadline)
{
	return coro_park(&c->waiters, deadline);
}

void latch_init(struct latch *l)
{
	l->waiter = NULL;
	l->set = false;
}

void latch_set(struct latch *l)
{
	l->set = true;
	if (l->waiter != NULL)
		coro_wake(l->waiter, 0);
}

void latch_wait(struct latch *l)
{
	if (l->set)
		return;
	if (l->waiter != NULL)
		log_fatal("two coroutines wait for one latch: %s and %s", coro_name(l->waiter), coro_name(coro_self()));
	l->waiter = coro_self();
	coro_park_sheltered(NULL);
	l->waiter = NULL;
}
