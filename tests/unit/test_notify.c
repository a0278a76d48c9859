#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "mailbox.h"
#include "notify.h"
#include "proto/jtext.h"
#include "tests/lib/failmem.h"
#include "tests/lib/unit.h"

static struct notify *notify;
static struct mailbox a, b;
static int readies;

static void on_ready(void *arg)
{
	hold(arg == &readies);
	readies++;
}

static void begin(void)
{
	notify = notify_new();
	ck_assert_ptr_nonnull(notify);
	mailbox_init(&a, on_ready, &readies);
	mailbox_init(&b, on_ready, &readies);
	readies = 0;
}

static void end(void)
{
	notify_free(&notify);
	ck_assert_ptr_null(notify);
	mailbox_free(&a);
	mailbox_free(&b);
}

/* ---- what is sent ---- */

/* The params of the next event in the mailbox; NULL if there is none. */
static json_t *next_event(struct mailbox *m)
{
	char why[200];
	const char *line = buf_data(&m->out), *newline;
	json_t *message, *params;

	if (buf_len(&m->out) == 0)
		return NULL;
	newline = memchr(line, '\n', buf_len(&m->out));
	ck_assert_ptr_nonnull(newline);
	message = jtext_parse(line, (size_t)(newline - line), why, sizeof(why));
	ck_assert_msg(message != NULL, "%s", why);
	ck_assert_str_eq(json_string_value(json_object_get(message, "jsonrpc")), "2.0");
	ck_assert_str_eq(json_string_value(json_object_get(message, "method")), "event");
	ck_assert_ptr_null(json_object_get(message, "id"));
	params = json_incref(json_object_get(message, "params"));
	json_decref(message);
	mailbox_sent(m, (size_t)(newline - line) + 1);
	return params;
}

/* Takes the next event and compares it; `expected` is JSON. */
static void expect_event(struct mailbox *m, const char *expected)
{
	char why[200], *got;
	json_t *event = next_event(m), *wanted = jtext_parse(expected, strlen(expected), why, sizeof(why));

	ck_assert_msg(wanted != NULL, "%s", why);
	ck_assert_ptr_nonnull(event);
	got = json_dumps(event, JSON_COMPACT);
	ck_assert_msg(json_equal(event, wanted), "got %s, wanted %s", got, expected);
	free(got);
	json_decref(event);
	json_decref(wanted);
}

static void expect_kind(struct mailbox *m, const char *kind)
{
	json_t *event = next_event(m);

	ck_assert_ptr_nonnull(event);
	ck_assert_str_eq(json_string_value(json_object_get(event, "kind")), kind);
	json_decref(event);
}

static void expect_nothing(struct mailbox *m)
{
	ck_assert_uint_eq(buf_len(&m->out), 0);
}

/* ---- what happens ---- */

static uint64_t seq;

static void happen(int64_t id, const char *queue, const char *type, enum job_state from, enum job_state to)
{
	struct job_row row = { .id = id, .state = to, .attempt = to >= JOB_RUNNING ? 1 : 0 };
	struct job_change change = { .seq = ++seq, .at = 1700000000123, .from = from, .to = to, .row = &row, .queue = queue,
				     .type = type };

	if (to == JOB_FAILED) {
		change.reason = "timeout";
		change.message = "it took too long";
	}
	notify_changed(notify, &change);
}

static char **names(const char *one, const char *two)
{
	char **v = calloc(3, sizeof(*v));

	v[0] = one != NULL ? strdup(one) : NULL;
	v[1] = two != NULL ? strdup(two) : NULL;
	return v;
}

static struct subscription *subscription(struct mailbox *m)
{
	struct subscription *s = calloc(1, sizeof(*s));

	s->mailbox = m;
	return s;
}

static uint64_t subscribe(struct subscription *s)
{
	ck_assert_int_eq(notify_subscribe(notify, s), 0);
	return s->number;
}

START_TEST(a_state_event)
{
	begin();
	seq = 41;
	ck_assert_uint_eq(subscribe(subscription(&a)), 1);
	happen(7, "mail", "http", JOB_READY, JOB_RUNNING);
	expect_event(&a, "{\"subscription\":1,\"seq\":42,\"at\":\"2023-11-14T22:13:20.123Z\",\"kind\":\"state\","
			 "\"job\":{\"id\":7,\"queue\":\"mail\",\"type\":\"http\",\"state\":\"running\",\"attempt\":1}}");
	expect_nothing(&a);
	ck_assert_int_eq(readies, 1);
	ck_assert_uint_eq(notify_seq(notify), 42);
	end();
}
END_TEST

