/*
 * The file's text is kept and cut up in place: each name becomes a row that
 * points into it. Rows are sorted by name, and by their place in the file among
 * equal ones, so that a look-up is a binary search however long the file (lists
 * that block advertisers have 100,000 lines). What is not "address name..." is
 * passed over, as everybody does.
 */
#include "coro/hosts.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"

enum { HOSTS_BYTES_MAX = 16 << 20, HOSTS_CHUNK = 64 << 10 };

struct hosts_row {
	const char *name;	/* in `text` */
	struct ip ip;
};

struct hosts {
	struct buf text;
	struct hosts_row *rows;
	size_t n, cap;
};

/* By name, then as in the file: names point into one text. */
static int hosts_order(const void *a, const void *b)
{
	const struct hosts_row *x = a, *y = b;
	int order = strcasecmp(x->name, y->name);

	return order != 0 ? order : (x->name > y->name) - (x->name < y->name);
}

static bool hosts_add(struct hosts *h, const char *name, const struct ip *ip)
{
	if (h->n == h->cap) {
		size_t cap = h->cap > 0 ? h->cap * 2 : 16;
		struct hosts_row *rows = realloc(h->rows, cap * sizeof(*rows));

		if (rows == NULL)
			return false;
		h->rows = rows;
		h->cap = cap;
	}
	h->rows[h->n++] = (struct hosts_row){ name, *ip };
	return true;
}

static bool hosts_ip(const char *text, struct ip *ip)
{
	ip->family = strchr(text, ':') != NULL ? AF_INET6 : AF_INET;
	return inet_pton(ip->family, text, ip->bytes) == 1;
}

static bool hosts_line(struct hosts *h, char *line)
{
	struct ip ip = { 0 };
	char *rest, *word;

	line[strcspn(line, "#")] = '\0';
	word = strtok_r(line, " \t\r", &rest);
	if (word == NULL || !hosts_ip(word, &ip))
		return true;
	while ((word = strtok_r(NULL, " \t\r", &rest)) != NULL)
		if (!hosts_add(h, word, &ip))
			return false;
	return true;
}

static void hosts_read(int fd, struct buf *text)
{
	ssize_t n;

	do {
		char *to = buf_reserve(text, HOSTS_CHUNK);

		n = to != NULL ? read(fd, to, HOSTS_CHUNK) : 0;
		if (n > 0)
			buf_commit(text, (size_t)n);
	} while (n > 0 && buf_len(text) <= HOSTS_BYTES_MAX);
	if (n != 0)
		buf_clear(text);	/* unreadable or endless */
}

static bool hosts_parse(struct hosts *h)
{
	char *line, *rest;

	buf_putc(&h->text, '\0');
	if (buf_failed(&h->text))
		return false;
	for (line = strtok_r(buf_data(&h->text), "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest))
		if (!hosts_line(h, line))
			return false;
	if (h->n > 0)
		qsort(h->rows, h->n, sizeof(h->rows[0]), hosts_order);
	return true;
}

struct hosts *hosts_load(const char *path)
{
	struct hosts *h = calloc(1, sizeof(*h));
	int fd;

	if (h == NULL)
		return NULL;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd >= 0) {
		hosts_read(fd, &h->text);
		close(fd);
	}
	if (!hosts_parse(h))
		hosts_free(&h);
	return h;
}

void hosts_free(struct hosts **h)
{
	if (*h == NULL)
		return;
	buf_free(&(*h)->text);
	free((*h)->rows);
	free(*h);
	*h = NULL;
}

/* The first row whose name does not come before `name`. */
static size_t hosts_lower(const struct hosts *h, const char *name)
{
	size_t low = 0, high = h->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcasecmp(h->rows[middle].name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

size_t hosts_find(const struct hosts *h, const char *name, int family, struct ip *out, size_t max)
{
	size_t n = 0;

	for (size_t i = hosts_lower(h, name); i < h->n && n < max && strcasecmp(h->rows[i].name, name) == 0; i++)
		if (family == AF_UNSPEC || family == h->rows[i].ip.family)
			out[n++] = h->rows[i].ip;
	return n;
}
