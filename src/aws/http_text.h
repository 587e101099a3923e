/* The parts of HTTP that are text and need no libcurl: which requests can be sent, and what the
 * lines of an answer say. Private to http.c. */
#ifndef TINTYPE_AWS_HTTP_TEXT_H
#define TINTYPE_AWS_HTTP_TEXT_H

#include "tintype/http_message.h"
#include "tintype/url.h"

/* TT_ERR_INTERNAL for a request that makes no sense or cannot be sent; else *url is its URL, taken
 * apart. */
enum tt_err tt_http_request_check(const struct tt_http_request *request, struct tt_url *url);

/* Whether it is PUT or POST, which always say how long their body is. */
bool tt_http_may_have_body(const char *method);

/* The length of the body; 0 when there is none. */
int64_t tt_http_body_bytes(const struct tt_http_request *request);

/* The time that a request has in all: what it says itself, or what TT_HTTP_TIMEOUT_MS and its size
 * come to. It is above 0, and INT_MAX at the most. */
int64_t tt_http_timeout_ms(const struct tt_http_request *request);

/* Whether the host is this machine, or an address where a machine or container gets its keys. No
 * proxy leads there, and none is to see the keys. */
bool tt_http_is_near(const struct tt_url *url);

/* Takes the fields of *answer from one line of length bytes, with or without its line end. A status
 * line begins the answer anew. *retry_at_ms becomes Retry-After as a date; 0 when it is none. */
void tt_http_line_take(struct tt_http_answer *answer, int64_t *retry_at_ms, const char *bytes,
                       size_t length);

/* Sets retry_after_ms from the date, if there was one, by the clock of the answer that has it. */
void tt_http_retry_settle(struct tt_http_answer *answer, int64_t retry_at_ms);

#endif
