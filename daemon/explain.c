#include "explain.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "parts.h"
#include "proto/timefmt.h"
#include "reason.h"
#include "record.h"
#include "work/pool.h"

enum { SENTENCE_SIZE = 640 };

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

/* Goes on with the sentence. */
static void __attribute__((format(printf, 2, 3))) say_more(struct sentence *s, const char *fmt, ...)
{
	size_t len = strlen(s->text);
	va_list args;

	va_start(args, fmt);
	vsnprintf(s->text + len, sizeof(s->text) - len, fmt, args);
	va_end(args);
}

/* "1 job", "2 jobs"; the verb that follows agrees: "runs", "run". */
static const char *plural(int64_t n)
{
	return n == 1 ? "" : "s";
}

static const char *verb_end(int64_t n)
{
	return n == 1 ? "s" : "";
}

/* A moment to come: when it is, and how far off, to the millisecond where it is near. */
struct moment {
	char at[TIMEFMT_SIZE], left[TIMEFMT_SPAN_SIZE];
};

static void moment_write(struct moment *m, wall_ms at)
{
	wall_ms left = at - clock_wall();

	timefmt_write(m->at, at);
	if (left >= 60000)
		timefmt_write_span(m->left, left);
	else
		snprintf(m->left, sizeof(m->left), "%.3f s", left > 0 ? (double)left / 1000 : 0);
}

/* How the latest attempt of a job that waits for another ended. After job.retry nothing is known of it but the history. */
static void say_attempt(struct sentence *s, const struct job_record *r)
{
	int used = r->row.attempt - r->row.excused;

	if (r->reason == NULL)
		say(s, "it is to run again, after %d attempt%s", r->row.attempt, plural(r->row.attempt));
	else if (r->row.interruptions > 0)
		say(s, "attempt %d was interrupted, which does not count", r->row.attempt);
	else
		say(s, "attempt %d failed (%.64s), %d of at most %d", r->row.attempt, r->reason, used,
		    r->row.spec->retry.max_attempts);
}

static void say_scheduled(struct sentence *s, const struct job_record *r)
{
	struct moment due;

	moment_write(&due, r->row.run_at);
	s->earliest = r->row.run_at;
	if (r->row.attempt == 0) {
		say(s, "it is not to run before %s, %s from now", due.at, due.left);
		return;
	}
	say_attempt(s, r);
	say_more(s, "; the next is due at %s, %s from now", due.at, due.left);
}

/* Its time has come, but it is on disk that it becomes ready. */
static void say_overdue(struct sentence *s)
{
	say_more(s, "; that has come, and it goes on as soon as the daemon has been able to write so");
}

static void say_blocked(struct sentence *s, const struct job_record *r, const struct explained *more)
{
	int n = r->row.pending;

	if (n == 0)
		say(s, "the jobs that it was to wait for are through; their results are being filled in");
	else if (more->blockers_n == 0)
		say(s, "the jobs that it was to wait for have ended; those that wait for them are told one after the other");
	else if (more->blockers_n == 1 && n == 1)
		say(s, "it waits for job %lld to end", (long long)more->blockers[0]);
	else
		say(s, "it waits for %d jobs to end, the first of them %lld", n, (long long)more->blockers[0]);
}

static void say_io_busy(struct sentence *s, const struct parts *p)
{
	say(s, "%zu job%s of class io run%s, and limits.io_jobs is %zu", p->attempts.alive[CLASS_IO],
	    plural((int64_t)p->attempts.alive[CLASS_IO]), verb_end((int64_t)p->attempts.alive[CLASS_IO]), p->dispatch.io_jobs);
}

static void say_pool_busy(struct sentence *s, const struct parts *p)
{
	struct pool_stats pool;

	pool_stats(p->pool, &pool);
	say(s, "no process of the pool has room: of %u, %u %s busy and %u %s starting", pool.processes, pool.busy,
	    pool.busy == 1 ? "is" : "are", pool.starting, pool.starting == 1 ? "is" : "are");
	if (p->attempts.entering > 0)
		say_more(s, ", and %zu job%s on the way to them", p->attempts.entering,
			 p->attempts.entering == 1 ? " is" : "s are");
}

static void say_paused(struct sentence *s, const struct parts *p, const struct job_row *row)
{
	const struct queue *q = queue_find(&p->backlog.queues, row->spec->queue);
	int64_t ready = q != NULL ? queue_count(q, JOB_READY) : 0;

	if (q != NULL && !q->paused)
		say(s, "its queue %s stands still while it is being purged or paused", row->spec->queue);
	else
		say(s, "its queue %s is paused, with %lld ready job%s in it, until queue.resume", row->spec->queue, (long long)ready,
		    plural(ready));
}

static void say_limited(struct sentence *s, const struct parts *p, const struct job_spec *spec, enum reason why)
{
	const struct queue *q = queue_find(&p->backlog.queues, spec->queue);
	struct backlog_limit limit;
	struct moment due;
	wall_ms now = clock_wall();

	backlog_why(&p->backlog, spec, now, &limit);
	if (why == REASON_RATE && q != NULL) {
		s->earliest = limit.next_token > now ? limit.next_token : now;	/* it may have come since */
		moment_write(&due, s->earliest);
		say(s, "its queue %s starts %g a second (at once at most %lld); the next is due at %s, %s from now", q->name,
		    q->limits.rate.per_second, (long long)q->limits.rate.burst, due.at, due.left);
	} else if (why == REASON_QUEUE_CONCURRENCY) {
		say(s, "%lld job%s of its queue %s run%s, and its concurrency is %lld", (long long)limit.in_hand,
		    plural(limit.in_hand), spec->queue, verb_end(limit.in_hand), (long long)limit.limit);
	} else {
		say(s, "%lld job%s of the concurrency key %.255s run%s, and its limit is %lld", (long long)limit.in_hand,
		    plural(limit.in_hand), spec->concurrency_key, verb_end(limit.in_hand), (long long)limit.limit);
	}
}

static void say_next(struct sentence *s, const struct parts *p)
{
	if (p->dispatch.resume_at != 0)
		say(s, "nothing starts while the disk is full or failing, or memory is short: that is tried again and again");
	else
		say(s, "nothing keeps it: it is about to start");
}

/* Why a job that is ready does not run. */
static void say_ready(struct sentence *s, const struct parts *p, const struct job_record *r, enum reason why)
{
	int64_t running = p->backlog.counts[JOB_RUNNING];

	switch (why) {
	case REASON_DRAINING:
		say(s, "the daemon drains: nothing starts until daemon.resume; %lld job%s running", (long long)running,
		    running == 1 ? " is" : "s are");
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
		say_io_busy(s, p);
		break;
	case REASON_POOL_BUSY:
		say_pool_busy(s, p);
		break;
	default:
		say_next(s, p);
	}
}

static void say_ahead(struct sentence *s, int64_t ahead)
{
	if (ahead > 0)
		say_more(s, "; %lld ready job%s of its queue come%s before it", (long long)ahead, plural(ahead), verb_end(ahead));
	else if (ahead == 0)
		say_more(s, "; no ready job of its queue comes before it");
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
		if (r->row.run_at <= clock_wall())
			say_overdue(s);
		break;
	default:
		say_ready(s, p, r, why);
		say_ahead(s, more->ahead);
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
