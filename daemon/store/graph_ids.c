#include "store/graph_ids.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

/* An entry of `after` or of a gap as an id. */
static int64_t graph_id(const struct submission *v, int64_t job)
{
	return job >= 0 ? job : v[-1 - job].id;
}

bool graph_ids_late(const struct submission *v, size_t i)
{
	for (size_t k = 0; k < v[i].after_n; k++)
		if (v[i].after[k] < 0 && (size_t)(-1 - v[i].after[k]) >= i)
			return true;
	return false;
}

static int ids_order(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/*
 * Leaves the first of each id. Sorted beside them, each id has a place there
 * that says whether it has been seen.
 */
static int ids_once(struct graph_ids *ids)
{
	int64_t *sorted = malloc((ids->n + 1) * sizeof(sorted[0]));
	bool *seen = calloc(ids->n + 1, sizeof(seen[0]));
	size_t kept = 0;

	if (sorted == NULL || seen == NULL) {
		free(sorted);
		free(seen);
		return -ENOMEM;
	}
	memcpy(sorted, ids->v, ids->n * sizeof(sorted[0]));
	qsort(sorted, ids->n, sizeof(sorted[0]), ids_order);
	for (size_t k = 0; k < ids->n; k++) {
		int64_t *found = bsearch(&ids->v[k], sorted, ids->n, sizeof(sorted[0]), ids_order);

		/* Where an id stands more than once, the search comes to the same of its places each time. */
		if (!seen[found - sorted])
			ids->v[kept++] = ids->v[k];
		seen[found - sorted] = true;
	}
	ids->n = kept;
	free(sorted);
	free(seen);
	return 0;
}

int graph_ids_of(struct graph_ids *ids, const struct submission *v, size_t i)
{
	ids->n = v[i].after_n;
	ids->v = malloc((ids->n + 1) * sizeof(ids->v[0]));
	if (ids->v == NULL)
		return -ENOMEM;
	for (size_t k = 0; k < ids->n; k++)
		ids->v[k] = graph_id(v, v[i].after[k]);
	if (ids_once(ids) == 0)
		return 0;
	graph_ids_free(ids);
	return -ENOMEM;
}

void graph_ids_free(struct graph_ids *ids)
{
	free(ids->v);
	ids->v = NULL;
	ids->n = 0;
}

char *graph_ids_text(const struct graph_ids *ids)
{
	struct buf b;

	buf_init(&b);
	for (size_t k = 0; k < ids->n; k++)
		buf_printf(&b, "%c%lld", k == 0 ? '[' : ',', (long long)ids->v[k]);
	buf_putc(&b, ']');
	return buf_steal(&b, NULL);
}

int graph_ids_read(struct graph_ids *ids, const char *text)
{
	char *end = (char *)text;

	ids->n = 0;
	ids->v = malloc((strlen(text) / 2 + 1) * sizeof(ids->v[0]));	/* an id has a digit and a comma at least */
	if (ids->v == NULL)
		return -ENOMEM;
	while (*end == '[' || *end == ',')
		ids->v[ids->n++] = strtoll(end + 1, &end, 10);
	return 0;
}

char *graph_ids_args(const struct submission *v, size_t i)
{
	const struct submission *s = &v[i];
	struct buf b;
	size_t from = 0;

	buf_init(&b);
	for (size_t k = 0; k < s->gaps_n; k++) {
		buf_put(&b, s->spec->args + from, s->gaps[k].at - from);
		buf_printf(&b, "%lld", (long long)graph_id(v, s->gaps[k].job));
		from = s->gaps[k].at;
	}
	buf_put(&b, s->spec->args + from, s->spec->args_len - from);
	return buf_steal(&b, NULL);
}