START_TEST(a_failure_says_why)
{
	begin();
	seq = 0;
	subscribe(subscription(&a));
	happen(7, "mail", "http", JOB_RUNNING, JOB_FAILED);
	expect_event(&a, "{\"subscription\":1,\"seq\":1,\"at\":\"2023-11-14T22:13:20.123Z\",\"kind\":\"state\","
			 "\"job\":{\"id\":7,\"queue\":\"mail\",\"type\":\"http\",\"state\":\"failed\",\"attempt\":1},"
			 "\"error\":{\"reason\":\"timeout\",\"message\":\"it took too long\"}}");
	end();
}
END_TEST

START_TEST(what_is_no_change_of_state_is_no_event)
{
	begin();
	subscribe(subscription(&a));
	happen(7, "mail", "http", JOB_RUNNING, JOB_RUNNING);
	happen(7, "mail", "http", JOB_SUCCEEDED, JOB_NONE);
	expect_nothing(&a);
	ck_assert_uint_eq(notify_seq(notify), seq);
	end();
}
END_TEST

static bool tells(struct subscription *s, int64_t id, const char *queue, const char *type, enum job_state to)
{
	json_t *event;

	subscribe(s);
	happen(id, queue, type, JOB_READY, to);
	event = next_event(&a);
	json_decref(event);
	notify_forget(notify, &a);
	return event != NULL;
}

static struct subscription *with_jobs(int64_t one, int64_t two, int64_t three)
{
	struct subscription *s = subscription(&a);

	s->jobs = calloc(3, sizeof(*s->jobs));
	s->jobs[0] = one;
	s->jobs[1] = two;
	s->jobs[2] = three;
	s->jobs_len = 3;
	return s;
}

static struct subscription *with(char **queues, char **types, unsigned states)
{
	struct subscription *s = subscription(&a);

	s->queues = queues;
	s->types = types;
	s->states = states;
	return s;
}

START_TEST(filters)
{
	begin();
	ck_assert(tells(with(NULL, NULL, 0), 1, "q", "t", JOB_RUNNING));
	/* Given in any order. */
	ck_assert(tells(with_jobs(9, 1, 5), 1, "q", "t", JOB_RUNNING));
	ck_assert(tells(with_jobs(9, 1, 5), 5, "q", "t", JOB_RUNNING));
	ck_assert(tells(with_jobs(9, 1, 5), 9, "q", "t", JOB_RUNNING));
	ck_assert(!tells(with_jobs(9, 1, 5), 4, "q", "t", JOB_RUNNING));
	ck_assert(tells(with(names("q", "r"), NULL, 0), 1, "r", "t", JOB_RUNNING));
	ck_assert(!tells(with(names("q", "r"), NULL, 0), 1, "qr", "t", JOB_RUNNING));
	ck_assert(!tells(with(names(NULL, NULL), NULL, 0), 1, "q", "t", JOB_RUNNING));
	ck_assert(tells(with(NULL, names("t", NULL), 0), 1, "q", "t", JOB_RUNNING));
	ck_assert(!tells(with(NULL, names("t", NULL), 0), 1, "q", "u", JOB_RUNNING));
	ck_assert(tells(with(NULL, NULL, 1u << JOB_RUNNING | 1u << JOB_HELD), 1, "q", "t", JOB_RUNNING));
	ck_assert(!tells(with(NULL, NULL, 1u << JOB_HELD), 1, "q", "t", JOB_RUNNING));
	ck_assert(!tells(with(NULL, NULL, 1u << JOB_NONE), 1, "q", "t", JOB_RUNNING));
	/* All must fit. */
	ck_assert(tells(with(names("q", NULL), names("t", NULL), 1u << JOB_HELD), 1, "q", "t", JOB_HELD));
	ck_assert(!tells(with(names("q", NULL), names("u", NULL), 1u << JOB_HELD), 1, "q", "t", JOB_HELD));
	end();
}
END_TEST

