/*
 * zone: an IANA time zone: what local clocks show at a time.
 *
 * Read once from the system's zoneinfo, then arithmetic: no setenv, no tzset,
 * no globals, so that zones of many schedules live side by side, in any
 * thread. Times are Unix seconds; offsets are seconds east of UTC: local time
 * is time + offset. Sources: RFC 9636 and RFC 8536 (the files), POSIX (the rule
 * by which a zone goes on behind its table).
 */
#ifndef JOBD_ZONE_H
#define JOBD_ZONE_H

#include "cron/zone_rule.h"

#define ZONE_DIRECTORY "/usr/share/zoneinfo"
#define ZONE_NAME_MAX 64	/* bytes; the longest that is there has 32 */

struct zone;

/*
 * Opens a zone by its name, "Europe/Berlin". "UTC" needs no file. *out is the
 * caller's until zone_close; it never changes, even if the file does.
 * 0; -EINVAL: such a name cannot be; -ENOENT: no such zone here; -EBADMSG: its
 * file is damaged, or counts leap seconds; -ENOMEM; or what reading it gave.
 * *why then is a sentence without its subject: the name of the member that the
 * zone was the value of goes before it.
 */
int zone_open(const char *name, struct zone **out, char *why, size_t why_size);

/* The same from another directory. */
int zone_open_in(const char *directory, const char *name, struct zone **out, char *why, size_t why_size);

void zone_close(struct zone **zone);

/* The stretch of one offset in which `at` lies. Stretches meet without a gap; those that meet may have one offset. */
struct zone_span zone_span(const struct zone *zone, int64_t at);

int32_t zone_offset(const struct zone *zone, int64_t at);

#endif
