/*
 * zone_file: the bytes of a TZif file → the changes of a zone's offset.
 *
 * The format is RFC 9636's (and RFC 8536's), version 2 or later: the part with 64-bit times, and the rule that ends
 * the file. Pure: whatever the bytes are, the answer is a sane table or a sentence.
 */
#ifndef JOBD_ZONE_FILE_H
#define JOBD_ZONE_FILE_H

#include "cron/zone_rule.h"

struct zone_change {
	int64_t at;		/* Unix seconds, -2^59 .. 2^59 */
	int32_t offset;		/* from then on; more than -25 and less than 26 hours */
};

struct zone_table {
	int32_t first;		/* the offset before any change */
	struct zone_change *changes;	/* `n`, in order, each to another offset; NULL if none */
	size_t n;
	bool has_rule;
	int64_t rule_from;	/* the rule holds from then on; INT64_MIN: always */
	struct zone_rule rule;
};

enum { ZONE_FILE_MAX = 256 << 10 };	/* bytes; the largest of all is some 4 KiB */

/*
 * 0; -EBADMSG: damaged, or of a kind that is of no use here, and *why says in
 * what way ("ends too early"); -ENOMEM. In case of error *out holds nothing.
 */
int zone_file_parse(const void *bytes, size_t len, struct zone_table *out, const char **why);

void zone_table_clear(struct zone_table *table);

#endif
