#include "client/lines.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { LINES_PIECE = 256 * 1024 };

int lines_open(struct lines *l, const char *path)
{
	memset(l, 0, sizeof(*l));
	buf_init(&l->in);
	l->fd = strcmp(path, "-") == 0 ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);
	return l->fd < 0 ? -errno : 0;
}

void lines_close(struct lines *l)
{
	if (l->fd >= 0)
		close(l->fd);
	l->fd = -1;
	buf_free(&l->in);
}

/* Reads one piece more. */
static int lines_fill(struct lines *l)
{
	char *to = buf_reserve(&l->in, LINES_PIECE);
	ssize_t n;

	if (to == NULL)
		return -ENOMEM;
	do
		n = read(l->fd, to, LINES_PIECE);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	buf_commit(&l->in, (size_t)n);
	l->ended = n == 0;
	return 0;
}

int lines_next(struct lines *l, const char **line, size_t *len)
{
	size_t looked = 0;

	buf_consume(&l->in, l->taken);
	l->taken = 0;
	for (;;) {
		size_t have = buf_len(&l->in);
		const char *newline = have > looked ? memchr(buf_data(&l->in) + looked, '\n', have - looked) : NULL;
		int rc;

		if (newline != NULL || (l->ended && have > 0)) {
			*line = buf_data(&l->in);
			*len = newline != NULL ? (size_t)(newline - *line) : have;
			l->taken = *len + (newline != NULL);
			l->bytes += (int64_t)l->taken;
			l->number++;
			return 1;
		}
		if (l->ended)
			return 0;
		looked = have;
		if (have > LINES_MAX_BYTES) {
			l->number++;
			return -EFBIG;
		}
		rc = lines_fill(l);
		if (rc < 0)
			return rc;
	}
}
