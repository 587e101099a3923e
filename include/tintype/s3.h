/* S3: one object's calls, as signed requests (Amazon S3 API Reference). */
#ifndef TINTYPE_S3_H
#define TINTYPE_S3_H

#include <stdint.h>

#include "tintype/aws.h"
#include "tintype/buf.h"

struct tt_s3_object {
    const char *bucket;
    const char *key;          /* UTF-8, not encoded */
    const char *content_type; /* PUT alone, like all below */
    const char *sha256;       /* lower-case hexadecimal, of the whole body */
    int body_fd;
    int64_t size_bytes;
    enum tt_s3_sse sse;
    const char *sse_kms_key_id; /* "" for the bucket's own */
};

/* PUT with Content-Length, the payload's hash and the SSE headers. This and all below:
 * TT_ERR_NO_MEMORY; TT_ERR_INTERNAL for a call that cannot be signed. */
enum tt_err tt_s3_put(struct tt_http_request *request, struct tt_arena *arena,
                      const struct tt_aws_signer *signer, const struct tt_s3_object *object);
enum tt_err tt_s3_head(struct tt_http_request *request, struct tt_arena *arena,
                       const struct tt_aws_signer *signer, const struct tt_s3_object *object);
/* GET, for which the caller sets sink_fd and max_answer_bytes of *request. */
enum tt_err tt_s3_get(struct tt_http_request *request, struct tt_arena *arena,
                      const struct tt_aws_signer *signer, const struct tt_s3_object *object);
/* DELETE. For an object that is not there the answer is 204 as well, or TT_ERR_NOT_FOUND of some
 * services, which callers take for success. */
enum tt_err tt_s3_delete(struct tt_http_request *request, struct tt_arena *arena,
                         const struct tt_aws_signer *signer, const struct tt_s3_object *object);

/* Appends a URL by which anyone may GET the object for expires_seconds. The answer will have
 * Content-Type and Content-Disposition as given here. */
enum tt_err tt_s3_presign(struct tt_buf *url, struct tt_arena *arena,
                          const struct tt_aws_signer *signer, const struct tt_s3_object *object,
                          const char *content_type, const char *content_disposition,
                          int expires_seconds);

#endif
