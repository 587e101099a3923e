/* What of HTTP is text and needs no libcurl: which requests can be sent, what the lines of an
 * answer say. Private to http.c. */
#ifndef TINTYPE_AWS_HTTP_TEXT_H
#define TINTYPE_AWS_HTTP_TEXT_H

#include "tintype/http.h"
#include "tintype/url.h"

/* TT_ERR_INTERNAL for a request that makes no sense or cannot be sent; else *url is its URL's. */
enum tt_err tt_http_request_check(const struct tt_http_request *request, struct tt_url *url);

/* PUT and POST, which always say how long their body is. */
bool tt_http_may_have_body(const char *method);

/* This machine, or an address where a machine or container gets its keys: no proxy has a part in
 * that, nor is it to see the keys. */
bool tt_http_is_near(const struct tt_url *url);

/* Takes what is looked for from one line (its end among the length bytes, or not). A status line
 * begins the answer anew. *retry_at_ms: Retry-After as a date; 0 when it is none. */
void tt_http_line_take(struct tt_http_answer *answer, int64_t *retry_at_ms, const char *bytes,
                       size_t length);

/* Makes retry_after_ms of a date, if there was one, by the clock of the answer that has it. */
void tt_http_retry_settle(struct tt_http_answer *answer, int64_t retry_at_ms);

#endif
