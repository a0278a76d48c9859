/* http_answer: an http job's result, from what came back. */
#ifndef JOBD_HTTP_ANSWER_H
#define JOBD_HTTP_ANSWER_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/clock.h"
#include "kinds/fetch.h"

/*
 * {"status", "headers", "body" | "body_base64", "json"?, "url", "seconds", "bytes"} appended to out; buf_failed
 * says if memory ran out. url: the last one.
 */
void http_answer_write(struct buf *out, const struct fetch *f, CURLU *url, mono_us took);

/* Would the same request get the same answer again? A client's own fault (4xx), save 408, 425 and 429. */
bool http_answer_final(int status);

/* What Retry-After asks for, in ms from now: 0 if it is not there or not understood. At most a year. */
int64_t http_answer_retry_after(const struct fetch *f);

#endif
