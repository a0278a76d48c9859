/* Commands: how they start, what they are given, how they end, and what becomes of their processes. */
#include "tests/lib/unit.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "tests/lib/poolrig.h"

/* ---- one command after the other, each with what is expected ---- */

struct row {
	const char *args;
	const char *reason;		/* NULL: it succeeds */
	const char *message;		/* a part of it */
	const char *out, *err;		/* NULL: anything */
	int exit_code;			/* -1: by a signal */
};

static void expect_row(const struct row *row, struct rig_task *t)
{
	const char *reason = t->outcome.succeeded ? NULL : t->outcome.reason;

	ck_assert_int_eq(t->rc, 0);
	ck_assert_msg((reason == NULL) == (row->reason == NULL) && (reason == NULL || strcmp(reason, row->reason) == 0),
		      "%s: %s: %s", row->args, reason, t->outcome.message);
	ck_assert_msg(row->message == NULL || strstr(t->outcome.message, row->message) != NULL, "%s: %s", row->args,
		      t->outcome.message);
	if (row->reason != NULL && strcmp(row->reason, "spawn") == 0) {
		ck_assert(t->outcome.final && t->outcome.result == NULL);
		return;
	}
	ck_assert(!t->outcome.final);
	ck_assert_msg(rig_result_int(t, "exit_code") == row->exit_code, "%s: %s", row->args, t->outcome.result);
	if (row->out != NULL) {
		ck_assert_str_eq(rig_result_string(t, "stdout"), row->out);
		ck_assert_int_eq(t->task.output_bytes[0], (int64_t)strlen(row->out));
		buf_putc(&t->out[0], '\0');
		ck_assert_str_eq(buf_data(&t->out[0]), row->out);
	}
	if (row->err != NULL)
		ck_assert_str_eq(rig_result_string(t, "stderr"), row->err);
}

static const struct row *rows;

static void rows_main(void *arg)
{
	(void)arg;
	for (const struct row *row = rows; row->args != NULL; row++) {
		struct rig_task *t = rig_do("exec", row->args);

		expect_row(row, t);
		rig_free(&t);
	}
}

static void run_rows(const struct row *v)
{
	rows = v;
	rig_conf.processes = 1;
	rig_run(rows_main);
}

START_TEST(ends)
{
	static const struct row v[] = {
		{ "{\"argv\": [\"true\"]}", NULL, NULL, "", "", 0 },
		{ "{\"argv\": [\"/bin/echo\", \"-n\", \"a b\"]}", NULL, NULL, "a b", "", 0 },
		{ "{\"command\": \"echo out; echo err >&2\"}", NULL, NULL, "out\n", "err\n", 0 },
		{ "{\"command\": \"echo out; exit 3\"}", "exit_status", "exit status 3; allowed: 0", "out\n", "", 3 },
		{ "{\"command\": \"exit 3\", \"ok_exit_codes\": [1, 3, 4, 5]}", NULL, NULL, "", "", 3 },
		{ "{\"command\": \"exit 0\", \"ok_exit_codes\": [1, 3, 4, 5]}", "exit_status", "exit status 0; allowed: 1, 3-5", "", "", 0 },
		{ "{\"command\": \"echo x; kill -SEGV $$\"}", "signal", "signal 11 (SIGSEGV)", "x\n", "", -1 },
		{ "{\"command\": \"kill -35 $$\"}", "signal", "SIGRTMIN+1", "", "", -1 },
		{ .args = NULL },
	};

	run_rows(v);
}
END_TEST

START_TEST(spawn_failures)
{
	static const struct row v[] = {
		{ "{\"argv\": [\"no-such-program\"]}", "spawn", "cannot execute \"no-such-program\": No such file or directory", NULL, NULL, 0 },
		{ "{\"argv\": [\"/no/such\"]}", "spawn", "cannot execute \"/no/such\": No such file", NULL, NULL, 0 },
		{ "{\"argv\": [\"/etc/passwd\"]}", "spawn", "cannot execute \"/etc/passwd\": Permission denied", NULL, NULL, 0 },
		{ "{\"argv\": [\"/\"]}", "spawn", "Permission denied", NULL, NULL, 0 },
		{ "{\"argv\": [\"true\"], \"cwd\": \"/no/such\"}", "spawn", "cannot change to directory \"/no/such\": No such file", NULL, NULL, 0 },
		{ "{\"argv\": [\"true\"], \"env\": {\"PATH\": \"/no/such:/etc\"}}", "spawn", "cannot execute \"true\": No such file", NULL, NULL, 0 },
		{ "{\"argv\": [\"true\"]}", NULL, NULL, "", "", 0 },		/* and it goes on */
		{ .args = NULL },
	};

	run_rows(v);
}
END_TEST

