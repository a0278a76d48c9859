/*
 * A session with a client of the test's own at the other end of a socket pair,
 * and commands that do what the test wants: answer at once, wait, answer at
 * length. Both ends are coroutines of one loop, so that each test is a
 * transcript.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "command/command.h"
#include "coro/loop.h"
#include "coro/stream.h"
#include "mailbox.h"
#include "parts.h"
#include "proto/jtext.h"
#include "session.h"
#include "tests/lib/failmem.h"
#include "tests/lib/unit.h"

enum { BIG = 50000 };

static struct parts parts;
static struct coro_group group;
static struct cond released;
static int waiting, gone, ran;		/* commands that wait; that were cancelled; that were begun */

/* ---- the commands ---- */

static int run_ping(struct call *call)
{
	ran++;
	if (params_done(&call->params) != 0)
		return -1;
	jw_string(&call->w, "pong");
	return 0;
}

static int run_wait(struct call *call)
{
	int64_t n = params_int(&call->params, "n", 0, 0, 1000000);
	int rc;

	ran++;
	waiting++;
	rc = cond_wait(&released, MONO_NEVER);
	waiting--;
	if (rc != 0) {
		gone++;
		return rpc_error_set(&call->error, RPC_SHUTTING_DOWN, NULL, "it was cancelled");
	}
	jw_int(&call->w, n);
	return 0;
}

static int run_big(struct call *call)
{
	static char text[BIG];

	ran++;
	memset(text, 'x', sizeof(text));
	jw_stringn(&call->w, text, sizeof(text));
	return 0;
}

static struct cond past_comes;

/* The past that is told behind the reply: a line, when the test says so. */
static void run_past(struct call *call)
{
	static char text[] = "{\"id\":99}";

	waiting++;
	if (cond_wait(&past_comes, MONO_NEVER) != 0)
		gone++;
	waiting--;
	mailbox_put(call->mailbox, &(struct buf){ .base = text, .end = sizeof(text) - 1, .cap = sizeof(text) });
	mailbox_end_replay(call->mailbox);
}

static int run_replay(struct call *call)
{
	ran++;
	mailbox_begin_replay(call->mailbox);
	call->then = run_past;
	jw_string(&call->w, "past");
	return 0;
}

const struct command *command_find(const char *method)
{
	static const struct command commands[] = { { "ping", false, run_ping }, { "wait", true, run_wait }, { "big", false, run_big },
						     { "replay", true, run_replay } };

	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strcmp(commands[i].method, method) == 0)
			return &commands[i];
	return NULL;
}

int command_run(const struct command *command, struct call *call)
{
	return command->run(call);
}

/* ---- a client ---- */

struct client {
	struct stream *stream;
	struct buf in;
	bool served;		/* its session has ended */
};

static struct client a, b;

