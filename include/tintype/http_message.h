/* HTTP messages: a request as the client (http.h) is told to send it, and what came of it. */
#ifndef TINTYPE_HTTP_MESSAGE_H
#define TINTYPE_HTTP_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tintype/err.h"

#define TT_HTTP_HEADERS_MAX 40
#define TT_HTTP_CAUSE_SIZE  256
#define TT_HTTP_RETRY_AFTER_MAX_MS                                                                 \
    (5 * 60 * 1000) /* a longer wait that a server asks for is cut to this */
#define TT_HTTP_ANSWER_KEPT_BYTES (64 * 1024) /* max_answer_bytes of requests that need no more */

/* A request has TT_HTTP_TIMEOUT_MS in all, which is far more than a service that works takes to
 * answer, and a second more for each TT_HTTP_LEAST_BYTES_PER_S that it sends or may get. Sixteen
 * requests at once, as sync.in_flight has them, still reach that rate on a line of 512 kbit/s. One
 * that stays below a quarter of it for TT_HTTP_TIMEOUT_MS ends then, whatever its size. */
#define TT_HTTP_TIMEOUT_MS        (30 * 1000)
#define TT_HTTP_LEAST_BYTES_PER_S 4096

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
    /* The answer's body may have this many bytes; more end the transfer with TT_ERR_CLOUD_FAILED.
     * Where there is a sink_fd, an answer that is no 2xx may have TT_HTTP_ANSWER_KEPT_BYTES
     * instead. */
    int64_t max_answer_bytes;
    int64_t timeout_ms;  /* for the whole exchange; 0: by its size (TT_HTTP_TIMEOUT_MS) */
    const char *ca_file; /* PEM; NULL or "" for the system's certificates */
};

/* An answer says what came of a request. It is valid during the call of done alone. */
struct tt_http_answer {
    /* TT_OK: a whole answer, whatever its status. TT_ERR_CLOUD_AWAY: no connection, no TLS, or no
     * answer in time. TT_ERR_CLOUD_FAILED: an answer that was cut short, too slow, too long, or not
     * HTTP. TT_ERR_STORAGE, TT_ERR_SPOOL_FULL: body_fd or sink_fd failed. */
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

#endif
