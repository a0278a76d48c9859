/*
 * fuzz_request: bytes from a client, through everything that reads them.
 *
 * An input's first HEAD bytes say how long a line may be and into which pieces
 * the rest, a connection's stream, is cut. Each line goes the way it goes in
 * the daemon: frame, parser, request, params. What must hold whatever comes:
 *
 * - the frames are the same however the stream is cut;
 * - what jread takes jansson takes, as the same value;
 * - what is printed reads back equal, and every reply is one line of JSON;
 * - an error has a kind, and its reply carries the request's id.
 *
 * Built with libFuzzer by `make fuzz`, and with replay.c for `make check`.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "proto/address.h"
#include "proto/frame.h"
#include "proto/jread.h"
#include "proto/jtext.h"
#include "proto/params.h"
#include "proto/request.h"
#include "proto/timefmt.h"

enum { HEAD = 5 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define must(condition) \
	do { \
		if (!(condition)) { \
			fprintf(stderr, "fuzz_request: line %d: does not hold: %s\n", __LINE__, #condition); \
			abort(); \
		} \
	} while (0)

/* ---- one line ---- */

static json_t *fuzz_reparse(const struct buf *text)
{
	char why[256];
	json_t *value = jtext_parse(buf_data(text), buf_len(text), why, sizeof(why));

	must(value != NULL);
	must(memchr(buf_data(text), '\n', buf_len(text)) == NULL);
	return value;
}

static void fuzz_quickly(const char *text, size_t len)
{
	struct jread r;
	json_t *quick = jread(&r, text, len, NULL), *slow;

	if (quick == NULL)
		return;
	slow = json_loadb(text, len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
	must(slow != NULL && json_equal(quick, slow));
	json_decref(quick);
	json_decref(slow);
}

static void fuzz_round_trip(const json_t *value)
{
	json_t *again;
	struct buf text;

	buf_init(&text);
	jtext_put(&text, value);
	again = fuzz_reparse(&text);
	must(json_equal(value, again));
	json_decref(again);
	buf_free(&text);
}

static void fuzz_reply(const json_t *id, const struct rpc_error *error)
{
	json_t *reply, *told;
	struct buf text;

	buf_init(&text);
	reply_error(&text, id, error);
	reply = fuzz_reparse(&text);
	told = json_object_get(reply, "error");
	must(error->kind != RPC_OK && json_integer_value(json_object_get(told, "code")) == rpc_error_code(error->kind));
	must(json_string_length(json_object_get(told, "message")) > 0);
	must(id != NULL ? json_equal(json_object_get(reply, "id"), id) : json_is_null(json_object_get(reply, "id")));
	json_decref(reply);
	buf_free(&text);
}

/* Texts that people and configurations write: any string will do. */
static void fuzz_text(const char *text)
{
	struct address address;
	char out[TIMEFMT_SIZE], why[300];
	int64_t ms, again;

	if (timefmt_read(text, &ms) == 0 && ms >= 0) {
		timefmt_write(out, ms);
		must(timefmt_read(out, &again) == 0 && again == ms);
	}
	if (timefmt_read_span(text, &ms) == 0)
		must(ms >= 0);
	address_parse(text, &address, why, sizeof(why));
}

static void fuzz_nested(struct rpc_error *error, json_t *object)
{
	static const char *const words[] = { "exponential", "linear", "constant", NULL };
	struct params p;
	double jitter;
	int64_t n;

	params_init(&p, object, "retry.", error);
	n = params_int(&p, "max_attempts", 3, 1, 100);
	must(n >= 1 && n <= 100);
	n = params_word(&p, "backoff", 0, words);
	must(n >= 0 && n < 3);
	n = params_span(&p, "base", 1000, 0, 86400000);
	must(n >= 0 && n <= 86400000);
	jitter = params_real(&p, "jitter", 0.1, 0, 1);
	must(jitter >= 0 && jitter <= 1);
	params_done(&p);
}

/* A method with a member of every sort. */
static void fuzz_params(const struct request *rq, struct rpc_error *error)
{
	struct buf bytes;
	struct params p;
	const char *text;
	size_t len;
	int64_t n;

	params_init(&p, rq->params, "", error);
	n = params_id(&p, "id");
	must(n >= 1 || error->kind != RPC_OK);
	fuzz_text(params_need_string(&p, "type"));
	fuzz_text(params_string(&p, "queue", "default"));
	params_need_object(&p, "args");
	params_bool(&p, "hold", false);
	n = params_int(&p, "priority", 0, -1000, 1000);
	must(n >= -1000 && n <= 1000);
	n = params_span(&p, "timeout", 3600000, 0, INT64_MAX);
	must(n >= 0);
	n = params_time(&p, "run_at");
	must(n >= 0 && n <= TIMEFMT_LAST_MS);
	text = params_bytes(&p, "body_base64", &len);
	buf_init(&bytes);
	if (text != NULL && jtext_base64_decode(&bytes, text, len) == 0)
		must(buf_len(&bytes) <= len / 4 * 3);
	buf_free(&bytes);
	must(json_array_size(params_array(&p, "ids", 3)) <= 3);
	params_any(&p, "meta");
	fuzz_nested(error, params_object(&p, "retry"));
	params_done(&p);
}

static void fuzz_request(json_t *element)
{
	struct rpc_error error = { 0 };
	struct request rq;

	if (request_read(element, &rq, &error) == 0)
		fuzz_params(&rq, &error);
	else
		must(error.kind != RPC_OK);
	if (error.kind != RPC_OK)
		fuzz_reply(rq.id, &error);
	request_free(&rq);
	must(rq.id == NULL && rq.whole == NULL);
}

static void fuzz_line(const struct frame *line)
{
	char why[256] = "";
	json_t *value = jtext_parse(line->text, line->len, why, sizeof(why));

	fuzz_quickly(line->text, line->len);
	if (value == NULL) {
		must(why[0] != '\0');
		return;
	}
	must(jtext_utf8(line->text, line->len));
	fuzz_round_trip(value);
	if (!json_is_array(value))
		fuzz_request(value);
	for (size_t i = 0; i < json_array_size(value); i++)
		fuzz_request(json_array_get(value, i));
	json_decref(value);
}

/* ---- the stream ---- */

static uint64_t fuzz_hash(uint64_t hash, const void *data, size_t len)
{
	const unsigned char *p = data;

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ p[i]) * UINT64_C(0x100000001b3);
	return hash;
}

