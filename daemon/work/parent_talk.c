#include "work/parent_talk.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "work/parent_proc.h"

enum {
	TALK_READ = 64 * 1024,
	TALK_KEEP = 512 * 1024,		/* of an empty buffer */
	TALK_SLACK = 128 * 1024,	/* of a frame, beyond the longest result */
	TALK_EXIT = 1000 * 1000	/* from the end of the socket to that of the process */
};

static void talk_greeted(struct proc *p, const struct wire_frame *f)
{
	uint32_t version;

	if (wire_get_hello(f, &version) != 0) {
		proc_kill(p, "its greeting cannot be read");
	} else if (version != WIRE_VERSION) {
		proc_kill(p, "it speaks version %u, not %u", version, WIRE_VERSION);
	} else {
		p->state = PROC_UP;
		p->wire = WIRE_IDLE;
		p->due = MONO_NEVER;
		p->setup->greeted(p);
	}
}

static void talk_frame(struct proc *p, const struct wire_frame *f)
{
	if (!wire_legal(WIRE_PROCESS, p->wire, f->type))
		proc_kill(p, "it broke the protocol: %s may not come now", wire_type_name(f->type));
	else if (f->type == WIRE_HELLO)
		talk_greeted(p, f);
	else if (p->setup->frame(p, f) != 0)
		proc_kill(p, "it broke the protocol: %s cannot be what it says", wire_type_name(f->type));
}

static void talk_frames(struct proc *p)
{
	struct wire_frame f;
	int rc = 0;

	while (p->state != PROC_DYING && (rc = wire_next(&p->in, p->result_bytes + TALK_SLACK, &f)) > 0)
		talk_frame(p, &f);
	if (rc < 0)
		proc_kill(p, "it broke the protocol: that is no frame");
	buf_shrink(&p->in, TALK_KEEP);
	p->setup->read_done(p);
}

/* One read. 1; 0 when nothing more is there now; -1 at the end. */
static int talk_read(struct proc *p)
{
	char *to = buf_reserve(&p->in, TALK_READ);
	ssize_t n;

	if (to == NULL) {
		proc_kill(p, "out of memory");
		return -1;
	}
	n = read(p->fd, to, TALK_READ);
	if (n > 0)
		buf_commit(&p->in, (size_t)n);
	else if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	return n > 0 ? 1 : -1;
}

void talk_read_all(struct proc *p)
{
	while (talk_read(p) == 1 && p->state != PROC_DYING)
		talk_frames(p);
}

void talk_ready(struct proc *p)
{
	int rc;

	if (buf_len(&p->out) > 0)
		talk_flush(p);
	rc = talk_read(p);
	if (rc > 0) {
		talk_frames(p);
	} else if (rc < 0) {	/* its exit follows at once, or it is made to */
		loop_watch_set(p->watch, false, false);
		if (p->state != PROC_LEAVING)
			p->state = PROC_DYING;
		proc_wait(p, clock_after(TALK_EXIT));
	}
}

void talk_touch(struct proc *p)
{
	p->dirty = true;
	p->setup->unwritten(p);
}

void talk_flush(struct proc *p)
{
	ssize_t n;

	p->dirty = false;
	if (buf_failed(&p->out)) {
		p->out.failed = false;
		proc_kill(p, "out of memory");
	}
	if (p->watch == NULL || p->state == PROC_DYING || p->state == PROC_CLEARING)
		return;
	do
		n = send(p->fd, buf_data(&p->out), buf_len(&p->out), MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n > 0)
		buf_consume(&p->out, (size_t)n);
	else if (n < 0 && errno != EAGAIN)
		buf_clear(&p->out);	/* it is gone: its exit is on the way */
	buf_shrink(&p->out, TALK_KEEP);
	if (p->full != (buf_len(&p->out) > 0)) {
		p->full = !p->full;
		loop_watch_set(p->watch, true, p->full);
	}
}
