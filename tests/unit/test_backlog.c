/*
 * The backlog against a model that simply knows all jobs: random submits,
 * claims, ends, holds, cancels, pauses, pages that come late or not at all. The
 * model plays the store: it orders the changes, and answers each page between
 * two of them.
 */
#include <errno.h>
#include <stdio.h>

#include "backlog/backlog.h"
#include "config.h"
#include "tests/lib/chance.h"
#include "tests/lib/failmem.h"
#include "tests/lib/unit.h"

enum { JOBS = 8000, QUEUES = 4, TYPES = 5, GROUPS = 4, KEYS = 4, PAGES = 64 };

static const char *const queue_names[QUEUES] = { "alpha", "beta", "gamma", "delta" };
static const char *const type_names[TYPES] = { "io", "io2", "cpu", "brief", "ghost" };
static const enum job_class type_class[TYPES] = { CLASS_IO, CLASS_IO, CLASS_CPU, CLASS_CPU, CLASS_WORKER };

static const char *const group_names[GROUPS] = { NULL, "a", "b", "c" }, *const key_names[KEYS] = { NULL, "k", "l", "m" };

struct model_job {
	struct job_row row;
	int queue, type, group, key;
	bool in_hand, aside;
	struct job *hand;
	int takes;
};

static struct backlog s;
static int wakes;
static wall_ms now;

static struct model_job jobs[JOBS + 1];		/* by id; state JOB_NONE: not there */
static int64_t jobs_len;
static bool paused[QUEUES];
static int keys_in_hand[KEYS];
static struct job_spec *specs[QUEUES][TYPES];
static uint64_t seq;

static struct {
	struct flow *flow;
	size_t max;
} pages[PAGES];
static size_t pages_len;

static void on_wake(void *arg)
{
	hold(arg == &wakes);
	wakes++;
}

static void begin(uint64_t seed)
{
	chance_seed(seed);
	backlog_init(&s, on_wake, &wakes);
	memset(jobs, 0, sizeof(jobs));
	memset(paused, 0, sizeof(paused));
	memset(keys_in_hand, 0, sizeof(keys_in_hand));
	jobs_len = 0;
	pages_len = 0;
	wakes = 0;
	now = 1000000;
	for (int q = 0; q < QUEUES; q++)
		for (int t = 0; t < TYPES; t++) {
			struct job_spec from = { .queue = queue_names[q], .type = type_names[t], .args = "{}" };

			specs[q][t] = job_spec_new(&from);
		}
}

/* So many more lanes make each lane's window smaller. */
static void crowd(int lanes)
{
	char name[32];

	for (int i = 0; i < lanes; i++) {
		snprintf(name, sizeof(name), "crowd-%d", i);
		hold(backlog_lane(&s, name, "io") != NULL);
	}
}

static void end(void)
{
	backlog_free(&s);
	for (int q = 0; q < QUEUES; q++)
		for (int t = 0; t < TYPES; t++) {
			ck_assert_int_eq(specs[q][t]->refs, 1);
			job_spec_unref(&specs[q][t]);
		}
}

/* ---- the model as a store ---- */

static struct model_job *any_job(void)
{
	return &jobs[1 + chance_below((unsigned)jobs_len)];
}

/* Two limits a key, so that one may be full for some and not for others. */
static int64_t limit_of(const struct model_job *m)
{
	return m->key > 0 ? m->key + m->group % 2 : 0;
}

/* 0: it has none. */
static int64_t flow_number(const struct model_job *m)
{
	if (m->group == 0 && m->key == 0)
		return 0;
	return ((m->queue * TYPES + m->type) * GROUPS + m->group) * KEYS + m->key;
}

static struct flow_row flow_row_of(const struct model_job *m)
{
	return (struct flow_row){ flow_number(m), group_names[m->group], key_names[m->key], limit_of(m) };
}

static bool over(enum job_state state)
{
	return state == JOB_NONE || job_state_final(state);
}

