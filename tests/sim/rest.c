#include "rest.h"

#include <string.h>

#include "fills.h"
#include "graph.h"
#include "life.h"
#include "many.h"
#include "model.h"
#include "order.h"
#include "plans.h"
#include "sim.h"
#include "simstore.h"

enum { LOOK_EVERY = 300 * 1000, STOP_LATE = 1000 * 1000, LATE = 3000, PRUNE_LATE = 30 * 1000 };

static mono_us next_look;

void rest_begin(void)
{
	next_look = 0;
}

/* ---- one job ---- */

/* What should have come of time alone, long ago. */
static void judge_time(const struct wish *w)
{
	wall_ms now = clock_wall(), retain = w->retain >= 0 ? w->retain : LIFE_RETAIN;

	if (!life_troubled(LATE)) {
		must(w->id, w->state != JOB_SCHEDULED || w->row.run_at + LATE > now, "should be ready since %lld ms",
		     (long long)(now - w->row.run_at));
		must(w->id, !job_state_waiting(w->state) || w->row.attempt > 0 || w->row.expires_at == 0 ||
		     w->row.expires_at + LATE > now, "should have expired %lld ms ago", (long long)(now - w->row.expires_at));
	}
	if (!life_troubled(PRUNE_LATE))
		must(w->id, !job_state_final(w->state) || graph_dependents(w) > 0 ||
		     clock_mono() - w->let_go < PRUNE_LATE * 1000 || w->final_at + retain + PRUNE_LATE > now, "should be gone since %lld ms",
		     (long long)(now - w->final_at - retain));
}

/* Was it cut off, and cannot be recovered before the store can write again? */
static bool to_recover(const struct wish *w)
{
	return w->life != model_life() && life_troubled(LATE);
}

/* Where the daemon has it, if it does, and whether somebody sees to it. */
static void judge_place(const struct wish *w)
{
	const struct job *job = backlog_find(&life_parts.backlog, w->id);
	bool handed = job != NULL && job->place == JOB_IN_HAND;

	must(w->id, !handed || job->attempt != NULL, "is in the hands of nobody");
	must(w->id, w->state != JOB_RUNNING || handed || to_recover(w), "runs by the store, and nobody runs it");
	must(w->id, w->state == JOB_READY || w->state == JOB_RUNNING || handed || job == NULL, "is %s, and in the backlog",
	     job_state_name(w->state));
	must(w->id, job == NULL || job->place != JOB_ASIDE || model_asked(w) || many_holds(w) || w->row.expires_at != 0, "is set aside by nobody");
	must(w->id, w->body.end != BODY_RUNS || w->row.cancel_requested_at == 0 || w->body.life != model_life() ||
	     clock_mono() < w->cancelled + STOP_LATE, "was cancelled, and runs on");
	must(w->id, handed || w->body.end != BODY_RUNS || w->body.life != model_life(), "runs, and no attempt knows of it");
}

static void judge_job(const struct memory_job *j)
{
	struct wish *w = model_find(j->k.row.id);

	must(j->k.row.id, w != NULL, "is in the store, and nobody was told");
	must(w->id, w->state == j->k.row.state && w->row.attempt == j->k.row.attempt && w->row.run_at == j->k.row.run_at &&
	     w->row.priority == j->k.row.priority, "is another in the store (%s) than was told (%s)",
	     job_state_name(j->k.row.state), job_state_name(w->state));
	must(w->id, j->k.dependents == graph_dependents(w), "%d wait for it, counted are %d", graph_dependents(w), j->k.dependents);
	if (!life_troubled(LATE))
		graph_at_rest(w);
	fills_at_rest(w);
	judge_time(w);
	judge_place(w);
}

/* ---- the sums ---- */

/* Those too that are gone from the store, and whose attempts have not ended yet. */
static size_t jobs_in_hand(void)
{
	const struct job *job, *next;
	size_t n = 0;

	HASH_ITER(hh, life_parts.backlog.windows.jobs, job, next)
		n += job->place == JOB_IN_HAND;
	return n;
}

static void judge_counts(size_t in_hand)
{
	const struct parts *p = &life_parts;
	int64_t lanes[JOB_STATES] = { 0 };
	const struct queue *q, *next;

	HASH_ITER(hh, p->backlog.queues.by_name, q, next)
		for (int s = JOB_NONE + 1; s < JOB_STATES; s++)
			lanes[s] += queue_count(q, (enum job_state)s);
	for (int s = JOB_NONE + 1; s < JOB_STATES; s++)
		must(0, p->backlog.counts[s] == model_count((enum job_state)s) && lanes[s] == p->backlog.counts[s],
		     "%lld jobs are %s; counted are %lld, by queue %lld", (long long)model_count((enum job_state)s),
		     job_state_name((enum job_state)s), (long long)p->backlog.counts[s], (long long)lanes[s]);
	must(0, in_hand == p->attempts.group.count, "%zu jobs are in hand of %zu attempts", in_hand, p->attempts.group.count);
	must(0, p->attempts.alive[CLASS_IO] + p->attempts.alive[CLASS_CPU] == in_hand, "the attempts alive do not add up");
	must(0, p->attempts.alive[CLASS_IO] <= shape.io_jobs, "%zu io jobs run of %u", p->attempts.alive[CLASS_IO], shape.io_jobs);
	must(0, p->attempts.entering == 0, "%zu attempts count as on their way to the pool", p->attempts.entering);
	must(0, p->submitting == 0, "%zu jobs count as being submitted", p->submitting);
}

static void look_closely(void)
{
	const struct memory_store *kept = simstore_kept();

	must(0, (int64_t)kept->n == model_count(JOB_HELD) + model_count(JOB_SUCCEEDED) + model_count(JOB_FAILED) +
	     model_count(JOB_CANCELLED) + model_count(JOB_EXPIRED) + model_count(JOB_BLOCKED) + model_count(JOB_SCHEDULED) +
	     model_count(JOB_READY) + model_count(JOB_RUNNING), "the store holds %zu jobs", kept->n);
	for (size_t i = 0; i < kept->n; i++)
		judge_job(kept->jobs[i]);
	judge_counts(jobs_in_hand());
}

void rest_look(void)
{
	if (simstore_dead() || life_parts.store == NULL)
		return;
	if (!life_recovers())
		order_at_rest();
	plans_at_rest();
	if (simstore_waiting() > 0 || clock_mono() < next_look || life_parts.dispatch.resume_at != 0)
		return;
	next_look = clock_after(LOOK_EVERY);
	look_closely();
}

void rest_final(void)
{
	const struct parts *p = &life_parts;

	look_closely();
	must(0, backlog_active(&p->backlog) == 0, "%lld jobs are left", (long long)backlog_active(&p->backlog));
	must(0, p->backlog.windows.jobs == NULL && p->backlog.windows.spec_bytes == 0, "the backlog is not empty");
	must(0, p->attempts.entering == 0 && LIST_EMPTY(&p->attempts.list), "attempts are left");
	must(0, p->waits == 0, "%zu requests wait", p->waits);
}
