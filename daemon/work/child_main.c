/*
 * child_main: the life of a pool process.
 *
 * Greets, then: waits for a task, takes it (it may have been recalled), runs
 * its kind's handler, says how it ended; until told to quit, or until the
 * socket ends: then the daemon is gone.
 *
 * Signals: only those of the daemon count. SIGTERM ends the process if the
 * running task is to be stopped and is a mere function; HANDOVER_ORPHANED (the
 * daemon died) if it is in a function, too. In the midst of a command the
 * socket says both. A terminal's signals are not for us: we lead a session.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/log.h"
#include "kinds/kind.h"
#include "kinds/progress.h"
#include "work/child.h"
#include "work/child_command.h"
#include "work/child_link.h"
#include "work/handover.h"
#include "work/pool.h"
#include "work/procfs.h"

enum { CHILD_ORPHANED = 4 };

/* The process's one instance: handlers of signals and of kinds have no other way to it. */
static struct child {
	struct child_link link;
	struct attendant attendant;
	size_t result_bytes;
	volatile sig_atomic_t working;	/* a task runs */
} child;

/* ---- signals ---- */

static void child_on_ignored(int signo)
{
	(void)signo;		/* a handler, not SIG_IGN: a command would inherit that */
}

static void child_on_term(int signo)
{
	(void)signo;
	if (child.working && !child.attendant.attending && atomic_load(&child.attendant.ring->stop) == child.attendant.ticket)
		_exit(HANDOVER_STOPPED);
}

static void child_on_orphaned(int signo)
{
	(void)signo;
	if (!child.attendant.attending)
		_exit(CHILD_ORPHANED);
}

static void child_signals(void)
{
	static const int ignored[] = { SIGHUP, SIGINT, SIGPIPE, SIGQUIT, SIGUSR1, SIGALRM };
	struct sigaction sa = { .sa_handler = child_on_ignored, .sa_flags = SA_RESTART };

	for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		sigaction(ignored[i], &sa, NULL);
	sa.sa_handler = child_on_term;
	sigaction(SIGTERM, &sa, NULL);
	sa.sa_handler = child_on_orphaned;
	sigaction(HANDOVER_ORPHANED, &sa, NULL);
}

/* ---- services for handlers ---- */

static int child_run_command(const struct command *command, struct command_end *end)
{
	return attendant_run(&child.attendant, command, end);
}

static void child_progress(double fraction, const char *message)
{
	struct buf json;

	buf_init(&json);
	progress_put(&json, fraction, message);
	if (!buf_failed(&json))
		wire_put_progress(&child.link.out, buf_data(&json), buf_len(&json));
	buf_free(&json);
	link_flush(&child.link);
}

static const struct cpu_services child_services = { child_run_command, child_progress };

/* ---- a task ---- */

static void child_handle(const struct child_task *task, struct outcome *out)
{
	const struct kind *kind = kind_find(task->run.type);
	struct cpu_job job = { task->run.id, (int)task->run.attempt, task->run.args, task->run.args_len, child.result_bytes,
			       &child_services };

	if (kind == NULL || kind->run_cpu == NULL) {
		outcome_fail_for_good(out, "handler", "no pool process can run \"%s\"", task->run.type);
		return;
	}
	kind->run_cpu(&job, out);
	if (out->result != NULL && out->result_len > child.result_bytes) {
		outcome_fail(out, "too_large", "the result has %zu bytes; allowed are %zu", out->result_len, child.result_bytes);
		free(out->result);
		out->result = NULL;
		out->result_len = 0;
	}
}

/*
 * A brief task's STARTED and DONE go at once; else it is known to have started
 * before it does. DONE goes before the next task is taken: a death takes one only.
 */