static void commit_from(struct model_job *m, int from_queue, enum job_state to)
{
	struct model_job before = *m;
	struct flow_row flow = flow_row_of(m);
	struct job_change change = { .seq = ++seq, .at = now, .from = m->row.state, .to = to, .row = &m->row,
				     .queue = queue_names[m->queue], .type = type_names[m->type] };

	before.queue = from_queue;
	if (from_queue != m->queue) {
		change.from_queue = queue_names[from_queue];
		change.from_flow = flow_number(&before);
	}
	if (flow.id != 0 && (!over(change.from) || !over(to)))
		change.flow = &flow;
	m->row.state = to;
	m->row.spec = chance_below(3) > 0 ? specs[m->queue][m->type] : NULL;
	backlog_changed(&s, &change);
	m->row.spec = NULL;
}

static void commit(struct model_job *m, enum job_state to)
{
	commit_from(m, m->queue, to);
}

static struct model_job *submit_to(int queue, int type, int priority, enum job_state state)
{
	struct model_job *m = &jobs[++jobs_len];

	hold(jobs_len <= JOBS);
	*m = (struct model_job){ .queue = queue, .type = type };
	m->row.id = jobs_len;
	m->row.priority = priority;
	m->row.submitted_at = now;
	commit(m, state);
	return m;
}

static void submit(void)
{
	static const enum job_state states[] = { JOB_READY, JOB_READY, JOB_READY, JOB_READY, JOB_READY, JOB_HELD, JOB_SCHEDULED };
	struct model_job *m = &jobs[++jobs_len];

	*m = (struct model_job){ .queue = (int)chance_below(QUEUES), .type = (int)chance_below(TYPES) };
	m->group = chance_below(2) ? (int)chance_below(GROUPS) : 0;
	m->key = chance_below(3) == 0 ? (int)chance_below(KEYS) : 0;
	m->row.id = jobs_len;
	m->row.priority = chance_below(2) ? 0 : (int)chance_below(7) - 3;
	m->row.submitted_at = now;
	m->row.expires_at = chance_below(20) ? 0 : now + chance_below(2000);
	commit(m, states[chance_below(sizeof(states) / sizeof(states[0]))]);
}

static bool before(const struct model_job *a, const struct model_job *b)
{
	return flow_before(a->row.priority, a->row.id, b->row.priority, b->row.id);
}

/* The store's answer to a page, or its failure. */
static void answer_page(bool fails)
{
	static struct job_row rows[WINDOW_MAX];
	struct flow *flow = pages[0].flow;
	size_t max = pages[0].max, n = 0;

	hold(max <= WINDOW_MAX);
	pages_len--;
	memmove(pages, pages + 1, pages_len * sizeof(pages[0]));
	for (int64_t id = 1; id <= jobs_len; id++) {
		struct model_job *m = &jobs[id];
		size_t at;

		if (m->row.state != JOB_READY || strcmp(queue_names[m->queue], flow->lane->queue->name) != 0 ||
		    strcmp(type_names[m->type], flow->lane->type) != 0 || flow_number(m) != flow->id)
			continue;
		if (flow->page_id != 0 && !flow_before(flow->page_priority, flow->page_id, m->row.priority, id))
			continue;
		for (at = n; at > 0 && flow_before(m->row.priority, id, rows[at - 1].priority, rows[at - 1].id); at--)
			continue;
		if (at >= max)
			continue;
		n -= n == max;
		memmove(&rows[at + 1], &rows[at], (n - at) * sizeof(rows[0]));
		rows[at] = m->row;
		rows[at].spec = specs[m->queue][m->type];
		n++;
	}
	backlog_paged(&s, flow, fails ? -EIO : 0, rows, fails ? 0 : n, max);
}

static void ask_for_pages(void)
{
	struct flow *flow;
	size_t max;

	while (pages_len < PAGES && (flow = backlog_hungry(&s, &max)) != NULL) {
		pages[pages_len].flow = flow;
		pages[pages_len++].max = max;
	}
}

static void answer_all_pages(void)
{
	do {
		ask_for_pages();
		while (pages_len > 0)
			answer_page(false);
	} while (!TAILQ_EMPTY(&s.awaited) || !TAILQ_EMPTY(&s.hungry));
}

/* ---- what must hold ---- */

static bool expired(const struct model_job *m)
{
	return m->row.expires_at != 0 && m->row.attempt == 0 && m->row.expires_at <= now;
}

static bool eligible(const struct model_job *m)
{
	return m->row.state == JOB_READY && !m->in_hand && !m->aside && !expired(m) && !paused[m->queue] &&
	       (m->key == 0 || keys_in_hand[m->key] < limit_of(m));
}

