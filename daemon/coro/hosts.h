/* hosts: the names of /etc/hosts, read once into a sorted table. */
#ifndef JOBD_HOSTS_H
#define JOBD_HOSTS_H

#include <stddef.h>

/* A bare address. */
struct ip {
	int family;		/* AF_INET or AF_INET6 */
	unsigned char bytes[16];	/* network order; the first 4 or all */
};

struct hosts;

/* Reads the file; one that cannot be read, or is unreasonably large, counts as empty. NULL when out of memory. */
struct hosts *hosts_load(const char *path);
void hosts_free(struct hosts **h);

/* The first `max` addresses listed for the name, whatever its case, of that family (AF_UNSPEC: any). How many. */
size_t hosts_find(const struct hosts *h, const char *name, int family, struct ip *out, size_t max);

#endif
