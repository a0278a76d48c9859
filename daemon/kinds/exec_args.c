#include "kinds/exec_args.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

enum { EXEC_NICE_MIN = -20, EXEC_NICE_MAX = 19 };

/* What a C program can be given. */
static bool is_text(const json_t *value)
{
	return json_is_string(value) && strlen(json_string_value(value)) == json_string_length(value);
}

static void read_argv(struct params *args, struct exec_args *out)
{
	size_t i;
	json_t *word;

	out->argv = params_array(args, "argv", EXEC_ARGV_MAX);
	out->command = params_string(args, "command", NULL);
	if (params_has(args, "argv") && params_has(args, "command"))
		params_refuse(args, "command", "cannot stand beside \"argv\"");
	if (out->argv == NULL && out->command == NULL && !params_later(args, "argv") && !params_later(args, "command"))
		params_refuse(args, "argv", "is missing: give \"argv\", an array of strings, or \"command\", a text for the shell");
	if (out->argv == NULL)
		return;
	if (json_array_size(out->argv) == 0)
		params_refuse(args, "argv", "must name a program");
	json_array_foreach(out->argv, i, word) {
		if (params_value_later(args, word))
			continue;
		if (!is_text(word))
			params_refuse(args, "argv", "must hold strings without a NUL (\\u0000) in them only; element %zu is none", i);
		else if (i == 0 && json_string_length(word) == 0)
			params_refuse(args, "argv", "must name a program; its first element is empty");
	}
}

static void read_env(struct params *args, struct exec_args *out)
{
	const char *name;
	json_t *value;

	out->env = params_object(args, "env");
	if (out->env == NULL)
		return;
	if (json_object_size(out->env) > EXEC_ENV_MAX)
		params_refuse(args, "env", "must have at most %d members", EXEC_ENV_MAX);
	json_object_foreach(out->env, name, value) {
		if (name[0] == '\0' || strchr(name, '=') != NULL)
			params_refuse(args, "env", "must have names that are not empty and without \"=\" in them");
		else if (!is_text(value) && !params_value_later(args, value))
			params_refuse(args, "env", "must have strings without a NUL (\\u0000) in them as values; \"%.64s\" has none", name);
	}
}

static void read_ok_codes(struct params *args, struct exec_args *out)
{
	json_t *codes = params_array(args, "ok_exit_codes", 256);
	json_t *code;
	size_t i;

	out->ok[0] = codes == NULL;
	json_array_foreach(codes, i, code) {
		json_int_t n = json_integer_value(code);

		if (json_is_integer(code) && n >= 0 && n <= 255)
			out->ok[n] = true;
		else if (!params_value_later(args, code))
			params_refuse(args, "ok_exit_codes", "must hold integers of 0 to 255 only; element %zu is none", i);
	}
	if (codes != NULL && json_array_size(codes) == 0)
		params_refuse(args, "ok_exit_codes", "must hold at least one exit code");
}

static void read_limits(struct params *args, struct exec_args *out)
{
	static const struct {
		const char *name;
		int resource;
	} known[EXEC_LIMITS] = {
		{ "memory_bytes", RLIMIT_AS }, { "cpu_seconds", RLIMIT_CPU }, { "open_files", RLIMIT_NOFILE },
		{ "file_bytes", RLIMIT_FSIZE }, { "processes", RLIMIT_NPROC },
	};
	json_t *object = params_object(args, "limits");
	struct params limits;
	char path[64];

	if (object == NULL)
		return;
	params_init_inner(&limits, object, args, "limits", path, sizeof(path));
	for (size_t i = 0; i < EXEC_LIMITS; i++) {
		int64_t value = params_int(&limits, known[i].name, 0, 1, INT64_MAX / 2);

		if (value == 0)
			continue;
		out->limits[out->limits_len].resource = known[i].resource;
		out->limits[out->limits_len++].value = (uint64_t)value;
	}
	params_done(&limits);
}

void exec_args_read(struct params *args, struct exec_args *out)
{
	memset(out, 0, sizeof(*out));
	read_argv(args, out);
	out->input = params_bytes(args, "stdin", &out->input_len);
	read_env(args, out);
	out->cwd = params_string(args, "cwd", NULL);
	if (out->cwd != NULL && out->cwd[0] != '/')
		params_refuse(args, "cwd", "must be an absolute path: one that begins with \"/\"");
	read_ok_codes(args, out);
	out->has_nice = params_has(args, "nice");
	out->nice = (int)params_int(args, "nice", 0, EXEC_NICE_MIN, EXEC_NICE_MAX);
	read_limits(args, out);
	params_done(args);
}

uint64_t exec_args_limit(const struct exec_args *a, int resource)
{
	for (size_t i = 0; i < a->limits_len; i++)
		if (a->limits[i].resource == resource)
			return a->limits[i].value;
	return 0;
}
