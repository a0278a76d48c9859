/* times: points in time as people write and read them, in the local time zone. */
#ifndef JOBCTL_TIMES_H
#define JOBCTL_TIMES_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * "2026-12-01", "2026-12-01T09:00", "2026-12-01 09:00:30", "18:30" (today),
 * "@1790000000" (Unix seconds), "now", and RFC 3339 with its offset, which
 * alone is not local. → Unix milliseconds. 0; or -1 with a sentence in why.
 */
int times_read(const char *text, int64_t *ms, char *why, size_t why_size);

/* Is it a time of day without a date? */
bool times_is_clock(const char *text);

enum { TIMES_SIZE = 40 };

/* "2026-12-01 09:00:00", local; for people. */
void times_show(char out[TIMES_SIZE], int64_t ms);

/* A span as the wire has it: seconds, an integer where they are whole. */
json_t *times_seconds(int64_t ms);

#endif
