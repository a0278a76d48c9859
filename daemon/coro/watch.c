#include "coro/watch.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/log.h"
#include "coro/loop.h"
#include "coro/timer.h"

/* ---- descriptors ---- */

struct loop_watch {
	struct event event;
	int fd;
	void (*fn)(void *arg);
	void *arg;
};

static mono_us turn_until;		/* 0: nothing has called yet */

void watch_turn(void)
{
	turn_until = 0;
}

bool watch_called(void)
{
	return turn_until != 0;
}

static void watch_ready(evutil_socket_t fd, short what, void *arg)
{
	struct loop_watch *w = arg;

	(void)fd, (void)what;
	if (turn_until == 0)
		turn_until = clock_after(LOOP_SLICE_US);
	w->fn(w->arg);
	if (clock_mono() >= turn_until)
		event_base_loopbreak(loop_event_base());
}

static int watch_add(struct loop_watch *w, bool reads, bool writes)
{
	short what = (short)(EV_PERSIST | (reads ? EV_READ : 0) | (writes ? EV_WRITE : 0));

	event_assign(&w->event, loop_event_base(), w->fd, what, watch_ready, w);
	if (!reads && !writes)
		return 0;
	return event_add(&w->event, NULL);
}

struct loop_watch *loop_watch_open(int fd, bool reads, bool writes, void (*fn)(void *arg), void *arg)
{
	struct loop_watch *w = calloc(1, sizeof(*w));

	if (w == NULL)
		return NULL;
	w->fd = fd;
	w->fn = fn;
	w->arg = arg;
	if (watch_add(w, reads, writes) < 0) {
		free(w);
		return NULL;
	}
	return w;
}

void loop_watch_set(struct loop_watch *w, bool reads, bool writes)
{
	event_del(&w->event);
	if (watch_add(w, reads, writes) < 0)
		log_error("cannot watch descriptor %d: %s", w->fd, strerror(errno));
}

void loop_watch_close(struct loop_watch **w)
{
	if (*w == NULL)
		return;
	event_del(&(*w)->event);
	free(*w);
	*w = NULL;
}

/* ---- signals ---- */

/* Blocked, and read from a descriptor: no handler runs in the middle of anything, on whatever stack. */
struct loop_signal {
	struct event event;
	int signo;
	void (*fn)(void *arg);
	void *arg;
	SLIST_ENTRY(loop_signal) link;
};

static SLIST_HEAD(, loop_signal) signals = SLIST_HEAD_INITIALIZER(signals);

static void signal_came(evutil_socket_t fd, short what, void *arg)
{
	struct loop_signal *s = arg;
	struct signalfd_siginfo info;

	(void)what;
	if (read(fd, &info, sizeof(info)) == sizeof(info))
		s->fn(s->arg);
}

static void signal_mask(int how, int signo, sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, signo);
	pthread_sigmask(how, set, NULL);
}

static void signal_drop(struct loop_signal *s)
{
	sigset_t set;

	if (event_initialized(&s->event)) {
		event_del(&s->event);
		close(event_get_fd(&s->event));
	}
	signal_mask(SIG_UNBLOCK, s->signo, &set);
	free(s);
}

static int signal_open(struct loop_signal *s)
{
	sigset_t set;
	int fd;

	signal_mask(SIG_BLOCK, s->signo, &set);
	fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (fd < 0)
		return -errno;
	event_assign(&s->event, loop_event_base(), fd, EV_READ | EV_PERSIST, signal_came, s);
	return event_add(&s->event, NULL) < 0 ? -ENOMEM : 0;
}

int loop_signal(int signo, void (*fn)(void *arg), void *arg)
{
	struct loop_signal *s = calloc(1, sizeof(*s));
	int rc;

	if (s == NULL)
		return -ENOMEM;
	s->signo = signo;
	s->fn = fn;
	s->arg = arg;
	rc = signal_open(s);
	if (rc < 0) {
		signal_drop(s);
		return rc;
	}
	SLIST_INSERT_HEAD(&signals, s, link);
	return 0;
}

void loop_signals_close(void)
{
	struct loop_signal *s;

	while ((s = SLIST_FIRST(&signals)) != NULL) {
		SLIST_REMOVE_HEAD(&signals, link);
		signal_drop(s);
	}
}

/* ---- timers ---- */

struct loop_timer {
	struct timer timer;	/* first: cast back in timer_due */
	void (*fn)(void *arg);
	void *arg;
};

static void timer_due(struct timer *timer)
{
	struct loop_timer *t = (struct loop_timer *)timer;

	t->fn(t->arg);
}

struct loop_timer *loop_timer_open(void (*fn)(void *arg), void *arg)
{
	struct loop_timer *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return NULL;
	if (timer_open(&t->timer, timer_due) < 0) {
		free(t);
		return NULL;
	}
	t->fn = fn;
	t->arg = arg;
	return t;
}

void loop_timer_set(struct loop_timer *t, mono_us deadline)
{
	timer_set(&t->timer, deadline);
}

void loop_timer_close(struct loop_timer **t)
{
	if (*t == NULL)
		return;
	timer_close(&(*t)->timer);
	free(*t);
	*t = NULL;
}
