#include "work/parent_member.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#include "proto/jtext.h"
#include "work/parent_talk.h"

enum {
	MEMBER_STALL = 10 * 1000,		/* a brief task is not that long */
	MEMBER_REACT = 10 * 1000 * 1000,	/* from a task's coming to the head until it is taken */
	MEMBER_OBEY = 1000 * 1000,		/* from SIGKILL to the command until the process itself is killed */
	MEMBER_PROGRESS = 4096			/* bytes */
};

/* ---- the queue ---- */

static bool member_has_retired(const struct member *m)
{
	const struct pool *p = m->proc.pool;

	return m->proc.index >= p->processes || (p->jobs_per_process > 0 && m->handed >= p->jobs_per_process);
}

/* Sees which of its recalled places the process has passed over. */
static void member_sweep(struct member *m)
{
	for (unsigned i = 0; i < RING_PLACES && m->recalled > 0; i++) {
		if (!m->places[i] || ring_at(m->proc.ring, i) != PLACE_FREE)
			continue;
		m->places[i] = false;
		m->recalled--;
	}
}

unsigned member_room(struct member *m, bool brief)
{
	const struct pool *p = m->proc.pool;
	unsigned room;

	if (m->proc.state != PROC_UP || member_has_retired(m))
		return 0;
	if (m->recalled > 0)
		member_sweep(m);
	room = RING_PLACES - m->queue_len - m->recalled;
	if (m->queue_len > 0 && (!brief || m->stalled || !m->queue[0]->task->brief))
		return 0;
	if (!brief)
		return room > 0 ? 1 : 0;
	if (p->jobs_per_process > 0 && room > p->jobs_per_process - m->handed)
		room = p->jobs_per_process - m->handed;
	return room;
}

/* When is the first of its queue to be looked at again? */
static mono_us member_plan(const struct member *m)
{
	const struct pool_slot *head = m->queue[0];
	mono_us now = clock_mono(), timeout, due = MONO_NEVER;

	if (m->queue_len == 0)
		return MONO_NEVER;
	if (head->stop != SLOT_RUNS)
		return head->stop_due;
	timeout = head->task->timeout > 0 ? m->head_since + head->task->timeout : MONO_NEVER;
	/* What has passed without its having begun has been looked at. */
	if (!head->begun && m->head_since + MEMBER_REACT > now)
		due = m->head_since + MEMBER_REACT;
	if (timeout < due && (head->begun || timeout > now))
		due = timeout;
	if (m->queue_len > 1 && !m->stalled && m->head_since + MEMBER_STALL < due)
		due = m->head_since + MEMBER_STALL;
	return due;
}

static void member_replan(struct member *m)
{
	m->head_due = member_plan(m);
	pool_due(m->proc.pool, m->head_due);
}

/* The queue has another head, or none. */
static void member_new_head(struct member *m)
{
	m->stalled = false;
	m->head_since = clock_mono();
	m->proc.wire = m->queue_len == 0 ? WIRE_IDLE : WIRE_HANDED;
	member_replan(m);
}

static void member_remove(struct member *m, struct pool_slot *slot)
{
	unsigned at = 0;

	while (m->queue[at] != slot)
		at++;
	m->queue_len--;
	memmove(&m->queue[at], &m->queue[at + 1], (m->queue_len - at) * sizeof(m->queue[0]));
	slot->member = NULL;
	if (at == 0)
		member_new_head(m);
}

/* Never 0, which stands for none. */
static uint32_t member_ticket(struct member *m)
{
	if (++m->ticket == 0)
		m->ticket = 1;
	return m->ticket;
}

int member_hand(struct member *m, struct pool_slot *slot)
{
	const struct pool_task *task = slot->task;
	struct wire_run run = {
		.ticket = member_ticket(m), .brief = task->brief, .id = task->id, .attempt = (uint32_t)task->attempt,
		.type = task->type, .type_len = strlen(task->type), .args = task->args, .args_len = task->args_len,
	};

	while (m->places[run.place])
		run.place++;
	wire_put_run(&m->proc.out, &run);
	if (buf_failed(&m->proc.out)) {
		m->proc.out.failed = false;	/* what is in it is whole */
		return -ENOMEM;
	}
	ring_set(m->proc.ring, run.place, PLACE_QUEUED);
	m->places[run.place] = true;
	slot->member = m;
	slot->ticket = run.ticket;
	slot->place = run.place;
	m->queue[m->queue_len++] = slot;
	m->handed++;
	if (m->queue_len == 1)
		member_new_head(m);
	else if (m->queue_len == 2)
		member_replan(m);
	talk_touch(&m->proc);
	return 0;
}

