/*
 * conf: all the settings, read once, checked as a whole.
 *
 * One table in conf_key.c holds every key with its type, default and bounds;
 * the file's reader, -o KEY=VALUE, the sample and the man page follow it.
 */
#ifndef JOBD_CONF_H
#define JOBD_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct conf_list {
	char **v;			/* NULL-ended */
	size_t n;
};

struct conf_queue {
	char *name;
	int64_t concurrency;		/* 0 = no limit */
	double rate;			/* attempts a second; 0 = no limit */
	int64_t weight;
	int64_t max_ready;		/* 0 = no limit */
};

struct conf_worker {
	char *name, *command;
	int64_t processes;
};

struct conf_module {
	char *name, *path;
};

struct conf {
	struct {
		struct conf_list tcp, tls;	/* host:port; port 0 = any */
		char *unix_path;		/* "" = none */
		int64_t unix_mode;
	} listen;
	struct {
		char *certificate, *key, *client_ca;	/* NULL = none */
	} tls;
	struct {
		char *directory;
	} state;
	struct {
		int64_t processes;		/* resolved: at least 1 */
		int64_t nice;
		int64_t kill_grace_ms;
		int64_t jobs_per_process;
	} pool;
	struct {
		int64_t message_bytes, connections, requests_per_connection, io_jobs, jobs /* 0 = no limit */;
		int64_t output_bytes, result_bytes;
	} limits;
	struct {
		int64_t seconds_ms, jobs;
	} retain;
	struct {
		int64_t grace_ms;
	} shutdown;
	struct {
		char *level;			/* a word log_level_of knows */
		char *format;			/* "text" or "json" */
		bool json;
		int64_t slow_ms;
	} log;
	struct {
		int64_t lease_ms;
	} workers;
	struct conf_queue *queues;
	size_t queues_len;
	struct conf_worker *worker_pools;
	size_t worker_pools_len;
	struct conf_module *modules;
	size_t modules_len;
};

/*
 * Reads `file` (NULL: none, defaults), then the `-o` settings in order, then
 * resolves defaults from the environment (state directory, Unix socket,
 * processes) and checks the whole. 0; or -1 with every complaint in *why, a line
 * each: file and line, or the -o text, what is wrong, what is allowed. *why is
 * the caller's to free; NULL if it was memory that lacked. For one thread at a time.
 */
int conf_read(const char *file, const char *const *settings, size_t n, struct conf *out, char **why);
void conf_free(struct conf *c);

#endif
