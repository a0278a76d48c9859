/* libjobd against a scripted daemon in a thread of its own. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "client/client.h"
#include "client/places.h"
#include "tests/lib/unit.h"

static char dir[64], address[128];
static int listener;
static pthread_t thread;
static void (*script)(FILE *in, int out);
static struct jobd_error error;

/* ---- the scripted daemon ---- */

static void *serve(void *arg)
{
	int fd = accept(listener, NULL, NULL);
	FILE *in = fdopen(fd, "r");

	(void)arg;
	script(in, fd);
	fclose(in);
	return NULL;
}

static void say(int out, const char *text)
{
	size_t len = strlen(text);

	while (len > 0) {
		ssize_t n = send(out, text, len, MSG_NOSIGNAL);

		if (n < 0)
			return;
		text += n;
		len -= (size_t)n;
	}
}

/* The next request's id; 0: the client has left. */
static int64_t heard(FILE *in)
{
	static char line[4 * 1024 * 1024];
	json_t *request;
	int64_t id;

	if (fgets(line, sizeof(line), in) == NULL)
		return 0;
	request = json_loads(line, 0, NULL);
	id = json_integer_value(json_object_get(request, "id"));
	json_decref(request);
	return id;
}

static void answer(int out, int64_t id, int64_t result)
{
	char text[128];

	snprintf(text, sizeof(text), "{\"jsonrpc\":\"2.0\",\"id\":%lld,\"result\":%lld}\n", (long long)id, (long long)result);
	say(out, text);
}

static struct jobd *begin(void (*with)(FILE *in, int out))
{
	struct jobd *j;

	script = with;
	ck_assert_int_eq(pthread_create(&thread, NULL, serve, NULL), 0);
	j = jobd_connect(address, &error);
	ck_assert_msg(j != NULL, "%s", error.message);
	return j;
}

static void end(struct jobd *j)
{
	jobd_close(j);
	pthread_join(thread, NULL);
}

static void setup(void)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };

	snprintf(dir, sizeof(dir), "/tmp/jobd-client-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(at.sun_path, sizeof(at.sun_path), "%s/s", dir);
	snprintf(address, sizeof(address), "unix:%s", at.sun_path);
	listener = socket(AF_UNIX, SOCK_STREAM, 0);
	ck_assert_int_eq(bind(listener, (struct sockaddr *)&at, sizeof(at)), 0);
	ck_assert_int_eq(listen(listener, 5), 0);
}

static void teardown(void)
{
	close(listener);
	unlink(address + 5);
	rmdir(dir);
}

static int64_t received(struct jobd *j, int64_t number, int64_t *which)
{
	json_t *result = jobd_receive(j, &number, -1, &error);
	int64_t value = json_integer_value(result);

	ck_assert_msg(result != NULL, "%s", error.message);
	json_decref(result);
	if (which != NULL)
		*which = number;
	return value;
}

/* ---- answers ---- */

static void echo(FILE *in, int out)
{
	for (int64_t id; (id = heard(in)) != 0;)
		answer(out, id, id * 10);
}

START_TEST(a_call_gets_its_answer)
{
	struct jobd *j = begin(echo);

	for (int n = 1; n <= 3; n++) {
		json_t *result = jobd_call(j, "x.y", json_pack("{s:s}", "a", "b"), &error);

		ck_assert_int_eq(json_integer_value(result), n * 10);
		json_decref(result);
	}
	ck_assert_str_eq(jobd_address(j), address);
	ck_assert_int_ge(jobd_fd(j), 0);
	end(j);
}
END_TEST

/* Answers the requests three by three, the last first. */
static void reversed(FILE *in, int out)
{
	int64_t a, b, c;

	while ((a = heard(in)) != 0 && (b = heard(in)) != 0 && (c = heard(in)) != 0) {
		answer(out, c, c * 10);
		answer(out, b, b * 10);
		answer(out, a, a * 10);
	}
}

