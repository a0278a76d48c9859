/* wire: the bench's blocking sockets, and a load of equal requests over many of them. */
#ifndef BENCH_WIRE_H
#define BENCH_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Seconds, monotonic. */
double bench_now(void);
/* For one who waits by asking: a millisecond that the asked may use. */
void bench_pause(void);
_Noreturn void bench_die(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* A blocking connection to 127.0.0.1 with a read buffer. */
struct wire {
	int fd;
	char *in;
	size_t start, end, cap;
};

void wire_open(struct wire *w, int port);
void wire_close(struct wire *w);
void wire_send(struct wire *w, const void *data, size_t len);
/* The next line, NUL-ended in place of its "\n"; valid until the next read. Dies at the end of file. */
char *wire_line(struct wire *w, size_t *len);
/* Exactly n bytes; valid until the next read. */
char *wire_bytes(struct wire *w, size_t n);

/* The same request `count` times over `connections`, each with at most `depth` unanswered. */
struct load {
	int port;
	int connections, depth, count;
	const char *hello;		/* sent first on each connection, for an answer of a line; NULL: nothing */
	const char *request;
	size_t len;
	int lines;			/* of one answer */
	const char *good;		/* how an answer's last line begins, or what it contains if it begins with '*' */
};

/* Runs it; answers a second. Dies on an answer that is not good. */
double load_run(const struct load *l);

#endif
