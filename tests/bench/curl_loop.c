/*
 * curl_loop: the peer of the HTTP rows: nothing but libcurl's own loop.
 *
 *	bench_curl URL COUNT AT_ONCE WARM
 *
 * After WARM requests COUNT more, AT_ONCE of them in flight. Prints the
 * seconds that those took.
 */
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "wire.h"

static CURLM *multi;

static size_t swallow(char *data, size_t size, size_t n, void *arg)
{
	(void)data;
	(void)arg;
	return size * n;
}

static void raise_descriptor_limit(void)
{
	struct rlimit limit;

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static void start(const char *url)
{
	CURL *easy = curl_easy_init();

	if (easy == NULL)
		bench_die("out of memory");
	curl_easy_setopt(easy, CURLOPT_URL, url);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, swallow);
	curl_multi_add_handle(multi, easy);
}

/* Each that ended begins anew while requests are left. Returns how many are. */
static int take_results(int left)
{
	CURLMsg *msg;
	int queued;

	while ((msg = curl_multi_info_read(multi, &queued)) != NULL) {
		CURL *easy = msg->easy_handle;

		if (msg->data.result != CURLE_OK)
			bench_die("%s", curl_easy_strerror(msg->data.result));
		curl_multi_remove_handle(multi, easy);
		if (left > 0) {
			curl_multi_add_handle(multi, easy);
			left--;
		} else {
			curl_easy_cleanup(easy);
		}
	}
	return left;
}

static void fetch(const char *url, int count, int at_once)
{
	int running = 1, left = count;

	for (int i = 0; i < at_once && left > 0; i++, left--)
		start(url);
	while (running > 0) {
		int before = left;

		curl_multi_perform(multi, &running);
		left = take_results(left);
		if (left < before)
			running = 1;
		else if (running > 0)
			curl_multi_poll(multi, NULL, 0, 1000, NULL);
	}
}

int main(int argc, char **argv)
{
	int count, at_once, warm;
	double begin;

	if (argc != 5)
		bench_die("usage: bench_curl URL COUNT AT_ONCE WARM");
	count = atoi(argv[2]);
	at_once = atoi(argv[3]);
	warm = atoi(argv[4]);
	raise_descriptor_limit();
	curl_global_init(CURL_GLOBAL_ALL);
	multi = curl_multi_init();
	fetch(argv[1], warm, warm < at_once ? warm : at_once);
	begin = bench_now();
	fetch(argv[1], count, at_once);
	printf("%.6f\n", bench_now() - begin);
	curl_multi_cleanup(multi);
	return 0;
}
