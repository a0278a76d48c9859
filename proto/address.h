/*
 * address: where a daemon listens or is called.
 *
 * "host:port", "[v6]:port", "tls://host:port", "unix:PATH".
 */
#ifndef JOBD_ADDRESS_H
#define JOBD_ADDRESS_H

enum address_kind { ADDRESS_TCP, ADDRESS_TLS, ADDRESS_UNIX };

struct address {
	enum address_kind kind;
	char host[256];		/* TCP, TLS: a name or a numeric address, without brackets */
	char port[8];		/* TCP, TLS: decimal, 0..65535 */
	char path[108];		/* UNIX */
};

/* 0; or -EINVAL with a sentence in why[why_size] that says what is allowed. */
int address_parse(const char *text, struct address *out, char *why, unsigned why_size);

#endif
