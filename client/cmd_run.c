/*
 * run: a command as a job, as if it ran here.
 *
 * One attempt that is never repeated, in the caller's directory; its output
 * appears as it comes, its exit code becomes jobctl's. Ctrl-C, SIGTERM, a
 * hangup, or a reader of the output that went away cancel the job.
 */
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "client/cmd.h"
#include "client/follow.h"
#include "client/job_check.h"
#include "client/job_options.h"
#include "proto/jtext.h"

enum { RUN_STDIN_MAX = 512 * 1024 };

struct run {
	json_t *env;		/* {"env": {...}}, for opt_json_pair */
	const char *directory;
	bool with_stdin;
};

static int run_env(const struct opt *opt, const char *value, void *into)
{
	return opt_json_pair(opt, value, ((struct run *)into)->env);
}

static const struct opt run_options[] = {
	{ 'e', "env", "K=V", "set an environment variable; may be repeated", run_env, 0, "env", NULL },
	{ 'C', "cwd", "DIR", "run it in this directory instead of the current one", opt_text, offsetof(struct run, directory), NULL, NULL },
	{ 'i', "stdin", NULL, "read stdin to its end first and hand it to the command (text, at most 512 KiB)", opt_flag,
	  offsetof(struct run, with_stdin), NULL, NULL },
	{ 0, NULL, NULL, NULL, NULL, 0, NULL, NULL }
};

/* ---- the job ---- */

/* To its end, or to where it is too much. 0, or -errno. */
static int run_read_stdin(struct buf *input)
{
	while (buf_len(input) <= RUN_STDIN_MAX) {
		char *to = buf_reserve(input, RUN_STDIN_MAX + 1);
		ssize_t n = to != NULL ? read(STDIN_FILENO, to, RUN_STDIN_MAX + 1) : 0;

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n == 0)
			break;
		if (n > 0)
			buf_commit(input, (size_t)n);
	}
	return 0;
}

static int run_put_stdin(json_t *args)
{
	struct buf input;
	int rc = -1, unread;

	buf_init(&input);
	unread = run_read_stdin(&input);
	if (unread < 0)
		ctl_error("stdin cannot be read: %s", strerror(-unread));
	else if (buf_failed(&input))
		ctl_error("out of memory");
	else if (buf_len(&input) > RUN_STDIN_MAX)
		ctl_error("stdin has more than %d bytes", RUN_STDIN_MAX);
	else if (!jtext_utf8(buf_data(&input), buf_len(&input)))
		ctl_error("stdin is not UTF-8 text");
	else
		rc = json_object_set_new(args, "stdin", json_stringn(buf_len(&input) > 0 ? buf_data(&input) : "", buf_len(&input)));
	buf_free(&input);
	return rc;
}

static int run_put_directory(const char *directory, json_t *args)
{
	char *path = directory != NULL ? realpath(directory, NULL) : getcwd(NULL, 0);
	int rc = -1;

	if (path == NULL)
		ctl_error("%s: %s", directory != NULL ? directory : "the current directory", strerror(errno));
	else if (json_object_set_new(args, "cwd", json_string(path)) == 0)
		rc = 0;
	else
		ctl_error("the directory's name is not UTF-8: %s", path);
	free(path);
	return rc;
}

/* args of the exec job. */
static int run_put_args(const struct run *run, const struct words *w, json_t *args)
{
	json_t *env = json_object_get(run->env, "env");

	if (job_options_argv(w->n > 0 ? w->v : w->rest, w->n + w->rest_n, args) < 0 ||
	    run_put_directory(run->directory, args) < 0)
		return -1;
	if (env != NULL && json_object_set(args, "env", env) < 0)
		return -1;
	return run->with_stdin ? run_put_stdin(args) : 0;
}

/* What `run` says where the options do not. */
static int run_put_defaults(json_t *job)
{
	json_t *retry = json_object_get(job, "retry");

	if (retry == NULL && json_object_set_new(job, "retry", json_object()) == 0)
		retry = json_object_get(job, "retry");
	if (json_object_get(retry, "max_attempts") == NULL && json_object_set_new(retry, "max_attempts", json_integer(1)) < 0)
		return -1;
	if (json_object_get(job, "interrupted") == NULL && json_object_set_new(job, "interrupted", json_string("fail")) < 0)
		return -1;
	return json_object_set_new(job, "type", json_string("exec"));
}

/* ---- its end ---- */

/* "SIGSEGV" → 11; 0 if there is none of that name. */
static int run_signal_number(const char *name)
{
	if (name == NULL || strncmp(name, "SIG", 3) != 0)
		return 0;
	if (strncmp(name, "SIGRTMIN+", 9) == 0)
		return SIGRTMIN + atoi(name + 9);
	for (int number = 1; number < NSIG; number++) {
		const char *abbreviation = sigabbrev_np(number);

		if (abbreviation != NULL && strcmp(abbreviation, name + 3) == 0)
			return number;
	}
	return 0;
}

