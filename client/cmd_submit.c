/* submit: a job, or many from a file. */
#include <stddef.h>
#include <string.h>

#include "client/bulk.h"
#include "client/cmd.h"
#include "client/job_check.h"
#include "client/job_options.h"
#include "client/outlast.h"
#include "proto/timefmt.h"

struct submit {
	const char *file, *request_id;
	json_t *args;		/* {"args": ...}, for opt_json_value */
	bool wait, dry_run;
	int64_t wait_ms;	/* -1: for ever */
};

static int submit_wait(const struct opt *opt, const char *value, void *into)
{
	((struct submit *)into)->wait = true;
	return opt_span(opt, value, into);
}

static int submit_args(const struct opt *opt, const char *value, void *into)
{
	return opt_json_value(opt, value, ((struct submit *)into)->args);
}

static const struct opt submit_options[] = {
	{ 0, "args", "JSON", "the arguments as one JSON object; KEY=VALUE are added to it", submit_args, 0, "args", NULL },
	{ 'f', "file", "FILE", "submit the jobs in this file (-: stdin), a JSON object a line", opt_text, offsetof(struct submit, file), NULL, NULL },
	{ 'w', "wait", "[SPAN]", "wait until the job is over (at most SPAN)", submit_wait, offsetof(struct submit, wait_ms), NULL, NULL },
	{ 0, "request-id", "ID", "the same ID within a day submits nothing anew and answers the same job", opt_text,
	  offsetof(struct submit, request_id), NULL, NULL },
	{ 0, "dry-run", NULL, "check everything, submit nothing", opt_flag, offsetof(struct submit, dry_run), NULL, NULL },
	{ 0, NULL, NULL, NULL, NULL, 0, NULL, NULL }
};

/* ---- waiting for it ---- */

static int submit_wait_for(struct ctl *ctl, const struct submit *s, int64_t id)
{
	int64_t timeout_ms = s->wait_ms;
	const char *state;
	int code;
	json_t *record = outlast_wait(ctl, json_pack("{s:I}", "id", (json_int_t)id), &timeout_ms, &code);

	if (record == NULL)
		return code;
	if (ctl->json)
		ctl_print_json(record);
	code = ctl_job_code(ctl, record);
	state = json_string_value(json_object_get(record, "state"));
	if (code == CTL_DONE && state != NULL)
		ctl_note(ctl, "job %lld %s", (long long)id, state);
	json_decref(record);
	return code;
}

static int submit_answered(struct ctl *ctl, const struct submit *s, const json_t *answer)
{
	json_t *id = json_object_get(answer, "id");
	const char *state = json_string_value(json_object_get(answer, "state"));

	if (ctl->json && !s->wait)
		ctl_print_json(answer);
	if (!json_is_integer(id)) {
		ctl_note(ctl, "it would be accepted and be %s", state != NULL ? state : "there");
		return CTL_DONE;
	}
	if (json_is_true(json_object_get(answer, "existing")))
		ctl_note(ctl, "job %lld is there already with this key", (long long)json_integer_value(id));
	if (!ctl->json)
		printf("%lld\n", (long long)json_integer_value(id));
	ctl_flush();
	return s->wait ? submit_wait_for(ctl, s, json_integer_value(id)) : CTL_DONE;
}

/* ---- one job ---- */

static int submit_one(struct ctl *ctl, const struct cmd *cmd, const struct submit *s, const struct words *w, json_t *job)
{
	json_t *answer;
	int64_t span;
	int code;

	if (w->n == 0)
		return options_misused(cmd, "it needs a job's type, such as http or exec");
	if (s->wait && s->wait_ms < 0 && w->n > 1 && timefmt_read_span(w->v[w->n - 1], &span) == 0)
		return options_misused(cmd, "how long to wait is written --wait=%s or -w%s", w->v[w->n - 1], w->v[w->n - 1]);
	if (s->dry_run && s->wait)
		return options_misused(cmd, "--dry-run leaves nothing to --wait for");
	code = job_options_put(cmd, w, 0, json_object_get(s->args, "args"), job);
	if (code == 0)
		code = job_check(ctl, cmd, job);
	if (code != 0)
		return code;
	if (s->request_id != NULL && json_object_set_new(job, "request_id", json_string(s->request_id)) < 0)
		return options_misused(cmd, "--request-id: the value is not UTF-8");
	if (s->dry_run && !ctl_put(job, "dry_run", json_true()))
		return CTL_JOB;
	answer = ctl_submit(ctl, json_incref(job), &code);
	if (answer == NULL)
		return code;
	code = submit_answered(ctl, s, answer);
	json_decref(answer);
	return code;
}

static int submit_file(struct ctl *ctl, const struct cmd *cmd, const struct submit *s, const struct words *w, json_t *defaults)
{
	int code;

	if (w->n + w->rest_n > 0)
		return options_misused(cmd, "with --file the jobs' types and arguments stand in the file");
	if (s->wait || s->dry_run || s->request_id != NULL || json_object_size(s->args) > 0)
		return options_misused(cmd, "--file goes with no --wait, --dry-run, --request-id or --args");
	code = job_check(ctl, cmd, defaults);
	return code != 0 ? code : bulk_submit(ctl, s->file, defaults);
}

static int submit_main(struct ctl *ctl, const struct cmd *cmd, int argc, char **argv)
{
	struct submit s = { .wait_ms = -1, .args = json_object() };
	json_t *job = json_object();
	struct words w;
	int code;

	if (options_read(ctl, cmd, argc, argv, false, &s, job, &w, &code))
		code = s.file != NULL ? submit_file(ctl, cmd, &s, &w, job) : submit_one(ctl, cmd, &s, &w, job);
	json_decref(job);
	json_decref(s.args);
	return code;
}

const struct cmd cmd_submit = {
	"submit", "TYPE [KEY=VALUE...] [KEY:=JSON...] [-- CMD ARG...]", "submit a job, or many from a file; prints ids",
	"KEY=VALUE gives an argument that is a text, KEY:=JSON one of any other kind, each once; exec takes its command\n"
	"after --.\n"
	"A SPAN is written 90 (seconds), 250ms, 10m or 1h30m, a TIME 2026-12-01T09:00, 18:30 or RFC 3339.\n"
	"With --file each line is a job as job.submit takes it; the options here hold where the line does not say\n"
	"otherwise. The ids are printed in order. A line that is refused is named by its number and ends it (exit\n"
	"code 4): the jobs of the lines before it are submitted, those after it are not. A line may name jobs of lines\n"
	"before it, and only of these, by their ref.\n",
	"jobctl submit http url=https://example.org --max-attempts 5 --delay 10m\n"
	"jobctl submit sleep seconds:=1.5 -w\n"
	"jobctl submit exec --tag for=me -- tar czf /backup/home.tgz /home\n"
	"jobctl submit exec --after 12,13 --after-failure run -- ./clean-up.sh\n"
	"jobctl submit http url=https://example.org/a --group alice --limit example.org=4\n"
	"jobctl submit --file jobs.jsonl --queue bulk\n",
	{ submit_options, job_options }, submit_main
};
