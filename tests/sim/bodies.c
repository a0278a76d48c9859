#include "bodies.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fills.h"
#include "graph.h"
#include "kinds/kind.h"
#include "life.h"
#include "model.h"
#include "queues.h"
#include "sim.h"
#include "simstore.h"

static struct plan body_plan(const struct wish *w, int attempt)
{
	uint64_t h = sim_mix(sim_mix(shape.seed, (uint64_t)w->serial), (uint64_t)attempt);
	struct plan p = { .end = BODY_SUCCEEDED };

	p.span = (mono_us)(h % 30) * 1000;
	if (shape.slow_in != 0 && (h >> 8) % shape.slow_in == 0)
		p.span = (mono_us)((h >> 16) % 8000) * 1000;
	if (shape.fail_in != 0 && (h >> 24) % shape.fail_in == 0) {
		p.end = (h >> 32) % 6 == 0 ? BODY_FATAL : BODY_FAILED;
		if (w->type >= SIM_TYPES_IO && (h >> 36) % 5 == 1)
			p.end = BODY_LOST;
		if (p.end == BODY_FAILED && (h >> 36) % 5 == 0)
			p.retry_after = (wall_ms)((h >> 40) % 3000);
	}
	if (w->timeout > 0 && p.span > w->timeout * 1000) {
		p.span = w->timeout * 1000;
		p.end = BODY_TIMEOUT;
		p.retry_after = 0;
	}
	return p;
}

/* Whatever began before has ended, or died with the life it was of. */
static void judge_begin(const struct wish *w, int attempt)
{
	const struct body *last = &w->body;
	int64_t id = w->id;

	must(id, last->end != BODY_RUNS || last->life != model_life(), "begins attempt %d while %d runs", attempt, last->attempt);
	must(id, attempt >= last->attempt, "begins attempt %d after %d", attempt, last->attempt);
	if (w->state == JOB_RUNNING)
		must(id, attempt == w->row.attempt, "begins attempt %d, the record says %d runs", attempt, w->row.attempt);
	else
		must(id, attempt == w->row.attempt + 1, "begins attempt %d after %d", attempt, w->row.attempt);
	if (w->once || w->limit_key != 0)
		must(id, w->state == JOB_RUNNING, "begins without being claimed on disk");
	else
		must(id, w->state == JOB_RUNNING || w->state == JOB_READY, "begins while %s", job_state_name(w->state));
	must(id, w->state == JOB_RUNNING || !queue_paused(w->queue), "begins while its queue %s is paused", sim_queues[w->queue]);
	must(id, graph_came_back(w) || (!graph_waits(w) && graph_blame(w) == NULL), "begins before what it waits for is over");
	must(id, w->row.run_at <= w->row.submitted_at || w->row.attempt > 0 || w->row.run_at <= clock_wall() || life_clock_moved(),
	     "begins before its time");
}

bool body_begin(int64_t id, int attempt, struct plan *p)
{
	struct wish *w;

	if (simstore_dead())
		return false;
	w = model_find(id);
	must(id, w != NULL, "begins, and is not there");
	trace(id, "attempt %d begins", attempt);
	judge_begin(w, attempt);
	figures.attempts++;
	*p = body_plan(w, attempt);
	w->body = (struct body){ attempt, BODY_RUNS, model_life(), p->retry_after };
	return true;
}

void body_end(int64_t id, int attempt, enum body_end end)
{
	struct wish *w = model_find(id);

	trace(id, "attempt %d ends (%d)", attempt, end);
	if (w == NULL)
		return;
	must(id, w->body.attempt == attempt && w->body.end == BODY_RUNS, "the end of an attempt that does not run");
	w->body.end = end;
}

static void succeed(struct outcome *out, int64_t id, int attempt)
{
	char *text;
	int len = asprintf(&text, "{\"id\":%lld,\"attempt\":%d}", (long long)id, attempt);

	must(id, len > 0, "out of memory");
	outcome_succeed(out, text, (size_t)len);
}

void body_outcome(enum body_end end, wall_ms retry_after, int64_t id, int attempt, struct outcome *out)
{
	switch (end) {
	case BODY_SUCCEEDED:
		succeed(out, id, attempt);
		break;
	case BODY_FATAL:
		outcome_fail_for_good(out, "handler", "for good");
		break;
	case BODY_LOST:
		outcome_fail(out, "worker_lost", "its process died");
		break;
	case BODY_TIMEOUT:
		outcome_fail(out, "timeout", "it ran too long");
		break;
	default:
		outcome_fail(out, "handler", "it failed");
		out->retry_after = retry_after;
	}
}

int body_run_io(struct io_job *job, struct outcome *out)
{
	struct plan p;
	int rc;

	if (!body_begin(job->id, job->attempt, &p))
		return -ECANCELED;
	fills_judge(job->id, job->args);
	rc = coro_sleep(clock_after(p.span));
	if (simstore_dead())
		return -ECANCELED;
	body_end(job->id, job->attempt, rc != 0 ? BODY_CUT : p.end);
	if (rc != 0)
		return rc;
	if (p.end == BODY_TIMEOUT) {
		must(job->id, job->deadline <= clock_mono(), "its deadline is not what its timeout asks for");
		return -ETIMEDOUT;
	}
	body_outcome(p.end, p.retry_after, job->id, job->attempt, out);
	return 0;
}
