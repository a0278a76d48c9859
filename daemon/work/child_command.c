#include "work/child_command.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "work/child_spawn.h"

enum { TAIL_SIZE = 2 * COMMAND_TAIL };

/* ---- tails ---- */

static void tail_put(struct tail *t, const char *data, size_t len)
{
	if (len > COMMAND_TAIL) {
		data += len - COMMAND_TAIL;
		len = COMMAND_TAIL;
	}
	if (t->len + len > TAIL_SIZE) {
		size_t keep = COMMAND_TAIL - len;

		memmove(t->base, t->base + t->len - keep, keep);
		t->len = keep;
	}
	memcpy(t->base + t->len, data, len);
	t->len += len;
}

int attendant_init(struct attendant *a)
{
	for (int i = 0; i < 2; i++) {
		a->tails[i].base = malloc(TAIL_SIZE);
		if (a->tails[i].base == NULL)
			return -ENOMEM;
	}
	return 0;
}

void attendant_free(struct attendant *a)
{
	for (int i = 0; i < 2; i++)
		free(a->tails[i].base);
}

void attendant_begin_task(struct attendant *a, uint32_t ticket)
{
	a->produced[0] = a->produced[1] = a->sent = 0;
	a->link->acknowledged = 0;
	a->ticket = ticket;
}

/* ---- one command ---- */

enum { WATCH_LINK, WATCH_EXIT, WATCH_OUT, WATCH_INPUT = WATCH_OUT + 2, WATCHES };

struct attend {
	struct attendant *a;
	const struct command *command;
	pid_t pid;
	int exit_fd;
	int out[2];			/* -1: it has closed it */
	int input;			/* -1: nothing (more) to write */
	size_t input_at;
	bool stopped;			/* the link's stop has been passed on */
};

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void attend_close(struct attend *at)
{
	close_fd(&at->exit_fd);
	close_fd(&at->out[0]);
	close_fd(&at->out[1]);
	close_fd(&at->input);
}

static int attend_pipe(int *ours, int *theirs, bool we_read)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) != 0)
		return -errno;
	*ours = ends[we_read ? 0 : 1];
	*theirs = ends[we_read ? 1 : 0];
	return 0;
}

/* The three descriptors of the command to be, theirs[0] perhaps our null_fd. */
static int attend_pipes(struct attend *at, int theirs[3])
{
	int rc = 0;

	if (at->command->input_len > 0) {
		rc = attend_pipe(&at->input, &theirs[0], false);
		if (rc == 0 && fcntl(at->input, F_SETFL, O_NONBLOCK) != 0)
			rc = -errno;
	}
	for (int i = 0; i < 2 && rc == 0; i++)
		rc = attend_pipe(&at->out[i], &theirs[1 + i], true);
	return rc;
}

static int attend_spawn(struct attend *at)
{
	struct attendant *a = at->a;
	int theirs[3] = { -1, -1, -1 };
	int rc = attend_pipes(at, theirs);

	if (rc == 0) {
		struct spawn spawn = { at->command, { theirs[0], theirs[1], theirs[2] }, a->groups, a->index, &a->record, a->ring };

		if (theirs[0] < 0)
			spawn.fds[0] = a->null_fd;
		at->pid = spawn_command(&spawn);
		rc = at->pid < 0 ? at->pid : 0;
	}
	for (int i = 0; i < 3; i++)
		close_fd(&theirs[i]);
	return rc;
}

/* ---- while it runs ---- */

/* Reads at most max bytes of a stream, passes on what is to be kept. False at its end. */
static bool attend_output(struct attend *at, int i, size_t max)
{
	struct attendant *a = at->a;
	struct buf *out = &a->link->out;
	size_t keep = 0;
	char *to;
	ssize_t n;

	if (max > WIRE_PIECE)
		max = WIRE_PIECE;
	to = wire_output_reserve(out, max);
	if (to == NULL)
		return false;		/* link_flush will see it */
	do
		n = read(at->out[i], to, max);
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		return false;
	if (a->produced[i] < (int64_t)a->output_bytes)
		keep = a->output_bytes - (size_t)a->produced[i];
	if (keep > (size_t)n)
		keep = (size_t)n;
	tail_put(&a->tails[i], to, (size_t)n);
	if (keep > 0)
		wire_output_commit(out, i, a->produced[i], keep);
	a->produced[i] += n;
	a->sent += (int64_t)keep;
	return true;
}

static void attend_input(struct attend *at)
{
	size_t left = at->command->input_len - at->input_at;
	ssize_t n = write(at->input, at->command->input + at->input_at, left);

	if (n > 0)
		at->input_at += (size_t)n;
	if (at->input_at == at->command->input_len || (n < 0 && errno != EAGAIN && errno != EINTR))
		close_fd(&at->input);	/* all written, or it does not want it */
}

