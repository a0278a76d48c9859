/*
 * cronwalk: when a cron expression fires, found out the slow way.
 *
 * Goes minute by minute by the C library's localtime, in the zone that TZ names, as crond does: with a clock of its own that
 * follows the local one, and looks at how far that has run ahead or fallen back (crond(8), cronie's cron.c). Shares
 * nothing with the code under test.
 */
#ifndef JOBD_TEST_CRONWALK_H
#define JOBD_TEST_CRONWALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CRONWALK_MIXED = 10000 };

/* Local time over a range of Unix seconds, in quarters of an hour. */
struct cronwalk_clock {
	int64_t from, until;
	int *offsets;		/* minutes east of UTC; CRONWALK_MIXED: it changes within the quarter */
};

/* Sets TZ. */
void cronwalk_clock_open(struct cronwalk_clock *clock, const char *zone, int64_t from, int64_t until);
void cronwalk_clock_close(struct cronwalk_clock *clock);

/* The quarter after `at` in which or with which the offset changes next; clock->until if it does not. */
int64_t cronwalk_clock_change(const struct cronwalk_clock *clock, int64_t at);

struct cronwalk {
	bool minutes[60], hours[24], days[32], months[13], weekdays[8];
	bool both_days, wildcard;
};

/* Reads five fields that are known to be right. */
void cronwalk_read(struct cronwalk *walk, const char *text);

/* In Unix ms, strictly after; -1: not within `span` seconds, or within the clock's range. */
int64_t cronwalk_next(const struct cronwalk *walk, const struct cronwalk_clock *clock, int64_t after_ms, int64_t span);

#endif