/* Feeds the stream in pieces of the sizes given, turn about; a hash of all the frames that came. */
static uint64_t fuzz_stream(const uint8_t *data, size_t size, size_t max_bytes, const size_t pieces[4], bool deliver)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);
	enum frame_kind kind = FRAME_NONE;
	struct frame_reader reader;
	struct buf in;

	frame_reader_init(&reader, max_bytes);
	buf_init(&in);
	for (size_t at = 0, turn = 0; at < size && kind != FRAME_FOREIGN; turn++) {
		size_t n = pieces[turn % 4] < size - at ? pieces[turn % 4] : size - at;
		struct frame line = { 0 };

		buf_put(&in, data + at, n);
		at += n;
		while ((kind = frame_next(&reader, &in, &line)) != FRAME_NONE && kind != FRAME_FOREIGN) {
			hash = fuzz_hash(hash, &kind, sizeof(kind));
			if (kind != FRAME_TEXT)
				continue;
			must(line.len > 0 && line.len <= max_bytes);
			hash = fuzz_hash(hash, line.text, line.len);
			if (deliver)
				fuzz_line(&line);
		}
		must(kind == FRAME_FOREIGN || buf_len(&in) <= max_bytes + 1);
	}
	hash = fuzz_hash(hash, &kind, sizeof(kind));
	buf_free(&in);
	return hash;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t whole[4] = { size + 1, size + 1, size + 1, size + 1 }, pieces[4], max_bytes;
	uint64_t hash;

	if (size < HEAD)
		return 0;
	max_bytes = data[0] == 255 ? 1 << 20 : 8 + (size_t)data[0] * 8;
	for (size_t i = 0; i < 4; i++)
		pieces[i] = 1 + (data[1 + i] < 128 ? data[1 + i] : (size_t)(data[1 + i] - 128) * 64);
	hash = fuzz_stream(data + HEAD, size - HEAD, max_bytes, pieces, true);
	must(fuzz_stream(data + HEAD, size - HEAD, max_bytes, whole, false) == hash);
	return 0;
}
