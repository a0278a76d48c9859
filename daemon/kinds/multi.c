/*
 * libcurl says which sockets and what time it waits for. The sockets are in an
 * epoll of their own, which the loop watches as one descriptor and of which a
 * turn takes MULTI_EVENTS, or what goes in MULTI_SLICE: neither ten thousand
 * answers nor a hundred TLS handshakes at once hold the loop.
 */
#include "kinds/multi.h"

#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "coro/loop.h"

enum {
	MULTI_EVENTS = 128,	/* a turn */
	MULTI_SLICE = 2 * 1000,	/* us, a turn */
	MULTI_IDLE = 256	/* easy handles kept */
};

static struct {
	CURLM *curl;			/* NULL: not open */
	void (*kicked)(void);
	void (*ended)(void *private, CURLcode code);
	void (*deaf)(void *private);
	int epoll;
	struct loop_watch *watch;	/* of the epoll */
	struct loop_timer *timer;
	struct deferred kick;
	CURL *idle[MULTI_IDLE];
	size_t idle_len;
} multi;

/* Tells of the transfers that are over. */
static void multi_reap(void)
{
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(multi.curl, &left)) != NULL) {
		CURLcode code = message->data.result;
		void *private = NULL;

		if (message->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &private);
		multi.ended(private, code);		/* the message is gone after it */
	}
}

static void multi_on_time(void *arg)
{
	int running;

	(void)arg;
	curl_multi_socket_action(multi.curl, CURL_SOCKET_TIMEOUT, 0, &running);
	multi_reap();
}

static void multi_on_kick(void *arg)
{
	multi.kicked();
	multi_on_time(arg);
}

/* Level-triggered: what is left over is reported again in the next turn. */
static void multi_on_sockets(void *arg)
{
	struct epoll_event events[MULTI_EVENTS];
	int running, n = epoll_wait(multi.epoll, events, MULTI_EVENTS, 0);
	mono_us until = clock_after(MULTI_SLICE);

	(void)arg;
	for (int i = 0; i < n && (i == 0 || clock_mono() < until); i++) {
		uint32_t what = events[i].events;
		int mask = (what & EPOLLIN ? CURL_CSELECT_IN : 0) | (what & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
			   (what & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0);

		curl_multi_socket_action(multi.curl, events[i].data.fd, mask, &running);
	}
	multi_reap();
}

/* libcurl: wake me in ms; -1: never mind. Not to be answered from inside. */
static int multi_want_time(CURLM *curl, long ms, void *arg)
{
	(void)curl;
	(void)arg;
	if (ms == 0)
		multi_kick();
	loop_timer_set(multi.timer, ms <= 0 ? MONO_NEVER : clock_after((mono_us)ms * 1000));
	return 0;
}

/* libcurl: watch this socket so. `known`: it is in the epoll already. A failure told to libcurl would be the end of all transfers. */
static int multi_want_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *known)
{
	struct epoll_event event = {
		.events = (what & CURL_POLL_IN ? EPOLLIN : 0u) | (what & CURL_POLL_OUT ? EPOLLOUT : 0u), .data.fd = fd,
	};
	int op = what == CURL_POLL_REMOVE ? EPOLL_CTL_DEL : known != NULL ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
	void *private = NULL;

	(void)arg;
	if (epoll_ctl(multi.epoll, op, fd, &event) == 0) {
		if (op == EPOLL_CTL_ADD)
			curl_multi_assign(multi.curl, fd, &multi);
	} else if (op != EPOLL_CTL_DEL) {
		epoll_ctl(multi.epoll, EPOLL_CTL_DEL, fd, NULL);
		curl_easy_getinfo(easy, CURLINFO_PRIVATE, &private);
		if (private != NULL)
			multi.deaf(private);
	}
	return 0;
}

static void multi_open_curl(void)
{
	multi.curl = curl_multi_init();
	if (multi.curl == NULL)
		return;
	curl_multi_setopt(multi.curl, CURLMOPT_SOCKETFUNCTION, multi_want_socket);
	curl_multi_setopt(multi.curl, CURLMOPT_TIMERFUNCTION, multi_want_time);
	curl_multi_setopt(multi.curl, CURLMOPT_MAXCONNECTS, (long)MULTI_KEPT);
	curl_multi_setopt(multi.curl, CURLMOPT_PIPELINING, CURLPIPE_NOTHING);
}

bool multi_open(void (*kicked)(void), void (*ended)(void *private, CURLcode code), void (*deaf)(void *private))
{
	static bool initialised;
	int error = ENOMEM;

	if (multi.curl != NULL)
		return true;
	if (!initialised && curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return false;
	initialised = true;
	multi.kicked = kicked;
	multi.ended = ended;
	multi.deaf = deaf;
	deferred_init(&multi.kick, multi_on_kick, NULL);
	multi.epoll = epoll_create1(EPOLL_CLOEXEC);
	if (multi.epoll < 0)
		error = errno;
	else
		multi.watch = loop_watch_open(multi.epoll, true, false, multi_on_sockets, NULL);
	multi.timer = loop_timer_open(multi_on_time, NULL);
	if (multi.watch != NULL && multi.timer != NULL)
		multi_open_curl();
	if (multi.curl == NULL)
		multi_close();
	errno = error;
	return multi.curl != NULL;
}

void multi_close(void)
{
	while (multi.idle_len > 0)
		curl_easy_cleanup(multi.idle[--multi.idle_len]);
	if (multi.curl != NULL)
		curl_multi_cleanup(multi.curl);
	multi.curl = NULL;
	loop_defer_cancel(&multi.kick);
	if (multi.timer != NULL)
		loop_timer_close(&multi.timer);
	if (multi.watch != NULL)
		loop_watch_close(&multi.watch);
	if (multi.epoll > 0)
		close(multi.epoll);
	multi.epoll = 0;
}

void multi_kick(void)
{
	loop_defer(&multi.kick);
}

CURL *multi_take_easy(void)
{
	return multi.idle_len > 0 ? multi.idle[--multi.idle_len] : curl_easy_init();
}

void multi_give_easy(CURL *easy)
{
	if (multi.idle_len == MULTI_IDLE) {
		curl_easy_cleanup(easy);
		return;
	}
	curl_easy_reset(easy);
	multi.idle[multi.idle_len++] = easy;
}

size_t multi_idle(void)
{
	return multi.idle_len;
}

bool multi_add(CURL *easy)
{
	return curl_multi_add_handle(multi.curl, easy) == CURLM_OK;
}

void multi_remove(CURL *easy)
{
	curl_multi_remove_handle(multi.curl, easy);
}
