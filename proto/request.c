#include "proto/request.h"

#include <string.h>

#include "base/buf.h"
#include "proto/jwriter.h"
#include "proto/utf8.h"

/* The members by name; unknown ones are an error that names them. */
struct request_members {
	json_t *jsonrpc, *id, *method, *params;
	const char *unknown;
};

static void request_members(json_t *object, struct request_members *m)
{
	const char *key;
	json_t *value;

	memset(m, 0, sizeof(*m));
	json_object_foreach(object, key, value) {
		if (strcmp(key, "jsonrpc") == 0)
			m->jsonrpc = value;
		else if (strcmp(key, "id") == 0)
			m->id = value;
		else if (strcmp(key, "method") == 0)
			m->method = value;
		else if (strcmp(key, "params") == 0)
			m->params = value;
		else
			m->unknown = key;
	}
}

static bool request_is_id(const json_t *id)
{
	return json_is_string(id) || json_is_number(id) || json_is_null(id);
}

/* Everything that makes an object a Request, as the specification has it. */
static int request_check(const struct request_members *m, struct rpc_error *error)
{
	if (!json_is_string(m->jsonrpc) || json_string_length(m->jsonrpc) != 3 ||
	    strcmp(json_string_value(m->jsonrpc), "2.0") != 0)
		return rpc_error_set(error, RPC_INVALID_REQUEST, "jsonrpc", "\"jsonrpc\" must be \"2.0\"");
	if (m->id != NULL && !request_is_id(m->id))
		return rpc_error_set(error, RPC_INVALID_REQUEST, "id", "\"id\" must be a string, a number or null");
	if (!json_is_string(m->method))
		return rpc_error_set(error, RPC_INVALID_REQUEST, "method", "\"method\" must be a string: the method's name");
	if (m->params != NULL && !json_is_object(m->params) && !json_is_array(m->params))
		return rpc_error_set(error, RPC_INVALID_REQUEST, "params", "\"params\" must be an object");
	if (m->unknown != NULL)
		return rpc_error_set(error, RPC_INVALID_REQUEST, m->unknown, "\"%.*s\" is not a member of a request; "
				     "allowed are: jsonrpc, id, method, params",
				     (int)utf8_clip(m->unknown, strlen(m->unknown), 80), m->unknown);
	return 0;
}

int request_read(json_t *element, struct request *out, struct rpc_error *error)
{
	struct request_members m;

	memset(out, 0, sizeof(*out));
	if (!json_is_object(element)) {
		out->id = json_null();
		return rpc_error_set(error, RPC_INVALID_REQUEST, "", "a request must be an object, "
				     "a batch an array of one or more");
	}
	out->whole = json_incref(element);
	request_members(element, &m);
	out->id = m.id != NULL && request_is_id(m.id) ? json_incref(m.id) : NULL;
	if (request_check(&m, error) < 0) {
		if (out->id == NULL)
			out->id = json_null();
		return -1;
	}
	out->method = json_string_value(m.method);
	out->params = m.params;
	if (strlen(out->method) != json_string_length(m.method))
		return rpc_error_set(error, RPC_METHOD_NOT_FOUND, "", "no method's name has a NUL in it");
	if (json_is_array(m.params)) {
		out->params = NULL;
		return rpc_error_set(error, RPC_INVALID_PARAMS, "params", "\"params\" must be an object: "
				     "parameters are given by name, not by position");
	}
	return 0;
}

void request_free(struct request *rq)
{
	json_decref(rq->id);
	json_decref(rq->whole);
	memset(rq, 0, sizeof(*rq));
}

static void reply_begin(struct jwriter *w, struct buf *out, const json_t *id)
{
	static const char head[] = "{\"jsonrpc\":\"2.0\",\"id\":";

	buf_put(out, head, sizeof(head) - 1);
	jw_init(w, out);
	if (id != NULL)
		jw_value(w, id);
	else
		jw_null(w);
}

void reply_result(struct buf *out, const json_t *id, const char *result, size_t len)
{
	struct jwriter w;

	reply_begin(&w, out, id);
	jw_put_raw(&w, "result", result, len);
	jw_object_end(&w);
}

void reply_error(struct buf *out, const json_t *id, const struct rpc_error *error)
{
	struct jwriter w;

	reply_begin(&w, out, id);
	jw_key(&w, "error");
	jw_object(&w);
	jw_put_int(&w, "code", rpc_error_code(error->kind));
	jw_put_string(&w, "message", error->message);
	jw_key(&w, "data");
	jw_object(&w);
	jw_put_string(&w, "reason", rpc_error_reason(error->kind));
	if (error->field[0] != '\0')
		jw_put_string(&w, "field", error->field);
	if (error->id != 0)
		jw_put_int(&w, "id", error->id);
	jw_object_end(&w);
	jw_object_end(&w);
	jw_object_end(&w);
}