START_TEST(answers_are_taken_by_number_or_as_they_come)
{
	struct jobd *j = begin(reversed);
	int64_t which;

	for (int64_t n = 1; n <= 6; n++)
		ck_assert_int_eq(jobd_send(j, "m", NULL, &error), n);
	ck_assert_int_eq(received(j, 2, NULL), 20);
	ck_assert_int_eq(received(j, 0, &which), 30);
	ck_assert_int_eq(which, 3);
	ck_assert_int_eq(received(j, 0, &which), 10);
	ck_assert_int_eq(received(j, 4, NULL), 40);
	ck_assert_int_eq(received(j, 0, &which), 60);
	ck_assert_int_eq(received(j, 0, &which), 50);
	ck_assert_int_eq(which, 5);
	which = 0;
	ck_assert_ptr_null(jobd_receive(j, &which, -1, &error));
	ck_assert_str_eq(error.reason, "usage");
	which = 4;
	ck_assert_ptr_null(jobd_receive(j, &which, -1, &error));
	ck_assert_str_eq(error.reason, "usage");
	end(j);
}
END_TEST

static void refuse(FILE *in, int out)
{
	heard(in);
	say(out, "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32602,\"message\":\"it must be\","
		 "\"data\":{\"reason\":\"invalid_params\",\"field\":\"args.url\",\"id\":42}}}\n");
	heard(in);
	say(out, "{\"jsonrpc\":\"2.0\",\"id\":2,\"error\":{\"code\":-32003,\"message\":\"gone\"}}\n");
	heard(in);
	say(out, "{\"jsonrpc\":\"2.0\",\"id\":3,\"result\":null}\n");
	heard(in);
}

START_TEST(a_refusal_is_told_with_all_its_parts)
{
	struct jobd *j = begin(refuse);
	json_t *null;

	ck_assert_ptr_null(jobd_call(j, "m", NULL, &error));
	ck_assert_int_eq(error.code, -32602);
	ck_assert_str_eq(error.reason, "invalid_params");
	ck_assert_str_eq(error.field, "args.url");
	ck_assert_str_eq(error.message, "it must be");
	ck_assert_int_eq(error.id, 42);
	ck_assert_ptr_null(jobd_call(j, "m", NULL, &error));
	ck_assert_str_eq(error.reason, "not_found");
	ck_assert_str_eq(error.field, "");
	ck_assert_int_eq(error.id, 0);
	null = jobd_call(j, "m", NULL, &error);
	ck_assert(json_is_null(null));
	end(j);
}
END_TEST

/* ---- time ---- */

static void silent(FILE *in, int out)
{
	(void)out;
	while (heard(in) != 0)
		;
}

START_TEST(a_wait_ends_in_time)
{
	struct jobd *j = begin(silent);
	int64_t number = jobd_send(j, "m", NULL, &error);

	for (int timeout = 0; timeout <= 30; timeout += 30) {
		ck_assert_ptr_null(jobd_receive(j, &number, timeout, &error));
		ck_assert_int_eq(error.code, 0);
		ck_assert_str_eq(error.reason, "timeout");
		ck_assert_ptr_null(jobd_event(j, timeout, &error));
		ck_assert_str_eq(error.reason, "timeout");
	}
	ck_assert(!jobd_pending(j));
	end(j);
}
END_TEST

/* ---- notifications ---- */

static void noisy(FILE *in, int out)
{
	char text[128];
	int64_t id;
	int n = 0;

	while ((id = heard(in)) != 0) {
		for (int i = 0; i < 3; i++) {
			snprintf(text, sizeof(text), "{\"jsonrpc\":\"2.0\",\"method\":\"event\",\"params\":{\"n\":%d}}\n", n++);
			say(out, text);
		}
		answer(out, id, id);
	}
}

START_TEST(notifications_met_on_the_way_are_kept_in_order)
{
	struct jobd *j = begin(noisy);

	for (int n = 0; n < 2; n++)
		json_decref(jobd_call(j, "m", NULL, &error));
	ck_assert(jobd_pending(j));
	for (int n = 0; n < 6; n++) {
		json_t *event = jobd_event(j, 0, &error);

		ck_assert_int_eq(json_integer_value(json_object_get(event, "n")), n);
		json_decref(event);
	}
	ck_assert(!jobd_pending(j));
	end(j);
}
END_TEST

