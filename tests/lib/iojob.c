#include "iojob.h"

#include <arpa/inet.h>
#include <check.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "coro/loop.h"
#include "kinds/io.h"

void loop_begin(void)
{
	struct loop_conf conf = { .coroutines_max = 20000 };

	ck_assert_int_eq(loop_open(&conf), 0);
}

void loop_end(void)
{
	io_close();
	loop_close();
}

void loop_try(void (*fn)(void *arg), void *arg)
{
	struct coro_group group;

	coro_group_init(&group);
	ck_assert_int_eq(coro_spawn(&group, "test", fn, arg), 0);
	loop_run();
	ck_assert_uint_eq(group.count, 0);
}

static void iojob_check(const struct kind *kind, json_t *args, struct rpc_error *error)
{
	struct params p;

	memset(error, 0, sizeof(*error));
	params_init(&p, args, "args.", error);
	kind->check(&p);
}

void iojob_init(struct iojob *j, const struct kind *kind, const char *args, ...)
{
	struct rpc_error error;
	json_error_t where;
	char *text = NULL;
	va_list ap;

	memset(j, 0, sizeof(*j));
	va_start(ap, args);
	ck_assert_int_ge(vasprintf(&text, args, ap), 0);
	va_end(ap);
	j->kind = kind;
	j->args = json_loads(text, JSON_ALLOW_NUL, &where);
	ck_assert_msg(j->args != NULL, "%s: %s", text, where.text);
	free(text);
	iojob_check(kind, j->args, &error);
	ck_assert_msg(error.kind == RPC_OK, "%s: %s", error.field, error.message);
}

void iojob_free(struct iojob *j)
{
	json_decref(j->args);
	json_decref(j->result);
	outcome_free(&j->out);
}

static void iojob_progress(void *arg, double fraction, const char *message)
{
	struct iojob *j = arg;

	(void)message;
	j->told++;
	j->fraction = fraction;
}

void iojob_attempt(void *iojob)
{
	struct iojob *j = iojob;
	struct io_job job = {
		.id = 1, .attempt = 1, .args = j->args, .deadline = j->timeout > 0 ? clock_after(j->timeout) : MONO_NEVER,
		.result_bytes = j->result_bytes > 0 ? j->result_bytes : 4 << 20, .progress = iojob_progress, .arg = j,
	};
	mono_us began = clock_mono();

	outcome_init(&j->out);
	j->rc = j->kind->run_io(&job, &j->out);
	j->took = clock_mono() - began;
}

void iojob_run(struct iojob *j)
{
	json_error_t where;

	loop_try(iojob_attempt, j);
	if (j->out.result == NULL)
		return;
	ck_assert_uint_eq(strlen(j->out.result), j->out.result_len);
	ck_assert_ptr_null(strchr(j->out.result, '\n'));
	j->result = json_loads(j->out.result, JSON_ALLOW_NUL, &where);
	ck_assert_msg(j->result != NULL, "%s: %s", j->out.result, where.text);
}

int quiet_port(unsigned *port)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t len = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	ck_assert_int_eq(bind(fd, (struct sockaddr *)&at, len), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&at, &len), 0);
	*port = ntohs(at.sin_port);
	return fd;
}

const char *iojob_refused(const struct kind *kind, const char *args)
{
	static struct rpc_error error;
	json_t *object = json_loads(args, JSON_ALLOW_NUL, NULL);

	ck_assert_msg(json_is_object(object), "%s", args);
	iojob_check(kind, object, &error);
	json_decref(object);
	ck_assert(error.kind == RPC_OK || error.kind == RPC_INVALID_PARAMS);
	return error.field;
}
