/* Command lines as structs and JSON: how options, words and arguments are read. */
#include <stdio.h>
#include <string.h>

#include "client/cmd.h"
#include "client/job_options.h"
#include "tests/lib/unit.h"

enum { WORDS_MAX = 40 };

struct fields {
	bool flag;
	const char *text;
	int64_t number, span;
};

static const char *const words_allowed[] = { "red", "green", NULL };

static const struct opt own[] = {
	{ 'f', "flag", NULL, "", opt_flag, offsetof(struct fields, flag), NULL, NULL },
	{ 'x', "text", "TEXT", "", opt_text, offsetof(struct fields, text), NULL, NULL },
	{ 0, "number", "N", "", opt_number, offsetof(struct fields, number), NULL, NULL },
	{ 's', "span", "[SPAN]", "", opt_span, offsetof(struct fields, span), NULL, NULL },
	{ 0, "colour", "C", "", opt_text, offsetof(struct fields, text), NULL, words_allowed },
	{ 0, NULL, NULL, NULL, NULL, 0, NULL, NULL }
};

static const struct cmd test_cmd = { "test", "X", "for tests", NULL, "jobctl test\n", { own, job_options }, NULL };

static struct ctl ctl;
static struct fields fields;
static struct words words;
static json_t *job;
static int code;

/* Reads a line, cut at its spaces. */
static bool read_line(const char *line, bool stop)
{
	static char text[1000];
	static char *argv[WORDS_MAX];
	int argc = 0;

	snprintf(text, sizeof(text), "test %s", line);
	for (char *word = strtok(text, " "); word != NULL; word = strtok(NULL, " "))
		argv[argc++] = word;
	argv[argc] = NULL;
	memset(&fields, 0, sizeof(fields));
	memset(&ctl, 0, sizeof(ctl));
	json_decref(job);
	job = json_object();
	return options_read(&ctl, &test_cmd, argc, argv, stop, &fields, job, &words, &code);
}

static void expect_job(const char *line, const char *wanted)
{
	json_t *expected = json_loads(wanted, JSON_DECODE_ANY, NULL);
	char *got;

	ck_assert_msg(read_line(line, false), "%s", line);
	got = json_dumps(job, JSON_SORT_KEYS);
	ck_assert_msg(json_equal(job, expected), "%s gave %s, not %s", line, got, wanted);
	free(got);
	json_decref(expected);
}

static void expect_wrong(const char *line)
{
	ck_assert_msg(!read_line(line, false), "\"%s\" was taken", line);
	ck_assert_int_eq(code, CTL_USAGE);
}

/* The usage errors that these tests provoke are said on stderr: keep it out of the report. */
static void setup(void)
{
	ck_assert_ptr_nonnull(freopen("/dev/null", "w", stderr));
}

static void teardown(void)
{
	json_decref(job);
	job = NULL;
}

START_TEST(options_fill_structs)
{
	ck_assert(read_line("-f -x x --number 12 --span=1m30s", false));
	ck_assert(fields.flag);
	ck_assert_str_eq(fields.text, "x");
	ck_assert_int_eq(fields.number, 12);
	ck_assert_int_eq(fields.span, 90000);
	ck_assert(read_line("--flag --text=a=b --colour green -s500ms", false));
	ck_assert_str_eq(fields.text, "green");
	ck_assert_int_eq(fields.span, 500);
	ck_assert(read_line("-s", false));
	ck_assert_int_eq(fields.span, 0);
	ck_assert(read_line("", false));
	ck_assert(!fields.flag && fields.text == NULL);
}
END_TEST

START_TEST(global_options_may_stand_anywhere)
{
	ck_assert(read_line("--json a -q -H unix:/x b --color never", false));
	ck_assert(ctl.json && ctl.quiet);
	ck_assert_str_eq(ctl.address, "unix:/x");
	ck_assert_str_eq(ctl.color, "never");
	ck_assert_int_eq(words.n, 2);
}
END_TEST