START_TEST(an_answer_that_an_event_brings_along_is_pending)
{
	struct jobd *j = begin(noisy);
	int64_t number = jobd_send(j, "m", NULL, &error);
	struct pollfd p = { .fd = jobd_fd(j), .events = POLLIN };
	int events = 0;

	ck_assert_int_eq(jobd_flush(j, &error), 0);
	while (events < 3) {
		json_t *event = jobd_event(j, -1, &error);

		ck_assert_ptr_nonnull(event);
		json_decref(event);
		events++;
	}
	while (!jobd_pending(j)) {	/* it may still be on its way */
		ck_assert_int_eq(poll(&p, 1, -1), 1);
		ck_assert_ptr_null(jobd_event(j, 0, &error));
	}
	ck_assert_int_eq(received(j, number, NULL), 1);
	end(j);
}
END_TEST

/* ---- much at once ---- */

enum { MANY = 4000 };

/* Answers with more than it hears, and waits for its writes: who only wrote, too, would wait for ever. */
static void verbose(FILE *in, int out)
{
	static char text[2048];
	int64_t id;

	while ((id = heard(in)) != 0) {
		snprintf(text, sizeof(text), "{\"jsonrpc\":\"2.0\",\"id\":%lld,\"result\":%lld,\"pad\":\"%01000d\"}\n", (long long)id,
			 (long long)id, 0);
		say(out, text);
	}
}

START_TEST(sending_takes_in_what_comes_meanwhile)
{
	struct jobd *j = begin(verbose);
	char pad[501];

	memset(pad, 'x', 500);
	pad[500] = '\0';
	for (int64_t n = 1; n <= MANY; n++)
		ck_assert_int_eq(jobd_send(j, "m", json_pack("{s:s}", "pad", pad), &error), n);
	ck_assert_int_eq(jobd_flush(j, &error), 0);
	for (int64_t n = MANY; n >= 1; n--)
		ck_assert_int_eq(received(j, n, NULL), n);
	end(j);
}
END_TEST

/* ---- what goes wrong ---- */

static void too_large(FILE *in, int out)
{
	int64_t first = heard(in), second = heard(in), third = heard(in);

	say(out, "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32005,\"message\":\"long\",\"data\":{\"reason\":\"too_large\"}}}\n");
	answer(out, third, 3);
	answer(out, first, 1);
	heard(in);
	(void)second;
}

START_TEST(a_line_refused_as_too_long_is_the_longest)
{
	struct jobd *j = begin(too_large);
	char pad[2001];
	int64_t second;

	memset(pad, 'x', 2000);
	pad[2000] = '\0';
	jobd_send(j, "m", NULL, &error);
	second = jobd_send(j, "m", json_pack("{s:s}", "pad", pad), &error);
	jobd_send(j, "m", NULL, &error);
	ck_assert_ptr_null(jobd_receive(j, &second, -1, &error));
	ck_assert_str_eq(error.reason, "too_large");
	ck_assert_int_eq(received(j, 1, NULL), 1);
	ck_assert_int_eq(received(j, 3, NULL), 3);
	end(j);
}
END_TEST

static void overloaded(FILE *in, int out)
{
	(void)in;
	say(out, "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32006,\"message\":\"full\",\"data\":{\"reason\":\"overloaded\"}}}\n");
}

START_TEST(the_last_word_before_the_end_is_what_is_told)
{
	struct jobd *j = begin(overloaded);

	for (int n = 0; n < 3; n++) {
		ck_assert_ptr_null(jobd_call(j, "m", NULL, &error));
		ck_assert_int_eq(error.code, -32006);
		ck_assert_str_eq(error.message, "full");
	}
	ck_assert_ptr_null(jobd_event(j, -1, &error));
	ck_assert_str_eq(error.reason, "overloaded");
	end(j);
}
END_TEST

static void one_and_gone(FILE *in, int out)
{
	int64_t first = heard(in);

	heard(in);
	answer(out, first, 7);
}

