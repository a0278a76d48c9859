#include "base/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

enum { LOG_LINE = 2048 };

static const struct {
	const char *word;
	int priority;	/* syslog's */
} levels[] = {
	[LOG_LEVEL_ERROR] = { "error", 3 },
	[LOG_LEVEL_WARNING] = { "warning", 4 },
	[LOG_LEVEL_INFO] = { "info", 6 },
	[LOG_LEVEL_DEBUG] = { "debug", 7 },
};

static _Atomic int log_level = LOG_LEVEL_INFO;
static atomic_bool log_json;

int log_level_of(const char *word)
{
	for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++)
		if (strcmp(levels[i].word, word) == 0)
			return (int)i;
	return -1;
}

void log_setup(enum log_level level, bool json)
{
	atomic_store(&log_level, (int)level);
	atomic_store(&log_json, json);
}

bool log_enabled(enum log_level level)
{
	return (int)level <= atomic_load_explicit(&log_level, memory_order_relaxed);
}

bool log_is_json(void)
{
	return atomic_load_explicit(&log_json, memory_order_relaxed);
}

static size_t put_time(char *to, size_t room)
{
	wall_ms now = clock_wall();
	time_t seconds = (time_t)(now / 1000);
	struct tm tm;
	size_t n;

	gmtime_r(&seconds, &tm);
	n = strftime(to, room, "%Y-%m-%dT%H:%M:%S", &tm);
	return n + (size_t)snprintf(to + n, room - n, ".%03dZ", (int)(now % 1000));
}

/* Copies text with JSON's escapes; returns the bytes written, room permitting. */
static size_t put_escaped(char *to, size_t room, const char *text)
{
	size_t n = 0;

	for (; *text != '\0' && n + 7 < room; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '"' || c == '\\') {
			to[n++] = '\\';
			to[n++] = (char)c;
		} else if (c < 0x20) {
			n += (size_t)snprintf(to + n, room - n, "\\u%04x", c);
		} else {
			to[n++] = (char)c;
		}
	}
	return n;
}

static void put_line(enum log_level level, char *text)
{
	char line[LOG_LINE + 128];
	size_t n = 0;

	if (log_is_json()) {
		n += (size_t)snprintf(line, sizeof(line), "{\"at\":\"");
		n += put_time(line + n, sizeof(line) - n);
		n += (size_t)snprintf(line + n, sizeof(line) - n, "\",\"level\":\"%s\",\"message\":\"",
				      levels[level].word);
		n += put_escaped(line + n, sizeof(line) - n - 4, text);
		n += (size_t)snprintf(line + n, sizeof(line) - n, "\"}\n");
	} else {
		for (char *c = text; *c != '\0'; c++)
			if ((unsigned char)*c < 0x20)
				*c = ' ';
		if (getenv("JOURNAL_STREAM") != NULL) {
			n = (size_t)snprintf(line, sizeof(line), "<%d>", levels[level].priority);
		} else {
			n = put_time(line, sizeof(line));
			n += (size_t)snprintf(line + n, sizeof(line) - n, " %s: ", levels[level].word);
		}
		n += (size_t)snprintf(line + n, sizeof(line) - n, "%s\n", text);
	}
	/* One write a line, so that threads and processes do not mix theirs; nobody to tell if it fails. */
	if (write(STDERR_FILENO, line, n) < 0)
		return;
}

static __attribute__((format(printf, 2, 0))) void log_vwrite(enum log_level level, const char *fmt, va_list ap)
{
	char text[LOG_LINE];

	if (vsnprintf(text, sizeof(text), fmt, ap) < 0)
		return;
	put_line(level, text);
}

void log_write(enum log_level level, const char *fmt, ...)
{
	va_list ap;

	if (!log_enabled(level))
		return;
	va_start(ap, fmt);
	log_vwrite(level, fmt, ap);
	va_end(ap);
}

void log_fatal(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_vwrite(LOG_LEVEL_ERROR, fmt, ap);
	va_end(ap);
	abort();
}
