/*
 * exec: a command, with its output, exit code and usage.
 *
 * Its environment is its own: PATH, HOME and LANG of the daemon, JOBD_ID and
 * JOBD_ATTEMPT, and what `env` says. An exit code that is not expected, a
 * signal, a limit: the attempt fails, its result stands beside the error.
 */
#include <errno.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "kinds/exec_args.h"
#include "kinds/kind.h"
#include "proto/jtext.h"
#include "work/child.h"

#define EXEC_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

static void exec_check(struct params *args)
{
	struct exec_args read;

	exec_args_read(args, &read);
}

/* ---- the command ---- */

/* What a command needs beside the args; its strings are own. */
struct exec_words {
	char **argv;
	char **envp;
	size_t envp_len;
	const char *path;		/* in envp */
};

static void exec_words_free(struct exec_words *w)
{
	for (size_t i = 0; i < w->envp_len; i++)
		free(w->envp[i]);
	free(w->envp);
	free(w->argv);
}

/* argv's strings stay the args'. */
static int exec_words_argv(struct exec_words *w, const struct exec_args *a)
{
	static char sh[] = "/bin/sh", dash_c[] = "-c";
	size_t n = a->argv != NULL ? json_array_size(a->argv) : 3;

	w->argv = calloc(n + 1, sizeof(*w->argv));
	if (w->argv == NULL)
		return -ENOMEM;
	if (a->argv == NULL) {
		w->argv[0] = sh;
		w->argv[1] = dash_c;
		w->argv[2] = (char *)(uintptr_t)a->command;	/* execve does not write to it */
		return 0;
	}
	for (size_t i = 0; i < n; i++)
		w->argv[i] = (char *)(uintptr_t)json_string_value(json_array_get(a->argv, i));
	return 0;
}

static int exec_words_put(struct exec_words *w, const char *name, const char *value)
{
	if (asprintf(&w->envp[w->envp_len], "%s=%s", name, value) < 0)
		return -ENOMEM;
	w->envp_len++;
	return 0;
}

/* One of the few that are there unless `env` says otherwise. */
static int exec_words_default(struct exec_words *w, const struct exec_args *a, const char *name, const char *value)
{
	return json_object_get(a->env, name) != NULL ? 0 : exec_words_put(w, name, value);
}

static const char *exec_getenv(const char *name, const char *absent)
{
	const char *value = getenv(name);

	return value != NULL && *value != '\0' ? value : absent;
}

/* A service may have been started without one. */
static const char *exec_home(void)
{
	const struct passwd *user;
	const char *home = exec_getenv("HOME", NULL);

	if (home != NULL)
		return home;
	user = getpwuid(getuid());
	return user != NULL ? user->pw_dir : "/";
}

static int exec_words_env(struct exec_words *w, const struct exec_args *a, const struct cpu_job *job)
{
	char id[24], attempt[16];
	const char *name, *path = json_string_value(json_object_get(a->env, "PATH"));
	json_t *value;
	int rc;

	w->envp = calloc(json_object_size(a->env) + 6, sizeof(*w->envp));
	if (w->envp == NULL)
		return -ENOMEM;
	snprintf(id, sizeof(id), "%lld", (long long)job->id);
	snprintf(attempt, sizeof(attempt), "%d", job->attempt);
	w->path = path != NULL ? path : exec_getenv("PATH", EXEC_PATH);
	rc = exec_words_default(w, a, "PATH", w->path);
	if (rc == 0)
		rc = exec_words_default(w, a, "HOME", exec_home());
	if (rc == 0)
		rc = exec_words_default(w, a, "LANG", exec_getenv("LANG", "C.UTF-8"));
	if (rc == 0)
		rc = exec_words_default(w, a, "JOBD_ID", id);
	if (rc == 0)
		rc = exec_words_default(w, a, "JOBD_ATTEMPT", attempt);
	json_object_foreach(a->env, name, value)
		if (rc == 0)
			rc = exec_words_put(w, name, json_string_value(value));
	return rc;
}

static void exec_command(struct command *c, const struct exec_args *a, const struct exec_words *w)
{
	memset(c, 0, sizeof(*c));
	c->argv = w->argv;
	c->envp = w->envp;
	c->path = w->path;
	c->cwd = a->cwd;
	c->input = a->input;
	c->input_len = a->input_len;
	c->nice = a->has_nice ? &a->nice : NULL;
	for (size_t i = 0; i < a->limits_len; i++)
		c->limits[i] = (struct command_limit){ a->limits[i].resource, a->limits[i].value };
	c->limits_len = a->limits_len;
}

/* ---- its result ---- */

/* A member of the last bytes of a stream; the cut does not go through a character. */
static void exec_put_stream(struct jwriter *w, const char *key, const char *data, size_t len, int64_t produced)
{
	size_t skip = 0;

	if (produced > (int64_t)len)
		while (skip < 3 && skip < len && ((unsigned char)data[skip] & 0xc0) == 0x80)
			skip++;
	if (skip > 0 && !jtext_utf8(data + skip, len - skip))
		skip = 0;
	jw_put_bytes(w, key, data + skip, len - skip);
}

static double exec_seconds(const struct timeval *tv)
{
	return (double)tv->tv_sec + (double)tv->tv_usec / 1e6;
}

static const char *exec_signal_name(int signo, char name[24])
{
	const char *abbrev = sigabbrev_np(signo);

	if (abbrev != NULL)
		snprintf(name, 24, "SIG%s", abbrev);
	else
		snprintf(name, 24, "SIGRTMIN+%d", signo - SIGRTMIN);
	return name;
}

