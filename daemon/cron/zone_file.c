/*
 * A file is a header and a block with 32-bit times, which are passed over;
 * a header and a block with 64-bit times; and a line with the rule.
 */
#include "cron/zone_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	ZONE_HEADER = 44, ZONE_TYPE = 6,
	ZONE_TIMES_MAX = 2000,		/* of the real ones, none has 300 */
	ZONE_TYPES_MAX = 256,		/* their index is a byte */
	ZONE_OFFSET_MIN = -25 * 3600 + 1, ZONE_OFFSET_MAX = 26 * 3600 - 1
};

#define ZONE_TIME_MAX (INT64_C(1) << 59)	/* RFC 9636: nothing is earlier than -2^59; nor is anything so late */

/* What is left of the file. */
struct zone_bytes {
	const unsigned char *at;
	size_t len;
};

/* The six counts of a header, in its order. */
struct zone_counts {
	uint32_t utc_marks, standard_marks, leaps, times, types, chars;
};

/* The next n bytes, passed; NULL when there are fewer. */
static const unsigned char *zone_take(struct zone_bytes *b, uint64_t n)
{
	const unsigned char *at = b->at;

	if (n > b->len)
		return NULL;
	b->at += n;
	b->len -= n;
	return at;
}

static uint32_t zone_be32(const unsigned char *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static int64_t zone_be64(const unsigned char *p)
{
	return (int64_t)((uint64_t)zone_be32(p) << 32 | zone_be32(p + 4));
}

/* NULL, or what is wrong. */
static const char *zone_read_header(struct zone_bytes *b, struct zone_counts *counts)
{
	const unsigned char *p = zone_take(b, ZONE_HEADER);

	if (p == NULL)
		return "ends too early";
	if (memcmp(p, "TZif", 4) != 0)
		return "is no TZif file";
	if (p[4] < '2')
		return "is of version 1, and version 2 or later is needed";
	*counts = (struct zone_counts){ zone_be32(p + 20), zone_be32(p + 24), zone_be32(p + 28), zone_be32(p + 32),
					zone_be32(p + 36), zone_be32(p + 40) };
	return NULL;
}

/* Of a block whose times have so many bytes. */
static uint64_t zone_block_size(const struct zone_counts *c, unsigned time_size)
{
	return (uint64_t)c->times * (time_size + 1) + (uint64_t)c->types * ZONE_TYPE + c->chars +
	       (uint64_t)c->leaps * (time_size + 4) + c->standard_marks + c->utc_marks;
}

static const char *zone_check_counts(const struct zone_counts *c)
{
	if (c->leaps != 0)
		return "counts leap seconds, which Unix time does not";
	if (c->types == 0 || c->types > ZONE_TYPES_MAX || c->chars == 0 || c->times > ZONE_TIMES_MAX ||
	    (c->standard_marks != 0 && c->standard_marks != c->types) ||
	    (c->utc_marks != 0 && c->utc_marks != c->types))
		return "has an impossible header";
	return NULL;
}

static const char *zone_check_types(const unsigned char *types, const struct zone_counts *c)
{
	for (uint32_t i = 0; i < c->types; i++) {
		const unsigned char *type = types + i * ZONE_TYPE;
		int32_t offset = (int32_t)zone_be32(type);

		if (offset < ZONE_OFFSET_MIN || offset > ZONE_OFFSET_MAX)
			return "has an offset of more than a day";
		if (type[4] > 1 || type[5] >= c->chars)
			return "has an impossible kind of time";
	}
	return NULL;
}

/* Fills in changes; a type that has the offset of the one before it (another name) is none. */
static const char *zone_read_changes(const unsigned char *times, const unsigned char *indices,
				     const unsigned char *types, const struct zone_counts *c, struct zone_table *out)
{
	int32_t offset = out->first;
	int64_t before = -ZONE_TIME_MAX - 1;

	for (uint32_t i = 0; i < c->times; i++) {
		int64_t at = zone_be64(times + i * 8);
		int32_t next;

		if (at <= before || at > ZONE_TIME_MAX)
			return "has changes out of order";
		if (indices[i] >= c->types)
			return "has a change to nothing";
		next = (int32_t)zone_be32(types + indices[i] * ZONE_TYPE);
		if (next != offset)
			out->changes[out->n++] = (struct zone_change){ at, next };
		offset = next;
		before = at;
	}
	out->rule_from = c->times > 0 ? before : INT64_MIN;
	return NULL;
}

static const char *zone_read_rule(struct zone_bytes *b, struct zone_table *out)
{
	const unsigned char *line = b->at + 1;
	const unsigned char *end = b->len > 0 && b->at[0] == '\n' ? memchr(line, '\n', b->len - 1) : NULL;

	if (end == NULL)
		return "ends too early";
	out->has_rule = end > line;
	if (out->has_rule && zone_rule_parse((const char *)line, (size_t)(end - line), &out->rule) != 0)
		return "ends in a rule that cannot be read";
	return NULL;
}

/* The 64-bit block and what follows. 0, -EBADMSG, or -ENOMEM. */
static int zone_read_block(struct zone_bytes *b, const struct zone_counts *c, struct zone_table *out, const char **why)
{
	const unsigned char *times = zone_take(b, (uint64_t)c->times * 8);
	const unsigned char *indices = zone_take(b, c->times);
	const unsigned char *types = zone_take(b, (uint64_t)c->types * ZONE_TYPE);

	*why = "ends too early";
	if (times == NULL || indices == NULL || types == NULL ||
	    zone_take(b, (uint64_t)c->chars + c->standard_marks + c->utc_marks) == NULL)
		return -EBADMSG;
	*why = zone_check_types(types, c);
	if (*why != NULL)
		return -EBADMSG;
	out->first = (int32_t)zone_be32(types);
	if (c->times > 0) {
		out->changes = calloc(c->times, sizeof(out->changes[0]));
		if (out->changes == NULL)
			return -ENOMEM;
		*why = zone_read_changes(times, indices, types, c, out);
	}
	if (*why == NULL && c->times == 0)
		out->rule_from = INT64_MIN;
	if (*why == NULL)
		*why = zone_read_rule(b, out);
	return *why == NULL ? 0 : -EBADMSG;
}

int zone_file_parse(const void *bytes, size_t len, struct zone_table *out, const char **why)
{
	struct zone_bytes b = { bytes, len };
	struct zone_counts counts;
	int rc;

	memset(out, 0, sizeof(*out));
	*why = zone_read_header(&b, &counts);
	if (*why == NULL && zone_take(&b, zone_block_size(&counts, 4)) == NULL)
		*why = "ends too early";
	if (*why == NULL)
		*why = zone_read_header(&b, &counts);
	if (*why == NULL)
		*why = zone_check_counts(&counts);
	if (*why != NULL)
		return -EBADMSG;
	rc = zone_read_block(&b, &counts, out, why);
	if (rc != 0)
		zone_table_clear(out);
	return rc;
}

void zone_table_clear(struct zone_table *table)
{
	free(table->changes);
	memset(table, 0, sizeof(*table));
}
