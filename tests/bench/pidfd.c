/*
 * pidfd: for valgrind, which in its older versions knows no pidfd_open: preloaded
 * into the daemon that cost.py counts. The descriptor never says that the
 * process has ended; a daemon with it has to be killed.
 */
#include <sys/eventfd.h>
#include <sys/pidfd.h>

int pidfd_open(pid_t pid, unsigned flags)
{
	(void)pid, (void)flags;
	return eventfd(0, EFD_CLOEXEC);
}
