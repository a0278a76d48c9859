/*
 * The store's contract, over each back end: whatever is filtered for, lists,
 * counts and matches find what a look at each job finds.
 *
 * Each kind of filter takes a great part of the jobs, chosen at random, so that
 * all of them together find many, few or none. SQLite is asked over several
 * digests of ids, and again when the file has been opened anew, while these are
 * still being read in, and once more as if the daemon had been killed.
 */
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

#include "../lib/chance.h"
#include "../lib/unit.h"
#include "sqlitetables.h"
#include "store/sqlite_digest_read.h"
#include "store/sqlite_file.h"
#include "storetest.h"

enum {
#ifdef JOBD_SANITIZED
	LOOKS = 6, CHANGES = 60,
#else
	LOOKS = 20, CHANGES = 160,
#endif
	NARROW = 600, WIDE = 13000, JOBS_MAX = WIDE + 8000, QUEUES = 4, TYPES = 3, TAGS = 4, CALL = 1000
};

/* What is known of each job, by its number: in order of the ids. */
struct known {
	int64_t id;
	enum job_state state;
	unsigned queue, type, tags;	/* tags: bits, of those it has */
	int attempt;
	bool keyed, full;		/* it has a key; and that is full */
};

static struct known jobs[JOBS_MAX];
static size_t jobs_n, at_rest;		/* those below stay as they are */

static const char *const queues[] = { "a", "b", "c", "d", NULL }, *const types[] = { "t", "u", "v", NULL },
			 *const tags[] = { "k0", "k1", "k2", "k3", NULL };

/* ---- jobs ---- */

static void tags_text(char *to, size_t size, unsigned has)
{
	size_t n = (size_t)snprintf(to, size, "{\"every\":\"one\"");

	for (unsigned i = 0; i < TAGS; i++)
		if ((has & 1u << i) != 0)
			n += (size_t)snprintf(to + n, size - n, ",\"%s\":\"y\"", tags[i]);
	snprintf(to + n, size - n, "}");
}

static struct submission new_job(struct known *j)
{
	struct job_spec from = storetest_spec();
	unsigned form = chance_below(8);
	char text[100];

	j->queue = chance_below(QUEUES);
	j->type = chance_below(TYPES);
	j->tags = (unsigned)chance_bits() & ((1u << TAGS) - 1);
	j->full = form == 0;
	j->keyed = form < 3;
	tags_text(text, sizeof(text), j->tags);
	from.queue = queues[j->queue];
	from.type = types[j->type];
	from.tags = text;
	if (j->keyed) {
		from.concurrency_key = form == 0 ? "full" : "free";
		from.concurrency_limit = 3;
	}
	return (struct submission){ .spec = job_spec_new(&from), .hold = form == 5, .run_at = form == 6 ? 9000 : 0 };
}

static void add_jobs(size_t n)
{
	static struct submission v[CALL];
	size_t at;

	ck_assert_uint_le(jobs_n + n, JOBS_MAX);
	ck_assert_uint_le(n, CALL);
	for (size_t i = 0; i < n; i++)
		v[i] = new_job(&jobs[jobs_n + i]);
	ck_assert_int_eq(store_submit(st, v, n, 1000, &at), 0);
	for (size_t i = 0; i < n; i++, jobs_n++) {
		jobs[jobs_n].id = v[i].id;
		jobs[jobs_n].state = v[i].state;
		jobs[jobs_n].attempt = 0;
		job_spec_unref(&v[i].spec);
	}
}

static void end_job(struct known *j, enum outcome_kind outcome, enum job_state next)
{
	struct settlement s = settlement(j->id, j->attempt + (j->state == JOB_READY), outcome, next, 3000);

	s.run_at = 9500;
	ck_assert_int_eq(store_settle(st, &s), 0);
	j->attempt = s.attempt;
	j->state = s.state;
}

static void update_job(struct known *j)
{
	char text[100];
	struct job_update u = { .id = j->id, .what = UPDATE_QUEUE | UPDATE_TAGS, .tags = text };

	j->queue = chance_below(QUEUES);
	j->tags = (unsigned)chance_bits() & ((1u << TAGS) - 1);
	tags_text(text, sizeof(text), j->tags);
	u.queue = queues[j->queue];
	ck_assert_int_eq(store_update(st, &u, 2000, &j->state), 0);
}

