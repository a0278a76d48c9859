#include "kinds/outcome.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/jtext.h"
#include "proto/utf8.h"

void outcome_init(struct outcome *o)
{
	memset(o, 0, sizeof(*o));
}

void outcome_free(struct outcome *o)
{
	free(o->result);
	outcome_init(o);
}

/* Messages travel as JSON: what was cut, or came from outside, is made UTF-8 again. */
static void outcome_clean_message(char *text)
{
	text[utf8_whole(text, strlen(text))] = '\0';
	if (jtext_utf8(text, strlen(text)))
		return;
	for (; *text != '\0'; text++)
		if ((unsigned char)*text >= 0x80)
			*text = '?';
}

__attribute__((format(printf, 4, 0)))
static void outcome_set_error(struct outcome *o, bool final, const char *reason, const char *fmt, va_list ap)
{
	o->succeeded = false;
	o->final = final;
	snprintf(o->reason, sizeof(o->reason), "%s", reason);
	vsnprintf(o->message, sizeof(o->message), fmt, ap);
	outcome_clean_message(o->message);
}

void outcome_succeed(struct outcome *o, char *result, size_t len)
{
	if (result == NULL) {
		outcome_fail(o, "handler", "out of memory for the result");
		return;
	}
	free(o->result);
	o->result = result;
	o->result_len = len;
	o->succeeded = true;
	o->final = false;
	o->reason[0] = o->message[0] = '\0';
}

void outcome_fail(struct outcome *o, const char *reason, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	outcome_set_error(o, false, reason, fmt, ap);
	va_end(ap);
}

void outcome_fail_for_good(struct outcome *o, const char *reason, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	outcome_set_error(o, true, reason, fmt, ap);
	va_end(ap);
}