static void child_work(const struct child_task *task)
{
	struct outcome out;

	outcome_init(&out);
	attendant_begin_task(&child.attendant, task->run.ticket);
	child.link.busy = true;
	child.working = 1;
	wire_put_started(&child.link.out, task->run.ticket);
	if (!task->run.brief)
		link_flush(&child.link);
	child_handle(task, &out);
	child.working = 0;
	child.link.busy = false;
	wire_put_done(&child.link.out, task->run.ticket, child.attendant.produced, &out);
	link_flush(&child.link);
	outcome_free(&out);
}

static void child_serve(void)
{
	struct child_task task;

	while (!child.link.gone) {
		if (!link_take(&child.link, &task)) {
			if (child.link.quit)
				return;
			link_read(&child.link);
			continue;
		}
		if (ring_take(child.attendant.ring, task.run.place))
			child_work(&task);
		else
			ring_set(child.attendant.ring, task.run.place, PLACE_FREE);
		free(task.text);
	}
}

/* ---- the beginning ---- */

/* stdin, stdout and stderr are open, be it on /dev/null; our own descriptors are not for commands. */
static int child_descriptors(void)
{
	int fd;

	for (fd = HANDOVER_SOCKET; fd < HANDOVER_END; fd++)
		if (fcntl(fd, F_SETFD, FD_CLOEXEC) != 0)
			return -errno;
	do
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	while (fd >= 0 && fd < HANDOVER_END);
	child.attendant.null_fd = fd;
	return fd < 0 ? -errno : 0;
}

/* The daemon may have raised its own limit; a command is to find what it always does. */
static void child_open_files(unsigned long long n)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || n >= limit.rlim_cur)
		return;
	limit.rlim_cur = n;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static int child_enlist(unsigned index)
{
	struct attendant *a = &child.attendant;
	struct procfs_stat self;
	int rc = procfs_stat(getpid(), &self);

	if (rc != 0)
		return rc;
	a->groups = HANDOVER_GROUPS;
	a->index = index;
	a->record.worker = getpid();
	a->record.worker_start = self.start;
	return groups_write(a->groups, index, &a->record);
}

static int child_begin(char **argv)
{
	struct attendant *a = &child.attendant;
	int rc;

	child_signals();
	prctl(PR_SET_NAME, "jobd-worker");
	/* Orphans of a command come to us, so that its group's end can be waited for. */
	if (prctl(PR_SET_PDEATHSIG, HANDOVER_ORPHANED) != 0 || prctl(PR_SET_CHILD_SUBREAPER, 1) != 0 || chdir("/") != 0)
		return -errno;
	setpriority(PRIO_PROCESS, 0, (int)strtol(argv[3], NULL, 10));
	child_open_files(strtoull(argv[6], NULL, 10));
	rc = child_descriptors();
	if (rc == 0)
		rc = child_enlist((unsigned)strtoul(argv[2], NULL, 10));
	if (rc == 0)
		rc = attendant_init(a);
	if (rc != 0)
		return rc;
	a->link = &child.link;
	a->output_bytes = strtoull(argv[4], NULL, 10);
	child.result_bytes = strtoull(argv[5], NULL, 10);
	a->ring = ring_map(HANDOVER_RING);
	if (a->ring == NULL)
		return -ENOMEM;
	link_init(&child.link, HANDOVER_SOCKET);
	wire_put_hello(&child.link.out);
	link_flush(&child.link);
	return 0;
}

int worker_main(int argc, char **argv)
{
	int rc;

	if (argc != HANDOVER_ARGS) {
		fprintf(stderr, "%s --worker is for jobd itself\n", argv[0]);
		return 2;
	}
	log_setup(LOG_LEVEL_INFO, strcmp(argv[7], "json") == 0);
	rc = child_begin(argv);
	if (rc != 0) {
		log_error("pool process %d cannot begin: %s", (int)getpid(), strerror(-rc));
		return 1;
	}
	child_serve();
	rc = child.link.broken;
	link_free(&child.link);
	attendant_free(&child.attendant);
	ring_unmap(&child.attendant.ring);
	return rc;
}