START_TEST(surroundings)
{
	static const struct row v[] = {
		{ "{\"argv\": [\"cat\"]}", NULL, NULL, "", "", 0 },
		{ "{\"argv\": [\"cat\"], \"stdin\": \"some\\ninput\"}", NULL, NULL, "some\ninput", "", 0 },
		{ "{\"argv\": [\"od\", \"-An\", \"-tx1\"], \"stdin\": \"\\u0000\\u00e9\"}", NULL, NULL, " 00 c3 a9\n", "", 0 },
		{ "{\"argv\": [\"true\"], \"stdin\": \"nobody reads this\"}", NULL, NULL, "", "", 0 },
		{ "{\"argv\": [\"pwd\"]}", NULL, NULL, "/\n", "", 0 },
		{ "{\"argv\": [\"pwd\"], \"cwd\": \"/usr/bin\"}", NULL, NULL, "/usr/bin\n", "", 0 },
		{ "{\"argv\": [\"env\"], \"env\": {\"PATH\": \"/bin:/usr/bin\", \"HOME\": \"/h\", \"LANG\": \"C\", \"JOBD_ID\": \"\","
		  " \"JOBD_ATTEMPT\": \"x=y\", \"Z\": \"1\"}}", NULL, NULL,
		  "PATH=/bin:/usr/bin\nHOME=/h\nLANG=C\nJOBD_ID=\nJOBD_ATTEMPT=x=y\nZ=1\n", "", 0 },
		{ "{\"command\": \"env | grep -c .; echo $POOLRIG_LEAK $JOBD_ATTEMPT ${PATH:+p} ${HOME:+h} ${LANG:+l} ${JOBD_ID:+i}\"}",
		  NULL, NULL, "6\n1 p h l i\n", "", 0 },		/* 6: dash adds PWD */
		{ "{\"command\": \"set -- $(cat /proc/$$/stat); expr $1 = $5; ls /proc/self/fd | wc -l\"}", NULL, NULL,
		  "1\n4\n", "", 0 },
		{ "{\"command\": \"grep -E '^Sig(Blk|Ign)' /proc/self/status | tr -d '\\\\t\\\\n' |"
		  " sed s/[01]80000000/000000000/\"}", NULL, NULL,
		  "SigBlk:0000000000000000SigIgn:0000000000000000", "", 0 },
		{ .args = NULL },
	};

	setenv("POOLRIG_LEAK", "leaked", 1);
	signal(SIGPIPE, SIG_IGN);
	run_rows(v);
}
END_TEST

static void pour_main(void *arg)
{
	enum { N = 700 * 1000 };
	char *args = malloc(N + 100);
	struct rig_task *t;
	int n = sprintf(args, "{\"argv\": [\"cat\"], \"stdin\": \"");

	(void)arg;
	memset(args + n, 'y', N);
	strcpy(args + n + N, "\"}");
	t = rig_do("exec", args);
	ck_assert(t->outcome.succeeded);
	ck_assert_uint_eq(buf_len(&t->out[0]), N);
	buf_putc(&t->out[0], '\0');
	ck_assert_uint_eq(strspn(buf_data(&t->out[0]), "y"), N);
	rig_free(&t);
	free(args);
}

/* Input and output are both longer than their pipes. */
START_TEST(input_and_output_at_once)
{
	rig_run(pour_main);
}
END_TEST

static void open_files_main(void *arg)
{
	struct rig_task *t;
	struct rlimit limit;

	(void)arg;
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = 300;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	t = rig_do("exec", "{\"command\": \"ulimit -n\"}");
	ck_assert_str_eq(rig_result_string(t, "stdout"), "200\n");
	kill(rig_pid(t), SIGKILL);
	rig_free(&t);
	t = rig_do("exec", "{\"command\": \"ulimit -n\"}");	/* by one that was spawned after the raise */
	ck_assert_str_eq(rig_result_string(t, "stdout"), "200\n");
	rig_free(&t);
}

