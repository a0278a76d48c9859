#include "proto/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ADDRESS_FORMS "an address is host:port, [IPv6]:port, tls://host:port or unix:PATH"

static int address_parse_path(const char *path, struct address *out, char *why, unsigned why_size)
{
	out->kind = ADDRESS_UNIX;
	if (*path == '\0' || strlen(path) >= sizeof(out->path)) {
		snprintf(why, why_size, "a Unix socket's path must have 1 to %zu bytes, not %zu", sizeof(out->path) - 1,
			 strlen(path));
		return -EINVAL;
	}
	strcpy(out->path, path);
	return 0;
}

static int address_parse_port(const char *text, struct address *out, char *why, unsigned why_size)
{
	size_t len = strspn(text, "0123456789");
	long port = len > 0 && len <= 5 ? strtol(text, NULL, 10) : -1;

	if (text[len] != '\0' || port < 0 || port > 65535) {
		snprintf(why, why_size, "the port must be a number from 0 to 65535, not \"%.40s\"; " ADDRESS_FORMS, text);
		return -EINVAL;
	}
	snprintf(out->port, sizeof(out->port), "%ld", port);
	return 0;
}

/* "fe80::1%eth0" too: a link-local address needs to say on which link. */
static bool address_is_v6(const char *host)
{
	char plain[INET6_ADDRSTRLEN];
	struct in6_addr in6;
	size_t len = strcspn(host, "%");

	if (len >= sizeof(plain) || (host[len] == '%' && host[len + 1] == '\0'))
		return false;
	memcpy(plain, host, len);
	plain[len] = '\0';
	return inet_pton(AF_INET6, plain, &in6) == 1;
}

static bool address_is_name(const char *host)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_";

	return host[0] != '\0' && host[strspn(host, allowed)] == '\0';
}

/* "host:port" or "[v6]:port" into host and port. */
static int address_parse_host(const char *text, struct address *out, char *why, unsigned why_size)
{
	bool bracket = text[0] == '[';
	const char *host = text + bracket;
	const char *end = bracket ? strchr(host, ']') : strrchr(host, ':');
	const char *colon = end != NULL ? end + bracket : NULL;

	if (colon == NULL || *colon != ':') {
		snprintf(why, why_size, "\"%.100s\" has no port; " ADDRESS_FORMS, text);
		return -EINVAL;
	}
	if ((size_t)(end - host) >= sizeof(out->host)) {
		snprintf(why, why_size, "the host may have at most %zu bytes; " ADDRESS_FORMS, sizeof(out->host) - 1);
		return -EINVAL;
	}
	memcpy(out->host, host, (size_t)(end - host));
	out->host[end - host] = '\0';
	if (bracket ? !address_is_v6(out->host) : !address_is_name(out->host)) {
		snprintf(why, why_size, "\"%.100s\" is not %s; " ADDRESS_FORMS, out->host,
			 bracket ? "an IPv6 address" : "a host's name or IPv4 address");
		return -EINVAL;
	}
	return address_parse_port(colon + 1, out, why, why_size);
}

int address_parse(const char *text, struct address *out, char *why, unsigned why_size)
{
	memset(out, 0, sizeof(*out));
	if (strncmp(text, "unix:", 5) == 0)
		return address_parse_path(text + 5, out, why, why_size);
	out->kind = strncmp(text, "tls://", 6) == 0 ? ADDRESS_TLS : ADDRESS_TCP;
	return address_parse_host(out->kind == ADDRESS_TLS ? text + 6 : text, out, why, why_size);
}
