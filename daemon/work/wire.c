#include "work/wire.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "kinds/outcome.h"

const char *wire_type_name(enum wire_type type)
{
	static const char *const names[WIRE_TYPES] = {
		[WIRE_HELLO] = "HELLO", [WIRE_STARTED] = "STARTED", [WIRE_PROGRESS] = "PROGRESS",
		[WIRE_OUTPUT] = "OUTPUT", [WIRE_DONE] = "DONE", [WIRE_RUN] = "RUN",
		[WIRE_ACK] = "ACK", [WIRE_STOP] = "STOP", [WIRE_QUIT] = "QUIT",
	};

	return names[type];
}

bool wire_legal(enum wire_side from, enum wire_state state, enum wire_type type)
{
	/*
	 * RUN comes while busy too: prefetched. ACK and STOP may cross with the
	 * DONE of what they are about. QUIT finds recalled tasks not yet passed over.
	 */
	static const bool legal[2][WIRE_STATES][WIRE_TYPES] = {
		[WIRE_PROCESS] = {
			[WIRE_STARTING] = { [WIRE_HELLO] = true },
			[WIRE_HANDED] = { [WIRE_STARTED] = true },
			[WIRE_BUSY] = { [WIRE_PROGRESS] = true, [WIRE_OUTPUT] = true, [WIRE_DONE] = true },
		},
		[WIRE_POOL] = {
			[WIRE_IDLE] = { [WIRE_RUN] = true, [WIRE_ACK] = true, [WIRE_STOP] = true, [WIRE_QUIT] = true },
			[WIRE_HANDED] = { [WIRE_RUN] = true, [WIRE_ACK] = true, [WIRE_STOP] = true, [WIRE_QUIT] = true },
			[WIRE_BUSY] = { [WIRE_RUN] = true, [WIRE_ACK] = true, [WIRE_STOP] = true },
		},
	};

	return legal[from][state][type];
}

/* ---- writing ---- */

static void put_u8(struct buf *out, uint8_t v)
{
	buf_putc(out, (char)v);
}

static void put_u16(struct buf *out, uint16_t v)
{
	v = htole16(v);
	buf_put(out, &v, sizeof(v));
}

static void put_u32(struct buf *out, uint32_t v)
{
	v = htole32(v);
	buf_put(out, &v, sizeof(v));
}

static void put_i64(struct buf *out, int64_t v)
{
	uint64_t u = htole64((uint64_t)v);

	buf_put(out, &u, sizeof(u));
}

/* len: of the payload, for which there is room then; or nothing of the frame is written. */
static void put_header(struct buf *out, enum wire_type type, size_t len)
{
	buf_reserve(out, WIRE_HEADER + len);
	put_u32(out, (uint32_t)len + 1);
	put_u8(out, (uint8_t)type);
}

/* ---- reading: a short payload makes it bad, and what is read after that zero ---- */

struct reader {
	const char *at;
	size_t left;
	bool bad;
};

static struct reader reader_of(const struct wire_frame *f)
{
	return (struct reader){ f->payload, f->len, false };
}

static const char *get_bytes(struct reader *r, size_t n)
{
	const char *at = r->at;

	if (r->bad || r->left < n) {
		r->bad = true;
		return NULL;
	}
	r->at += n;
	r->left -= n;
	return at;
}

static void get_number(struct reader *r, void *to, size_t n)
{
	const char *at = get_bytes(r, n);

	if (at != NULL)
		memcpy(to, at, n);
}

static uint8_t get_u8(struct reader *r)
{
	uint8_t v = 0;

	get_number(r, &v, sizeof(v));
	return v;
}

static uint16_t get_u16(struct reader *r)
{
	uint16_t v = 0;

	get_number(r, &v, sizeof(v));
	return le16toh(v);
}

static uint32_t get_u32(struct reader *r)
{
	uint32_t v = 0;

	get_number(r, &v, sizeof(v));
	return le32toh(v);
}

static int64_t get_i64(struct reader *r)
{
	uint64_t v = 0;

	get_number(r, &v, sizeof(v));
	return (int64_t)le64toh(v);
}

/* Nothing may be missing, and nothing left over. */
static int get_end(const struct reader *r)
{
	return r->bad || r->left > 0 ? -EPROTO : 0;
}

/* ---- frames ---- */

int wire_next(struct buf *in, size_t max, struct wire_frame *out)
{
	uint32_t len;

	if (buf_len(in) < WIRE_HEADER)
		return 0;
	memcpy(&len, buf_data(in), sizeof(len));
	len = le32toh(len);
	if (len < 1 || len - 1 > max || (uint8_t)buf_data(in)[4] >= WIRE_TYPES)
		return -EPROTO;
	if (buf_len(in) - 4 < len)
		return 0;
	out->type = (enum wire_type)(uint8_t)buf_data(in)[4];
	out->payload = buf_data(in) + WIRE_HEADER;
	out->len = len - 1;
	buf_consume(in, 4 + (size_t)len);
	return 1;
}

void wire_put_hello(struct buf *out)
{
	put_header(out, WIRE_HELLO, 4);
	put_u32(out, WIRE_VERSION);
}

int wire_get_hello(const struct wire_frame *f, uint32_t *version)
{
	struct reader r = reader_of(f);

	*version = get_u32(&r);
	return r.bad ? -EPROTO : 0;	/* another version may say more */
}

enum { RUN_FIXED = 4 + 1 + 1 + 8 + 4 + 1 };

void wire_put_run(struct buf *out, const struct wire_run *run)
{
	put_header(out, WIRE_RUN, RUN_FIXED + run->type_len + run->args_len);
	put_u32(out, run->ticket);
	put_u8(out, run->place);
	put_u8(out, run->brief);
	put_i64(out, run->id);
	put_u32(out, run->attempt);
	put_u8(out, (uint8_t)run->type_len);
	buf_put(out, run->type, run->type_len);
	buf_put(out, run->args, run->args_len);
}

