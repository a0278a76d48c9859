/*
 * A transfer waits in a list until the loop starts it, is libcurl's until it
 * has ended, and then wakes the coroutine parked in fetch_run. libcurl works on
 * the loop's own stack only (save for what a cancel takes back), so a waiting
 * coroutine holds no pages for it.
 *
 * What libcurl would do by default and must not:
 * - look up names in threads: CURLOPT_CONNECT_TO brings a numeric address,
 *   while Host, SNI and the certificate's check stay those of the URL;
 * - read all CA certificates for each TLS start: it is given the store that
 *   trust.c keeps, and told of no file;
 * - use proxies and passwords from the daemon's environment and home: what a
 *   job does is in its args alone;
 * - wait for "100 Continue", speak HTTP/2 (one connection a transfer is what
 *   the memory and the cancels here are counted for), offer compression (the
 *   body is recorded as the server meant it, and `body_max` bounds it; who
 *   asks with Accept-Encoding gets the raw bytes).
 *
 * Bounds: connections kept idle (past MULTI_KEPT transfers at once, new ones
 * neither look for one nor leave one: libcurl searches those linearly), easy
 * handles kept, time to connect, bytes of headers and body.
 */
#include "kinds/fetch.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "config.h"
#include "coro/trust.h"
#include "kinds/multi.h"

enum {
	FETCH_CONNECT_MS = 30 * 1000,	/* for one address, TLS included */
	FETCH_BUFFER = 16 << 10,	/* read at once */
	FETCH_TICK = 250 * 1000,	/* between two tellings of progress */
	FETCH_SKIP_MAX = 1 << 20,	/* of a body that is dropped */
	FETCH_STARTS = 32		/* a turn */
};

static struct {
	TAILQ_HEAD(, fetch) waiting;	/* to be started */
	size_t running;			/* libcurl's */
	bool open;
} fetcher;

/* ---- what arrives, on the loop's own stack ---- */

static void fetch_fail(struct fetch *f, const char *failure, const char *why)
{
	f->failure = failure;
	snprintf(f->why, sizeof(f->why), "%s", why);
}

bool fetch_status_redirects(int status)
{
	return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

static bool fetch_redirects(struct fetch *f)
{
	struct curl_header *location;
	long status = 0;

	curl_easy_getinfo(f->easy, CURLINFO_RESPONSE_CODE, &status);
	return fetch_status_redirects((int)status) &&
	       curl_easy_header(f->easy, "Location", 0, CURLH_HEADER, -1, &location) == CURLHE_OK;
}

/* The first piece of the body is here: what is known of the rest? */
static void fetch_begin_body(struct fetch *f)
{
	curl_off_t length = -1;

	f->begun = true;
	f->skipping = f->skip_redirects && fetch_redirects(f);
	curl_easy_getinfo(f->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
	f->length = length;
}

static void fetch_tell(struct fetch *f)
{
	mono_us now;

	if (f->progress == NULL || f->length <= 0 || f->skipping)
		return;
	now = clock_mono();
	if (now - f->told < FETCH_TICK)
		return;
	f->told = now;
	f->tick = true;
	cond_signal(&f->cond);
}

/* Ends the transfer; libcurl's own complaint about that is replaced in fetch_explain. */
static size_t fetch_exceed(struct fetch *f, const char *what, size_t limit)
{
	f->exceeded = what;
	f->limit = limit;
	return 0;
}

/* libcurl: n bytes of body. Another answer than n ends the transfer. */
static size_t fetch_on_body(char *data, size_t one, size_t n, void *arg)
{
	struct fetch *f = arg;
	size_t max;

	(void)one;
	if (!f->begun)
		fetch_begin_body(f);
	max = f->skipping ? FETCH_SKIP_MAX : f->body_max;
	f->received += n;
	if (f->received > max || (f->length > 0 && !f->skipping && (uint64_t)f->length > max))
		return fetch_exceed(f, "body is", max);
	if (!f->skipping)
		buf_put(&f->answer, data, n);
	if (buf_failed(&f->answer))
		return 0;
	fetch_tell(f);
	return n;
}

/* libcurl: one header line. It keeps them itself; here they are counted. */
static size_t fetch_on_header(char *data, size_t one, size_t n, void *arg)
{
	struct fetch *f = arg;

	(void)data;
	(void)one;
	f->head_bytes += n;
	return f->head_bytes <= FETCH_HEAD_MAX ? n : fetch_exceed(f, "headers are", FETCH_HEAD_MAX);
}

/* libcurl: a TLS session is about to begin. */
static CURLcode fetch_on_tls(CURL *easy, void *ctx, void *arg)
{
	char why[200];
	X509_STORE *store = trust_store(why, sizeof(why));

	(void)easy;
	(void)arg;
	if (store == NULL)
		return CURLE_SSL_CACERT_BADFILE;
	SSL_CTX_set1_cert_store(ctx, store);
	return CURLE_OK;
}

/* ---- a transfer ---- */

/* "::ADDRESS:PORT": whatever host and port the URL names, connect there. A scope cannot be said so; the URL has it. */
static bool fetch_address(struct fetch *f)
{
	const union resolved_address *to = f->address;
	bool v4 = to->sa.sa_family == AF_INET;
	char ip[INET6_ADDRSTRLEN];

	inet_ntop(to->sa.sa_family, v4 ? (const void *)&to->in.sin_addr : (const void *)&to->in6.sin6_addr, ip, sizeof(ip));
	if (v4)
		snprintf(f->to, sizeof(f->to), "::%s:%u", ip, ntohs(to->in.sin_port));
	else
		snprintf(f->to, sizeof(f->to), "::[%s]:%u", ip, ntohs(to->in6.sin6_port));
	return v4 || to->in6.sin6_scope_id == 0;
}

/* Those that are always the same, or ward something off. */
static void fetch_set_manners(CURL *easy)
{
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
	curl_easy_setopt(easy, CURLOPT_CAINFO, NULL);
	curl_easy_setopt(easy, CURLOPT_CA_CACHE_TIMEOUT, 0L);	/* or an old store comes back behind fetch_on_tls */
	curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, (long)FETCH_BUFFER);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)FETCH_CONNECT_MS);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, PACKAGE_NAME "/" PACKAGE_VERSION);
	if (fetcher.running >= MULTI_KEPT) {
		curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
		curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
	}
}

