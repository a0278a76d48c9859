/* Deaths: of a pool process with its command, of the daemon, of both at once; and what is not to be killed. */
#include "tests/lib/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/lib/poolrig.h"
#include "work/groups.h"
#include "work/parent_remains.h"
#include "work/procfs.h"

/* ---- waiting outside a loop ---- */

static void until(bool (*test)(pid_t pid), pid_t pid)
{
	mono_us end = clock_after(10 * 1000 * RIG_MS);

	while (!test(pid)) {
		ck_assert_msg(clock_mono() < end, "what is waited for does not come");
		usleep(1000);
	}
}

static bool group_is_gone(pid_t pid)
{
	return !rig_group_lives(pid);
}

static bool process_is_gone(pid_t pid)
{
	return !rig_process_lives(pid);
}

/* ---- a pool process dies under its command ---- */

static void worker_killed_main(void *arg)
{
	struct rig_task *t = rig_start("exec", "{\"command\": \"trap '' TERM; (trap '' HUP; sleep 1000) & sleep 1000 & echo $$; wait\"}");
	pid_t group;

	(void)arg;
	rig_until(rig_has_line, t);
	group = rig_written_pid(t);
	ck_assert(rig_group_lives(group));
	kill(rig_pid(t), SIGKILL);
	rig_wait(t);
	ck_assert_str_eq(t->outcome.reason, "worker_lost");
	ck_assert_str_eq(t->outcome.message, "pool process died: signal 9 (SIGKILL)");
	ck_assert(!rig_group_lives(group));
	ck_assert_int_gt(t->task.output_bytes[0], 0);
	rig_free(&t);
	t = rig_do("noop", "{}");
	ck_assert(t->outcome.succeeded);
	rig_free(&t);
}

START_TEST(worker_killed_under_a_command)
{
	rig_run(worker_killed_main);
}
END_TEST

static bool is_reaped(void *arg)
{
	struct procfs_stat st;

	return procfs_stat(*(pid_t *)arg, &st) != 0;
}

/* What has escaped from a command lives on; it is the daemon's once its pool process is gone, and reaped at its end. */
static void orphan_main(void *arg)
{
	struct rig_task *t = rig_do("exec", RIG_ESCAPE);
	siginfo_t si = { 0 };
	pid_t pid;

	(void)arg;
	pid = rig_written_pid(t);
	ck_assert_int_ne(waitid(P_PID, (id_t)pid, &si, WEXITED | WNOHANG | WNOWAIT), 0);
	kill(rig_pid(t), SIGKILL);
	rig_free(&t);
	rig_until(rig_has_died, NULL);
	ck_assert_int_eq(waitid(P_PID, (id_t)pid, &si, WEXITED | WNOHANG | WNOWAIT), 0);
	ck_assert(rig_process_lives(pid));
	kill(pid, SIGKILL);
	rig_until(is_reaped, &pid);
}

START_TEST(orphans_are_reaped)
{
	rig_conf.processes = 1;
	rig_run(orphan_main);
}
END_TEST

/* ---- the daemon dies ---- */

static char owner_args[256];

static void owner_main(void *arg)
{
	struct rig_task *t = rig_start("exec", owner_args);

	(void)arg;
	rig_wait(t);
}

/* A daemon with a command of three processes; its pid. *group: theirs. */
static pid_t start_owner(pid_t *group)
{
	char path[128], text[32] = "";
	pid_t pid;
	int fd = -1;

	rig_conf.processes = 1;
	rig_make_directory();
	snprintf(owner_args, sizeof(owner_args),
		 "{\"command\": \"trap '' TERM HUP; sleep 1000 & sleep 1000 & echo $$ > %s/p; mv %s/p %s/pid; wait\"}", rig_directory,
		 rig_directory, rig_directory);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		rig_open();
		rig_loop(owner_main);
		_exit(0);
	}
	snprintf(path, sizeof(path), "%s/pid", rig_directory);
	for (mono_us end = clock_after(10 * 1000 * RIG_MS); fd < 0 && clock_mono() < end; fd = open(path, O_RDONLY))
		usleep(1000);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_gt(read(fd, text, sizeof(text) - 1), 0);
	close(fd);
	*group = atoi(text);
	ck_assert(rig_group_lives(*group));
	return pid;
}

static struct group_record first_record(void)
{
	struct group_record record;
	int dir = open(rig_directory, O_RDONLY), fd = groups_open(dir);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(groups_read(fd, 0, &record), 0);
	close(fd);
	close(dir);
	return record;
}

static void kill_and_reap(pid_t pid)
{
	ck_assert_int_eq(kill(pid, SIGKILL), 0);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
}

static void successor_main(void *arg)
{
	struct rig_task *t = rig_do("noop", "{}");

	(void)arg;
	ck_assert(t->outcome.succeeded);
	rig_free(&t);
}

/* Its pool processes notice, and take their commands along. */
START_TEST(daemon_killed)
{
	pid_t group, owner = start_owner(&group);
	struct group_record record = first_record();

	ck_assert_int_eq(record.group, group);
	kill_and_reap(owner);
	until(group_is_gone, group);
	until(process_is_gone, record.worker);
	rig_run(successor_main);
}
END_TEST

/* Once the successor's pool is open, they are gone. */
START_TEST(successor_waits)
{
	pid_t group, owner = start_owner(&group);
	struct group_record record = first_record();

	kill_and_reap(owner);
	rig_open();
	ck_assert(!rig_group_lives(group));
	ck_assert(!rig_process_lives(record.worker));
	rig_loop(successor_main);
	rig_close();
}
END_TEST