int wire_get_run(const struct wire_frame *f, struct wire_run *run)
{
	struct reader r = reader_of(f);

	run->ticket = get_u32(&r);
	run->place = get_u8(&r);
	run->brief = get_u8(&r) != 0;
	run->id = get_i64(&r);
	run->attempt = get_u32(&r);
	run->type_len = get_u8(&r);
	run->type = get_bytes(&r, run->type_len);
	run->args_len = r.left;
	run->args = get_bytes(&r, r.left);
	return get_end(&r);
}

void wire_put_started(struct buf *out, uint32_t ticket)
{
	put_header(out, WIRE_STARTED, 4);
	put_u32(out, ticket);
}

int wire_get_started(const struct wire_frame *f, uint32_t *ticket)
{
	struct reader r = reader_of(f);

	*ticket = get_u32(&r);
	return get_end(&r);
}

void wire_put_progress(struct buf *out, const char *json, size_t len)
{
	put_header(out, WIRE_PROGRESS, len);
	buf_put(out, json, len);
}

enum { OUTPUT_FIXED = 1 + 8 };

char *wire_output_reserve(struct buf *out, size_t max)
{
	char *at = buf_reserve(out, WIRE_HEADER + OUTPUT_FIXED + max);

	return at != NULL ? at + WIRE_HEADER + OUTPUT_FIXED : NULL;
}

void wire_output_commit(struct buf *out, int stream, int64_t offset, size_t len)
{
	put_header(out, WIRE_OUTPUT, OUTPUT_FIXED + len);
	put_u8(out, (uint8_t)stream);
	put_i64(out, offset);
	buf_commit(out, len);
}

int wire_get_output(const struct wire_frame *f, struct wire_output *o)
{
	struct reader r = reader_of(f);

	o->stream = get_u8(&r);
	o->offset = get_i64(&r);
	o->len = r.left;
	o->data = get_bytes(&r, r.left);
	return r.bad || o->stream > 1 || o->offset < 0 ? -EPROTO : 0;
}

enum { DONE_FIXED = 4 + 8 + 8 + 1 + 8 + 1 + 2, DONE_SUCCEEDED = 1, DONE_FINAL = 2, DONE_RESULT = 4 };

void wire_put_done(struct buf *out, uint32_t ticket, const int64_t produced[2], const struct outcome *o)
{
	size_t reason_len = strlen(o->reason), message_len = strlen(o->message);
	size_t result_len = o->result != NULL ? o->result_len : 0;

	put_header(out, WIRE_DONE, DONE_FIXED + reason_len + message_len + result_len);
	put_u32(out, ticket);
	put_i64(out, produced[0]);
	put_i64(out, produced[1]);
	put_u8(out, (uint8_t)((o->succeeded ? DONE_SUCCEEDED : 0) | (o->final ? DONE_FINAL : 0) |
			      (o->result != NULL ? DONE_RESULT : 0)));
	put_i64(out, o->retry_after);
	put_u8(out, (uint8_t)reason_len);
	put_u16(out, (uint16_t)message_len);
	buf_put(out, o->reason, reason_len);
	buf_put(out, o->message, message_len);
	buf_put(out, o->result, result_len);
}

/* A text into a field of the outcome, with its NUL. */
static void get_text(struct reader *r, size_t len, char *to, size_t size)
{
	const char *at = get_bytes(r, len);

	if (at == NULL || len >= size) {
		r->bad = true;
		return;
	}
	memcpy(to, at, len);
	to[len] = '\0';
}

static int get_result(struct reader *r, struct outcome *o)
{
	o->result_len = r->left;
	o->result = malloc(r->left + 1);
	if (o->result == NULL)
		return -ENOMEM;
	memcpy(o->result, r->at, r->left);
	o->result[r->left] = '\0';
	r->left = 0;
	return 0;
}

int wire_get_done(const struct wire_frame *f, uint32_t *ticket, int64_t produced[2], struct outcome *o)
{
	struct reader r = reader_of(f);
	size_t reason_len, message_len;
	uint8_t flags;

	*ticket = get_u32(&r);
	produced[0] = get_i64(&r);
	produced[1] = get_i64(&r);
	flags = get_u8(&r);
	o->succeeded = flags & DONE_SUCCEEDED;
	o->final = flags & DONE_FINAL;
	o->retry_after = get_i64(&r);
	reason_len = get_u8(&r);
	message_len = get_u16(&r);
	get_text(&r, reason_len, o->reason, sizeof(o->reason));
	get_text(&r, message_len, o->message, sizeof(o->message));
	if (!r.bad && (flags & DONE_RESULT) != 0)
		return get_result(&r, o);
	return get_end(&r);
}

void wire_put_ack(struct buf *out, uint32_t bytes)
{
	put_header(out, WIRE_ACK, 4);
	put_u32(out, bytes);
}

int wire_get_ack(const struct wire_frame *f, uint32_t *bytes)
{
	struct reader r = reader_of(f);

	*bytes = get_u32(&r);
	return get_end(&r);
}

void wire_put_stop(struct buf *out, uint32_t ticket, uint8_t signo)
{
	put_header(out, WIRE_STOP, 5);
	put_u32(out, ticket);
	put_u8(out, signo);
}

int wire_get_stop(const struct wire_frame *f, uint32_t *ticket, uint8_t *signo)
{
	struct reader r = reader_of(f);

	*ticket = get_u32(&r);
	*signo = get_u8(&r);
	return get_end(&r);
}

void wire_put_quit(struct buf *out)
{
	put_header(out, WIRE_QUIT, 0);
}
