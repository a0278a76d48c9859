#include "work/parent_proc.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "work/handover.h"
#include "work/parent_talk.h"

enum {
	PROC_GREET = 10 * 1000 * 1000,
	PROC_LEAVE = 2 * 1000 * 1000,		/* after QUIT, or the end of its socket */
	PROC_CLEAR = 5 * 1000 * 1000,		/* for a group to be gone after SIGKILL */
	PROC_CLEAR_LOOK = 20 * 1000,
	PROC_EARLY = 1000 * 1000,		/* a death before that age is a strike */
	PROC_DELAY = 100 * 1000,
	PROC_DELAY_MAX = 5 * 1000 * 1000,
	PROC_FD_FLOOR = 16			/* above what a process finds handed over */
};

extern char **environ;

int proc_init(struct proc *p, const struct proc_setup *setup, void *pool, unsigned index)
{
	int rc, fd;

	memset(p, 0, sizeof(*p));
	p->setup = setup;
	p->pool = pool;
	p->index = index;
	p->fd = p->exit_fd = p->ring_fd = -1;
	p->due = MONO_NEVER;
	rc = ring_open(&p->ring, &p->ring_fd);
	if (rc != 0)
		return rc;
	fd = fcntl(p->ring_fd, F_DUPFD_CLOEXEC, PROC_FD_FLOOR);
	if (fd < 0)
		return -errno;
	close(p->ring_fd);
	p->ring_fd = fd;
	return 0;
}

void proc_wait(struct proc *p, mono_us due)
{
	p->due = due;
	p->setup->due(p, due);
}

/* ---- its start ---- */

/* A connected pair, ours non-blocking, theirs out of the way of the numbers handed over. */
static int proc_sockets(int *ours, int *theirs)
{
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0)
		return -errno;
	*ours = fds[0];
	*theirs = fcntl(fds[1], F_DUPFD_CLOEXEC, PROC_FD_FLOOR);
	close(fds[1]);
	if (*theirs >= 0 && fcntl(*ours, F_SETFL, O_NONBLOCK) == 0)
		return 0;
	if (*theirs >= 0)
		close(*theirs);
	close(*ours);
	return -EMFILE;
}

static int proc_spawn_files(const struct proc *p, int theirs, posix_spawn_file_actions_t *files)
{
	const int handed[] = { theirs, p->setup->groups, p->ring_fd, p->setup->lock };
	int rc = posix_spawn_file_actions_addopen(files, 0, "/dev/null", O_RDONLY, 0);

	if (rc == 0)
		rc = posix_spawn_file_actions_addopen(files, 1, "/dev/null", O_WRONLY, 0);
	for (int i = 0; i < HANDOVER_END - HANDOVER_SOCKET && rc == 0; i++)
		rc = posix_spawn_file_actions_adddup2(files, handed[i], HANDOVER_SOCKET + i);
	if (rc == 0)
		rc = posix_spawn_file_actions_addclosefrom_np(files, HANDOVER_END);
	return rc;
}

static int proc_exec(struct proc *p, const posix_spawn_file_actions_t *files)
{
	char index[16], nice_by[16], output_bytes[24], result_bytes[24], open_files[24];
	char worker[] = "--worker", text[] = "text", json[] = "json";
	char *argv[] = { p->setup->program, worker, index, nice_by, output_bytes, result_bytes, open_files,
			 log_is_json() ? json : text, NULL };
	posix_spawnattr_t attr;
	sigset_t none, all;
	int rc;

	snprintf(index, sizeof(index), "%u", p->index);
	snprintf(nice_by, sizeof(nice_by), "%d", p->setup->nice);
	snprintf(output_bytes, sizeof(output_bytes), "%zu", p->setup->output_bytes);
	snprintf(result_bytes, sizeof(result_bytes), "%zu", p->setup->result_bytes);
	snprintf(open_files, sizeof(open_files), "%llu", p->setup->open_files);
	sigemptyset(&none);
	sigfillset(&all);
	rc = posix_spawnattr_init(&attr);
	if (rc != 0)
		return rc;
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &all);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSID);
	rc = posix_spawn(&p->pid, p->setup->program, files, &attr, argv, environ);
	posix_spawnattr_destroy(&attr);
	return rc;
}

static void proc_on_socket(void *arg)
{
	talk_ready(arg);
}

static void proc_on_exit(void *arg);

static int proc_watch(struct proc *p)
{
	p->exit_fd = pidfd_open(p->pid, 0);
	if (p->exit_fd < 0)
		return -errno;
	p->exit_watch = loop_watch_open(p->exit_fd, true, false, proc_on_exit, p);
	p->watch = loop_watch_open(p->fd, true, false, proc_on_socket, p);
	return p->watch != NULL && p->exit_watch != NULL ? 0 : -ENOMEM;
}