/* Something becomes of it, if its state allows. */
static void change_job(struct known *j)
{
	bool waits = j->state == JOB_READY || j->state == JOB_SCHEDULED || j->state == JOB_HELD;
	unsigned what = chance_below(8);

	if (job_state_final(j->state)) {
		if (what == 0)
			ck_assert_int_eq(store_delete(st, j->id, 2000, &j->state), 0);
		else if (what < 3)
			ck_assert_int_eq(store_retry(st, j->id, 2000, &j->state), 0);
	} else if (what == 0 && waits) {
		ck_assert_int_eq(store_cancel(st, j->id, 2000, &j->state), 0);
	} else if (what == 1 && waits) {
		update_job(j);
	} else if (what == 2 && waits && j->state != JOB_HELD) {
		ck_assert_int_eq(store_hold(st, j->id, 2000, &j->state), 0);
	} else if (what == 3 && j->state == JOB_HELD) {
		ck_assert_int_eq(store_release(st, j->id, 2000, &j->state), 0);
	} else if (what == 4 && j->state == JOB_READY && !j->keyed) {
		ck_assert_int_eq(claim(j->id, ++j->attempt, 2000), 0);
		j->state = JOB_RUNNING;
	} else if (what > 4 && (j->state == JOB_READY || j->state == JOB_RUNNING)) {
		end_job(j, what == 5 ? OUTCOME_SUCCEEDED : OUTCOME_FAILED,
			what == 5 ? JOB_SUCCEEDED : what == 6 ? JOB_FAILED : JOB_SCHEDULED);
	}
}

static void change_jobs(size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct known *j = &jobs[at_rest + chance_below((unsigned)(jobs_n - at_rest))];

		if (j->state != JOB_NONE)
			change_job(j);
	}
}

/* ---- filters ---- */

struct filtered {
	struct job_filter f;
	struct job_reasons reasons;
	unsigned queues, types, tags;	/* bits */
	unsigned ready_queues;
	bool full_passes, every;
	const char *queue_names[QUEUES + 1], *type_names[TYPES + 1], *tag_names[TAGS + 2], *tag_values[TAGS + 2];
	int64_t in_hand[100];
};

static bool ready_passes(const void *arg, const char *queue, const char *type, const char *key, int64_t limit)
{
	const struct filtered *f = arg;

	ck_assert(key == NULL || f->reasons.keys != NULL);
	ck_assert_int_eq(limit, key != NULL ? 3 : 0);
	ck_assert_str_ne(type, "");
	if (key != NULL && strcmp(key, "full") == 0)
		return f->full_passes;
	return (f->ready_queues & 1u << (queue[0] - 'a')) != 0;
}

static unsigned some_of(unsigned n)
{
	return (unsigned)chance_bits() & ((1u << n) - 1);
}

static void pick(const char **to, const char *const *from, unsigned bits)
{
	size_t n = 0;

	for (unsigned i = 0; from[i] != NULL; i++)
		if ((bits & 1u << i) != 0)
			to[n++] = from[i];
	to[n] = NULL;
}

static void filter_by_tags(struct filtered *f)
{
	size_t n = 0;

	f->tags = some_of(TAGS);
	f->every = chance_below(4) == 0;
	pick(f->tag_names, tags, f->tags);
	while (f->tag_names[n] != NULL)
		f->tag_values[n++] = "y";
	if (f->every) {
		f->tag_names[n] = "every";
		f->tag_values[n++] = "one";
		f->tag_names[n] = NULL;
	}
	f->f.tag_names = f->tag_names;
	f->f.tag_values = f->tag_values;
}

static const char *const full_key[] = { "full", NULL };