START_TEST(each_subscriber_in_order)
{
	uint64_t first, second;

	begin();
	first = subscribe(subscription(&a));
	second = subscribe(subscription(&b));
	ck_assert_uint_gt(second, first);
	happen(1, "q", "t", JOB_NONE, JOB_READY);
	happen(2, "q", "t", JOB_NONE, JOB_READY);
	happen(1, "q", "t", JOB_READY, JOB_RUNNING);
	for (int i = 0; i < 2; i++) {
		struct mailbox *m = i == 0 ? &a : &b;
		static const int ids[] = { 1, 2, 1 };
		json_int_t last = 0;

		for (int n = 0; n < 3; n++) {
			json_t *event = next_event(m);

			ck_assert_int_eq(json_integer_value(json_object_get(json_object_get(event, "job"), "id")), ids[n]);
			ck_assert_int_eq(json_integer_value(json_object_get(event, "subscription")), (json_int_t)(i == 0 ? first : second));
			ck_assert_int_gt(json_integer_value(json_object_get(event, "seq")), last);
			last = json_integer_value(json_object_get(event, "seq"));
			json_decref(event);
		}
		expect_nothing(m);
	}
	end();
}
END_TEST

START_TEST(an_ended_one_is_silent)
{
	uint64_t number, other;

	begin();
	number = subscribe(subscription(&a));
	other = subscribe(subscription(&a));
	ck_assert_int_eq(notify_unsubscribe(notify, &b, number), -ENOENT);
	ck_assert_int_eq(notify_unsubscribe(notify, &a, 99), -ENOENT);
	ck_assert_int_eq(notify_unsubscribe(notify, &a, number), 0);
	ck_assert_int_eq(notify_unsubscribe(notify, &a, number), -ENOENT);
	happen(1, "q", "t", JOB_NONE, JOB_READY);
	expect_kind(&a, "state");
	expect_nothing(&a);
	subscribe(subscription(&b));
	notify_forget(notify, &a);
	ck_assert_int_eq(notify_unsubscribe(notify, &a, other), -ENOENT);
	happen(1, "q", "t", JOB_READY, JOB_RUNNING);
	expect_nothing(&a);
	expect_kind(&b, "state");
	end();
}
END_TEST

START_TEST(a_client_has_its_number_of_them)
{
	struct subscription *s;

	begin();
	for (int i = 0; i < SUBSCRIPTIONS_PER_CLIENT; i++)
		subscribe(subscription(&a));
	s = subscription(&a);
	ck_assert_int_eq(notify_subscribe(notify, s), -ENOSPC);
	subscription_free(&s);
	ck_assert_ptr_null(s);
	subscribe(subscription(&b));
	end();
}
END_TEST

/* ---- slow readers ---- */

static void fill(struct mailbox *m, size_t bytes)
{
	static char line[65536];

	memset(line, 'x', sizeof(line));
	while (mailbox_pending(m) < bytes)
		mailbox_put(m, &(struct buf){ .base = line, .end = sizeof(line), .cap = sizeof(line) });
}

START_TEST(a_slow_reader_is_cut_off)
{
	size_t full;

	begin();
	subscribe(subscription(&a));
	subscribe(subscription(&a));
	subscribe(subscription(&b));
	fill(&a, MAILBOX_EVENTS);
	full = mailbox_pending(&a);
	for (int i = 0; i < 10000; i++)
		happen(1, "q", "t", JOB_NONE, JOB_READY);
	/* Two last words and no more; the other reader missed nothing. */
	ck_assert_uint_lt(mailbox_pending(&a), full + 500);
	mailbox_sent(&a, full);
	expect_kind(&a, "lagged");
	expect_kind(&a, "lagged");
	expect_nothing(&a);
	happen(1, "q", "t", JOB_READY, JOB_RUNNING);
	expect_nothing(&a);
	ck_assert_uint_gt(mailbox_pending(&b), 10000);
	end();
}
END_TEST

START_TEST(lagged_says_from_where_it_missed)
{
	json_t *event;
	size_t full;

	begin();
	subscribe(subscription(&a));
	fill(&a, MAILBOX_EVENTS);
	full = mailbox_pending(&a);
	seq = 100;
	notify_set_seq(notify, seq);
	happen(1, "q", "t", JOB_NONE, JOB_READY);
	mailbox_sent(&a, full);
	event = next_event(&a);
	ck_assert_str_eq(json_string_value(json_object_get(event, "kind")), "lagged");
	ck_assert_int_eq(json_integer_value(json_object_get(event, "subscription")), 1);
	ck_assert_int_eq(json_integer_value(json_object_get(event, "seq")), 100);
	ck_assert_ptr_null(json_object_get(event, "job"));
	json_decref(event);
	end();
}
END_TEST

