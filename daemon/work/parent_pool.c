#include "work/parent_pool.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "work/parent_member.h"
#include "work/parent_remains.h"
#include "work/parent_talk.h"

enum { POOL_PATIENCE = 5 * 1000 * 1000 };	/* with processes of a daemon that is gone */

/* ---- who gets what ---- */

void pool_due(struct pool *p, mono_us when)
{
	if (when >= p->timer_due)
		return;
	p->timer_due = when;
	loop_timer_set(p->timer, when);
}

void pool_later(struct pool *p, bool grown)
{
	p->grown |= grown;
	loop_defer(&p->turn_end);
}

void pool_put_back(struct pool *p, struct pool_slot *slot, bool first)
{
	slot->member = NULL;
	if (first)
		TAILQ_INSERT_HEAD(&p->waiting, slot, link);
	else
		TAILQ_INSERT_TAIL(&p->waiting, slot, link);
	p->waiting_len++;
	pool_later(p, false);
}

static void pool_take_out(struct pool *p, struct pool_slot *slot)
{
	TAILQ_REMOVE(&p->waiting, slot, link);
	p->waiting_len--;
}

/* The member with room that has least to do. */
static struct member *pool_pick(struct pool *p, bool brief)
{
	struct member *best = NULL;

	for (unsigned i = 0; i < p->members_len; i++) {
		struct member *m = p->members[i];

		if (member_room(m, brief) == 0 || (best != NULL && m->queue_len >= best->queue_len))
			continue;
		best = m;
		if (m->queue_len == 0)
			break;
	}
	return best;
}

/* Those that wait come before any new one. */
static void pool_feed(struct pool *p)
{
	struct pool_slot *slot;
	struct member *m;

	while ((slot = TAILQ_FIRST(&p->waiting)) != NULL && (m = pool_pick(p, slot->task->brief)) != NULL) {
		pool_take_out(p, slot);
		if (member_hand(m, slot) != 0) {
			pool_put_back(p, slot, true);
			return;
		}
	}
}

static void pool_tell_room(struct pool *p)
{
	if (!p->grown)
		return;
	p->grown = false;
	if (p->on_room != NULL)
		p->on_room(p->on_room_arg);
}

static void pool_turn_end(void *arg)
{
	struct pool *p = arg;

	pool_feed(p);
	for (unsigned i = 0; i < p->members_len; i++)
		if (p->members[i]->proc.dirty)
			talk_flush(&p->members[i]->proc);
	pool_tell_room(p);
}

unsigned pool_room(const struct pool *p, bool brief)
{
	unsigned room = 0;

	for (unsigned i = 0; i < p->members_len; i++)
		room += member_room(p->members[i], brief);
	return room > p->waiting_len ? room - p->waiting_len : 0;
}

void pool_on_room(struct pool *p, void (*fn)(void *arg), void *arg)
{
	p->on_room = fn;
	p->on_room_arg = arg;
}

/* ---- one attempt ---- */

/* Takes it back where it has not begun; else sees to its end. True: it will not begin. */
static bool slot_cancel(struct pool_slot *slot)
{
	struct pool *p = slot->pool;

	pool_later(p, true);
	if (slot->member == NULL) {
		pool_take_out(p, slot);
		return true;
	}
	if (member_recall(slot->member, slot))
		return true;
	slot->cancelled = true;
	member_stop(slot->member, slot);
	return false;
}

static int slot_wait(struct pool_slot *slot)
{
	int rc = 0;

	while (!slot->ended && rc != -ECANCELED)
		rc = cond_wait(&slot->wake, MONO_NEVER);
	if (slot->ended)
		return 0;
	if (!slot_cancel(slot))
		latch_wait(&slot->gone);
	return -ECANCELED;
}

int pool_run(struct pool *p, struct pool_task *task, struct outcome *out)
{
	struct pool_slot slot = { .pool = p, .task = task, .outcome = out };
	struct member *m;
	int rc;

	outcome_init(out);
	task->output_bytes[0] = task->output_bytes[1] = 0;
	if (coro_cancelled())
		return -ECANCELED;
	m = p->waiting_len == 0 || pool_room(p, task->brief) > 0 ? pool_pick(p, task->brief) : NULL;
	if (m == NULL)
		return -EAGAIN;
	cond_init(&slot.wake);
	latch_init(&slot.gone);
	task->slot = &slot;
	rc = member_hand(m, &slot) == 0 ? slot_wait(&slot) : -EAGAIN;
	task->slot = NULL;
	return rc;
}