static struct flow *flow_of(const struct model_job *m)
{
	int64_t id = flow_number(m);
	struct flow *flow;

	if (id == 0)
		return &backlog_lane(&s, queue_names[m->queue], type_names[m->type])->own;
	HASH_FIND(hh, s.flows, &id, sizeof(id), flow);
	if (flow == NULL)
		ck_abort_msg("the flow of job %lld is gone", (long long)m->row.id);
	return flow;
}

static bool page_wanted(const struct flow *f)
{
	return f->hungry || f->paging;
}

/* The first eligible job of its group and queue. No other group has one of a higher priority; at the same, they take turns (see below). */
static void expect_first(const struct model_job *got)
{
	for (int64_t id = 1; id <= jobs_len; id++) {
		const struct model_job *m = &jobs[id];

		if (m->queue != got->queue || type_class[m->type] != type_class[got->type] || !eligible(m) || !before(m, got))
			continue;
		if (m->row.priority != got->row.priority || m->group == got->group)
			ck_abort_msg("job %lld came before %lld of its queue", (long long)got->row.id, (long long)id);
	}
}

/* May the flow's page bring a job that comes before this one? */
static bool page_may_precede(const struct flow *f, const struct model_job *m)
{
	const struct flow *own = flow_of(m);

	if (f->parked || flow_head(f) != NULL || !page_wanted(f) || f->lane->queue != own->lane->queue || lane_class(f->lane) != lane_class(own->lane))
		return false;
	return f == own || flow_before(flow_next_priority(f), f->group == own->group ? flow_next_id(f) : 0, m->row.priority, m->row.id);
}

/* Does its queue wait for a page? */
static bool page_awaited(const struct model_job *m)
{
	const struct flow *f;
	const struct lane *l;

	for (f = s.flows; f != NULL; f = f->hh.next)
		if (page_may_precede(f, m))
			return true;
	TAILQ_FOREACH(l, &queue_find(&s.queues, queue_names[m->queue])->lanes, queue_link)
		if (page_may_precede(&l->own, m))
			return true;
	return false;
}

static void expect_none(enum job_class class)
{
	for (int64_t id = 1; id <= jobs_len; id++) {
		const struct model_job *m = &jobs[id];

		if (type_class[m->type] == class && eligible(m) && !page_awaited(m))
			ck_abort_msg("job %lld is ready and not offered", (long long)id);
	}
}

static void expect_counts(void)
{
	int64_t counts[QUEUES][JOB_STATES] = { { 0 } }, active = 0;

	for (int64_t id = 1; id <= jobs_len; id++)
		counts[jobs[id].queue][jobs[id].row.state]++;
	for (int state = JOB_NONE + 1; state < JOB_STATES; state++) {
		int64_t all = 0;

		for (int q = 0; q < QUEUES; q++) {
			const struct queue *queue = queue_find(&s.queues, queue_names[q]);

			hold((queue != NULL ? queue_count(queue, (enum job_state)state) : 0) == counts[q][state]);
			all += counts[q][state];
		}
		hold(s.counts[state] == all);
		active += job_state_final((enum job_state)state) ? 0 : all;
	}
	ck_assert_int_eq(backlog_active(&s), active);
}

static size_t windowed(void)
{
	size_t n = 0;

	for (const struct queue *q = s.queues.by_name; q != NULL; q = q->hh.next) {
		const struct lane *l;

		TAILQ_FOREACH(l, &q->lanes, queue_link)
			n += l->own.n;
	}
	for (const struct flow *f = s.flows; f != NULL; f = f->hh.next)
		n += f->n;
	return n;
}

/* A ready job is in its window, in a hand, set aside, or behind the horizon where a page will find it. */
static void expect_nothing_lost(void)
{
	size_t in_windows = 0;

	for (int64_t id = 1; id <= jobs_len; id++) {
		const struct model_job *m = &jobs[id];
		const struct job *job = backlog_find(&s, id);

		if (m->in_hand) {
			hold(job != NULL && job->place == JOB_IN_HAND);
			hold(job->row.state == m->row.state);
		} else if (m->row.state != JOB_READY) {
			hold(job == NULL);
		} else if (job == NULL) {
			hold(!m->aside);
			if (!flow_of(m)->more || flow_covers(flow_of(m), m->row.priority, id))
				ck_abort_msg("job %lld is lost", (long long)id);
		} else if (job->place == JOB_ASIDE) {
			hold(m->aside || expired(m));
		} else {
			hold(job->place == JOB_IN_WINDOW && !m->aside);
			hold(flow_covers(flow_of(m), m->row.priority, id));
			in_windows++;
		}
	}
	ck_assert_uint_eq(windowed(), in_windows);
}

