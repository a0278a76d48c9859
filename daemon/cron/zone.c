#include "cron/zone.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cron/zone_file.h"

enum { ZONE_PATH_MAX = 512 };

struct zone {
	struct zone_table table;
};

/* ---- the file ---- */

/* Names that stay inside the directory: parts of plain characters, between single slashes. */
static bool zone_name_ok(const char *name)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-/";
	size_t len = strnlen(name, ZONE_NAME_MAX + 1);

	return len > 0 && len <= ZONE_NAME_MAX && name[strspn(name, allowed)] == '\0' && name[0] != '/' &&
	       name[len - 1] != '/' && strstr(name, "//") == NULL;
}

/* Up to ZONE_FILE_MAX + 1 bytes. Their number, or -errno. */
static ssize_t zone_read_all(int fd, unsigned char *to)
{
	size_t len = 0;
	ssize_t n;

	do {
		n = read(fd, to + len, ZONE_FILE_MAX + 1 - len);
		if (n < 0 && errno != EINTR)
			return -errno;
		len += n > 0 ? (size_t)n : 0;
	} while (n != 0 && len <= ZONE_FILE_MAX);
	return (ssize_t)len;
}

static int zone_read_fd(int fd, struct zone_table *table, const char **why)
{
	unsigned char *bytes;
	struct stat st;
	ssize_t len;
	int rc;

	if (fstat(fd, &st) != 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -ENOENT;		/* "Europe" is a directory, and no zone */
	bytes = malloc(ZONE_FILE_MAX + 1);
	if (bytes == NULL)
		return -ENOMEM;
	len = zone_read_all(fd, bytes);
	if (len < 0) {
		rc = (int)len;
	} else if (len > ZONE_FILE_MAX) {
		*why = "is far too large";
		rc = -EBADMSG;
	} else {
		rc = zone_file_parse(bytes, (size_t)len, table, why);
	}
	free(bytes);
	return rc;
}

static int zone_read_file(const char *path, struct zone_table *table, const char **why)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	int rc;

	if (fd < 0)
		return -errno;
	rc = zone_read_fd(fd, table, why);
	close(fd);
	return rc;
}

static void zone_explain(int rc, const char *directory, const char *name, const char *problem, char *why, size_t size)
{
	switch (rc) {
	case -EINVAL:
		snprintf(why, size, "must be the name of an IANA time zone, such as Europe/Berlin or UTC: letters, "
			 "digits, _, +, - and single slashes between them");
		break;
	case -ENOENT:
	case -ENOTDIR:
		if (access(directory, F_OK) != 0)
			snprintf(why, size, "must be \"UTC\" here: this machine has no time zones, for there is no %s "
				 "(package tzdata)", directory);
		else
			snprintf(why, size, "must be an IANA time zone that this machine knows: there is no \"%s\" in "
				 "%s", name, directory);
		break;
	case -EBADMSG:
		snprintf(why, size, "cannot be used: %s/%s %s", directory, name, problem);
		break;
	default:
		snprintf(why, size, "cannot be read from %s/%s: %s", directory, name, strerrordesc_np(-rc));
	}
}

static int zone_load(const char *directory, const char *name, struct zone_table *table, const char **problem)
{
	char path[ZONE_PATH_MAX];

	if (!zone_name_ok(name))
		return -EINVAL;
	if (strcmp(name, "UTC") == 0)
		return 0;		/* all zeros */
	if (snprintf(path, sizeof(path), "%s/%s", directory, name) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	return zone_read_file(path, table, problem);
}

int zone_open_in(const char *directory, const char *name, struct zone **out, char *why, size_t why_size)
{
	struct zone *zone = calloc(1, sizeof(*zone));
	const char *problem = "";
	int rc = zone != NULL ? zone_load(directory, name, &zone->table, &problem) : -ENOMEM;

	*out = zone;
	if (rc != 0) {
		zone_explain(rc, directory, name, problem, why, why_size);
		zone_close(out);
	}
	return rc == -ENOTDIR ? -ENOENT : rc;
}

int zone_open(const char *name, struct zone **out, char *why, size_t why_size)
{
	return zone_open_in(ZONE_DIRECTORY, name, out, why, why_size);
}

void zone_close(struct zone **zone)
{
	if (*zone == NULL)
		return;
	zone_table_clear(&(*zone)->table);
	free(*zone);
	*zone = NULL;
}

/* ---- the offset ---- */

/* How many changes come no later than `at`. */
static size_t zone_changes_until(const struct zone_table *t, int64_t at)
{
	size_t low = 0, high = t->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (t->changes[middle].at <= at)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct zone_span zone_span(const struct zone *zone, int64_t at)
{
	const struct zone_table *t = &zone->table;
	struct zone_span span = { INT64_MIN, INT64_MAX, t->first };
	size_t n;

	if (t->has_rule && at >= t->rule_from) {
		span = zone_rule_span(&t->rule, at);
		if (span.from < t->rule_from)
			span.from = t->rule_from;
		return span;
	}
	n = zone_changes_until(t, at);
	if (n > 0) {
		span.from = t->changes[n - 1].at;
		span.offset = t->changes[n - 1].offset;
	}
	if (n < t->n)
		span.until = t->changes[n].at;
	else if (t->has_rule)
		span.until = t->rule_from;
	return span;
}

int32_t zone_offset(const struct zone *zone, int64_t at)
{
	return zone_span(zone, at).offset;
}
