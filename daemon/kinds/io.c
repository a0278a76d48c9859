#include "kinds/io.h"

#include "coro/loop.h"
#include "coro/resolve.h"
#include "coro/trust.h"
#include "kinds/fetch.h"

void io_close(void)
{
	fetch_close();
	resolve_close();
	trust_close();
}

struct aside {
	struct deferred deferred;
	struct latch done;
	void (*fn)(void *arg);
	void *arg;
};

static void aside_run(void *arg)
{
	struct aside *a = arg;

	a->fn(a->arg);
	latch_set(&a->done);
}

void io_aside(void (*fn)(void *arg), void *arg)
{
	struct aside a = { .fn = fn, .arg = arg };

	latch_init(&a.done);
	deferred_init(&a.deferred, aside_run, &a);
	loop_defer(&a.deferred);
	latch_wait(&a.done);
}

int io_succeed(struct io_job *job, struct outcome *out, struct buf *result)
{
	size_t len = buf_len(result);
	char *text;

	if (!buf_failed(result) && len > job->result_bytes) {
		buf_free(result);
		return io_fail(out, "too_large", "the result would be %zu bytes long, and limits.result_bytes is %zu", len,
			       job->result_bytes);
	}
	text = buf_steal(result, &len);
	outcome_succeed(out, text, len);
	return IO_ENDED;
}
