#include "firing.h"

#include <errno.h>
#include <string.h>

#include "admit.h"
#include "proto/jtext.h"

int firing_timing(const struct schedule_row *row, struct zone_cache *zones, struct timing *out, char *why, size_t why_size)
{
	memset(out, 0, sizeof(*out));
	out->every = row->every;
	if (row->every > 0)
		return 0;
	if (cron_parse(row->cron, &out->cron, why, why_size) != 0)
		return -1;
	return zone_cache_get(zones, row->timezone, &out->zone, why, why_size) == 0 ? 0 : -1;
}

/* The job's spec says which firing it is of. */
static int name_firing(struct submission *s, const char *name, wall_ms at)
{
	struct job_spec named = *s->spec, *spec;

	named.schedule = name;
	named.scheduled_for = at;
	spec = job_spec_new(&named);
	job_spec_unref(&s->spec);
	s->spec = spec;
	return spec != NULL ? 0 : -1;
}

static int read_job(json_t *job, const struct schedule_row *row, wall_ms at, wall_ms now, struct submission *out,
		    struct rpc_error *error)
{
	struct params p;

	params_init(&p, job, "job.", error);
	if (admit_read(&p, now, out, NULL) != 0)
		return -1;
	out->request_id = NULL;		/* of the job's text, and refused at put */
	if (name_firing(out, row->name, at) == 0)
		return 0;
	admit_free(out);
	return rpc_error_set(error, RPC_OVERLOADED, NULL, "the daemon is out of memory: try later");
}

int firing_job(const struct schedule_row *row, wall_ms at, wall_ms now, struct submission *out, struct rpc_error *error)
{
	char why[120];
	json_t *job = jtext_parse(row->job, strlen(row->job), why, sizeof(why));
	int rc;

	if (job == NULL)
		return rpc_error_set(error, RPC_OVERLOADED, NULL, "the daemon is out of memory: try later");
	rc = read_job(job, row, at, now, out, error);
	json_decref(job);
	return rc;
}

int firing_refused(int rc, const struct submission *s, struct rpc_error *error)
{
	if (rc == -EEXIST || rc == -EBUSY)
		rpc_error_set(error, RPC_CONFLICT, "job.unique", "job %lld has the unique key \"%.100s\"%s", (long long)s->id,
			      s->spec->unique_key, rc == -EBUSY ? " and runs: it cannot be replaced" : "");
	else if (rc == -ENOENT)
		rpc_error_set(error, RPC_NOT_FOUND, "job.after", "there is no job %lld to wait for", (long long)s->missing);
	else if (rc == -EXFULL)
		rpc_error_set(error, RPC_OVERLOADED, "job.queue", "queue %s is full: %lld of its jobs wait, and its max_ready is %lld",
			      s->spec->queue, (long long)s->waiting, (long long)s->max_ready);
	else
		return 0;
	error->id = rc == -ENOENT ? s->missing : s->id;
	return -1;
}