START_TEST(words_keep_their_order)
{
	ck_assert(read_line("a -f b=c --text x d", false));
	ck_assert_int_eq(words.n, 3);
	ck_assert_str_eq(words.v[0], "a");
	ck_assert_str_eq(words.v[1], "b=c");
	ck_assert_str_eq(words.v[2], "d");
	ck_assert(!words.dashes);
	ck_assert_int_eq(words.rest_n, 0);
}
END_TEST

START_TEST(what_comes_after_dashes_is_no_option)
{
	ck_assert(read_line("a -f -- -x x -- y", false));
	ck_assert_int_eq(words.n, 1);
	ck_assert(words.dashes);
	ck_assert_int_eq(words.rest_n, 4);
	ck_assert_str_eq(words.rest[0], "-x");
	ck_assert_str_eq(words.rest[2], "--");
	ck_assert_ptr_null(fields.text);
	ck_assert_int_eq(options_expect(&test_cmd, &words, 1, 5), 0);	/* joins them */
	ck_assert_int_eq(words.n, 5);
	ck_assert_str_eq(words.v[1], "-x");
	ck_assert_str_eq(words.v[4], "y");
	ck_assert_int_eq(options_expect(&test_cmd, &words, 6, 9), CTL_USAGE);
	ck_assert_int_eq(options_expect(&test_cmd, &words, 0, 4), CTL_USAGE);
	ck_assert(read_line("--", false));
	ck_assert(words.dashes);
	ck_assert_int_eq(words.n + words.rest_n, 0);
}
END_TEST

START_TEST(the_first_word_can_end_the_options)
{
	ck_assert(read_line("-f make -x x", true));
	ck_assert_int_eq(words.n, 0);
	ck_assert_int_eq(words.rest_n, 3);
	ck_assert_str_eq(words.rest[0], "make");
	ck_assert_str_eq(words.rest[1], "-x");
	ck_assert(read_line("-f -- make -x x", true));
	ck_assert_str_eq(words.rest[0], "make");
	ck_assert_int_eq(words.rest_n, 3);
}
END_TEST

START_TEST(wrong_usage_is_refused)
{
	static const char *const lines[] = {
		"--nonsense", "-Z", "--text", "-x", "--flag=1", "--number x", "--number -1", "--number 1x", "--number 99999999999999999999",
		"--span=soon", "--colour blue", "--priority 1.5", "--delay -1", "--at never", "--jitter x", "--jitter 0.1x", "--meta {",
		"--tag novalue", "--tag =x", "--backoff fast", "--interrupted maybe", "--queue \xff", "--tag \xff=\xff", "--fla --t",
		"--tag a=1 --tag a=2", "--number +1", "--delay .5", "--delay 1e3", "--delay 1m1h", "--delay 99999999999999999999",
		"--delay 9223372036854776", "--priority 9223372036854775808", "--at 2026-02-30", "--at 24:00",
	};

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		expect_wrong(lines[i]);
}
END_TEST

START_TEST(options_make_a_job)
{
	expect_job("--queue q --priority -5 --delay 1m --ttl 2.5 --timeout 0 --retain 1d --hold",
		   "{\"queue\":\"q\",\"priority\":-5,\"delay\":60,\"ttl\":2.5,\"timeout\":0,\"retain\":86400,\"hold\":true}");
	expect_job("-n 7 --backoff linear --backoff-base 100ms --backoff-cap 1h --jitter 0.5",
		   "{\"retry\":{\"max_attempts\":7,\"backoff\":\"linear\",\"base\":0.1,\"cap\":3600,\"jitter\":0.5}}");
	expect_job("--delay 1h30m --ttl 1.5h --retain 0.0001", "{\"delay\":5400,\"ttl\":5400,\"retain\":0.001}");
	expect_job("-u k --unique-scope all --on-conflict replace", "{\"unique\":{\"key\":\"k\",\"scope\":\"all\",\"on_conflict\":\"replace\"}}");
	expect_job("-t a=1 --tag b= -t c=x=y", "{\"tags\":{\"a\":\"1\",\"b\":\"\",\"c\":\"x=y\"}}");
	expect_job("--meta {\"x\":[1,null]} --interrupted fail", "{\"meta\":{\"x\":[1,null]},\"interrupted\":\"fail\"}");
	expect_job("--at 2026-12-01T09:00:00+01:00 --expires-at @1790000000",
		   "{\"run_at\":\"2026-12-01T08:00:00.000Z\",\"expires_at\":\"2026-09-21T14:13:20.000Z\"}");
}
END_TEST