/* Nobody is left to kill the rest of the command: the successor does. */
START_TEST(daemon_and_worker_killed)
{
	pid_t group, owner = start_owner(&group);
	struct group_record record = first_record();

	kill(owner, SIGSTOP);		/* or it would see its process die */
	ck_assert_int_eq(kill(record.worker, SIGKILL), 0);
	kill_and_reap(owner);
	until(process_is_gone, record.worker);
	until(process_is_gone, group);	/* the command itself died with its parent */
	ck_assert(rig_group_lives(group));
	rig_open();
	ck_assert(!rig_group_lives(group));
	rig_loop(successor_main);
	rig_close();
}
END_TEST

/* remains_clear as a successor would call it, but less patient. */
static int clear_remains(char *why, size_t why_size)
{
	int lock, groups, rc = remains_clear(rig_directory, 30 * RIG_MS, &lock, &groups, why, why_size);

	if (rc == 0) {
		close(lock);
		close(groups);
	}
	return rc;
}

START_TEST(worker_that_does_not_leave)
{
	pid_t group, owner = start_owner(&group);
	struct group_record record = first_record();
	char why[256];

	ck_assert_int_eq(kill(record.worker, SIGSTOP), 0);
	kill_and_reap(owner);
	ck_assert_int_eq(clear_remains(why, sizeof(why)), 0);
	ck_assert(!rig_process_lives(record.worker));
	ck_assert(!rig_group_lives(group));
	rig_remove_directory();
}
END_TEST

/* A living daemon is left alone, and named. */
START_TEST(daemon_alive)
{
	pid_t group, owner = start_owner(&group);
	char why[256], number[32];

	ck_assert_int_eq(clear_remains(why, sizeof(why)), -EBUSY);
	snprintf(number, sizeof(number), "process %d", (int)owner);
	ck_assert_msg(strstr(why, number) != NULL && strstr(why, rig_directory) != NULL, "%s", why);
	ck_assert(rig_group_lives(group));
	kill_and_reap(owner);
	until(group_is_gone, group);
	rig_remove_directory();
}
END_TEST

/* ---- a table that speaks of others ---- */

/* A process that leads a session and a group of its own. */
static pid_t start_innocent(void)
{
	int ready[2];
	pid_t pid;
	char c;

	ck_assert_int_eq(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		setsid();
		close(ready[0]);
		close(ready[1]);
		for (;;)
			pause();
	}
	close(ready[1]);
	ck_assert_int_eq(read(ready[0], &c, 1), 0);
	close(ready[0]);
	return pid;
}

/* Is the process killed, given that record? */
static bool is_killed(pid_t pid, const struct group_record *record, bool other_boot)
{
	int dir = open(rig_directory, O_RDONLY), fd = groups_create(dir);
	bool lives;
	char why[256];

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(groups_write(fd, 5, record), 0);
	if (other_boot)
		ck_assert_int_eq(pwrite(fd, "x", 1, 8), 1);	/* the first letter of the boot's id */
	close(fd);
	close(dir);
	ck_assert_msg(clear_remains(why, sizeof(why)) == 0, "%s", why);
	lives = rig_process_lives(pid);
	if (!lives)
		waitpid(pid, NULL, 0);
	return !lives;
}

START_TEST(others_are_not_killed)
{
	pid_t pid = start_innocent();
	struct group_record it = { .worker = pid, .group = pid };
	struct group_record other = it;

	rig_make_directory();
	other.worker = getpid();		/* another session */
	ck_assert(!is_killed(pid, &other, false));
	other = it;
	other.group_since = procfs_now() + 100;	/* it was there before that group */
	ck_assert(!is_killed(pid, &other, false));
	ck_assert(!is_killed(pid, &it, true));
	other.group = 0;
	ck_assert(!is_killed(pid, &other, false));
	ck_assert(is_killed(pid, &it, false));	/* it would have been seen */
	rig_remove_directory();
}
END_TEST

START_TEST(damaged_table)
{
	char path[128];
	int fd;

	rig_make_directory();
	snprintf(path, sizeof(path), "%s/pool.groups", rig_directory);
	fd = open(path, O_RDWR | O_CREAT, 0600);
	ck_assert_int_eq(write(fd, "nonsense", 8), 8);
	close(fd);
	rig_run(successor_main);
}
END_TEST

START_TEST(no_directory)
{
	int lock, groups;
	char why[256];

	ck_assert_int_eq(remains_clear("/no/such", 0, &lock, &groups, why, sizeof(why)), -ENOENT);
	ck_assert_str_eq(why, "/no/such: No such file or directory");
}
END_TEST

START_TEST(no_program)
{
	struct loop_conf loop = { .coroutines_max = 10 };
	char why[256];

	rig_make_directory();
	rig_conf.program = "/no/such/program";
	ck_assert_int_eq(loop_open(&loop), 0);
	ck_assert_int_eq(pool_open(&rig_conf, &rig_pool, why, sizeof(why)), -ENOENT);
	ck_assert_ptr_null(rig_pool);
	ck_assert_msg(strstr(why, "/no/such/program: No such file") != NULL, "%s", why);
	loop_close();
	rig_remove_directory();
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("pool_death");
	TCase *t = tcase_create("pool_death");

	tcase_add_test(t, worker_killed_under_a_command);
	tcase_add_test(t, orphans_are_reaped);
	tcase_add_test(t, daemon_killed);
	tcase_add_test(t, successor_waits);
	tcase_add_test(t, daemon_and_worker_killed);
	tcase_add_test(t, worker_that_does_not_leave);
	tcase_add_test(t, daemon_alive);
	tcase_add_test(t, others_are_not_killed);
	tcase_add_test(t, damaged_table);
	tcase_add_test(t, no_directory);
	tcase_add_test(t, no_program);
	suite_add_tcase(s, t);
	return s;
}

int main(int argc, char **argv)
{
	rig_worker(argc, argv, NULL);
	return unit_run(suite());
}
