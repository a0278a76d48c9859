#include "tests/lib/unit.h"

#include <string.h>
#include <sys/resource.h>

#include "kinds/exec_args.h"
#include "kinds/kind.h"
#include "proto/jtext.h"

extern const struct kind kind_exec, kind_noop;

static struct rpc_error error;
static json_t *object;

/* What is read stays as long as `object`. */
static struct exec_args read_args(const char *text)
{
	struct exec_args a;
	struct params p;
	char why[100] = "";

	json_decref(object);
	object = jtext_parse(text, strlen(text), why, sizeof(why));
	ck_assert_msg(object != NULL, "%s: %s", text, why);
	memset(&error, 0, sizeof(error));
	params_init(&p, object, "args.", &error);
	exec_args_read(&p, &a);
	return a;
}

static void teardown(void)
{
	json_decref(object);
	object = NULL;
}

START_TEST(everything_is_read)
{
	struct exec_args a = read_args(
		"{\"argv\": [\"env\", \"-0\", \"\"], \"stdin\": \"a\\u0000b\", \"env\": {\"A\": \"1\", \"B\": \"\"}, \"cwd\": \"/tmp\","
		" \"ok_exit_codes\": [1, 255], \"nice\": 19, \"limits\": {\"memory_bytes\": 1000000000000, \"cpu_seconds\": 1,"
		" \"open_files\": 10, \"file_bytes\": 4096, \"processes\": 5}}");

	ck_assert_msg(error.kind == RPC_OK, "%s", error.message);
	ck_assert_uint_eq(json_array_size(a.argv), 3);
	ck_assert_ptr_null(a.command);
	ck_assert(a.input_len == 3 && memcmp(a.input, "a\0b", 3) == 0);
	ck_assert_uint_eq(json_object_size(a.env), 2);
	ck_assert_str_eq(a.cwd, "/tmp");
	ck_assert(!a.ok[0] && a.ok[1] && !a.ok[2] && a.ok[255]);
	ck_assert(a.has_nice && a.nice == 19);
	ck_assert_uint_eq(a.limits_len, 5);
	ck_assert_uint_eq(exec_args_limit(&a, RLIMIT_AS), 1000000000000);
	ck_assert_uint_eq(exec_args_limit(&a, RLIMIT_CPU), 1);
	ck_assert_uint_eq(exec_args_limit(&a, RLIMIT_NOFILE), 10);
	ck_assert_uint_eq(exec_args_limit(&a, RLIMIT_FSIZE), 4096);
	ck_assert_uint_eq(exec_args_limit(&a, RLIMIT_NPROC), 5);
}
END_TEST

START_TEST(little_is_needed)
{
	struct exec_args a = read_args("{\"command\": \"\"}");

	ck_assert_int_eq(error.kind, RPC_OK);
	ck_assert_ptr_null(a.argv);
	ck_assert_str_eq(a.command, "");
	ck_assert(a.input == NULL && a.env == NULL && a.cwd == NULL && !a.has_nice && a.limits_len == 0);
	ck_assert(a.ok[0] && !a.ok[1]);
	ck_assert_uint_eq(exec_args_limit(&a, RLIMIT_AS), 0);
}
END_TEST

