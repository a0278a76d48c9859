/* multi: libcurl's multi handle on the loop, and the easy handles kept for it. For fetch.c. */
#ifndef JOBD_MULTI_H
#define JOBD_MULTI_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stddef.h>

enum { MULTI_KEPT = 512 };	/* connections kept idle at most */

/*
 * Opens it, once. All is told on the loop's own stack: `kicked` at the end of a
 * turn in which somebody asked for it; `ended` that a transfer, whose
 * CURLOPT_PRIVATE comes along, is over: it may be removed there; `deaf` that
 * its socket cannot be watched: it must be, but not there. False when out of
 * memory or descriptors: errno.
 */
bool multi_open(void (*kicked)(void), void (*ended)(void *private, CURLcode code), void (*deaf)(void *private));
/* No transfer may be in it. Closes kept connections. */
void multi_close(void);

/* Asks for `kicked` at the end of this turn (of the next, from inside it). */
void multi_kick(void);

/* A blank easy handle, NULL when out of memory; and back. */
CURL *multi_take_easy(void);
void multi_give_easy(CURL *easy);
size_t multi_idle(void);

bool multi_add(CURL *easy);
void multi_remove(CURL *easy);

#endif
