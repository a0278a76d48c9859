#include "store/idlist.h"

#include <errno.h>

enum { STEP_BITS = 7, STEP_MORE = 1 << STEP_BITS, STEP_BYTES = 10 };

void idlist_init(struct idlist *l)
{
	buf_init(&l->bytes);
	l->first = l->last = 0;
	l->n = 0;
}

void idlist_free(struct idlist *l)
{
	buf_free(&l->bytes);
	idlist_init(l);
}

/* A step up or down as a small number: 0, -1, 1, -2, ... */
static uint64_t step_fold(int64_t step)
{
	return (uint64_t)step << 1 ^ (uint64_t)(step >> 63);
}

static int64_t step_unfold(uint64_t folded)
{
	return (int64_t)(folded >> 1) ^ -(int64_t)(folded & 1);
}

int idlist_put(struct idlist *l, int64_t id)
{
	uint64_t step = step_fold(id - l->last);
	unsigned char bytes[STEP_BYTES];
	size_t n = 0;

	for (; step >= STEP_MORE; step >>= STEP_BITS)
		bytes[n++] = (unsigned char)(step | STEP_MORE);
	bytes[n++] = (unsigned char)step;
	buf_put(&l->bytes, bytes, n);
	if (buf_failed(&l->bytes))
		return -ENOMEM;
	l->last = id;
	l->n++;
	return 0;
}

size_t idlist_take(struct idlist *l, int64_t *ids, size_t max)
{
	const unsigned char *at = (const unsigned char *)buf_data(&l->bytes), *begin = at;
	size_t n;

	for (n = 0; n < max && n < l->n; n++) {
		uint64_t step = 0;
		unsigned shift = 0;

		do {
			step |= (uint64_t)(*at & (STEP_MORE - 1)) << shift;
			shift += STEP_BITS;
		} while (*at++ & STEP_MORE);
		l->first += step_unfold(step);
		ids[n] = l->first;
	}
	if (n > 0)
		buf_consume(&l->bytes, (size_t)(at - begin));
	l->n -= n;
	return n;
}
