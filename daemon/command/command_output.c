/* command_output: job.output, what a command printed, by pages. */
#include <errno.h>
#include <stdlib.h>

#include "command/command.h"
#include "parts.h"
#include "proto/utf8.h"

enum { PAGE_DEFAULT = 64 * 1024, PAGE_MAX = 1024 * 1024 };

struct output_request {
	int64_t id;
	int stream;
	int attempt;		/* 0: the latest */
	int64_t offset;
	size_t limit;
};

static int read_request(struct params *p, struct output_request *rq)
{
	static const char *const streams[] = { "stdout", "stderr", NULL };

	rq->id = params_id(p, "id");
	rq->stream = params_word(p, "stream", -1, streams);
	rq->attempt = (int)params_int(p, "attempt", 0, 1, INT32_MAX);
	rq->offset = params_int(p, "offset", 0, 0, INT64_MAX);
	rq->limit = (size_t)params_int(p, "limit", PAGE_DEFAULT, 1, PAGE_MAX);
	if (rq->stream < 0)
		params_refuse(p, "stream", "is missing: it must be \"stdout\" or \"stderr\"");
	return params_done(p);
}

/* What is known of the attempt: is it over, and how much did it produce? */
struct output_facts {
	bool over;
	int64_t produced;	/* -1: nothing is known of it */
};

/* How much an attempt that has ended produced; -1 where its entry is gone. */
static int64_t produced_by(const struct job_record *record, const struct output_request *rq)
{
	for (size_t i = 0; i < record->history_len; i++)
		if (record->history[i].number == rq->attempt)
			return record->history[i].output_bytes[rq->stream];
	return -1;
}

static int find_attempt(struct call *call, struct output_request *rq, struct output_facts *facts)
{
	struct job_record record;
	const struct job *job;
	int rc = store_get(call->parts->store, rq->id, &record);

	if (rc != 0)
		return command_fail_job(call, rc, rq->id, "gone");
	if (rq->attempt > record.row.attempt) {
		rc = rpc_error_set(&call->error, RPC_NOT_FOUND, "attempt", "job %lld has had %d attempt%s so far", (long long)rq->id,
				   record.row.attempt, record.row.attempt == 1 ? "" : "s");
		call->error.id = rq->id;
	}
	if (rq->attempt == 0)
		rq->attempt = record.row.attempt;
	facts->over = rq->attempt < record.row.attempt || record.row.state != JOB_RUNNING;
	facts->produced = produced_by(&record, rq);
	/* An attempt whose claim is not written yet, or whose job waits for its first one, may still bring output. */
	job = backlog_find(&call->parts->backlog, rq->id);
	if (rq->attempt == record.row.attempt && job != NULL && job->attempt != NULL && record.row.state == JOB_RUNNING)
		facts->over = false;
	if (rq->attempt == 0)
		facts->over = job_state_final(record.row.state);
	job_record_free(&record);
	return rc;
}

static void put_page(struct call *call, const struct output_request *rq, const struct output_facts *facts,
		     const struct output_page *page)
{
	struct jwriter *w = &call->w;
	bool last = rq->offset + (int64_t)page->len >= page->stored;
	size_t len = page->len;

	/* Keep characters whole, unless that would be no step ahead, or the rest never comes. */
	if (!(last && facts->over)) {
		size_t whole = utf8_whole(page->data, len);

		len = whole > 0 || !last ? (whole > 0 ? whole : len) : 0;
	}
	jw_object(w);
	jw_put_bytes(w, "data", page->data != NULL ? page->data : "", len);
	jw_put_int(w, "offset", rq->offset);
	jw_put_int(w, "next_offset", rq->offset + (int64_t)len);
	jw_put_bool(w, "eof", facts->over && last);
	if (facts->produced > page->stored && facts->over)
		jw_put_bool(w, "truncated", true);
	jw_object_end(w);
}

static int job_output(struct call *call)
{
	struct output_request rq;
	struct output_facts facts = { 0 };
	struct output_page page = { 0 };
	int rc;

	if (read_request(&call->params, &rq) != 0 || command_enter_large(call) != 0)
		return -1;
	if (find_attempt(call, &rq, &facts) != 0)
		return -1;
	if (rq.attempt > 0) {
		rc = store_output_read(call->parts->store, rq.id, rq.attempt, rq.stream, rq.offset, rq.limit, &page);
		if (rc != 0)
			return command_fail_job(call, rc, rq.id, "gone");
	}
	put_page(call, &rq, &facts, &page);
	free(page.data);
	return 0;
}

const struct command command_job_output = { "job.output", true, job_output };
