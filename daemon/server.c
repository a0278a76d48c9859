#include "server.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "base/log.h"
#include "conf/conf.h"
#include "config.h"
#include "coro/loop.h"
#include "kinds/io.h"
#include "listen.h"
#include "parts.h"
#include "server_settings.h"
#include "store/store.h"
#include "work/pool.h"

enum { RECORD_GRACE = 5 * 1000 * 1000 };	/* at the end, for a store that cannot write to be able to again */

struct server {
	struct conf *conf;
	const struct server_source *source;
	struct parts parts;
	struct listen *listen;
	struct coro_group standing;		/* dispatch, due, prune, fill, watchdog */
	struct coro_group clients;
	struct cond news;			/* a signal came, an attempt ended */
	bool stop, hurry;
	char program[PATH_MAX];
	unsigned long long open_files;		/* the limit that we were given, for commands */
	int status;
};

/* ---- the stream of changes, in the order its readers depend on each other ---- */

static void on_changed(void *arg, const struct job_change *change)
{
	struct server *s = arg;

	backlog_changed(&s->parts.backlog, change);
	attempts_changed(&s->parts.attempts, change);
	due_changed(&s->parts.due, change);
	schedules_job_changed(&s->parts.schedules, change);
	notify_changed(s->parts.notify, change);
}

static void on_queue_changed(void *arg, const struct queue_row *queue)
{
	struct server *s = arg;

	backlog_queue_changed(&s->parts.backlog, queue);
	attempts_look_again(&s->parts.attempts);
}

static void on_schedule_changed(void *arg, const struct schedule_change *change)
{
	struct server *s = arg;

	schedules_changed(&s->parts.schedules, change);
}

static void on_unresolved(void *arg)
{
	struct server *s = arg;

	due_unresolved(&s->parts.due);
}

static void on_unfilled(void *arg)
{
	struct server *s = arg;

	fill_wanted(&s->parts.fill);
}

static void on_work(void *arg)
{
	struct server *s = arg;

	dispatch_wake(&s->parts.dispatch);
}

static void on_attempt_ended(void *arg)
{
	struct server *s = arg;

	dispatch_wake(&s->parts.dispatch);
	if (s->stop)
		cond_broadcast(&s->news);
}

static void on_store_failed(void *arg)
{
	struct server *s = arg;

	dispatch_store_failed(&s->parts.dispatch);
}

/* ---- settings ---- */

static struct queue_settings queue_defaults(void *arg, const char *queue)
{
	const struct server *s = arg;
	struct queue_settings none = { 0 };

	for (const struct conf_queue *q = s->conf->queues; q < s->conf->queues + s->conf->queues_len; q++)
		if (strcmp(q->name, queue) == 0)
			return (struct queue_settings){ q->concurrency, { q->rate, rate_burst(q->rate) }, q->weight, q->max_ready };
	return none;
}

static int refuse_settings(struct conf *fresh, const char *complaint, char *why, size_t why_size)
{
	size_t len = strlen(complaint);

	/* A line each: in one sentence they are parted by semicolons. */
	if (len > 0 && complaint[len - 1] == '\n')
		len--;
	snprintf(why, why_size, "%.*s", (int)len, complaint);
	for (char *c = why; *c != '\0'; c++)
		if (*c == '\n')
			*c = ';';
	log_error("the configuration stays as it was: %s", why);
	free(fresh);
	return -1;
}

static int reload(void *arg, char *why, size_t why_size)
{
	struct server *s = arg;
	struct conf *fresh = calloc(1, sizeof(*fresh));
	struct pool_conf pool;
	char *complaints = NULL;
	const char *lacks;

	if (fresh == NULL || conf_read(s->source->file, s->source->settings, s->source->n, fresh, &complaints) != 0) {
		refuse_settings(fresh, complaints != NULL ? complaints : "out of memory", why, why_size);
		free(complaints);
		return -1;
	}
	lacks = settings_lack(fresh);
	if (lacks != NULL) {
		conf_free(fresh);
		return refuse_settings(fresh, lacks, why, why_size);
	}
	conf_free(s->conf);
	free(s->conf);
	s->conf = fresh;
	settings_apply(s->conf, &s->parts);
	schedules_zones_changed(&s->parts.schedules);
	pool = settings_of_pool(s->conf, s->program, s->open_files);
	pool_reconfigure(s->parts.pool, &pool);
	dispatch_wake(&s->parts.dispatch);
	log_info("the configuration was read again");
	return 0;
}

/* ---- signals ---- */

static void on_stop(void *arg)
{
	struct server *s = arg;

	s->hurry = s->stop;
	s->stop = true;
	cond_broadcast(&s->news);
}

static void on_reload(void *arg)
{
	char why[256];

	sd_notify(0, "RELOADING=1");
	reload(arg, why, sizeof(why));
	sd_notify(0, "READY=1");
}

/* ---- the daemon's life, once the loop runs ---- */

static void watchdog_main(void *arg)
{
	uint64_t interval = 0;

	(void)arg;
	if (sd_watchdog_enabled(0, &interval) <= 0)
		return;
	do
		sd_notify(0, "WATCHDOG=1");
	while (coro_sleep(clock_after((mono_us)interval / 2)) == 0);
}

