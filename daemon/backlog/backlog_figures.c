/* What of the backlog is shown: how much there is, and why a job waits. */
#include "backlog/backlog.h"

int64_t backlog_active(const struct backlog *s)
{
	return s->counts[JOB_HELD] + s->counts[JOB_BLOCKED] + s->counts[JOB_SCHEDULED] + s->counts[JOB_READY] +
	       s->counts[JOB_RUNNING];
}

bool backlog_why_queue(const struct queue *q, wall_ms now, struct backlog_limit *out)
{
	*out = (struct backlog_limit){ 0 };
	if (q == NULL)
		return false;
	if (q->limits.rate.per_second > 0) {
		out->next_token = bucket_next(&q->bucket, &q->limits.rate, now);
		if (out->next_token > now) {
			out->reason = "rate";
			return true;
		}
	}
	if (q->limits.concurrency == 0 || q->in_hand < q->limits.concurrency)
		return false;
	*out = (struct backlog_limit){ "queue_concurrency", q->in_hand, q->limits.concurrency, 0 };
	return true;
}

void backlog_why(const struct backlog *s, const struct job_spec *spec, wall_ms now, struct backlog_limit *out)
{
	const struct key *k = spec->concurrency_key != NULL ? key_find(&s->keys, spec->concurrency_key) : NULL;

	if (backlog_why_queue(queue_find(&s->queues, spec->queue), now, out))
		return;
	if (k != NULL && k->in_hand >= spec->concurrency_limit)
		*out = (struct backlog_limit){ "key_concurrency", k->in_hand, spec->concurrency_limit, 0 };
}

wall_ms backlog_next_token(const struct backlog *s)
{
	return rounds_next_token(&s->rounds);
}