void pool_output_done(struct pool_task *task, size_t len)
{
	struct pool_slot *slot = task->slot;

	if (slot == NULL || slot->member == NULL || !slot->begun)
		return;
	slot->unacknowledged -= (int64_t)len;
	wire_put_ack(&slot->member->proc.out, (uint32_t)len);
	talk_touch(&slot->member->proc);
}

/* ---- what processes tell ---- */

static void pool_greeted(struct proc *proc)
{
	pool_later(proc->pool, true);
	member_retire(member_of(proc));
}

static int pool_frame(struct proc *proc, const struct wire_frame *f)
{
	return member_frame(member_of(proc), f);
}

static void pool_read_done(struct proc *proc)
{
	pool_feed(proc->pool);
	pool_tell_room(proc->pool);
}

static void pool_ended(struct proc *proc, const char *how)
{
	member_lost(member_of(proc), how);
}

static void pool_proc_due(struct proc *proc, mono_us when)
{
	pool_due(proc->pool, when);
}

static void pool_unwritten(struct proc *proc)
{
	pool_later(proc->pool, false);
}

static void pool_tick(void *arg)
{
	struct pool *p = arg;
	mono_us now = clock_mono();

	p->timer_due = MONO_NEVER;
	for (unsigned i = 0; i < p->members_len; i++) {
		struct member *m = p->members[i];

		proc_tick(&m->proc, now);
		member_tick(m, now);
		if (m->proc.state == PROC_DOWN && i < p->processes && now >= m->proc.due)
			proc_spawn(&m->proc);
		if (m->proc.state != PROC_DOWN || i < p->processes)
			pool_due(p, m->proc.due);
		pool_due(p, m->head_due);
	}
}

/*
 * A child of the daemon has ended. The daemon is the parent of its pool
 * processes, and of the orphans of those that died: of theirs it waits for the
 * group's, and reaps the rest, for nobody else would.
 */
static struct pool *pool_reaps;

static struct member *pool_find(struct pool *p, pid_t pid)
{
	for (unsigned i = 0; i < p->members_len; i++)
		if (p->members[i]->proc.pid == pid)
			return p->members[i];
	return NULL;
}

static void pool_on_child(void *arg)
{
	struct pool *p = pool_reaps;
	siginfo_t si = { 0 };

	(void)arg;
	if (p == NULL)
		return;
	while (waitid(P_ALL, 0, &si, WEXITED | WNOHANG | WNOWAIT) == 0 && si.si_pid != 0) {
		struct member *m = pool_find(p, si.si_pid);

		if (m != NULL)
			proc_child_ended(&m->proc);
		else
			waitpid(si.si_pid, NULL, WNOHANG);
		si.si_pid = 0;
	}
	for (unsigned i = 0; i < p->members_len; i++)
		if (p->members[i]->proc.state == PROC_CLEARING)
			proc_child_ended(&p->members[i]->proc);
}

/* ---- open, change, close ---- */

static int pool_add_member(struct pool *p)
{
	struct member *m = calloc(1, sizeof(*m));
	int rc;

	if (m == NULL)
		return -ENOMEM;
	m->head_due = MONO_NEVER;
	rc = proc_init(&m->proc, &p->setup, p, p->members_len);
	if (rc != 0) {
		proc_fini(&m->proc);
		free(m);
		return rc;
	}
	p->members[p->members_len++] = m;
	return 0;
}

/* Has at least n members, the new ones down. */
static int pool_grow(struct pool *p, unsigned n)
{
	int rc = 0;

	while (rc == 0 && p->members_len < n)
		rc = pool_add_member(p);
	return rc;
}

void pool_reconfigure(struct pool *p, const struct pool_conf *conf)
{
	p->setup.nice = conf->nice;
	p->setup.output_bytes = conf->output_bytes;
	p->setup.result_bytes = conf->result_bytes;
	p->kill_grace = conf->kill_grace;
	p->jobs_per_process = conf->jobs_per_process;
	p->processes = conf->processes < 1 ? 1 : conf->processes > GROUPS_MAX ? GROUPS_MAX : conf->processes;
	if (pool_grow(p, p->processes) != 0) {
		log_error("out of memory: the pool stays at %u processes", p->members_len);
		p->processes = p->members_len;
	}
	for (unsigned i = 0; i < p->members_len; i++) {
		struct member *m = p->members[i];

		member_retire(m);
		if (m->proc.state == PROC_DOWN && i < p->processes)
			proc_wait(&m->proc, m->proc.due != MONO_NEVER ? m->proc.due : MONO_PAST);
	}
}