/* A flow is there while one of its jobs is not final, and no longer. */
static void expect_flows(void)
{
	static int64_t n[QUEUES * TYPES * GROUPS * KEYS];
	size_t flows = 0;

	memset(n, 0, sizeof(n));
	for (int64_t id = 1; id <= jobs_len; id++)
		if (flow_number(&jobs[id]) != 0 && !over(jobs[id].row.state) && n[flow_number(&jobs[id])]++ == 0)
			flows++;
	for (const struct flow *f = s.flows; f != NULL; f = f->hh.next) {
		hold(f->unfinished == n[f->id]);
		flows += n[f->id] == 0 && (f->jobs > 0 || f->paging);
	}
	ck_assert_uint_eq(HASH_COUNT(s.flows), flows);
	for (int key = 1; key < KEYS; key++) {
		const struct key *k = key_find(&s.keys, key_names[key]);

		hold((k != NULL ? k->in_hand : 0) == keys_in_hand[key]);
	}
}

/* ---- what happens ---- */

static struct model_job *take(enum job_class class)
{
	struct job *job = backlog_peek(&s, class, now);
	struct model_job *m;

	if (job == NULL) {
		expect_none(class);
		return NULL;
	}
	m = &jobs[job->row.id];
	hold(eligible(m));
	hold(type_class[m->type] == class);
	hold(job->row.attempt == m->row.attempt);
	expect_first(m);
	backlog_take(&s, job, now);
	keys_in_hand[m->key]++;
	m->in_hand = true;
	m->hand = job;
	m->takes++;
	return m;
}

static void let_go(struct model_job *m)
{
	m->in_hand = false;
	keys_in_hand[m->key]--;
	backlog_done(&s, &m->hand);
	hold(m->hand == NULL);
}

/* A claim, an end, or a change of mind about a job in hand. */
static void work_on(struct model_job *m)
{
	static const enum job_state ends[] = { JOB_SUCCEEDED, JOB_SUCCEEDED, JOB_FAILED, JOB_SCHEDULED, JOB_READY, JOB_CANCELLED };

	if (m->row.state == JOB_READY && chance_below(2)) {
		m->row.attempt++;
		commit(m, JOB_RUNNING);
		return;
	}
	if (job_state_final(m->row.state) || m->row.state == JOB_HELD || chance_below(10) == 0) {
		let_go(m);
		return;
	}
	if (m->row.state == JOB_READY)
		m->row.attempt++;
	commit(m, ends[chance_below(sizeof(ends) / sizeof(ends[0]))]);
	let_go(m);
}

/* Another priority, another queue, another time; or one of them. */
static void update(struct model_job *m)
{
	int from_queue = m->queue;
	enum job_state to = m->row.state;

	if (chance_below(2))
		m->row.priority = (int)chance_below(7) - 3;
	if (chance_below(2))
		m->queue = (int)chance_below(QUEUES);
	if (to == JOB_READY || to == JOB_SCHEDULED)
		to = chance_below(4) ? JOB_READY : JOB_SCHEDULED;
	commit_from(m, from_queue, to);
}

/* What people ask for, and time. */
static void change(struct model_job *m)
{
	enum job_state state = m->row.state;

	switch (chance_below(7)) {
	case 0:
		if (job_state_waiting(state) && !m->aside)
			commit(m, JOB_HELD);
		break;
	case 1:
		if (state == JOB_HELD || state == JOB_SCHEDULED)
			commit(m, JOB_READY);
		break;
	case 2:
		if (job_state_waiting(state) && !m->aside && chance_below(4) == 0)
			commit(m, JOB_CANCELLED);
		break;
	case 3:
		if (job_state_final(state) && !m->in_hand && chance_below(2))
			commit(m, JOB_READY);
		break;
	case 4:
		if (job_state_final(state) && !m->in_hand)
			commit(m, JOB_NONE);
		break;
	case 5:
		if (job_state_waiting(state) && !m->aside && expired(m))
			commit(m, JOB_EXPIRED);
		break;
	case 6:
		if (job_state_waiting(state) && !m->aside)
			update(m);
		break;
	}
}

