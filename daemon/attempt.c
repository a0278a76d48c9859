#include "attempt.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "attempt_output.h"
#include "backlog/backlog.h"
#include "base/log.h"
#include "kinds/progress.h"
#include "notify.h"
#include "proto/jtext.h"
#include "retry.h"
#include "work/pool.h"

enum { STORE_RETRY = 500 * 1000, POOL_RETRY = 10 * 1000 };

struct attempt {
	struct attempts *all;
	struct job *job;		/* in our hand */
	struct job_spec *spec;		/* own reference, from the claim where the job had none */
	const struct kind *kind;
	struct coro *coro;		/* to cancel it; NULL once it cannot be stopped any more */
	enum attempt_stop stop;
	struct claim claim;
	bool limited;			/* its start counts for a limit, which the store looks at */
	bool claimed;			/* on disk, before it starts */
	bool claim_pending;		/* a claim without waiting has not been answered */
	bool claim_written;		/* it was accepted */
	struct cond claim_answered;
	bool entered;			/* cpu: the pool has it, or had */
	bool begun;			/* its work has started: in the pool, or here */
	bool cut_off;			/* it was stopped before its work was done */
	LIST_ENTRY(attempt) link;
	struct outcome outcome;
	char *progress;
	union {
		struct io_job io;
		struct {
			struct pool_task task;
			struct attempt_output output;
		} cpu;
	};
};

void attempts_init(struct attempts *all)
{
	coro_group_init(&all->group);
	LIST_INIT(&all->list);
}

static struct notify_job attempt_name(const struct attempt *at)
{
	return (struct notify_job){ at->claim.id, at->job->lane->queue->name, at->job->lane->type, at->claim.attempt };
}

/* Stops it: io at its next await, cpu by signals. It records what became of it and ends. */
static void attempt_stop(struct attempt *at, enum attempt_stop why)
{
	if (at->stop == STOP_NONE || why != STOP_SHUTDOWN)
		at->stop = why;
	if (why == STOP_LOST && at->entered)
		attempt_output_drop(&at->cpu.output);
	if (at->coro != NULL)
		coro_cancel(at->coro);
}

/* ---- claim ---- */

static void claim_answered(void *arg, int rc)
{
	struct attempt *at = arg;

	at->claim_pending = false;
	at->claim_written = rc == 0;
	cond_broadcast(&at->claim_answered);
	if (rc == -EBUSY || rc == -ENOENT)
		attempt_stop(at, STOP_LOST);	/* cancelled, held, expired or moved before our claim was written */
	else if (rc != 0)
		at->all->store_failed(at->all->arg);	/* its settlement will make up for the claim */
}

static void claim_soon(struct attempt *at)
{
	at->claim.started_at = clock_wall();
	at->claim_pending = store_claim_soon(at->all->store, &at->claim, claim_answered, at) == 0;
}

/* Must the claim be on disk, or the arguments come with it, before the job may start? */
static bool claim_comes_first(const struct attempt *at)
{
	return at->spec == NULL || at->spec->interrupted_fail || at->limited;
}

static int claim_first(struct attempt *at)
{
	int rc;

	at->claim.started_at = clock_wall();
	rc = store_claim(at->all->store, &at->claim, at->spec == NULL ? &at->spec : NULL);
	if (rc == 0)
		backlog_started(at->job);
	if (rc != 0 && rc != -EBUSY && rc != -ENOENT)
		at->all->store_failed(at->all->arg);
	return rc;
}

/* ---- run ---- */

static void attempt_progressed(struct attempt *at, char *json)
{
	struct notify_job name = attempt_name(at);

	free(at->progress);
	at->progress = json;
	/* Nobody hears of progress before they have heard of the start. */
	if (json != NULL && !at->claim_pending)
		notify_progress(at->all->notify, &name, json);
}

static void io_progressed(void *arg, double fraction, const char *message)
{
	struct buf json;

	buf_init(&json);
	progress_put(&json, fraction, message);
	attempt_progressed(arg, buf_steal(&json, NULL));
}

static mono_us attempt_deadline(const struct attempt *at)
{
	return at->spec->timeout > 0 ? clock_after(at->spec->timeout * 1000) : MONO_NEVER;
}

static void fail_by_timeout(struct attempt *at)
{
	outcome_fail(&at->outcome, "timeout", "the attempt ran longer than its timeout of %g s", (double)at->spec->timeout / 1000);
}

static int run_io(struct attempt *at)
{
	struct io_job *io = &at->io;
	char why[160];
	int rc;

	io->id = at->claim.id;
	io->attempt = at->claim.attempt;
	io->args = jtext_parse(at->spec->args, at->spec->args_len, why, sizeof(why));
	io->deadline = attempt_deadline(at);
	io->result_bytes = at->all->result_bytes;
	io->progress = io_progressed;
	io->arg = at;
	if (io->args == NULL) {
		outcome_fail(&at->outcome, "handler", "the arguments could not be read: %s", why);
		return 0;
	}
	rc = at->kind->run_io(io, &at->outcome);
	json_decref(io->args);
	if (rc == -ETIMEDOUT)
		fail_by_timeout(at);
	else if (rc != 0 && rc != -ECANCELED)
		outcome_fail(&at->outcome, "io", "%s", strerror(-rc));
	return rc == -ECANCELED ? rc : 0;
}

