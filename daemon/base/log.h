/*
 * log: one line an event, to stderr, as text or JSON.
 *
 * When systemd's journal reads stderr, each line begins with its syslog
 * priority (`<6>`) and carries no time of its own. Safe from any thread.
 */
#ifndef JOBD_LOG_H
#define JOBD_LOG_H

#include <stdbool.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* "error", "warning", "info" or "debug" → level; -1 for any other word. */
int log_level_of(const char *word);

void log_setup(enum log_level level, bool json);
bool log_enabled(enum log_level level);
bool log_is_json(void);

void log_write(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...) log_write(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_write(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_info(...) log_write(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) \
	do { \
		if (log_enabled(LOG_LEVEL_DEBUG)) \
			log_write(LOG_LEVEL_DEBUG, __VA_ARGS__); \
	} while (0)

/* Says what broke and aborts: only for our own broken invariants. */
_Noreturn void log_fatal(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