/* What is on its way to the client counts as well. */
START_TEST(bytes_being_sent_count)
{
	begin();
	subscribe(subscription(&a));
	a.sending = MAILBOX_EVENTS;
	happen(1, "q", "t", JOB_NONE, JOB_READY);
	expect_kind(&a, "lagged");
	end();
}
END_TEST

/* ---- what has been ---- */

/* Subscribes to what comes behind `after`; whether all of it is there. */
static bool subscribe_since(struct subscription *s, uint64_t after)
{
	bool whole = notify_since(notify, s, after);

	subscribe(s);
	return whole;
}

static json_int_t next_seq(struct mailbox *m)
{
	json_t *event = next_event(m);
	json_int_t number = event != NULL ? json_integer_value(json_object_get(event, "seq")) : 0;

	json_decref(event);
	return number;
}

START_TEST(the_past_is_told_as_the_present_was)
{
	char *lived;
	size_t len;

	begin();
	seq = 41;
	notify_set_seq(notify, seq);
	subscribe(subscription(&a));
	happen(7, "mail", "http", JOB_NONE, JOB_READY);
	happen(7, "mail", "http", JOB_READY, JOB_RUNNING);
	happen(7, "mail", "http", JOB_RUNNING, JOB_RUNNING);
	happen(7, "mail", "http", JOB_RUNNING, JOB_FAILED);
	happen(7, "mail", "http", JOB_FAILED, JOB_NONE);
	len = buf_len(&a.out);
	lived = malloc(len);
	memcpy(lived, buf_data(&a.out), len);
	mailbox_sent(&a, len);
	notify_forget(notify, &a);
	notify_unsubscribe(notify, &a, 1);
	ck_assert(subscribe_since(subscription(&a), 41));
	ck_assert_int_eq((int)notify_replay(notify, &a, 2), REPLAY_OVER);
	ck_assert_uint_eq(buf_len(&a.out), len);
	for (size_t i = 0; i < len; i++)	/* but for the number of the subscription */
		ck_assert(lived[i] == buf_data(&a.out)[i] || (lived[i] == '1' && buf_data(&a.out)[i] == '2'));
	free(lived);
	end();
}
END_TEST

START_TEST(neither_a_gap_nor_a_double_between_past_and_present)
{
	const int n = 3000;
	json_int_t wanted = 1001;
	enum replay step;

	begin();
	seq = 0;
	for (int i = 0; i < n; i++)
		happen(i, "q", "t", JOB_NONE, JOB_READY);
	ck_assert(subscribe_since(subscription(&a), 1000));
	expect_nothing(&a);
	/* Things go on while it catches up. */
	do {
		step = notify_replay(notify, &a, 1);
		happen(1, "q", "t", JOB_READY, JOB_HELD);
		for (; buf_len(&a.out) > 0; wanted++)
			ck_assert_int_eq(next_seq(&a), wanted);
	} while (step != REPLAY_OVER);
	ck_assert_uint_eq((uint64_t)wanted, seq + 1);
	ck_assert_int_eq((int)notify_replay(notify, &a, 1), REPLAY_OVER);
	expect_nothing(&a);
	end();
}
END_TEST

START_TEST(a_replay_passes_the_filters)
{
	begin();
	seq = 0;
	happen(1, "q", "t", JOB_NONE, JOB_READY);
	happen(1, "r", "t", JOB_NONE, JOB_READY);
	happen(2, "q", "t", JOB_NONE, JOB_HELD);
	happen(3, "q", "u", JOB_NONE, JOB_READY);
	ck_assert(subscribe_since(with(names("q", NULL), names("t", NULL), 1u << JOB_READY), 0));
	ck_assert_int_eq((int)notify_replay(notify, &a, 1), REPLAY_OVER);
	ck_assert_int_eq(next_seq(&a), 1);
	expect_nothing(&a);
	end();
}
END_TEST

static bool knows_since(uint64_t past)
{
	struct subscription *s = subscription(&a);
	bool known = notify_since(notify, s, past);

	subscription_free(&s);
	return known;
}