static int start_standing(struct server *s)
{
	struct parts *p = &s->parts;
	const struct {
		const char *name;
		void (*main)(void *arg);
		void *arg;
	} standing[] = {
		{ "dispatch", dispatch_main, &p->dispatch },
		{ "due", due_main, &p->due },
		{ "prune", due_prune_main, &p->due },
		{ "fill", fill_main, &p->fill },
		{ "schedules", schedules_main, &p->schedules },
		{ "watchdog", watchdog_main, NULL },
	};

	for (size_t i = 0; i < sizeof(standing) / sizeof(standing[0]); i++) {
		int rc = coro_spawn(&s->standing, standing[i].name, standing[i].main, standing[i].arg);

		if (rc != 0)
			return rc;
	}
	return 0;
}

/* Until the attempts have ended, the deadline has come, or a second signal says that it is urgent. */
static void wait_for_attempts(struct server *s, mono_us deadline)
{
	int rc = 0;

	while (s->parts.attempts.group.count > 0 && !s->hurry && rc == 0)
		rc = cond_wait(&s->news, deadline);
}

static void stop_running(struct server *s)
{
	struct attempts *attempts = &s->parts.attempts;

	if (attempts->group.count > 0)
		log_info("stopping: %zu attempts may end within %g s", attempts->group.count,
			 (double)s->conf->shutdown.grace_ms / 1000);
	wait_for_attempts(s, clock_after(s->conf->shutdown.grace_ms * 1000));
	s->hurry = false;
	attempts_interrupt(attempts);
	wait_for_attempts(s, clock_after(s->conf->pool.kill_grace_ms * 1000 + RECORD_GRACE));
	attempts_abandon(attempts);
	attempts_join(attempts);
}

static void server_main(void *arg)
{
	struct server *s = arg;

	if (start_standing(s) != 0 || listen_start(s->listen, &s->parts, &s->clients) != 0) {
		log_error("out of memory");
		s->status = EXIT_FAILED;
		s->stop = true;
	} else {
		sd_notifyf(0, "READY=1\nSTATUS=jobs that are not over: %lld", (long long)backlog_active(&s->parts.backlog));
	}
	while (!s->stop)
		cond_wait(&s->news, MONO_NEVER);
	sd_notify(0, "STOPPING=1");
	s->parts.shutting_down = true;
	s->parts.dispatch.draining = true;
	stop_running(s);
	coro_group_cancel(&s->standing);
	coro_group_join(&s->standing);
	store_hurry(s->parts.store);
	coro_group_cancel(&s->clients);
	coro_group_join(&s->clients);
	loop_stop();
}

/* ---- start and end ---- */

static int fail(struct server *s, int status, const char *why)
{
	log_error("%s", why);
	s->status = status;
	return -1;
}

/* We take all the descriptors we may; commands get the limit that we were given. */
static void raise_descriptor_limit(struct server *s)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	s->open_files = limit.rlim_cur;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static int make_directory(const char *path)
{
	char part[PATH_MAX];

	if ((size_t)snprintf(part, sizeof(part), "%s", path) >= sizeof(part))
		return -ENAMETOOLONG;
	for (char *slash = strchr(part + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(part, 0755) != 0 && errno != EEXIST)
			return -errno;
		*slash = '/';
	}
	return mkdir(part, 0700) == 0 || errno == EEXIST ? 0 : -errno;
}

static int open_loop(struct server *s)
{
	struct loop_conf loop = settings_of_loop(s->conf);
	int rc = loop_open(&loop);

	return rc == 0 ? 0 : fail(s, EXIT_FAILED, strerror(-rc));
}

/* Before anything says that jobd is there: a signal that comes meanwhile waits for the loop to run. */
static int watch_signals(struct server *s)
{
	signal(SIGPIPE, SIG_IGN);
	if (loop_signal(SIGTERM, on_stop, s) != 0 || loop_signal(SIGINT, on_stop, s) != 0 ||
	    loop_signal(SIGHUP, on_reload, s) != 0)
		return fail(s, EXIT_FAILED, "out of memory");
	return 0;
}

static void restore_count(void *arg, const struct lane_count *count)
{
	struct server *s = arg;

	if (backlog_restore(&s->parts.backlog, count) != 0)
		fail(s, EXIT_FAILED, "out of memory while reading the state");
}

static void restore_flow(void *arg, const struct flow_count *count)
{
	struct server *s = arg;

	if (backlog_restore_flow(&s->parts.backlog, count) != 0)
		fail(s, EXIT_FAILED, "out of memory while reading the state");
}

static void restore_first(void *arg, const struct ready_first *first)
{
	struct server *s = arg;

	backlog_restore_first(&s->parts.backlog, first);
}

static void restore_queue(void *arg, const struct queue_row *queue)
{
	struct server *s = arg;

	backlog_restore_queue(&s->parts.backlog, queue);
}

