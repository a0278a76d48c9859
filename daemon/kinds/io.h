/* io: what the io kinds have in common. */
#ifndef JOBD_IO_H
#define JOBD_IO_H

#include "base/buf.h"
#include "kinds/kind.h"

/* Ends what they share: kept connections, the resolver, the CA certificates. No io job may be under way. */
void io_close(void);

/*
 * A step of a handler answers 0 (go on), an await's -ECANCELED or -ETIMEDOUT, or IO_ENDED:
 * the outcome is made, there is nothing more to do.
 */
enum { IO_ENDED = 1 };

#define io_fail(out, ...) (outcome_fail((out), __VA_ARGS__), IO_ENDED)

/*
 * Runs fn(arg) on the loop's own stack, this turn: for what goes deep (libraries that parse) before a long wait,
 * so that thousands of waiting coroutines do not each keep the pages it touched. Not cancellable.
 */
void io_aside(void (*fn)(void *arg), void *arg) PARKS;

/* Takes over the text in `result` as the outcome, unless it is longer than the job may have. IO_ENDED. */
int io_succeed(struct io_job *job, struct outcome *out, struct buf *result);

/* What the handler returns after its last step. */
static inline int io_end(int rc)
{
	return rc == IO_ENDED ? 0 : rc;
}

#endif
