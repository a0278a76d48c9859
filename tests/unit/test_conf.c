#include "conf/conf.h"

#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "conf/conf_key.h"
#include "tests/lib/failmem.h"
#include "tests/lib/unit.h"

static char directory[32];
static char path[64];
static struct conf c;
static char *why;

static void environment_clear(void)
{
	unsetenv("STATE_DIRECTORY");
	unsetenv("RUNTIME_DIRECTORY");
	unsetenv("XDG_STATE_HOME");
	unsetenv("XDG_RUNTIME_DIR");
	setenv("HOME", "/home/nobody", 1);
}

static void setup(void)
{
	strcpy(directory, "/tmp/test_conf.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/jobd.conf", directory);
	environment_clear();
	memset(&c, 0, sizeof(c));
	why = NULL;
}

static void teardown(void)
{
	conf_free(&c);
	free(why);
	unlink(path);
	ck_assert_int_eq(rmdir(directory), 0);
}

static void write_file(const char *text)
{
	FILE *f = fopen(path, "w");

	ck_assert_ptr_nonnull(f);
	ck_assert_int_ge(fputs(text, f), 0);
	ck_assert_int_eq(fclose(f), 0);
}

static void read_good(const char *text)
{
	write_file(text);
	ck_assert_msg(conf_read(path, NULL, 0, &c, &why) == 0, "%s", why);
	ck_assert_ptr_null(why);
}

/* Reads a file that must be refused with exactly these lines, each after "PATH:". */
static void read_bad(const char *text, const char *const *lines)
{
	char expected[4096] = "";

	write_file(text);
	ck_assert_int_eq(conf_read(path, NULL, 0, &c, &why), -1);
	for (; *lines != NULL; lines++)
		snprintf(expected + strlen(expected), sizeof(expected) - strlen(expected), "%s:%s\n", path, *lines);
	ck_assert_str_eq(why, expected);
}

#define BAD(text, ...) read_bad(text, (const char *const[]){ __VA_ARGS__, NULL })

static void set_good(const char *setting)
{
	ck_assert_msg(conf_read(NULL, &setting, 1, &c, &why) == 0, "%s", why);
}

/* The whole complaint; `expected` without its newline. */
static void set_bad(const char *setting, const char *expected)
{
	ck_assert_int_eq(conf_read(NULL, &setting, 1, &c, &why), -1);
	ck_assert_ptr_nonnull(why);
	ck_assert_int_eq(strncmp(why, expected, strlen(expected)), 0);
	ck_assert_str_eq(why + strlen(expected), "\n");
	free(why);
	why = NULL;
}

START_TEST(test_defaults)
{
	cpu_set_t cores;

	ck_assert_int_eq(conf_read(NULL, NULL, 0, &c, &why), 0);
	ck_assert_uint_eq(c.listen.tcp.n, 1);
	ck_assert_str_eq(c.listen.tcp.v[0], "127.0.0.1:7420");
	ck_assert_ptr_null(c.listen.tcp.v[1]);
	ck_assert_uint_eq(c.listen.tls.n, 0);
	ck_assert_int_eq(c.listen.unix_mode, 0660);
	ck_assert_ptr_null(c.tls.certificate);
	ck_assert_int_eq(sched_getaffinity(0, sizeof(cores), &cores), 0);
	ck_assert_int_eq(c.pool.processes, CPU_COUNT(&cores));	/* those that we may use */
	ck_assert_int_eq(c.pool.nice, 5);
	ck_assert_int_eq(c.pool.kill_grace_ms, 5000);
	ck_assert_int_eq(c.pool.jobs_per_process, 0);
	ck_assert_int_eq(c.limits.message_bytes, 1 << 20);
	ck_assert_int_eq(c.limits.connections, 4096);
	ck_assert_int_eq(c.limits.requests_per_connection, 1024);
	ck_assert_int_eq(c.limits.io_jobs, 10000);
	ck_assert_int_eq(c.limits.jobs, 0);
	ck_assert_int_eq(c.limits.output_bytes, 16 << 20);
	ck_assert_int_eq(c.limits.result_bytes, 4 << 20);
	ck_assert_int_eq(c.retain.seconds_ms, 7 * 86400 * 1000);
	ck_assert_int_eq(c.retain.jobs, 1000000);
	ck_assert_int_eq(c.shutdown.grace_ms, 10000);
	ck_assert_str_eq(c.log.level, "info");
	ck_assert(!c.log.json);
	ck_assert_int_eq(c.log.slow_ms, 50);
	ck_assert_int_eq(c.workers.lease_ms, 30000);
	ck_assert_uint_eq(c.queues_len + c.worker_pools_len + c.modules_len, 0);
}
END_TEST

