/* src/aws/call.c: what a signed request is made of. Whether signatures hold is judged by botocore
 * in tests/aws_calls_test.py; the one here is an example of the S3 API Reference. */
#include "aws/call.h"
#include "aws_signer.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static const struct tt_http_header get_headers[] = {{"x-amz-content-sha256", EMPTY_SHA256},
                                                    {"Range", "bytes=0-9"}};
static const struct tt_aws_call get_call = {.method = "GET",
                                            .path = "/test.txt",
                                            .headers = get_headers,
                                            .header_count = COUNT(get_headers),
                                            .payload_sha256 = EMPTY_SHA256};

/* "Signature Calculations for the Authorization Header", the example "GET Object". */
static void the_example_is_signed_as_documented(void **state) {
    (void)state;
    assert_int_equal(tt_aws_call_sign(&request, &arena, &signer, &get_call), TT_OK);
    assert_string_equal(
        header_of("authorization"),
        "AWS4-HMAC-SHA256 Credential=" ACCESS_KEY "/20130524/us-east-1/s3/aws4_request, "
        "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date, "
        "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
}

static void every_field_is_set(void **state) {
    (void)state;
    assert_int_equal(tt_aws_call_sign(&request, &arena, &signer, &get_call), TT_OK);
    assert_string_equal(request.method, "GET");
    assert_string_equal(request.url, "https://examplebucket.s3.amazonaws.com/test.txt");
    assert_int_equal(request.header_count, 5);
    assert_string_equal(header_of("host"), "examplebucket.s3.amazonaws.com");
    assert_string_equal(header_of("x-amz-date"), "20130524T000000Z");
    assert_string_equal(header_of("range"), "bytes=0-9");
    assert_null(header_of("x-amz-security-token"));
    assert_null(request.body);
    assert_int_equal(request.body_bytes, 0);
    assert_int_equal(request.body_fd, -1);
    assert_int_equal(request.body_fd_bytes, 0);
    assert_int_equal(request.sink_fd, -1);
    assert_int_equal(request.max_answer_bytes, TT_HTTP_ANSWER_KEPT_BYTES);
    assert_int_equal(request.timeout_ms, 0);
    assert_string_equal(request.ca_file, "/ca.pem");
}

static void a_session_token_is_sent_and_signed(void **state) {
    (void)state;
    memset(keys.session_token, 't', sizeof keys.session_token - 1);
    assert_int_equal(tt_aws_call_sign(&request, &arena, &signer, &get_call), TT_OK);
    assert_string_equal(header_of("x-amz-security-token"), keys.session_token);
    assert_signs("host;range;x-amz-content-sha256;x-amz-date;x-amz-security-token");
}

static void path_and_query_are_encoded_and_sorted(void **state) {
    static const struct tt_http_header query[] = {{"b", "x y"}, {"a/", ""}, {"a", "\xC3\xA9+"}};
    struct tt_aws_call call = get_call;
    (void)state;
    call.path = "/a b/+%2F/\xC3\xA9";
    call.query = query;
    call.query_count = COUNT(query);
    strcpy(endpoint.scheme, "http");
    strcpy(endpoint.host, "[::1]:8000");
    strcpy(endpoint.path, "/x");
    assert_int_equal(tt_aws_call_sign(&request, &arena, &signer, &call), TT_OK);
    assert_string_equal(request.url,
                        "http://[::1]:8000/x/a%20b/%2B%252F/%C3%A9?a=%C3%A9%2B&a%2F=&b=x%20y");
    assert_string_equal(header_of("host"), "[::1]:8000");
}

static void the_root_of_an_endpoint_is_its_path(void **state) {
    struct tt_aws_call call = get_call;
    (void)state;
    call.path = "/";
    assert_int_equal(tt_aws_call_sign(&request, &arena, &signer, &call), TT_OK);
    assert_string_equal(request.url, "https://examplebucket.s3.amazonaws.com/");
    strcpy(endpoint.path, "/x");
    assert_int_equal(tt_aws_call_sign(&request, &arena, &signer, &call), TT_OK);
    assert_string_equal(request.url, "https://examplebucket.s3.amazonaws.com/x");
}

/* The request outlives what it was made of. */
static void text_is_copied(void **state) {
    char path[] = "/a", value[] = "v";
    const struct tt_http_header header = {"x-amz-a", value};
    const struct tt_aws_call call = {.method = "GET",
                                     .path = path,
                                     .headers = &header,
                                     .header_count = 1,
                                     .payload_sha256 = EMPTY_SHA256};
    (void)state;
    strcpy(keys.session_token, "token");
    assert_int_equal(tt_aws_call_sign(&request, &arena, &signer, &call), TT_OK);
    strcpy(path, "/b");
    strcpy(value, "w");
    strcpy(keys.session_token, "other");
    assert_string_equal(request.url, "https://examplebucket.s3.amazonaws.com/a");
    assert_string_equal(header_of("x-amz-a"), "v");
    assert_string_equal(header_of("x-amz-security-token"), "token");
}

static void json_is_posted_with_its_hash(void **state) {
    static const char body[] = "{\"a\":1}";
    (void)state;
    endpoint.service = TT_AWS_LOGS;
    assert_int_equal(tt_aws_call_json(&request, &arena, &signer, "application/x-amz-json-1.1",
                                      "Logs_20140328.X", body, strlen(body)),
                     TT_OK);
    assert_string_equal(request.method, "POST");
    assert_string_equal(request.url, "https://examplebucket.s3.amazonaws.com/");
    assert_string_equal(header_of("content-type"), "application/x-amz-json-1.1");
    assert_string_equal(header_of("x-amz-target"), "Logs_20140328.X");
    assert_signs("content-type;host;x-amz-date;x-amz-target");
    assert_non_null(strstr(header_of("authorization"), "/us-east-1/logs/aws4_request,"));
    assert_body(body);
}

/* "Authenticating Requests: Using Query Parameters", the example. */
static void the_example_is_presigned_as_documented(void **state) {
    (void)state;
    struct tt_buf url;
    tt_buf_init(&url, 4096);
    assert_int_equal(tt_aws_call_presign(&url, &arena, &signer, &get_call, 86400), TT_OK);
    assert_string_equal(
        tt_buf_text(&url),
        "https://examplebucket.s3.amazonaws.com/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&"
        "X-Amz-Credential=" ACCESS_KEY "%2F20130524%2Fus-east-1%2Fs3%2Faws4_request&"
        "X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host&"
        "X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404");
    tt_buf_fini(&url);
}

static void a_presigned_url_has_the_token(void **state) {
    (void)state;
    strcpy(keys.session_token, "to/ken=");
    struct tt_buf url;
    tt_buf_init(&url, 4096);
    assert_int_equal(tt_aws_call_presign(&url, &arena, &signer, &get_call, 60), TT_OK);
    assert_non_null(strstr(tt_buf_text(&url), "&X-Amz-Security-Token=to%2Fken%3D&"));
    tt_buf_fini(&url);
}

static void bounds_hold(void **state) {
    struct tt_aws_call call = get_call;
    (void)state;
    struct tt_http_header many[40];
    for (size_t i = 0; i < COUNT(many); i++)
        many[i] = (struct tt_http_header){"x-amz-a", "v"};
    call.headers = many;
    call.header_count = 30; /* with Host and X-Amz-Date these are all that fit */
    assert_int_equal(tt_aws_call_sign(&request, &arena, &signer, &call), TT_OK);
    call.header_count = 31;
    assert_int_equal(tt_aws_call_sign(&request, &arena, &signer, &call), TT_ERR_INTERNAL);
    call = get_call;
    call.query = many;
    call.query_count = 33;
    assert_int_equal(tt_aws_call_sign(&request, &arena, &signer, &call), TT_ERR_INTERNAL);
    struct tt_buf url;
    tt_buf_init(&url, 4096);
    assert_int_equal(tt_aws_call_presign(&url, &arena, &signer, &call, 60), TT_ERR_INTERNAL);
    assert_int_equal(tt_aws_call_presign(&url, &arena, &signer, &get_call, 0), TT_ERR_INTERNAL);
    tt_buf_fini(&url);
    tt_buf_init(&url, 100);
    assert_int_equal(tt_aws_call_presign(&url, &arena, &signer, &get_call, 60), TT_ERR_NO_MEMORY);
    tt_buf_fini(&url);
}

static void a_line_break_cannot_be_sent(void **state) {
    static const struct tt_http_header header = {"x-amz-a", "v\r\nx-amz-b: w"};
    struct tt_aws_call call = get_call;
    (void)state;
    call.headers = &header;
    call.header_count = 1;
    assert_int_equal(tt_aws_call_sign(&request, &arena, &signer, &call), TT_ERR_INTERNAL);
}

/* With every cap below what is needed the request fails, and nothing is lost (under a sanitizer).
 */
static void a_full_arena_fails(void **state) {
    (void)state;
    assert_int_equal(tt_aws_call_sign(&request, &arena, &signer, &get_call), TT_OK);
    size_t needed = arena.used_bytes;
    for (size_t cap = 1; cap < needed; cap += 32) {
        tt_arena_fini(&arena);
        tt_arena_init(&arena, cap);
        tt_err_take(TT_OK);
        assert_int_equal(tt_aws_call_sign(&request, &arena, &signer, &get_call), TT_ERR_NO_MEMORY);
        assert_string_not_equal(tt_err_cause(), "");
    }
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, signer_setup, signer_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(the_example_is_signed_as_documented), TEST(every_field_is_set),
        TEST(a_session_token_is_sent_and_signed),  TEST(path_and_query_are_encoded_and_sorted),
        TEST(the_root_of_an_endpoint_is_its_path), TEST(text_is_copied),
        TEST(json_is_posted_with_its_hash),        TEST(the_example_is_presigned_as_documented),
        TEST(a_presigned_url_has_the_token),       TEST(bounds_hold),
        TEST(a_line_break_cannot_be_sent),         TEST(a_full_arena_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
