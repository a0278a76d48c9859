/*
 * wire: frames between the pool and one of its processes, both sides.
 *
 * A frame is a 4-byte length (of what follows), a 1-byte type and a payload:
 * fixed fields, numbers in little-endian order, then bytes; JSON only where the
 * payload is a job's own (args, progress, result). A task on the wire is named
 * by its ticket, a number that grows with each RUN of that process.
 *
 *	pool → process   RUN, ACK, STOP, QUIT
 *	process → pool   HELLO once; per task: STARTED, any OUTPUT and PROGRESS, DONE
 *
 * Which frame may come when is a table. A frame that is not legal, or cannot be
 * read, ends the conversation: its stream cannot be trusted again.
 *
 * A writer that runs out of memory leaves whole frames and buf_failed.
 */
#ifndef JOBD_WIRE_H
#define JOBD_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct outcome;

enum {
	WIRE_VERSION = 1,		/* in HELLO: both ends are the same binary, or it is refused */
	WIRE_HEADER = 5,		/* length and type */
	WIRE_FRAME_MAX = 1 << 30,	/* what any length may say */
	WIRE_PIECE = 64 * 1024,		/* of output, in one frame */
	WIRE_CREDIT = 1024 * 1024	/* bytes of output beyond which none is read before some are acknowledged */
};

enum wire_type {
	WIRE_HELLO,
	WIRE_STARTED,
	WIRE_PROGRESS,
	WIRE_OUTPUT,
	WIRE_DONE,
	WIRE_RUN,
	WIRE_ACK,
	WIRE_STOP,
	WIRE_QUIT,
	WIRE_TYPES
};

/* What is going on at the process, as far as the frames so far tell. */
enum wire_state {
	WIRE_STARTING,			/* it has not greeted */
	WIRE_IDLE,			/* nothing lies there */
	WIRE_HANDED,			/* a task lies there, not begun */
	WIRE_BUSY,			/* it has begun a task */
	WIRE_STATES
};

enum wire_side { WIRE_POOL, WIRE_PROCESS };

const char *wire_type_name(enum wire_type type);
bool wire_legal(enum wire_side from, enum wire_state state, enum wire_type type);

/* ---- taking frames off a buffer ---- */

struct wire_frame {
	enum wire_type type;
	const char *payload;		/* in the buffer: valid until it is next appended to */
	size_t len;
};

/* 1 and the next frame; 0 when it is not all there; -EPROTO when it is longer than max or of no known type. */
int wire_next(struct buf *in, size_t max, struct wire_frame *out);

/* ---- frames ---- */

void wire_put_hello(struct buf *out);
int wire_get_hello(const struct wire_frame *f, uint32_t *version);

struct wire_run {
	uint32_t ticket;
	uint8_t place;			/* in the ring of the process's record (groups.h) */
	bool brief;
	int64_t id;
	uint32_t attempt;
	const char *type;		/* not ended by a NUL */
	size_t type_len;		/* at most 255 */
	const char *args;
	size_t args_len;
};

void wire_put_run(struct buf *out, const struct wire_run *run);
int wire_get_run(const struct wire_frame *f, struct wire_run *run);

/* STARTED and nothing but a ticket. */
void wire_put_started(struct buf *out, uint32_t ticket);
int wire_get_started(const struct wire_frame *f, uint32_t *ticket);

void wire_put_progress(struct buf *out, const char *json, size_t len);	/* the payload is the JSON text */

struct wire_output {
	int stream;			/* 0 stdout, 1 stderr */
	int64_t offset;
	const char *data;
	size_t len;
};

/* Where the data of an OUTPUT frame of at most max bytes goes; NULL when out of memory. */
char *wire_output_reserve(struct buf *out, size_t max);
/* Makes a frame of what was written there. */
void wire_output_commit(struct buf *out, int stream, int64_t offset, size_t len);
int wire_get_output(const struct wire_frame *f, struct wire_output *o);

void wire_put_done(struct buf *out, uint32_t ticket, const int64_t produced[2], const struct outcome *outcome);
/* Fills *outcome (initialised), its result a copy. 0, -EPROTO or -ENOMEM. */
int wire_get_done(const struct wire_frame *f, uint32_t *ticket, int64_t produced[2], struct outcome *outcome);

/* That many bytes of the running task's output have been kept. */
void wire_put_ack(struct buf *out, uint32_t bytes);
int wire_get_ack(const struct wire_frame *f, uint32_t *bytes);

/* Signals the command of that task, if it still runs. */
void wire_put_stop(struct buf *out, uint32_t ticket, uint8_t signo);
int wire_get_stop(const struct wire_frame *f, uint32_t *ticket, uint8_t *signo);

void wire_put_quit(struct buf *out);

#endif
