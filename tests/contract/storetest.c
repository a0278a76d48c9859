#include "storetest.h"

#include <dirent.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include "sqlitetables.h"

struct store *st;
struct coro_group storetest_group;
struct told told[STORETEST_CHANGES];
size_t told_n;
enum job_state model[STORETEST_JOBS];
char storetest_directory[256];
struct store_conf storetest_conf = { .retain = 3600 * 1000, .retain_jobs = 1000000 };
const struct store_backend *const storetest_backends[2] = { &store_memory, &store_sqlite };
void (*storetest_on_change)(const struct job_change *change);
void (*storetest_on_schedule)(const struct schedule_change *change);
int storetest_queue_changes, storetest_unresolved, storetest_unfilled;
char storetest_queue[16];
struct queue_row storetest_queue_row;

static int64_t model_counts[JOB_STATES];
static bool model_whole;		/* it knows of every job in the store */
static void (*body_now)(void);
static const struct store_backend *opened;

/* As ck_assert, but touches Check (which allocates) only to fail: callbacks may come while a test denies memory. */
#define must(condition) \
	do { \
		if (!(condition)) \
			ck_abort_msg("not so: " #condition); \
	} while (0)

static void on_change(void *arg, const struct job_change *c)
{
	struct told *t = &told[told_n];

	(void)arg;
	must(told_n < STORETEST_CHANGES);
	must(c->row->id < STORETEST_JOBS);
	*t = (struct told){ .seq = c->seq, .id = c->row->id, .from = c->from, .to = c->to, .attempt = c->row->attempt,
			    .spec = c->row->spec != NULL };
	snprintf(t->queue, sizeof(t->queue), "%s", c->queue);
	snprintf(t->type, sizeof(t->type), "%s", c->type);
	snprintf(t->reason, sizeof(t->reason), "%s", c->reason != NULL ? c->reason : "");
	must(told_n == 0 || t->seq > told[told_n - 1].seq);
	must(c->row->state == c->to);
	must(c->from == c->to || job_state_may_follow(c->from, c->to));
	must(!model_whole || model[t->id] == c->from);
	model[t->id] = c->to;
	model_counts[c->from]--;
	model_counts[c->to]++;
	told_n++;
	if (storetest_on_change != NULL)
		storetest_on_change(c);
}

static void on_queue(void *arg, const struct queue_row *queue)
{
	(void)arg;
	storetest_queue_changes++;
	snprintf(storetest_queue, sizeof(storetest_queue), "%s", queue->name);
	storetest_queue_row = *queue;
	storetest_queue_row.name = storetest_queue;
}

static void on_unfilled(void *arg)
{
	(void)arg;
	storetest_unfilled++;
}

static void on_unresolved(void *arg)
{
	(void)arg;
	storetest_unresolved++;
}

static void on_schedule(void *arg, const struct schedule_change *change)
{
	(void)arg;
	if (storetest_on_schedule != NULL)
		storetest_on_schedule(change);
}

static void on_count(void *arg, const struct lane_count *count)
{
	(void)arg;
	ck_assert_int_gt(count->n, 0);
	model_counts[count->state] += count->n;
	model_whole = false;
}

static void on_queue_at_open(void *arg, const struct queue_row *queue)
{
	on_queue(arg, queue);
}

static pid_t made_by;

/* A test that fails leaves by exit. */
static void remove_at_exit(void)
{
	if (made_by == getpid())
		storetest_remove_directory();
}

void storetest_make_directory(void)
{
	const char *where = getenv("TMPDIR");

	if (made_by != getpid()) {
		made_by = getpid();
		atexit(remove_at_exit);
	}
	snprintf(storetest_directory, sizeof(storetest_directory), "%s/storetest.XXXXXX", where != NULL ? where : "/tmp");
	ck_assert_ptr_nonnull(mkdtemp(storetest_directory));
	storetest_conf.directory = storetest_directory;
}

void storetest_remove_directory(void)
{
	DIR *d = opendir(storetest_directory);
	struct dirent *entry;
	char path[512];

	while (d != NULL && (entry = readdir(d)) != NULL) {
		snprintf(path, sizeof(path), "%s/%s", storetest_directory, entry->d_name);
		unlink(path);
	}
	if (d != NULL)
		closedir(d);
	rmdir(storetest_directory);
}

enum store_open_result storetest_try_open(const struct store_backend *backend, char *why, size_t why_size)
{
	struct store_observer observer = { NULL, on_change, on_queue, on_unresolved, on_schedule, on_unfilled };
	struct loop_conf conf = { .coroutines_max = 10000 };
	enum store_open_result rc;

	told_n = 0;
	storetest_queue_changes = 0;
	memset(model, 0, sizeof(model));
	memset(model_counts, 0, sizeof(model_counts));
	model_whole = true;
	ck_assert_int_eq(loop_open(&conf), 0);
	coro_group_init(&storetest_group);
	rc = store_open(backend, &storetest_conf, &observer, &st, why, why_size);
	if (rc != STORE_OPEN_OK) {
		ck_assert_ptr_null(st);
		loop_close();
		return rc;
	}
	opened = backend;
	store_counts(st, on_count, NULL);
	store_queues(st, on_queue_at_open, NULL);
	return rc;
}

void storetest_open(const struct store_backend *backend)
{
	char why[512] = "";

	ck_assert_msg(storetest_try_open(backend, why, sizeof(why)) == STORE_OPEN_OK, "%s", why);
}

void storetest_close(void)
{
	store_close(&st);
	ck_assert_ptr_null(st);
	loop_close();
	if (opened == &store_sqlite)
		sqlitetables_check(storetest_directory);
}

static void go_body(void *arg)
{
	(void)arg;
	body_now();
}

void storetest_go(void (*body)(void))
{
	body_now = body;
	ck_assert_int_eq(coro_spawn(&storetest_group, "test", go_body, NULL), 0);
	loop_run();
	ck_assert_uint_eq(storetest_group.count, 0);
}

void storetest_run(const struct store_backend *backend, void (*body)(void))
{
	storetest_make_directory();
	storetest_open(backend);
	storetest_go(body);
	storetest_go(storetest_agree);
	storetest_close();
	storetest_remove_directory();
}

void remark(const char *fmt, ...)
{
	va_list ap;

	fputs("# ", stdout);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	fputc('\n', stdout);
	fflush(stdout);
}

/* Counts all jobs by listing them. */
static void recount(int64_t by_state[JOB_STATES])
{
	struct job_filter all = { 0 };
	struct job_page page;
	int64_t after = 0;
	bool more = true;

	memset(by_state, 0, sizeof(*by_state) * JOB_STATES);
	while (more) {
		ck_assert_int_eq(store_list(st, &all, false, after, 1000, false, &page), 0);
		for (size_t i = 0; i < page.n; i++) {
			ck_assert_int_gt(page.v[i].row.id, after);
			after = page.v[i].row.id;
			by_state[page.v[i].row.state]++;
			if (model_whole)
				ck_assert_int_eq(page.v[i].row.state, model[after]);
		}
		more = page.more;
		job_page_free(&page);
	}
}

void storetest_agree(void)
{
	struct job_filter all = { 0 };
	int64_t kept[JOB_STATES], listed[JOB_STATES];

	ck_assert_int_eq(store_count(st, &all, kept), 0);
	recount(listed);
	for (int s = JOB_NONE + 1; s < JOB_STATES; s++) {
		ck_assert_int_eq(kept[s], model_counts[s]);
		ck_assert_int_eq(listed[s], model_counts[s]);
	}
}

/* ---- short ways to say it ---- */

struct job_spec storetest_spec(void)
{
	return (struct job_spec){ .type = "t", .queue = "q", .args = "{}", .timeout = 60000, .retain = -1,
				  .retry = { 3, BACKOFF_EXPONENTIAL, 1000, 3600000, 0.1 } };
}

struct job_spec *new_spec(const char *queue, const char *type)
{
	struct job_spec from = storetest_spec();
	struct job_spec *spec;

	from.queue = queue;
	from.type = type;
	spec = job_spec_new(&from);
	ck_assert_ptr_nonnull(spec);
	return spec;
}

struct job_spec *new_keyed_spec(const char *key)
{
	struct job_spec from = storetest_spec();
	struct job_spec *spec;

	from.unique_key = key;
	spec = job_spec_new(&from);
	ck_assert_ptr_nonnull(spec);
	return spec;
}

static int64_t submit_as(struct submission *s)
{
	ck_assert_int_eq(store_submit(st, s, 1, 1000, NULL), 0);
	ck_assert(!s->existing);
	job_spec_unref(&s->spec);
	return s->id;
}

int64_t submit_spec(struct job_spec *spec, int priority, wall_ms run_at)
{
	struct submission s = { .spec = spec, .priority = priority, .run_at = run_at };

	return submit_as(&s);
}

int64_t submit(void)
{
	return submit_spec(new_spec("q", "t"), 0, 0);
}

int64_t submit_at(wall_ms run_at)
{
	return submit_spec(new_spec("q", "t"), 0, run_at);
}

int64_t submit_expiring(wall_ms expires_at, wall_ms run_at, bool hold)
{
	struct submission s = { .spec = new_spec("q", "t"), .run_at = run_at, .expires_at = expires_at, .hold = hold };

	return submit_as(&s);
}

int claim(int64_t id, int attempt, wall_ms at)
{
	struct claim c = { .id = id, .attempt = attempt, .started_at = at, .where = "here" };

	return store_claim(st, &c, NULL);
}

struct settlement settlement(int64_t id, int attempt, enum outcome_kind outcome, enum job_state next, wall_ms at)
{
	struct settlement s = { .id = id, .attempt = attempt, .started_at = at - 10, .finished_at = at, .where = "here",
				.outcome = outcome, .next = next };

	if (outcome != OUTCOME_SUCCEEDED) {
		s.reason = "io";
		s.message = "it broke";
	}
	return s;
}

int settle(int64_t id, int attempt, enum outcome_kind outcome, enum job_state next, wall_ms at)
{
	struct settlement s = settlement(id, attempt, outcome, next, at);
	int rc;

	s.run_at = next == JOB_SCHEDULED ? at + 1000 : 0;
	rc = store_settle(st, &s);
	if (rc == 0)
		ck_assert_int_eq(s.state, next);
	return rc;
}

int pause_queue(const char *name, bool paused)
{
	struct queue_row row = { .name = name, .paused = paused };

	return store_queue_set(st, &row, QUEUE_PAUSED);
}

void succeed(int64_t id, wall_ms at)
{
	ck_assert_int_eq(claim(id, 1, at - 10), 0);
	ck_assert_int_eq(settle(id, 1, OUTCOME_SUCCEEDED, JOB_SUCCEEDED, at), 0);
}

enum job_state state_of(int64_t id)
{
	struct job_record record;
	enum job_state state;
	int rc = store_get(st, id, &record);

	if (rc == -ENOENT)
		return JOB_NONE;
	ck_assert_int_eq(rc, 0);
	state = record.row.state;
	job_record_free(&record);
	return state;
}
