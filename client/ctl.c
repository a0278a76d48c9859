#include "client/ctl.h"

#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "proto/error.h"
#include "proto/jtext.h"

/* stdio keeps that a write failed, but not why, and by the end errno is another's: stdout's own writer keeps it. */
static ssize_t ctl_out(void *cookie, const char *data, size_t size)
{
	struct ctl *ctl = cookie;
	int rc = ctl_write(STDOUT_FILENO, data, size);

	if (rc == 0)
		return (ssize_t)size;
	if (ctl->out_error == 0)
		ctl->out_error = -rc;
	return 0;
}

void ctl_init(struct ctl *ctl)
{
	FILE *out = fopencookie(ctl, "w", (cookie_io_functions_t){ .write = ctl_out });

	memset(ctl, 0, sizeof(*ctl));
	ctl->color = "auto";
	ctl->out_terminal = isatty(STDOUT_FILENO);
	ctl->err_terminal = isatty(STDERR_FILENO);
	if (out == NULL)
		return;
	setvbuf(out, NULL, ctl->out_terminal ? _IOLBF : _IOFBF, BUFSIZ);
	stdout = out;
}

int ctl_end(struct ctl *ctl, int code)
{
	jobd_close(ctl->conn);
	ctl->conn = NULL;
	if (fclose(stdout) != 0 && ctl->out_error == 0)
		ctl->out_error = errno;
	if (ctl->out_error == 0 || ctl->out_error == EPIPE)
		return code;	/* EPIPE: the reader has had enough */
	ctl_error("the output could not be written: %s", strerror(ctl->out_error));
	return code == CTL_DONE ? CTL_JOB : code;
}

bool ctl_colored(const struct ctl *ctl, bool terminal)
{
	const char *no_color = getenv("NO_COLOR");
	const char *term = getenv("TERM");

	if (strcmp(ctl->color, "auto") != 0)
		return strcmp(ctl->color, "always") == 0;
	return terminal && (no_color == NULL || *no_color == '\0') && term != NULL && *term != '\0' && strcmp(term, "dumb") != 0;
}

/* ---- stderr ---- */

/* The bytes of the character there; 0: it is no UTF-8. */
static size_t ctl_character(const char *at)
{
	size_t left = strnlen(at, 4);

	for (size_t len = 1; len <= left; len++)
		if (jtext_utf8(at, len))
			return len;
	return 0;
}

static bool ctl_obeyed(const unsigned char *c)
{
	return (*c < 0x20 && *c != '\n' && *c != '\t') || *c == 0x7f || (c[0] == 0xc2 && c[1] < 0xa0);
}

/* Messages hold texts from elsewhere: a job's error must not move the reader's cursor, a name must not be bytes of any kind. */
static void ctl_disarm(char *text)
{
	for (size_t len; *text != '\0'; text += len) {
		len = ctl_character(text);
		if (len == 0 || ctl_obeyed((const unsigned char *)text)) {
			len = len > 0 ? len : 1;
			memset(text, '?', len);
		}
	}
}

static void ctl_say(const char *fmt, va_list ap) __attribute__((format(printf, 1, 0)));

static void ctl_say(const char *fmt, va_list ap)
{
	char text[2048];

	vsnprintf(text, sizeof(text), fmt, ap);
	ctl_disarm(text);
	fprintf(stderr, "jobctl: %s\n", text);
}

void ctl_error(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	ctl_say(fmt, ap);
	va_end(ap);
}

void ctl_note(const struct ctl *ctl, const char *fmt, ...)
{
	va_list ap;

	if (ctl->quiet)
		return;
	va_start(ap, fmt);
	ctl_say(fmt, ap);
	va_end(ap);
}

/* "job 3" is in "there is no job 3", not in "job 31 runs". */
static bool ctl_names(const char *message, const char *what)
{
	const char *at = strstr(message, what);
	size_t len = strlen(what);

	while (at != NULL && isalnum((unsigned char)at[len]))
		at = strstr(at + 1, what);
	return at != NULL;
}

int ctl_refused(const char *what, const struct jobd_error *error)
{
	if (what != NULL && ctl_names(error->message, what))
		what = NULL;
	ctl_error("%s%s%s", what != NULL ? what : "", what != NULL ? ": " : "", error->message);
	if (error->code == rpc_error_code(RPC_TIMEOUT))
		return CTL_TIMEOUT;
	if (error->code != 0)
		return CTL_REFUSED;
	if (strcmp(error->reason, "address") == 0 || strcmp(error->reason, "usage") == 0)
		return CTL_USAGE;
	if (strcmp(error->reason, "memory") == 0)
		return CTL_JOB;
	return CTL_NO_DAEMON;
}

/* ---- stdout ---- */

void ctl_print_json(const json_t *value)
{
	struct buf text;

	buf_init(&text);
	jtext_put(&text, value);
	buf_putc(&text, '\n');
	if (buf_failed(&text))
		ctl_error("out of memory");
	else
		fwrite(buf_data(&text), 1, buf_len(&text), stdout);
	buf_free(&text);
}

