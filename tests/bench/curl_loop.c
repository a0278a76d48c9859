/* curl_loop: the peer of the HTTP rows: nothing but libcurl's own loop, all requests at once. Prints seconds. */
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "wire.h"

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

static void add(CURLM *multi, const char *url)
{
	CURL *easy = curl_easy_init();

	if (easy == NULL)
		bench_die("out of memory");
	curl_easy_setopt(easy, CURLOPT_URL, url);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, swallow);
	curl_multi_add_handle(multi, easy);
}

static void take_results(CURLM *multi)
{
	CURLMsg *msg;
	int left;

	while ((msg = curl_multi_info_read(multi, &left)) != NULL) {
		CURL *easy = msg->easy_handle;

		if (msg->data.result != CURLE_OK)
			bench_die("%s", curl_easy_strerror(msg->data.result));
		curl_multi_remove_handle(multi, easy);
		curl_easy_cleanup(easy);
	}
}

int main(int argc, char **argv)
{
	int running = 1;
	double begin;
	CURLM *multi;

	if (argc != 3)
		bench_die("usage: bench_curl URL COUNT");
	raise_descriptor_limit();
	curl_global_init(CURL_GLOBAL_ALL);
	multi = curl_multi_init();
	begin = bench_now();
	for (int i = 0; i < atoi(argv[2]); i++)
		add(multi, argv[1]);
	while (running > 0) {
		curl_multi_perform(multi, &running);
		take_results(multi);
		if (running > 0)
			curl_multi_poll(multi, NULL, 0, 1000, NULL);
	}
	printf("%.3f\n", bench_now() - begin);
	curl_multi_cleanup(multi);
	return 0;
}
