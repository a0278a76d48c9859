/* timefmt: RFC 3339 times and durations as people write them. Times are Unix milliseconds. */
#ifndef JOBD_TIMEFMT_H
#define JOBD_TIMEFMT_H

#include <stddef.h>
#include <stdint.h>

enum { TIMEFMT_SIZE = 25 };	/* "2026-11-20T18:00:00.123Z" and a NUL */
#define TIMEFMT_LAST_MS INT64_C(253402300799999)	/* 9999-12-31T23:59:59.999Z: nothing later is written */

void timefmt_write(char out[TIMEFMT_SIZE], int64_t ms);

/* RFC 3339 with any offset and any number of decimals (cut to ms). 0, or -EINVAL. */
int timefmt_read(const char *text, int64_t *ms);

/* "90", "1.5", "250ms", "10m", "1h30m", "2d" → milliseconds. 0, -EINVAL, or -ERANGE. */
int timefmt_read_span(const char *text, int64_t *ms);

enum { TIMEFMT_SPAN_SIZE = 40 };

/* "1d 2h", "3m 20s", "1.5s": the two largest units of a span. */
void timefmt_write_span(char out[TIMEFMT_SPAN_SIZE], int64_t ms);

#endif