START_TEST(open_files_of_the_daemon_are_its_own)
{
	struct rlimit limit;

	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = 200;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	rig_conf.processes = 1;
	rig_run(open_files_main);
}
END_TEST

START_TEST(limits)
{
	static const struct row v[] = {
		{ "{\"command\": \"ulimit -n; ulimit -v; ulimit -f; ulimit -t\", \"limits\": {\"open_files\": 37,"
		  " \"memory_bytes\": 268435456, \"file_bytes\": 10240, \"cpu_seconds\": 9}}", NULL, NULL, "37\n262144\n20\n9\n", "", 0 },
		{ "{\"argv\": [\"awk\", \"/processes/ { print $3 }\", \"/proc/self/limits\"], \"limits\": {\"processes\": 1234}}", NULL, NULL, "1234\n", NULL, 0 },
		{ "{\"command\": \"nice\", \"nice\": 11}", NULL, NULL, "11\n", "", 0 },
		{ "{\"command\": \"f=$(mktemp); exec 3>$f; rm $f; exec dd if=/dev/zero bs=1024 count=100 >&3\","
		  " \"limits\": {\"file_bytes\": 10240}}", "limit", "10240 bytes", NULL, NULL, -1 },
		{ "{\"command\": \"f=$(mktemp); exec 3>$f; rm $f; dd if=/dev/zero bs=1024 count=100 >&3; exit $?\","
		  " \"limits\": {\"file_bytes\": 10240}}", "limit", "10240 bytes", NULL, NULL, 153 },
		{ "{\"command\": \"while :; do :; done\", \"limits\": {\"cpu_seconds\": 1}}", "limit", "1 s of CPU", NULL, NULL, -1 },
		{ .args = NULL },
	};

	run_rows(v);
}
END_TEST

static void usage_main(void *arg)
{
	struct rig_task *t = rig_do("exec", "{\"command\": \"i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done; times\"}");
	double minutes, seconds, told;

	(void)arg;
	ck_assert(t->outcome.succeeded);
	/* What the shell says of itself at its end. */
	ck_assert_int_eq(sscanf(rig_result_string(t, "stdout"), "%lfm%lfs", &minutes, &seconds), 2);
	ck_assert_int_eq(sscanf(strstr(t->outcome.result, "\"usage\":"), "\"usage\":{\"user_seconds\":%lf,", &told), 1);
	ck_assert_double_gt(told, 0);
	ck_assert_double_ge(told, 60 * minutes + seconds - 0.011);
	ck_assert_double_lt(told, 60 * minutes + seconds + 0.1);
	ck_assert_ptr_nonnull(strstr(t->outcome.result, "\"max_rss_bytes\":"));
	rig_free(&t);
}

START_TEST(usage)
{
	rig_run(usage_main);
}
END_TEST

/* ---- ends that are made ---- */

/* One that has said something when its time is over: one that has not tells nothing, and the next has more time. */
static struct rig_task *run_out_of_time(const char *args, mono_us timeout)
{
	struct rig_task *t = rig_start_with("exec", args, false, timeout);

	rig_wait(t);
	ck_assert_str_eq(t->outcome.reason, "timeout");
	while (buf_len(&t->out[0]) == 0) {
		rig_free(&t);
		timeout *= 2;
		t = rig_start_with("exec", args, false, timeout);
		rig_wait(t);
		ck_assert_str_eq(t->outcome.reason, "timeout");
	}
	return t;
}

static void timeout_main(void *arg)
{
	struct rig_task *t = run_out_of_time("{\"command\": \"echo begun; sleep 1000\"}", 100 * RIG_MS);

	(void)arg;
	ck_assert_str_eq(rig_result_string(t, "signal"), "SIGTERM");
	ck_assert_str_eq(rig_result_string(t, "stdout"), "begun\n");
	rig_free(&t);
	/* One that handles the signal has time to end as it likes; a timeout it is. */
	t = run_out_of_time("{\"command\": \"trap 'echo bye; exit 0' TERM; echo begun; while :; do sleep 0.01; done\"}", 100 * RIG_MS);
	ck_assert(!t->outcome.succeeded);
	ck_assert_int_eq(rig_result_int(t, "exit_code"), 0);
	ck_assert_str_eq(rig_result_string(t, "stdout"), "begun\nbye\n");
	rig_free(&t);
}