START_TEST(test_file)
{
	read_good("# a comment\n"
		  "listen { tcp = { \"[::1]:0\", localhost:7421 }  unix = \"/run/x.sock\" unix_mode = 0600 }\n"
		  "pool { processes = 3 nice = -5 kill_grace = 0.25 }\n"
		  "limits { message_bytes = \"64 KiB\" output_bytes = 2GiB result_bytes = 5000 }\n"
		  "retain { seconds = 1h30m }\n"
		  "log { level = debug format = \"json\" }\n"
		  "pool { processes = 4 }	// again: the last one counts\n");
	ck_assert_uint_eq(c.listen.tcp.n, 2);
	ck_assert_str_eq(c.listen.tcp.v[0], "[::1]:0");
	ck_assert_str_eq(c.listen.tcp.v[1], "localhost:7421");
	ck_assert_str_eq(c.listen.unix_path, "/run/x.sock");
	ck_assert_int_eq(c.listen.unix_mode, 0600);
	ck_assert_int_eq(c.pool.processes, 4);
	ck_assert_int_eq(c.pool.nice, -5);
	ck_assert_int_eq(c.pool.kill_grace_ms, 250);
	ck_assert_int_eq(c.limits.message_bytes, 64 << 10);
	ck_assert_int_eq(c.limits.output_bytes, INT64_C(2) << 30);
	ck_assert_int_eq(c.limits.result_bytes, 5000);
	ck_assert_int_eq(c.retain.seconds_ms, 90 * 60 * 1000);
	ck_assert_str_eq(c.log.level, "debug");
	ck_assert(c.log.json);
}
END_TEST

START_TEST(test_lists)
{
	read_good("listen { tcp = {} tls = {} unix = \"\" }\n");
	ck_assert_uint_eq(c.listen.tcp.n, 0);
	ck_assert_str_eq(c.listen.unix_path, "");
	conf_free(&c);
	read_good("listen { tcp += \"127.0.0.1:7421\" }\n");
	ck_assert_uint_eq(c.listen.tcp.n, 2);
	ck_assert_str_eq(c.listen.tcp.v[0], "127.0.0.1:7420");
	ck_assert_str_eq(c.listen.tcp.v[1], "127.0.0.1:7421");
}
END_TEST

START_TEST(test_titled_sections)
{
	read_good("queue \"mail\" { concurrency = 4 rate = 2.5 weight = 7 max_ready = 100 }\n"
		  "queue web.v2 { }\n"
		  "worker \"py\" { command = \"python3 w.py\" processes = 2 }\n"
		  "module \"gpu\" { path = \"/usr/lib/jobd/gpu.so\" }\n");
	ck_assert_uint_eq(c.queues_len, 2);
	ck_assert_str_eq(c.queues[0].name, "mail");
	ck_assert_int_eq(c.queues[0].concurrency, 4);
	ck_assert_double_eq(c.queues[0].rate, 2.5);
	ck_assert_int_eq(c.queues[0].weight, 7);
	ck_assert_int_eq(c.queues[0].max_ready, 100);
	ck_assert_str_eq(c.queues[1].name, "web.v2");
	ck_assert_int_eq(c.queues[1].weight, 1);
	ck_assert_uint_eq(c.worker_pools_len, 1);
	ck_assert_str_eq(c.worker_pools[0].command, "python3 w.py");
	ck_assert_int_eq(c.worker_pools[0].processes, 2);
	ck_assert_uint_eq(c.modules_len, 1);
	ck_assert_str_eq(c.modules[0].path, "/usr/lib/jobd/gpu.so");
}
END_TEST

