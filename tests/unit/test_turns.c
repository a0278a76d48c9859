/*
 * turns and keys through the backlog, against a model that looks at every job:
 * the exact order of groups, flows and parked flows, and that it costs the same
 * per job however many of them there are.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "backlog/backlog.h"
#include "config.h"
#include "tests/lib/chance.h"
#include "tests/lib/unit.h"

enum { JOBS = 4000, QUEUES = 60, GROUPS = 5, KEYS = 4, LIMITS = 3 };

struct model_job {
	struct job_row row;
	int queue, group, key;		/* 0: none */
	int64_t limit;
	bool in_hand;
	struct job *hand;
};

struct model_group {
	uint64_t stamp;
	bool there;			/* it has ready jobs */
};

static struct backlog s;
static struct job_spec *spec;
static struct model_job jobs[JOBS + 1];
static int64_t jobs_len;
static struct model_group groups[QUEUES][GROUPS];
static uint64_t stamps[QUEUES];
static int keys_in_hand[KEYS], in_hand[QUEUES];
static int64_t concurrency[QUEUES];
static int queues_len, limits_len;	/* so many are there */

static void on_wake(void *arg)
{
	(void)arg;
}

static void begin(uint64_t seed)
{
	struct job_spec from = { .queue = "q", .type = "io", .args = "{}" };

	chance_seed(seed);
	backlog_init(&s, on_wake, NULL);
	memset(jobs, 0, sizeof(jobs));
	memset(groups, 0, sizeof(groups));
	memset(stamps, 0, sizeof(stamps));
	memset(keys_in_hand, 0, sizeof(keys_in_hand));
	memset(in_hand, 0, sizeof(in_hand));
	memset(concurrency, 0, sizeof(concurrency));
	jobs_len = 0;
	queues_len = 3;
	limits_len = LIMITS;
	spec = job_spec_new(&from);
}

static void end(void)
{
	backlog_free(&s);
	job_spec_unref(&spec);
}

/* ---- the model ---- */

static bool ready(const struct model_job *m)
{
	return m->row.state == JOB_READY && !m->in_hand;
}

/* A group that comes to have ready jobs joins at the end; one that has none left is away. */
static void settle_groups(int queue)
{
	bool there[GROUPS] = { false };

	for (int64_t id = 1; id <= jobs_len; id++)
		if (jobs[id].queue == queue && ready(&jobs[id]))
			there[jobs[id].group] = true;
	for (int g = 0; g < GROUPS; g++) {
		if (there[g] && !groups[queue][g].there)
			groups[queue][g].stamp = ++stamps[queue];
		groups[queue][g].there = there[g];
	}
}

static bool eligible(const struct model_job *m)
{
	return ready(m) && (m->key == 0 || keys_in_hand[m->key] < m->limit) &&
	       (concurrency[m->queue] == 0 || in_hand[m->queue] < concurrency[m->queue]);
}

static bool before(const struct model_job *a, const struct model_job *b)
{
	uint64_t left = groups[a->queue][a->group].stamp, right = groups[b->queue][b->group].stamp;

	if (a->row.priority != b->row.priority)
		return a->row.priority > b->row.priority;
	return a->group != b->group ? left < right : a->row.id < b->row.id;
}

static struct model_job *first_of(int queue)
{
	struct model_job *first = NULL;

	for (int64_t id = 1; id <= jobs_len; id++)
		if (jobs[id].queue == queue && eligible(&jobs[id]) && (first == NULL || before(&jobs[id], first)))
			first = &jobs[id];
	return first;
}

/* ---- what happens ---- */

static const char *name_of(char *out, char letter, int n)
{
	if (n == 0)
		return NULL;
	snprintf(out, 16, "%c%d", letter, n);
	return out;
}

static bool over(enum job_state state)
{
	return state == JOB_NONE || job_state_final(state);
}

