/* src/aws/sigv4.c: each stage against known answers. Those of "examplebucket" are the examples of
 * the Amazon S3 API Reference ("Signature Calculations for the Authorization Header", "Using Query
 * Parameters"); botocore gives the same for them, and gave the others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "aws/sigv4.h"

#define EMPTY_SHA256 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define BODY_SHA256  "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072"
#define ACCESS_KEY   "AKIAIOSFODNN7EXAMPLE"
#define SECRET_KEY   "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
#define CREDENTIAL   "AWS4-HMAC-SHA256 Credential=" ACCESS_KEY

#define COUNT(array) (sizeof(array) / sizeof *(array))

static const struct tt_sigv4_scope example = {.access_key_id = ACCESS_KEY,
                                              .secret_access_key = SECRET_KEY,
                                              .region = "us-east-1",
                                              .service = "s3",
                                              .time_ms = INT64_C(1369353600000)};

static const struct tt_sigv4_scope frankfurt = {.access_key_id = ACCESS_KEY,
                                                .secret_access_key = SECRET_KEY,
                                                .region = "eu-central-1",
                                                .service = "s3",
                                                .time_ms = INT64_C(1795503027999)};

#define EXAMPLE_HOST                                                                               \
    { "Host", "examplebucket.s3.amazonaws.com" }
#define EXAMPLE_DATE                                                                               \
    { "x-amz-date", "20130524T000000Z" }

static void assert_authorization(const struct tt_sigv4_request *request,
                                 const struct tt_sigv4_scope *scope, const char *expected) {
    struct tt_buf out;
    tt_buf_init(&out, 4096);
    assert_int_equal(tt_sigv4_authorization(&out, request, scope), TT_OK);
    assert_string_equal(tt_buf_text(&out), expected);
    tt_buf_fini(&out);
}

static void dates(void **state) {
    (void)state;
    char date[TT_SIGV4_DATE_SIZE];
    tt_sigv4_format_date(example.time_ms, date);
    assert_string_equal(date, "20130524T000000Z");
    tt_sigv4_format_date(frankfurt.time_ms, date);
    assert_string_equal(date, "20261124T065027Z");
    tt_sigv4_format_date(INT64_MIN, date);
    assert_string_equal(date, "19700101T000000Z");
    tt_sigv4_format_date(INT64_MAX, date);
    assert_string_equal(date, "99991231T235959Z");
}

/* Encoded names come first in the order, and a name before those that it begins; then values. */
static void query_is_in_the_order_of_its_encoded_form(void **state) {
    static const struct tt_sigv4_pair query[] = {
        {"b", "2"},        {"a-b", "1"}, {"a", "z"}, {"A", ""},    {"a", "~"},
        {"a", "\xC3\xA9"}, {"b", ""},    {"a", "/"}, {"\xC3", ""}, {"b", "10"}};
    (void)state;
    struct tt_buf out;
    tt_buf_init(&out, 200);
    assert_int_equal(tt_sigv4_format_query(&out, query, COUNT(query)), TT_OK);
    assert_string_equal(tt_buf_text(&out), "%C3=&A=&a=%2F&a=%C3%A9&a=z&a=~&a-b=1&b=&b=10&b=2");
    tt_buf_fini(&out);
    assert_int_equal(tt_sigv4_format_query(&out, NULL, 0), TT_OK);
    assert_string_equal(tt_buf_text(&out), "");
    tt_buf_fini(&out);
}

