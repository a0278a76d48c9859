#include "store/rules.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "store/rules_graph.h"

void rules_move(struct job_kept *k, enum job_state to, wall_ms now, struct effect *e)
{
	bool crosses;

	if (!job_state_may_follow(k->row.state, to))
		log_fatal("job %lld: %s may not follow %s", (long long)k->row.id, job_state_name(to),
			  job_state_name(k->row.state));
	crosses = to != JOB_NONE && job_state_final(to) != job_state_final(k->row.state);
	k->row.state = to;
	k->final_at = job_state_final(to) ? now : 0;
	e->changed = true;
	if (crosses)
		rules_graph_cross(k);
}

static void rules_error(struct effect *e, const char *reason, const char *message)
{
	e->reason = reason;
	e->message = message;
}

void rules_archive(struct job_kept *k, struct effect *e)
{
	e->archive = rules_latest(k);
	k->outcome = -1;
}

static void rules_first_state(struct job_kept *k, const struct submission *s, const struct graph_start *start, wall_ms now,
			      struct effect *e, char *why)
{
	k->graph = (s->after_n > 0 ? GRAPH_AFTER : 0) | (s->after_run ? GRAPH_RUN : 0) | (s->fill ? GRAPH_FILL : 0);
	if (start->blame != 0) {
		rules_graph_blame(e, start->blame, start->how, why);
		k->row.state = JOB_CANCELLED;
		k->final_at = now;
		return;
	}
	k->row.pending = start->pending;
	k->row.state = s->hold ? JOB_HELD : rules_graph_state(k, now);
}

void rules_submit(struct job_kept *k, const struct submission *s, const struct graph_start *start, int64_t id, wall_ms now,
		  struct effect *e, char *why)
{
	memset(k, 0, sizeof(*k));
	k->row.id = id;
	k->row.priority = s->priority;
	k->row.submitted_at = now;
	k->row.run_at = s->run_at;
	k->row.expires_at = s->expires_at;
	k->outcome = -1;
	k->retain = s->spec->retain;
	k->interrupted_fail = s->spec->interrupted_fail;
	rules_first_state(k, s, start, now, e, why);
}

enum unique_verdict rules_unique(const struct submission *s, enum job_state holder)
{
	if (s->unique_on_conflict == UNIQUE_EXISTING)
		return UNIQUE_ANSWER;
	if (s->unique_on_conflict == UNIQUE_REJECT || job_state_final(holder))
		return UNIQUE_TAKEN;
	return holder == JOB_RUNNING ? UNIQUE_RUNS : UNIQUE_CANCEL;
}

wall_ms rules_request_until(wall_ms at)
{
	return at + 24LL * 3600 * 1000;
}

int rules_room(struct submission *s, int64_t waiting)
{
	if (s->max_ready == 0 || waiting < s->max_ready)
		return 0;
	s->waiting = waiting;
	s->id = 0;
	return -EXFULL;
}

int rules_slots(const struct claim *c, const char *queue, int64_t queue_running, int64_t key_running, int64_t key_limit)
{
	if (c->queue != NULL && strcmp(c->queue, queue) != 0)
		return -EBUSY;
	if (c->concurrency > 0 && queue_running >= c->concurrency)
		return -EAGAIN;
	return key_limit > 0 && key_running >= key_limit ? -EAGAIN : 0;
}

static void rules_where(struct job_kept *k, const char where[static sizeof(k->where)])
{
	memcpy(k->where, where, sizeof(k->where));
	k->where[sizeof(k->where) - 1] = '\0';
}

static void rules_start(struct job_kept *k, int attempt, wall_ms started_at, const char *where, struct effect *e)
{
	rules_archive(k, e);
	e->forget = true;	/* it was of the attempt before */
	k->row.attempt = attempt;
	k->row.started_at = started_at;
	k->row.finished_at = 0;
	rules_where(k, where);
}

