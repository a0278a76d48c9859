/* judge: each change of a job must follow from what was asked for and what its bodies did, by the contract's words. */
#include <math.h>
#include <string.h>

#include "fills.h"
#include "graph.h"
#include "life.h"
#include "limits.h"
#include "many.h"
#include "queues.h"
#include "sim.h"

enum { INTERRUPTIONS_MAX = 10, LATE = 2000 };

/* ---- submit ---- */

/* One that was replaced just now is final, and is no holder any more. */
static void judge_unique(const struct wish *w)
{
	for (int64_t id = w->id - 1; w->key != 0 && id > 0; id--) {
		const struct wish *holder = model_find(id);

		must(w->id, holder == NULL || holder->key != w->key ||
		     ((w->scope == UNIQUE_ACTIVE || w->on_conflict == UNIQUE_REPLACE) && job_state_final(holder->state)),
		     "is submitted while %lld holds its key %d", (long long)id, w->key);
	}
}

static void judge_room(int64_t id, int queue)
{
	int64_t max = queue_settings(queue).max_ready;

	must(id, max == 0 || model_waiting(queue) < max || !queue_settled(queue, LATE), "enters a queue where %lld wait of %lld",
	     (long long)model_waiting(queue), (long long)max);
}

static enum job_state first_state(const struct wish *w)
{
	if (graph_blame(w) != NULL)
		return JOB_CANCELLED;
	if (w->hold)
		return JOB_HELD;
	return graph_waits(w) || fills_waits(w) ? JOB_BLOCKED : w->delay > 0 ? JOB_SCHEDULED : JOB_READY;
}

static void judge_submit(const struct wish *w, const struct job_change *c)
{
	const struct job_row *row = c->row;

	must(w->id, c->to == first_state(w), "begins as %s", job_state_name(c->to));
	must(w->id, strcmp(c->queue, sim_queues[w->queue]) == 0 && strcmp(c->type, sim_types[w->type]) == 0 &&
	     row->priority == w->priority, "is not the job that was asked for");
	must(w->id, row->run_at == (w->delay > 0 ? c->at + w->delay : 0), "its time is not what was asked for");
	must(w->id, row->expires_at == (w->ttl >= 0 ? c->at + w->ttl : 0), "it does not expire when asked");
	must(w->id, row->attempt == 0 && row->submitted_at == c->at, "it does not begin anew");
	judge_unique(w);
	judge_room(w->id, w->queue);
}

/* ---- what follows from an attempt ---- */

/* The bounds of the time to the next attempt. */
static void judge_delay(const struct wish *w, int used, wall_ms delay)
{
	double mean = (double)w->retry.base, least, most;

	if (w->retry.backoff == BACKOFF_EXPONENTIAL)
		mean *= pow(2, used - 1);
	else if (w->retry.backoff == BACKOFF_LINEAR)
		mean *= used;
	mean = fmin(mean, (double)w->retry.cap);
	least = fmax(mean * (1 - w->retry.jitter), (double)w->body.retry_after);
	most = fmax(mean * (1 + w->retry.jitter), (double)w->body.retry_after);
	must(w->id, (double)delay >= least - 1 && (double)delay <= most + 1, "waits %lld ms for attempt %d: %.0f to %.0f are due",
	     (long long)delay, used + 1, least, most);
}

static void judge_interrupted(struct wish *w, const struct job_change *c, int interruptions)
{
	enum job_state next = w->once || interruptions >= INTERRUPTIONS_MAX ? JOB_FAILED : JOB_READY;

	must(w->id, c->to == next, "was cut off %d times in a row, and is %s", interruptions, job_state_name(c->to));
	must(w->id, c->reason != NULL && strcmp(c->reason, "interrupted") == 0, "was cut off, and its error says otherwise");
	w->interruptions = interruptions;
	w->uncounted++;
}

static void judge_recovered(struct wish *w, const struct job_change *c)
{
	must(w->id, c->row->attempt == w->row.attempt, "is recovered as attempt %d", c->row->attempt);
	if (w->row.cancel_requested_at != 0)
		must(w->id, c->to == JOB_CANCELLED, "was to be cancelled when it was cut off, and is %s", job_state_name(c->to));
	else
		judge_interrupted(w, c, w->interruptions + 1);
}

