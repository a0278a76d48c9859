#include "await.h"

#include <errno.h>
#include <stdlib.h>

#include "notify.h"
#include "store/store.h"

/* One job that is waited for. */
struct awaited {
	struct watcher watcher;
	bool reached;
};

/* Where the job is now, by the store. Heard of meanwhile or not: what is final stays so. */
static int look_up(struct store *store, struct awaited *a, bool started)
{
	struct job_record record;
	int rc = store_get(store, a->watcher.id, &record);

	if (rc != 0)
		return rc;
	a->reached = job_state_final(record.row.state) || (started && record.row.attempt > 0);
	job_record_free(&record);
	return 0;
}

/*
 * Takes up what has been heard since the last look. 1 once all are reached; 0,
 * and *which is one that is not; -ENOENT as soon as one of them has gone.
 */
static int take_news(struct awaited *v, size_t n, bool started, size_t *which)
{
	size_t pending = n, gone = n;

	for (size_t i = n; i-- > 0;) {
		struct awaited *a = &v[i];

		a->reached = a->reached || a->watcher.ended || (started && a->watcher.begun);
		if (!a->reached)
			pending = i;
		if (a->watcher.gone)
			gone = i;
	}
	if (pending == n)
		return 1;
	*which = gone < n ? gone : pending;
	return gone < n ? -ENOENT : 0;
}

static int await_all(struct store *store, struct awaited *v, size_t n, bool started, struct cond *changed, mono_us deadline,
		     size_t *which)
{
	int rc;

	for (*which = 0; *which < n; ++*which) {
		rc = look_up(store, &v[*which], started);
		if (rc != 0)
			return rc;
	}
	while ((rc = take_news(v, n, started, which)) == 0) {
		rc = cond_wait(changed, deadline);
		if (rc != 0)
			return rc;
	}
	return rc > 0 ? 0 : rc;
}

int await_jobs(struct store *store, struct notify *notify, const int64_t *ids, size_t n, bool started, mono_us deadline,
	       size_t *which)
{
	struct awaited *v = calloc(n, sizeof(*v));
	struct cond changed;
	size_t watched = 0;
	int rc = 0;

	*which = 0;
	if (v == NULL)
		return -ENOMEM;
	cond_init(&changed);
	while (rc == 0 && watched < n) {
		rc = notify_watch(notify, &v[watched].watcher, ids[watched], &changed);
		watched += rc == 0;
	}
	if (rc == 0)
		rc = await_all(store, v, n, started, &changed, deadline, which);
	while (watched > 0)
		notify_unwatch(notify, &v[--watched].watcher);
	free(v);
	return rc;
}
