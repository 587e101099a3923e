/* Signature Version 4: canonical request → string to sign → signature, as pure stages.
 *
 * Source: AWS General Reference, "Signature Version 4 signing process", and the Amazon S3 API
 * Reference, "Authenticating Requests (AWS Signature Version 4)". One code signs headers, presigns
 * URLs and (for who checks incoming requests) computes what a signature should be. Nothing here
 * sends, reads a clock or looks for credentials. */
#ifndef TINTYPE_AWS_SIGV4_H
#define TINTYPE_AWS_SIGV4_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tintype/buf.h"
#include "tintype/err.h"

#define TT_SIGV4_DATE_SIZE      17 /* "20261124T065027Z" */
#define TT_SIGV4_SIGNATURE_SIZE 65 /* 64 hexadecimal digits */
#define TT_SIGV4_UNSIGNED       "UNSIGNED-PAYLOAD"

/* The bounds of this module. What is beyond them is TT_ERR_INTERNAL. */
#define TT_SIGV4_PAIRS_MAX        32 /* headers; query pairs, the 6 of a presigned URL among them */
#define TT_SIGV4_SECRET_MAX_BYTES 256

#define TT_SIGV4_EXPIRES_MAX_SECONDS 604800 /* S3 API Reference, "X-Amz-Expires": 7 days */

/* A name and value, both NUL-terminated and borrowed; not yet encoded. A query pair without a value
 * ("?lifecycle") has the value "". */
struct tt_sigv4_pair {
    const char *name;
    const char *value;
};

/* What is signed. All text is borrowed for the time of a call. */
struct tt_sigv4_request {
    const char *method; /* "PUT" */
    const char *path;   /* absolute, not encoded: "/bucket/processed/a b.png"; "/" at least */
    const struct tt_sigv4_pair *query;
    size_t query_count;
    const struct tt_sigv4_pair
        *headers; /* every header to sign, Host among them; any case and order */
    size_t header_count;
    const char *payload_sha256; /* lower-case hexadecimal, or TT_SIGV4_UNSIGNED */
};

/* Who signs, for what, and when. */
struct tt_sigv4_scope {
    const char *access_key_id;
    const char *secret_access_key;
    const char *region;
    const char *service; /* "s3", "dynamodb", "logs" */
    int64_t time_ms;     /* of the signature, clock skew already corrected */
};

/* Writes time_ms as X-Amz-Date has it: "20261124T065027Z". */
void tt_sigv4_format_date(int64_t time_ms, char date[TT_SIGV4_DATE_SIZE]);

/* Appends the query, sorted and encoded, in which form it must also be sent. TT_ERR_NO_MEMORY,
 * TT_ERR_INTERNAL for too many pairs. */
enum tt_err tt_sigv4_format_query(struct tt_buf *out, const struct tt_sigv4_pair *query,
                                  size_t count);

/* Stage 1: the canonical request, appended; the sorted list of names is appended to
 * *signed_headers. Header names are lower-cased, values trimmed and inner runs of spaces and tabs
 * folded, repeated names joined by commas. TT_ERR_NO_MEMORY (an overflowed buffer too),
 * TT_ERR_INTERNAL for too many pairs, a relative path, or a control character in a header's value.
 */
enum tt_err tt_sigv4_canonical_request(struct tt_buf *out, struct tt_buf *signed_headers,
                                       const struct tt_sigv4_request *request);

/* Stage 2: the string to sign of a canonical request, appended. TT_ERR_NO_MEMORY. */
enum tt_err tt_sigv4_string_to_sign(struct tt_buf *out, const struct tt_sigv4_scope *scope,
                                    const char *canonical_request);

/* Stage 3: the signature; the derived keys are wiped. TT_ERR_NO_MEMORY, TT_ERR_INTERNAL for a
 * secret over its bound. */
enum tt_err tt_sigv4_sign(char signature[TT_SIGV4_SIGNATURE_SIZE],
                          const struct tt_sigv4_scope *scope, const char *string_to_sign);

/* All stages: appends the value of the Authorization header. The request's headers must hold host,
 * x-amz-date (of scope->time_ms) and, for a session, x-amz-security-token; for S3 also
 * x-amz-content-sha256. TT_ERR_NO_MEMORY, TT_ERR_INTERNAL for a request without host and as the
 * stages above. After an error *out holds nothing of use, here and above. */
enum tt_err tt_sigv4_authorization(struct tt_buf *out, const struct tt_sigv4_request *request,
                                   const struct tt_sigv4_scope *scope);

/* All stages: appends path and query of a presigned GET (or other method) URL,
 * "/path?...&X-Amz-Signature=", valid for expires_seconds (1 to TT_SIGV4_EXPIRES_MAX_SECONDS).
 * headers: host alone, usually. session_token NULL for none. The payload is unsigned, whatever
 * payload_sha256 is (NULL too). Errors as tt_sigv4_authorization, and TT_ERR_INTERNAL for another
 * time of validity. */
enum tt_err tt_sigv4_presign(struct tt_buf *out, const struct tt_sigv4_request *request,
                             const struct tt_sigv4_scope *scope, const char *session_token,
                             int expires_seconds);

#endif
