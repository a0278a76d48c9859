/* lines: a file's lines, one after the other, none of them beyond all bounds. */
#ifndef JOBCTL_LINES_H
#define JOBCTL_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum { LINES_MAX_BYTES = 16 * 1024 * 1024 };

struct lines {
	int fd;
	bool ended;
	struct buf in;
	size_t taken;		/* of `in`: the line handed out last */
	int64_t number;		/* of that line, from 1 */
	int64_t bytes;		/* of all lines handed out */
};

/* path: "-" is stdin. 0, or -errno. */
int lines_open(struct lines *l, const char *path);
void lines_close(struct lines *l);

/* 1: a line, valid until the next call, without its newline; 0: the end; -EFBIG: longer than LINES_MAX_BYTES; -errno. */
int lines_next(struct lines *l, const char **line, size_t *len);

#endif
