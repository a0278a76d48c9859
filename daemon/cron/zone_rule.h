/*
 * zone_rule: how a time zone goes on for ever, from the text that ends its file.
 *
 * The text is POSIX's TZ variable, with the hours -167..167 that RFC 9636 (section 3.3.2) allows:
 * "CET-1CEST,M3.5.0,M10.5.0/3". Times are Unix seconds; offsets are seconds east of UTC. Pure.
 */
#ifndef JOBD_ZONE_RULE_H
#define JOBD_ZONE_RULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A stretch of time in which the offset stays. Two that meet may have the same. */
struct zone_span {
	int64_t from;		/* first second; INT64_MIN: since ever */
	int64_t until;		/* one past the last; INT64_MAX: for ever */
	int32_t offset;
};

enum zone_rule_form {
	ZONE_RULE_JULIAN,	/* Jn: day 1-365, February 29 is never counted */
	ZONE_RULE_DAY,		/* n: day 0-365, February 29 is */
	ZONE_RULE_WEEKDAY	/* Mm.w.d: the w-th weekday d of month m, 5 = the last */
};

/* One moment of each year. */
struct zone_rule_moment {
	enum zone_rule_form form;
	int month, week, day;
	int32_t seconds;	/* after local midnight, maybe days off; by the offset that ends */
};

struct zone_rule {
	int32_t standard;
	bool has_summer;	/* the rest has a meaning */
	int32_t summer;
	struct zone_rule_moment begin, end;
};

/* 0, or -EINVAL: it is no such text, or one without the rule that it needs. */
int zone_rule_parse(const char *text, size_t len, struct zone_rule *out);

struct zone_span zone_rule_span(const struct zone_rule *rule, int64_t at);

#endif
