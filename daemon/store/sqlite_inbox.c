#include "store/sqlite_inbox.h"

#include <errno.h>
#include <time.h>

int sqlite_inbox_open(struct sqlite_inbox *in)
{
	pthread_condattr_t attr;
	int rc;

	STAILQ_INIT(&in->ops);
	STAILQ_INIT(&in->mine);
	atomic_init(&in->n, 0);
	in->closed = false;
	in->lookout.never = true;
	rc = pthread_mutex_init(&in->mutex, NULL);
	if (rc != 0)
		return -rc;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	rc = pthread_cond_init(&in->filled, &attr);
	pthread_condattr_destroy(&attr);
	if (rc != 0)
		pthread_mutex_destroy(&in->mutex);
	return -rc;
}

void sqlite_inbox_look_out(struct sqlite_inbox *in)
{
	lookout_init(&in->lookout);
}

void sqlite_inbox_free(struct sqlite_inbox *in)
{
	pthread_cond_destroy(&in->filled);
	pthread_mutex_destroy(&in->mutex);
}

void sqlite_inbox_put(struct sqlite_inbox *in, struct op_list *ops, size_t n)
{
	bool was_empty;

	pthread_mutex_lock(&in->mutex);
	was_empty = STAILQ_EMPTY(&in->ops);
	STAILQ_CONCAT(&in->ops, ops);
	atomic_fetch_add(&in->n, n);
	pthread_mutex_unlock(&in->mutex);
	if (was_empty)
		pthread_cond_signal(&in->filled);
}

void sqlite_inbox_close(struct sqlite_inbox *in)
{
	pthread_mutex_lock(&in->mutex);
	in->closed = true;
	pthread_mutex_unlock(&in->mutex);
	pthread_cond_signal(&in->filled);
}

size_t sqlite_inbox_waiting(const struct sqlite_inbox *in)
{
	return atomic_load(&in->n);
}

static struct timespec inbox_deadline(mono_us patience)
{
	struct timespec at;

	clock_gettime(CLOCK_MONOTONIC, &at);
	at.tv_sec += patience / 1000000;
	at.tv_nsec += patience % 1000000 * 1000;
	if (at.tv_nsec >= 1000000000) {
		at.tv_nsec -= 1000000000;
		at.tv_sec++;
	}
	return at;
}

static void inbox_wait(struct sqlite_inbox *in, mono_us patience)
{
	struct timespec until;
	int rc = 0;

	if (patience >= 0)
		until = inbox_deadline(patience);
	while (STAILQ_EMPTY(&in->ops) && !in->closed && rc != ETIMEDOUT)
		rc = patience < 0 ? pthread_cond_wait(&in->filled, &in->mutex)
				  : pthread_cond_timedwait(&in->filled, &in->mutex, &until);
}

/* Moves all there is to the taking thread; waits where it has nothing left. Is the inbox still open? */
static bool inbox_empty_out(struct sqlite_inbox *in, mono_us patience)
{
	bool open;

	pthread_mutex_lock(&in->mutex);
	if (STAILQ_EMPTY(&in->mine))
		inbox_wait(in, patience);
	STAILQ_CONCAT(&in->mine, &in->ops);
	open = !in->closed;
	pthread_mutex_unlock(&in->mutex);
	return open;
}

static bool inbox_any(void *arg)
{
	struct sqlite_inbox *in = arg;

	return atomic_load_explicit(&in->n, memory_order_relaxed) > 0;
}

bool sqlite_inbox_take(struct sqlite_inbox *in, struct op_list *batch, size_t max, size_t weight, mono_us patience)
{
	struct store_op *op;
	size_t taken = 0, n = 0;
	bool open;

	if (STAILQ_EMPTY(&in->mine))
		lookout(&in->lookout, inbox_any, in);
	open = inbox_empty_out(in, patience);
	STAILQ_INIT(batch);
	while (n < max && taken < weight && (op = STAILQ_FIRST(&in->mine)) != NULL) {
		STAILQ_REMOVE_HEAD(&in->mine, link);
		STAILQ_INSERT_TAIL(batch, op, link);
		taken += op_weight(op);
		n++;
	}
	atomic_fetch_sub(&in->n, n);
	return open || n > 0;
}
