#include "backlog/job.h"

#include <stdlib.h>

struct job *job_new(const struct job_row *row)
{
	struct job *job = calloc(1, sizeof(*job));

	if (job == NULL)
		return NULL;
	job->row = *row;
	job->row.spec = row->spec != NULL ? job_spec_ref(row->spec) : NULL;
	return job;
}

void job_free(struct job **job)
{
	if (*job == NULL)
		return;
	if ((*job)->row.spec != NULL)
		job_spec_unref(&(*job)->row.spec);
	free(*job);
	*job = NULL;
}

void job_take_over(struct job *job, const struct job_row *row)
{
	struct job_spec *spec = job->row.spec;

	job->row = *row;
	job->row.spec = spec;
}