static int open_store(struct server *s)
{
	struct store_conf conf = { s->conf->state.directory, s->conf->retain.seconds_ms, s->conf->retain.jobs };
	struct store_observer observer = { s, on_changed, on_queue_changed, on_unresolved, on_schedule_changed,
					   on_unfilled };
	struct parts *p = &s->parts;
	enum store_open_result result;
	char why[512];
	int rc = make_directory(conf.directory);

	if (rc != 0) {
		snprintf(why, sizeof(why), "cannot make the state directory %s: %s", conf.directory, strerror(-rc));
		return fail(s, EXIT_FAILED, why);
	}
	backlog_init(&p->backlog, on_work, s);
	p->backlog.defaults_of = queue_defaults;
	p->notify = notify_new();
	if (p->notify == NULL)
		return fail(s, EXIT_FAILED, "out of memory");
	result = store_open(&store_sqlite, &conf, &observer, &p->store, why, sizeof(why));
	if (result != STORE_OPEN_OK)
		return fail(s, result == STORE_OPEN_REFUSED ? EXIT_STATE : EXIT_FAILED, why);
	store_counts(p->store, restore_count, s);
	store_flows(p->store, restore_flow, s);
	store_firsts(p->store, restore_first, s);
	store_queues(p->store, restore_queue, s);
	store_schedules(p->store, on_schedule_changed, s);
	notify_set_seq(p->notify, store_seq(p->store));
	return s->status == EXIT_CLEAN ? 0 : -1;
}

static int open_pool(struct server *s)
{
	ssize_t n = readlink("/proc/self/exe", s->program, sizeof(s->program) - 1);
	struct pool_conf conf;
	char why[256];

	if (n < 0)
		return fail(s, EXIT_FAILED, "cannot find this program's own file: /proc is not mounted");
	s->program[n] = '\0';
	conf = settings_of_pool(s->conf, s->program, s->open_files);
	if (pool_open(&conf, &s->parts.pool, why, sizeof(why)) != 0)
		return fail(s, EXIT_FAILED, why);
	pool_on_room(s->parts.pool, on_work, s);
	return 0;
}

static int open_listen(struct server *s)
{
	struct listen_conf conf = settings_of_listen(s->conf);
	char why[512];

	return listen_open(&conf, &s->listen, why, sizeof(why)) == 0 ? 0 : fail(s, EXIT_FAILED, why);
}

/* The parts that have no start of their own: who knows whom. */
static void wire_parts(struct server *s)
{
	struct parts *p = &s->parts;

	p->started = clock_mono();
	p->reload = reload;
	p->arg = s;
	p->attempts = (struct attempts){ .store = p->store, .backlog = &p->backlog, .notify = p->notify, .pool = p->pool,
					 .ended = on_attempt_ended, .store_failed = on_store_failed, .arg = s };
	attempts_init(&p->attempts);
	p->dispatch.store = p->store;
	p->dispatch.backlog = &p->backlog;
	p->dispatch.pool = p->pool;
	p->dispatch.attempts = &p->attempts;
	p->due.store = p->store;
	p->fill.store = p->store;
	p->schedules.store = p->store;
	p->schedules.backlog = &p->backlog;
	p->schedules.submitting = &p->submitting;
	settings_apply(s->conf, &s->parts);
}

static int run_loop(struct server *s)
{
	struct coro_group mains;

	coro_group_init(&mains);
	coro_group_init(&s->standing);
	coro_group_init(&s->clients);
	if (coro_spawn(&mains, "server", server_main, s) != 0)
		return fail(s, EXIT_FAILED, "out of memory");
	log_info("jobd %s, state in %s, %lld pool processes", PACKAGE_VERSION, s->conf->state.directory,
		 (long long)s->conf->pool.processes);
	loop_run();
	return 0;
}

static void close_parts(struct server *s)
{
	struct parts *p = &s->parts;

	listen_close(&s->listen);
	if (p->pool != NULL)
		pool_close(&p->pool);
	if (p->store != NULL)
		store_close(&p->store);
	io_close();
	schedules_free(&p->schedules);
	backlog_free(&p->backlog);
	notify_free(&p->notify);
}

int server_run(struct conf *conf, const struct server_source *source)
{
	struct server *s = calloc(1, sizeof(*s));
	int status;

	if (s == NULL)
		return EXIT_FAILED;
	s->conf = conf;
	s->source = source;
	log_setup((enum log_level)log_level_of(conf->log.level), conf->log.json);
	raise_descriptor_limit(s);
	dispatch_init(&s->parts.dispatch);
	due_init(&s->parts.due);
	fill_init(&s->parts.fill);
	schedules_init(&s->parts.schedules);
	cond_init(&s->news);
	if (open_loop(s) == 0) {
		if (watch_signals(s) == 0 && open_store(s) == 0 && open_pool(s) == 0 && open_listen(s) == 0) {
			wire_parts(s);
			run_loop(s);
		}
		close_parts(s);
		loop_close();
	}
	status = s->status;
	if (status == EXIT_CLEAN)
		log_info("stopped");
	conf_free(s->conf);
	free(s->conf);
	free(s);
	return status;
}
