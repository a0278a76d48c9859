#include "attempt_output.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "proto/utf8.h"
#include "store/store.h"

enum { CHUNK = 128 * 1024, STORE_RETRY = 500 * 1000 };

void attempt_output_init(struct attempt_output *o, struct store *store, struct notify *notify,
			 const struct notify_job *job, struct pool_task *task, const bool *abandon)
{
	o->abandon = abandon;
	o->store = store;
	o->notify = notify;
	o->job = *job;
	o->task = task;
	for (int i = 0; i < 2; i++) {
		buf_init(&o->streams[i].waiting);
		o->streams[i].offset = 0;
	}
	coro_group_init(&o->writer);
	o->ending = o->unwanted = false;
}

void attempt_output_drop(struct attempt_output *o)
{
	o->unwanted = true;
}

static size_t chunk_of(const struct attempt_output *o, const struct output_stream *s)
{
	size_t len = buf_len(&s->waiting);
	size_t whole;

	if (len > CHUNK)
		len = CHUNK;
	whole = utf8_whole(buf_data(&s->waiting), len);
	return whole > 0 || !o->ending ? whole : len;
}

/* May the store come to accept what it has refused so? Any other refusal is for good. */
static bool store_may_recover(int rc)
{
	return rc == -ENOSPC || rc == -EIO || rc == -ENOMEM;
}

/* Keeps a chunk, however long the store takes to be able to. */
static void keep_chunk(struct attempt_output *o, int stream, int64_t offset, const struct buf *chunk)
{
	int rc = 0;

	while (!o->unwanted && !*o->abandon) {
		rc = store_output_append(o->store, o->job.id, o->job.attempt, stream, offset, buf_data(chunk), buf_len(chunk));
		if (!store_may_recover(rc))
			break;
		coro_sleep(clock_after(STORE_RETRY));
	}
	if (o->unwanted)
		return;
	if (rc != 0)
		log_warning("job %lld.%d: %zu bytes of output are not kept: %s", (long long)o->job.id, o->job.attempt,
			    buf_len(chunk), strerror(-rc));
	notify_output(o->notify, &o->job, stream, offset, buf_data(chunk), buf_len(chunk));
}

/* Writes one chunk of a stream. */
static void write_chunk(struct attempt_output *o, int stream, size_t len)
{
	struct output_stream *s = &o->streams[stream];
	struct buf chunk;

	buf_init(&chunk);
	buf_put(&chunk, buf_data(&s->waiting), len);
	if (buf_failed(&chunk)) {
		buf_free(&chunk);
		coro_sleep(clock_after(STORE_RETRY));
		return;
	}
	keep_chunk(o, stream, s->offset, &chunk);
	buf_free(&chunk);
	buf_consume(&s->waiting, len);
	buf_shrink(&s->waiting, CHUNK);
	s->offset += (int64_t)len;
	if (o->task != NULL)
		pool_output_done(o->task, len);
}

static void writer_main(void *arg)
{
	struct attempt_output *o = arg;
	bool wrote;

	do {
		wrote = false;
		for (int i = 0; i < 2; i++) {
			size_t len = chunk_of(o, &o->streams[i]);

			if (len > 0) {
				write_chunk(o, i, len);
				wrote = true;
			}
		}
	} while (wrote);
}

static void writer_start(struct attempt_output *o)
{
	if (o->writer.count == 0 && coro_spawn(&o->writer, "output", writer_main, o) != 0)
		log_warning("job %lld.%d: out of memory; its output waits", (long long)o->job.id, o->job.attempt);
}

void attempt_output_put(struct attempt_output *o, int stream, int64_t offset, const void *data, size_t len)
{
	struct output_stream *s = &o->streams[stream];

	if (buf_len(&s->waiting) == 0)
		s->offset = offset;
	/* After a loss the two can differ: what follows waits for an empty buffer, and leaves a gap, not a shift. */
	if (offset == s->offset + (int64_t)buf_len(&s->waiting))
		buf_put(&s->waiting, data, len);
	else
		s->waiting.failed = true;
	if (buf_failed(&s->waiting)) {
		log_warning("job %lld.%d: out of memory; %zu bytes of output are lost", (long long)o->job.id, o->job.attempt,
			    len);
		s->waiting.failed = false;
		pool_output_done(o->task, len);
	}
	writer_start(o);
}

void attempt_output_end(struct attempt_output *o)
{
	o->ending = true;
	o->task = NULL;
	while (buf_len(&o->streams[0].waiting) + buf_len(&o->streams[1].waiting) > 0) {
		coro_group_join(&o->writer);
		writer_main(o);
	}
	coro_group_join(&o->writer);
	for (int i = 0; i < 2; i++)
		buf_free(&o->streams[i].waiting);
}
