#include "client/ctl.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "proto/error.h"
#include "proto/jtext.h"

void ctl_init(struct ctl *ctl)
{
	memset(ctl, 0, sizeof(*ctl));
	ctl->color = "auto";
	ctl->out_terminal = isatty(STDOUT_FILENO);
	ctl->err_terminal = isatty(STDERR_FILENO);
}

int ctl_end(struct ctl *ctl, int code)
{
	jobd_close(ctl->conn);
	ctl->conn = NULL;
	if (fflush(stdout) == 0 && !ferror(stdout))
		return code;
	if (errno == EPIPE)
		return code;	/* the reader has had enough */
	ctl_error("the output could not be written: %s", strerror(errno));
	return code == CTL_DONE ? CTL_JOB : code;
}

bool ctl_colored(const struct ctl *ctl, bool terminal)
{
	const char *no_color = getenv("NO_COLOR");
	const char *term = getenv("TERM");

	if (strcmp(ctl->color, "auto") != 0)
		return strcmp(ctl->color, "always") == 0;
	return terminal && (no_color == NULL || *no_color == '\0') && term != NULL && strcmp(term, "dumb") != 0;
}

/* ---- stderr ---- */

/* Messages hold texts from elsewhere: a job's error must not move the reader's cursor. */
static void ctl_disarm(char *text)
{
	for (unsigned char *c = (unsigned char *)text; *c != '\0'; c++) {
		bool c1 = c[0] == 0xc2 && c[1] >= 0x80 && c[1] < 0xa0;

		if ((*c < 0x20 && *c != '\n' && *c != '\t') || *c == 0x7f || c1)
			*c = '?';
		if (c1)
			c[1] = '?';
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

int ctl_refused(const char *what, const struct jobd_error *error)
{
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

/* The file's first line. */
static int ctl_read_token(const char *path, char *token, size_t size)
{
	FILE *file = fopen(path, "re");

	if (file == NULL || fgets(token, (int)size, file) == NULL) {
		ctl_error("the token file %s cannot be read: %s", path, file == NULL ? strerror(errno) : "it is empty");
		if (file != NULL)
			fclose(file);
		return CTL_USAGE;
	}
	fclose(file);
	token[strcspn(token, "\r\n")] = '\0';
	return 0;
}

static int ctl_login(struct ctl *ctl)
{
	char token[4096];
	int code = ctl_read_token(ctl->token_file, token, sizeof(token));

	if (code == 0)
		json_decref(ctl_call(ctl, "auth.login", json_pack("{s:s}", "token", token), &code));
	explicit_bzero(token, sizeof(token));
	return code;
}

int ctl_connect(struct ctl *ctl)
{
	struct jobd_error error;

	if (ctl->conn != NULL)
		return 0;
	ctl->conn = jobd_connect(ctl->address, &error);
	if (ctl->conn == NULL)
		return ctl_refused(NULL, &error);
	return ctl->token_file != NULL ? ctl_login(ctl) : 0;
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