START_TEST(from_where_the_past_is_known)
{
	begin();
	seq = 100;
	notify_set_seq(notify, seq);
	ck_assert(!knows_since(99));
	ck_assert(knows_since(100));
	/* A number that has not been given out is another's. */
	ck_assert(!knows_since(101));
	for (int i = 0; i < 300000; i++)
		happen(i, "q", "t", JOB_NONE, JOB_READY);
	ck_assert(!knows_since(100));
	ck_assert(knows_since(seq));
	ck_assert(knows_since(seq - 200000));
	ck_assert(!subscribe_since(subscription(&b), 0));
	ck_assert_int_eq((int)notify_replay(notify, &b, 1), REPLAY_GOES_ON);
	ck_assert_int_gt(next_seq(&b), 100);
	end();
}
END_TEST

START_TEST(a_replay_waits_for_its_reader)
{
	size_t full;

	begin();
	seq = 0;
	for (int i = 0; i < 100; i++)
		happen(i, "q", "t", JOB_NONE, JOB_READY);
	fill(&a, MAILBOX_HIGH);
	full = mailbox_pending(&a);
	subscribe_since(subscription(&a), 0);
	ck_assert_int_eq((int)notify_replay(notify, &a, 1), REPLAY_NEEDS_ROOM);
	ck_assert_uint_lt(mailbox_pending(&a), full + 500);
	mailbox_sent(&a, full);
	ck_assert_int_eq((int)notify_replay(notify, &a, 1), REPLAY_OVER);
	for (int i = 1; i <= 100; i++)
		ck_assert_int_eq(next_seq(&a), i);
	expect_nothing(&a);
	end();
}
END_TEST

START_TEST(a_replay_that_is_overtaken_is_cut_off)
{
	json_t *event;

	begin();
	seq = 0;
	for (int i = 0; i < 1000; i++)
		happen(i, "q", "t", JOB_NONE, JOB_READY);
	subscribe_since(subscription(&a), 0);
	ck_assert_int_eq((int)notify_replay(notify, &a, 1), REPLAY_GOES_ON);
	mailbox_sent(&a, mailbox_pending(&a));
	for (int i = 0; i < 300000; i++)
		happen(i, "q", "t", JOB_NONE, JOB_READY);
	expect_nothing(&a);
	ck_assert_int_eq((int)notify_replay(notify, &a, 1), REPLAY_OVER);
	event = next_event(&a);
	ck_assert_str_eq(json_string_value(json_object_get(event, "kind")), "lagged");
	/* From there on, all is to be asked for. */
	ck_assert_int_eq(json_integer_value(json_object_get(event, "seq")), 512);
	json_decref(event);
	ck_assert_int_eq(notify_unsubscribe(notify, &a, 1), -ENOENT);
	end();
}
END_TEST

/* ---- progress and output ---- */

static const struct notify_job job = { 7, "q", "exec", 2 };

START_TEST(progress)
{
	json_t *event;

	begin();
	notify_set_seq(notify, 55);
	subscribe(subscription(&a));
	notify_progress(notify, &job, "{\"fraction\":0.5}");
	event = next_event(&a);
	ck_assert_str_eq(json_string_value(json_object_get(event, "kind")), "progress");
	ck_assert_int_eq(json_integer_value(json_object_get(event, "seq")), 55);
	ck_assert_double_eq(json_real_value(json_object_get(json_object_get(event, "progress"), "fraction")), 0.5);
	ck_assert_int_eq(json_integer_value(json_object_get(json_object_get(event, "job"), "attempt")), 2);
	ck_assert_str_eq(json_string_value(json_object_get(json_object_get(event, "job"), "state")), "running");
	json_decref(event);
	end();
}
END_TEST

static struct subscription *with_output(void)
{
	struct subscription *s = subscription(&a);

	s->output = true;
	return s;
}

START_TEST(output_for_those_who_want_it)
{
	struct subscription *s = with_output();
	json_t *event;

	begin();
	subscribe(subscription(&b));
	s->queues = names("other", NULL);
	subscribe(s);
	subscribe(with_output());
	notify_output(notify, &job, 0, 0, "hello\n", 6);
	notify_output(notify, &job, 1, 6, "\xff\n", 2);
	event = next_event(&a);
	ck_assert_str_eq(json_string_value(json_object_get(event, "kind")), "output");
	ck_assert_str_eq(json_string_value(json_object_get(event, "stream")), "stdout");
	ck_assert_int_eq(json_integer_value(json_object_get(event, "offset")), 0);
	ck_assert_str_eq(json_string_value(json_object_get(event, "data")), "hello\n");
	json_decref(event);
	event = next_event(&a);
	ck_assert_str_eq(json_string_value(json_object_get(event, "stream")), "stderr");
	ck_assert_int_eq(json_integer_value(json_object_get(event, "offset")), 6);
	ck_assert_ptr_null(json_object_get(event, "data"));
	ck_assert_str_eq(json_string_value(json_object_get(event, "data_base64")), "/wo=");
	json_decref(event);
	expect_nothing(&a);
	expect_nothing(&b);
	end();
}
END_TEST