int rules_claim(struct job_kept *k, const struct claim *c, struct effect *e)
{
	if (k->row.state != JOB_READY || c->attempt != k->row.attempt + 1)
		return -EBUSY;
	rules_start(k, c->attempt, c->started_at, c->where, e);
	rules_move(k, JOB_RUNNING, c->started_at, e);
	return 0;
}

static void rules_end(struct job_kept *k, enum outcome_kind outcome, wall_ms now)
{
	k->row.finished_at = now;
	k->outcome = (int)outcome;
	k->row.interruptions = outcome == OUTCOME_INTERRUPTED ? k->row.interruptions + 1 : 0;
}

/* A cancel that was recorded before decides, whatever the attempt came to. */
static bool rules_settle_cancelled(struct job_kept *k, struct settlement *s, struct effect *e)
{
	if (k->row.cancel_requested_at == 0)
		return false;
	rules_end(k, OUTCOME_CANCELLED, s->finished_at);
	rules_move(k, JOB_CANCELLED, s->finished_at, e);
	if (s->outcome != OUTCOME_CANCELLED || s->reason == NULL)
		rules_error(e, "cancelled", "cancelled while it ran");
	return true;
}

int rules_settle(struct job_kept *k, struct settlement *s, struct effect *e)
{
	bool running = k->row.state == JOB_RUNNING && s->attempt == k->row.attempt;

	if (!running && (k->row.state != JOB_READY || s->attempt != k->row.attempt + 1))
		return -EBUSY;
	if (running)
		k->row.started_at = s->started_at;
	else
		rules_start(k, s->attempt, s->started_at, s->where, e);
	rules_where(k, s->where);
	rules_error(e, s->reason, s->message);
	if (!running || !rules_settle_cancelled(k, s, e)) {
		rules_end(k, s->outcome, s->finished_at);
		k->row.excused += s->excused;
		if (s->next == JOB_SCHEDULED)
			k->row.run_at = s->run_at;
		rules_move(k, s->next, s->finished_at, e);
	}
	s->state = k->row.state;
	return 0;
}

int rules_cancel(struct job_kept *k, wall_ms now, struct effect *e)
{
	if (job_state_final(k->row.state))
		return -EBUSY;
	if (k->row.cancel_requested_at != 0)
		return 0;
	k->row.cancel_requested_at = now;
	e->changed = true;
	if (k->row.state == JOB_RUNNING)
		return 0;
	rules_error(e, "cancelled", k->row.attempt == 0 ? "cancelled before it started" : "cancelled between two attempts");
	rules_archive(k, e);
	rules_move(k, JOB_CANCELLED, now, e);
	return 0;
}

int rules_hold(struct job_kept *k, wall_ms now, struct effect *e)
{
	if (!job_state_waiting(k->row.state))
		return -EBUSY;
	if (k->row.state != JOB_HELD)
		rules_move(k, JOB_HELD, now, e);
	return 0;
}

int rules_release(struct job_kept *k, wall_ms now, struct effect *e)
{
	if (k->row.state != JOB_HELD)
		return -EBUSY;
	rules_move(k, rules_graph_state(k, now), now, e);
	return 0;
}

int rules_retry(struct job_kept *k, wall_ms now, struct effect *e)
{
	if (!job_state_final(k->row.state))
		return -EBUSY;
	rules_archive(k, e);
	e->forget = true;
	k->row.excused = k->row.attempt;
	k->row.interruptions = 0;
	k->row.run_at = 0;
	k->row.cancel_requested_at = 0;
	if (k->row.expires_at <= now)
		k->row.expires_at = 0;
	rules_move(k, rules_graph_state(k, now), now, e);
	return 0;
}

int rules_delete(struct job_kept *k, wall_ms now, struct effect *e)
{
	if (!job_state_final(k->row.state))
		return -EBUSY;
	if (k->dependents > 0)
		return -ENOTEMPTY;
	rules_move(k, JOB_NONE, now, e);
	return 0;
}

int rules_update_room(const struct job_update *u, int64_t waiting)
{
	return u->max_ready == 0 || waiting < u->max_ready ? 0 : -EXFULL;
}