START_TEST(what_is_wrong_is_refused_with_its_field)
{
	static const struct {
		const char *args, *field, *word;
	} rows[] = {
		{ "{}", "args.argv", "command" },
		{ "{\"argv\": [\"a\"], \"command\": \"b\"}", "args.command", "argv" },
		{ "{\"argv\": []}", "args.argv", "program" },
		{ "{\"argv\": [\"\"]}", "args.argv", "program" },
		{ "{\"argv\": \"ls\"}", "args.argv", "array" },
		{ "{\"argv\": [\"ls\", 1]}", "args.argv", "1" },
		{ "{\"argv\": [\"ls\", \"a\\u0000\"]}", "args.argv", "NUL" },
		{ "{\"command\": 1}", "args.command", "string" },
		{ "{\"command\": \"a\\u0000b\"}", "args.command", "NUL" },
		{ "{\"command\": \"\", \"stdin\": {}}", "args.stdin", "string" },
		{ "{\"command\": \"\", \"env\": []}", "args.env", "object" },
		{ "{\"command\": \"\", \"env\": {\"A=B\": \"\"}}", "args.env", "=" },
		{ "{\"command\": \"\", \"env\": {\"\": \"\"}}", "args.env", "empty" },
		{ "{\"command\": \"\", \"env\": {\"A\": 1}}", "args.env", "A" },
		{ "{\"command\": \"\", \"env\": {\"A\": \"\\u0000\"}}", "args.env", "NUL" },
		{ "{\"command\": \"\", \"cwd\": \"tmp\"}", "args.cwd", "absolute" },
		{ "{\"command\": \"\", \"cwd\": \"\"}", "args.cwd", "absolute" },
		{ "{\"command\": \"\", \"ok_exit_codes\": [256]}", "args.ok_exit_codes", "255" },
		{ "{\"command\": \"\", \"ok_exit_codes\": [-1]}", "args.ok_exit_codes", "255" },
		{ "{\"command\": \"\", \"ok_exit_codes\": [\"0\"]}", "args.ok_exit_codes", "255" },
		{ "{\"command\": \"\", \"ok_exit_codes\": []}", "args.ok_exit_codes", "one" },
		{ "{\"command\": \"\", \"ok_exit_codes\": 0}", "args.ok_exit_codes", "array" },
		{ "{\"command\": \"\", \"nice\": 20}", "args.nice", "19" },
		{ "{\"command\": \"\", \"nice\": 1.5}", "args.nice", "" },
		{ "{\"command\": \"\", \"limits\": 1}", "args.limits", "object" },
		{ "{\"command\": \"\", \"limits\": {\"memory_bytes\": 0}}", "args.limits.memory_bytes", "1" },
		{ "{\"command\": \"\", \"limits\": {\"cpu_seconds\": \"1\"}}", "args.limits.cpu_seconds", "" },
		{ "{\"command\": \"\", \"limits\": {\"memory\": 1}}", "args.limits.memory", "memory_bytes" },
		{ "{\"command\": \"\", \"timeout\": 1}", "args.timeout", "stdin" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		read_args(rows[i].args);
		ck_assert_msg(error.kind == RPC_INVALID_PARAMS, "accepted: %s", rows[i].args);
		ck_assert_msg(strcmp(error.field, rows[i].field) == 0, "%s: field %s: %s", rows[i].args, error.field, error.message);
		ck_assert_msg(strstr(error.message, rows[i].word) != NULL, "%s: %s", rows[i].args, error.message);
	}
}
END_TEST

START_TEST(the_kind_checks_alike)
{
	struct params p;

	read_args("{\"argv\": [\"ls\"], \"nonsense\": 1}");
	memset(&error, 0, sizeof(error));
	params_init(&p, object, "args.", &error);
	kind_exec.check(&p);
	ck_assert_str_eq(error.field, "args.nonsense");
	memset(&error, 0, sizeof(error));
	params_init(&p, object, "args.", &error);
	kind_noop.check(&p);
	ck_assert_int_eq(error.kind, RPC_OK);
	ck_assert(kind_noop.brief && !kind_exec.brief);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("exec_args");
	TCase *t = tcase_create("exec_args");

	tcase_add_checked_fixture(t, NULL, teardown);
	tcase_add_test(t, everything_is_read);
	tcase_add_test(t, little_is_needed);
	tcase_add_test(t, what_is_wrong_is_refused_with_its_field);
	tcase_add_test(t, the_kind_checks_alike);
	suite_add_tcase(s, t);
	return s;
}

int main(void)
{
	return unit_run(suite());
}