static void filter_by_reasons(struct filtered *f)
{
	struct job_reasons *r = &f->reasons;
	size_t n = 0;

	f->ready_queues = some_of(QUEUES);
	r->keys = chance_below(2) == 0 ? full_key : NULL;
	f->full_passes = r->keys != NULL && chance_below(2) == 0;
	r->keyed_too = f->full_passes;
	r->first = chance_below(2) == 0;
	r->again = chance_below(2) == 0;
	r->taken = chance_below(2) == 0;
	for (size_t i = chance_below(50); i < jobs_n && n < 100; i += 1 + chance_below(200))
		if (jobs[i].state == JOB_READY)
			f->in_hand[n++] = jobs[i].id;
	r->in_hand = f->in_hand;
	r->in_hand_n = n;
	r->ready = ready_passes;
	r->arg = f;
	f->f.reasons = r;
	f->f.states = (1u << JOB_READY | 1u << JOB_SCHEDULED | 1u << JOB_HELD) & (f->f.states != 0 ? f->f.states : ~0u);
	if (f->f.states == 0)
		f->f.states = 1u << JOB_READY;
}

/* Of the kinds of filters, those of these bits. */
static void make_filter(struct filtered *f, unsigned kinds)
{
	memset(f, 0, sizeof(*f));
	f->queues = f->types = ~0u;
	if (kinds & 1) {
		f->queues = some_of(QUEUES);
		pick(f->queue_names, queues, f->queues);
		f->f.queues = f->queue_names;
	}
	if (kinds & 2) {
		f->types = some_of(TYPES);
		pick(f->type_names, types, f->types);
		f->f.types = f->type_names;
	}
	if (kinds & 4)
		f->f.states = (some_of(JOB_STATES) | 1u << chance_below(JOB_STATES)) & ~(1u << JOB_NONE);
	if (kinds & 8)
		filter_by_tags(f);
	if (kinds & 16)
		filter_by_reasons(f);
}

static bool reason_passes(const struct filtered *f, const struct known *j)
{
	const struct job_reasons *r = &f->reasons;

	if (j->state == JOB_SCHEDULED)
		return j->attempt > 0 ? r->again : r->first;
	if (j->state != JOB_READY)
		return true;
	if (job_reasons_in_hand(r, j->id))
		return r->taken;
	if (j->full && r->keys != NULL)
		return f->full_passes;
	return (f->ready_queues & 1u << j->queue) != 0;
}

static bool passes(const struct filtered *f, const struct known *j)
{
	if (j->state == JOB_NONE || (f->f.states != 0 && (f->f.states & 1u << j->state) == 0))
		return false;
	if ((f->queues & 1u << j->queue) == 0 || (f->types & 1u << j->type) == 0 || (f->tags & ~j->tags) != 0)
		return false;
	return f->f.reasons == NULL || reason_passes(f, j);
}

/* ---- looks ---- */

/* The next that passes behind number `at`, in the order; jobs_n: none. */
static size_t next_passing(const struct filtered *f, bool newest_first, size_t at)
{
	do
		at = newest_first ? (at == 0 ? jobs_n : at - 1) : at + 1;
	while (at < jobs_n && !passes(f, &jobs[at]));
	return at < jobs_n ? at : jobs_n;
}

static void look_at_list(const struct filtered *f, bool newest_first, size_t limit, int pages)
{
	size_t at = newest_first ? jobs_n : (size_t)-1;
	struct job_page page;
	int64_t after = 0;
	bool more = true;

	if (!newest_first && chance_below(3) == 0) {		/* not from the beginning */
		at = chance_below((unsigned)jobs_n);
		after = jobs[at].id;
	}
	while (more && pages-- > 0) {
		ck_assert_int_eq(store_list(st, &f->f, newest_first, after, limit, false, &page), 0);
		ck_assert(!page.more || page.n == limit);
		for (size_t i = 0; i < page.n; i++) {
			at = next_passing(f, newest_first, at);
			hold(at < jobs_n && page.v[i].row.id == jobs[at].id && page.v[i].row.state == jobs[at].state);
			after = jobs[at].id;
		}
		more = page.more;
		job_page_free(&page);
		ck_assert(more == (next_passing(f, newest_first, at) < jobs_n));
	}
}

static void look_at_count(const struct filtered *f)
{
	int64_t by_state[JOB_STATES], expected[JOB_STATES] = { 0 };

	for (size_t i = 0; i < jobs_n; i++)
		expected[jobs[i].state] += passes(f, &jobs[i]);
	ck_assert_int_eq(store_count(st, &f->f, by_state), 0);
	for (int s = JOB_NONE + 1; s < JOB_STATES; s++)
		ck_assert_int_eq(by_state[s], expected[s]);
}