int ctl_write(int fd, const char *data, size_t size)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };

	while (size > 0) {
		ssize_t n = write(fd, data, size);

		if (n < 0 && errno == EAGAIN)
			poll(&p, 1, -1);	/* whoever shares it with us made it so */
		else if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0) {
			data += n;
			size -= (size_t)n;
		}
	}
	return 0;
}

bool ctl_flush(void)
{
	return fflush(stdout) == 0 && !ferror(stdout);
}

int ctl_job_code(const struct ctl *ctl, const json_t *record)
{
	const char *state = json_string_value(json_object_get(record, "state"));
	const char *message = json_string_value(json_object_get(json_object_get(record, "error"), "message"));

	if (state != NULL && strcmp(state, "succeeded") == 0)
		return CTL_DONE;
	ctl_note(ctl, "job %lld %s%s%s", (long long)json_integer_value(json_object_get(record, "id")), state != NULL ? state : "?",
		 message != NULL ? ": " : "", message != NULL ? message : "");
	return CTL_JOB;
}

/* ---- requests ---- */

bool ctl_put(json_t *object, const char *name, json_t *value)
{
	if (json_object_set_new(object, name, value) == 0)
		return true;
	ctl_error("out of memory");
	return false;
}

/* ---- the daemon ---- */

static int ctl_token_wrong(const char *path, const char *why, struct jobd_error *error)
{
	*error = (struct jobd_error){ .reason = "usage" };
	snprintf(error->message, sizeof(error->message), "the token file %s %s", path, why);
	return -1;
}

/* The file's first line. */
static int ctl_read_token(const char *path, char *token, size_t size, struct jobd_error *error)
{
	FILE *file = fopen(path, "re");
	char why[160];

	if (file == NULL || fgets(token, (int)size, file) == NULL) {
		snprintf(why, sizeof(why), "cannot be read: %s", file == NULL || ferror(file) ? strerror(errno) : "it is empty");
		if (file != NULL)
			fclose(file);
		return ctl_token_wrong(path, why, error);
	}
	fclose(file);
	token[strcspn(token, "\r\n")] = '\0';
	return jtext_utf8(token, strlen(token)) ? 0 : ctl_token_wrong(path, "is not UTF-8", error);
}

/* Where there is a token. 0; -1. */
static int ctl_login(struct ctl *ctl, struct jobd_error *error)
{
	char token[4096];
	json_t *answer = NULL;

	if (ctl->token_file == NULL)
		return 0;
	if (ctl_read_token(ctl->token_file, token, sizeof(token), error) == 0)
		answer = jobd_call(ctl->conn, "auth.login", json_pack("{s:s}", "token", token), error);
	explicit_bzero(token, sizeof(token));
	json_decref(answer);
	return answer != NULL ? 0 : -1;
}

int ctl_connect(struct ctl *ctl)
{
	struct jobd_error error;

	if (ctl->conn != NULL)
		return 0;
	ctl->conn = jobd_connect(ctl->address, &error);
	if (ctl->conn == NULL || ctl_login(ctl, &error) < 0)
		return ctl_refused(NULL, &error);
	return 0;
}

json_t *ctl_call(struct ctl *ctl, const char *method, json_t *params, int *code)
{
	struct jobd_error error;
	json_t *result;

	*code = ctl_connect(ctl);
	if (*code != 0) {
		json_decref(params);
		return NULL;
	}
	result = jobd_call(ctl->conn, method, params, &error);
	if (result == NULL)
		*code = ctl_refused(NULL, &error);
	return result;
}

bool ctl_nothing(const struct jobd_error *error)
{
	return error->code == 0 && strcmp(error->reason, "timeout") == 0;
}

int ctl_again(struct ctl *ctl, struct jobd_error *error)
{
	return jobd_reconnect(ctl->conn, error) < 0 ? -1 : ctl_login(ctl, error);
}

int ctl_again_once(struct ctl *ctl, int timeout_ms, struct jobd_error *error)
{
	return jobd_reconnect_once(ctl->conn, timeout_ms, error) < 0 ? -1 : ctl_login(ctl, error);
}

json_t *ctl_submit(struct ctl *ctl, json_t *job, int *code)
{
	struct jobd_error error;
	json_t *answer = NULL;

	*code = ctl_connect(ctl);
	if (*code == 0 && jobd_request_id(job, &error) == 0) {
		answer = jobd_call(ctl->conn, "job.submit", json_incref(job), &error);
		if (answer == NULL && jobd_lost(&error) && ctl_again(ctl, &error) == 0)
			answer = jobd_call(ctl->conn, "job.submit", json_incref(job), &error);
	}
	json_decref(job);
	if (answer == NULL && *code == 0)
		*code = ctl_refused(NULL, &error);
	return answer;
}
