/* command_daemon: the daemon itself: ping, status, drain, resume, reload, backup. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "command/command.h"
#include "config.h"
#include "coro/loop.h"
#include "parts.h"
#include "work/pool.h"

static int daemon_ping(struct call *call)
{
	if (params_done(&call->params) != 0)
		return -1;
	jw_object(&call->w);
	jw_put_time(&call->w, "now", clock_wall());
	jw_put_string(&call->w, "version", PACKAGE_VERSION);
	jw_object_end(&call->w);
	return 0;
}

/* ---- status, a member each ---- */

static void put_counts(struct jwriter *w, const struct parts *parts)
{
	jw_key(w, "counts");
	jw_object(w);
	for (int s = JOB_NONE + 1; s < JOB_STATES; s++)
		jw_put_int(w, job_state_name((enum job_state)s), parts->backlog.counts[s]);
	jw_object_end(w);
}

static void put_loop(struct jwriter *w)
{
	struct loop_stats loop;
	struct coro_stats coro;

	loop_stats(&loop);
	coro_stats(&coro);
	jw_key(w, "loop");
	jw_object(w);
	jw_put_real(w, "lag_ms", (double)loop.lag_last / 1000);
	jw_put_real(w, "lag_max_ms", (double)loop.lag_max / 1000);
	jw_key(w, "lag_histogram");
	jw_array(w);
	for (int i = 0; i < LOOP_LAG_BUCKETS; i++) {
		if (loop.lag_histogram[i] == 0)
			continue;
		jw_array(w);
		if (i + 1 < LOOP_LAG_BUCKETS)
			jw_real(w, (double)(64LL << i) / 1000);
		else
			jw_null(w);
		jw_int(w, (int64_t)loop.lag_histogram[i]);
		jw_array_end(w);
	}
	jw_array_end(w);
	jw_put_int(w, "slow_coroutines", (int64_t)coro.slow);
	jw_put_int(w, "turns", (int64_t)loop.turns);
	jw_object_end(w);
	jw_key(w, "coroutines");
	jw_object(w);
	jw_put_int(w, "alive", (int64_t)coro.alive);
	jw_put_int(w, "peak", (int64_t)coro.peak);
	jw_put_int(w, "stack_bytes", (int64_t)coro.stack_bytes);
	jw_put_string(w, "guard", coro.guard);
	jw_object_end(w);
}

static void put_work(struct jwriter *w, const struct parts *parts)
{
	struct pool_stats pool;

	pool_stats(parts->pool, &pool);
	jw_key(w, "pool");
	jw_object(w);
	jw_put_int(w, "processes", pool.processes);
	jw_put_int(w, "busy", pool.busy);
	jw_put_int(w, "idle", pool.idle);
	jw_put_int(w, "starting", pool.starting);
	jw_put_int(w, "throttled", pool.throttled);
	jw_put_int(w, "spawned", (int64_t)pool.spawned);
	jw_put_int(w, "died", (int64_t)pool.died);
	jw_object_end(w);
	jw_key(w, "io");
	jw_object(w);
	jw_put_int(w, "running", (int64_t)parts->attempts.alive[CLASS_IO]);
	jw_put_int(w, "limit", (int64_t)parts->dispatch.io_jobs);
	jw_object_end(w);
}

static void put_clients(struct jwriter *w, const struct parts *parts)
{
	jw_key(w, "connections");
	jw_object(w);
	jw_put_int(w, "open", (int64_t)parts->connections);
	jw_put_int(w, "limit", (int64_t)parts->limits.connections);
	jw_put_int(w, "accepted", (int64_t)parts->accepted);
	jw_object_end(w);
	jw_key(w, "requests");
	jw_object(w);
	jw_put_int(w, "in_flight", (int64_t)parts->requests);
	jw_object_end(w);
}

static void put_store(struct jwriter *w, const struct parts *parts)
{
	struct store_stats store;

	store_stats(parts->store, &store);
	jw_key(w, "store");
	jw_object(w);
	jw_put_string(w, "backend", store.backend);
	jw_put_string(w, "path", store.path);
	jw_put_bool(w, "writable", store.writable);
	jw_put_int(w, "transactions", (int64_t)store.transactions);
	jw_put_int(w, "operations", (int64_t)store.operations);
	jw_put_int(w, "failures", (int64_t)store.failures);
	jw_put_int(w, "waiting", (int64_t)store.waiting);
	jw_put_real(w, "commit_ms", (double)store.commit_last / 1000);
	jw_put_real(w, "commit_max_ms", (double)store.commit_max / 1000);
	jw_put_int(w, "database_bytes", store.database_bytes);
	jw_put_int(w, "wal_bytes", store.wal_bytes);
	jw_put_int(w, "pages_written", (int64_t)store.pages);
	jw_object_end(w);
}

