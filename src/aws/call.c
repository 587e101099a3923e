/* A call becomes a request here: it gets the endpoint's address, the headers that every request
 * has, and a signature over exactly what is sent. The signature itself is made in sigv4.c; what a
 * call says is known to the services' files. */
#include "aws/call.h"

#include <string.h>

#include "aws/sigv4.h"
#include "tintype/hash.h"

/* An escape takes three bytes for one, and a session token is the longest part of a URL. */
#define TEXT_MAX_BYTES ((size_t)64 * 1024)

/* Authorization is sent, but cannot be signed. */
_Static_assert(TT_SIGV4_PAIRS_MAX + 1 <= TT_HTTP_HEADERS_MAX, "a signed request can be sent");

static const char *const scope_names[TT_AWS_SERVICE_COUNT] = {
    [TT_AWS_S3] = "s3", [TT_AWS_DYNAMODB] = "dynamodb", [TT_AWS_LOGS] = "logs"};

static struct tt_sigv4_scope scope_of(const struct tt_aws_signer *signer) {
    return (struct tt_sigv4_scope){.access_key_id = signer->keys->access_key_id,
                                   .secret_access_key = signer->keys->secret_access_key,
                                   .region = signer->endpoint->region,
                                   .service = scope_names[signer->endpoint->service],
                                   .time_ms = signer->time_ms};
}

/* Moves the text of buf into the arena. */
static enum tt_err keep_text(struct tt_arena *arena, const struct tt_buf *buf, const char **text) {
    if (buf->overflowed)
        return tt_err_fail(TT_ERR_NO_MEMORY, "call: no memory, or a text over %zu bytes",
                           buf->max_bytes);
    *text = tt_arena_copy_text(arena, tt_buf_text(buf), buf->length);
    return *text ? TT_OK : TT_ERR_NO_MEMORY;
}

/* The endpoint's path and the call's below it. The root of an endpoint that has a path is that path
 * without a slash, as the SDKs have it. */
static enum tt_err join_path(struct tt_arena *arena, const struct tt_aws_endpoint *endpoint,
                             const char *path, const char **joined) {
    struct tt_buf buf;
    tt_buf_init(&buf, TEXT_MAX_BYTES);
    tt_buf_append_text(&buf, endpoint->path);
    if (endpoint->path[0] == '\0' || strcmp(path, "/") != 0)
        tt_buf_append_text(&buf, path);
    enum tt_err err = keep_text(arena, &buf, joined);
    tt_buf_fini(&buf);
    return err;
}

static enum tt_err copy_pairs(struct tt_sigv4_pair pairs[TT_SIGV4_PAIRS_MAX],
                              const struct tt_http_header *headers, size_t count) {
    if (count > TT_SIGV4_PAIRS_MAX)
        return tt_err_fail(TT_ERR_INTERNAL, "call: %zu headers or query pairs, %d at most", count,
                           TT_SIGV4_PAIRS_MAX);
    for (size_t i = 0; i < count; i++)
        pairs[i] = (struct tt_sigv4_pair){headers[i].name, headers[i].value};
    return TT_OK;
}

/* ---- a signed request ---- */

static enum tt_err add_header(struct tt_http_request *request, struct tt_arena *arena,
                              const char *name, const char *value) {
    if (request->header_count >= TT_SIGV4_PAIRS_MAX)
        return tt_err_fail(TT_ERR_INTERNAL, "call: over %d headers", TT_SIGV4_PAIRS_MAX);
    struct tt_http_header header;
    header.name = tt_arena_copy_text(arena, name, strlen(name));
    header.value = tt_arena_copy_text(arena, value, strlen(value));
    if (!header.name || !header.value)
        return TT_ERR_NO_MEMORY;
    request->headers[request->header_count++] = header;
    return TT_OK;
}

/* Collects every header that is signed. */
static enum tt_err add_headers(struct tt_http_request *request, struct tt_arena *arena,
                               const struct tt_aws_signer *signer, const struct tt_aws_call *call) {
    const char *token = signer->keys->session_token;
    enum tt_err err = add_header(request, arena, "Host", signer->endpoint->host);
    char date[TT_SIGV4_DATE_SIZE];
    tt_sigv4_format_date(signer->time_ms, date);
    if (err == TT_OK)
        err = add_header(request, arena, "X-Amz-Date", date);
    if (err == TT_OK && token[0] != '\0')
        err = add_header(request, arena, "X-Amz-Security-Token", token);
    for (size_t i = 0; err == TT_OK && i < call->header_count; i++)
        err = add_header(request, arena, call->headers[i].name, call->headers[i].value);
    return err;
}

/* Makes the URL, with path and query encoded as they are for the signature. */
static enum tt_err format_url(struct tt_arena *arena, const struct tt_aws_endpoint *endpoint,
                              const struct tt_sigv4_request *signed_request, const char **url) {
    enum tt_err err = TT_OK;
    struct tt_buf buf;
    tt_buf_init(&buf, TEXT_MAX_BYTES);
    tt_buf_append_format(&buf, "%s://%s", endpoint->scheme, endpoint->host);
    tt_buf_append_percent(&buf, signed_request->path, true);
    if (signed_request->query_count > 0) {
        tt_buf_append_text(&buf, "?");
        err = tt_sigv4_format_query(&buf, signed_request->query, signed_request->query_count);
    }
    if (err == TT_OK)
        err = keep_text(arena, &buf, url);
    tt_buf_fini(&buf);
    return err;
}

