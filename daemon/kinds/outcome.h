/* outcome: how one attempt ended, before anyone decides what follows from it. */
#ifndef JOBD_OUTCOME_H
#define JOBD_OUTCOME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct outcome {
	bool succeeded;
	char *result;			/* JSON text, own; may stand beside an error (exec, http); or NULL */
	size_t result_len;
	char reason[24];		/* the word in error.reason */
	char message[256];		/* a sentence for a person */
	bool final;			/* failed for good: another try cannot help */
	int64_t retry_after;		/* ms: not before that; 0 = nothing said */
};

void outcome_init(struct outcome *o);
void outcome_free(struct outcome *o);		/* its contents */

/* Takes over `result` (malloc'ed; NULL means memory ran out: then it fails with `handler`). */
void outcome_succeed(struct outcome *o, char *result, size_t len);
/* Keeps a result set before. */
void outcome_fail(struct outcome *o, const char *reason, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* The same, not to be retried. */
void outcome_fail_for_good(struct outcome *o, const char *reason, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

#endif