static int daemon_status(struct call *call)
{
	const struct parts *parts = call->parts;
	struct jwriter *w = &call->w;

	if (params_done(&call->params) != 0)
		return -1;
	jw_object(w);
	jw_put_string(w, "version", PACKAGE_VERSION);
	jw_put_seconds(w, "uptime", (clock_mono() - parts->started) / 1000);
	jw_put_int(w, "pid", getpid());
	jw_put_bool(w, "draining", parts->dispatch.draining);
	put_counts(w, parts);
	put_loop(w);
	put_work(w, parts);
	put_clients(w, parts);
	put_store(w, parts);
	jw_object_end(w);
	return 0;
}

/* ---- control ---- */

static int set_draining(struct call *call, bool draining)
{
	if (params_done(&call->params) != 0)
		return -1;
	call->parts->dispatch.draining = call->parts->attempts.draining = draining;
	dispatch_wake(&call->parts->dispatch);
	attempts_look_again(&call->parts->attempts);
	if (draining)
		store_probe(call->parts->store);	/* behind the claims of what has begun: these are told before the reply */
	jw_object(&call->w);
	jw_put_bool(&call->w, "draining", draining);
	jw_object_end(&call->w);
	return 0;
}

static int daemon_drain(struct call *call)
{
	return set_draining(call, true);
}

static int daemon_resume(struct call *call)
{
	return set_draining(call, false);
}

static int daemon_reload(struct call *call)
{
	char why[256];

	if (params_done(&call->params) != 0)
		return -1;
	if (call->parts->reload(call->parts->arg, why, sizeof(why)) != 0)
		return rpc_error_set(&call->error, RPC_CONFLICT, NULL, "the configuration stays as it was: %s", why);
	jw_object(&call->w);
	jw_put_bool(&call->w, "reloaded", true);
	jw_object_end(&call->w);
	return 0;
}

/* ---- backup ---- */

static int backup_refuse(struct call *call, int rc, const struct backup *backup)
{
	switch (rc) {
	case -EEXIST:
		return rpc_error_set(&call->error, RPC_CONFLICT, "path", "%s is there already", backup->path);
	case -ENOSPC:
	case -EDQUOT:
	case -EFBIG:
	case -EIO:
		return rpc_error_set(&call->error, RPC_STORAGE, "path", "%s was not made: %s", backup->path, backup->why);
	case -ECANCELED:
	case -ENOMEM:
		return command_fail(call, rc);
	default:
		return rpc_error_set(&call->error, RPC_INVALID_PARAMS, "path", "%s cannot be made: %s", backup->path, backup->why);
	}
}

static int daemon_backup(struct call *call)
{
	struct backup backup = { .path = params_need_string(&call->params, "path") };
	int rc;

	if (backup.path[0] != '/' || strlen(backup.path) > BACKUP_PATH_MAX)
		params_refuse(&call->params, "path", "must be absolute, and at most %d bytes", BACKUP_PATH_MAX);
	if (params_done(&call->params) != 0)
		return -1;
	if (call->parts->backing_up)
		return rpc_error_set(&call->error, RPC_CONFLICT, NULL, "a backup is being made already");
	call->parts->backing_up = true;
	rc = store_backup(call->parts->store, &backup);
	call->parts->backing_up = false;
	if (rc != 0)
		return backup_refuse(call, rc, &backup);
	log_info("backup of %lld bytes in %s", (long long)backup.bytes, backup.path);
	jw_object(&call->w);
	jw_put_string(&call->w, "path", backup.path);
	jw_put_int(&call->w, "bytes", backup.bytes);
	jw_object_end(&call->w);
	return 0;
}

const struct command command_daemon_ping = { "daemon.ping", false, daemon_ping };
const struct command command_daemon_status = { "daemon.status", false, daemon_status };
const struct command command_daemon_drain = { "daemon.drain", true, daemon_drain };
const struct command command_daemon_resume = { "daemon.resume", false, daemon_resume };
const struct command command_daemon_reload = { "daemon.reload", true, daemon_reload };
const struct command command_daemon_backup = { "daemon.backup", true, daemon_backup };