static void look_at_matches(const struct filtered *f)
{
	unsigned wanted = some_of(JOB_STATES) | 1u << JOB_READY;
	struct job_matches m;
	size_t at = (size_t)-1;
	int64_t id, n = 0;

	ck_assert_int_eq(store_match(st, &f->f, wanted, false, &m), 0);
	while ((at = next_passing(f, false, at)) < jobs_n) {
		n++;
		if ((wanted & 1u << jobs[at].state) != 0)
			hold(idlist_take(&m.ids, &id, 1) == 1 && id == jobs[at].id);
	}
	hold(idlist_take(&m.ids, &id, 1) == 0);
	ck_assert_int_eq(m.matched, n);
	job_matches_free(&m);
}

static void look(unsigned kinds)
{
	bool newest_first = chance_below(2) == 0;
	struct filtered *f = malloc(sizeof(*f));

	ck_assert_ptr_nonnull(f);
	make_filter(f, kinds);
	look_at_list(f, newest_first, 1000, 100);
	look_at_list(f, !newest_first, 1 + chance_below(50), 4);
	look_at_count(f);
	look_at_matches(f);
	free(f);
}

/* ---- tests ---- */

static void look_and_change(size_t changes)
{
	for (unsigned i = 0; i < LOOKS; i++) {
		look(chance_below(32));
		change_jobs(changes / LOOKS + 1);
		add_jobs(chance_below(30));
	}
}

STORE_TEST(filters_find_what_a_look_at_each_finds)
{
	chance_seed(11);
	jobs_n = 0;
	add_jobs(NARROW);
	change_jobs(NARROW);
	look_and_change(CHANGES);
}

/* What has come and changed first is left alone then. */
static void fill_widely(void)
{
	chance_seed(12);
	jobs_n = 0;
	while (jobs_n < WIDE) {
		add_jobs(CALL);
		if (jobs_n == 3 * CALL)
			change_jobs(CHANGES);
	}
	at_rest = 8 * CALL;
	look_and_change(CHANGES);
	at_rest = 0;
}

/* What is left of those is gone. */
static void delete_jobs(struct known *from, size_t n)
{
	static int64_t ids[JOBS_MAX];
	struct job_many many = { .ids = ids, .states = ~0u };
	size_t done;

	for (size_t i = 0; i < n; i++) {
		if (from[i].state == JOB_RUNNING)
			end_job(&from[i], OUTCOME_CANCELLED, JOB_CANCELLED);
		if (from[i].state != JOB_NONE)
			ids[many.n++] = from[i].id;
		from[i].state = JOB_NONE;
	}
	ck_assert_int_eq(store_cancel_many(st, &many, 2000, &done), 0);
	ck_assert_int_eq(store_delete_many(st, &many, 2000, &done), 0);
	ck_assert_uint_eq(done, many.n);
}

/* Some digests are empty, and some nearly so. */
static void empty_some(void)
{
	delete_jobs(jobs + 3000, 5200);
	look_and_change(CHANGES / 4);
}

static void again(void)
{
	look_and_change(CHANGES);
}

/* ---- as after a kill ---- */

static const char *const files[] = { "jobd.db", "jobd.db-wal" };

static void copy_file(const char *from, const char *to)
{
	static char bytes[1 << 16];
	int in = open(from, O_RDONLY | O_CLOEXEC), out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	ssize_t n;

	ck_assert(in >= 0 && out >= 0);
	while ((n = read(in, bytes, sizeof(bytes))) > 0)
		ck_assert_int_eq(write(out, bytes, (size_t)n), n);
	ck_assert_int_eq(n, 0);
	close(in);
	close(out);
}

static int64_t digests_kept(void)
{
	return sqlitetables_number(storetest_directory, "SELECT count(*) FROM digest");
}

/* The files as they are now, while nobody writes: the log last, which says what of the other holds. */
static void keep_files(void)
{
	char from[300], to[310];

	for (size_t i = 0; i < 2; i++) {
		snprintf(from, sizeof(from), "%s/%s", storetest_directory, files[i]);
		snprintf(to, sizeof(to), "%s.then", from);
		copy_file(from, to);
	}
}