/* The example "GET Object", stage by stage. */
static void get_object_stages(void **state) {
    static const char canonical[] = "GET\n/test.txt\n\nhost:examplebucket.s3.amazonaws.com\n"
                                    "range:bytes=0-9\nx-amz-content-sha256:" EMPTY_SHA256 "\n"
                                    "x-amz-date:20130524T000000Z\n\n"
                                    "host;range;x-amz-content-sha256;x-amz-date\n" EMPTY_SHA256;
    static const char to_sign[] =
        "AWS4-HMAC-SHA256\n20130524T000000Z\n20130524/us-east-1/s3/aws4_request\n"
        "7344ae5b7ee6c3e7e6b0fe0640412a37625d1fbfff95c48bbb2dc43964946972";
    static const char expected[] =
        "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41";
    static const struct tt_sigv4_pair headers[] = {
        EXAMPLE_DATE, {"X-Amz-Content-SHA256", EMPTY_SHA256}, {"Range", "bytes=0-9"}, EXAMPLE_HOST};
    const struct tt_sigv4_request request = {.method = "GET",
                                             .path = "/test.txt",
                                             .headers = headers,
                                             .header_count = COUNT(headers),
                                             .payload_sha256 = EMPTY_SHA256};
    (void)state;
    struct tt_buf out;
    tt_buf_init(&out, 4096);
    struct tt_buf signed_headers;
    tt_buf_init(&signed_headers, 4096);
    assert_int_equal(tt_sigv4_canonical_request(&out, &signed_headers, &request), TT_OK);
    assert_string_equal(tt_buf_text(&out), canonical);
    assert_string_equal(tt_buf_text(&signed_headers), "host;range;x-amz-content-sha256;x-amz-date");
    tt_buf_fini(&out);
    assert_int_equal(tt_sigv4_string_to_sign(&out, &example, canonical), TT_OK);
    assert_string_equal(tt_buf_text(&out), to_sign);
    char signature[TT_SIGV4_SIGNATURE_SIZE];
    assert_int_equal(tt_sigv4_sign(signature, &example, to_sign), TT_OK);
    assert_string_equal(signature, expected);
    tt_buf_fini(&signed_headers);
    tt_buf_fini(&out);
}

/* The example "PUT Object": '$' in the key, and a Date beside x-amz-date. */
static void put_object(void **state) {
    static const struct tt_sigv4_pair headers[] = {EXAMPLE_HOST,
                                                   {"Date", "Fri, 24 May 2013 00:00:00 GMT"},
                                                   {"x-amz-content-sha256", BODY_SHA256},
                                                   EXAMPLE_DATE,
                                                   {"x-amz-storage-class", "REDUCED_REDUNDANCY"}};
    const struct tt_sigv4_request request = {.method = "PUT",
                                             .path = "/test$file.text",
                                             .headers = headers,
                                             .header_count = COUNT(headers),
                                             .payload_sha256 = BODY_SHA256};
    (void)state;
    assert_authorization(
        &request, &example,
        CREDENTIAL "/20130524/us-east-1/s3/aws4_request, "
                   "SignedHeaders=date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class, "
                   "Signature=98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd");
}

/* The examples "GET Bucket Lifecycle" and "Get Bucket (List Objects)". */
static void get_bucket(void **state) {
    static const struct tt_sigv4_pair headers[] = {
        EXAMPLE_HOST, {"x-amz-content-sha256", EMPTY_SHA256}, EXAMPLE_DATE};
    static const struct tt_sigv4_pair lifecycle[] = {{"lifecycle", ""}};
    static const struct tt_sigv4_pair list[] = {{"prefix", "J"}, {"max-keys", "2"}};
    struct tt_sigv4_request request = {.method = "GET",
                                       .path = "/",
                                       .query = lifecycle,
                                       .query_count = COUNT(lifecycle),
                                       .headers = headers,
                                       .header_count = COUNT(headers),
                                       .payload_sha256 = EMPTY_SHA256};
    (void)state;
    assert_authorization(
        &request, &example,
        CREDENTIAL "/20130524/us-east-1/s3/aws4_request, "
                   "SignedHeaders=host;x-amz-content-sha256;x-amz-date, "
                   "Signature=fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543");
    request.query = list;
    request.query_count = COUNT(list);
    assert_authorization(
        &request, &example,
        CREDENTIAL "/20130524/us-east-1/s3/aws4_request, "
                   "SignedHeaders=host;x-amz-content-sha256;x-amz-date, "
                   "Signature=34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");
}

/* UTF-8 and reserved characters in the key, a header whose name begins another's, one that comes
 * twice with blanks to fold, a session token. */
