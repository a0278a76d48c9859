#include "client/bulk.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "client/ctl.h"
#include "client/lines.h"
#include "client/progress.h"
#include "client/refs.h"
#include "proto/jtext.h"

enum { BULK_JOBS = 500, BULK_BYTES = 256 * 1024 };

struct chunk {
	json_t *jobs;			/* an array */
	int64_t numbers[BULK_JOBS];	/* of their lines */
	int64_t bytes;			/* of the file, up to its end */
};

struct bulk {
	struct ctl *ctl;
	const char *path;
	const json_t *defaults;
	struct lines lines;
	struct refs refs;
	struct progress progress;
	int64_t accepted;
	bool again;			/* the connection was lost, and the chunk is submitted once more */
	bool ended;			/* nothing more is to be read */
	int unread;			/* errno of what kept the file from being read on; 0: nothing */
	char why[320];			/* what is wrong with the last line read; "": nothing */
};

/* ---- reading ---- */

/* A line as a job; NULL: b->why says what is wrong with it. */
static json_t *bulk_parse(struct bulk *b, const char *line, size_t len)
{
	struct jobd_error error = { .message = "out of memory" };
	char why[200];
	json_t *job = jtext_parse(line, len, why, sizeof(why));

	if (job == NULL) {
		snprintf(b->why, sizeof(b->why), "it is not JSON: %s", why);
		return NULL;
	}
	if (json_is_object(job) && json_object_update_missing(job, (json_t *)(uintptr_t)b->defaults) == 0 &&
	    jobd_request_id(job, &error) == 0)
		return job;
	snprintf(b->why, sizeof(b->why), "%s", json_is_object(job) ? error.message : "a job must be a JSON object");
	json_decref(job);
	return NULL;
}

/* Lines are submitted in their order: one waits for lines before it. False: b->why says which one is none of these. */
static bool bulk_follows(struct bulk *b, const json_t *job)
{
	const char *unknown = refs_unknown(&b->refs, job);

	if (unknown != NULL)
		snprintf(b->why, sizeof(b->why), "\"after\" names \"%.80s\", which is the ref of no line before this one", unknown);
	return unknown == NULL;
}

/* A ref is one job's in the whole file. False: b->why says that it is not. */
static bool bulk_name(struct bulk *b, const json_t *job)
{
	const char *ref = json_string_value(json_object_get(job, "ref"));
	int rc = ref != NULL ? refs_add(&b->refs, ref) : 0;

	if (rc == -EEXIST)
		snprintf(b->why, sizeof(b->why), "the ref \"%.80s\" is an earlier line's", ref);
	else if (rc < 0)
		snprintf(b->why, sizeof(b->why), "out of memory");
	return rc == 0;
}

static bool bulk_blank(const char *line, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (strchr(" \t\r", line[i]) == NULL || line[i] == '\0')
			return false;
	return true;
}

/* The next line that is not blank, as a job. NULL: the end, or a bad line (b->why). */
static json_t *bulk_next(struct bulk *b, size_t *len)
{
	const char *line;
	json_t *job;
	int rc;

	do
		rc = lines_next(&b->lines, &line, len);
	while (rc > 0 && bulk_blank(line, *len));
	if (rc == -EFBIG)
		snprintf(b->why, sizeof(b->why), "it has more than %d bytes", LINES_MAX_BYTES);
	else if (rc < 0)
		b->unread = -rc;
	job = rc > 0 ? bulk_parse(b, line, *len) : NULL;
	if (job == NULL || (bulk_follows(b, job) && bulk_name(b, job)))
		return job;
	json_decref(job);
	return NULL;
}

/* Lines up to a chunk's size. An empty one: the end, or a bad line is next. */
static void bulk_fill(struct bulk *b, struct chunk *chunk)
{
	size_t bytes = 0, len, n = 0;

	chunk->jobs = json_array();
	while (!b->ended && n < BULK_JOBS && bytes < BULK_BYTES) {
		json_t *job = bulk_next(b, &len);

		b->ended = job == NULL;
		if (b->ended)
			break;
		if (json_array_append_new(chunk->jobs, job) < 0) {
			snprintf(b->why, sizeof(b->why), "out of memory");
			b->ended = true;
			break;
		}
		chunk->numbers[n++] = b->lines.number;
		bytes += len;
	}
	chunk->bytes = b->lines.bytes;
}

/* ---- submitting ---- */

static void bulk_accepted(struct bulk *b, const struct chunk *chunk, size_t from, const json_t *answer)
{
	json_t *jobs = json_object_get(answer, "jobs"), *job;
	size_t i;

	progress_clear(&b->progress);
	json_array_foreach(jobs, i, job) {
		const char *ref = json_string_value(json_object_get(json_array_get(chunk->jobs, from + i), "ref"));

		if (ref != NULL)
			refs_learn(&b->refs, ref, json_integer_value(json_object_get(job, "id")));
		if (b->ctl->json)
			ctl_print_json(job);
		else
			printf("%lld\n", (long long)json_integer_value(json_object_get(job, "id")));
	}
	ctl_flush();	/* what is submitted is told, even if Ctrl-C comes next */
	b->accepted += (int64_t)json_array_size(jobs);
	b->again = false;
}