/* What the store has done since, its end included, it has not. */
static void bring_files_back(void)
{
	char from[310], to[300];

	for (size_t i = 0; i < 2; i++) {
		snprintf(to, sizeof(to), "%s/%s", storetest_directory, files[i]);
		snprintf(from, sizeof(from), "%s.then", to);
		ck_assert_int_eq(rename(from, to), 0);
	}
	snprintf(to, sizeof(to), "%s/jobd.db-shm", storetest_directory);
	unlink(to);
}

static void fill_and_keep_files(void)
{
	fill_widely();
	ck_assert_int_gt(digests_kept(), 0);
	ck_assert_int_lt(digests_kept(), (int64_t)jobs_n / 4096);
	keep_files();
}

static void again_and_keep_files(void)
{
	again();
	keep_files();
}

/* Opened anew, as after a kill, it is asked and changed at once; at last with a gap in the ids. */
START_TEST(filters_hold_over_many_ids_and_restarts)
{
	void (*const lives[])(void) = { fill_and_keep_files, again_and_keep_files, again_and_keep_files };

	storetest_make_directory();
	for (size_t i = 0; i < sizeof(lives) / sizeof(lives[0]); i++) {
		storetest_open(&store_sqlite);
		storetest_go(lives[i]);
		storetest_close();
		ck_assert_int_eq(digests_kept(), (int64_t)jobs_n / 4096);
		bring_files_back();
	}
	storetest_open(&store_sqlite);
	storetest_go(again);
	storetest_go(empty_some);
	storetest_close();
	storetest_open(&store_sqlite);
	storetest_go(again);
	storetest_close();
	storetest_remove_directory();
}
END_TEST

/* ---- reading in ---- */

static int64_t known(struct sqlite_digests *d)
{
	int64_t number;

	pthread_mutex_lock(&d->mutex);
	number = d->known;
	pthread_mutex_unlock(&d->mutex);
	return number;
}

static void look_at_digest(struct sqlite_digests *d, struct sqlite_db *db, int64_t number)
{
	static const struct digest_want all = { .whats = ~0u, .any_lane = true, .flows = true };
	static struct digest_copy copy, made;
	int64_t at = number;

	ck_assert_int_eq(sqlite_digests_next(d, &all, false, UINT64_MAX, &at, &copy), DIGEST_COPIED);
	ck_assert_int_eq(at, number);
	ck_assert(sqlite_digest_make(db, number, true, &made));
	ck_assert_mem_eq(copy.what, made.what, sizeof(copy.what));
	for (size_t i = 0; i < DIGEST_IDS; i++)
		if (made.what[i] != JOB_NONE)
			ck_assert(copy.lane[i] == made.lane[i] && copy.flow[i] == made.flow[i]);
}

/* Some have their rows, and some have not. */
START_TEST(a_thread_reads_in_what_the_start_has_left)
{
	static struct sqlite_digests d;
	struct digest_thread thread = { 0 };
	struct sqlite_db db;
	char path[300];

	storetest_make_directory();
	storetest_open(&store_sqlite);
	storetest_go(fill_widely);
	storetest_close();
	snprintf(path, sizeof(path), "%s/jobd.db", storetest_directory);
	ck_assert_int_eq(sqlite_file_open(&db, path), 0);
	ck_assert_int_eq(sqlite3_exec(db.h, "DELETE FROM digest WHERE number % 2 = 1", NULL, NULL, NULL), SQLITE_OK);
	sqlite_digests_init(&d);
	sqlite_digests_begin(&d, &db, jobs[jobs_n - 1].id + 1, 0);
	ck_assert_int_gt(known(&d), 2);
	ck_assert_int_eq(sqlite_digests_start(&thread, &d, path), 0);
	while (known(&d) > 0)
		sched_yield();
	sqlite_digests_stop(&thread);
	for (int64_t number = 0; number <= digest_of(jobs[jobs_n - 1].id); number++)
		look_at_digest(&d, &db, number);
	sqlite_digests_free(&d);
	sqlite_db_close(&db);
	storetest_remove_directory();
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("store_filter");
	TCase *tc = tcase_create("filter");

	add_store_test(tc, filters_find_what_a_look_at_each_finds);
	tcase_add_test(tc, filters_hold_over_many_ids_and_restarts);
	tcase_add_test(tc, a_thread_reads_in_what_the_start_has_left);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	return unit_run(suite());
}