static const struct proc_setup pool_setup = {
	.lock = -1, .groups = -1,
	.greeted = pool_greeted, .frame = pool_frame, .read_done = pool_read_done, .ended = pool_ended,
	.due = pool_proc_due, .unwritten = pool_unwritten,
};

static int pool_start(struct pool *p, const struct pool_conf *conf)
{
	int rc = 0;

	pool_reconfigure(p, conf);
	if (p->members_len < p->processes || p->members_len == 0)
		return -ENOMEM;
	for (unsigned i = 0; i < p->processes && rc == 0; i++)
		rc = proc_spawn(&p->members[i]->proc);
	return rc;
}

static int pool_begin(struct pool *p, const struct pool_conf *conf, char *why, size_t why_size)
{
	struct rlimit files;
	int rc;

	p->setup.open_files = conf->open_files;
	if (conf->open_files == 0)
		p->setup.open_files = getrlimit(RLIMIT_NOFILE, &files) == 0 ? files.rlim_cur : RLIM_INFINITY;
	p->setup.program = strdup(conf->program);
	p->timer = loop_timer_open(pool_tick, p);
	if (p->setup.program == NULL || p->timer == NULL) {
		snprintf(why, why_size, "out of memory");
		return -ENOMEM;
	}
	rc = remains_clear(conf->directory, POOL_PATIENCE, &p->setup.lock, &p->setup.groups, why, why_size);
	if (rc != 0)
		return rc;
	if (prctl(PR_SET_CHILD_SUBREAPER, 1) != 0)
		rc = -errno;
	pool_reaps = p;
	if (rc == 0)
		rc = loop_signal(SIGCHLD, pool_on_child, NULL);
	if (rc == 0)
		rc = pool_start(p, conf);
	if (rc != 0)
		snprintf(why, why_size, "a pool process cannot be started: %s: %s", conf->program, strerror(-rc));
	return rc;
}

int pool_open(const struct pool_conf *conf, struct pool **out, char *why, size_t why_size)
{
	struct pool *p = calloc(1, sizeof(*p));
	int rc;

	*out = NULL;
	if (p == NULL) {
		snprintf(why, why_size, "out of memory");
		return -ENOMEM;
	}
	p->setup = pool_setup;
	p->timer_due = MONO_NEVER;
	TAILQ_INIT(&p->waiting);
	deferred_init(&p->turn_end, pool_turn_end, p);
	rc = pool_begin(p, conf, why, why_size);
	if (rc != 0)
		pool_close(&p);
	*out = p;
	return rc;
}

void pool_close(struct pool **pool)
{
	struct pool *p = *pool;

	if (p == NULL)
		return;
	*pool = NULL;
	pool_reaps = NULL;
	for (unsigned i = 0; i < p->members_len; i++)
		proc_hang_up(&p->members[i]->proc);
	for (unsigned i = 0; i < p->members_len; i++) {
		proc_fini(&p->members[i]->proc);
		free(p->members[i]);
	}
	loop_defer_cancel(&p->turn_end);
	loop_timer_close(&p->timer);
	if (p->setup.groups >= 0)
		close(p->setup.groups);
	if (p->setup.lock >= 0)
		close(p->setup.lock);
	free(p->setup.program);
	free(p);
}

void pool_stats(const struct pool *p, struct pool_stats *out)
{
	memset(out, 0, sizeof(*out));
	out->processes = p->processes;
	for (unsigned i = 0; i < p->members_len; i++) {
		const struct member *m = p->members[i];
		bool up = m->proc.state == PROC_UP;

		out->busy += up && m->queue_len > 0;
		out->idle += up && m->queue_len == 0;
		out->starting += m->proc.state == PROC_STARTING;
		out->throttled += m->proc.state == PROC_DOWN && m->proc.strikes > 0;
		out->spawned += m->proc.spawned;
		out->died += m->proc.died;
	}
}