START_TEST(timeout)
{
	rig_conf.kill_grace = 60 * 1000 * RIG_MS;
	rig_run(timeout_main);
}
END_TEST

static void stubborn_main(void *arg)
{
	struct pool_stats stats;
	struct rig_task *t = run_out_of_time("{\"command\": \"trap '' TERM; echo begun; while :; do sleep 0.01; done\"}", 50 * RIG_MS);

	(void)arg;
	ck_assert_str_eq(rig_result_string(t, "signal"), "SIGKILL");
	rig_free(&t);
	t = rig_start_with("exec", "{\"command\": \"kill -STOP $$\"}", false, 50 * RIG_MS);
	rig_wait(t);
	ck_assert_str_eq(t->outcome.reason, "timeout");
	ck_assert_str_eq(rig_result_string(t, "signal"), "SIGTERM");
	rig_free(&t);
	pool_stats(rig_pool, &stats);
	ck_assert_uint_eq(stats.died, 0);
}

START_TEST(stubborn_commands)
{
	rig_conf.kill_grace = 100 * RIG_MS;
	rig_run(stubborn_main);
}
END_TEST

static void cancel_main(void *arg)
{
	struct rig_task *t = rig_start("exec", "{\"command\": \"sleep 1000 & sleep 1000 & echo $$; wait\"}");
	pid_t group;

	(void)arg;
	rig_until(rig_has_line, t);
	group = rig_written_pid(t);
	ck_assert(rig_group_lives(group));
	coro_cancel(t->coro);
	rig_wait(t);
	ck_assert_int_eq(t->rc, -ECANCELED);
	ck_assert(!rig_group_lives(group));
	rig_free(&t);
}

START_TEST(cancel)
{
	rig_conf.kill_grace = 60 * 1000 * RIG_MS;
	rig_run(cancel_main);
}
END_TEST

/* ---- what a command leaves behind ---- */

static void background_main(void *arg)
{
	mono_us since = clock_mono();
	struct rig_task *t = rig_do("exec", "{\"command\": \"(trap '' TERM HUP; sleep 1000) & echo $$\"}");

	(void)arg;
	ck_assert(t->outcome.succeeded);
	ck_assert(!rig_group_lives(rig_written_pid(t)));
	ck_assert_int_lt(clock_mono() - since, 5000 * RIG_MS);
	rig_free(&t);
}

START_TEST(background_processes_are_killed)
{
	rig_run(background_main);
}
END_TEST

/* One that has left the group lives on, with the pipe in its hands, and nobody waits for it. */
static void escaped_main(void *arg)
{
	struct rig_task *t = rig_do("exec", RIG_ESCAPE);
	pid_t pid;

	(void)arg;
	ck_assert(t->outcome.succeeded);
	pid = rig_written_pid(t);
	ck_assert(rig_process_lives(pid));
	kill(pid, SIGKILL);
	rig_free(&t);
}

START_TEST(escaped_processes_are_not_waited_for)
{
	rig_run(escaped_main);
}
END_TEST

static void parent_main(void *arg)
{
	struct rig_task *t = rig_do("exec", "{\"command\": \"echo $PPID\"}");

	(void)arg;
	ck_assert_int_eq(rig_written_pid(t), rig_pid(t));
	rig_free(&t);
}

START_TEST(the_parent_is_the_pool_process)
{
	rig_run(parent_main);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("pool_exec");
	TCase *t = tcase_create("pool_exec");

	tcase_add_test(t, ends);
	tcase_add_test(t, spawn_failures);
	tcase_add_test(t, surroundings);
	tcase_add_test(t, input_and_output_at_once);
	tcase_add_test(t, open_files_of_the_daemon_are_its_own);
	tcase_add_test(t, limits);
	tcase_add_test(t, usage);
	tcase_add_test(t, timeout);
	tcase_add_test(t, stubborn_commands);
	tcase_add_test(t, cancel);
	tcase_add_test(t, background_processes_are_killed);
	tcase_add_test(t, escaped_processes_are_not_waited_for);
	tcase_add_test(t, the_parent_is_the_pool_process);
	suite_add_tcase(s, t);
	return s;
}

int main(int argc, char **argv)
{
	rig_worker(argc, argv, NULL);
	return unit_run(suite());
}