static void fetch_set_request(CURL *easy, struct fetch *f)
{
	curl_easy_setopt(easy, CURLOPT_CURLU, f->url);
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, f->headers);
	if (strcmp(f->method, "HEAD") == 0)
		curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
	if (f->body != NULL) {
		curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)f->body_len);
		curl_easy_setopt(easy, CURLOPT_POSTFIELDS, f->body);
	}
	curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, f->method);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, f->verify_tls ? 1L : 0L);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, f->verify_tls ? 2L : 0L);
	if (f->verify_tls)
		curl_easy_setopt(easy, CURLOPT_SSL_CTX_FUNCTION, fetch_on_tls);
	if (f->endless)		/* or a peer that is gone would be waited for without end */
		curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
	f->connect_to = (struct curl_slist){ f->to, NULL };
	if (fetch_address(f))
		curl_easy_setopt(easy, CURLOPT_CONNECT_TO, &f->connect_to);
}

static void fetch_set_answer(CURL *easy, struct fetch *f)
{
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, fetch_on_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, f);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, fetch_on_header);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, f);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, f->why);
	curl_easy_setopt(easy, CURLOPT_PRIVATE, f);
}

/* libcurl's word for what went wrong, in ours. */
static const char *fetch_failure(CURLcode code)
{
	static const struct {
		CURLcode code;
		const char *failure;
	} failures[] = {
		{ CURLE_COULDNT_CONNECT, "connect" },
		{ CURLE_OPERATION_TIMEDOUT, "connect" },	/* the only time limit libcurl is given */
		{ CURLE_COULDNT_RESOLVE_HOST, "resolve" },
		{ CURLE_PEER_FAILED_VERIFICATION, "tls" },
		{ CURLE_SSL_CONNECT_ERROR, "tls" },
		{ CURLE_SSL_CERTPROBLEM, "tls" },
		{ CURLE_SSL_CIPHER, "tls" },
		{ CURLE_SSL_CACERT_BADFILE, "tls" },
		{ CURLE_SSL_ISSUER_ERROR, "tls" },
		{ CURLE_SSL_INVALIDCERTSTATUS, "tls" },
		{ CURLE_OUT_OF_MEMORY, "handler" },
	};

	for (size_t i = 0; i < sizeof(failures) / sizeof(failures[0]); i++)
		if (failures[i].code == code)
			return failures[i].failure;
	return "io";
}

static void fetch_explain(struct fetch *f, CURLcode code)
{
	if (f->exceeded != NULL) {
		f->failure = "too_large";
		snprintf(f->why, sizeof(f->why), "the answer's %s longer than %zu bytes", f->exceeded, f->limit);
		return;
	}
	if (buf_failed(&f->answer)) {
		fetch_fail(f, "handler", "no memory for the answer's body");
		return;
	}
	f->failure = fetch_failure(code);
	f->unreached = strcmp(f->failure, "connect") == 0;
	if (f->why[0] == '\0')
		snprintf(f->why, sizeof(f->why), "%s", curl_easy_strerror(code));
}

/* Without the white space that libcurl leaves where there is no value. */
static void fetch_keep_header(struct fetch *f, const struct curl_header *header)
{
	size_t len = strlen(header->value);

	while (len > 0 && strchr(" \t\r\n", header->value[len - 1]) != NULL)
		len--;
	buf_put(&f->head, header->name, strlen(header->name) + 1);
	buf_put(&f->head, header->value, len);
	buf_putc(&f->head, '\0');
}