static int64_t bulk_send(struct bulk *b, const struct chunk *chunk, size_t from, size_t n, struct jobd_error *error)
{
	json_t *jobs = json_array();
	int64_t number;

	for (size_t i = from; i < from + n; i++) {
		refs_resolve(&b->refs, json_array_get(chunk->jobs, i));
		if (json_array_append(jobs, json_array_get(chunk->jobs, i)) < 0) {
			json_decref(jobs);
			*error = (struct jobd_error){ .reason = "memory", .message = "out of memory" };
			return -1;
		}
	}
	number = jobd_send(b->ctl->conn, "job.submit_many", json_pack("{s:o}", "jobs", jobs), error);
	return number > 0 && jobd_flush(b->ctl->conn, error) < 0 ? -1 : number;
}

/* A line that stands alone was "jobs[0]" to the daemon; to its writer it was the job. */
static void bulk_plain_words(char *message)
{
	static const char prefix[] = "jobs[0].";

	for (char *at; (at = strstr(message, prefix)) != NULL;)
		memmove(at, at + strlen(prefix), strlen(at + strlen(prefix)) + 1);
}

/* Was there no answer at all? */
static bool bulk_lost(const struct jobd_error *error)
{
	return error->code == 0 && strcmp(error->reason, "usage") != 0;
}

static int bulk_refused(const struct chunk *chunk, size_t from, size_t n, struct jobd_error *error)
{
	long long first = chunk->numbers[from], last = chunk->numbers[from + n - 1];
	char what[80];

	if (bulk_lost(error)) {
		if (n == 1)
			snprintf(what, sizeof(what), "line %lld may have been submitted or not", first);
		else
			snprintf(what, sizeof(what), "lines %lld to %lld may have been submitted or not", first, last);
		return ctl_refused(what, error);
	}
	snprintf(what, sizeof(what), "line %lld", first);
	bulk_plain_words(error->message);
	ctl_refused(what, error);
	return CTL_REFUSED;
}

/* Takes the answer to a part of the chunk; where it was refused, tries its halves. */
static int bulk_settle(struct bulk *b, const struct chunk *chunk, size_t from, size_t n, int64_t number, struct jobd_error *error)
{
	json_t *answer = number > 0 ? jobd_receive(b->ctl->conn, &number, -1, error) : NULL;
	size_t half = n / 2;
	int code;

	if (answer != NULL) {
		bulk_accepted(b, chunk, from, answer);
		json_decref(answer);
		return CTL_DONE;
	}
	if (jobd_lost(error) && !b->again) {
		b->again = true;
		if (ctl_again(b->ctl, error) == 0)
			return bulk_settle(b, chunk, from, n, bulk_send(b, chunk, from, n, error), error);
	}
	if (n == 1 || bulk_lost(error))
		return bulk_refused(chunk, from, n, error);
	code = bulk_settle(b, chunk, from, half, bulk_send(b, chunk, from, half, error), error);
	if (code != CTL_DONE)
		return code;
	return bulk_settle(b, chunk, from + half, n - half, bulk_send(b, chunk, from + half, n - half, error), error);
}

/* Sends a chunk, reads the next meanwhile, and takes the answer. */
static int bulk_step(struct bulk *b, struct chunk *chunk, struct chunk *next)
{
	size_t n = json_array_size(chunk->jobs);
	struct jobd_error error;
	int64_t number = bulk_send(b, chunk, 0, n, &error);
	int code;

	bulk_fill(b, next);
	code = bulk_settle(b, chunk, 0, n, number, &error);
	progress_clear(&b->progress);
	json_decref(chunk->jobs);
	if (code == CTL_DONE)
		progress_set(&b->progress, chunk->bytes, b->accepted, b->accepted == 1 ? "job" : "jobs");
	return code;
}

static int bulk_run(struct bulk *b)
{
	struct chunk chunks[2], *now = &chunks[0], *next = &chunks[1], *done;
	int code = CTL_DONE;

	bulk_fill(b, now);
	while (code == CTL_DONE && json_array_size(now->jobs) > 0) {
		code = bulk_step(b, now, next);
		done = now;
		now = next;
		next = done;
	}
	json_decref(now->jobs);
	progress_clear(&b->progress);
	if (code == CTL_DONE && b->why[0] != '\0') {
		ctl_error("line %lld: %s", (long long)b->lines.number, b->why);
		code = CTL_REFUSED;
	}
	if (code == CTL_DONE && b->unread != 0) {
		ctl_error("%s: not read beyond line %lld: %s", b->path, (long long)b->lines.number, strerror(b->unread));
		code = CTL_USAGE;
	}
	return code;
}

int bulk_submit(struct ctl *ctl, const char *path, const json_t *defaults)
{
	struct bulk b = { .ctl = ctl, .path = path, .defaults = defaults };
	struct stat file;
	int rc = lines_open(&b.lines, path);

	refs_init(&b.refs);
	if (rc < 0) {
		ctl_error("%s: %s", path, strerror(-rc));
		return CTL_USAGE;
	}
	rc = ctl_connect(ctl);
	if (rc == 0) {
		progress_start(&b.progress, ctl, fstat(b.lines.fd, &file) == 0 && S_ISREG(file.st_mode) ? file.st_size : 0);
		rc = bulk_run(&b);
		ctl_note(ctl, "%lld job%s submitted", (long long)b.accepted, b.accepted == 1 ? "" : "s");
	}
	refs_free(&b.refs);
	lines_close(&b.lines);
	return rc;
}
