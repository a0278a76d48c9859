/* iojob: runs io kinds as the daemon would, each attempt in a coroutine, in a loop of the test's own. */
#ifndef JOBD_TEST_IOJOB_H
#define JOBD_TEST_IOJOB_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "kinds/kind.h"

extern const struct kind kind_sleep, kind_http, kind_tcp, kind_dns;

struct iojob {
	const struct kind *kind;
	json_t *args;			/* own */
	mono_us timeout;		/* of the attempt; 0: none */
	size_t result_bytes;		/* 0: 4 MiB */
	/* What came of it. */
	int rc;				/* the handler's */
	struct outcome out;
	json_t *result;			/* out.result, parsed; NULL: none */
	unsigned told;			/* times it told its progress */
	double fraction;		/* the last one */
	mono_us took;
};

/* Opens the loop; loop_end closes it, with resolver and fetcher. */
void loop_begin(void);
void loop_end(void);
/* Runs fn(arg) as a coroutine, and the loop until no coroutine is left. */
void loop_try(void (*fn)(void *arg), void *arg);

/* args: JSON text by printf. Fails the test if they do not pass the kind's check. */
void iojob_init(struct iojob *j, const struct kind *kind, const char *args, ...) __attribute__((format(printf, 3, 4)));
void iojob_free(struct iojob *j);
/* In a coroutine: one attempt. */
void iojob_attempt(void *iojob) PARKS;
/* All of it: a coroutine of its own, in the loop that is open. */
void iojob_run(struct iojob *j);

/* A port of loopback where nobody listens; bound to what is returned, so that it is nobody else's until that is closed. */
int quiet_port(unsigned *port);

/* The field that the kind's check refuses in these args; "" if none. */
const char *iojob_refused(const struct kind *kind, const char *args);

#endif