int rules_update(struct job_kept *k, const struct job_update *u, wall_ms now, struct effect *e)
{
	enum job_state due = u->run_at > now ? JOB_SCHEDULED : JOB_READY;

	if (!job_state_waiting(k->row.state))
		return -EBUSY;
	if (u->what & UPDATE_PRIORITY)
		k->row.priority = u->priority;
	if (u->what & UPDATE_RUN_AT)
		k->row.run_at = due == JOB_SCHEDULED ? u->run_at : 0;
	if ((u->what & UPDATE_RUN_AT) && (k->row.state == JOB_SCHEDULED || k->row.state == JOB_READY) && k->row.state != due)
		rules_move(k, due, now, e);
	e->changed = true;
	return 0;
}

int rules_due(struct job_kept *k, wall_ms now, struct effect *e)
{
	if (k->row.state != JOB_SCHEDULED || k->row.run_at > now)
		return -EBUSY;
	rules_move(k, JOB_READY, now, e);
	return 0;
}

int rules_expire(struct job_kept *k, wall_ms now, struct effect *e)
{
	if (!job_state_waiting(k->row.state) || k->row.attempt > 0 || k->row.expires_at == 0 || k->row.expires_at > now)
		return -EBUSY;
	rules_error(e, "expired", "it had not started when its time was over");
	rules_move(k, JOB_EXPIRED, now, e);
	return 0;
}

int rules_recover(struct job_kept *k, wall_ms now, struct effect *e)
{
	if (k->row.state != JOB_RUNNING)
		return -EBUSY;
	e->forget = true;	/* it ended without a word: what is kept of its output is all there is */
	if (k->row.cancel_requested_at != 0) {
		rules_end(k, OUTCOME_CANCELLED, now);
		rules_error(e, "cancelled", "cancelled while it ran");
		rules_move(k, JOB_CANCELLED, now, e);
		return 0;
	}
	rules_end(k, OUTCOME_INTERRUPTED, now);
	k->row.excused++;
	if (k->interrupted_fail) {
		rules_error(e, "interrupted", "the daemon ended while it ran, and it may not run twice");
		rules_move(k, JOB_FAILED, now, e);
	} else if (k->row.interruptions >= JOB_INTERRUPTIONS_MAX) {
		rules_error(e, "interrupted", "the daemon ended while it ran, ten times in a row");
		rules_move(k, JOB_FAILED, now, e);
	} else {
		rules_error(e, "interrupted", "the daemon ended while it ran");
		rules_move(k, JOB_READY, now, e);
	}
	return 0;
}

void rules_queue_set(struct queue_row *row, unsigned members, const struct queue_row *was)
{
	struct queue_row to = was != NULL ? *was : (struct queue_row){ 0 };

	to.name = row->name;
	if (members & QUEUE_PAUSED)
		to.paused = row->paused;
	if (members & QUEUE_CONCURRENCY)
		to.set.concurrency = row->set.concurrency;
	if (members & QUEUE_RATE)
		to.set.rate = row->set.rate;
	if (members & QUEUE_WEIGHT)
		to.set.weight = row->set.weight;
	if (members & QUEUE_MAX_READY)
		to.set.max_ready = row->set.max_ready;
	*row = to;
}

wall_ms rules_prune_at(const struct job_kept *k, wall_ms retain_default)
{
	return k->final_at + (k->retain >= 0 ? k->retain : retain_default);
}

bool rules_prunable(const struct job_kept *k)
{
	return job_state_final(k->row.state) && k->dependents == 0 && k->graph < GRAPH_MOVING;
}

bool rules_output(const struct job_kept *k, int attempt)
{
	return (k->row.state == JOB_RUNNING && attempt == k->row.attempt) ||
	       (k->row.state == JOB_READY && attempt == k->row.attempt + 1);
}

bool rules_latest(const struct job_kept *k)
{
	return k->outcome >= 0;
}
