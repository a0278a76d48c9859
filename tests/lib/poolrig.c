#include "tests/lib/poolrig.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "kinds/kind.h"
#include "work/child.h"
#include "work/procfs.h"

#define ROGUE "POOLRIG_ROGUE"

/* ---- kinds ---- */

static int rig_arg(const struct cpu_job *job, const char *name)
{
	json_t *args = json_loadb(job->args, job->args_len, 0, NULL);
	int n = (int)json_integer_value(json_object_get(args, name));

	json_decref(args);
	return n;
}

static void sleep_run(struct cpu_job *job, struct outcome *out)
{
	int ms = rig_arg(job, "ms");
	struct timespec ts = { ms / 1000, ms % 1000 * 1000000L };

	while (nanosleep(&ts, &ts) != 0)
		continue;
	outcome_succeed(out, strdup("{}"), 2);
}

static void gate_run(struct cpu_job *job, struct outcome *out)
{
	json_t *args = json_loadb(job->args, job->args_len, 0, NULL);

	while (access(json_string_value(json_object_get(args, "path")), F_OK) != 0)
		usleep(1000);
	json_decref(args);
	outcome_succeed(out, strdup("{}"), 2);
}

static void crash_run(struct cpu_job *job, struct outcome *out)
{
	int signo = rig_arg(job, "signal");

	(void)out;
	signal(signo, SIG_DFL);
	raise(signo);
}

/* ThreadSanitizer holds signals back until a call that it knows. */
static void rig_let_signals_in(void)
{
#ifdef __SANITIZE_THREAD__
	usleep(1000);
#endif
}

static void spin_run(struct cpu_job *job, struct outcome *out)
{
	volatile bool forever = true;

	(void)job, (void)out;
	while (forever)
		rig_let_signals_in();
}

static void progress_run(struct cpu_job *job, struct outcome *out)
{
	cpu_progress(job, 0.25, "a quarter");
	cpu_progress(job, 0.5, NULL);
	cpu_progress(job, 2, NULL);
	outcome_succeed(out, strdup("\"done\""), 6);
}

static void letters_run(struct cpu_job *job, struct outcome *out)
{
	size_t n = (size_t)rig_arg(job, "n");
	char *text = malloc(n + 3);

	memset(text, 'x', n + 2);
	text[0] = text[n + 1] = '"';
	text[n + 2] = '\0';
	outcome_succeed(out, text, n + 2);
}

extern const struct kind kind_exec, kind_noop;

static const struct kind rig_kinds[] = {
	{ .name = "sleep_ms", .class = CLASS_CPU, .brief = true, .run_cpu = sleep_run },
	{ .name = "gate", .class = CLASS_CPU, .brief = true, .run_cpu = gate_run },
	{ .name = "crash", .class = CLASS_CPU, .run_cpu = crash_run },
	{ .name = "brief_crash", .class = CLASS_CPU, .brief = true, .run_cpu = crash_run },
	{ .name = "spin", .class = CLASS_CPU, .run_cpu = spin_run },
	{ .name = "progress", .class = CLASS_CPU, .run_cpu = progress_run },
	{ .name = "letters", .class = CLASS_CPU, .run_cpu = letters_run },
};

const struct kind *kind_find(const char *name)
{
	if (strcmp(name, "exec") == 0)
		return &kind_exec;
	if (strcmp(name, "noop") == 0)
		return &kind_noop;
	for (size_t i = 0; i < sizeof(rig_kinds) / sizeof(rig_kinds[0]); i++)
		if (strcmp(rig_kinds[i].name, name) == 0)
			return &rig_kinds[i];
	return NULL;
}

/* ---- the rig ---- */

struct pool *rig_pool;
char rig_directory[64];
static char rig_program[512];
static struct coro_group rig_group;
static struct cond rig_changed;		/* room has grown, a task has gone on */
static unsigned rig_ended;

struct pool_conf rig_conf = {
	.processes = 2, .nice = 0, .kill_grace = 200 * RIG_MS, .program = rig_program, .directory = rig_directory,
	.output_bytes = 16 * 1024 * 1024, .result_bytes = 4 * 1024 * 1024,
};

void rig_be_rogue(const char *how)
{
	setenv(ROGUE, how, 1);
}

void rig_worker(int argc, char **argv, int (*rogue)(const char *how))
{
	ssize_t n = readlink("/proc/self/exe", rig_program, sizeof(rig_program) - 1);

	if (n < 0)
		exit(EXIT_FAILURE);
	rig_program[n] = '\0';
	if (argc < 2 || strcmp(argv[1], "--worker") != 0)
		return;
	if (rogue != NULL && getenv(ROGUE) != NULL)
		exit(rogue(getenv(ROGUE)));
	exit(worker_main(argc, argv));
}