static void attend_stop(struct attend *at)
{
	struct child_link *l = at->a->link;

	if (l->stop_signo == 0 || l->stop_ticket != at->a->ticket)
		return;
	kill(-at->pid, l->stop_signo);
	kill(-at->pid, SIGCONT);	/* were it stopped, it could not end */
	l->stop_signo = 0;
}

/* May more output be taken? */
static bool attend_credit(const struct attend *at)
{
	return at->a->sent - at->a->link->acknowledged < WIRE_CREDIT;
}

static void attend_poll(struct attend *at, struct pollfd fds[WATCHES])
{
	bool credit = attend_credit(at);

	fds[WATCH_LINK] = (struct pollfd){ .fd = at->a->link->fd, .events = POLLIN };
	fds[WATCH_EXIT] = (struct pollfd){ .fd = at->exit_fd, .events = POLLIN };
	for (int i = 0; i < 2; i++)
		fds[WATCH_OUT + i] = (struct pollfd){ .fd = credit ? at->out[i] : -1, .events = POLLIN };
	fds[WATCH_INPUT] = (struct pollfd){ .fd = at->input, .events = POLLOUT };
	while (poll(fds, WATCHES, -1) < 0)
		continue;		/* a signal: none that matters here */
}

/* Until the command has exited; or the daemon is gone. */
static void attend_loop(struct attend *at)
{
	struct pollfd fds[WATCHES];

	do {
		attend_stop(at);
		link_flush(at->a->link);
		if (at->a->link->gone)
			return;
		attend_poll(at, fds);
		if (fds[WATCH_LINK].revents != 0)
			link_read(at->a->link);
		for (int i = 0; i < 2; i++)
			if (fds[WATCH_OUT + i].revents != 0 && !attend_output(at, i, WIRE_PIECE))
				close_fd(&at->out[i]);
		if (fds[WATCH_INPUT].revents != 0)
			attend_input(at);
	} while (fds[WATCH_EXIT].revents == 0);
}

/* ---- when it has exited ---- */

/* Takes what the pipe holds now, as fast as the daemon keeps it. */
static void attend_drain(struct attend *at, int i)
{
	int left = 0;

	if (at->out[i] < 0 || ioctl(at->out[i], FIONREAD, &left) != 0)
		return;
	while (left > 0 && !at->a->link->gone) {
		int64_t before = at->a->produced[i];

		if (!attend_credit(at)) {
			link_read(at->a->link);
			continue;
		}
		if (!attend_output(at, i, (size_t)left))
			return;
		left -= (int)(at->a->produced[i] - before);
		link_flush(at->a->link);
	}
}

/* The command is waited for, then the rest of its group: orphans of its processes are our children. */
static void attend_bury(struct attend *at, struct command_end *end)
{
	struct attendant *a = at->a;

	kill(-at->pid, SIGKILL);
	if (!a->link->gone)
		for (int i = 0; i < 2; i++)
			attend_drain(at, i);
	while (wait4(at->pid, &end->status, 0, &end->usage) < 0 && errno == EINTR)
		continue;
	while (waitpid(-at->pid, NULL, 0) > 0 || errno == EINTR)
		continue;
	while (waitpid(-1, NULL, WNOHANG) > 0)
		continue;		/* those that had left the group, and have ended by now */
	a->record.group = 0;
	groups_write(a->groups, a->index, &a->record);
}

static void attend_result(struct attend *at, struct command_end *end)
{
	struct spawn spawn = { .command = at->command, .ring = at->a->ring };

	end->spawned = spawn_succeeded(&spawn, end->why, sizeof(end->why));
	for (int i = 0; i < 2; i++) {
		const struct tail *t = &at->a->tails[i];
		size_t len = t->len < COMMAND_TAIL ? t->len : COMMAND_TAIL;

		end->out[i].data = t->base + t->len - len;
		end->out[i].len = len;
		end->out[i].produced = at->a->produced[i];
	}
}

static int attend_command(struct attend *at, struct command_end *end)
{
	int rc = attend_spawn(at);

	if (rc != 0)
		return rc;
	at->exit_fd = pidfd_open(at->pid, 0);
	if (at->exit_fd >= 0)
		attend_loop(at);
	else
		rc = -errno;
	attend_bury(at, end);
	if (at->a->link->gone)
		_exit(at->a->link->broken);	/* nobody is left to be told */
	attend_result(at, end);
	return rc;
}

int attendant_run(struct attendant *a, const struct command *command, struct command_end *end)
{
	struct attend at = { .a = a, .command = command, .exit_fd = -1, .out = { -1, -1 }, .input = -1 };
	int rc = -ECANCELED;

	memset(end, 0, sizeof(*end));
	a->tails[0].len = a->tails[1].len = 0;
	a->attending = 1;
	if (atomic_load(&a->ring->stop) != a->ticket)
		rc = attend_command(&at, end);
	attend_close(&at);
	a->attending = 0;
	return rc;
}