bool member_recall(struct member *m, struct pool_slot *slot)
{
	if (slot->begun || !ring_recall(m->proc.ring, slot->place))
		return false;
	m->recalled++;
	m->handed--;
	member_remove(m, slot);
	return true;
}

/* ---- the end of a task ---- */

static void slot_begin(struct pool_slot *slot)
{
	slot->begun = true;
	if (slot->task->started != NULL)
		slot->task->started(slot->task->arg, slot->member->proc.where);
}

static void slot_end(struct pool_slot *slot)
{
	if (slot->timed_out)
		outcome_fail(slot->outcome, "timeout", "it ran longer than its timeout of %g s", (double)slot->task->timeout / 1e6);
	slot->ended = true;
	slot->task->slot = NULL;
	latch_set(&slot->gone);
	cond_signal(&slot->wake);
}

void member_stop(struct member *m, struct pool_slot *slot)
{
	if (slot->stop != SLOT_RUNS || m->proc.state != PROC_UP)
		return;		/* under way; or its process is, too */
	slot->stop = SLOT_TERMINATED;
	slot->stop_due = clock_after(((struct pool *)m->proc.pool)->kill_grace);
	ring_stop(m->proc.ring, slot->ticket);
	wire_put_stop(&m->proc.out, slot->ticket, SIGTERM);
	talk_touch(&m->proc);
	proc_signal(&m->proc, SIGTERM);
	m->proc.productive = true;	/* should that end it, it is no strike */
	member_replan(m);
}

static void member_stop_harder(struct member *m, struct pool_slot *slot)
{
	if (slot->stop == SLOT_KILLED || proc_record(&m->proc).group == 0) {
		slot->stop = SLOT_PROCESS_KILLED;
		slot->stop_due = MONO_NEVER;
		proc_kill(&m->proc, "its task %lld.%d does not end", (long long)slot->task->id, slot->task->attempt);
	} else {
		slot->stop = SLOT_KILLED;
		slot->stop_due = clock_after(MEMBER_OBEY);
		wire_put_stop(&m->proc.out, slot->ticket, SIGKILL);
		talk_touch(&m->proc);
	}
}

void member_lost(struct member *m, const char *how)
{
	struct pool *p = m->proc.pool;

	for (unsigned i = m->queue_len; i-- > 0;) {
		struct pool_slot *slot = m->queue[i];

		m->queue_len = i;
		if (!slot->begun && ring_at(m->proc.ring, slot->place) != PLACE_TAKEN) {
			pool_put_back(p, slot, true);
			continue;
		}
		if (!slot->begun)
			slot_begin(slot);
		outcome_fail(slot->outcome, "worker_lost", "pool process died: %s", how);
		slot_end(slot);
	}
	memset(m->places, 0, sizeof(m->places));
	m->recalled = m->handed = 0;
	m->head_due = MONO_NEVER;
}

void member_retire(struct member *m)
{
	if (m->proc.state == PROC_UP && m->queue_len == 0 && member_has_retired(m))
		proc_quit(&m->proc);
}

/* ---- frames ---- */

static int member_started(struct member *m, const struct wire_frame *f)
{
	uint32_t ticket;

	if (wire_get_started(f, &ticket) != 0 || ticket != m->queue[0]->ticket)
		return -EPROTO;
	m->proc.wire = WIRE_BUSY;
	if (!m->queue[0]->task->brief) {
		m->head_since = clock_mono();
		slot_begin(m->queue[0]);
		member_replan(m);
	} else {
		slot_begin(m->queue[0]);
	}
	return 0;
}