/* What cannot be watched is ended. */
static int proc_adopt(struct proc *p)
{
	int rc = proc_watch(p);

	if (rc != 0) {
		kill(p->pid, SIGKILL);
		waitpid(p->pid, NULL, 0);
	}
	return rc;
}

static void proc_close(struct proc *p)
{
	loop_watch_close(&p->watch);
	loop_watch_close(&p->exit_watch);
	if (p->fd >= 0)
		close(p->fd);
	if (p->exit_fd >= 0)
		close(p->exit_fd);
	p->fd = p->exit_fd = -1;
	p->pid = 0;
	p->full = p->dirty = false;
	buf_free(&p->in);
	buf_free(&p->out);
}

static int proc_start(struct proc *p)
{
	posix_spawn_file_actions_t files;
	int theirs = -1, rc;

	rc = proc_sockets(&p->fd, &theirs);
	if (rc != 0)
		return rc;
	rc = -posix_spawn_file_actions_init(&files);
	if (rc == 0) {
		rc = -proc_spawn_files(p, theirs, &files);
		if (rc == 0)
			rc = -proc_exec(p, &files);
		posix_spawn_file_actions_destroy(&files);
	}
	close(theirs);
	if (rc == 0)
		rc = proc_adopt(p);
	return rc;
}

static mono_us proc_delay(const struct proc *p)
{
	mono_us delay = PROC_DELAY;

	if (p->strikes == 0)
		return 0;
	for (unsigned i = 1; i < p->strikes && delay < PROC_DELAY_MAX; i++)
		delay *= 2;
	return delay < PROC_DELAY_MAX ? delay : PROC_DELAY_MAX;
}

int proc_spawn(struct proc *p)
{
	int rc;

	ring_reset(p->ring);
	p->since = clock_mono();
	rc = proc_start(p);
	if (rc != 0) {
		proc_close(p);
		p->strikes++;
		log_warning("a pool process cannot be started: %s: %s", p->setup->program, strerror(-rc));
		proc_wait(p, clock_after(proc_delay(p)));
		return rc;
	}
	snprintf(p->where, sizeof(p->where), "worker %u (pid %d)", p->index + 1, (int)p->pid);
	p->output_bytes = p->setup->output_bytes;
	p->result_bytes = p->setup->result_bytes;
	p->state = PROC_STARTING;
	p->wire = WIRE_STARTING;
	p->productive = false;
	p->fault[0] = '\0';
	p->spawned++;
	proc_wait(p, clock_after(PROC_GREET));
	log_debug("%s started", p->where);
	return 0;
}

/* ---- its end ---- */

void proc_signal(struct proc *p, int signo)
{
	if (p->pid > 0)
		kill(p->pid, signo);	/* not yet reaped: the pid is its own */
}

void proc_kill(struct proc *p, const char *fmt, ...)
{
	va_list ap;

	if (p->state == PROC_DOWN || p->state == PROC_CLEARING || p->fault[0] != '\0')
		return;
	va_start(ap, fmt);
	vsnprintf(p->fault, sizeof(p->fault), fmt, ap);
	va_end(ap);
	log_warning("%s is killed: %s", p->where, p->fault);
	proc_signal(p, SIGKILL);
	p->state = PROC_DYING;
	p->due = MONO_NEVER;
	if (p->watch != NULL)
		loop_watch_set(p->watch, false, false);
}

void proc_quit(struct proc *p)
{
	wire_put_quit(&p->out);
	talk_touch(p);
	p->state = PROC_LEAVING;
	proc_wait(p, clock_after(PROC_LEAVE));
}

struct group_record proc_record(const struct proc *p)
{
	struct group_record record;

	if (groups_read(p->setup->groups, p->index, &record) != 0 || record.worker != p->pid)
		memset(&record, 0, sizeof(record));
	return record;
}

static void proc_describe_signal(struct proc *p, int signo)
{
	const char *name = sigabbrev_np(signo);

	if (name != NULL)
		snprintf(p->how, sizeof(p->how), "signal %d (SIG%s)", signo, name);
	else
		snprintf(p->how, sizeof(p->how), "signal %d", signo);
}