static void set_aside_or_back(struct model_job *m)
{
	if (m->aside) {
		/* The change came about, or not. */
		m->aside = false;
		switch (chance_below(3)) {
		case 0:
			commit(m, JOB_HELD);
			break;
		case 1:
			update(m);
			break;
		}
		backlog_put_back(&s, m->row.id);
		return;
	}
	if (backlog_set_aside(&s, m->row.id) == NULL)
		return;
	hold(m->row.state == JOB_READY && !m->in_hand);
	m->aside = true;
}

static void pause_or_resume(int q)
{
	struct queue_row row = { .name = queue_names[q], .paused = !paused[q] };

	paused[q] = !paused[q];
	backlog_queue_changed(&s, &row);
}

static void step(unsigned submits)
{
	struct model_job *m;

	if (jobs_len < JOBS && chance_below(100) < submits)
		submit();
	if (jobs_len == 0)
		return;
	m = any_job();
	switch (chance_below(8)) {
	case 0:
	case 1:
		take(chance_below(2) ? CLASS_IO : CLASS_CPU);
		break;
	case 2:
	case 3:
		if (m->in_hand)
			work_on(m);
		break;
	case 4:
		change(m);
		break;
	case 5:
		if (m->aside || chance_below(4) == 0)
			set_aside_or_back(m);
		break;
	case 6:
		if (chance_below(20) == 0)
			pause_or_resume((int)chance_below(QUEUES));
		now += chance_below(3);
		break;
	case 7:
		if (chance_below(3) == 0)
			ask_for_pages();
		if (pages_len > 0 && chance_below(3) == 0)
			answer_page(chance_below(10) == 0);
		break;
	}
}

/* In the end every ready job is offered exactly once, in order. */
static void drain(void)
{
	static const enum job_class classes[] = { CLASS_IO, CLASS_CPU };
	struct model_job *m;
	bool any = true;

	for (int q = 0; q < QUEUES; q++)
		if (paused[q])
			pause_or_resume(q);
	for (int64_t id = 1; id <= jobs_len; id++) {
		m = &jobs[id];
		if (m->aside) {
			m->aside = false;
			backlog_put_back(&s, id);
		}
		if (m->row.state == JOB_READY && expired(m) && !m->in_hand)
			commit(m, JOB_EXPIRED);
		m->takes = 0;
	}
	while (any) {
		any = false;
		answer_all_pages();
		for (int i = 0; i < 2; i++)
			while ((m = take(classes[i])) != NULL) {
				hold(m->takes == 1);
				commit(m, JOB_SUCCEEDED);
				let_go(m);
				any = true;
			}
	}
	for (int64_t id = 1; id <= jobs_len; id++)
		hold(!eligible(&jobs[id]) || type_class[jobs[id].type] == CLASS_WORKER);
	expect_counts();
	expect_nothing_lost();
	expect_flows();
}

/* ---- the random tests ---- */

static void live(int steps, unsigned submits)
{
	for (int i = 0; i < steps; i++) {
		step(submits);
		if (i % 100 == 0) {
			expect_counts();
			expect_nothing_lost();
			expect_flows();
		}
	}
	for (int64_t id = 1; id <= jobs_len; id++)
		if (jobs[id].in_hand)
			let_go(&jobs[id]);
	drain();
	end();
}

#ifdef JOBD_SANITIZED
enum { LIFE = 5000 };
#else
enum { LIFE = 20000 };
#endif

START_TEST(follows_the_model)
{
	begin((uint64_t)_i);
	live(LIFE, 15);
}
END_TEST

/* Windows of 13: they overflow all the time, and most jobs are known to the store only. */
START_TEST(follows_the_model_with_small_windows)
{
	begin(100 + (uint64_t)_i);
	crowd(5000);
	live(LIFE, 30);
}
END_TEST

