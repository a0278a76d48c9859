#include "store/job_row.h"

#include <stdlib.h>
#include <string.h>

const char *outcome_kind_name(enum outcome_kind kind)
{
	static const char *const names[] = {
		[OUTCOME_SUCCEEDED] = "succeeded",
		[OUTCOME_FAILED] = "failed",
		[OUTCOME_CANCELLED] = "cancelled",
		[OUTCOME_INTERRUPTED] = "interrupted",
	};

	return names[kind];
}

static size_t text_size(const char *text)
{
	return text != NULL ? strlen(text) + 1 : 0;
}

/* Moves *text into the block at *to, and *to behind it. */
static void text_settle(const char **text, char **to)
{
	size_t size = text_size(*text);

	if (size == 0)
		return;
	memcpy(*to, *text, size);
	*text = *to;
	*to += size;
}

struct job_spec *job_spec_new(const struct job_spec *from)
{
	size_t bytes = sizeof(*from) + text_size(from->type) + text_size(from->queue) + text_size(from->args) +
		       text_size(from->tags) + text_size(from->meta) + text_size(from->unique_key) + text_size(from->after) +
		       text_size(from->schedule) + text_size(from->group) + text_size(from->concurrency_key);
	struct job_spec *spec = malloc(bytes);
	char *to;

	if (spec == NULL)
		return NULL;
	to = (char *)(spec + 1);
	*spec = *from;
	spec->refs = 1;
	spec->bytes = bytes;
	spec->args_len = from->args != NULL ? strlen(from->args) : 0;
	text_settle(&spec->type, &to);
	text_settle(&spec->queue, &to);
	text_settle(&spec->args, &to);
	text_settle(&spec->tags, &to);
	text_settle(&spec->meta, &to);
	text_settle(&spec->unique_key, &to);
	text_settle(&spec->after, &to);
	text_settle(&spec->schedule, &to);
	text_settle(&spec->group, &to);
	text_settle(&spec->concurrency_key, &to);
	return spec;
}

struct job_spec *job_spec_ref(struct job_spec *spec)
{
	spec->refs++;
	return spec;
}

void job_spec_unref(struct job_spec **spec)
{
	if (*spec != NULL && --(*spec)->refs == 0)
		free(*spec);
	*spec = NULL;
}

size_t job_record_bytes(const struct job_record *record)
{
	return (record->row.spec != NULL ? record->row.spec->bytes : 0) + (record->result != NULL ? strlen(record->result) : 0);
}

void job_record_free(struct job_record *record)
{
	for (size_t i = 0; i < record->history_len; i++) {
		free(record->history[i].reason);
		free(record->history[i].message);
		free(record->history[i].where);
	}
	free(record->history);
	free(record->result);
	free(record->reason);
	free(record->message);
	free(record->progress);
	job_spec_unref(&record->row.spec);
	memset(record, 0, sizeof(*record));
}