static void put_with_all_at_once(void **state) {
    static const struct tt_sigv4_pair headers[] = {
        {"x-amz-server-side-encryption-aws-kms-key-id", "key-1"},
        {"x-amz-server-side-encryption", "aws:kms"},
        {"Host", "s3.test:8000"},
        {"X-Amz-Meta-Note", " \t two  \t words "},
        {"Content-Type", "image/png"},
        {"x-amz-security-token", "tok/en+=="},
        {"x-amz-content-sha256", BODY_SHA256},
        {"x-amz-meta-note", "again"},
        {"X-Amz-Date", "20261124T065027Z"}};
    const struct tt_sigv4_request request = {.method = "PUT",
                                             .path = "/b/processed/a b+\xC3\xA9~%.png",
                                             .headers = headers,
                                             .header_count = COUNT(headers),
                                             .payload_sha256 = BODY_SHA256};
    (void)state;
    assert_authorization(
        &request, &frankfurt,
        CREDENTIAL "/20261124/eu-central-1/s3/aws4_request, "
                   "SignedHeaders=content-type;host;x-amz-content-sha256;x-amz-date;"
                   "x-amz-meta-note;x-amz-security-token;x-amz-server-side-encryption;"
                   "x-amz-server-side-encryption-aws-kms-key-id, "
                   "Signature=9d47f54dd99a6ee33fab2fd5b84ad707445b65f2a85554e79edd0d4cfa7ebe27");
}

static void dynamodb(void **state) {
    static const struct tt_sigv4_pair headers[] = {{"Host", "dynamodb.eu-central-1.amazonaws.com"},
                                                   {"X-Amz-Date", "20261124T065027Z"},
                                                   {"X-Amz-Target", "DynamoDB_20120810.PutItem"},
                                                   {"Content-Type", "application/x-amz-json-1.0"},
                                                   {"X-Amz-Content-SHA256", EMPTY_SHA256}};
    const struct tt_sigv4_request request = {.method = "POST",
                                             .path = "/",
                                             .headers = headers,
                                             .header_count = COUNT(headers),
                                             .payload_sha256 = EMPTY_SHA256};
    struct tt_sigv4_scope scope = frankfurt;
    (void)state;
    scope.service = "dynamodb";
    assert_authorization(
        &request, &scope,
        CREDENTIAL "/20261124/eu-central-1/dynamodb/aws4_request, "
                   "SignedHeaders=content-type;host;x-amz-content-sha256;x-amz-date;x-amz-target, "
                   "Signature=82f6eb35786202ae6ba115f2bc7150237b17c890849e163f9febc37958de0550");
}

static void assert_presigned(const struct tt_sigv4_request *request,
                             const struct tt_sigv4_scope *scope, const char *session_token,
                             int expires_seconds, const char *expected) {
    struct tt_buf out;
    tt_buf_init(&out, 4096);
    assert_int_equal(tt_sigv4_presign(&out, request, scope, session_token, expires_seconds), TT_OK);
    assert_string_equal(tt_buf_text(&out), expected);
    tt_buf_fini(&out);
}

/* The example of "Using Query Parameters". */
static void presigned_example(void **state) {
    static const struct tt_sigv4_pair headers[] = {EXAMPLE_HOST};
    const struct tt_sigv4_request request = {
        .method = "GET", .path = "/test.txt", .headers = headers, .header_count = COUNT(headers)};
    (void)state;
    assert_presigned(&request, &example, NULL, 86400,
                     "/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=" ACCESS_KEY
                     "%2F20130524%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z"
                     "&X-Amz-Expires=86400&X-Amz-SignedHeaders=host&X-Amz-Signature="
                     "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404");
}

