/* Builds the requests that it reads, for a test that lets AWS's own library judge them.
 *
 * Input, every field ended by a NUL, one request after the other: scheme, host, path, region and
 * path style (0, 1) of the endpoint; access key, secret key, session token; time in Unix ms; the
 * operation's name and its parameters, as the functions below read them.
 * Output, ended likewise: method, URL, number of headers, their names and values, body, size of the
 * streamed body. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "driver.h"
#include "tintype/dynamodb.h"
#include "tintype/logs.h"
#include "tintype/s3.h"

#define ARENA_MAX_BYTES ((size_t)4 * 1024 * 1024)
#define URL_MAX_BYTES   ((size_t)64 * 1024)
#define ITEM_MAX_COUNT  64
#define BODY_FD         1000 /* This is never read. */

static struct tt_arena arena;
static struct tt_aws_endpoint endpoint;
static struct tt_aws_keys keys;
static struct tt_aws_signer signer = {.endpoint = &endpoint, .keys = &keys};
static struct tt_http_request request;

static void next_copy(char *copy, size_t size) {
    const char *text = next_text();

    if (strlen(text) >= size)
        fail("a text is too long");
    memcpy(copy, text, strlen(text) + 1);
}

/* ---- operations ---- */

static struct tt_s3_object next_object(void) {
    struct tt_s3_object object = {.bucket = next_text(), .body_fd = -1};

    object.key = next_text();
    return object;
}

static enum tt_err put_object(void) {
    struct tt_s3_object object = next_object();

    object.content_type = next_text();
    object.sha256 = next_text();
    object.body_fd = BODY_FD;
    object.size_bytes = next_int(INT64_MAX);
    object.sse = (enum tt_s3_sse)next_int(TT_S3_SSE_KMS);
    object.sse_kms_key_id = next_text();
    return tt_s3_put(&request, &arena, &signer, &object);
}

static enum tt_err head_object(void) {
    const struct tt_s3_object object = next_object();

    return tt_s3_head(&request, &arena, &signer, &object);
}

static enum tt_err get_object(void) {
    const struct tt_s3_object object = next_object();

    return tt_s3_get(&request, &arena, &signer, &object);
}

static enum tt_err delete_object(void) {
    const struct tt_s3_object object = next_object();

    return tt_s3_delete(&request, &arena, &signer, &object);
}

static enum tt_err presign(void) {
    const struct tt_s3_object object = next_object();
    const char *content_type = next_text();
    const char *content_disposition = next_text();
    int expires_seconds = (int)next_int(604800);
    struct tt_buf url;
    enum tt_err err;

    tt_buf_init(&url, URL_MAX_BYTES);
    err = tt_s3_presign(&url, &arena, &signer, &object, content_type, content_disposition,
                        expires_seconds);
    request = (struct tt_http_request){
        .method = "GET", .url = tt_arena_copy_text(&arena, tt_buf_text(&url), url.length)};
    tt_buf_fini(&url);
    return request.url != NULL ? err : TT_ERR_NO_MEMORY;
}

/* A list is its length, then name, type and value of each member; a map's value is such a list. */
static const struct tt_dynamodb_attribute *next_attributes(size_t *count) {
    struct tt_dynamodb_attribute *attributes;

    *count = (size_t)next_int(ITEM_MAX_COUNT);
    attributes = tt_arena_alloc_array(&arena, *count + 1, sizeof *attributes);
    if (attributes == NULL)
        fail("no memory for an item");
    for (size_t i = 0; i < *count; i++) {
        attributes[i].name = next_text();
        attributes[i].type = next_text()[0];
        if (attributes[i].type == 'M')
            attributes[i].members = next_attributes(&attributes[i].member_count);
        else
            attributes[i].value = next_text();
    }
    return attributes;
}

static enum tt_err put_item(void) {
    const char *table = next_text();
    size_t count;
    const struct tt_dynamodb_attribute *attributes = next_attributes(&count);

    return tt_dynamodb_put_item(&request, &arena, &signer, table, attributes, count);
}