static char *exec_result(const struct command_end *end, size_t *len)
{
	struct jwriter w;
	struct buf out;
	char name[24];

	buf_init(&out);
	jw_init(&w, &out);
	jw_object(&w);
	if (WIFEXITED(end->status))
		jw_put_int(&w, "exit_code", WEXITSTATUS(end->status));
	else
		jw_put_string(&w, "signal", exec_signal_name(WTERMSIG(end->status), name));
	exec_put_stream(&w, "stdout", end->out[0].data, end->out[0].len, end->out[0].produced);
	exec_put_stream(&w, "stderr", end->out[1].data, end->out[1].len, end->out[1].produced);
	jw_key(&w, "usage");
	jw_object(&w);
	jw_put_real(&w, "user_seconds", exec_seconds(&end->usage.ru_utime));
	jw_put_real(&w, "system_seconds", exec_seconds(&end->usage.ru_stime));
	jw_put_int(&w, "max_rss_bytes", end->usage.ru_maxrss * 1024);
	jw_object_end(&w);
	jw_object_end(&w);
	return buf_steal(&out, len);
}

/* "0, 3, 10-20" */
static const char *exec_codes(const bool ok[256], char *text, size_t size)
{
	size_t n = 0;

	text[0] = '\0';
	for (int i = 0; i < 256 && n < size; i++) {
		int last = i;

		if (!ok[i])
			continue;
		while (last < 255 && ok[last + 1])
			last++;
		n += (size_t)snprintf(text + n, size - n, last > i ? "%s%d-%d" : "%s%d", n > 0 ? ", " : "", i, last);
		i = last;
	}
	return text;
}

/* The signal by which a limit of ours shows, also in the exit code of a shell that met it; 0 if none. */
static int exec_limit_signal(const struct exec_args *a, const struct command_end *end)
{
	bool cpu = exec_args_limit(a, RLIMIT_CPU) > 0, file = exec_args_limit(a, RLIMIT_FSIZE) > 0;
	double used = exec_seconds(&end->usage.ru_utime) + exec_seconds(&end->usage.ru_stime);
	int signo = WIFSIGNALED(end->status) ? WTERMSIG(end->status) : WEXITSTATUS(end->status) - 128;

	if (cpu && (signo == SIGXCPU || (signo == SIGKILL && used >= (double)exec_args_limit(a, RLIMIT_CPU))))
		return SIGXCPU;
	return file && signo == SIGXFSZ ? SIGXFSZ : 0;
}

static void exec_judge(const struct exec_args *a, const struct command_end *end, struct outcome *out)
{
	char text[128], name[24];
	int limit;

	if (WIFEXITED(end->status) && a->ok[WEXITSTATUS(end->status)])
		return;
	limit = exec_limit_signal(a, end);
	if (limit == SIGXCPU)
		outcome_fail(out, "limit", "it used up its %llu s of CPU time", (unsigned long long)exec_args_limit(a, RLIMIT_CPU));
	else if (limit == SIGXFSZ)
		outcome_fail(out, "limit", "it wrote a file of more than its %llu bytes",
			     (unsigned long long)exec_args_limit(a, RLIMIT_FSIZE));
	else if (WIFSIGNALED(end->status))
		outcome_fail(out, "signal", "ended by signal %d (%s)", WTERMSIG(end->status),
			     exec_signal_name(WTERMSIG(end->status), name));
	else
		outcome_fail(out, "exit_status", "exit status %d; allowed: %s", WEXITSTATUS(end->status),
			     exec_codes(a->ok, text, sizeof(text)));
}

/* ---- run ---- */

static void exec_run_command(struct cpu_job *job, const struct exec_args *a, const struct exec_words *w, struct outcome *out)
{
	struct command command;
	struct command_end end;
	size_t len;
	char *result;
	int rc;

	exec_command(&command, a, w);
	rc = cpu_run_command(job, &command, &end);
	if (rc != 0) {
		outcome_fail(out, "handler", "the pool process cannot run a command: %s", strerror(-rc));
		return;
	}
	if (!end.spawned) {
		outcome_fail_for_good(out, "spawn", "%s", end.why);
		return;
	}
	result = exec_result(&end, &len);
	outcome_succeed(out, result, len);
	if (result != NULL)
		exec_judge(a, &end, out);
}

static void exec_run(struct cpu_job *job, struct outcome *out)
{
	struct rpc_error error = { .kind = RPC_OK };
	struct exec_words words = { 0 };
	struct exec_args a;
	struct params args;
	char why[160];
	json_t *object = jtext_parse(job->args, job->args_len, why, sizeof(why));

	if (object == NULL && errno == ENOMEM) {
		outcome_fail(out, "handler", "out of memory");
		return;
	}
	if (!json_is_object(object)) {
		outcome_fail_for_good(out, "handler", "the arguments cannot be read: %s", object == NULL ? why : "no object");
		json_decref(object);
		return;
	}
	params_init(&args, object, "args.", &error);
	exec_args_read(&args, &a);
	if (error.kind != RPC_OK)
		outcome_fail_for_good(out, "handler", "the arguments cannot be read: %.200s", error.message);
	else if (exec_words_argv(&words, &a) != 0 || exec_words_env(&words, &a, job) != 0)
		outcome_fail(out, "handler", "out of memory");
	else
		exec_run_command(job, &a, &words, out);
	exec_words_free(&words);
	json_decref(object);
}

const struct kind kind_exec = {
	.name = "exec", .class = CLASS_CPU, .brief = false, .check = exec_check, .run_cpu = exec_run,
};