static void rig_change(void *arg)
{
	(void)arg;
	cond_broadcast(&rig_changed);
}

void rig_make_directory(void)
{
	const char *tmp = getenv("TMPDIR");

	if (rig_directory[0] != '\0')
		return;
	snprintf(rig_directory, sizeof(rig_directory), "%.40s/poolrig.XXXXXX", tmp != NULL ? tmp : "/tmp");
	ck_assert_ptr_nonnull(mkdtemp(rig_directory));
}

void rig_open(void)
{
	struct loop_conf loop = { .coroutines_max = 10000 };
	char why[256] = "";
	int rc;

	log_setup(LOG_LEVEL_ERROR, false);
	rig_make_directory();
	ck_assert_int_eq(loop_open(&loop), 0);
	coro_group_init(&rig_group);
	cond_init(&rig_changed);
	rc = pool_open(&rig_conf, &rig_pool, why, sizeof(why));
	ck_assert_msg(rc == 0, "pool_open: %s", why);
	pool_on_room(rig_pool, rig_change, NULL);
}

void rig_loop(void (*fn)(void *arg))
{
	ck_assert_int_eq(coro_spawn(&rig_group, "test", fn, NULL), 0);
	loop_run();
	ck_assert_uint_eq(rig_group.count, 0);
}

static void rig_remove(const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", rig_directory, name);
	unlink(path);
}

void rig_close(void)
{
	pool_close(&rig_pool);
	ck_assert_ptr_null(rig_pool);
	loop_close();
	rig_remove_directory();
}

void rig_remove_directory(void)
{
	rig_remove("pool.lock");
	rig_remove("pool.groups");
	rig_remove("pid");
	rig_remove("gate");
	ck_assert_int_eq(rmdir(rig_directory), 0);
	rig_directory[0] = '\0';
}

void rig_run(void (*fn)(void *arg))
{
	rig_open();
	rig_loop(fn);
	rig_close();
}

/* ---- tasks ---- */

/* A ck_assert for where there may be no memory: Check needs some. */
static void rig_require(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "not so: %s\n", what);
	abort();
}

static void rig_task_started(void *arg, const char *where)
{
	struct rig_task *t = arg;

	rig_require(!t->started, "a task starts once");
	t->started = true;
	snprintf(t->where, sizeof(t->where), "%s", where);
	cond_broadcast(&rig_changed);
}

static void rig_task_output(void *arg, int stream, int64_t offset, const void *data, size_t len)
{
	struct rig_task *t = arg;

	rig_require(t->started, "output comes after the start");
	rig_require(offset == t->told[stream], "output comes in order");
	t->told[stream] += (int64_t)len;
	buf_put(&t->out[stream], data, len);
	if (!t->keep_acks)
		pool_output_done(&t->task, len);
	cond_broadcast(&rig_changed);
}

static void rig_task_progress(void *arg, const char *json, size_t len)
{
	struct rig_task *t = arg;

	buf_put(&t->progress, json, len);
	buf_putc(&t->progress, '\n');
}

static void rig_task_main(void *arg)
{
	struct rig_task *t = arg;

	do {
		while (pool_room(rig_pool, t->task.brief) == 0 && cond_wait(&rig_changed, MONO_NEVER) == 0)
			continue;
		t->rc = coro_cancelled() ? -ECANCELED : pool_run(rig_pool, &t->task, &t->outcome);
	} while (t->rc == -EAGAIN);
	t->order = ++rig_ended;
	t->ended = true;
	t->coro = NULL;
	cond_broadcast(&rig_changed);
}

struct rig_task *rig_start_with(const char *type, const char *args, bool brief, mono_us timeout)
{
	static int64_t last_id = 1000;
	struct rig_task *t = calloc(1, sizeof(*t));

	ck_assert_ptr_nonnull(t);
	outcome_init(&t->outcome);
	t->task = (struct pool_task){
		.id = ++last_id, .attempt = 1, .type = type, .args = args, .args_len = strlen(args), .brief = brief,
		.timeout = timeout, .started = rig_task_started, .output = rig_task_output, .progress = rig_task_progress,
		.arg = t,
	};
	ck_assert_int_eq(coro_spawn_handle(&rig_group, type, rig_task_main, t, &t->coro), 0);
	return t;
}

struct rig_task *rig_start(const char *type, const char *args)
{
	return rig_start_with(type, args, kind_find(type) != NULL && kind_find(type)->brief, 0);
}

void rig_wait(struct rig_task *t)
{
	while (!t->ended)
		ck_assert_int_eq(cond_wait(&rig_changed, MONO_NEVER), 0);
}