static void cpu_started(void *arg, const char *where)
{
	struct attempt *at = arg;

	snprintf(at->claim.where, sizeof(at->claim.where), "%s", where);
	at->begun = true;
	if (!at->claimed)
		claim_soon(at);
}

static void cpu_output(void *arg, int stream, int64_t offset, const void *data, size_t len)
{
	struct attempt *at = arg;

	attempt_output_put(&at->cpu.output, stream, offset, data, len);
}

static void cpu_progressed(void *arg, const char *json, size_t len)
{
	attempt_progressed(arg, strndup(json, len));
}

static int run_cpu(struct attempt *at)
{
	struct notify_job name = attempt_name(at);
	struct pool_task *task = &at->cpu.task;
	int rc;

	task->id = at->claim.id;
	task->attempt = at->claim.attempt;
	task->type = at->spec->type;
	task->args = at->spec->args;
	task->args_len = at->spec->args_len;
	task->timeout = at->spec->timeout * 1000;
	task->brief = at->kind->brief && !at->claimed;
	task->started = cpu_started;
	task->output = cpu_output;
	task->progress = cpu_progressed;
	task->arg = at;
	attempt_output_init(&at->cpu.output, at->all->store, at->all->notify, &name, task, &at->all->abandon);
	at->all->entering--;
	at->entered = true;
	/* Room was seen before, but a process may have died since. */
	while ((rc = pool_run(at->all->pool, task, &at->outcome)) == -EAGAIN && coro_sleep(clock_after(POOL_RETRY)) == 0)
		continue;
	attempt_output_end(&at->cpu.output);
	return rc == -EAGAIN ? -ECANCELED : rc;
}

/* ---- record ---- */

static double chance(void)
{
	uint32_t bits;

	if (getrandom(&bits, sizeof(bits), GRND_NONBLOCK) != sizeof(bits))
		bits = (uint32_t)random();
	return bits / 4294967296.0;
}

/* Records the end, however long the store takes to be able to. */
static void attempt_settle(struct attempt *at)
{
	struct settlement s = { .id = at->claim.id, .attempt = at->claim.attempt };
	int rc;

	s.started_at = at->claim.started_at;
	s.finished_at = clock_wall();
	s.progress = at->progress;
	memcpy(s.where, at->claim.where, sizeof(s.where));
	attempt_output_bytes(at, s.output_bytes);
	retry_decide(&s, &at->job->row, at->spec, at->stop, &at->outcome, s.finished_at, chance());
	while ((rc = store_settle(at->all->store, &s)) != 0 && rc != -EBUSY && rc != -ENOENT && !at->all->abandon) {
		at->all->store_failed(at->all->arg);
		coro_sleep(clock_after(STORE_RETRY));
	}
	if (rc == 0 && s.state == JOB_FAILED)
		log_info("job %lld.%d (%s) failed: %s: %s", (long long)s.id, s.attempt, at->spec->type, s.reason, s.message);
}

static void attempt_end(struct attempt *at)
{
	struct attempts *all = at->all;

	while (at->claim_pending)
		cond_wait(&at->claim_answered, MONO_NEVER);
	LIST_REMOVE(at, link);
	all->alive[at->kind->class]--;
	if (at->kind->class == CLASS_CPU && !at->entered)
		all->entering--;
	backlog_done(all->backlog, &at->job);
	if (at->spec != NULL)
		job_spec_unref(&at->spec);
	outcome_free(&at->outcome);
	free(at->progress);
	free(at);
	all->ended(all->arg);
}

/* Why it ended, once it has: a stop that came too late to matter is none. */
static enum attempt_stop attempt_why(const struct attempt *at, int rc)
{
	if (at->stop == STOP_SHUTDOWN && rc != -ECANCELED)
		return STOP_NONE;
	if (at->stop == STOP_SHUTDOWN && !at->begun)
		return STOP_UNBEGUN;
	return at->stop;
}

static void attempt_run(struct attempt *at)
{
	int rc;

	if (at->kind->class == CLASS_CPU) {
		rc = run_cpu(at);
	} else {
		if (!at->claimed)
			claim_soon(at);
		at->begun = true;
		rc = run_io(at);
	}
	at->coro = NULL;
	coro_uncancel();
	at->cut_off = rc == -ECANCELED;
	at->stop = attempt_why(at, rc);
}

/*
 * Did the job go elsewhere? Not if the claim was written all the same, because
 * it had come back by then (held, and released): then this attempt, which was
 * stopped, is the one that it is running, and was cut off.
 */