static int member_output(struct member *m, const struct wire_frame *f)
{
	struct pool_slot *slot = m->queue[0];
	struct pool_task *task = slot->task;
	struct wire_output o;

	if (wire_get_output(f, &o) != 0 || o.len == 0 || o.offset != task->output_bytes[o.stream])
		return -EPROTO;
	task->output_bytes[o.stream] += (int64_t)o.len;
	slot->unacknowledged += (int64_t)o.len;
	if (task->output_bytes[o.stream] > (int64_t)m->proc.output_bytes || slot->unacknowledged > WIRE_CREDIT + 2 * WIRE_PIECE)
		return -EPROTO;
	if (task->output != NULL)
		task->output(task->arg, o.stream, o.offset, o.data, o.len);
	else
		pool_output_done(task, o.len);
	return 0;
}

static int member_progress(struct member *m, const struct wire_frame *f)
{
	struct pool_task *task = m->queue[0]->task;
	char why[80];
	json_t *json = f->len <= MEMBER_PROGRESS ? jtext_parse(f->payload, f->len, why, sizeof(why)) : NULL;

	if (json == NULL)	/* for want of memory, this one is not told */
		return f->len <= MEMBER_PROGRESS && errno == ENOMEM ? 0 : -EPROTO;
	json_decref(json);
	if (task->progress != NULL)
		task->progress(task->arg, f->payload, f->len);
	return 0;
}

static int member_done(struct member *m, const struct wire_frame *f)
{
	struct pool_slot *slot = m->queue[0];
	int64_t produced[2];
	uint32_t ticket;
	int rc = wire_get_done(f, &ticket, produced, slot->outcome);

	if (rc == -ENOMEM)
		outcome_fail(slot->outcome, "handler", "out of memory for the result");
	else if (rc != 0 || ticket != slot->ticket || produced[0] < slot->task->output_bytes[0] ||
		 produced[1] < slot->task->output_bytes[1])
		return -EPROTO;
	memcpy(slot->task->output_bytes, produced, sizeof(produced));
	if (slot->stop != SLOT_RUNS)
		ring_stopped(m->proc.ring, slot->ticket);
	ring_set(m->proc.ring, slot->place, PLACE_FREE);
	m->places[slot->place] = false;
	m->proc.productive = true;
	member_remove(m, slot);
	slot_end(slot);
	member_retire(m);
	pool_later(m->proc.pool, true);
	return 0;
}

int member_frame(struct member *m, const struct wire_frame *f)
{
	switch (f->type) {
	case WIRE_STARTED:
		return member_started(m, f);
	case WIRE_OUTPUT:
		return member_output(m, f);
	case WIRE_PROGRESS:
		return member_progress(m, f);
	case WIRE_DONE:
		return member_done(m, f);
	default:
		return -EPROTO;
	}
}

/* ---- time ---- */

/* The first is longer than brief tasks are: those behind it go where they may start sooner. */
static void member_stalled(struct member *m)
{
	m->stalled = true;
	for (unsigned i = m->queue_len; i-- > 1;) {
		struct pool_slot *slot = m->queue[i];

		if (member_recall(m, slot))
			pool_put_back(m->proc.pool, slot, true);
	}
}

static void member_check_head(struct member *m, mono_us now)
{
	struct pool_slot *head = m->queue[0];
	bool taken = head->begun || ring_at(m->proc.ring, head->place) == PLACE_TAKEN;
	bool over = head->task->timeout > 0 && now - m->head_since >= head->task->timeout;

	if (head->stop != SLOT_RUNS) {
		if (now >= head->stop_due)
			member_stop_harder(m, head);
	} else if (taken && over) {
		head->timed_out = true;
		member_stop(m, head);
	} else if (!taken && now - m->head_since >= MEMBER_REACT) {
		proc_kill(&m->proc, "it does not react");
	}
}

void member_tick(struct member *m, mono_us now)
{
	if (m->proc.state != PROC_UP)
		m->head_due = MONO_NEVER;	/* its end will say more */
	if (m->queue_len == 0 || now < m->head_due || m->head_due == MONO_NEVER)
		return;
	if (m->queue_len > 1 && !m->stalled && now - m->head_since >= MEMBER_STALL)
		member_stalled(m);
	member_check_head(m, now);
	member_replan(m);
}
