/* HTTP client: many requests in flight over kept-alive connections, in one thread. It is the only
 * user of libcurl. It sends what it is told to the letter (signed headers and escapes stay as they
 * are), follows no redirects, and knows nothing of AWS. It asks a proxy of the environment
 * (http_proxy and its kin, as curl reads them) only where it is told so, and never for this machine
 * and for metadata addresses. */
#ifndef TINTYPE_HTTP_H
#define TINTYPE_HTTP_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tintype/err.h"

#define TT_HTTP_HEADERS_MAX 40
#define TT_HTTP_CAUSE_SIZE  256
#define TT_HTTP_RETRY_AFTER_MAX_MS                                                                 \
    (5 * 60 * 1000) /* a longer wait that a server asks for is cut to this */
#define TT_HTTP_ANSWER_KEPT_BYTES (64 * 1024) /* max_answer_bytes of requests that need no more */

struct tt_http_header {
    const char *name;
    const char *value; /* without line breaks; "" is sent as a header without a value */
};

/* All text is copied by tt_http_start; body, body_fd and sink_fd are borrowed until done. */
struct tt_http_request {
    const char *method; /* "GET", "HEAD", "PUT", "POST", "DELETE" */
    const char *url;    /* "http://host:port/path?query", sent as it is: nothing is normalised */
    struct tt_http_header headers[TT_HTTP_HEADERS_MAX]; /* Host among them where it matters */
    size_t header_count;
    const void *body; /* NULL: none, or body_fd */
    size_t body_bytes;
    int body_fd; /* read by offset from its start; -1: none */
    int64_t body_fd_bytes;
    int sink_fd; /* the body of a 2xx answer is written there, not kept; -1: kept */
    /* The most that the answer's body may have; more ends the transfer with TT_ERR_CLOUD_FAILED.
     * Where there is a sink_fd, an answer that is no 2xx may have TT_HTTP_ANSWER_KEPT_BYTES
     * instead. */
    int64_t max_answer_bytes;
    int64_t timeout_ms;  /* for the whole exchange; 0: as long as it moves */
    const char *ca_file; /* PEM; NULL or "" for the system's certificates */
};

/* What came of a request. It is valid during the call of done alone. */
struct tt_http_answer {
    /* TT_OK: a whole answer, whatever its status. TT_ERR_CLOUD_AWAY: no connection, no TLS, or it
     * stood still. TT_ERR_CLOUD_FAILED: cut short, too long, not HTTP. TT_ERR_STORAGE,
     * TT_ERR_SPOOL_FULL: body_fd or sink_fd failed. */
    enum tt_err err;
    char cause[TT_HTTP_CAUSE_SIZE]; /* why err is not TT_OK; else "" */
    int status;                     /* 0 unless err is TT_OK */
    const char *body;               /* NUL-terminated; "" when none or when it went to sink_fd */
    size_t body_bytes;
    int64_t date_ms;        /* the Date header; 0 when none */
    int64_t retry_after_ms; /* seconds or a date, 0 to TT_HTTP_RETRY_AFTER_MAX_MS; 0 when none */
    bool has_etag;
    char content_type[64]; /* cut; "" when none */
    char request_id[128];  /* x-amz-request-id or x-amzn-RequestId; "" when none */
    char region[64];       /* x-amz-bucket-region; "" when none */
};

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

/* Waits until something happens on a transfer or on fds (revents are set), or timeout_ms (0 and up)
 * are over or a signal comes, and calls done of what has ended. TT_ERR_SYSTEM. */
enum tt_err tt_http_run(struct tt_http *http, struct pollfd *fds, size_t fd_count, int timeout_ms);

#endif