static void session_main(void *arg)
{
	struct client *c = arg;
	struct stream *stream;
	int fds[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	ck_assert_int_eq(stream_open(fds[0], &stream), 0);
	ck_assert_int_eq(stream_open(fds[1], &c->stream), 0);
	session_run(&parts, stream);
	c->served = true;
}

static void settle(void)
{
	for (int i = 0; i < 30; i++)
		ck_assert_int_eq(coro_yield(), 0);
}

static void connect_client(struct client *c)
{
	memset(c, 0, sizeof(*c));
	buf_init(&c->in);
	ck_assert_int_eq(coro_spawn(&group, "session", session_main, c), 0);
	settle();
}

static void say(struct client *c, const char *text)
{
	ck_assert_int_eq(stream_write(c->stream, text, strlen(text), MONO_NEVER), 0);
}

static void ask(struct client *c, int id, const char *method)
{
	char line[160];

	snprintf(line, sizeof(line), "{\"jsonrpc\":\"2.0\",\"id\":%d,\"method\":\"%s\",\"params\":{}}\n", id, method);
	say(c, line);
}

/* The next line as JSON; NULL at the end. */
static json_t *hear(struct client *c)
{
	char why[160], *newline;
	json_t *json;

	while (buf_len(&c->in) == 0 || (newline = memchr(buf_data(&c->in), '\n', buf_len(&c->in))) == NULL) {
		char *to = buf_reserve(&c->in, 65536);
		ssize_t n = stream_read(c->stream, to, 65536, clock_after(20 * 1000 * 1000));

		if (n <= 0) {
			ck_assert_msg(n != -ETIMEDOUT, "nothing came");
			return NULL;
		}
		buf_commit(&c->in, (size_t)n);
	}
	json = jtext_parse(buf_data(&c->in), (size_t)(newline - buf_data(&c->in)), why, sizeof(why));
	ck_assert_msg(json != NULL, "%s", why);
	buf_consume(&c->in, (size_t)(newline - buf_data(&c->in)) + 1);
	return json;
}

static void expect_id(struct client *c, int id)
{
	json_t *reply = hear(c);

	ck_assert_ptr_nonnull(reply);
	ck_assert_int_eq(json_integer_value(json_object_get(reply, "id")), id);
	json_decref(reply);
}

static void expect_refusal(struct client *c, int id, const char *reason)
{
	json_t *reply = hear(c), *error;

	ck_assert_ptr_nonnull(reply);
	error = json_object_get(reply, "error");
	ck_assert_str_eq(json_string_value(json_object_get(json_object_get(error, "data"), "reason")), reason);
	if (id == 0)
		ck_assert(json_is_null(json_object_get(reply, "id")));
	else
		ck_assert_int_eq(json_integer_value(json_object_get(reply, "id")), id);
	json_decref(reply);
}

/* An error that no request of its own stands for. */
static void expect_error(struct client *c, const char *reason)
{
	expect_refusal(c, 0, reason);
}

static void expect_end(struct client *c)
{
	ck_assert_ptr_null(hear(c));
}

static void hang_up(struct client *c)
{
	stream_close(&c->stream);
	buf_free(&c->in);
	for (int i = 0; !c->served && i < 2000; i++)
		ck_assert_int_eq(coro_sleep(clock_after(1000)), 0);
	ck_assert(c->served);
}

static void run(void (*test_main)(void *arg))
{
	struct loop_conf conf = { .coroutines_max = 5000 };

	ck_assert_int_eq(loop_open(&conf), 0);
	memset(&parts, 0, sizeof(parts));
	parts.limits = (struct limits){ .message_bytes = 1 << 20, .connections = 10, .requests_per_connection = 1024, .requests = 10000, .waits = 10000 };
	parts.notify = notify_new();
	cond_init(&released);
	cond_init(&past_comes);
	coro_group_init(&group);
	ran = waiting = gone = 0;
	ck_assert_int_eq(coro_spawn(&group, "test", test_main, NULL), 0);
	loop_run();
	ck_assert_uint_eq(group.count, 0);
	ck_assert_uint_eq(parts.requests, 0);
	notify_free(&parts.notify);
	loop_close();
}

/* ---- tests ---- */

static void replies_main(void *arg)
{
	(void)arg;
	connect_client(&a);
	ask(&a, 1, "wait");
	ask(&a, 2, "ping");
	ask(&a, 3, "wait");
	ask(&a, 4, "ping");
	expect_id(&a, 2);
	expect_id(&a, 4);
	ck_assert_int_eq(waiting, 2);
	cond_signal(&released);
	expect_id(&a, 1);
	cond_signal(&released);
	expect_id(&a, 3);
	hang_up(&a);
}

START_TEST(replies_as_they_complete)
{
	run(replies_main);
}
END_TEST

static void replay_main(void *arg)
{
	(void)arg;
	connect_client(&a);
	ask(&a, 1, "wait");
	ask(&a, 2, "replay");
	ask(&a, 3, "replay");
	expect_id(&a, 2);	/* a replay's own reply stands before it, whatever else is told */
	expect_id(&a, 3);
	ask(&a, 4, "ping");
	cond_signal(&released);
	settle();
	ck_assert_int_eq(ran, 4);
	ck_assert_int_eq(waiting, 2);
	for (int i = 0; i < 2; i++) {
		ck_assert_uint_eq(buf_len(&a.in), 0);
		cond_signal(&past_comes);
		expect_id(&a, 99);
	}
	expect_id(&a, 1);
	expect_id(&a, 4);
	/* In a batch, too, what is told comes before the replies. */
	say(&a, "[{\"jsonrpc\":\"2.0\",\"id\":5,\"method\":\"replay\"},{\"jsonrpc\":\"2.0\",\"id\":6,\"method\":\"ping\"}]\n");
	settle();
	cond_signal(&past_comes);
	expect_id(&a, 99);
	json_decref(hear(&a));
	ask(&a, 7, "replay");
	expect_id(&a, 7);
	ask(&a, 8, "wait");
	settle();
	hang_up(&a);
	ck_assert_int_eq(waiting, 0);
	ck_assert_int_eq(gone, 2);
}

START_TEST(replies_wait_while_the_past_is_told)
{
	run(replay_main);
}
END_TEST

static void batch_main(void *arg)
{
	json_t *array;

	(void)arg;
	connect_client(&a);
	say(&a, "[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"wait\"},{\"jsonrpc\":\"2.0\",\"method\":\"ping\"},"
		"{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"ping\"},5,{\"jsonrpc\":\"2.0\",\"id\":3,\"method\":\"nosuch\"}]\n");
	ask(&a, 9, "ping");
	expect_id(&a, 9);
	cond_broadcast(&released);
	array = hear(&a);
	ck_assert_uint_eq(json_array_size(array), 4);
	json_decref(array);
	/* One that has nothing to answer is not answered. */
	say(&a, "[{\"jsonrpc\":\"2.0\",\"method\":\"ping\"},{\"jsonrpc\":\"2.0\",\"method\":\"wait\"}]\n");
	settle();
	cond_broadcast(&released);
	ask(&a, 10, "ping");
	expect_id(&a, 10);
	hang_up(&a);
}

START_TEST(a_batch_waits_for_its_last)
{
	run(batch_main);
}
END_TEST

static void limit_main(void *arg)
{
	(void)arg;
	parts.limits.requests_per_connection = 3;
	connect_client(&a);
	connect_client(&b);
	for (int id = 1; id <= 6; id++)
		ask(&a, id, "wait");
	ask(&a, 7, "ping");
	settle();
	ck_assert_int_eq(waiting, 3);
	/* Only who is at the limit waits. */
	ask(&b, 1, "ping");
	expect_id(&b, 1);
	cond_signal(&released);
	expect_id(&a, 1);
	settle();
	ck_assert_int_eq(waiting, 3);
	for (int id = 2; id <= 6; id++) {
		cond_signal(&released);
		expect_id(&a, id);
		settle();
		/* The sixth has begun when the third is answered, and there is room for the ping when the fourth is. */
		if (id == 4)
			expect_id(&a, 7);
	}
	hang_up(&a);
	hang_up(&b);
}

START_TEST(requests_in_flight_are_bounded)
{
	run(limit_main);
}
END_TEST

static void limit_of_all_main(void *arg)
{
	(void)arg;
	parts.limits.requests = 4;
	connect_client(&a);
	connect_client(&b);
	for (int id = 1; id <= 4; id++)
		ask(&a, id, "wait");
	settle();
	/* A full daemon says so at once, and still does what takes no time. */
	ask(&b, 1, "wait");
	expect_refusal(&b, 1, "overloaded");
	ask(&b, 2, "ping");
	expect_id(&b, 2);
	ck_assert_int_eq(waiting, 4);
	ck_assert_uint_eq(parts.requests, 4);
	/* One client's end makes room for the other. */
	hang_up(&a);
	settle();
	ck_assert_int_eq(waiting, 0);
	ask(&b, 3, "wait");
	settle();
	ck_assert_int_eq(waiting, 1);
	cond_broadcast(&released);
	expect_id(&b, 3);
	hang_up(&b);
}

START_TEST(requests_of_all_are_bounded)
{
	run(limit_of_all_main);
}
END_TEST

/* It stops reading; once the client reads, every reply comes, in order. */
static void deaf_main(void *arg)
{
	int begun;

	(void)arg;
	connect_client(&a);
	for (int id = 1; id <= 200; id++)
		ask(&a, id, "big");
	settle();
	begun = ran;
	settle();
	ck_assert_int_eq(ran, begun);
	ck_assert_int_lt(begun * BIG, MAILBOX_HIGH + 8 * BIG + (1 << 20));
	for (int id = 1; id <= 200; id++)
		expect_id(&a, id);
	ck_assert_int_eq(ran, 200);
	hang_up(&a);
}

START_TEST(who_does_not_read_is_not_read_from)
{
	run(deaf_main);
}
END_TEST

static void vanish_main(void *arg)
{
	(void)arg;
	connect_client(&a);
	for (int id = 1; id <= 10; id++)
		ask(&a, id, "wait");
	settle();
	ck_assert_int_eq(waiting, 10);
	hang_up(&a);
	ck_assert_int_eq(gone, 10);
	ck_assert_int_eq(waiting, 0);
}

START_TEST(who_vanishes_is_not_worked_for)
{
	run(vanish_main);
}
END_TEST

static void last_word_main(void *arg)
{
	(void)arg;
	connect_client(&a);
	ask(&a, 1, "wait");
	ask(&a, 2, "big");
	stream_shutdown(a.stream);
	settle();
	ck_assert_int_eq(waiting, 1);
	cond_signal(&released);
	expect_id(&a, 2);
	expect_id(&a, 1);
	expect_end(&a);
	hang_up(&a);
	ck_assert_int_eq(gone, 0);
}

START_TEST(who_has_said_its_last_gets_its_answers)
{
	run(last_word_main);
}
END_TEST

static void bad_lines_main(void *arg)
{
	static char long_line[3000];

	(void)arg;
	parts.limits.message_bytes = 1000;
	memset(long_line, ' ', sizeof(long_line) - 1);
	memcpy(long_line, "{\"a\":1", 6);
	memcpy(long_line + sizeof(long_line) - 3, "}\n", 3);
	connect_client(&a);
	ask(&a, 1, "ping");
	expect_id(&a, 1);
	say(&a, "{nonsense\n");
	expect_error(&a, "parse_error");
	say(&a, "[]\n");
	expect_error(&a, "invalid_request");
	say(&a, long_line);
	expect_error(&a, "too_large");
	for (int i = 0; i < 65; i++)
		say(&a, "[");
	say(&a, "\n");
	expect_error(&a, "parse_error");
	say(&a, "plain words\n");
	expect_error(&a, "parse_error");
	ask(&a, 2, "ping");
	expect_id(&a, 2);
	hang_up(&a);
}

START_TEST(a_bad_line_does_not_end_it)
{
	run(bad_lines_main);
}
END_TEST

static void foreign_main(void *arg)
{
	(void)arg;
	connect_client(&a);
	say(&a, "\n  \nPOST / HTTP/1.1\r\n\r\n{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}\n");
	expect_error(&a, "parse_error");
	expect_end(&a);
	ck_assert_int_eq(ran, 0);
	hang_up(&a);
}

START_TEST(a_foreign_client_is_told_and_left)
{
	run(foreign_main);
}
END_TEST

static void end_main(void *arg)
{
	struct coro_group clients;

	(void)arg;
	coro_group_init(&clients);
	memset(&a, 0, sizeof(a));
	buf_init(&a.in);
	ck_assert_int_eq(coro_spawn(&clients, "session", session_main, &a), 0);
	settle();
	ask(&a, 1, "wait");
	settle();
	parts.shutting_down = true;
	coro_group_cancel(&clients);
	coro_group_join(&clients);
	ck_assert(a.served);
	ck_assert_int_eq(gone, 1);
	stream_close(&a.stream);
	buf_free(&a.in);
}

START_TEST(the_daemons_end_ends_it)
{
	run(end_main);
}
END_TEST

static void refuse_main(void *arg)
{
	struct stream *stream;
	int fds[2];

	(void)arg;
	memset(&a, 0, sizeof(a));
	buf_init(&a.in);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	ck_assert_int_eq(stream_open(fds[0], &stream), 0);
	ck_assert_int_eq(stream_open(fds[1], &a.stream), 0);
	session_refuse(stream);
	expect_error(&a, "overloaded");
	expect_end(&a);
	stream_close(&a.stream);
	buf_free(&a.in);
}

START_TEST(one_too_many_is_told)
{
	run(refuse_main);
}
END_TEST

/*
 * Whichever allocation fails: each request is answered, or the connection ends;
 * never a gap in silence, never more than was asked.
 */
static void no_memory_main(void *arg)
{
	static const char lines[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}\n"
				    "[{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"wait\"}]\n"
				    "{\"jsonrpc\":\"2.0\",\"id\":3,\"method\":\"big\"}\n";
	long at = 1, failed;

	(void)arg;
	do {
		int answers = 0;
		json_t *reply;

		connect_client(&a);
		failmem_from(at++);
		stream_write(a.stream, lines, strlen(lines), MONO_NEVER);
		for (int i = 0; i < 30; i++)
			coro_yield();
		cond_broadcast(&released);
		for (int i = 0; i < 30; i++)
			coro_yield();
		failed = failmem_off();
		stream_shutdown(a.stream);
		settle();
		cond_broadcast(&released);
		while ((reply = hear(&a)) != NULL) {
			answers++;
			json_decref(reply);
		}
		ck_assert_int_le(answers, 3);
		ck_assert(failed > 0 || answers == 3);
		hang_up(&a);
	} while (failed > 0);
	ck_assert_int_gt(at, 5);
}

START_TEST(without_memory)
{
	run(no_memory_main);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("session");
	TCase *tc = tcase_create("session");

	tcase_add_test(tc, replies_as_they_complete);
	tcase_add_test(tc, replies_wait_while_the_past_is_told);
	tcase_add_test(tc, a_batch_waits_for_its_last);
	tcase_add_test(tc, requests_in_flight_are_bounded);
	tcase_add_test(tc, requests_of_all_are_bounded);
	tcase_add_test(tc, who_does_not_read_is_not_read_from);
	tcase_add_test(tc, who_vanishes_is_not_worked_for);
	tcase_add_test(tc, who_has_said_its_last_gets_its_answers);
	tcase_add_test(tc, a_bad_line_does_not_end_it);
	tcase_add_test(tc, a_foreign_client_is_told_and_left);
	tcase_add_test(tc, the_daemons_end_ends_it);
	tcase_add_test(tc, one_too_many_is_told);
	tcase_add_test(tc, without_memory);
	suite_add_tcase(suite, tc);
	return unit_run(suite);
}