static enum tt_err add_authorization(struct tt_http_request *request, struct tt_arena *arena,
                                     const struct tt_aws_signer *signer,
                                     const struct tt_sigv4_request *signed_request) {
    const struct tt_sigv4_scope scope = scope_of(signer);
    struct tt_http_header *header = &request->headers[request->header_count];
    struct tt_buf buf;
    tt_buf_init(&buf, TEXT_MAX_BYTES);
    enum tt_err err = tt_sigv4_authorization(&buf, signed_request, &scope);
    if (err == TT_OK)
        err = keep_text(arena, &buf, &header->value);
    tt_buf_fini(&buf);
    if (err != TT_OK)
        return err;
    header->name = "Authorization";
    request->header_count++;
    return TT_OK;
}

enum tt_err tt_aws_call_sign(struct tt_http_request *request, struct tt_arena *arena,
                             const struct tt_aws_signer *signer, const struct tt_aws_call *call) {
    struct tt_sigv4_pair query[TT_SIGV4_PAIRS_MAX], headers[TT_SIGV4_PAIRS_MAX];
    struct tt_sigv4_request signed_request = {.method = call->method,
                                              .query = query,
                                              .query_count = call->query_count,
                                              .headers = headers,
                                              .payload_sha256 = call->payload_sha256};
    *request = (struct tt_http_request){.method = call->method,
                                        .body_fd = -1,
                                        .sink_fd = -1,
                                        .max_answer_bytes = TT_HTTP_ANSWER_KEPT_BYTES,
                                        .ca_file = signer->endpoint->ca_file};
    enum tt_err err;
    if ((err = copy_pairs(query, call->query, call->query_count)) != TT_OK ||
        (err = join_path(arena, signer->endpoint, call->path, &signed_request.path)) != TT_OK ||
        (err = add_headers(request, arena, signer, call)) != TT_OK ||
        (err = copy_pairs(headers, request->headers, request->header_count)) != TT_OK)
        return err;
    signed_request.header_count = request->header_count;
    if ((err = format_url(arena, signer->endpoint, &signed_request, &request->url)) != TT_OK)
        return err;
    return add_authorization(request, arena, signer, &signed_request);
}

/* ---- JSON ---- */

static enum tt_err hash_text(const char *text, size_t length, char hex[TT_HASH_HEX_SIZE]) {
    struct tt_hash hash;
    enum tt_err err = tt_hash_init(&hash);
    if (err == TT_OK)
        err = tt_hash_update(&hash, text, length);
    uint8_t digest[TT_HASH_BYTES];
    if (err == TT_OK)
        err = tt_hash_finish(&hash, digest);
    tt_hash_fini(&hash);
    if (err == TT_OK)
        tt_hash_format(digest, hex);
    return err;
}

enum tt_err tt_aws_call_json(struct tt_http_request *request, struct tt_arena *arena,
                             const struct tt_aws_signer *signer, const char *content_type,
                             const char *target, const char *body, size_t body_bytes) {
    const struct tt_http_header headers[] = {{"Content-Type", content_type},
                                             {"X-Amz-Target", target}};
    char sha256[TT_HASH_HEX_SIZE];
    const struct tt_aws_call call = {.method = "POST",
                                     .path = "/",
                                     .headers = headers,
                                     .header_count = sizeof headers / sizeof *headers,
                                     .payload_sha256 = sha256};
    enum tt_err err;
    if ((err = hash_text(body, body_bytes, sha256)) != TT_OK ||
        (err = tt_aws_call_sign(request, arena, signer, &call)) != TT_OK)
        return err;
    request->body = body;
    request->body_bytes = body_bytes;
    return TT_OK;
}

/* ---- a URL for others ---- */

enum tt_err tt_aws_call_presign(struct tt_buf *url, struct tt_arena *arena,
                                const struct tt_aws_signer *signer, const struct tt_aws_call *call,
                                int expires_seconds) {
    const struct tt_aws_endpoint *endpoint = signer->endpoint;
    const char *token = signer->keys->session_token;
    const struct tt_sigv4_scope scope = scope_of(signer);
    const struct tt_sigv4_pair host = {"Host", endpoint->host};
    struct tt_sigv4_pair query[TT_SIGV4_PAIRS_MAX];
    struct tt_sigv4_request request = {.method = call->method,
                                       .query = query,
                                       .query_count = call->query_count,
                                       .headers = &host,
                                       .header_count = 1};
    enum tt_err err;
    if ((err = copy_pairs(query, call->query, call->query_count)) != TT_OK ||
        (err = join_path(arena, endpoint, call->path, &request.path)) != TT_OK)
        return err;
    tt_buf_append_format(url, "%s://%s", endpoint->scheme, endpoint->host);
    return tt_sigv4_presign(url, &request, &scope, token[0] != '\0' ? token : NULL,
                            expires_seconds);
}
