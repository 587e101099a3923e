/* src/aws/s3.c: paths and headers of one object's calls. */
#include "aws_signer.h"
#include "tintype/s3.h"

#define BODY_SHA256 "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072"

static const struct tt_s3_object object = {.bucket = "examplebucket",
                                           .key = "processed/a b.png",
                                           .content_type = "image/png",
                                           .sha256 = BODY_SHA256,
                                           .body_fd = 7,
                                           .size_bytes = INT64_C(5000000000),
                                           .sse_kms_key_id = ""};

static void put_streams_a_descriptor(void **state) {
    (void)state;
    assert_int_equal(tt_s3_put(&request, &arena, &signer, &object), TT_OK);
    assert_string_equal(request.method, "PUT");
    assert_string_equal(request.url, "https://examplebucket.s3.amazonaws.com/processed/a%20b.png");
    assert_string_equal(header_of("content-type"), "image/png");
    assert_string_equal(header_of("x-amz-content-sha256"), BODY_SHA256);
    assert_signs("content-type;host;x-amz-content-sha256;x-amz-date");
    assert_null(request.body);
    assert_int_equal(request.body_fd, 7);
    assert_int_equal(request.body_fd_bytes, INT64_C(5000000000));
}

static void path_style_puts_the_bucket_first(void **state) {
    (void)state;
    endpoint.path_style = true;
    strcpy(endpoint.host, "s3.test");
    strcpy(endpoint.path, "/gate");
    assert_int_equal(tt_s3_put(&request, &arena, &signer, &object), TT_OK);
    assert_string_equal(request.url, "https://s3.test/gate/examplebucket/processed/a%20b.png");
}

static void encryption_is_asked_for(void **state) {
    static const struct {
        enum tt_s3_sse sse;
        const char *key_id;
        const char *algorithm;
        const char *sent_key_id;
    } cases[] = {
        {TT_S3_SSE_NONE, "", NULL, NULL},
        {TT_S3_SSE_NONE, "key", NULL, NULL},
        {TT_S3_SSE_AES256, "", "AES256", NULL},
        {TT_S3_SSE_AES256, "key", "AES256", NULL},
        {TT_S3_SSE_KMS, "", "aws:kms", NULL},
        {TT_S3_SSE_KMS, "arn:aws:kms:us-east-1:1:key/2", "aws:kms",
         "arn:aws:kms:us-east-1:1:key/2"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct tt_s3_object encrypted = object;
        encrypted.sse = cases[i].sse;
        encrypted.sse_kms_key_id = cases[i].key_id;
        assert_int_equal(tt_s3_put(&request, &arena, &signer, &encrypted), TT_OK);
        const char *algorithm = header_of("x-amz-server-side-encryption");
        const char *key_id = header_of("x-amz-server-side-encryption-aws-kms-key-id");
        assert_int_equal(!algorithm, !cases[i].algorithm);
        assert_int_equal(!key_id, !cases[i].sent_key_id);
        if (algorithm)
            assert_string_equal(algorithm, cases[i].algorithm);
        if (key_id)
            assert_string_equal(key_id, cases[i].sent_key_id);
    }
    assert_signs("content-type;host;x-amz-content-sha256;x-amz-date;x-amz-server-side-encryption;"
                 "x-amz-server-side-encryption-aws-kms-key-id");
}

static void the_others_send_no_body(void **state) {
    static const struct {
        const char *method;
        enum tt_err (*build)(struct tt_http_request *, struct tt_arena *,
                             const struct tt_aws_signer *, const struct tt_s3_object *);
    } cases[] = {{"HEAD", tt_s3_head}, {"GET", tt_s3_get}, {"DELETE", tt_s3_delete}};
    const struct tt_s3_object name_alone = {.bucket = "examplebucket", .key = "a", .body_fd = 7};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(cases[i].build(&request, &arena, &signer, &name_alone), TT_OK);
        assert_string_equal(request.method, cases[i].method);
        assert_string_equal(request.url, "https://examplebucket.s3.amazonaws.com/a");
        assert_string_equal(header_of("x-amz-content-sha256"), EMPTY_SHA256);
        assert_null(header_of("content-type"));
        assert_int_equal(request.header_count, 4);
        assert_int_equal(request.body_fd, -1);
        assert_int_equal(request.sink_fd, -1);
    }
}

static void a_presigned_url_names_the_headers_of_its_answer(void **state) {
    (void)state;
    endpoint.path_style = true;
    strcpy(endpoint.host, "s3.test:8000");
    struct tt_buf url;
    tt_buf_init(&url, 4096);
    tt_buf_append_text(&url, "Location: ");
    assert_int_equal(tt_s3_presign(&url, &arena, &signer, &object, "image/png",
                                   "inline; filename=\"a b.png\"", 60),
                     TT_OK);
    assert_non_null(strstr(tt_buf_text(&url),
                           "Location: https://s3.test:8000/examplebucket/processed/a%20b.png?"));
    assert_non_null(strstr(tt_buf_text(&url), "&response-content-type=image%2Fpng&"));
    assert_non_null(
        strstr(tt_buf_text(&url),
               "&response-content-disposition=inline%3B%20filename%3D%22a%20b.png%22&"));
    assert_non_null(strstr(tt_buf_text(&url), "&X-Amz-Expires=60&"));
    tt_buf_fini(&url);
}

static void a_full_arena_fails(void **state) {
    (void)state;
    tt_arena_fini(&arena);
    tt_arena_init(&arena, 1);
    assert_int_equal(tt_s3_put(&request, &arena, &signer, &object), TT_ERR_NO_MEMORY);
    assert_int_equal(tt_s3_get(&request, &arena, &signer, &object), TT_ERR_NO_MEMORY);
    struct tt_buf url;
    tt_buf_init(&url, 4096);
    assert_int_equal(tt_s3_presign(&url, &arena, &signer, &object, "", "", 60), TT_ERR_NO_MEMORY);
    tt_buf_fini(&url);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, signer_setup, signer_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(put_streams_a_descriptor),
        TEST(path_style_puts_the_bucket_first),
        TEST(encryption_is_asked_for),
        TEST(the_others_send_no_body),
        TEST(a_presigned_url_names_the_headers_of_its_answer),
        TEST(a_full_arena_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
