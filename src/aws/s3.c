/* One object's calls to S3: path, headers and query. The signature and the endpoint's own path are
 * added in call.c. */
#include "tintype/s3.h"

#include "aws/call.h"

#define PATH_MAX_BYTES   ((size_t)8 * 1024)
#define PUT_HEADERS_MAX  4
#define PRESIGN_PAIR_MAX 2

/* SHA-256 of no bytes, which GET, HEAD and DELETE carry. */
#define EMPTY_SHA256 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

/* "/key", behind the bucket's name where the host's name does not have that. NULL with
 * TT_ERR_NO_MEMORY noted. */
static const char *format_path(struct tt_arena *arena, const struct tt_aws_endpoint *endpoint,
                               const struct tt_s3_object *object) {
    const char *path = NULL;
    struct tt_buf buf;
    tt_buf_init(&buf, PATH_MAX_BYTES);
    if (endpoint->path_style) {
        tt_buf_append_text(&buf, "/");
        tt_buf_append_text(&buf, object->bucket);
    }
    tt_buf_append_text(&buf, "/");
    tt_buf_append_text(&buf, object->key);
    if (buf.overflowed)
        tt_err_fail(TT_ERR_NO_MEMORY, "s3: no memory, or a key over %zu bytes", PATH_MAX_BYTES);
    else
        path = tt_arena_copy_text(arena, tt_buf_text(&buf), buf.length);
    tt_buf_fini(&buf);
    return path;
}

static enum tt_err sign(struct tt_http_request *request, struct tt_arena *arena,
                        const struct tt_aws_signer *signer, const struct tt_s3_object *object,
                        const char *method, const struct tt_http_header *headers,
                        size_t header_count, const char *payload_sha256) {
    const struct tt_aws_call call = {.method = method,
                                     .path = format_path(arena, signer->endpoint, object),
                                     .headers = headers,
                                     .header_count = header_count,
                                     .payload_sha256 = payload_sha256};
    if (!call.path)
        return TT_ERR_NO_MEMORY;
    return tt_aws_call_sign(request, arena, signer, &call);
}

enum tt_err tt_s3_put(struct tt_http_request *request, struct tt_arena *arena,
                      const struct tt_aws_signer *signer, const struct tt_s3_object *object) {
    size_t count = 0;
    struct tt_http_header headers[PUT_HEADERS_MAX];
    headers[count++] = (struct tt_http_header){"X-Amz-Content-Sha256", object->sha256};
    headers[count++] = (struct tt_http_header){"Content-Type", object->content_type};
    if (object->sse != TT_S3_SSE_NONE)
        headers[count++] = (struct tt_http_header){
            "X-Amz-Server-Side-Encryption", object->sse == TT_S3_SSE_KMS ? "aws:kms" : "AES256"};
    if (object->sse == TT_S3_SSE_KMS && object->sse_kms_key_id[0] != '\0')
        headers[count++] = (struct tt_http_header){"X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id",
                                                   object->sse_kms_key_id};
    enum tt_err err = sign(request, arena, signer, object, "PUT", headers, count, object->sha256);
    if (err != TT_OK)
        return err;
    request->body_fd = object->body_fd;
    request->body_fd_bytes = object->size_bytes;
    return TT_OK;
}

static enum tt_err sign_without_body(struct tt_http_request *request, struct tt_arena *arena,
                                     const struct tt_aws_signer *signer,
                                     const struct tt_s3_object *object, const char *method) {
    const struct tt_http_header header = {"X-Amz-Content-Sha256", EMPTY_SHA256};
    return sign(request, arena, signer, object, method, &header, 1, EMPTY_SHA256);
}

enum tt_err tt_s3_head(struct tt_http_request *request, struct tt_arena *arena,
                       const struct tt_aws_signer *signer, const struct tt_s3_object *object) {
    return sign_without_body(request, arena, signer, object, "HEAD");
}

enum tt_err tt_s3_get(struct tt_http_request *request, struct tt_arena *arena,
                      const struct tt_aws_signer *signer, const struct tt_s3_object *object) {
    return sign_without_body(request, arena, signer, object, "GET");
}

enum tt_err tt_s3_delete(struct tt_http_request *request, struct tt_arena *arena,
                         const struct tt_aws_signer *signer, const struct tt_s3_object *object) {
    return sign_without_body(request, arena, signer, object, "DELETE");
}

enum tt_err tt_s3_presign(struct tt_buf *url, struct tt_arena *arena,
                          const struct tt_aws_signer *signer, const struct tt_s3_object *object,
                          const char *content_type, const char *content_disposition,
                          int expires_seconds) {
    const struct tt_http_header query[PRESIGN_PAIR_MAX] = {
        {"response-content-type", content_type},
        {"response-content-disposition", content_disposition}};
    const struct tt_aws_call call = {.method = "GET",
                                     .path = format_path(arena, signer->endpoint, object),
                                     .query = query,
                                     .query_count = PRESIGN_PAIR_MAX};
    if (!call.path)
        return TT_ERR_NO_MEMORY;
    return tt_aws_call_presign(url, arena, signer, &call, expires_seconds);
}
