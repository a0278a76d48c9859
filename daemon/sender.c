#include "sender.h"

enum {
	LAST_WAIT = 500 * 1000,
	LAST_STEP = 5 * 1000,
	SEND_PIECE = 256 * 1024,
	STALL_WAIT = 300LL * 1000 * 1000	/* a client that takes no byte for so long is cut off */
};

static void sender_break(struct sender *s)
{
	s->mailbox->closed = true;
	if (s->told)
		return;
	s->told = true;
	s->broken(s->arg);
}

/* Writes it all, as long as the client takes a piece now and then. 0 or -errno. */
static int send_pieces(struct sender *s, struct buf *sending)
{
	int rc = 0;

	while (rc == 0 && buf_len(sending) > 0) {
		size_t n = buf_len(sending) < SEND_PIECE ? buf_len(sending) : SEND_PIECE;

		rc = stream_write(s->stream, buf_data(sending), n, clock_after(STALL_WAIT));
		buf_consume(sending, n);
		s->mailbox->sending = buf_len(sending);
	}
	return rc;
}

static void sender_main(void *arg)
{
	struct sender *s = arg;
	struct mailbox *m = s->mailbox;

	while (buf_len(&m->out) > 0 && !s->told) {
		struct buf sending = m->out;

		/* The mailbox may grow, and move, while this parks: send from a block of our own. */
		buf_init(&m->out);
		m->sending = buf_len(&sending);
		if (send_pieces(s, &sending) != 0)
			sender_break(s);
		buf_free(&sending);
		m->sending = 0;
		mailbox_sent(m, 0);
	}
}

static void sender_flush(void *arg)
{
	struct sender *s = arg;
	struct mailbox *m = s->mailbox;
	ssize_t n;

	if (m->closed)
		sender_break(s);
	if (s->told || s->pieces.count > 0 || buf_len(&m->out) == 0)
		return;
	n = stream_try_write(s->stream, buf_data(&m->out), buf_len(&m->out));
	if (n < 0) {
		sender_break(s);
		return;
	}
	mailbox_sent(m, (size_t)n);
	if (buf_len(&m->out) > 0 && coro_spawn(&s->pieces, "sender", sender_main, s) != 0)
		sender_break(s);
}

void sender_init(struct sender *s, struct mailbox *m, struct stream *stream, void (*broken)(void *arg), void *arg)
{
	s->mailbox = m;
	s->stream = stream;
	deferred_init(&s->flush, sender_flush, s);
	coro_group_init(&s->pieces);
	s->broken = broken;
	s->arg = arg;
	s->told = false;
}

void sender_ready(struct sender *s)
{
	loop_defer(&s->flush);
}

/* The daemon ends: what a client has not taken soon, it does not get. */
static void sender_hurry(struct sender *s)
{
	coro_uncancel();
	for (mono_us deadline = clock_after(LAST_WAIT); s->pieces.count > 0 && clock_mono() < deadline;)
		coro_sleep(clock_after(LAST_STEP));
	coro_group_cancel(&s->pieces);
}

void sender_finish(struct sender *s, bool hurry)
{
	sender_flush(s);
	if (hurry)
		sender_hurry(s);
	coro_group_join(&s->pieces);
	loop_defer_cancel(&s->flush);
}
