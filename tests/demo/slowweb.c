/*
 * slowweb [PORT [SECONDS]]: a web server on 127.0.0.1 that answers every
 * request after SECONDS (1), without holding up any other.
 *
 * For the demo and the benchmarks: something to wait for, thousands of times
 * at once. Says its address on stdout once it listens (PORT 0, the default:
 * any that is free), and leaves with the process that started it.
 */
#include <arpa/inet.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/listener.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

enum { BACKLOG = 16384 };

static struct event_base *base;
static struct timeval delay = { .tv_sec = 1 };

struct answer {
	struct evhttp_request *request;		/* NULL once the client has gone */
	struct event *timer;
};

static void answer_free(struct answer *a)
{
	event_free(a->timer);
	free(a);
}

static void on_gone(struct evhttp_connection *connection, void *arg)
{
	struct answer *a = arg;

	(void)connection;
	answer_free(a);
}

static void on_time(evutil_socket_t fd, short what, void *arg)
{
	struct answer *a = arg;
	struct evbuffer *body = evbuffer_new();

	(void)fd;
	(void)what;
	evhttp_connection_set_closecb(evhttp_request_get_connection(a->request), NULL, NULL);
	if (body != NULL)
		evbuffer_add_printf(body, "You have waited.\n");
	evhttp_send_reply(a->request, HTTP_OK, "OK", body);
	if (body != NULL)
		evbuffer_free(body);
	answer_free(a);
}

static void on_request(struct evhttp_request *request, void *arg)
{
	struct answer *a = calloc(1, sizeof(*a));

	(void)arg;
	if (a != NULL)
		a->timer = evtimer_new(base, on_time, a);
	if (a == NULL || a->timer == NULL) {
		free(a);
		evhttp_send_error(request, HTTP_SERVUNAVAIL, "out of memory");
		return;
	}
	a->request = request;
	evhttp_connection_set_closecb(evhttp_request_get_connection(request), on_gone, a);
	evtimer_add(a->timer, &delay);
}

static void raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

/* Listens and says where. 0 or -1. */
static int serve(const char *port)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct evconnlistener *listener;
	struct evhttp *http;
	socklen_t len = sizeof(address);

	address.sin_port = htons((unsigned short)atoi(port));
	base = event_base_new();
	http = base != NULL ? evhttp_new(base) : NULL;
	listener = http == NULL ? NULL
				: evconnlistener_new_bind(base, NULL, NULL, LEV_OPT_REUSEABLE | LEV_OPT_CLOSE_ON_FREE, BACKLOG,
							  (struct sockaddr *)&address, sizeof(address));
	if (listener == NULL || evhttp_bind_listener(http, listener) == NULL ||
	    getsockname(evconnlistener_get_fd(listener), (struct sockaddr *)&address, &len))
		return -1;
	evhttp_set_gencb(http, on_request, NULL);
	printf("http://127.0.0.1:%d/\n", ntohs(address.sin_port));
	return fflush(stdout);
}

int main(int argc, char **argv)
{
	double seconds = argc > 2 ? atof(argv[2]) : 1;

	signal(SIGPIPE, SIG_IGN);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	raise_descriptor_limit();
	delay.tv_sec = (time_t)seconds;
	delay.tv_usec = (suseconds_t)((seconds - (double)delay.tv_sec) * 1000000);
	if (serve(argc > 1 ? argv[1] : "0")) {
		perror("slowweb");
		return EXIT_FAILURE;
	}
	return event_base_dispatch(base) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