static void judge_failure(struct wish *w, const struct job_change *c)
{
	int used = c->row->attempt - w->uncounted;
	bool last = w->body.end == BODY_FATAL || used >= w->retry.max_attempts || (w->once && w->body.end == BODY_LOST);

	w->interruptions = 0;
	if (last) {
		must(w->id, c->to == JOB_FAILED, "failed %d times of %d, and is %s", used, w->retry.max_attempts,
		     job_state_name(c->to));
		return;
	}
	must(w->id, c->to == JOB_SCHEDULED || c->to == JOB_READY, "failed %d times of %d, and is %s", used, w->retry.max_attempts,
	     job_state_name(c->to));
	judge_delay(w, used, c->to == JOB_SCHEDULED ? c->row->run_at - c->row->finished_at : 0);
}

static void judge_settled(struct wish *w, const struct job_change *c)
{
	bool ours = w->body.attempt == c->row->attempt && w->body.life == model_life();

	must(w->id, c->row->attempt == w->row.attempt + (c->from == JOB_READY), "its attempt is %d after %d", c->row->attempt,
	     w->row.attempt);
	must(w->id, !ours || w->body.end != BODY_RUNS, "its end is recorded while it runs");
	if (c->from == JOB_RUNNING && w->row.cancel_requested_at != 0) {
		must(w->id, c->to == JOB_CANCELLED, "was cancelled while it ran, and is %s", job_state_name(c->to));
	} else if (!ours) {
		must(w->id, life_stopping() && c->to == JOB_READY, "has an end without a beginning");
		w->interruptions++;
		w->uncounted++;
	} else if (w->body.end == BODY_CUT) {
		must(w->id, life_stopping(), "is cut off by nobody");
		judge_interrupted(w, c, w->interruptions + 1);
	} else if (w->body.end == BODY_SUCCEEDED) {
		must(w->id, c->to == JOB_SUCCEEDED, "succeeded, and is %s", job_state_name(c->to));
		w->interruptions = 0;
	} else {
		judge_failure(w, c);
	}
}

static void judge_claim(struct wish *w, const struct job_change *c)
{
	const struct job_row *row = c->row;
	bool begun = w->body.attempt == row->attempt && w->body.life == model_life();

	must(w->id, row->attempt == w->row.attempt + 1, "attempt %d follows %d", row->attempt, w->row.attempt);
	must(w->id, !begun || !w->once, "may not run twice, and runs already when it is claimed");
	limits_claimed(w);
	must(w->id, row->attempt > 1 || row->expires_at == 0 || row->started_at < row->expires_at + LATE || life_troubled(LATE),
	     "starts though it has expired");
}

/* ---- what people ask for, and time ---- */

static void judge_asked(const struct wish *w, enum ask ask, const char *what)
{
	must(w->id, w->asking[ask] > 0 || many_asks(w, ask), "is %s, and nobody asks for that", what);
}

static void judge_cancelled(const struct wish *w, const struct job_change *c)
{
	if (strcmp(c->reason, "dependency") == 0) {
		must(w->id, graph_blame(w) != NULL, "is cancelled for none of those before it");
		return;
	}
	must(w->id, w->asking[ASK_CANCEL] > 0 || many_asks(w, ASK_CANCEL) || model_replaced(w->key), "is cancelled, and nobody asks for that");
}

static void judge_expired(const struct wish *w, const struct job_change *c)
{
	must(w->id, w->row.attempt == 0 && w->row.expires_at != 0 && w->row.expires_at <= c->at, "expires before its time");
}

/* It fails where its args cannot be made, and for nothing else before it has begun. */
static void judge_unfilled(const struct wish *w, const struct job_change *c)
{
	must(w->id, c->from == JOB_BLOCKED && c->reason != NULL && strcmp(c->reason, "dependency") == 0, "fails without an attempt");
	must(w->id, fills_waits(w) && !graph_waits(w), "fails for args that are not to be filled in");
	must(w->id, !fills_can(w) || graph_came_back(w), "fails for args that can be filled in");
}

/* To whichever is due. What it has waited for once it need not wait for again, when that comes back. */
static void judge_goes_on(const struct wish *w, const struct job_change *c)
{
	enum job_state to = graph_waits(w) || fills_waits(w) ? JOB_BLOCKED : w->row.run_at > c->at ? JOB_SCHEDULED : JOB_READY;

	must(w->id, c->to == to || (to == JOB_BLOCKED && graph_came_back(w)), "goes on, and is %s", job_state_name(c->to));
}

static void judge_let_go(const struct wish *w, const struct job_change *c)
{
	must(w->id, c->to != JOB_BLOCKED && !graph_waits(w), "is %s, and what it waits for is not over", job_state_name(c->to));
	must(w->id, graph_blame(w) == NULL || graph_came_back(w), "is %s, though one before it did not succeed",
	     job_state_name(c->to));
	must(w->id, !fills_waits(w) || !fills_cannot(w) || graph_came_back(w), "is %s, and its args cannot be filled in",
	     job_state_name(c->to));
	must(w->id, c->to == (w->row.run_at > c->at ? JOB_SCHEDULED : JOB_READY), "goes on, and is %s", job_state_name(c->to));
}

