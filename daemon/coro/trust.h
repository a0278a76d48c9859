/*
 * trust: whom TLS clients here believe: the system's CA certificates, parsed
 * once for all of them, and again when their file changes.
 */
#ifndef JOBD_TRUST_H
#define JOBD_TRUST_H

#include <openssl/types.h>
#include <stddef.h>

#include "coro/coro.h"

/*
 * Sees to it that trust_store answers at once. Parsing takes 50 to 100 ms: a
 * thread does it, and the coroutine waits. 0, -EINVAL with a sentence in why,
 * or as any await.
 */
int trust_ready(mono_us deadline, char *why, size_t why_size) PARKS;

/* The certificates, borrowed; parsed on the spot if nobody called trust_ready. NULL: with a sentence in why. */
X509_STORE *trust_store(char *why, size_t why_size);

/* Forgets them. No trust_ready may be under way. */
void trust_close(void);

#endif