START_TEST(test_settings)
{
	const char *const v[] = {
		"listen.tcp=127.0.0.1:0, [::1]:0", "pool.processes=2", "queue.a.b.weight=3", "queue.a.b.rate=1",
		"queue.mail.weight=9", "log.level=error", "listen.unix=", "worker.w.command=sh -c 'a=1, b=2'",
	};

	write_file("queue mail { weight = 2 concurrency = 5 }\npool { processes = 8 }\n");
	ck_assert_msg(conf_read(path, v, sizeof(v) / sizeof(v[0]), &c, &why) == 0, "%s", why);
	ck_assert_uint_eq(c.listen.tcp.n, 2);
	ck_assert_str_eq(c.listen.tcp.v[0], "127.0.0.1:0");
	ck_assert_str_eq(c.listen.tcp.v[1], "[::1]:0");
	ck_assert_int_eq(c.pool.processes, 2);
	ck_assert_str_eq(c.log.level, "error");
	ck_assert_str_eq(c.listen.unix_path, "");
	ck_assert_uint_eq(c.queues_len, 2);
	ck_assert_str_eq(c.queues[0].name, "mail");
	ck_assert_int_eq(c.queues[0].weight, 9);
	ck_assert_int_eq(c.queues[0].concurrency, 5);
	ck_assert_str_eq(c.queues[1].name, "a.b");
	ck_assert_int_eq(c.queues[1].weight, 3);
	ck_assert_double_eq(c.queues[1].rate, 1);
	ck_assert_str_eq(c.worker_pools[0].command, "sh -c 'a=1, b=2'");
}
END_TEST

START_TEST(test_setting_empty_list)
{
	set_good("listen.tcp=");
	ck_assert_uint_eq(c.listen.tcp.n, 0);
}
END_TEST

START_TEST(test_bad_settings)
{
	set_bad("pool", "-o pool: must be SECTION.KEY=VALUE");
	set_bad("pool=1", "-o pool=1: must be SECTION.KEY=VALUE or SECTION.TITLE.KEY=VALUE");
	set_bad("pol.nice=1", "-o pol.nice=1: there is no section pol; there are listen, tls, state, pool, limits, "
			      "retain, shutdown, log, workers, queue, worker, module");
	set_bad("pool.nic=1", "-o pool.nic=1: there is no key nic in section pool; it has processes, nice, kill_grace, "
			      "jobs_per_process");
	set_bad("pool.x.nice=1", "-o pool.x.nice=1: section pool has no titles: pool.nice");
	set_bad("queue.weight=1", "-o queue.weight=1: section queue needs a title: queue.TITLE.weight");
	set_bad("queue.a b.weight=1", "queue: \"a b\" is no name: it must have 1 to 64 of A-Z a-z 0-9 . _ -");
	set_bad("queue..weight=1", "queue: \"\" is no name: it must have 1 to 64 of A-Z a-z 0-9 . _ -");
	set_bad("pool.nice=20", "-o pool.nice=20: pool.nice = \"20\": must be an integer from -20 to 19");
	set_bad("listen.tcp=127.0.0.1:1,tls://x:1",
		"-o listen.tcp=127.0.0.1:1,tls://x:1: listen.tcp = \"tls://x:1\": must be host:port or [IPv6]:port alone, "
		"without unix: or tls://");
}
END_TEST