static int run_code(int64_t id, json_t *record)
{
	const json_t *result = json_object_get(record, "result"), *error = json_object_get(record, "error");
	const json_t *exit_code = json_object_get(result, "exit_code");
	const char *state = json_string_value(json_object_get(record, "state"));
	const char *reason = json_string_value(json_object_get(error, "reason"));
	const char *message = json_string_value(json_object_get(error, "message"));
	int number = run_signal_number(json_string_value(json_object_get(result, "signal")));

	if (state == NULL)
		state = "lost";
	if (reason != NULL && strcmp(reason, "timeout") == 0) {
		ctl_error("job %lld: %s", (long long)id, message != NULL ? message : "it took too long");
		return CTL_RUN_TIMEOUT;
	}
	if (strcmp(state, "succeeded") == 0 && exit_code == NULL)
		return CTL_DONE;	/* a job of another type, that had the unique key */
	if (strcmp(state, "succeeded") == 0 || (reason != NULL && strcmp(reason, "exit_status") == 0))
		return json_is_integer(exit_code) ? (int)(json_integer_value(exit_code) & 0xff) : CTL_RUN_FAILED;
	if (reason != NULL && strcmp(reason, "signal") == 0 && number > 0)
		return 128 + number;
	ctl_error("job %lld: %s%s%s", (long long)id, state, message != NULL ? ": " : "", message != NULL ? message : "");
	return CTL_RUN_FAILED;
}

/* ---- the command ---- */

/* The job, where there is one, may still run: it is named, for whoever wants to know what becomes of it. */
static int run_failed(const struct follow *f)
{
	char what[32];

	snprintf(what, sizeof(what), "job %lld", (long long)f->id);
	if (f->error.code != 0 || f->error.reason[0] != '\0')
		ctl_refused(f->id > 0 ? what : NULL, &f->error);
	else
		ctl_error("left before job %lld was over", (long long)f->id);
	return CTL_RUN_FAILED;
}

/* Was the job cancelled because its output could not be written? That is said at the end, with the reason. */
static bool run_unwritten(const struct ctl *ctl, const struct follow *f)
{
	return f->broken && ctl->out_error != 0 && ctl->out_error != EPIPE;
}

/* job is stolen. */
static int run_job(struct ctl *ctl, struct follow *f, json_t *job)
{
	json_t *answer = follow_submit(f, job), *record;
	int code;

	if (answer == NULL)
		return run_failed(f);
	f->id = json_integer_value(json_object_get(answer, "id"));
	if (json_is_true(json_object_get(answer, "existing")))
		ctl_note(ctl, "job %lld is there already with this key: following it", (long long)f->id);
	json_decref(answer);
	record = follow_job(f, 1);
	if (record == NULL)
		return run_failed(f);
	if (ctl->json) {
		ctl_print_json(record);
		f->broken |= !ctl_flush();
	}
	code = run_unwritten(ctl, f) ? CTL_RUN_FAILED : run_code(f->id, record);
	json_decref(record);
	return f->broken ? CTL_RUN_FAILED : code;
}

/* job is stolen. */
static int run_follow(struct ctl *ctl, json_t *job)
{
	struct follow f;
	int code;

	if (ctl_connect(ctl) != 0 || follow_init(&f, ctl, true) != 0) {
		json_decref(job);
		return CTL_RUN_FAILED;
	}
	f.wanted[0] = f.wanted[1] = !ctl->json;
	code = run_job(ctl, &f, job);
	follow_end(&f);
	return code;
}

static int run_read(struct ctl *ctl, const struct cmd *cmd, int argc, char **argv, struct run *run, json_t *job)
{
	json_t *args = json_object();
	struct words w;
	int code;

	if (json_object_set_new(job, "args", args) < 0 ||
	    !options_read(ctl, cmd, argc, argv, true, run, job, &w, &code))
		return args != NULL ? code : CTL_RUN_FAILED;
	if (w.n + w.rest_n == 0)
		return options_misused(cmd, "it needs a command to run");
	code = job_check(ctl, cmd, job);
	if (code != 0)
		return code;
	if (run_put_args(run, &w, args) < 0)
		return CTL_RUN_FAILED;
	return run_put_defaults(job) < 0 ? CTL_RUN_FAILED : -1;
}

static int run_main(struct ctl *ctl, const struct cmd *cmd, int argc, char **argv)
{
	struct run run = { .env = json_object() };
	json_t *job = json_object();
	int code = run_read(ctl, cmd, argc, argv, &run, job);

	json_decref(run.env);
	if (code < 0)
		return run_follow(ctl, job);
	json_decref(job);
	return code;
}

const struct cmd cmd_run = {
	"run", "[--] CMD ARG...", "run a command as a job, as if it ran here",
	"Submits an exec job (one attempt, not repeated if the daemon ends, in the current directory), shows its\n"
	"output as it comes and exits with its exit code, with 128+N if signal N ended it, with 124 if its timeout\n"
	"did, with 125 if the job could not be started, was refused, cancelled, lost or expired, or jobctl itself failed,\n"
	"and with 2 if it is used wrongly. Ctrl-C cancels the job; a second one leaves without waiting for its end. With\n"
	"--json the record is printed instead of the output.\n"
	"A SPAN is written 90 (seconds), 250ms, 10m or 1h30m, a TIME 2026-12-01T09:00, 18:30 or RFC 3339.\n",
	"jobctl run make -j4\n"
	"jobctl run --queue builds --timeout 30m -- ./build.sh --release\n"
	"echo 1 2 3 | jobctl run --stdin -e LC_ALL=C wc -w\n",
	{ run_options, job_options }, run_main
};