static void presigned_with_query_and_token(void **state) {
    static const struct tt_sigv4_pair headers[] = {{"host", "s3.test:8000"}};
    static const struct tt_sigv4_pair query[] = {
        {"response-content-disposition", "inline; filename=\"a b+\xC3\xA9.png\""}, {"x-id", ""}};
    const struct tt_sigv4_request request = {.method = "GET",
                                             .path = "/b/processed/\xC3\xA9.png",
                                             .query = query,
                                             .query_count = COUNT(query),
                                             .headers = headers,
                                             .header_count = COUNT(headers)};
    (void)state;
    assert_presigned(&request, &frankfurt, "tok/en+==", 300,
                     "/b/processed/%C3%A9.png?X-Amz-Algorithm=AWS4-HMAC-SHA256"
                     "&X-Amz-Credential=" ACCESS_KEY "%2F20261124%2Feu-central-1%2Fs3%2F"
                     "aws4_request&X-Amz-Date=20261124T065027Z&X-Amz-Expires=300"
                     "&X-Amz-Security-Token=tok%2Fen%2B%3D%3D&X-Amz-SignedHeaders=host"
                     "&response-content-disposition=inline%3B%20filename%3D%22a%20b%2B%C3%A9.png"
                     "%22&x-id=&X-Amz-Signature="
                     "c2754db4b891e77adddc3934a7854399570b60b705fff1aaf6dea32ae3beb106");
}

static void expect_refused(const struct tt_sigv4_request *request) {
    struct tt_buf out;
    tt_buf_init(&out, 4096);
    assert_int_equal(tt_sigv4_authorization(&out, request, &example), TT_ERR_INTERNAL);
    tt_err_take(TT_OK);
    tt_buf_fini(&out);
    assert_int_equal(tt_sigv4_presign(&out, request, &example, NULL, 60), TT_ERR_INTERNAL);
    tt_err_take(TT_OK);
    tt_buf_fini(&out);
}

static void what_cannot_be_signed(void **state) {
    const struct tt_sigv4_pair host[] = {EXAMPLE_HOST};
    const struct tt_sigv4_pair no_host[] = {EXAMPLE_DATE, {"x-host", "a"}};
    const struct tt_sigv4_pair split[] = {EXAMPLE_HOST, {"x-amz-meta-a", "1\nx-amz-meta-b:2"}};
    const struct tt_sigv4_request request = {.method = "GET",
                                             .path = "/",
                                             .headers = host,
                                             .header_count = 1,
                                             .payload_sha256 = EMPTY_SHA256};
    struct tt_sigv4_request bad = request;
    (void)state;
    bad.headers = no_host;
    bad.header_count = COUNT(no_host);
    expect_refused(&bad);
    bad.headers = split;
    bad.header_count = COUNT(split);
    expect_refused(&bad);
    bad = request;
    bad.path = "test.txt";
    expect_refused(&bad);
    bad.path = "";
    expect_refused(&bad);
}

static void as_many_pairs_as_allowed_and_no_more(void **state) {
    const struct tt_sigv4_pair host[] = {EXAMPLE_HOST};
    struct tt_sigv4_pair pairs[TT_SIGV4_PAIRS_MAX + 1];
    struct tt_sigv4_request request = {.method = "GET",
                                       .path = "/",
                                       .query = pairs,
                                       .headers = pairs,
                                       .header_count = TT_SIGV4_PAIRS_MAX,
                                       .payload_sha256 = EMPTY_SHA256};
    (void)state;
    for (size_t i = 0; i < COUNT(pairs); i++)
        pairs[i] = (struct tt_sigv4_pair){"host", "a"};
    struct tt_buf out;
    tt_buf_init(&out, 100000);
    request.query_count = TT_SIGV4_PAIRS_MAX;
    assert_int_equal(tt_sigv4_authorization(&out, &request, &example), TT_OK);
    request.header_count = TT_SIGV4_PAIRS_MAX + 1;
    expect_refused(&request);
    request.headers = host;
    request.header_count = 1;
    request.query_count = TT_SIGV4_PAIRS_MAX + 1;
    expect_refused(&request);
    request.query_count = TT_SIGV4_PAIRS_MAX - 6;
    assert_int_equal(tt_sigv4_presign(&out, &request, &example, "token", 60), TT_OK);
    request.query_count++;
    assert_int_equal(tt_sigv4_presign(&out, &request, &example, "token", 60), TT_ERR_INTERNAL);
    tt_err_take(TT_OK);
    tt_buf_fini(&out);
}