START_TEST(test_types)
{
	static const struct {
		const char *good, *bad;
	} cases[] = {
		{ "pool.processes=0", "pool.processes=-1" },
		{ "pool.processes=4096", "pool.processes=4097" },
		{ "pool.processes=1", "pool.processes=1.5" },
		{ "pool.processes=1", "pool.processes=" },
		{ "pool.processes=1", "pool.processes=99999999999999999999" },
		{ "pool.processes=1", "pool.processes=0x10" },
		{ "pool.nice=-20", "pool.nice= 1" },
		{ "pool.kill_grace=3600", "pool.kill_grace=3601" },
		{ "pool.kill_grace=0.5", "pool.kill_grace=-1" },
		{ "pool.kill_grace=500ms", "pool.kill_grace=5 apples" },
		{ "retain.seconds=30d", "retain.seconds=inf" },
		{ "workers.lease_seconds=0.1", "workers.lease_seconds=0.09" },
		{ "limits.message_bytes=256", "limits.message_bytes=255" },
		{ "limits.message_bytes=1 GiB", "limits.message_bytes=2 GiB" },
		{ "limits.output_bytes=0", "limits.output_bytes=1 MB" },
		{ "limits.output_bytes=1 MiB", "limits.output_bytes=9999999999 GiB" },
		{ "limits.output_bytes=1 MiB", "limits.output_bytes=MiB" },
		{ "listen.unix_mode=0777", "listen.unix_mode=0778" },
		{ "listen.unix_mode=0", "listen.unix_mode=01000" },
		{ "listen.unix_mode=600", "listen.unix_mode=rw" },
		{ "queue.q.rate=0.1", "queue.q.rate=nan" },
		{ "queue.q.rate=1e3", "queue.q.rate=-0.1" },
		{ "queue.q.weight=1000", "queue.q.weight=0" },
		{ "log.level=warning", "log.level=loud" },
		{ "log.format=json", "log.format=JSON" },
		{ "listen.tcp=localhost:0", "listen.tcp=localhost" },
		{ "listen.tcp=[::1]:7420", "listen.tcp=::1:7420" },
		{ "listen.tcp=a:65535", "listen.tcp=a:65536" },
		{ "listen.unix=/tmp/s", "listen.unix=/tmp/"
					"0123456789012345678901234567890123456789012345678901234567890123456789"
					"0123456789012345678901234567890123456789" },
		{ "state.directory=/x", "state.directory=" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		set_good(cases[i].good);
		conf_free(&c);
		ck_assert_msg(conf_read(NULL, &cases[i].bad, 1, &c, &why) == -1, "accepted: %s", cases[i].bad);
		ck_assert_int_eq(strncmp(why, "-o ", 3), 0);
		ck_assert_ptr_nonnull(strstr(why, cases[i].bad));
		free(why);
		why = NULL;
	}
}
END_TEST

START_TEST(test_all_complaints)
{
	BAD("pool {\n"
	    "	processes = many\n"
	    "	proceses = 2\n"
	    "	nise = {1, 2}\n"
	    "	nice = 50\n"
	    "}\n"
	    "log { lvl = info lvl = info }\n"
	    "queue \"a\" {\n"
	    "	wait = 1\n"
	    "}\n",
	    "2: pool.processes = \"many\": must be an integer from 0 to 4096",
	    "3: there is no key proceses in section pool; it has processes, nice, kill_grace, jobs_per_process",
	    "4: there is no key nise in section pool; it has processes, nice, kill_grace, jobs_per_process",
	    "4: there is no key nise in section pool; it has processes, nice, kill_grace, jobs_per_process",
	    "5: pool.nice = \"50\": must be an integer from -20 to 19",
	    "7: there is no key lvl in section log; it has level, format, slow_ms",
	    "7: there is no key lvl in section log; it has level, format, slow_ms",
	    "9: there is no key wait in section queue; it has concurrency, rate, weight, max_ready");
}
END_TEST

START_TEST(test_too_many_unknown)
{
	char text[1024] = "pool {\n";

	for (int i = 0; i < 30; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "k%d = 1\n", i);
	strcat(text, "}\n");
	write_file(text);
	ck_assert_int_eq(conf_read(path, NULL, 0, &c, &why), -1);
	ck_assert_ptr_nonnull(strstr(why, ":2: there is no key k0 "));
	ck_assert_ptr_nonnull(strstr(why, ":18: there is no key k16 "));
}
END_TEST

START_TEST(test_unknown_section)
{
	BAD("pool { nice = x }\nplumbing { leaks = 3 }\n", "1: pool.nice = \"x\": must be an integer from -20 to 19",
	    "2: there is no section plumbing; there are listen, tls, state, pool, limits, retain, shutdown, log, workers, "
	    "queue, worker, module");
}
END_TEST

START_TEST(test_syntax)
{
	BAD("pool {\n\n nice 3 }\n", "3: missing equal sign after option 'nice'");
	free(why);
	BAD("pool { nice = 3\n}\nqueue a { weight = 2", "4: section queue is not closed");
	free(why);
	BAD("pool { nice =", "2: the file ends in the middle of a setting");
	free(why);
	BAD("listen { tcp = { a:1,\n b:2", "3: the file ends in the middle of a setting");
	free(why);
	BAD("pool {} queue", "2: missing opening brace for section 'queue'");
	free(why);
	BAD("pool { nice = {1} }\n", "1: unexpected token '{'");
	free(why);
	BAD("queue { }\n", "1: missing title for section 'queue'");
	free(why);
	BAD("queue a { }\nqueue a { }\n", "2: found duplicate title 'a'");
	free(why);
	BAD("state { directory = \"/x }\n", "4: premature end of file");
	free(why);
	BAD("pool { nice = 1 }\n/* and then\n", " a comment is not closed");
	free(why);
	BAD("state { directory = '/x }\n", "4: unterminated string constant");
	free(why);	/* and what was open is closed when the next file is read */
	why = NULL;
	read_good("state { directory = \"/y\" }\n");
	ck_assert_str_eq(c.state.directory, "/y");
}
END_TEST

START_TEST(test_file_itself)
{
	char expected[256];
	FILE *f;

	ck_assert_int_eq(conf_read("/nonexistent/jobd.conf", NULL, 0, &c, &why), -1);
	ck_assert_str_eq(why, "/nonexistent/jobd.conf: cannot be read: No such file or directory\n");
	free(why);
	ck_assert_int_eq(conf_read(directory, NULL, 0, &c, &why), -1);
	snprintf(expected, sizeof(expected), "%s: cannot be read: Is a directory\n", directory);
	ck_assert_str_eq(why, expected);
	free(why);
	f = fopen(path, "w");
	ck_assert_ptr_nonnull(f);
	ck_assert_uint_eq(fwrite("pool {}\0", 1, 8, f), 8);
	fclose(f);
	ck_assert_int_eq(conf_read(path, NULL, 0, &c, &why), -1);
	ck_assert_ptr_nonnull(strstr(why, "is not text"));
	free(why);
	f = fopen(path, "w");
	ck_assert_ptr_nonnull(f);
	for (int i = 0; i < 1 << 20; i++)
		putc('\n', f);
	fclose(f);
	ck_assert_int_eq(conf_read(path, NULL, 0, &c, &why), -1);
	ck_assert_ptr_nonnull(strstr(why, "is larger than 1048575 bytes"));
	free(why);
	why = NULL;
	read_good("");
}
END_TEST

static void expect_places(const char *state, const char *socket)
{
	ck_assert_msg(conf_read(NULL, NULL, 0, &c, &why) == 0, "%s", why);
	ck_assert_str_eq(c.state.directory, state);
	ck_assert_str_eq(c.listen.unix_path, socket);
	conf_free(&c);
}

START_TEST(test_places)
{
	expect_places("/home/nobody/.local/state/jobd", "/home/nobody/.local/state/jobd/jobd.sock");
	setenv("XDG_STATE_HOME", "/xs", 1);
	expect_places("/xs/jobd", "/xs/jobd/jobd.sock");
	setenv("XDG_RUNTIME_DIR", "/run/user/9", 1);
	expect_places("/xs/jobd", "/run/user/9/jobd.sock");
	setenv("STATE_DIRECTORY", "/var/lib/jobd", 1);
	setenv("RUNTIME_DIRECTORY", "/run/jobd", 1);
	expect_places("/var/lib/jobd", "/run/jobd/jobd.sock");
	setenv("STATE_DIRECTORY", "/var/lib/jobd:/var/lib/more", 1);
	setenv("RUNTIME_DIRECTORY", "/run/jobd:/run/more", 1);
	expect_places("/var/lib/jobd", "/run/jobd/jobd.sock");
}
END_TEST

START_TEST(test_places_not_absolute)
{
	setenv("STATE_DIRECTORY", "", 1);
	setenv("RUNTIME_DIRECTORY", "", 1);
	setenv("XDG_STATE_HOME", "relative", 1);
	setenv("XDG_RUNTIME_DIR", "", 1);
	expect_places("/home/nobody/.local/state/jobd", "/home/nobody/.local/state/jobd/jobd.sock");
}
END_TEST

START_TEST(test_socket_follows_given_state)
{
	set_good("state.directory=/given");
	ck_assert_str_eq(c.listen.unix_path, "/given/jobd.sock");
}
END_TEST

START_TEST(test_long_socket)
{
	static const char deep[] = "/0123456789012345678901234567890123456789012345678901234567890123456789"
				   "012345678901234567890123456789";

	setenv("XDG_RUNTIME_DIR", deep, 1);
	ck_assert_int_eq(conf_read(NULL, NULL, 0, &c, &why), -1);
	ck_assert_int_eq(strncmp(why, "listen.unix: ", 13), 0);
	ck_assert_ptr_nonnull(strstr(why, "is too long for a socket"));
	free(why);
	why = NULL;
	set_good("listen.unix=");
}
END_TEST

START_TEST(test_tls)
{
	char setting[3][128], expected[256];
	const char *const v[] = { setting[0], setting[1], setting[2] };

	set_bad("listen.tls=127.0.0.1:0", "listen.tls: needs tls.certificate and tls.key");
	write_file("");
	snprintf(setting[0], sizeof(setting[0]), "tls.certificate=%s", path);
	set_bad(setting[0], "tls.key: must be set too: certificate and key go together");
	snprintf(setting[1], sizeof(setting[1]), "tls.key=%s/none", directory);
	strcpy(setting[2], "listen.tls=127.0.0.1:0");
	ck_assert_int_eq(conf_read(NULL, v, 3, &c, &why), -1);
	snprintf(expected, sizeof(expected), "tls.key: %s/none cannot be read: No such file or directory\n", directory);
	ck_assert_str_eq(why, expected);
	free(why);
	why = NULL;
	snprintf(setting[1], sizeof(setting[1]), "tls.key=%s", path);
	ck_assert_msg(conf_read(NULL, v, 3, &c, &why) == 0, "%s", why);
	ck_assert_str_eq(c.tls.key, path);
}
END_TEST

START_TEST(test_across_keys)
{
	const char *const twice[] = { "listen.tcp=127.0.0.1:7420,127.0.0.1:7420,[::1]:0,[::1]:0" };

	ck_assert_int_eq(conf_read(NULL, twice, 1, &c, &why), -1);
	ck_assert_str_eq(why, "listen: 127.0.0.1:7420 is there twice\n");
	free(why);
	why = NULL;
	set_bad("worker.w.processes=2", "worker: \"w\" needs a command");
	write_file("module m { }\n");
	ck_assert_int_eq(conf_read(path, NULL, 0, &c, &why), -1);
	ck_assert_str_eq(why, "module: \"m\" needs a path\n");
}
END_TEST

START_TEST(test_table)
{
	for (const struct conf_key *k = conf_keys; k->key != NULL; k++) {
		union conf_value ignored;
		char reason[400];

		ck_assert_ptr_nonnull(conf_section_find(k->section));
		ck_assert_ptr_eq(conf_key_find(k->section, k->key), k);
		if (k->fallback != NULL)
			ck_assert_msg(conf_key_check(k, k->fallback, &ignored, reason, sizeof(reason)) == 0,
				      "%s.%s: its default %s", k->section, k->key, reason);
	}
}
END_TEST

/* Whenever memory runs out, that is an error, and all is given back (which the sanitizers see). */
START_TEST(test_no_memory)
{
	const char *const settings[] = { "queue.web.rate=3", "listen.tcp=127.0.0.1:1,127.0.0.1:2" };
	long n = 0, failed;
	int rc;

	write_file("pool { nise = 1 }\nqueue mail { weight = 2 }\nworker w { command = x }\n");
	do {
		failmem_from(++n);
		rc = conf_read(path, settings, 2, &c, &why);
		failed = failmem_off();
		ck_assert_int_eq(rc, -1);
		free(why);
		why = NULL;
	} while (failed > 0);
	ck_assert_int_gt(n, 5);
	write_file("queue mail { weight = 2 }\nworker w { command = x }\n");
	for (n = 1; ; n++) {
		failmem_from(n);
		rc = conf_read(path, settings, 2, &c, &why);
		failed = failmem_off();
		if (failed == 0)
			break;
		ck_assert_int_eq(rc, -1);
		ck_assert_ptr_null(c.queues);
		free(why);
		why = NULL;
	}
	ck_assert_int_eq(rc, 0);
	ck_assert_int_gt(n, 10);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("conf");
	TCase *t = tcase_create("read");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, test_table);
	tcase_add_test(t, test_defaults);
	tcase_add_test(t, test_file);
	tcase_add_test(t, test_lists);
	tcase_add_test(t, test_titled_sections);
	tcase_add_test(t, test_settings);
	tcase_add_test(t, test_setting_empty_list);
	tcase_add_test(t, test_types);
	tcase_add_test(t, test_bad_settings);
	tcase_add_test(t, test_all_complaints);
	tcase_add_test(t, test_too_many_unknown);
	tcase_add_test(t, test_unknown_section);
	tcase_add_test(t, test_syntax);
	tcase_add_test(t, test_file_itself);
	tcase_add_test(t, test_places);
	tcase_add_test(t, test_places_not_absolute);
	tcase_add_test(t, test_socket_follows_given_state);
	tcase_add_test(t, test_long_socket);
	tcase_add_test(t, test_tls);
	tcase_add_test(t, test_across_keys);
	tcase_add_test(t, test_no_memory);
	suite_add_tcase(suite, t);
	return unit_run(suite);
}
