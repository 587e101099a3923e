/* Page: the two small HTML pages for browsers without JavaScript: a result, and an error. */
#ifndef TINTYPE_WEB_PAGE_H
#define TINTYPE_WEB_PAGE_H

#include "tintype/buf.h"
#include "web/request.h"

/* This policy goes with both pages: they have their own style and pictures of this host, nothing
 * else. */
#define TT_PAGE_SECURITY_POLICY TT_PAGE_POLICY("'self'")
/* This one goes with the page of an image whose picture is in the cloud. It allows pictures of any
 * host, as only the agent knows which one the cloud's will be. */
#define TT_PAGE_REMOTE_POLICY TT_PAGE_POLICY("'self' https: http:")

#define TT_PAGE_POLICY(images)                                                                     \
    "default-src 'none'; img-src " images "; style-src 'unsafe-inline'; base-uri 'none'; "         \
    "form-action 'none'; frame-ancestors 'none'"

/* Appends the page of one image. */
void tt_page_append_image(struct tt_buf *text, const struct tt_request *request,
                          const struct tt_journal_row *row);

/* Appends the page of what the request ended with (tt_request_end). */
void tt_page_append_problem(struct tt_buf *text, const struct tt_request *request);

#endif