static void times_of_validity(void **state) {
    const struct tt_sigv4_pair host[] = {EXAMPLE_HOST};
    const struct tt_sigv4_request request = {
        .method = "GET", .path = "/", .headers = host, .header_count = 1};
    static const struct {
        int seconds;
        enum tt_err err;
    } cases[] = {{1, TT_OK},
                 {604800, TT_OK},
                 {0, TT_ERR_INTERNAL},
                 {-1, TT_ERR_INTERNAL},
                 {604801, TT_ERR_INTERNAL}};
    struct tt_buf out;

    (void)state;
    tt_buf_init(&out, 4096);
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_int_equal(tt_sigv4_presign(&out, &request, &example, NULL, cases[i].seconds),
                         cases[i].err);
        tt_err_take(TT_OK);
    }
    tt_buf_fini(&out);
}

static void secrets_up_to_their_bound(void **state) {
    struct tt_sigv4_scope scope = example;
    (void)state;
    char secret[TT_SIGV4_SECRET_MAX_BYTES + 2];
    memset(secret, 'x', sizeof secret);
    secret[TT_SIGV4_SECRET_MAX_BYTES + 1] = '\0';
    scope.secret_access_key = secret;
    char signature[TT_SIGV4_SIGNATURE_SIZE];
    assert_int_equal(tt_sigv4_sign(signature, &scope, "text"), TT_ERR_INTERNAL);
    assert_null(strstr(tt_err_cause(), "xx"));
    tt_err_take(TT_OK);
    secret[TT_SIGV4_SECRET_MAX_BYTES] = '\0';
    assert_int_equal(tt_sigv4_sign(signature, &scope, "text"), TT_OK);
    assert_string_equal(signature,
                        "314a3d00d9404e6296bd36bb3029bbe34a5a60dded3ac7669a1381ccf4a69509");
}

/* A caller's buffer that is too small is an error for every function that fills one. */
static void overflow_is_told(void **state) {
    const struct tt_sigv4_pair host[] = {EXAMPLE_HOST};
    const struct tt_sigv4_request request = {.method = "GET",
                                             .path = "/",
                                             .query = host,
                                             .query_count = 1,
                                             .headers = host,
                                             .header_count = 1,
                                             .payload_sha256 = EMPTY_SHA256};
    (void)state;
    struct tt_buf small;
    tt_buf_init(&small, 3);
    struct tt_buf large;
    tt_buf_init(&large, 4096);
    assert_int_equal(tt_sigv4_format_query(&small, host, 1), TT_ERR_NO_MEMORY);
    tt_buf_fini(&small);
    assert_int_equal(tt_sigv4_canonical_request(&small, &large, &request), TT_ERR_NO_MEMORY);
    tt_buf_fini(&small);
    assert_int_equal(tt_sigv4_canonical_request(&large, &small, &request), TT_ERR_NO_MEMORY);
    tt_buf_fini(&small);
    assert_int_equal(tt_sigv4_string_to_sign(&small, &example, ""), TT_ERR_NO_MEMORY);
    tt_buf_fini(&small);
    assert_int_equal(tt_sigv4_authorization(&small, &request, &example), TT_ERR_NO_MEMORY);
    tt_buf_fini(&small);
    assert_int_equal(tt_sigv4_presign(&small, &request, &example, NULL, 60), TT_ERR_NO_MEMORY);
    tt_err_take(TT_OK);
    tt_buf_fini(&large);
    tt_buf_fini(&small);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dates),
        cmocka_unit_test(query_is_in_the_order_of_its_encoded_form),
        cmocka_unit_test(get_object_stages),
        cmocka_unit_test(put_object),
        cmocka_unit_test(get_bucket),
        cmocka_unit_test(put_with_all_at_once),
        cmocka_unit_test(dynamodb),
        cmocka_unit_test(presigned_example),
        cmocka_unit_test(presigned_with_query_and_token),
        cmocka_unit_test(what_cannot_be_signed),
        cmocka_unit_test(as_many_pairs_as_allowed_and_no_more),
        cmocka_unit_test(times_of_validity),
        cmocka_unit_test(secrets_up_to_their_bound),
        cmocka_unit_test(overflow_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
