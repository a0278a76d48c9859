/*
 * One thread at a time, and only to parse: it is given a file's name, makes a
 * store that nobody else has seen yet, and says so through an eventfd. The
 * loop joins it before it touches what the thread wrote. Coroutines that come
 * meanwhile wait for the same thread.
 */
#include "coro/trust.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/thread.h"
#include "coro/filemark.h"
#include "coro/loop.h"

/* One reading of the file. */
struct reading {
	const char *bundle;
	struct filemark mark;		/* the file, before */
	X509_STORE *store;		/* NULL: why says why */
	char why[200];
};

static struct {
	struct reading now;		/* what is believed; store NULL: nothing was read yet */
	struct reading next;		/* the thread's, while it runs */
	pthread_t thread;
	bool running;
	int done_fd;
	struct loop_watch *watch;
	struct cond read;		/* the thread has ended */
	char why[200];			/* of the last reading, if it failed */
	const char *bundle;		/* once found */
} trust;

static const char *trust_bundle(void)
{
	static const char *const places[] = {
		"/etc/ssl/certs/ca-certificates.crt",		/* Debian, Arch, Gentoo */
		"/etc/pki/tls/certs/ca-bundle.crt",		/* Fedora */
		"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
		"/etc/ssl/ca-bundle.pem",			/* openSUSE */
		"/etc/ssl/cert.pem",				/* Alpine */
	};

	if (trust.bundle == NULL)
		trust.bundle = getenv("SSL_CERT_FILE");
	for (size_t i = 0; trust.bundle == NULL && i < sizeof(places) / sizeof(places[0]); i++)
		if (access(places[i], R_OK) == 0)
			trust.bundle = places[i];
	return trust.bundle;
}

/* Touches nothing but *r. */
static void reading_do(struct reading *r)
{
	const char *reason;

	if (r->bundle == NULL) {
		snprintf(r->why, sizeof(r->why), "there is no file of CA certificates on this machine (set SSL_CERT_FILE)");
		return;
	}
	ERR_clear_error();
	errno = 0;
	r->store = X509_STORE_new();
	if (r->store != NULL && X509_STORE_load_file(r->store, r->bundle) == 1) {
		/* What is in the file is believed, a root or not: libcurl would set this at its first use. */
		X509_STORE_set_flags(r->store, X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_TRUSTED_FIRST);
		return;
	}
	reason = ERR_reason_error_string(ERR_peek_error());
	snprintf(r->why, sizeof(r->why), "cannot read the CA certificates in %.100s: %s", r->bundle,
		 reason != NULL ? reason : strerror(errno));
	X509_STORE_free(r->store);
	r->store = NULL;
}

/* What was read is believed from now on; if nothing was, the old goes on. */
static void reading_take(struct reading *r)
{
	snprintf(trust.why, sizeof(trust.why), "%s", r->why);
	if (r->store == NULL)
		return;
	X509_STORE_free(trust.now.store);
	trust.now = *r;
}

static struct reading reading_new(void)
{
	const char *bundle = trust_bundle();

	return (struct reading){ .bundle = bundle, .mark = filemark_of(bundle) };
}

/* ---- in a thread ---- */

static void *trust_thread(void *arg)
{
	(void)arg;
	reading_do(&trust.next);
	eventfd_write(trust.done_fd, 1);
	return NULL;
}

static void trust_end_thread(void)
{
	pthread_join(trust.thread, NULL);
	loop_watch_close(&trust.watch);
	close(trust.done_fd);
	trust.running = false;
	reading_take(&trust.next);
}

static void trust_on_done(void *arg)
{
	(void)arg;
	trust_end_thread();
	cond_broadcast(&trust.read);
}

static int trust_start_thread(void)
{
	int rc;

	trust.next = reading_new();
	trust.done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (trust.done_fd < 0)
		return -errno;
	trust.watch = loop_watch_open(trust.done_fd, true, false, trust_on_done, NULL);
	if (trust.watch == NULL) {
		close(trust.done_fd);
		return -ENOMEM;
	}
	cond_init(&trust.read);
	rc = thread_start(&trust.thread, trust_thread, NULL);
	trust.running = rc == 0;
	if (rc < 0) {
		loop_watch_close(&trust.watch);
		close(trust.done_fd);
	}
	return rc;
}

/* ---- for all ---- */

static bool trust_is_fresh(void)
{
	return trust.now.store != NULL && filemark_same(trust.now.mark, filemark_of(trust_bundle()));
}

int trust_ready(mono_us deadline, char *why, size_t why_size)
{
	int rc = 0;

	if (!trust.running && trust_is_fresh())
		return 0;
	if (!trust.running)
		rc = trust_start_thread();
	while (rc == 0 && trust.running)
		rc = cond_wait(&trust.read, deadline);
	if (rc < 0 || trust.now.store != NULL)
		return rc;
	snprintf(why, why_size, "%s", trust.why);
	return -EINVAL;
}

X509_STORE *trust_store(char *why, size_t why_size)
{
	if (trust.now.store == NULL) {
		struct reading r = reading_new();

		reading_do(&r);
		reading_take(&r);
	}
	if (trust.now.store == NULL)
		snprintf(why, why_size, "%s", trust.why);
	return trust.now.store;
}

void trust_close(void)
{
	if (trust.running)
		trust_end_thread();
	X509_STORE_free(trust.now.store);
	memset(&trust, 0, sizeof(trust));
}