/* Reaps it: by then its socket has nothing more to come. True: it ended with its task, as it was told to. */
static bool proc_reap(struct proc *p)
{
	siginfo_t si = { 0 };

	while (waitid(P_PIDFD, (id_t)p->exit_fd, &si, WEXITED) != 0 && errno == EINTR)
		continue;
	if (si.si_code == CLD_EXITED)
		snprintf(p->how, sizeof(p->how), "exit status %d", si.si_status);
	else
		proc_describe_signal(p, si.si_status);
	if (p->fault[0] != '\0')
		snprintf(p->how, sizeof(p->how), "killed: %s", p->fault);
	return si.si_code == CLD_EXITED && si.si_status == HANDOVER_STOPPED && ring_stopping(p->ring);
}

/* All of it is gone: those above are told. */
static void proc_down(struct proc *p)
{
	mono_us delay;

	p->state = PROC_DOWN;
	p->wire = WIRE_STARTING;
	p->strikes = p->strike ? p->strikes + 1 : 0;
	delay = proc_delay(p);
	if (delay > 0)
		log_warning("%s died at once; the next one is started in %g s", p->where, (double)delay / 1e6);
	p->setup->ended(p, p->how);
	proc_close(p);
	proc_wait(p, clock_after(delay));
}

/* Is anything left of its command's group? Orphans are our children: they are reaped here. */
static bool proc_group_left(const struct proc *p)
{
	while (waitpid(-p->record.group, NULL, WNOHANG) > 0)
		continue;
	return groups_kill_now(&p->record);
}

static void proc_clear(struct proc *p, mono_us now)
{
	bool left = p->record.group > 0 && proc_group_left(p);

	if (left && now < p->clear_until) {
		proc_wait(p, now + PROC_CLEAR_LOOK);	/* the orphans' own ends come sooner */
		return;
	}
	if (left)
		log_error("%s: process group %d of its command cannot be killed", p->where, (int)p->record.group);
	proc_down(p);
}

static void proc_exited(struct proc *p)
{
	bool asked = p->state == PROC_LEAVING;

	if (p->state != PROC_DYING)
		talk_read_all(p);
	p->record = proc_record(p);
	groups_kill_now(&p->record);	/* before it is reaped: its session is surely its own */
	asked |= proc_reap(p);
	loop_watch_close(&p->exit_watch);
	loop_watch_close(&p->watch);
	p->strike = !asked && !p->productive && clock_mono() - p->since < PROC_EARLY;
	p->died += !asked;
	if (asked)
		log_debug("%s left: %s", p->where, p->how);
	else
		log_warning("%s died: %s", p->where, p->how);
	p->pid = 0;
	p->state = PROC_CLEARING;
	p->clear_until = clock_after(PROC_CLEAR);
	proc_clear(p, clock_mono());
}

static void proc_on_exit(void *arg)
{
	proc_exited(arg);
}

void proc_child_ended(struct proc *p)
{
	siginfo_t si = { 0 };

	if (p->state == PROC_CLEARING)
		proc_clear(p, clock_mono());
	else if (p->pid > 0 && waitid(P_PID, (id_t)p->pid, &si, WEXITED | WNOHANG | WNOWAIT) == 0 && si.si_pid == p->pid)
		proc_exited(p);
}

void proc_tick(struct proc *p, mono_us now)
{
	if (now < p->due)
		return;
	if (p->state != PROC_DOWN)
		p->due = MONO_NEVER;
	switch (p->state) {
	case PROC_STARTING:
		proc_kill(p, "it did not greet");
		break;
	case PROC_LEAVING:
	case PROC_DYING:
		proc_kill(p, "it did not leave");
		break;
	case PROC_CLEARING:
		proc_clear(p, now);
		break;
	case PROC_DOWN:
	case PROC_UP:
		break;
	}
}

static void proc_wait_for_exit(struct proc *p, int ms)
{
	struct pollfd exit = { .fd = p->exit_fd, .events = POLLIN };
	int n;

	do
		n = poll(&exit, 1, ms);
	while (n < 0 && errno == EINTR);
}

void proc_hang_up(struct proc *p)
{
	if (p->fd >= 0)
		shutdown(p->fd, SHUT_RDWR);
}

void proc_fini(struct proc *p)
{
	struct group_record record;

	if (p->pid > 0) {
		proc_hang_up(p);
		proc_wait_for_exit(p, PROC_LEAVE / 1000);
		record = proc_record(p);
		proc_signal(p, SIGKILL);
		groups_kill_now(&record);
		while (waitpid(p->pid, NULL, 0) < 0 && errno == EINTR)
			continue;
	}
	proc_close(p);
	ring_unmap(&p->ring);
	if (p->ring_fd >= 0)
		close(p->ring_fd);
	p->ring_fd = -1;
	p->state = PROC_DOWN;
}
