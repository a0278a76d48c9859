#include "simpool.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bodies.h"
#include "fills.h"
#include "kinds/kind.h"
#include "model.h"
#include "sim.h"
#include "simstore.h"

enum { STOP_MAX = 300 * 1000 };	/* a command that is to stop takes so long at most */

struct pool {
	unsigned processes, prefetch;
	unsigned busy, waiting;		/* tasks that run; that lie prefetched */
	struct cond freed;
	void (*on_room)(void *arg);
	void *arg;
};

struct pool *simpool_open(unsigned processes, unsigned prefetch, void (*on_room)(void *arg), void *arg)
{
	struct pool *p = calloc(1, sizeof(*p));

	must(0, p != NULL, "out of memory");
	p->processes = processes;
	p->prefetch = prefetch;
	p->on_room = on_room;
	p->arg = arg;
	cond_init(&p->freed);
	return p;
}

void simpool_close(struct pool **p)
{
	must(0, (*p)->busy == 0 && (*p)->waiting == 0, "%u tasks run as the pool closes", (*p)->busy);
	free(*p);
	*p = NULL;
}

/* ---- work/pool.h ---- */

unsigned pool_room(const struct pool *p, bool brief)
{
	unsigned places = p->processes * (brief ? 1 + p->prefetch : 1), taken = p->busy + p->waiting;

	return places > taken ? places - taken : 0;
}

void pool_output_done(struct pool_task *task, size_t len)
{
	(void)task, (void)len;
}

void pool_stats(const struct pool *p, struct pool_stats *out)
{
	*out = (struct pool_stats){ .processes = p->processes, .busy = p->busy, .idle = p->processes - p->busy };
}

/* Some say something, in two pieces. */
static void speak(struct pool_task *task)
{
	char text[64];
	int len = snprintf(text, sizeof(text), "%lld.%d", (long long)task->id, task->attempt);

	if (task->output == NULL || task->id % 7 != 0)
		return;
	task->output(task->arg, 0, 0, text, 2);
	task->output(task->arg, 0, 2, text + 2, (size_t)len - 2);
	task->output_bytes[0] = len;
}

static void read_args(const struct pool_task *task)
{
	json_t *args = json_loadb(task->args, task->args_len, 0, NULL);

	must(task->id, args != NULL, "the pool is given args that are none");
	fills_judge(task->id, args);
	json_decref(args);
}

static int run_body(struct pool_task *task, struct outcome *out)
{
	struct plan p;
	int rc;

	if (!body_begin(task->id, task->attempt, &p))
		return -ECANCELED;
	read_args(task);
	must(task->id, p.end != BODY_TIMEOUT || task->timeout == p.span, "the pool is given another timeout");
	task->started(task->arg, "worker 1 (pid 1)");
	speak(task);
	rc = coro_sleep(clock_after(p.span));
	if (rc != 0) {
		coro_uncancel();
		coro_sleep(clock_after(between(0, STOP_MAX)));
	}
	if (simstore_dead())
		return -ECANCELED;
	body_end(task->id, task->attempt, rc != 0 ? BODY_CUT : p.end);
	if (rc == 0)
		body_outcome(p.end, p.retry_after, task->id, task->attempt, out);
	return rc;
}

int pool_run(struct pool *p, struct pool_task *task, struct outcome *out)
{
	int rc = 0;

	if (pool_room(p, task->brief) == 0)
		return -EAGAIN;
	p->waiting++;
	while (p->busy == p->processes && rc == 0)
		rc = cond_wait(&p->freed, MONO_NEVER);
	p->waiting--;
	if (rc == 0) {
		p->busy++;
		rc = run_body(task, out);
		p->busy--;
	}
	cond_broadcast(&p->freed);
	p->on_room(p->arg);
	return rc;
}

/* ---- kinds/kind.h ---- */

static void sim_check(struct params *args)
{
	params_int(args, "n", 0, 0, 1000000);
	params_done(args);
}

static const struct kind kinds[SIM_TYPES] = {
	{ .name = "io", .class = CLASS_IO, .check = sim_check, .run_io = body_run_io },
	{ .name = "io2", .class = CLASS_IO, .check = sim_check, .run_io = body_run_io },
	{ .name = "cpu", .class = CLASS_CPU, .check = sim_check },
	{ .name = "brief", .class = CLASS_CPU, .brief = true, .check = sim_check },
};

const struct kind *kind_at(size_t index)
{
	return index < SIM_TYPES ? &kinds[index] : NULL;
}

const struct kind *kind_find(const char *name)
{
	for (size_t i = 0; i < SIM_TYPES; i++)
		if (strcmp(kinds[i].name, name) == 0)
			return &kinds[i];
	return NULL;
}

const char *job_class_name(enum job_class class)
{
	return class == CLASS_IO ? "io" : class == CLASS_CPU ? "cpu" : "worker";
}