START_TEST(what_arrived_before_the_end_can_still_be_taken)
{
	struct jobd *j = begin(one_and_gone);
	int64_t second;

	jobd_send(j, "m", NULL, &error);
	second = jobd_send(j, "m", NULL, &error);
	ck_assert_ptr_null(jobd_receive(j, &second, -1, &error));
	ck_assert_int_eq(error.code, 0);
	ck_assert_str_eq(error.reason, "connection");
	ck_assert_ptr_nonnull(strstr(error.message, "closed the connection"));
	ck_assert_int_eq(received(j, 1, NULL), 7);
	ck_assert_int_eq(jobd_send(j, "m", NULL, &error), -1);
	ck_assert_str_eq(error.reason, "connection");
	end(j);
}
END_TEST

/* ---- connections that are lost ---- */

static char seen_ids[2][64];

/* Notes the request_id of the next request, a submit; its id. */
static int64_t heard_submit(FILE *in, char seen[64])
{
	static char line[64 * 1024];
	json_t *request = fgets(line, sizeof(line), in) != NULL ? json_loads(line, 0, NULL) : NULL;
	const char *id = json_string_value(json_object_get(json_object_get(request, "params"), "request_id"));
	int64_t number = json_integer_value(json_object_get(request, "id"));

	ck_assert_str_eq(json_string_value(json_object_get(request, "method")), "job.submit");
	snprintf(seen, 64, "%s", id != NULL ? id : "");
	json_decref(request);
	return number;
}

/* The first connection breaks when the submit has come; a second one gets it again, and answers. */
static void lose_the_first(FILE *in, int out)
{
	FILE *again;
	int fd;

	heard_submit(in, seen_ids[0]);
	shutdown(out, SHUT_RDWR);
	fd = accept(listener, NULL, NULL);
	again = fdopen(fd, "r");
	answer(fd, heard_submit(again, seen_ids[1]), 42);
	echo(again, fd);
	fclose(again);
}

START_TEST(a_submit_survives_the_loss_of_its_answer)
{
	struct jobd *j = begin(lose_the_first);
	json_t *result = jobd_submit(j, json_pack("{s:s}", "type", "noop"), &error);
	int64_t number;

	ck_assert_msg(result != NULL, "%s", error.message);
	ck_assert_int_eq(json_integer_value(result), 42);
	json_decref(result);
	/* It goes on as if nothing had been. */
	number = jobd_send(j, "m", NULL, &error);
	ck_assert_int_eq(received(j, number, NULL), number * 10);
	end(j);
	ck_assert_uint_eq(strlen(seen_ids[0]), 32);
	ck_assert_str_eq(seen_ids[0], seen_ids[1]);
}
END_TEST

START_TEST(a_request_id_of_the_callers_is_kept)
{
	struct jobd *j = begin(lose_the_first);

	json_decref(jobd_submit(j, json_pack("{s:s, s:s}", "type", "noop", "request_id", "mine"), &error));
	end(j);
	ck_assert_str_eq(seen_ids[0], "mine");
	ck_assert_str_eq(seen_ids[1], "mine");
}
END_TEST

static void lose_both(FILE *in, int out)
{
	FILE *again;

	heard_submit(in, seen_ids[0]);
	shutdown(out, SHUT_RDWR);
	again = fdopen(accept(listener, NULL, NULL), "r");
	heard_submit(again, seen_ids[1]);
	fclose(again);
}

START_TEST(it_is_asked_again_once_only)
{
	struct jobd *j = begin(lose_both);

	ck_assert_ptr_null(jobd_submit(j, json_pack("{s:s}", "type", "noop"), &error));
	ck_assert(jobd_lost(&error));
	end(j);
	ck_assert_str_eq(seen_ids[0], seen_ids[1]);
}
END_TEST

START_TEST(what_is_refused_is_not_asked_again)
{
	struct jobd *j = begin(refuse);

	ck_assert_ptr_null(jobd_submit(j, json_pack("{s:s}", "type", "noop"), &error));
	ck_assert(!jobd_lost(&error));
	ck_assert_int_ne(error.code, 0);
	end(j);
}
END_TEST