/* Many jobs of one priority and a few lanes: windows of 1,024 overflow too. */
START_TEST(follows_the_model_with_a_backlog)
{
	begin(200 + (uint64_t)_i);
	while (jobs_len < 6000)
		submit_to((int)chance_below(2), (int)chance_below(2), chance_below(10) ? 0 : (int)chance_below(3), JOB_READY);
	expect_nothing_lost();
	live(4000, 20);
}
END_TEST

/* Out of memory now and then: windows are cut, never wrong. */
START_TEST(follows_the_model_without_memory)
{
	begin(300 + (uint64_t)_i);
	for (int q = 0; q < QUEUES; q++)
		for (int t = 0; t < TYPES; t++)
			backlog_lane(&s, queue_names[q], type_names[t]);
	submit_to(0, 0, 0, JOB_READY);
	for (int i = 0; i < 5000; i++) {
		struct model_job *m = &jobs[++jobs_len];

		*m = (struct model_job){ .queue = (int)chance_below(QUEUES), .type = (int)chance_below(TYPES) };
		m->row.id = jobs_len;
		m->row.priority = (int)chance_below(3);
		m->row.submitted_at = now;
		failmem_one_in(5);
		commit(m, JOB_READY);
		ask_for_pages();
		if (pages_len > 0 && chance_below(3) == 0)
			answer_page(false);
		failmem_off();
		if (i % 100 == 0)
			expect_nothing_lost();
		if (chance_below(3) == 0)
			take(chance_below(2) ? CLASS_IO : CLASS_CPU);
		m = any_job();
		if (m->in_hand)
			work_on(m);
	}
	live(0, 0);
}
END_TEST

/* Who sleeps until it is woken misses nothing. */
START_TEST(wakes_whenever_there_is_something_new)
{
	static const enum job_class classes[] = { CLASS_IO, CLASS_CPU };
	struct model_job *m;

	begin(400 + (uint64_t)_i);
	crowd(_i % 2 ? 5000 : 0);
	for (int i = 0; i < 10000; i++) {
		wakes = 0;
		if (jobs_len < JOBS && chance_below(3) > 0)
			submit();
		if (jobs_len == 0)
			continue;
		m = any_job();
		if (m->in_hand)
			work_on(m);
		else
			change(m);
		if (chance_below(30) == 0)
			pause_or_resume((int)chance_below(QUEUES));
		if (pages_len > 0 && chance_below(4) == 0)
			answer_page(false);
		if (wakes == 0) {
			hold(TAILQ_EMPTY(&s.awaited) && TAILQ_EMPTY(&s.hungry));
			for (int c = 0; c < 2; c++)
				hold(backlog_peek(&s, classes[c], now) == NULL);
		}
		while (wakes > 0) {
			wakes = 0;
			ask_for_pages();
			for (int c = 0; c < 2; c++)
				while (take(classes[c]) != NULL)
					continue;
		}
	}
	live(0, 0);
}
END_TEST

/* ---- one thing at a time ---- */

/* A job that is moved while it is in hand, and comes back ready, is the new queue's. */
START_TEST(moved_in_hand)
{
	struct model_job *m;

	begin(1);
	m = submit_to(0, 0, 0, JOB_READY);
	hold(take(CLASS_IO) == m);
	m->queue = 1;
	commit_from(m, 0, JOB_READY);
	expect_counts();
	expect_nothing_lost();
	pause_or_resume(0);
	let_go(m);
	expect_nothing_lost();
	hold(take(CLASS_IO) == m);
	hold(m->hand->flow == flow_of(m));
	let_go(m);
	end();
}
END_TEST

START_TEST(priority_then_id)
{
	static const int priorities[] = { 0, 5, -3, 5, 0, 1000, -1000 };
	static const int64_t order[] = { 6, 2, 4, 1, 5, 3, 7 };

	begin(1);
	for (size_t i = 0; i < sizeof(priorities) / sizeof(priorities[0]); i++)
		submit_to(0, (int)i % 2, priorities[i], JOB_READY);
	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++)
		ck_assert_int_eq(take(CLASS_IO)->row.id, order[i]);
	ck_assert_ptr_null(take(CLASS_IO));
	end();
}
END_TEST

START_TEST(classes_do_not_wait_for_each_other)
{
	begin(1);
	submit_to(0, 0, 1000, JOB_READY);
	submit_to(0, 2, 0, JOB_READY);
	ck_assert_int_eq(take(CLASS_CPU)->row.id, 2);
	ck_assert_int_eq(take(CLASS_IO)->row.id, 1);
	end();
}
END_TEST