/* Takes over what libcurl knows of the answer, before its handle goes. */
static void fetch_collect(struct fetch *f)
{
	struct curl_header *header = NULL;
	long status = 0;

	curl_easy_getinfo(f->easy, CURLINFO_RESPONSE_CODE, &status);
	f->status = (int)status;
	while ((header = curl_easy_nextheader(f->easy, CURLH_HEADER, -1, header)) != NULL)
		fetch_keep_header(f, header);
	if (buf_failed(&f->head))
		fetch_fail(f, "handler", "no memory for the answer's headers");
}

/* Hands it to libcurl; a failure ends it. */
static void fetch_start(struct fetch *f)
{
	CURL *easy = multi_take_easy();

	if (easy != NULL) {
		fetch_set_manners(easy);
		fetch_set_request(easy, f);
		fetch_set_answer(easy, f);
		if (multi_add(easy))
			f->easy = easy;
		else
			multi_give_easy(easy);
	}
	if (f->easy != NULL) {
		fetcher.running++;
		return;
	}
	fetch_fail(f, "handler", "no memory for one more transfer");
	f->done = true;
	cond_signal(&f->cond);
}

static void fetch_start_some(void)
{
	struct fetch *f;

	for (int i = 0; i < FETCH_STARTS && (f = TAILQ_FIRST(&fetcher.waiting)) != NULL; i++) {
		TAILQ_REMOVE(&fetcher.waiting, f, link);
		f->queued = false;
		fetch_start(f);
	}
	if (!TAILQ_EMPTY(&fetcher.waiting))
		multi_kick();
}

/* Takes it off libcurl: it has ended with that code, or must. */
static void fetch_end(struct fetch *f, CURLcode code)
{
	if (code == CURLE_OK)
		fetch_collect(f);
	else
		fetch_explain(f, code);
	multi_remove(f->easy);
	multi_give_easy(f->easy);
	f->easy = NULL;
	f->done = true;
	fetcher.running--;
}

static void fetch_on_end(void *private, CURLcode code)
{
	struct fetch *f = private;

	fetch_end(f, code);
	cond_signal(&f->cond);
}

static void fetch_on_deaf(void *private)
{
	struct fetch *f = private;

	f->deaf = true;
	cond_signal(&f->cond);
}

static bool fetch_open(void)
{
	if (!fetcher.open && multi_open(fetch_start_some, fetch_on_end, fetch_on_deaf)) {
		TAILQ_INIT(&fetcher.waiting);
		fetcher.open = true;
	}
	return fetcher.open;
}

void fetch_close(void)
{
	multi_close();
	fetcher.open = false;
}

static int fetch_wait(struct fetch *f, mono_us deadline)
{
	int rc = 0;

	while (!f->done && !f->deaf && rc == 0) {
		rc = cond_wait(&f->cond, deadline);
		if (rc == 0 && f->tick) {
			f->tick = false;
			f->progress(f->progress_arg, (double)f->received / (double)f->length, NULL);
		}
	}
	return rc;
}

static void fetch_renew(struct fetch *f)
{
	buf_clear(&f->head);
	buf_clear(&f->answer);
	cond_init(&f->cond);
	f->status = 0;
	f->failure = f->exceeded = NULL;
	f->why[0] = '\0';
	f->unreached = f->done = f->tick = f->deaf = f->begun = f->skipping = false;
	f->head_bytes = f->received = 0;
	f->length = -1;
}

int fetch_run(struct fetch *f, mono_us deadline)
{
	char why[80];
	int rc;

	fetch_renew(f);
	if (!fetch_open()) {
		snprintf(why, sizeof(why), "transfers cannot be begun: %s", strerror(errno));
		fetch_fail(f, "io", why);
		return 0;
	}
	f->endless = deadline == MONO_NEVER;
	TAILQ_INSERT_TAIL(&fetcher.waiting, f, link);
	f->queued = true;
	multi_kick();
	rc = fetch_wait(f, deadline);		/* parks */
	if (f->queued)
		TAILQ_REMOVE(&fetcher.waiting, f, link);
	f->queued = false;
	if (f->easy != NULL)
		fetch_end(f, CURLE_ABORTED_BY_CALLBACK);
	if (f->deaf && rc == 0)
		fetch_fail(f, "io", "its socket cannot be watched: the daemon is short of memory");
	return rc;
}

/* ---- the answer ---- */

void fetch_init(struct fetch *f)
{
	memset(f, 0, sizeof(*f));
	f->verify_tls = true;
}

void fetch_free(struct fetch *f)
{
	buf_free(&f->head);
	buf_free(&f->answer);
}

bool fetch_header_next(const struct fetch *f, size_t *at, const char **name, const char **value)
{
	if (*at >= buf_len(&f->head))
		return false;
	*name = buf_data(&f->head) + *at;
	*value = *name + strlen(*name) + 1;
	*at += strlen(*name) + strlen(*value) + 2;
	return true;
}

const char *fetch_header(const struct fetch *f, const char *name)
{
	const char *each, *value;
	size_t at = 0;

	while (fetch_header_next(f, &at, &each, &value))
		if (strcasecmp(each, name) == 0)
			return value;
	return NULL;
}

void fetch_stats(struct fetch_stats *out)
{
	out->running = fetcher.running;
	out->idle = multi_idle();
}