/* ---- watchers ---- */

START_TEST(watchers_hear_of_their_job_only)
{
	struct cond changed;
	struct watcher w[3];

	begin();
	cond_init(&changed);
	ck_assert_int_eq(notify_watch(notify, &w[0], 1, &changed), 0);
	ck_assert_int_eq(notify_watch(notify, &w[1], 2, &changed), 0);
	ck_assert_int_eq(notify_watch(notify, &w[2], 1, &changed), 0);
	happen(1, "q", "t", JOB_READY, JOB_RUNNING);
	ck_assert(w[0].told && w[2].told && !w[1].told);
	ck_assert(w[0].begun && !w[0].ended && !w[1].begun);
	w[0].told = false;
	notify_unwatch(notify, &w[2]);
	happen(1, "q", "t", JOB_RUNNING, JOB_SUCCEEDED);
	ck_assert(w[0].ended && !w[2].ended);
	/* What it has been stays known, whatever comes after. */
	happen(1, "q", "t", JOB_SUCCEEDED, JOB_READY);
	ck_assert(w[0].ended && !w[0].gone);
	/* That it is gone is news too, and so is a request to cancel. */
	happen(2, "q", "t", JOB_SUCCEEDED, JOB_NONE);
	ck_assert(w[1].told);
	ck_assert(w[1].gone && !w[0].gone);
	notify_unwatch(notify, &w[0]);
	notify_unwatch(notify, &w[1]);
	happen(1, "q", "t", JOB_READY, JOB_RUNNING);
	end();
}
END_TEST

START_TEST(no_memory_to_watch)
{
	struct cond changed;
	struct watcher w;
	int rc;

	begin();
	cond_init(&changed);
	failmem_from(1);
	rc = notify_watch(notify, &w, 1, &changed);
	failmem_off();
	ck_assert_int_eq(rc, -ENOMEM);
	happen(1, "q", "t", JOB_READY, JOB_RUNNING);
	ck_assert_int_eq(notify_watch(notify, &w, 1, &changed), 0);
	notify_unwatch(notify, &w);
	end();
}
END_TEST

/* An event that no memory is left for must not pass in silence: the client is cut off, as by a lost reply. */
START_TEST(no_memory_for_an_event)
{
	begin();
	subscribe(subscription(&a));
	failmem_from(1);
	happen(1, "q", "t", JOB_NONE, JOB_READY);
	failmem_off();
	ck_assert(a.closed);
	ck_assert_int_eq(readies, 1);
	end();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("notify");
	TCase *tc = tcase_create("notify");

	tcase_add_test(tc, a_state_event);
	tcase_add_test(tc, a_failure_says_why);
	tcase_add_test(tc, what_is_no_change_of_state_is_no_event);
	tcase_add_test(tc, filters);
	tcase_add_test(tc, each_subscriber_in_order);
	tcase_add_test(tc, an_ended_one_is_silent);
	tcase_add_test(tc, a_client_has_its_number_of_them);
	tcase_add_test(tc, a_slow_reader_is_cut_off);
	tcase_add_test(tc, lagged_says_from_where_it_missed);
	tcase_add_test(tc, bytes_being_sent_count);
	tcase_add_test(tc, the_past_is_told_as_the_present_was);
	tcase_add_test(tc, neither_a_gap_nor_a_double_between_past_and_present);
	tcase_add_test(tc, a_replay_passes_the_filters);
	tcase_add_test(tc, from_where_the_past_is_known);
	tcase_add_test(tc, a_replay_waits_for_its_reader);
	tcase_add_test(tc, a_replay_that_is_overtaken_is_cut_off);
	tcase_add_test(tc, progress);
	tcase_add_test(tc, output_for_those_who_want_it);
	tcase_add_test(tc, watchers_hear_of_their_job_only);
	tcase_add_test(tc, no_memory_to_watch);
	tcase_add_test(tc, no_memory_for_an_event);
	suite_add_tcase(suite, tc);
	return unit_run(suite);
}