START_TEST(filters_gather)
{
	static const struct cmd filter = { "filter", "", "", NULL, "", { filter_options, NULL }, NULL };
	char line[] = "filter\0-Q\0a,b\0-s\0ready\0--queue=c\0-t\0k=v";
	char *argv[] = { line, line + 7, line + 10, line + 14, line + 17, line + 23, line + 33, line + 36, NULL };
	json_t *params = json_object();
	json_t *wanted = json_loads("{\"queue\":[\"a\",\"b\",\"c\"],\"state\":[\"ready\"],\"tags\":{\"k\":\"v\"}}", 0, NULL);

	ck_assert(options_read(&ctl, &filter, 8, argv, false, params, NULL, &words, &code));
	ck_assert(json_equal(params, wanted));
	json_decref(wanted);
	json_decref(params);
}
END_TEST

START_TEST(a_filter_without_a_name_would_match_nothing)
{
	static const struct cmd filter = { "filter", "", "", NULL, "", { filter_options, NULL }, NULL };
	static char values[][8] = { "", ",", "a,", ",a", "a,,b" };
	char name[] = "filter", option[] = "-Q";

	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		char *argv[] = { name, option, values[i], NULL };
		json_t *params = json_object();

		ck_assert_msg(!options_read(&ctl, &filter, 3, argv, false, params, NULL, &words, &code), "\"%s\" was taken", values[i]);
		ck_assert_int_eq(code, CTL_USAGE);
		json_decref(params);
	}
}
END_TEST

static void expect_args(const char *line, const char *wanted)
{
	json_t *args = json_object();
	json_t *expected = wanted != NULL ? json_loads(wanted, JSON_DECODE_ANY, NULL) : NULL;
	int rc;

	ck_assert(read_line(line, false));
	rc = job_options_args(&words, 1, args);
	ck_assert_msg(wanted == NULL ? rc < 0 : rc == 0 && json_equal(args, expected), "%s", line);
	json_decref(expected);
	json_decref(args);
}

START_TEST(words_make_args)
{
	expect_args("type", "{}");
	expect_args("type a=1 b:=1 c:=\"x\" d:=[1,{\"e\":null}] f= g=:=x h=a=b", "{\"a\":\"1\",\"b\":1,\"c\":\"x\",\"d\":[1,{\"e\":null}],\"f\":\"\",\"g\":\":=x\",\"h\":\"a=b\"}");
	expect_args("type a:b=c", "{\"a:b\":\"c\"}");
	expect_args("type url=http://x/?a:=b", "{\"url\":\"http://x/?a:=b\"}");
	expect_args("type \xc3\xa4=\xc3\xb6", "{\"\xc3\xa4\":\"\xc3\xb6\"}");
	expect_args("type novalue", NULL);
	expect_args("type =x", NULL);
	expect_args("type :=1", NULL);
	expect_args("type a:=", NULL);
	expect_args("type a:={", NULL);
	expect_args("type a:=1,2", NULL);
	expect_args("type a=\xff", NULL);
	expect_args("type \xff=a", NULL);
	expect_args("type a=1 b=2 a=1", NULL);
	expect_args("type a=1 a:=1", NULL);
	expect_args("type a:=null a=1", NULL);
}
END_TEST