static void commit(struct model_job *m, enum job_state to)
{
	char queue[16], group[16], key[16];
	struct flow_row flow = { ((m->queue * GROUPS + m->group) * KEYS + m->key) * (LIMITS + 1) + m->limit + 1,
				 name_of(group, 'g', m->group), name_of(key, 'k', m->key), m->limit };
	struct job_change change = { .seq = 1, .from = m->row.state, .to = to, .row = &m->row, .type = "io" };

	change.queue = name_of(queue, 'q', m->queue + 1);
	if ((m->group != 0 || m->key != 0) && (!over(change.from) || !over(to)))
		change.flow = &flow;
	m->row.state = to;
	m->row.spec = spec;
	backlog_changed(&s, &change);
	settle_groups(m->queue);
}

static void submit(void)
{
	struct model_job *m = &jobs[++jobs_len];

	m->row.id = jobs_len;
	m->row.priority = chance_below(3) ? 0 : (int)chance_below(3) - 1;
	m->queue = (int)chance_below((unsigned)queues_len);
	m->group = (int)chance_below(GROUPS);
	m->key = chance_below(2) ? (int)chance_below(KEYS) : 0;
	m->limit = m->key > 0 ? 1 + (int)chance_below((unsigned)limits_len) : 0;
	commit(m, JOB_READY);
}

static struct model_job *take(void)
{
	struct job *job = backlog_peek(&s, CLASS_IO, 1000);
	struct model_job *m, *first;

	if (job == NULL) {
		for (int q = 0; q < queues_len; q++)
			if ((first = first_of(q)) != NULL)
				ck_abort_msg("job %lld is not offered", (long long)first->row.id);
		return NULL;
	}
	m = &jobs[job->row.id];
	first = first_of(m->queue);
	if (first != m)
		ck_abort_msg("job %lld came instead of %lld", (long long)m->row.id, first != NULL ? (long long)first->row.id : 0);
	backlog_take(&s, job, 1000);
	m->in_hand = true;
	m->hand = job;
	keys_in_hand[m->key]++;
	in_hand[m->queue]++;
	groups[m->queue][m->group].stamp = ++stamps[m->queue];
	settle_groups(m->queue);
	return m;
}

static void let_go(struct model_job *m, enum job_state to)
{
	if (to != m->row.state)
		commit(m, to);
	m->in_hand = false;
	keys_in_hand[m->key]--;
	in_hand[m->queue]--;
	backlog_done(&s, &m->hand);
	settle_groups(m->queue);
}

static void limit_queue(int q)
{
	char name[16];
	struct queue_row row = { .name = name_of(name, 'q', q + 1) };

	row.set.concurrency = concurrency[q] = chance_below(2) ? 0 : 1 + chance_below(6);
	backlog_queue_changed(&s, &row);
}

static void step(void)
{
	struct model_job *m = jobs_len > 0 ? &jobs[1 + chance_below((unsigned)jobs_len)] : NULL;

	switch (chance_below(8)) {
	case 0:
	case 1:
	case 2:
		if (jobs_len < JOBS)
			submit();
		break;
	case 3:
	case 4:
		take();
		break;
	case 5:
		if (m != NULL && m->in_hand)
			let_go(m, chance_below(4) ? JOB_SUCCEEDED : JOB_READY);
		break;
	case 6:
		if (m != NULL && ready(m))
			commit(m, chance_below(2) ? JOB_HELD : JOB_CANCELLED);
		else if (m != NULL && m->row.state == JOB_HELD)
			commit(m, JOB_READY);
		break;
	case 7:
		if (chance_below(20) == 0)
			limit_queue((int)chance_below((unsigned)queues_len));
		break;
	}
}

