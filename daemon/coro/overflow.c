#include "coro/overflow.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "coro/coro_priv.h"

enum { SIGNAL_STACK_LEAST = 32 * 1024 };

static struct {
	struct sigaction before;
	void *stack;		/* NULL where the thread had a signal stack already (ASan gives one) */
} overflow;

static size_t put(char *to, size_t room, const char *text)
{
	size_t n = strlen(text);

	n = n < room ? n : room;
	memcpy(to, text, n);
	return n;
}

/* Only what a signal handler may call: no formatting, no locks. */
static void overflow_report(const char *name)
{
	char line[256];
	size_t n = put(line, 64, "coroutine ");

	n += put(line + n, 128, name);
	n += put(line + n, 64, " overflowed its stack\n");
	if (write(STDERR_FILENO, line, n) < 0)
		return;
}

/* Returning runs the faulting instruction again, under the handler that was there before. */
static void overflow_caught(int signo, siginfo_t *info, void *context)
{
	const char *name = sched_overflowed(info->si_addr);
	int error = errno;

	(void)context;
	if (name != NULL) {
		overflow_report(name);
		signal(signo, SIG_DFL);
	} else {
		sigaction(signo, &overflow.before, NULL);
	}
	errno = error;
}

static int signal_stack_open(void)
{
	long least = sysconf(_SC_SIGSTKSZ);
	stack_t now, own = { .ss_size = SIGNAL_STACK_LEAST };

	if (sigaltstack(NULL, &now) < 0)
		return -errno;
	if ((now.ss_flags & SS_DISABLE) == 0)
		return 0;
	if (least > 0 && own.ss_size < 2 * (size_t)least)
		own.ss_size = 2 * (size_t)least;
	own.ss_sp = overflow.stack = malloc(own.ss_size);
	if (overflow.stack == NULL)
		return -ENOMEM;
	return sigaltstack(&own, NULL) < 0 ? -errno : 0;
}

static void signal_stack_close(void)
{
	stack_t off = { .ss_flags = SS_DISABLE };

	if (overflow.stack == NULL)
		return;
	sigaltstack(&off, NULL);
	free(overflow.stack);
	overflow.stack = NULL;
}

int overflow_open(void)
{
	struct sigaction action = { .sa_sigaction = overflow_caught, .sa_flags = SA_SIGINFO | SA_ONSTACK };
	int rc = signal_stack_open();

	sigemptyset(&action.sa_mask);
	if (rc == 0 && sigaction(SIGSEGV, &action, &overflow.before) < 0)
		rc = -errno;
	if (rc < 0)
		signal_stack_close();
	return rc;
}

void overflow_close(void)
{
	sigaction(SIGSEGV, &overflow.before, NULL);
	signal_stack_close();
}
