#include "store/fill_args.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "proto/jtext.h"
#include "proto/placeholder.h"

enum {
	CACHE_DOCUMENTS = 64,
	CACHE_BYTES = 8 << 20
};

struct fill_document {
	struct fill_source source;
	json_t *value;			/* NULL: there is no result */
};

/* One job's args being made. */
struct filler {
	struct filling *f;
	struct fill_cache *cache;
	fill_result_fn *result;
	void *arg;
	bool no_memory;
};

/* ---- results ---- */

void fill_cache_free(struct fill_cache *cache)
{
	for (size_t i = 0; i < cache->n; i++)
		json_decref(cache->v[i].value);
	free(cache->v);
	cache->v = NULL;
	cache->n = cache->bytes = 0;
}

/* A place for one more; NULL when out of memory. */
static struct fill_document *cache_room(struct fill_cache *cache)
{
	if (cache->n == CACHE_DOCUMENTS || cache->bytes > CACHE_BYTES)
		fill_cache_free(cache);
	if (cache->v == NULL)
		cache->v = calloc(CACHE_DOCUMENTS, sizeof(cache->v[0]));
	return cache->v != NULL ? &cache->v[cache->n] : NULL;
}

static struct fill_document *cache_read(struct filler *r, int64_t id)
{
	struct fill_document *d = cache_room(r->cache);
	char *text;
	size_t len;

	if (d == NULL)
		return NULL;
	*d = (struct fill_document){ .source = { .id = id } };
	text = r->result(r->arg, &d->source);
	len = text != NULL ? strlen(text) : 0;
	/* It is ours, and may nest deeper than what comes from outside. */
	d->value = text != NULL ? jtext_load(text, len) : NULL;
	free(text);
	if (len > 0 && d->value == NULL)
		return NULL;
	r->cache->n++;
	r->cache->bytes += len;
	r->cache->read += len;
	return d;
}

static struct fill_document *cache_find(struct filler *r, int64_t id)
{
	for (size_t i = 0; i < r->cache->n; i++)
		if (r->cache->v[i].source.id == id)
			return &r->cache->v[i];
	return cache_read(r, id);
}

/* Room for one more at powers of two. */
static int note_source(struct filling *f, const struct fill_source *source)
{
	if (f->sources_n > 0 && f->sources[f->sources_n - 1].id == source->id)
		return 0;
	if ((f->sources_n & (f->sources_n - 1)) == 0) {
		struct fill_source *more = realloc(f->sources, (f->sources_n > 0 ? 2 * f->sources_n : 1) * sizeof(*more));

		if (more == NULL)
			return -ENOMEM;
		f->sources = more;
	}
	f->sources[f->sources_n++] = *source;
	return 0;
}

static json_t *fill_refuse(struct filling *f, const struct fill_document *d, const char *pointer)
{
	long long id = (long long)d->source.id;

	if (d->source.attempt < 0)
		snprintf(f->why, sizeof(f->why), "job %lld, whose result its args ask for, is gone", id);
	else if (d->value == NULL)
		snprintf(f->why, sizeof(f->why), "job %lld, whose result its args ask for, has none", id);
	else
		snprintf(f->why, sizeof(f->why), "the result of job %lld, which its args ask for, has nothing at \"%.160s\"", id,
			 pointer);
	return NULL;
}

static json_t *fill_one(void *arg, json_t *placeholder)
{
	struct filler *r = arg;
	const char *pointer = placeholder_pointer(placeholder);
	struct fill_document *d = cache_find(r, json_integer_value(placeholder_job(placeholder)));
	json_t *value;

	if (d == NULL || pointer == NULL || note_source(r->f, &d->source) != 0) {
		r->no_memory = true;
		return NULL;
	}
	value = placeholder_point(d->value, pointer);
	return value != NULL ? json_incref(value) : fill_refuse(r->f, d, pointer);
}

/* ---- args ---- */

static int fill_text(struct filling *f, const json_t *value, size_t args_max)
{
	struct buf text;

	buf_init(&text);
	jtext_put(&text, value);
	if (buf_len(&text) > args_max) {
		snprintf(f->why, sizeof(f->why), "its args, filled in, would be %zu bytes long, and limits.message_bytes is %zu",
			 buf_len(&text), args_max);
		buf_free(&text);
		return 0;
	}
	f->args = buf_steal(&text, NULL);
	if (f->args == NULL)
		return -ENOMEM;
	if (jtext_too_deep(f->args, strlen(f->args)))
		snprintf(f->why, sizeof(f->why), "its args, filled in, would nest more than %d deep", JTEXT_DEPTH_MAX);
	return 0;
}

int fill_args(struct filling *f, const char *args, size_t args_max, struct fill_cache *cache, fill_result_fn *result, void *arg)
{
	struct filler r = { f, cache, result, arg, false };
	json_t *value = jtext_load(args, strlen(args)), *filled;
	int rc = 0;

	if (value == NULL)
		return -ENOMEM;
	filled = placeholder_fill(value, fill_one, &r);
	if (r.no_memory || (filled == NULL && f->why[0] == '\0'))
		rc = -ENOMEM;
	else if (filled != NULL && !json_is_object(filled))
		snprintf(f->why, sizeof(f->why), "its args, filled in, must be an object");
	else if (filled != NULL)
		rc = fill_text(f, filled, args_max);
	json_decref(filled);
	json_decref(value);
	return rc;
}
