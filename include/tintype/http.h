/* HTTP client: many requests in flight over kept-alive connections, in one thread. It is the only
 * user of libcurl. It sends what it is told to the letter (signed headers and escapes stay as they
 * are), follows no redirects, and knows nothing of AWS. It asks a proxy of the environment
 * (http_proxy and its kin, as curl reads them) only where it is told so, and never for this machine
 * and for metadata addresses. */
#ifndef TINTYPE_HTTP_H
#define TINTYPE_HTTP_H

#include <poll.h>
#include <stddef.h>

#include "tintype/err.h"
#include "tintype/http_message.h"

typedef void tt_http_done(void *context, const struct tt_http_answer *answer);

struct tt_http;

/* At most max_connections are kept open. NULL with TT_ERR_NO_MEMORY or TT_ERR_SYSTEM noted. */
struct tt_http *tt_http_new(int max_connections);
/* Drops requests in flight without calling done. NULL is allowed. */
void tt_http_free(struct tt_http *http);

/* Starts a request; done is called from a later tt_http_run, exactly once, and may start others.
 * On failure (TT_ERR_NO_MEMORY, TT_ERR_INTERNAL for a bad request) done is never called. Copies of
 * headers are wiped when the request is over. */
enum tt_err tt_http_start(struct tt_http *http, const struct tt_http_request *request,
                          tt_http_done *done, void *context);

/* How many requests are started and not yet done. */
int tt_http_in_flight(const struct tt_http *http);

/* Waits until something happens on a transfer or on fds, until timeout_ms (0 and up) are over, or
 * until a signal comes. Then revents of fds are set, and the done of each request that has ended
 * was called. TT_ERR_SYSTEM. */
enum tt_err tt_http_run(struct tt_http *http, struct pollfd *fds, size_t fd_count, int timeout_ms);

#endif