static void follow_the_model(int steps)
{
	struct model_job *m;

	for (int i = 0; i < steps; i++)
		step();
	for (int q = 0; q < queues_len; q++)
		concurrency[q] = 0;
	for (int q = 0; q < queues_len; q++) {
		char name[16];
		struct queue_row row = { .name = name_of(name, 'q', q + 1) };

		backlog_queue_changed(&s, &row);
	}
	for (int64_t id = 1; id <= jobs_len; id++)
		if (jobs[id].in_hand)
			let_go(&jobs[id], JOB_SUCCEEDED);
	while ((m = take()) != NULL)
		let_go(m, JOB_SUCCEEDED);
	for (int64_t id = 1; id <= jobs_len; id++)
		hold(jobs[id].row.state != JOB_READY);
	for (int64_t id = 1; id <= jobs_len; id++)
		if (jobs[id].row.state == JOB_HELD)
			commit(&jobs[id], JOB_CANCELLED);
	hold(s.flows == NULL && s.keys.by_name == NULL && s.windows.jobs == NULL);
	end();
}

START_TEST(the_order_is_the_models)
{
	begin(1000 + (uint64_t)_i);
	follow_the_model(6000);
}
END_TEST

/* Most of what is ready waits for keys that very many queues share. */
START_TEST(the_order_is_the_models_where_keys_are_wide)
{
	begin(2000 + (uint64_t)_i);
	queues_len = QUEUES;
	limits_len = _i % 2 ? 1 : LIMITS;
	follow_the_model(6000);
}
END_TEST

/* ---- turns, in the small ---- */

static struct model_job *submit_of(int group, int key, int64_t limit, int priority)
{
	struct model_job *m = &jobs[++jobs_len];

	m->row.id = jobs_len;
	m->row.priority = priority;
	m->group = group;
	m->key = key;
	m->limit = limit;
	commit(m, JOB_READY);
	return m;
}

static void expect_turns(const char *order)
{
	for (; *order != '\0'; order++) {
		struct model_job *m = take();

		ck_assert_ptr_nonnull(m);
		ck_assert_int_eq(m->group, *order - '0');
		let_go(m, JOB_SUCCEEDED);
	}
}

START_TEST(groups_take_turns)
{
	begin(1);
	for (int i = 0; i < 5; i++)
		submit_of(1, 0, 0, 0);
	for (int i = 0; i < 3; i++)
		submit_of(2, 0, 0, 0);
	submit_of(0, 0, 0, 0);
	expect_turns("120121211");
	end();
}
END_TEST

START_TEST(a_group_that_was_away_joins_at_the_end)
{
	begin(1);
	for (int i = 0; i < 10; i++)
		submit_of(1, 0, 0, 0);
	submit_of(2, 0, 0, 0);
	expect_turns("121111");
	for (int i = 0; i < 3; i++) {
		submit_of(2, 0, 0, 0);
		submit_of(3, 0, 0, 0);
	}
	expect_turns("123123123");
	end();
}
END_TEST

START_TEST(a_parked_head_holds_up_no_other)
{
	struct model_job *one, *two;

	begin(1);
	submit_of(1, 1, 1, 9);
	submit_of(1, 1, 1, 9);
	submit_of(2, 1, 1, 9);
	submit_of(1, 0, 0, 0);
	submit_of(2, 2, 1, 0);
	one = take();
	ck_assert_int_eq(one->row.id, 1);
	ck_assert_int_eq(take()->row.id, 5);	/* group 2: group 1 has just had its turn */
	ck_assert_int_eq(take()->row.id, 4);
	ck_assert_ptr_null(take());
	let_go(one, JOB_SUCCEEDED);
	two = take();
	ck_assert_int_eq(two->row.id, 3);
	ck_assert_ptr_null(take());
	let_go(two, JOB_READY);
	ck_assert_int_eq(take()->row.id, 2);
	ck_assert_ptr_null(take());
	end();
}
END_TEST

START_TEST(queues_take_turns_at_a_wide_key)
{
	enum { ROUNDS = 5 };
	int served[QUEUES] = { 0 };

	begin(1);
	queues_len = QUEUES;
	for (int i = 0; i < ROUNDS * QUEUES; i++) {
		jobs[jobs_len + 1].queue = i / ROUNDS;	/* each has all of its jobs before the next one has any */
		submit_of(0, 1, 1, 0);
	}
	for (int i = 0; i < ROUNDS * QUEUES; i++) {
		struct model_job *m = take();

		ck_assert_ptr_nonnull(m);
		ck_assert_int_eq(served[m->queue]++, i / QUEUES);
		ck_assert_ptr_null(take());
		let_go(m, JOB_SUCCEEDED);
	}
	end();
}
END_TEST

