#include "server_settings.h"

#include "base/log.h"
#include "conf/conf.h"
#include "parts.h"

enum {
	REQUESTS_MAX = 16384,			/* in flight, of all clients */
	WAITS_MAX = REQUESTS_MAX - 4096,	/* the rest is for what is soon done, and may end them */
	STANDING_COROUTINES = 1024
};

struct loop_conf settings_of_loop(const struct conf *c)
{
	return (struct loop_conf){
		.coroutines_max = (size_t)(2 * c->limits.connections + 2 * c->limits.io_jobs) + REQUESTS_MAX + STANDING_COROUTINES,
		.slow_us = c->log.slow_ms * 1000,
	};
}

struct pool_conf settings_of_pool(const struct conf *c, const char *program, unsigned long long open_files)
{
	return (struct pool_conf){
		.processes = (unsigned)c->pool.processes,
		.nice = c->pool.nice,
		.kill_grace = c->pool.kill_grace_ms * 1000,
		.jobs_per_process = (unsigned)c->pool.jobs_per_process,
		.program = program,
		.directory = c->state.directory,
		.output_bytes = (size_t)c->limits.output_bytes,
		.result_bytes = (size_t)c->limits.result_bytes,
		.open_files = open_files,
	};
}

struct listen_conf settings_of_listen(const struct conf *c)
{
	return (struct listen_conf){
		.tcp = (const char *const *)c->listen.tcp.v, .tcp_len = c->listen.tcp.n,
		.tls = (const char *const *)c->listen.tls.v, .tls_len = c->listen.tls.n,
		.unix_path = c->listen.unix_path, .unix_mode = c->listen.unix_mode,
		.certificate = c->tls.certificate, .key = c->tls.key, .client_ca = c->tls.client_ca,
	};
}

const char *settings_lack(const struct conf *c)
{
	if (c->worker_pools_len > 0)
		return "worker: this version has no worker pools";
	return c->modules_len > 0 ? "module: this version loads no modules" : NULL;
}

void settings_apply(const struct conf *c, struct parts *p)
{
	struct loop_conf loop = settings_of_loop(c);

	log_setup((enum log_level)log_level_of(c->log.level), c->log.json);
	loop_reconfigure(&loop);
	p->limits.message_bytes = (size_t)c->limits.message_bytes;
	p->limits.connections = (size_t)c->limits.connections;
	p->limits.requests_per_connection = (size_t)c->limits.requests_per_connection;
	p->limits.requests = REQUESTS_MAX;
	p->limits.waits = WAITS_MAX;
	p->limits.jobs = p->schedules.jobs_max = c->limits.jobs;
	p->fill.args_max = (size_t)c->limits.message_bytes;
	p->dispatch.io_jobs = (size_t)c->limits.io_jobs;
	p->attempts.result_bytes = (size_t)c->limits.result_bytes;
	backlog_reconfigure(&p->backlog);
	store_set_retention(p->store, c->retain.seconds_ms, c->retain.jobs);
}
