#include "mailbox.h"

#include "base/log.h"

void mailbox_init(struct mailbox *m, void (*ready)(void *arg), void *arg)
{
	buf_init(&m->out);
	m->sending = 0;
	m->large = 0;
	m->closed = false;
	cond_init(&m->room);
	TAILQ_INIT(&m->line);
	m->replays = 0;
	cond_init(&m->replayed);
	m->ready = ready;
	m->arg = arg;
}

void mailbox_free(struct mailbox *m)
{
	buf_free(&m->out);
}

void mailbox_break(struct mailbox *m)
{
	if (m->closed)
		return;
	log_warning("out of memory: a client is cut off");
	m->closed = true;
	m->ready(m->arg);
}

void mailbox_put(struct mailbox *m, const struct buf *line)
{
	if (m->closed)
		return;
	if (!buf_failed(line)) {
		buf_put(&m->out, buf_data(line), buf_len(line));
		buf_putc(&m->out, '\n');
	}
	if (buf_failed(line) || buf_failed(&m->out))
		mailbox_break(m);
	else
		m->ready(m->arg);
}

size_t mailbox_pending(const struct mailbox *m)
{
	return buf_len(&m->out) + m->sending;
}

int mailbox_enter_large(struct mailbox *m)
{
	while (m->large >= MAILBOX_LARGE || mailbox_pending(m) > MAILBOX_HIGH) {
		int rc = cond_wait(&m->room, MONO_NEVER);

		if (rc != 0)
			return rc;
	}
	m->large++;
	return 0;
}

void mailbox_leave_large(struct mailbox *m)
{
	m->large--;
	cond_broadcast(&m->room);
}

int mailbox_await_room(struct mailbox *m)
{
	int rc = 0;

	while (rc == 0 && mailbox_pending(m) > MAILBOX_HIGH)
		rc = cond_wait(&m->room, MONO_NEVER);
	return rc;
}

void mailbox_begin_replay(struct mailbox *m)
{
	m->replays++;
}

void mailbox_end_replay(struct mailbox *m)
{
	if (--m->replays == 0)
		cond_broadcast(&m->replayed);
}

void mailbox_await_replays(struct mailbox *m)
{
	int rc = 0;

	while (rc == 0 && m->replays > 0)
		rc = cond_wait(&m->replayed, MONO_NEVER);
}

int mailbox_enter_line(struct mailbox *m, struct turn *t)
{
	int rc = 0;

	cond_init(&t->come);
	t->in_line = true;
	TAILQ_INSERT_TAIL(&m->line, t, link);
	while (rc == 0 && TAILQ_FIRST(&m->line) != t)
		rc = cond_wait(&t->come, MONO_NEVER);
	return rc;
}

void mailbox_leave_line(struct mailbox *m, struct turn *t)
{
	if (!t->in_line)
		return;
	t->in_line = false;
	TAILQ_REMOVE(&m->line, t, link);
	if (!TAILQ_EMPTY(&m->line))
		cond_signal(&TAILQ_FIRST(&m->line)->come);
}

void mailbox_sent(struct mailbox *m, size_t n)
{
	buf_consume(&m->out, n);
	buf_shrink(&m->out, MAILBOX_HIGH);
	if (mailbox_pending(m) <= MAILBOX_HIGH)
		cond_broadcast(&m->room);
}