static void judge_released(const struct wish *w, const struct job_change *c)
{
	judge_asked(w, ASK_RELEASE, "released");
	judge_goes_on(w, c);
}

static void judge_retried(struct wish *w, const struct job_change *c)
{
	judge_asked(w, ASK_RETRY, "made to run again");
	must(w->id, c->to == (graph_waits(w) || fills_waits(w) ? JOB_BLOCKED : JOB_READY), "is to run again, and is %s", job_state_name(c->to));
	must(w->id, w->key == 0 || model_holder(w->key, UNIQUE_ACTIVE) == NULL, "comes back while another holds its key %d", w->key);
	w->uncounted = w->row.attempt;
	w->interruptions = 0;
}

static void judge_gone(const struct wish *w, const struct job_change *c)
{
	wall_ms retain = w->retain >= 0 ? w->retain : LIFE_RETAIN;
	int64_t finals = 0;

	for (int s = JOB_SUCCEEDED; s < JOB_STATES; s++)
		finals += model_count((enum job_state)s);
	must(w->id, graph_dependents(w) == 0, "is gone, and %d wait for it", graph_dependents(w));
	must(w->id, w->asking[ASK_DELETE] > 0 || many_asks(w, ASK_DELETE) || finals > LIFE_RETAIN_JOBS || w->final_at + retain <= c->at,
	     "is gone before its time");
}

/* What a request to update would make of the job: is that what it is now? */
static bool updated(const struct wish *w, const struct wish_update *u, const struct job_change *c)
{
	wall_ms run_at = u->sets_run_at ? (u->run_at > c->at ? u->run_at : 0) : w->row.run_at;
	enum job_state to = w->state;

	if (u->sets_run_at && (w->state == JOB_SCHEDULED || w->state == JOB_READY))
		to = run_at > c->at ? JOB_SCHEDULED : JOB_READY;
	return c->to == to && c->row->run_at == run_at && c->row->priority == (u->sets_priority ? u->priority : w->priority) &&
	       strcmp(c->queue, sim_queues[u->sets_queue ? u->queue : w->queue]) == 0;
}

static bool judge_updated(const struct wish *w, const struct job_change *c)
{
	const struct wish_update *u;

	LIST_FOREACH(u, &w->updates, link)
		if (updated(w, u, c)) {
			if (u->sets_queue && u->queue != w->queue)
				judge_room(w->id, u->queue);
			return true;
		}
	must(w->id, strcmp(c->queue, sim_queues[w->queue]) == 0 && c->row->priority == w->priority,
	     "has another queue or priority, and nobody asks for that");
	return false;
}

static void judge_waiting(struct wish *w, const struct job_change *c)
{
	if (c->to == JOB_CANCELLED)
		judge_cancelled(w, c);
	else if (c->to == JOB_EXPIRED)
		judge_expired(w, c);
	else if (c->to == JOB_HELD)
		judge_asked(w, ASK_HOLD, "held");
	else if (c->to == JOB_FAILED)
		judge_unfilled(w, c);
	else if (c->from == JOB_HELD)
		judge_released(w, c);
	else if (c->from == JOB_BLOCKED)
		judge_let_go(w, c);
	else if (c->from == JOB_SCHEDULED)
		must(w->id, c->to == JOB_READY && w->row.run_at <= c->at, "is %s before its time", job_state_name(c->to));
	else
		broken(w->id, "is %s for no reason", job_state_name(c->to));
}

void model_judge(struct wish *w, const struct job_change *c)
{
	if (c->from == JOB_NONE)
		judge_submit(w, c);
	else if (job_state_final(c->from) && c->to == JOB_NONE)
		judge_gone(w, c);
	else if (job_state_final(c->from))
		judge_retried(w, c);
	else if (c->from == JOB_RUNNING && c->to == JOB_RUNNING)
		judge_asked(w, ASK_CANCEL, "to be cancelled");
	else if (c->from == JOB_RUNNING && w->life != model_life())
		judge_recovered(w, c);
	else if (c->from == JOB_RUNNING)
		judge_settled(w, c);
	else if (c->from == JOB_READY && c->to == JOB_RUNNING)
		judge_claim(w, c);
	else if (c->from == JOB_READY && c->row->attempt != w->row.attempt)
		judge_settled(w, c);
	else if (!judge_updated(w, c))
		judge_waiting(w, c);
}