/* How many of n takes went to each queue. */
static void count_takes(int n, int takes[QUEUES])
{
	memset(takes, 0, QUEUES * sizeof(takes[0]));
	for (int i = 0; i < n; i++) {
		struct job *job = backlog_peek(&s, CLASS_IO, now);
		struct model_job *m;

		ck_assert_ptr_nonnull(job);
		m = &jobs[job->row.id];
		takes[m->queue]++;
		backlog_take(&s, job, now);
		m->hand = job;
		commit(m, JOB_SUCCEEDED);
		backlog_done(&s, &m->hand);
	}
}

static void fill(int queue, int n)
{
	while (n-- > 0)
		submit_to(queue, 0, (int)chance_below(3), JOB_READY);
}

START_TEST(queues_share_by_weight)
{
	int takes[QUEUES];

	begin(1);
	for (int q = 0; q < 3; q++) {
		fill(q, 900);
		queue_find(&s.queues, queue_names[q])->limits.weight = 1 << q;
	}
	count_takes(700, takes);
	ck_assert_int_ge(takes[0], 99);
	ck_assert_int_le(takes[0], 101);
	ck_assert_int_ge(takes[1], 199);
	ck_assert_int_le(takes[1], 201);
	ck_assert_int_ge(takes[2], 399);
	ck_assert_int_le(takes[2], 401);
	end();
}
END_TEST

START_TEST(who_was_away_has_no_arrears)
{
	int takes[QUEUES];

	begin(1);
	fill(0, 900);
	count_takes(500, takes);
	fill(1, 900);
	count_takes(100, takes);
	ck_assert_int_ge(takes[0], 49);
	ck_assert_int_le(takes[0], 51);
	pause_or_resume(1);
	count_takes(100, takes);
	ck_assert_int_eq(takes[0], 100);
	pause_or_resume(1);
	count_takes(100, takes);
	ck_assert_int_ge(takes[0], 49);
	ck_assert_int_le(takes[0], 51);
	end();
}
END_TEST

START_TEST(expired_jobs_are_not_offered)
{
	struct model_job *m, *n;

	begin(1);
	m = submit_to(0, 0, 9, JOB_HELD);
	m->row.expires_at = now + 10;
	commit(m, JOB_READY);
	n = submit_to(0, 0, 9, JOB_HELD);
	n->row.expires_at = now + 10;
	n->row.attempt = 1;		/* it has started before: no longer bound */
	commit(n, JOB_READY);
	submit_to(0, 0, 0, JOB_READY);
	now += 10;
	ck_assert_int_eq(take(CLASS_IO)->row.id, 2);
	ck_assert_int_eq(take(CLASS_IO)->row.id, 3);
	ck_assert_ptr_null(take(CLASS_IO));
	commit(m, JOB_EXPIRED);
	ck_assert_ptr_null(backlog_find(&s, 1));
	end();
}
END_TEST

START_TEST(starts_from_what_the_store_held)
{
	struct lane_count ready = { "alpha", "io", JOB_READY, 2000 }, held = { "alpha", "io", JOB_HELD, 7 };
	struct ready_first first = { "alpha", "io", 0, 2, 0 };

	begin(1);
	for (int i = 0; i < 2000; i++) {
		jobs_len++;
		jobs[jobs_len] = (struct model_job){ .row = { .id = jobs_len, .state = JOB_READY, .submitted_at = now } };
		jobs[jobs_len].row.priority = (int)chance_below(3);
		if (first.id == 0 && jobs[jobs_len].row.priority == 2)
			first.id = jobs_len;
	}
	ck_assert_int_eq(backlog_restore(&s, &ready), 0);
	ck_assert_int_eq(backlog_restore(&s, &held), 0);
	backlog_restore_first(&s, &first);
	ck_assert_int_eq(backlog_active(&s), 2007);
	ck_assert_int_eq(s.counts[JOB_HELD], 7);
	ck_assert_ptr_null(backlog_peek(&s, CLASS_IO, now));
	ck_assert_int_gt(wakes, 0);
	s.counts[JOB_HELD] = queue_find_lane(queue_find(&s.queues, "alpha"), "io")->counts[JOB_HELD] = 0;
	drain();
	end();
}
END_TEST