/* ---- what it costs ---- */

#ifdef JOBD_SANITIZED
enum { FEW = 1000, MANY = 20000 };
#else
enum { FEW = 3000, MANY = 60000 };
#endif

static mono_us thread_time(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (mono_us)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* n jobs, each of a queue, group and key of its own among so many; and the time that one takes in and out. */
static double cost(int64_t n, int64_t queues, int64_t per_group, int64_t per_key)
{
	mono_us begun = thread_time();
	struct job_row row = { 0 };
	char names[3][16];

	backlog_init(&s, on_wake, NULL);
	for (int64_t id = 1; id <= n; id++) {
		struct flow_row flow = { id, names[1], names[2], 1 };
		struct job_change change = { .to = JOB_READY, .row = &row, .type = "io", .queue = names[0], .flow = &flow };

		row.id = id;
		row.state = JOB_READY;
		snprintf(names[0], sizeof(names[0]), "q%lld", (long long)(id % queues));
		snprintf(names[1], sizeof(names[1]), "g%lld", (long long)(id / per_group));
		snprintf(names[2], sizeof(names[2]), "k%lld", (long long)(id / per_key));
		backlog_changed(&s, &change);
	}
	for (int64_t i = 0; i < n; i++) {
		struct job *job = backlog_peek(&s, CLASS_IO, 1000);
		struct job_change change = { .from = JOB_READY, .to = JOB_SUCCEEDED, .row = &row, .type = "io" };
		struct flow_row flow;

		ck_assert_ptr_nonnull(job);
		flow = (struct flow_row){ job->flow->id, NULL, NULL, 0 };
		row = job->row;
		row.state = JOB_SUCCEEDED;
		row.spec = NULL;
		change.queue = job->lane->queue->name;
		change.flow = &flow;
		backlog_take(&s, job, 1000);
		backlog_changed(&s, &change);
		backlog_done(&s, &job);
	}
	hold(s.flows == NULL && s.keys.by_name == NULL);
	backlog_free(&s);
	return (double)(thread_time() - begun) / (double)n;
}

START_TEST(a_job_costs_the_same_among_many)
{
	static const struct { int64_t queues, per_group, per_key; } shapes[] = { { 1, 1, 1 }, { 100, 3, 1 }, { 1, 1000000, 1 }, { 7, 1, 20 },
											{ 1000000, 1, 1000000 } };

	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		double few = cost(FEW, shapes[i].queues, shapes[i].per_group, shapes[i].per_key);
		double many = cost(MANY, shapes[i].queues, shapes[i].per_group, shapes[i].per_key);

		printf("# %lld queues, %lld jobs a group, %lld a key: %.2f us a job among %d, %.2f among %d\n",
		       (long long)shapes[i].queues, (long long)shapes[i].per_group, (long long)shapes[i].per_key, few, FEW, many, MANY);
		/* What grows with the number is caches missed and a logarithm: not the square. */
		ck_assert_double_lt(many, 8 * few + 5);
	}
}
END_TEST

static Suite *suite(void)
{
	Suite *suite = suite_create("turns");
	TCase *tc = tcase_create("turns");

	tcase_add_test(tc, groups_take_turns);
	tcase_add_test(tc, a_group_that_was_away_joins_at_the_end);
	tcase_add_test(tc, a_parked_head_holds_up_no_other);
	tcase_add_test(tc, queues_take_turns_at_a_wide_key);
	tcase_add_loop_test(tc, the_order_is_the_models, 0, 8);
	tcase_add_loop_test(tc, the_order_is_the_models_where_keys_are_wide, 0, 8);
	tcase_add_test(tc, a_job_costs_the_same_among_many);
	suite_add_tcase(suite, tc);
	return suite;
}

int main(void)
{
	return unit_run(suite());
}