static void one_and_again(FILE *in, int out)
{
	int64_t first = heard(in);
	FILE *again;
	int fd;

	heard(in);
	answer(out, first, 7);
	shutdown(out, SHUT_RDWR);
	fd = accept(listener, NULL, NULL);
	again = fdopen(fd, "r");
	echo(again, fd);
	fclose(again);
}

START_TEST(a_new_connection_leaves_no_question_open)
{
	struct jobd *j = begin(one_and_again);
	int64_t second, third;

	jobd_send(j, "m", NULL, &error);
	second = jobd_send(j, "m", NULL, &error);
	ck_assert_int_eq(jobd_flush(j, &error), 0);
	ck_assert_ptr_null(jobd_event(j, -1, &error));
	ck_assert(jobd_lost(&error));
	ck_assert_int_eq(jobd_reconnect(j, &error), 0);
	third = jobd_send(j, "m", NULL, &error);
	ck_assert_int_eq(received(j, third, NULL), third * 10);
	ck_assert_int_eq(received(j, 1, NULL), 7);
	ck_assert_ptr_null(jobd_receive(j, &second, -1, &error));
	ck_assert(jobd_lost(&error));
	ck_assert_ptr_nonnull(strstr(error.message, "closed the connection"));
	end(j);
}
END_TEST

START_TEST(a_single_try_finds_nobody_or_somebody)
{
	struct jobd *j = begin(one_and_again);
	char aside[sizeof(address) + 8];
	int64_t third;

	snprintf(aside, sizeof(aside), "%s.aside", address + 5);
	jobd_send(j, "m", NULL, &error);
	jobd_send(j, "m", NULL, &error);
	ck_assert_int_eq(jobd_flush(j, &error), 0);
	ck_assert_ptr_null(jobd_event(j, -1, &error));
	ck_assert_int_eq(rename(address + 5, aside), 0);
	ck_assert_int_eq(jobd_reconnect_once(j, 60000, &error), -1);
	ck_assert(jobd_lost(&error));
	ck_assert_ptr_nonnull(strstr(error.message, "no jobd answers"));
	ck_assert_int_eq(rename(aside, address + 5), 0);
	ck_assert_int_eq(jobd_reconnect_once(j, 60000, &error), 0);
	third = jobd_send(j, "m", NULL, &error);
	ck_assert_int_eq(received(j, third, NULL), third * 10);
	end(j);
}
END_TEST

static void foreign(FILE *in, int out)
{
	(void)in;
	say(out, "220 mail.example.org ESMTP\r\n");
}

START_TEST(another_protocol_is_told_apart)
{
	struct jobd *j = begin(foreign);

	ck_assert_ptr_null(jobd_call(j, "m", NULL, &error));
	ck_assert_str_eq(error.reason, "connection");
	ck_assert_ptr_nonnull(strstr(error.message, "does not speak jobd's protocol"));
	end(j);
}
END_TEST

START_TEST(a_request_too_deep_for_the_daemon_is_not_sent)
{
	struct jobd *j = begin(echo);
	json_t *deep = json_object();
	json_t *result;

	for (int n = 0; n < 70; n++)
		deep = json_pack("{s:o}", "x", deep);
	ck_assert_int_eq(jobd_send(j, "m", deep, &error), -1);
	ck_assert_str_eq(error.reason, "usage");
	result = jobd_call(j, "m", NULL, &error);
	ck_assert_ptr_nonnull(result);
	json_decref(result);
	end(j);
}
END_TEST

START_TEST(nobody_there_is_a_sentence)
{
	ck_assert_ptr_null(jobd_connect("unix:/nonexistent/s", &error));
	ck_assert_int_eq(error.code, 0);
	ck_assert_str_eq(error.reason, "connection");
	ck_assert_str_eq(error.message, "no jobd answers at unix:/nonexistent/s: no such file or directory; is it running?");
	ck_assert_ptr_null(jobd_connect("no address", &error));
	ck_assert_str_eq(error.reason, "address");
	jobd_close(NULL);
}
END_TEST