START_TEST(memory_is_bounded)
{
	begin(1);
	crowd(500);
	while (jobs_len < JOBS)
		submit_to((int)chance_below(QUEUES), (int)chance_below(TYPES), 0, JOB_READY);
	for (struct queue *q = s.queues.by_name; q != NULL; q = q->hh.next) {
		const struct lane *l;

		TAILQ_FOREACH(l, &q->lanes, queue_link)
			ck_assert_uint_le(l->own.n, WINDOWS_JOBS_MAX / 520);
	}
	ck_assert_uint_le(HASH_COUNT(s.windows.jobs), QUEUES * TYPES * (WINDOWS_JOBS_MAX / 520));
	ck_assert_uint_eq(HASH_COUNT(s.windows.jobs), windowed());
	end();
}
END_TEST

START_TEST(arguments_are_bounded)
{
	size_t small, loaded = 0;

	begin(1);
	small = specs[0][0]->bytes;
	specs[0][0]->bytes = 1 << 20;
	while (jobs_len < 400)
		submit_to(0, 0, 0, JOB_READY);
	ck_assert_uint_le(s.windows.spec_bytes, WINDOWS_SPEC_BYTES);
	for (int64_t id = 1; id <= jobs_len; id++)
		loaded += backlog_find(&s, id)->row.spec != NULL;
	ck_assert_uint_eq(loaded, 64);
	drain();
	ck_assert_uint_eq(s.windows.spec_bytes, 0);
	specs[0][0]->bytes = small;
	end();
}
END_TEST

START_TEST(queues_are_bounded)
{
	begin(1);
	crowd(BACKLOG_LANES_MAX - 1);
	ck_assert(backlog_make_queue(&s, "one more"));
	ck_assert(backlog_make_queue(&s, "one more"));
	ck_assert(!backlog_make_queue(&s, "too many"));
	ck_assert_ptr_null(backlog_lane(&s, "too many", "io"));
	ck_assert_ptr_null(backlog_lane(&s, "crowd-0", "io2"));
	ck_assert_ptr_nonnull(backlog_lane(&s, "crowd-0", "io"));
	end();
}
END_TEST

START_TEST(oldest_ready_is_told)
{
	struct queue *q;

	begin(1);
	submit_to(0, 0, 0, JOB_HELD);
	q = queue_find(&s.queues, queue_names[0]);
	ck_assert_int_eq(queue_oldest_ready(q), 0);
	now += 100;
	submit_to(0, 0, 0, JOB_READY);
	now += 100;
	submit_to(0, 2, 9, JOB_READY);
	ck_assert_int_eq(queue_oldest_ready(q), now - 100);
	/* A scheduled one is ready since its time came, not since its submit. */
	jobs[1].row.run_at = now + 50;
	commit(&jobs[1], JOB_READY);
	take(CLASS_IO);
	ck_assert_int_eq(queue_oldest_ready(q), jobs[1].in_hand ? now - 100 : now);
	end();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("backlog");
	TCase *tc = tcase_create("backlog");

	tcase_add_test(tc, moved_in_hand);
	tcase_add_test(tc, priority_then_id);
	tcase_add_test(tc, classes_do_not_wait_for_each_other);
	tcase_add_test(tc, queues_share_by_weight);
	tcase_add_test(tc, who_was_away_has_no_arrears);
	tcase_add_test(tc, expired_jobs_are_not_offered);
	tcase_add_test(tc, starts_from_what_the_store_held);
	tcase_add_test(tc, memory_is_bounded);
	tcase_add_test(tc, arguments_are_bounded);
	tcase_add_test(tc, queues_are_bounded);
	tcase_add_test(tc, oldest_ready_is_told);
	tcase_add_loop_test(tc, follows_the_model, 0, 4);
	tcase_add_loop_test(tc, follows_the_model_with_small_windows, 0, 4);
	tcase_add_loop_test(tc, follows_the_model_with_a_backlog, 0, 2);
	tcase_add_loop_test(tc, follows_the_model_without_memory, 0, 2);
	tcase_add_loop_test(tc, wakes_whenever_there_is_something_new, 0, 4);
	suite_add_tcase(suite, tc);
	return unit_run(suite);
}
