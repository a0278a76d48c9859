/*
 * sqlite_inbox: ops on their way from the loop to one of the store's threads.
 */
#ifndef JOBD_SQLITE_INBOX_H
#define JOBD_SQLITE_INBOX_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/lookout.h"
#include "store/op.h"

struct sqlite_inbox {
	pthread_mutex_t mutex;
	pthread_cond_t filled;
	struct op_list ops;
	bool closed;
	struct op_list mine;		/* moved out of ops already: the taking thread's */
	atomic_size_t n;		/* in both */
	struct lookout lookout;		/* for the next op */
};

int sqlite_inbox_open(struct sqlite_inbox *in);
/* Its thread is to look out for ops that come soon. */
void sqlite_inbox_look_out(struct sqlite_inbox *in);
void sqlite_inbox_free(struct sqlite_inbox *in);

/* Moves all of `ops`, n of them, behind what is there. Any thread. */
void sqlite_inbox_put(struct sqlite_inbox *in, struct op_list *ops, size_t n);
/* The thread is to end once it has taken what is there. */
void sqlite_inbox_close(struct sqlite_inbox *in);
size_t sqlite_inbox_waiting(const struct sqlite_inbox *in);

/*
 * Waits for something, up to patience (microseconds; < 0: for ever), and moves
 * it to `batch`: at most max ops, of about `weight` bytes in all. False once
 * the inbox is closed and empty; true with an empty batch when patience is over.
 * Always the same thread; the lock, which the loop may wait for, it holds for a
 * moment only.
 */
bool sqlite_inbox_take(struct sqlite_inbox *in, struct op_list *batch, size_t max, size_t weight, mono_us patience);

#endif
