#include "store/schedule_row.h"

#include <stdlib.h>
#include <string.h>

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

struct schedule_row *schedule_row_new(const struct schedule_row *from)
{
	struct schedule_row *row = malloc(sizeof(*row) + text_size(from->name) + text_size(from->cron) +
					  text_size(from->timezone) + text_size(from->job) + text_size(from->error));
	char *to;

	if (row == NULL)
		return NULL;
	to = (char *)(row + 1);
	*row = *from;
	text_settle(&row->name, &to);
	text_settle(&row->cron, &to);
	text_settle(&row->timezone, &to);
	text_settle(&row->job, &to);
	text_settle(&row->error, &to);
	return row;
}

void schedule_tell(struct schedule_change *told, const struct schedule_row *row)
{
	told->paused = row->paused;
	told->every = row->every;
	told->jitter = row->jitter;
	told->since = row->since;
	told->next = row->next;
	told->waiting = row->waiting;
	told->last_job = row->last_job;
}

void schedule_page_free(struct schedule_page *page)
{
	for (size_t i = 0; i < page->n; i++)
		free(page->v[i]);
	free(page->v);
	memset(page, 0, sizeof(*page));
}