void rig_wait_started(struct rig_task *t)
{
	while (!t->started)
		ck_assert_int_eq(cond_wait(&rig_changed, MONO_NEVER), 0);
}

const char *rig_gate(void)
{
	static char args[128];

	snprintf(args, sizeof(args), "{\"path\": \"%s/gate\"}", rig_directory);
	return args;
}

void rig_open_gate(void)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/gate", rig_directory);
	fd = open(path, O_WRONLY | O_CREAT, 0600);
	ck_assert_int_ge(fd, 0);
	close(fd);
}

struct rig_task *rig_do(const char *type, const char *args)
{
	struct rig_task *t = rig_start(type, args);

	rig_wait(t);
	return t;
}

void rig_free(struct rig_task **t)
{
	ck_assert((*t)->ended);
	outcome_free(&(*t)->outcome);
	buf_free(&(*t)->out[0]);
	buf_free(&(*t)->out[1]);
	buf_free(&(*t)->progress);
	free(*t);
	*t = NULL;
}

/* ---- looking ---- */

void rig_expect(const struct rig_task *t, const char *reason, const char *words)
{
	ck_assert_int_eq(t->rc, 0);
	ck_assert(!t->outcome.succeeded);
	ck_assert_str_eq(t->outcome.reason, reason);
	ck_assert_msg(strstr(t->outcome.message, words) != NULL, "%s", t->outcome.message);
}

void rig_expect_success(const struct rig_task *t)
{
	ck_assert_int_eq(t->rc, 0);
	ck_assert_msg(t->outcome.succeeded, "%s: %s", t->outcome.reason, t->outcome.message);
	ck_assert(t->started);
}

struct pool_stats rig_stats(void)
{
	struct pool_stats stats;

	pool_stats(rig_pool, &stats);
	return stats;
}

bool rig_has_died(void *arg)
{
	(void)arg;
	return rig_stats().died > 0;
}

bool rig_has_line(void *task)
{
	struct rig_task *t = task;

	return buf_len(&t->out[0]) > 0 && buf_data(&t->out[0])[buf_len(&t->out[0]) - 1] == '\n';
}

pid_t rig_written_pid(const struct rig_task *t)
{
	char text[32];

	snprintf(text, sizeof(text), "%.*s", (int)buf_len(&t->out[0]), buf_data(&t->out[0]));
	return (pid_t)atoi(text);
}

void rig_until(bool (*test)(void *arg), void *arg)
{
	mono_us until = clock_after(5000 * RIG_MS);

	while (!test(arg)) {
		ck_assert_msg(clock_mono() < until, "what is waited for does not come");
		coro_sleep(clock_after(RIG_MS));
	}
}

static bool rig_is_idle(void *arg)
{
	(void)arg;
	return rig_stats().idle == rig_stats().processes;
}

void rig_until_idle(void)
{
	rig_until(rig_is_idle, NULL);
}

pid_t rig_pid(const struct rig_task *t)
{
	unsigned index;
	int pid;

	ck_assert_int_eq(sscanf(t->where, "worker %u (pid %d)", &index, &pid), 2);
	return pid;
}

bool rig_process_lives(pid_t pid)
{
	struct procfs_stat st;

	return procfs_stat(pid, &st) == 0 && !procfs_dead(&st);
}

struct rig_census {
	pid_t group;
	bool lives;
};

static bool rig_look(void *arg, pid_t pid, const struct procfs_stat *st)
{
	struct rig_census *census = arg;

	(void)pid;
	census->lives |= st->group == census->group && !procfs_dead(st);
	return !census->lives;
}

bool rig_group_lives(pid_t group)
{
	struct rig_census census = { group, false };

	ck_assert_int_eq(procfs_each(rig_look, &census), 0);
	return census.lives;
}

static json_t *rig_result(const struct rig_task *t, const char *name)
{
	static json_t *result;		/* the last one read: what is handed out lives in it */

	json_decref(result);
	ck_assert_ptr_nonnull(t->outcome.result);
	ck_assert_uint_eq(strlen(t->outcome.result), t->outcome.result_len);
	result = json_loads(t->outcome.result, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
	ck_assert_msg(result != NULL, "no JSON: %.200s", t->outcome.result);
	return json_object_get(result, name);
}

const char *rig_result_string(const struct rig_task *t, const char *name)
{
	return json_string_value(rig_result(t, name));
}

int rig_result_int(const struct rig_task *t, const char *name)
{
	json_t *value = rig_result(t, name);

	return json_is_integer(value) ? (int)json_integer_value(value) : -1;
}
