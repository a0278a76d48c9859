/* Processes of the pool that do not behave. */
#include "tests/lib/unit.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/lib/poolrig.h"
#include "work/handover.h"
#include "work/ring.h"
#include "work/wire.h"

static struct wire_run rogue_run;

static void rogue_read_run(void)
{
	static struct buf in;
	struct wire_frame f;

	while (wire_next(&in, WIRE_FRAME_MAX, &f) == 0) {
		ssize_t n = read(HANDOVER_SOCKET, buf_reserve(&in, 65536), 65536);

		if (n <= 0)
			_exit(0);
		buf_commit(&in, (size_t)n);
	}
	if (f.type != WIRE_RUN || wire_get_run(&f, &rogue_run) != 0)
		_exit(0);
	ring_take(ring_map(HANDOVER_RING), rogue_run.place);
}

static void rogue_send(struct buf *out)
{
	while (buf_len(out) > 0) {
		ssize_t n = write(HANDOVER_SOCKET, buf_data(out), buf_len(out));

		if (n <= 0)
			_exit(0);
		buf_consume(out, (size_t)n);
	}
}

static void rogue_output(struct buf *out, int64_t offset, size_t len)
{
	memset(wire_output_reserve(out, len), 'x', len);
	wire_output_commit(out, 0, offset, len);
}

enum { ROGUE_RESULT = 150 * 1000 };	/* more than one read of the pool's takes */

static char *rogue_result(void)
{
	char *text = malloc(ROGUE_RESULT + 1);

	memset(text, '1', ROGUE_RESULT);
	text[ROGUE_RESULT] = '\0';
	return text;
}

static void rogue_frames(const char *how, struct buf *out)
{
	const int64_t produced[2] = { 0, 0 };
	struct outcome done;

	outcome_init(&done);
	outcome_succeed(&done, rogue_result(), ROGUE_RESULT);
	if (strcmp(how, "done first") != 0)
		wire_put_started(out, rogue_run.ticket + (strcmp(how, "wrong ticket") == 0));
	if (strcmp(how, "done first") == 0 || strcmp(how, "done twice") == 0 || strcmp(how, "done and exit") == 0)
		wire_put_done(out, rogue_run.ticket, produced, &done);
	if (strcmp(how, "done twice") == 0 || strcmp(how, "done of another") == 0)
		wire_put_done(out, rogue_run.ticket + 1, produced, &done);
	if (strcmp(how, "started twice") == 0)
		wire_put_started(out, rogue_run.ticket);
	if (strcmp(how, "output from afar") == 0)
		rogue_output(out, 5, 1);
	if (strcmp(how, "flood") == 0)
		for (int i = 0; i < 30; i++)
			rogue_output(out, i * 65536, 65536);
	if (strcmp(how, "progress") == 0)
		wire_put_progress(out, "{\"fraction\":", 12);
	if (strcmp(how, "run") == 0)
		wire_put_run(out, &rogue_run);
	if (strcmp(how, "huge") == 0)
		buf_put(out, "\0\0\0\x20\4", 5);
	if (strcmp(how, "half") == 0)
		buf_put(out, "\x09\0\0", 3);
	outcome_free(&done);
}

/* Where `how` is of no interest any more, it waits to be killed. */
static int rogue_main(const char *how)
{
	static struct buf out;

	if (strcmp(how, "exit") == 0)
		return 7;
	if (strcmp(how, "garbage") == 0)
		buf_puts(&out, "HTTP/1.1 200 OK\r\n\r\n");
	else if (strcmp(how, "early") == 0)
		wire_put_started(&out, 1);
	else
		wire_put_hello(&out);
	if (strcmp(how, "version") == 0)
		buf_data(&out)[WIRE_HEADER] = 99;
	rogue_send(&out);
	rogue_read_run();
	rogue_frames(how, &out);
	rogue_send(&out);
	if (strcmp(how, "half") == 0 || strcmp(how, "done and exit") == 0)
		return 0;
	if (strcmp(how, "hang up") == 0)
		close(HANDOVER_SOCKET);
	for (;;)
		pause();
}