/* ---- where it is looked for ---- */

START_TEST(the_places_follow_the_environment)
{
	char places[PLACES_MAX][PLACE_SIZE];
	static const char *const names[] = { "RUNTIME_DIRECTORY", "XDG_RUNTIME_DIR", "STATE_DIRECTORY", "XDG_STATE_HOME", "HOME" };
	static const char *const values[] = { "/rt:/other", "/xdg", "/st", "/xdgstate", "/home/me" };
	static const char *const first[] = { "unix:/rt/jobd.sock", "unix:/xdg/jobd.sock", "unix:/st/jobd.sock",
		"unix:/xdgstate/jobd/jobd.sock", "unix:/home/me/.local/state/jobd/jobd.sock" };

	for (int i = 0; i < 5; i++)
		setenv(names[i], values[i], 1);
	for (int i = 0; i < 5; i++) {
		ck_assert_int_eq(places_default(places), 3);
		ck_assert_str_eq(places[0], first[i]);
		ck_assert_str_eq(places[1], "unix:/run/jobd/jobd.sock");
		ck_assert_str_eq(places[2], "127.0.0.1:7420");
		if (i % 2 == 0)
			unsetenv(names[i]);
		else
			setenv(names[i], "relative", 1);
	}
	setenv("RUNTIME_DIRECTORY", "/run/jobd", 1);
	ck_assert_int_eq(places_default(places), 2);
	ck_assert_str_eq(places[0], "unix:/run/jobd/jobd.sock");
}
END_TEST

START_TEST(the_first_place_where_one_answers_is_taken)
{
	struct jobd *j;
	char socket_path[100];

	unsetenv("JOBD_ADDRESS");
	setenv("RUNTIME_DIRECTORY", dir, 1);
	snprintf(socket_path, sizeof(socket_path), "%s/jobd.sock", dir);
	ck_assert_int_eq(symlink(address + 5, socket_path), 0);
	script = echo;
	ck_assert_int_eq(pthread_create(&thread, NULL, serve, NULL), 0);
	j = jobd_connect(NULL, &error);
	ck_assert_msg(j != NULL, "%s", error.message);
	ck_assert_str_eq(jobd_address(j) + 5, socket_path);
	end(j);
	unlink(socket_path);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("client");
	TCase *tc = tcase_create("client");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, a_call_gets_its_answer);
	tcase_add_test(tc, answers_are_taken_by_number_or_as_they_come);
	tcase_add_test(tc, a_refusal_is_told_with_all_its_parts);
	tcase_add_test(tc, a_wait_ends_in_time);
	tcase_add_test(tc, notifications_met_on_the_way_are_kept_in_order);
	tcase_add_test(tc, an_answer_that_an_event_brings_along_is_pending);
	tcase_add_test(tc, sending_takes_in_what_comes_meanwhile);
	tcase_add_test(tc, a_line_refused_as_too_long_is_the_longest);
	tcase_add_test(tc, the_last_word_before_the_end_is_what_is_told);
	tcase_add_test(tc, what_arrived_before_the_end_can_still_be_taken);
	tcase_add_test(tc, a_submit_survives_the_loss_of_its_answer);
	tcase_add_test(tc, a_request_id_of_the_callers_is_kept);
	tcase_add_test(tc, it_is_asked_again_once_only);
	tcase_add_test(tc, what_is_refused_is_not_asked_again);
	tcase_add_test(tc, a_new_connection_leaves_no_question_open);
	tcase_add_test(tc, a_single_try_finds_nobody_or_somebody);
	tcase_add_test(tc, another_protocol_is_told_apart);
	tcase_add_test(tc, a_request_too_deep_for_the_daemon_is_not_sent);
	tcase_add_test(tc, nobody_there_is_a_sentence);
	tcase_add_test(tc, the_places_follow_the_environment);
	tcase_add_test(tc, the_first_place_where_one_answers_is_taken);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	return unit_run(suite());
}