static bool attempt_is_lost(struct attempt *at)
{
	if (at->stop != STOP_LOST)
		return false;
	while (at->claim_pending)
		cond_wait(&at->claim_answered, MONO_NEVER);
	if (!at->claimed && !at->claim_written)
		return true;
	at->stop = at->cut_off ? STOP_CAME_BACK : STOP_NONE;
	return false;
}

/* Since the job was taken, has it become so that it is not to start? Then it goes back. */
static bool attempt_is_late(const struct attempt *at)
{
	return at->all->draining || queue_still(at->job->lane->queue);
}

static void attempt_main(void *arg)
{
	struct attempt *at = arg;
	int rc = 0;

	if (attempt_is_late(at)) {
		attempt_end(at);
		return;
	}
	if (claim_comes_first(at)) {
		rc = claim_first(at);
		at->claimed = rc == 0;
	}
	if (rc == 0) {
		attempt_run(at);
		if (!attempt_is_lost(at) && (at->begun || at->claimed))
			attempt_settle(at);
	} else if (rc == -EBUSY && at->job->row.state == JOB_READY && at->job->moves_to == NULL && at->stop != STOP_LOST) {
		log_error("job %lld: the store does not let it start", (long long)at->claim.id);
		at->job->row.state = JOB_NONE;	/* not to be tried again and again */
	}
	attempt_end(at);
}

int attempt_start(struct attempts *all, struct job *job)
{
	struct attempt *at = calloc(1, sizeof(*at));
	int rc;

	if (at == NULL)
		return -ENOMEM;
	at->all = all;
	at->job = job;
	at->kind = job->lane->kind;
	at->spec = job->row.spec != NULL ? job_spec_ref(job->row.spec) : NULL;
	at->claim.id = job->row.id;
	at->claim.attempt = job->row.attempt + 1;
	at->claim.queue = job->lane->queue->name;
	at->limited = backlog_limited(job);
	at->claim.concurrency = job->lane->queue->limits.concurrency;
	if (job->token_at != 0) {
		at->claim.rate = job->lane->queue->limits.rate;
		at->claim.token_at = job->token_at;
	}
	snprintf(at->claim.where, sizeof(at->claim.where), "%s", at->kind->class == CLASS_CPU ? "pool" : "io");
	cond_init(&at->claim_answered);
	outcome_init(&at->outcome);
	rc = coro_spawn_handle(&all->group, at->kind->name, attempt_main, at, &at->coro);
	if (rc != 0) {
		if (at->spec != NULL)
			job_spec_unref(&at->spec);
		free(at);
		return rc;
	}
	job->attempt = at;
	LIST_INSERT_HEAD(&all->list, at, link);
	all->alive[at->kind->class]++;
	all->entering += at->kind->class == CLASS_CPU;
	return 0;
}

void attempts_changed(struct attempts *all, const struct job_change *change)
{
	struct job *job;

	if (change->from != JOB_READY && change->from != JOB_RUNNING)
		return;
	job = backlog_find(all->backlog, change->row->id);
	if (job == NULL || job->attempt == NULL)
		return;
	if (change->to == JOB_RUNNING && change->row->cancel_requested_at != 0)
		attempt_stop(job->attempt, STOP_CANCEL);
	else if (change->from == JOB_READY && change->to != JOB_RUNNING && (change->to != JOB_READY || change->from_queue != NULL))
		attempt_stop(job->attempt, STOP_LOST);
}

void attempts_look_again(struct attempts *all)
{
	struct attempt *at;

	LIST_FOREACH(at, &all->list, link)
		if (at->entered && !at->begun && !at->claimed && at->stop == STOP_NONE && (attempt_is_late(at) || backlog_limited(at->job)))
			attempt_stop(at, STOP_LOST);
}

int attempts_each(const struct attempts *all, int (*each)(void *arg, const struct job *job), void *arg)
{
	const struct attempt *at;
	int rc = 0;

	LIST_FOREACH(at, &all->list, link) {
		rc = each(arg, at->job);
		if (rc != 0)
			break;
	}
	return rc;
}

void attempts_interrupt(struct attempts *all)
{
	struct attempt *at;

	LIST_FOREACH(at, &all->list, link)
		attempt_stop(at, STOP_SHUTDOWN);
}

void attempts_abandon(struct attempts *all)
{
	all->abandon = true;
}

void attempts_join(struct attempts *all)
{
	coro_group_join(&all->group);
}

const char *attempt_progress(const struct attempt *at)
{
	return at->progress;
}

void attempt_output_bytes(const struct attempt *at, int64_t out[2])
{
	bool cpu = at->kind->class == CLASS_CPU;

	out[0] = cpu ? at->cpu.task.output_bytes[0] : 0;
	out[1] = cpu ? at->cpu.task.output_bytes[1] : 0;
}