static const char *rogue_how;

/* A process that breaks the protocol once it has a task: the task is lost, the process is killed. */
static void rogue_task_main(void *arg)
{
	static const struct {
		const char *how, *message;
	} v[] = {
		{ "done first", "DONE may not come now" },
		{ "wrong ticket", "STARTED cannot be" },
		{ "started twice", "STARTED may not come now" },
		{ "done of another", "DONE cannot be" },
		{ "output from afar", "OUTPUT cannot be" },
		{ "flood", "OUTPUT cannot be" },
		{ "progress", "PROGRESS cannot be" },
		{ "run", "RUN may not come now" },
		{ "huge", "that is no frame" },
		{ "half", "exit status 0" },
		{ "hang up", "it did not leave" },
	};

	(void)arg;
	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		struct rig_task *t;

		if (strcmp(rogue_how, v[i].how) != 0)
			continue;
		t = rig_start("noop", "{}");
		t->keep_acks = true;
		rig_wait(t);
		ck_assert_str_eq(t->outcome.reason, "worker_lost");
		ck_assert_msg(strstr(t->outcome.message, v[i].message) != NULL, "%s: %s", v[i].how, t->outcome.message);
		rig_free(&t);
		return;
	}
	rig_until(rig_has_died, NULL);		/* not even a task comes to it */
}

START_TEST(rogues)
{
	static const char *const how[] = {
		"garbage", "version", "early", "done first", "wrong ticket", "started twice", "done of another", "output from afar",
		"flood", "progress", "run", "huge", "half", "hang up",
	};

	rogue_how = how[_i];
	rig_be_rogue(how[_i]);
	rig_conf.processes = 1;
	rig_run(rogue_task_main);
}
END_TEST

enum { ROGUES = 14 };

/* What it had said before its end counts: twice is once too often, but the first was right. */
static void done_main(void *arg)
{
	struct rig_task *t;

	(void)arg;
	rig_until_idle();
	t = rig_start_with("noop", "{}", false, 0);
	rig_wait_started(t);
	usleep(50 * 1000);		/* the loop is late: by now all is said and done */
	rig_wait(t);
	ck_assert_int_eq(t->rc, 0);
	ck_assert_msg(t->outcome.succeeded, "%s", t->outcome.message);
	ck_assert_uint_eq(t->outcome.result_len, ROGUE_RESULT);
	rig_free(&t);
	rig_until(rig_has_died, NULL);
}

START_TEST(what_was_said_before_the_end_counts)
{
	rig_conf.processes = 1;
	rig_be_rogue(_i == 0 ? "done and exit" : "done twice");
	rig_run(done_main);
}
END_TEST

/* ---- throttle ---- */

static void throttle_main(void *arg)
{
	mono_us since = clock_mono();
	struct pool_stats stats;

	(void)arg;
	do {
		ck_assert_int_eq(coro_sleep(clock_after(RIG_MS)), 0);
		pool_stats(rig_pool, &stats);
	} while (stats.spawned < 4);
	ck_assert_int_ge(clock_mono() - since, (100 + 200 + 400) * RIG_MS);	/* and not as fast as it can */
	ck_assert_uint_ge(stats.died, 3);
}

START_TEST(throttle)
{
	rig_conf.processes = 1;
	rig_be_rogue("exit");
	rig_run(throttle_main);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("pool_rogue");
	TCase *t = tcase_create("pool_rogue");

	tcase_add_loop_test(t, rogues, 0, ROGUES);
	tcase_add_loop_test(t, what_was_said_before_the_end_counts, 0, 2);
	tcase_add_test(t, throttle);
	suite_add_tcase(s, t);
	return s;
}

int main(int argc, char **argv)
{
	rig_worker(argc, argv, rogue_main);
	return unit_run(suite());
}