static enum tt_err get_item(void) {
    const char *table = next_text();

    return tt_dynamodb_get_item(&request, &arena, &signer, table, next_text());
}

static enum tt_err delete_item(void) {
    const char *table = next_text();

    return tt_dynamodb_delete_item(&request, &arena, &signer, table, next_text());
}

static enum tt_err put_log_events(void) {
    static struct tt_logs_event events[TT_LOGS_BATCH_MAX_EVENTS];
    const char *group = next_text();
    const char *stream = next_text();
    size_t count = (size_t)next_int(TT_LOGS_BATCH_MAX_EVENTS);

    for (size_t i = 0; i < count; i++) {
        events[i].time_ms = next_int(INT64_MAX);
        events[i].message = next_text();
    }
    if (tt_logs_batch_length(events, count) != count)
        fail("this is no batch");
    return tt_logs_put_events(&request, &arena, &signer, group, stream, events, count);
}

static enum tt_err create_log_group(void) {
    return tt_logs_create_group(&request, &arena, &signer, next_text());
}

static enum tt_err create_log_stream(void) {
    const char *group = next_text();

    return tt_logs_create_stream(&request, &arena, &signer, group, next_text());
}

static const struct {
    const char *name;
    enum tt_aws_service service;
    enum tt_err (*build)(void);
} operations[] = {
    {"PutObject", TT_AWS_S3, put_object},
    {"HeadObject", TT_AWS_S3, head_object},
    {"GetObject", TT_AWS_S3, get_object},
    {"DeleteObject", TT_AWS_S3, delete_object},
    {"presign", TT_AWS_S3, presign},
    {"PutItem", TT_AWS_DYNAMODB, put_item},
    {"GetItem", TT_AWS_DYNAMODB, get_item},
    {"DeleteItem", TT_AWS_DYNAMODB, delete_item},
    {"PutLogEvents", TT_AWS_LOGS, put_log_events},
    {"CreateLogGroup", TT_AWS_LOGS, create_log_group},
    {"CreateLogStream", TT_AWS_LOGS, create_log_stream},
};

/* ---- input and output ---- */

static void build_next(void) {
    const char *name;

    next_copy(endpoint.scheme, sizeof endpoint.scheme);
    next_copy(endpoint.host, sizeof endpoint.host);
    next_copy(endpoint.path, sizeof endpoint.path);
    next_copy(endpoint.region, sizeof endpoint.region);
    endpoint.path_style = next_int(1) == 1;
    next_copy(keys.access_key_id, sizeof keys.access_key_id);
    next_copy(keys.secret_access_key, sizeof keys.secret_access_key);
    next_copy(keys.session_token, sizeof keys.session_token);
    signer.time_ms = next_int(INT64_MAX);
    name = next_text();
    for (size_t i = 0; i < sizeof operations / sizeof *operations; i++)
        if (strcmp(operations[i].name, name) == 0) {
            endpoint.service = operations[i].service;
            check(operations[i].build(), name);
            return;
        }
    fail("no such operation");
}

static void write_field(const char *text, size_t length) {
    (void)fwrite(text, 1, length, stdout);
    (void)putchar('\0');
}

static void write_text(const char *text) {
    write_field(text, strlen(text));
}

static void write_int(int64_t value) {
    (void)printf("%" PRId64, value);
    (void)putchar('\0');
}

static void write_request(void) {
    write_text(request.method);
    write_text(request.url);
    write_int((int64_t)request.header_count);
    for (size_t i = 0; i < request.header_count; i++) {
        write_text(request.headers[i].name);
        write_text(request.headers[i].value);
    }
    write_field(request.body != NULL ? request.body : "", request.body_bytes);
    write_int(request.body_fd == BODY_FD ? request.body_fd_bytes : 0);
}

int main(void) {
    read_input();
    tt_arena_init(&arena, ARENA_MAX_BYTES);
    while (position < input.length) {
        build_next();
        write_request();
        tt_arena_reset(&arena);
    }
    tt_arena_fini(&arena);
    tt_buf_fini(&input);
    return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
