#include "work/child_link.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"

enum { LINK_READ = 64 * 1024, LINK_KEEP = 256 * 1024 };

void link_init(struct child_link *l, int fd)
{
	memset(l, 0, sizeof(*l));
	l->fd = fd;
}

void link_free(struct child_link *l)
{
	for (unsigned i = 0; i < l->tasks_len; i++)
		free(l->tasks[i].text);
	l->tasks_len = 0;
	buf_free(&l->in);
	buf_free(&l->out);
}

static void link_break(struct child_link *l, const char *why)
{
	if (!l->gone)
		log_error("pool process %d: %s", (int)getpid(), why);
	l->gone = l->broken = true;
}

static int link_queue(struct child_link *l, const struct wire_frame *f)
{
	struct child_task *t = &l->tasks[l->tasks_len];
	int rc = wire_get_run(f, &t->run);

	if (rc != 0 || l->tasks_len == RING_PLACES || t->run.place >= RING_PLACES)
		return -EPROTO;
	t->text = malloc(t->run.type_len + t->run.args_len + 2);
	if (t->text == NULL)
		return -ENOMEM;
	memcpy(t->text, t->run.type, t->run.type_len);
	t->text[t->run.type_len] = '\0';
	t->run.type = t->text;
	memcpy(t->text + t->run.type_len + 1, t->run.args, t->run.args_len);
	t->run.args = t->text + t->run.type_len + 1;
	t->text[t->run.type_len + 1 + t->run.args_len] = '\0';
	l->tasks_len++;
	return 0;
}

static int link_sort(struct child_link *l, const struct wire_frame *f)
{
	uint32_t bytes;
	int rc = 0;

	if (!wire_legal(WIRE_POOL, l->busy ? WIRE_BUSY : l->tasks_len > 0 ? WIRE_HANDED : WIRE_IDLE, f->type))
		return -EPROTO;
	switch (f->type) {
	case WIRE_RUN:
		return link_queue(l, f);
	case WIRE_ACK:
		rc = wire_get_ack(f, &bytes);
		l->acknowledged += rc == 0 ? bytes : 0;
		return rc;
	case WIRE_STOP:
		return wire_get_stop(f, &l->stop_ticket, &l->stop_signo);
	default:
		l->quit = true;
		return 0;
	}
}

void link_read(struct child_link *l)
{
	char *to = buf_reserve(&l->in, LINK_READ);
	struct wire_frame f;
	ssize_t n;
	int rc;

	if (to == NULL) {
		link_break(l, "out of memory");
		return;
	}
	do
		n = read(l->fd, to, LINK_READ);
	while (n < 0 && errno == EINTR);
	if (n <= 0) {
		l->gone = true;
		return;
	}
	buf_commit(&l->in, (size_t)n);
	while ((rc = wire_next(&l->in, WIRE_FRAME_MAX, &f)) > 0) {
		rc = link_sort(l, &f);
		if (rc != 0)
			break;
	}
	if (rc < 0)
		link_break(l, rc == -ENOMEM ? "out of memory" : "the daemon sent what it may not");
	buf_shrink(&l->in, LINK_KEEP);
}

void link_flush(struct child_link *l)
{
	if (buf_failed(&l->out))
		link_break(l, "out of memory");
	while (!l->gone && buf_len(&l->out) > 0) {
		ssize_t n = write(l->fd, buf_data(&l->out), buf_len(&l->out));

		if (n >= 0)
			buf_consume(&l->out, (size_t)n);
		else if (errno != EINTR)
			l->gone = true;
	}
	buf_shrink(&l->out, LINK_KEEP);
}

bool link_take(struct child_link *l, struct child_task *task)
{
	if (l->tasks_len == 0)
		return false;
	*task = l->tasks[0];
	l->tasks_len--;
	memmove(&l->tasks[0], &l->tasks[1], l->tasks_len * sizeof(l->tasks[0]));
	return true;
}
