#include "cron/zone_cache.h"

#include <string.h>

/* The entry of that name; else the one to be replaced: free, or longest unused. */
static struct zone_cache_entry *zone_cache_find(struct zone_cache *cache, const char *name)
{
	struct zone_cache_entry *oldest = &cache->entries[0];

	for (int i = 0; i < ZONE_CACHE_MAX; i++) {
		struct zone_cache_entry *entry = &cache->entries[i];

		if (entry->zone != NULL && strcmp(entry->name, name) == 0)
			return entry;
		if (entry->used < oldest->used)
			oldest = entry;
	}
	return oldest;
}

int zone_cache_get(struct zone_cache *cache, const char *name, const struct zone **out, char *why, size_t why_size)
{
	struct zone_cache_entry *entry = zone_cache_find(cache, name);
	struct zone *zone;
	int rc;

	*out = NULL;
	if (entry->zone == NULL || strcmp(entry->name, name) != 0) {
		rc = zone_open(name, &zone, why, why_size);
		if (rc != 0)
			return rc;
		zone_close(&entry->zone);
		entry->zone = zone;
		strcpy(entry->name, name);	/* it fits, or it would be no name */
	}
	entry->used = ++cache->looks;
	*out = entry->zone;
	return 0;
}

void zone_cache_clear(struct zone_cache *cache)
{
	for (int i = 0; i < ZONE_CACHE_MAX; i++)
		zone_close(&cache->entries[i].zone);
	memset(cache, 0, sizeof(*cache));
}