START_TEST(an_argument_overrides_those_given_as_one_object)
{
	json_t *args = json_pack("{s:i, s:i}", "a", 1, "b", 2);
	json_t *wanted = json_pack("{s:s, s:i}", "a", "3", "b", 2);

	ck_assert(read_line("type a=3", false));
	ck_assert_int_eq(job_options_args(&words, 1, args), 0);
	ck_assert(json_equal(args, wanted));
	json_decref(wanted);
	json_decref(args);
}
END_TEST

START_TEST(a_command_becomes_argv)
{
	char invalid[] = "\xff", *bad[] = { invalid };
	json_t *args = json_object();
	json_t *wanted = json_loads("{\"argv\":[\"echo\",\"-n\",\"--\",\"x\"]}", 0, NULL);

	ck_assert(read_line("exec -- echo -n -- x", false));
	ck_assert_int_eq(job_options_argv(words.rest, words.rest_n, args), 0);
	ck_assert(json_equal(args, wanted));
	ck_assert_int_lt(job_options_argv(words.rest, words.rest_n, args), 0);	/* it is there already */
	ck_assert(json_equal(args, wanted));
	json_object_clear(args);
	ck_assert_int_lt(job_options_argv(bad, 1, args), 0);
	json_decref(wanted);
	json_decref(args);
}
END_TEST

START_TEST(commands_are_found_by_their_words)
{
	char queue[] = "queue", list[] = "list", other[] = "x";
	char *two[] = { queue, list, other }, *one[] = { list, other, NULL };
	char names[100] = "";
	int taken;

	ck_assert_ptr_eq(cmd_find(3, two, &taken), &cmd_queue_list);
	ck_assert_int_eq(taken, 2);
	ck_assert_ptr_eq(cmd_find(2, one, &taken), &cmd_list);
	ck_assert_int_eq(taken, 1);
	ck_assert_ptr_null(cmd_find(1, two, &taken));
	cmd_family("queue", names, sizeof(names));
	ck_assert_str_eq(names, "list, show, set, pause, resume, purge");
	names[0] = '\0';
	cmd_family("que", names, sizeof(names));
	ck_assert_str_eq(names, "");
}
END_TEST

/* Each command's letters and names are its own: none is there twice, nor hidden by a global one. */
START_TEST(no_option_hides_another)
{
	for (const struct cmd *const *cmd = cmd_table; *cmd != NULL; cmd++) {
		const struct opt *tables[] = { (*cmd)->options[0], (*cmd)->options[1], options_global };
		const struct opt *seen[64];
		int n = 0;

		for (int t = 0; t < 3; t++) {
			for (const struct opt *opt = tables[t]; opt != NULL && opt->name != NULL; opt++) {
				for (int i = 0; i < n; i++) {
					ck_assert_str_ne(seen[i]->name, opt->name);
					ck_assert_msg(opt->letter == 0 || seen[i]->letter != opt->letter, "%s: -%c is twice there", (*cmd)->name,
						      opt->letter);
				}
				seen[n++] = opt;
			}
		}
	}
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("client_options");
	TCase *tc = tcase_create("options");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, options_fill_structs);
	tcase_add_test(tc, global_options_may_stand_anywhere);
	tcase_add_test(tc, words_keep_their_order);
	tcase_add_test(tc, what_comes_after_dashes_is_no_option);
	tcase_add_test(tc, the_first_word_can_end_the_options);
	tcase_add_test(tc, wrong_usage_is_refused);
	tcase_add_test(tc, options_make_a_job);
	tcase_add_test(tc, filters_gather);
	tcase_add_test(tc, a_filter_without_a_name_would_match_nothing);
	tcase_add_test(tc, words_make_args);
	tcase_add_test(tc, an_argument_overrides_those_given_as_one_object);
	tcase_add_test(tc, a_command_becomes_argv);
	tcase_add_test(tc, commands_are_found_by_their_words);
	tcase_add_test(tc, no_option_hides_another);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	return unit_run(suite());
}
