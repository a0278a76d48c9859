/*
 * zone_cache: the zones used last, kept open by whoever has many schedules and few zones.
 *
 * A zone that is here is not read again: after an update of the system's zones, clear the cache.
 */
#ifndef JOBD_ZONE_CACHE_H
#define JOBD_ZONE_CACHE_H

#include "cron/zone.h"

enum { ZONE_CACHE_MAX = 16 };

struct zone_cache {			/* all zeros: empty */
	struct zone_cache_entry {
		char name[ZONE_NAME_MAX + 1];
		struct zone *zone;	/* NULL: free */
		uint64_t used;		/* the look-up that used it last */
	} entries[ZONE_CACHE_MAX];
	uint64_t looks;
};

/* As zone_open, but *out stays the cache's: good until the next call. */
int zone_cache_get(struct zone_cache *cache, const char *name, const struct zone **out, char *why, size_t why_size);

void zone_cache_clear(struct zone_cache *cache);

#endif
