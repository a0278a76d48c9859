#include "explain.h"

#include <stdarg.h>
#include <stdio.h>

#include "parts.h"
#include "proto/timefmt.h"
#include "reason.h"
#include "record.h"
#include "work/pool.h"

enum { SENTENCE_SIZE = 512 };

/* A sentence and, where one is known, the time before which nothing changes. */
struct sentence {
	char text[SENTENCE_SIZE];
	wall_ms earliest;
};

static void __attribute__((format(printf, 2, 3))) say(struct sentence *s, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(s->text, sizeof(s->text), fmt, args);
	va_end(args);
}

static double seconds_until(wall_ms at)
{
	wall_ms left = at - clock_wall();

	return left > 0 ? (double)left / 1000 : 0;
}

static void say_scheduled(struct sentence *s, const struct job_record *r)
{
	char at[TIMEFMT_SIZE];

	timefmt_write(at, r->row.run_at);
	s->earliest = r->row.run_at;
	if (r->row.attempt == 0)
		say(s, "it is not to run before %s, %.3f s from now", at, seconds_until(r->row.run_at));
	else
		say(s, "attempt %d failed%s%.64s; at most %d count, and the next is due at %s, %.3f s from now", r->row.attempt,
		    r->reason != NULL ? " by " : "", r->reason != NULL ? r->reason : "", r->row.spec->retry.max_attempts, at,
		    seconds_until(r->row.run_at));
}

static void say_blocked(struct sentence *s, const struct job_record *r, const struct explained *more)
{
	int n = r->row.pending;

	if (n == 0)
		say(s, "the jobs that it was to wait for are through; their results are being filled in");
	else if (more->blockers_n == 1 && n == 1)
		say(s, "it waits for job %lld to end", (long long)more->blockers[0]);
	else
		say(s, "it waits for %d jobs to end, the first of them %lld", n,
		    (long long)(more->blockers_n > 0 ? more->blockers[0] : 0));
}

static void say_busy(struct sentence *s, const struct parts *p, bool io)
{
	struct pool_stats pool;

	if (io) {
		say(s, "%zu jobs of class io run, and limits.io_jobs is %zu", p->attempts.alive[CLASS_IO], p->dispatch.io_jobs);
		return;
	}
	pool_stats(p->pool, &pool);
	say(s, "of the pool's %u processes %u are busy and %u are starting", pool.processes, pool.busy, pool.starting);
}

static void say_paused(struct sentence *s, const struct parts *p, const struct job_row *row)
{
	const struct queue *q = queue_find(&p->backlog.queues, row->spec->queue);

	say(s, "its queue %s is paused, with %lld ready jobs in it, until queue.resume", row->spec->queue,
	    q != NULL ? (long long)queue_count(q, JOB_READY) : 0LL);
}

static void say_limited(struct sentence *s, const struct parts *p, const struct job_spec *spec, enum reason why)
{
	const struct queue *q = queue_find(&p->backlog.queues, spec->queue);
	char at[TIMEFMT_SIZE];
	struct backlog_limit limit;

	backlog_why(&p->backlog, spec, clock_wall(), &limit);
	if (why == REASON_RATE && q != NULL) {
		timefmt_write(at, limit.next_token);
		s->earliest = limit.next_token;
		say(s, "its queue %s starts %g a second (at once at most %lld); the next is due at %s, %.3f s from now", q->name,
		    q->limits.rate.per_second, (long long)q->limits.rate.burst, at, seconds_until(limit.next_token));
	} else if (why == REASON_QUEUE_CONCURRENCY) {
		say(s, "%lld jobs of its queue %s run, and its concurrency is %lld", (long long)limit.in_hand, spec->queue,
		    (long long)limit.limit);
	} else {
		say(s, "%lld jobs of the concurrency key %.255s run, and its limit is %lld", (long long)limit.in_hand,
		    spec->concurrency_key, (long long)limit.limit);
	}
}

static void say_waiting(struct sentence *s, const struct parts *p, const struct job_record *r, enum reason why,
			const struct explained *more)
{
	switch (why) {
	case REASON_HELD:
		say(s, "it is held, until job.release");
		break;
	case REASON_DEPENDENCY:
		say_blocked(s, r, more);
		break;
	case REASON_DELAY:
	case REASON_RETRY:
		say_scheduled(s, r);
		break;
	case REASON_DRAINING:
		say(s, "the daemon drains: nothing starts until daemon.resume; %lld jobs are running",
		    (long long)p->backlog.counts[JOB_RUNNING]);
		break;
	case REASON_QUEUE_PAUSED:
		say_paused(s, p, &r->row);
		break;
	case REASON_NO_WORKER:
		say(s, "nothing that is there runs jobs of type %.64s", r->row.spec->type);
		break;
	case REASON_RATE:
	case REASON_QUEUE_CONCURRENCY:
	case REASON_KEY_CONCURRENCY:
		say_limited(s, p, r->row.spec, why);
		break;
	case REASON_IO_BUSY:
	case REASON_POOL_BUSY:
		say_busy(s, p, why == REASON_IO_BUSY);
		break;
	default:
		say(s, "nothing keeps it: it is about to start");
	}
}

static void say_rest(struct sentence *s, const struct job_row *row)
{
	char at[TIMEFMT_SIZE];

	if (row->state == JOB_RUNNING) {
		timefmt_write(at, row->started_at);
		say(s, "it runs: attempt %d, since %s%s", row->attempt, at,
		    row->cancel_requested_at != 0 ? "; its cancel was asked for" : "");
	} else {
		say(s, "it is over: %s", job_state_name(row->state));
	}
}

static void put_blockers(struct jwriter *w, const struct explained *more)
{
	jw_key(w, "blocked_by");
	jw_array(w);
	for (size_t i = 0; i < more->blockers_n; i++)
		jw_int(w, more->blockers[i]);
	jw_array_end(w);
}

void explain_write(struct jwriter *w, const struct parts *p, const struct job_record *record, const struct explained *more)
{
	const char *reason = record_reason(&record->row, &p->backlog, &p->dispatch);
	struct sentence s = { .earliest = 0 };

	if (reason != NULL)
		say_waiting(&s, p, record, reason_of(reason), more);
	else
		say_rest(&s, &record->row);
	jw_object(w);
	jw_put_string(w, "state", job_state_name(record->row.state));
	if (reason != NULL)
		jw_put_string(w, "reason", reason);
	jw_put_string(w, "message", s.text);
	if (more->blockers_n > 0)
		put_blockers(w, more);
	if (s.earliest != 0)
		jw_put_time(w, "earliest", s.earliest);
	if (more->ahead >= 0)
		jw_put_int(w, "ahead", more->ahead);
	jw_object_end(w);
}
