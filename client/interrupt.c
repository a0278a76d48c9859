#include "client/interrupt.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "client/ctl.h"

static void interrupt_set(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGHUP);
}

int interrupt_open(void)
{
	sigset_t set;
	int fd;

	interrupt_set(&set);
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0 || sigprocmask(SIG_BLOCK, &set, NULL) < 0) {
		ctl_error("signals cannot be watched: %s", strerror(errno));
		if (fd >= 0)
			close(fd);
		return -1;
	}
	return fd;
}

int interrupt_wait(int fd, const struct ctl *ctl, int timeout_ms)
{
	struct pollfd p[2] = { { .fd = fd, .events = POLLIN }, { .fd = jobd_fd(ctl->conn), .events = POLLIN } };
	struct signalfd_siginfo info;

	while (poll(p, 2, timeout_ms) < 0 && errno == EINTR)
		;
	if ((p[0].revents & POLLIN) != 0 && read(fd, &info, sizeof(info)) == sizeof(info))
		return (int)info.ssi_signo;
	return 0;
}

/* The signals stay blocked: one that comes now, when all is over, must not change the exit code. */
void interrupt_close(int fd)
{
	close(fd);
}
