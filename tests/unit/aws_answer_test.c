/* src/aws/answer.c: what answers mean, by documents as the services write them (Amazon S3 API
 * Reference, "Error responses"; DynamoDB Developer Guide, "Error handling"; CloudWatch Logs API
 * Reference). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tintype/aws.h"

#define NOW_MS  INT64_C(1795503027000)
#define SKEW_MS INT64_C(240001)

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define XML(code, rest)                                                                            \
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>" code "</Code>" rest "</Error>"
#define JSON(code, message) "{\"__type\":\"" code "\",\"message\":\"" message "\"}"

static struct tt_aws_outcome outcome;

static struct tt_http_answer make_answer(int status, const char *body) {
    return (struct tt_http_answer){.content_type = "application/x-amz-json-1.0",
                                   .status = status,
                                   .body = body,
                                   .body_bytes = strlen(body),
                                   .date_ms = NOW_MS};
}

static enum tt_err judge(enum tt_aws_service service, int status, const char *body) {
    const struct tt_http_answer answer = make_answer(status, body);
    memset(&outcome, 0xAA, sizeof outcome);
    tt_aws_answer_judge(&outcome, service, &answer, NOW_MS);
    assert_int_equal(outcome.status, status);
    assert_int_equal(outcome.date_ms, NOW_MS);
    assert_true(memchr(outcome.message, '\0', sizeof outcome.message));
    return outcome.err;
}

/* ---- by code ---- */

static void codes_of_s3(void **state) {
    static const struct {
        const char *code;
        int status;
        enum tt_err err;
    } cases[] = {
        {"NoSuchKey", 404, TT_ERR_NOT_FOUND},
        {"SlowDown", 503, TT_ERR_CLOUD_THROTTLED},
        {"ServiceUnavailable", 503, TT_ERR_CLOUD_THROTTLED},
        {"TooManyRequests", 429, TT_ERR_CLOUD_THROTTLED},
        {"KMS.ThrottlingException", 400, TT_ERR_CLOUD_THROTTLED},
        {"InternalError", 500, TT_ERR_CLOUD_FAILED},
        {"RequestTimeout", 400, TT_ERR_CLOUD_FAILED},
        {"OperationAborted", 409, TT_ERR_CLOUD_FAILED},
        {"IncompleteBody", 400, TT_ERR_CLOUD_FAILED},
        {"InvalidArgument", 400, TT_ERR_CLOUD_FAILED},
        {"InvalidAccessKeyId", 403, TT_ERR_CLOUD_KEYS},
        {"SignatureDoesNotMatch", 403, TT_ERR_CLOUD_KEYS},
        {"ExpiredToken", 400, TT_ERR_CLOUD_KEYS},
        {"InvalidToken", 400, TT_ERR_CLOUD_KEYS},
        {"AccessDenied", 403, TT_ERR_CLOUD_KEYS},
        {"AllAccessDisabled", 403, TT_ERR_CLOUD_KEYS},
        {"AccountProblem", 403, TT_ERR_CLOUD_KEYS},
        {"KMS.AccessDeniedException", 400, TT_ERR_CLOUD_KEYS},
        {"RequestTimeTooSkewed", 403, TT_ERR_CLOUD_CLOCK},
        {"NoSuchBucket", 404, TT_ERR_CLOUD_SETUP},
        {"InvalidBucketName", 400, TT_ERR_CLOUD_SETUP},
        {"PermanentRedirect", 301, TT_ERR_CLOUD_SETUP},
        {"TemporaryRedirect", 307, TT_ERR_CLOUD_SETUP},
        {"AuthorizationHeaderMalformed", 400, TT_ERR_CLOUD_SETUP},
        {"IllegalLocationConstraintException", 400, TT_ERR_CLOUD_SETUP},
        {"KMS.NotFoundException", 400, TT_ERR_CLOUD_SETUP},
        {"KMS.DisabledException", 400, TT_ERR_CLOUD_SETUP},
        {"KMS.KMSInvalidStateException", 400, TT_ERR_CLOUD_SETUP},
        {"MethodNotAllowed", 405, TT_ERR_CLOUD_SETUP},
        {"NotImplemented", 501, TT_ERR_CLOUD_SETUP},
        {"QuotaExceeded", 403, TT_ERR_CLOUD_SETUP},
        {"XMinioStorageFull", 507, TT_ERR_CLOUD_SETUP},
        {"EntityTooLarge", 400, TT_ERR_CLOUD_OBJECT},
        {"KeyTooLongError", 400, TT_ERR_CLOUD_OBJECT},
        {"XAmzContentSHA256Mismatch", 400, TT_ERR_CLOUD_FAILED},
        {"BadDigest", 400, TT_ERR_CLOUD_FAILED},
        {"InvalidObjectState", 403, TT_ERR_CLOUD_OBJECT},
    };
    char body[256];

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        snprintf(body, sizeof body, XML("%s", "<Message>Why.</Message>"), cases[i].code);
        assert_int_equal(judge(TT_AWS_S3, cases[i].status, body), cases[i].err);
        assert_string_equal(outcome.code, cases[i].code);
        assert_int_equal(strncmp(outcome.message, cases[i].code, strlen(cases[i].code)), 0);
        assert_non_null(strstr(outcome.message, ": Why."));
    }
}

static void codes_of_the_others(void **state) {
    static const struct {
        enum tt_aws_service service;
        const char *code;
        int status;
        enum tt_err err;
    } cases[] = {
        {TT_AWS_DYNAMODB, "ConditionalCheckFailedException", 400, TT_OK},
        {TT_AWS_LOGS, "ResourceAlreadyExistsException", 400, TT_OK},
        {TT_AWS_LOGS, "DataAlreadyAcceptedException", 400, TT_OK},
        {TT_AWS_DYNAMODB, "ProvisionedThroughputExceededException", 400, TT_ERR_CLOUD_THROTTLED},
        {TT_AWS_DYNAMODB, "ThrottlingException", 400, TT_ERR_CLOUD_THROTTLED},
        {TT_AWS_DYNAMODB, "RequestLimitExceeded", 400, TT_ERR_CLOUD_THROTTLED},
        {TT_AWS_DYNAMODB, "LimitExceededException", 400, TT_ERR_CLOUD_THROTTLED},
        {TT_AWS_LOGS, "LimitExceededException", 400, TT_ERR_CLOUD_SETUP},
        {TT_AWS_DYNAMODB, "InternalServerError", 500, TT_ERR_CLOUD_FAILED},
        {TT_AWS_DYNAMODB, "TransactionConflictException", 400, TT_ERR_CLOUD_FAILED},
        {TT_AWS_LOGS, "ServiceUnavailableException", 503, TT_ERR_CLOUD_FAILED},
        {TT_AWS_LOGS, "OperationAbortedException", 400, TT_ERR_CLOUD_FAILED},
        {TT_AWS_DYNAMODB, "SerializationException", 400, TT_ERR_CLOUD_FAILED},
        {TT_AWS_DYNAMODB, "UnrecognizedClientException", 400, TT_ERR_CLOUD_KEYS},
        {TT_AWS_DYNAMODB, "InvalidSignatureException", 400, TT_ERR_CLOUD_KEYS},
        {TT_AWS_DYNAMODB, "MissingAuthenticationTokenException", 400, TT_ERR_CLOUD_KEYS},
        {TT_AWS_DYNAMODB, "IncompleteSignatureException", 400, TT_ERR_CLOUD_KEYS},
        {TT_AWS_LOGS, "ExpiredTokenException", 400, TT_ERR_CLOUD_KEYS},
        {TT_AWS_LOGS, "AccessDeniedException", 400, TT_ERR_CLOUD_KEYS},
        {TT_AWS_LOGS, "OptInRequired", 403, TT_ERR_CLOUD_KEYS},
        {TT_AWS_DYNAMODB, "ResourceNotFoundException", 400, TT_ERR_CLOUD_SETUP},
        {TT_AWS_LOGS, "ResourceNotFoundException", 400, TT_ERR_CLOUD_SETUP},
        {TT_AWS_LOGS, "UnknownOperationException", 400, TT_ERR_CLOUD_SETUP},
        {TT_AWS_DYNAMODB, "ValidationException", 400, TT_ERR_CLOUD_OBJECT},
        {TT_AWS_LOGS, "InvalidParameterException", 400, TT_ERR_CLOUD_OBJECT},
        /* A code of one service says nothing when another one sends it. */
        {TT_AWS_LOGS, "ConditionalCheckFailedException", 400, TT_ERR_CLOUD_FAILED},
        {TT_AWS_DYNAMODB, "ResourceAlreadyExistsException", 400, TT_ERR_CLOUD_FAILED},
        {TT_AWS_LOGS, "ValidationException", 400, TT_ERR_CLOUD_FAILED},
    };
    char body[256];

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        snprintf(body, sizeof body, JSON("com.amazonaws.dynamodb.v20120810#%s", "Why."),
                 cases[i].code);
        assert_int_equal(judge(cases[i].service, cases[i].status, body), cases[i].err);
        assert_string_equal(outcome.code, cases[i].code);
        assert_non_null(strstr(outcome.message, ": Why."));
    }
}

static void messages_decide_where_a_code_has_two_meanings(void **state) {
    static const struct {
        enum tt_aws_service service;
        const char *body;
        enum tt_err err;
    } cases[] = {
        {TT_AWS_DYNAMODB,
         JSON("ValidationException", "Item size has exceeded the maximum allowed size"),
         TT_ERR_CLOUD_OBJECT},
        {TT_AWS_DYNAMODB,
         JSON("ValidationException", "The provided key element does not match the schema"),
         TT_ERR_CLOUD_SETUP},
        {TT_AWS_DYNAMODB,
         JSON("ValidationException",
              "One or more parameter values were invalid: Missing the key Name in the item"),
         TT_ERR_CLOUD_SETUP},
        {TT_AWS_DYNAMODB,
         JSON("ValidationException", "One or more parameter values were invalid: Type mismatch for "
                                     "Index Key Day Expected: N Actual: S IndexName: Days"),
         TT_ERR_CLOUD_SETUP},
        {TT_AWS_DYNAMODB,
         JSON("ValidationException", "1 validation error detected: Value 'a b' at 'tableName' "
                                     "failed to satisfy constraint"),
         TT_ERR_CLOUD_SETUP},
        {TT_AWS_DYNAMODB,
         JSON("ValidationException", "TableName must be at least 3 characters long"),
         TT_ERR_CLOUD_SETUP},
        {TT_AWS_LOGS,
         JSON("InvalidParameterException", "1 validation error detected: Value 'a b' at "
                                           "'logGroupName' failed to satisfy constraint"),
         TT_ERR_CLOUD_SETUP},
        {TT_AWS_DYNAMODB,
         JSON("InvalidSignatureException",
              "Credential should be scoped to a valid region, not 'us-east-9'. "),
         TT_ERR_CLOUD_SETUP},
        {TT_AWS_DYNAMODB,
         JSON("InvalidSignatureException", "Signature expired: 20180920T174101Z is now earlier "
                                           "than 20180920T174504Z (20180920T175004Z - 5 min.)"),
         TT_ERR_CLOUD_CLOCK},
        {TT_AWS_LOGS,
         JSON("InvalidSignatureException", "Signature not yet current: 20170731T092200Z is still "
                                           "later than 20170731T092115Z"),
         TT_ERR_CLOUD_CLOCK},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_int_equal(judge(cases[i].service, 400, cases[i].body), cases[i].err);
}

/* ---- by status ---- */

static void statuses_decide_where_no_code_does(void **state) {
    static const struct {
        int status;
        enum tt_err err;
    } cases[] = {
        {301, TT_ERR_CLOUD_SETUP},     {307, TT_ERR_CLOUD_SETUP},  {400, TT_ERR_CLOUD_FAILED},
        {401, TT_ERR_CLOUD_KEYS},      {403, TT_ERR_CLOUD_KEYS},   {404, TT_ERR_CLOUD_SETUP},
        {405, TT_ERR_CLOUD_SETUP},     {408, TT_ERR_CLOUD_FAILED}, {413, TT_ERR_CLOUD_OBJECT},
        {429, TT_ERR_CLOUD_THROTTLED}, {500, TT_ERR_CLOUD_FAILED}, {502, TT_ERR_CLOUD_FAILED},
        {503, TT_ERR_CLOUD_THROTTLED}, {504, TT_ERR_CLOUD_FAILED}, {599, TT_ERR_CLOUD_FAILED},
        {199, TT_ERR_CLOUD_FAILED},
    };
    static const char *const bodies[] = {"",
                                         "<html>sorry</html>",
                                         "{",
                                         "[]",
                                         "{\"__type\":7}",
                                         "<Error>",
                                         "<Error><Code>",
                                         "<Error><Code></Code></Error>",
                                         "<UnknownOperationException/>",
                                         "\xFF\xFE"};
    char message[32];

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        for (size_t body = 0; body < COUNT(bodies); body++)
            for (int service = 0; service < TT_AWS_SERVICE_COUNT; service++) {
                assert_int_equal(judge((enum tt_aws_service)service, cases[i].status, bodies[body]),
                                 cases[i].err);
                snprintf(message, sizeof message, "HTTP status %d", cases[i].status);
                assert_string_equal(outcome.code, "");
                assert_string_equal(outcome.message, message);
            }
}

static void success_is_ok(void **state) {
    (void)state;
    for (int service = 0; service < TT_AWS_SERVICE_COUNT; service++) {
        assert_int_equal(judge((enum tt_aws_service)service, 200, "{}"), TT_OK);
        assert_string_equal(outcome.code, "");
        assert_string_equal(outcome.message, "");
    }
    assert_int_equal(judge(TT_AWS_S3, 200, ""), TT_OK);
    assert_int_equal(judge(TT_AWS_S3, 204, ""), TT_OK);
    assert_int_equal(judge(TT_AWS_LOGS, 200, ""), TT_OK);
    assert_int_equal(judge(TT_AWS_S3, 200, "\x89PNG\r\n"), TT_OK);
    assert_int_equal(judge(TT_AWS_DYNAMODB, 200, "{\"Item\":{\"ID\":{\"S\":\"<Error>\"}}}"), TT_OK);
}

static void what_only_says_ok_failed(void **state) {
    (void)state;
    assert_int_equal(judge(TT_AWS_S3, 200, XML("InternalError", "<Message>Try again.</Message>")),
                     TT_ERR_CLOUD_FAILED);
    assert_string_equal(outcome.code, "InternalError");
    assert_string_equal(outcome.message, "InternalError: Try again.");
    assert_int_equal(judge(TT_AWS_S3, 200, "\n <Error><Code>SlowDown</Code></Error>"),
                     TT_ERR_CLOUD_FAILED);
    assert_int_equal(judge(TT_AWS_S3, 200, "<!DOCTYPE html><p>Sign in"), TT_ERR_CLOUD_FAILED);
    assert_int_equal(judge(TT_AWS_S3, 200, "<HTML>"), TT_ERR_CLOUD_FAILED);
    assert_int_equal(judge(TT_AWS_S3, 200, "<?xml version=\"1.0\"?>"), TT_OK);
    assert_int_equal(judge(TT_AWS_DYNAMODB, 200, "<html>Sign in</html>"), TT_ERR_CLOUD_FAILED);
    assert_string_equal(outcome.message, "HTTP status 200");
    assert_int_equal(judge(TT_AWS_DYNAMODB, 200, ""), TT_ERR_CLOUD_FAILED);
    assert_int_equal(judge(TT_AWS_DYNAMODB, 204, ""), TT_ERR_CLOUD_FAILED);
    assert_int_equal(judge(TT_AWS_LOGS, 200, "[]"), TT_ERR_CLOUD_FAILED);
}

static void json_of_another_service_is_no_success(void **state) {
    struct tt_http_answer answer = make_answer(200, "{\"error\":\"Sign in\"}");
    (void)state;
    snprintf(answer.content_type, sizeof answer.content_type, "application/json");
    tt_aws_answer_judge(&outcome, TT_AWS_DYNAMODB, &answer, NOW_MS);
    assert_int_equal(outcome.err, TT_ERR_CLOUD_FAILED);
    tt_aws_answer_judge(&outcome, TT_AWS_LOGS, &answer, NOW_MS);
    assert_int_equal(outcome.err, TT_ERR_CLOUD_FAILED);
}

static void what_did_not_arrive_is_said_by_its_cause(void **state) {
    static const enum tt_err errs[] = {TT_ERR_CLOUD_AWAY, TT_ERR_CLOUD_FAILED, TT_ERR_STORAGE};
    struct tt_http_answer answer = {.cause = "cannot connect\nto AKIAIOSFODNN7EXAMPLE", .body = ""};
    (void)state;
    for (size_t i = 0; i < COUNT(errs); i++) {
        answer.err = errs[i];
        answer.retry_after_ms = 5;
        tt_aws_answer_judge(&outcome, TT_AWS_S3, &answer, NOW_MS);
        assert_int_equal(outcome.err, errs[i]);
        assert_int_equal(outcome.status, 0);
        assert_int_equal(outcome.retry_after_ms, 5);
        assert_string_equal(outcome.code, "");
        assert_string_equal(outcome.message, "cannot connect");
    }
}

/* ---- the clock ---- */

static enum tt_err judge_skewed(enum tt_aws_service service, int status, const char *body,
                                int64_t date_ms) {
    struct tt_http_answer answer = make_answer(status, body);
    answer.date_ms = date_ms;
    tt_aws_answer_judge(&outcome, service, &answer, NOW_MS);
    assert_int_equal(outcome.date_ms, date_ms);
    return outcome.err;
}

static void a_refused_signature_may_be_a_wrong_clock(void **state) {
    static const char mismatch[] = XML("SignatureDoesNotMatch", "");
    static const char invalid[] = JSON("InvalidSignatureException", "No.");
    (void)state;
    assert_int_equal(judge_skewed(TT_AWS_S3, 403, mismatch, NOW_MS + SKEW_MS), TT_ERR_CLOUD_CLOCK);
    assert_int_equal(judge_skewed(TT_AWS_S3, 403, mismatch, NOW_MS - SKEW_MS), TT_ERR_CLOUD_CLOCK);
    assert_int_equal(judge_skewed(TT_AWS_S3, 403, mismatch, NOW_MS + SKEW_MS - 1),
                     TT_ERR_CLOUD_KEYS);
    assert_int_equal(judge_skewed(TT_AWS_S3, 403, mismatch, 0), TT_ERR_CLOUD_KEYS);
    assert_int_equal(judge_skewed(TT_AWS_S3, 403, "", NOW_MS + SKEW_MS), TT_ERR_CLOUD_CLOCK);
    assert_int_equal(judge_skewed(TT_AWS_LOGS, 400, invalid, NOW_MS - SKEW_MS), TT_ERR_CLOUD_CLOCK);
    assert_int_equal(judge_skewed(TT_AWS_S3, 403, XML("AccessDenied", ""), NOW_MS + SKEW_MS),
                     TT_ERR_CLOUD_KEYS);
    assert_int_equal(judge_skewed(TT_AWS_S3, 404, XML("NoSuchBucket", ""), NOW_MS + SKEW_MS),
                     TT_ERR_CLOUD_SETUP);
}

/* ---- the message ---- */

static void a_message_has_code_region_and_request(void **state) {
    struct tt_http_answer answer = make_answer(
        301, XML("PermanentRedirect", "<Message>Use the &lt;endpoint&gt; &amp;c.</Message>"
                                      "<Endpoint>b.s3.amazonaws.com</Endpoint>"));
    (void)state;
    strcpy(answer.region, "eu-west-1");
    strcpy(answer.request_id, "4442587FB7D0A2F9");
    tt_aws_answer_judge(&outcome, TT_AWS_S3, &answer, NOW_MS);
    assert_string_equal(outcome.message, "PermanentRedirect: Use the <endpoint> &c.; the bucket is "
                                         "in eu-west-1 (request 4442587FB7D0A2F9)");
    judge(TT_AWS_S3, 400,
          XML("AuthorizationHeaderMalformed",
              "<Message>the region 'a' is wrong</Message><Region>eu-west-1</Region>"));
    assert_string_equal(outcome.message, "AuthorizationHeaderMalformed: the region 'a' is wrong; "
                                         "the bucket is in eu-west-1");
    /* An answer to HEAD has headers alone. */
    answer = make_answer(301, "");
    strcpy(answer.region, "eu-west-1");
    tt_aws_answer_judge(&outcome, TT_AWS_S3, &answer, NOW_MS);
    assert_string_equal(outcome.message, "HTTP status 301; the bucket is in eu-west-1");
    strcpy(answer.region, "a b");
    strcpy(answer.request_id, "a)\n");
    tt_aws_answer_judge(&outcome, TT_AWS_S3, &answer, NOW_MS);
    assert_string_equal(outcome.message, "HTTP status 301");
}

static void a_message_is_one_printable_line(void **state) {
    (void)state;
    judge(TT_AWS_S3, 400,
          XML("A", "<Message>\n  a\tb\x01\xC3\xA9 &#233; &#x41;&#9; \nc</Message>"));
    assert_string_equal(outcome.message, "A: a?b??? ? A?");
    judge(TT_AWS_DYNAMODB, 400, "{\"__type\":\"A\",\"Message\":\"b\\u0007\\u00e9\\nc\"}");
    assert_string_equal(outcome.message, "A: b???");
    judge(TT_AWS_S3, 400, XML("A", "<Message>&unknown; &#; &#x; &#12 & &lt</Message>"));
    assert_string_equal(outcome.message, "A: &unknown; &#; &#x; &#12 & &lt");
}

static void a_message_is_cut_and_its_ends_are_kept(void **state) {
    char body[4096] = "<Error><Code>";
    (void)state;
    memset(body + strlen(body), 'c', 300);
    strcat(body, "</Code><Message>");
    memset(body + strlen(body), 'm', 3000);
    strcat(body, "</Message></Error>");
    struct tt_http_answer answer = make_answer(400, body);
    memset(answer.request_id, 'r', 64);
    tt_aws_answer_judge(&outcome, TT_AWS_S3, &answer, NOW_MS);
    assert_int_equal(strlen(outcome.code), TT_AWS_CODE_SIZE - 1);
    assert_int_equal(strlen(outcome.message), TT_AWS_MESSAGE_SIZE - 1);
    assert_string_equal(outcome.message + TT_AWS_MESSAGE_SIZE - 6, "rrrr)");
    memset(answer.request_id, 'r', 65);
    tt_aws_answer_judge(&outcome, TT_AWS_S3, &answer, NOW_MS);
    assert_string_equal(outcome.message + TT_AWS_MESSAGE_SIZE - 6, "mmmmm");
}

/* Real refusals repeat what was signed, and some gateways more. */
static void no_secret_gets_into_a_message(void **state) {
    static const char *const secrets[] = {"AKIAIOSFODNN7", "ASIAIOSFODNN7", "20130524", "TOKEN"};
    static const char *const bodies[] = {
        XML("SignatureDoesNotMatch",
            "<Message>The signature does not match.</Message><AWSAccessKeyId>AKIAIOSFODNN7EXAMPLE"
            "</AWSAccessKeyId><StringToSign>AWS4-HMAC-SHA256\n20130524</StringToSign>"),
        XML("InvalidAccessKeyId", "<Message>The id AKIAIOSFODNN7EXAMPLE is unknown.</Message>"),
        XML("InvalidToken", "<Message>Bad.</Message><Token-0>TOKEN</Token-0>"),
        XML("A",
            "<Message>Got 'AWS4-HMAC-SHA256 Credential=ASIAIOSFODNN7EXAMPLE/20130524'</Message>"),
        XML("A", "<Message>Got X-Amz-Security-Token: TOKEN</Message>"),
        XML("AKIAIOSFODNN7EXAMPLE", ""),
        JSON("InvalidSignatureException",
             "The signature does not match.\\n\\nThe Canonical String for this request should have "
             "been\\n'POST\\nhost:20130524'"),
        JSON("InvalidSignatureException", "The Canonical String should be 'POST 20130524'"),
        XML("A", "<Message>Got KEYAKIAIOSFODNN7EXAMPLE</Message>"),
        XML("NoSuchBucket", "<Region>AKIAIOSFODNN7EXAMPLE</Region>"),
        JSON("A", "for ASIAIOSFODNN7EXAMPLE, AKIAIOSFODNN7EXAMPLE"),
    };
    (void)state;
    for (size_t i = 0; i < COUNT(bodies); i++) {
        judge(bodies[i][0] == '{' ? TT_AWS_DYNAMODB : TT_AWS_S3, 403, bodies[i]);
        assert_string_not_equal(outcome.message, "");
        for (size_t secret = 0; secret < COUNT(secrets); secret++) {
            assert_null(strstr(outcome.message, secrets[secret]));
            assert_null(strstr(outcome.code, secrets[secret]));
        }
    }
    assert_string_equal(outcome.message, "A: for ********************, ********************");
}

/* Bucket names in capitals and ids of requests are no keys. */
static void other_words_stay(void **state) {
    (void)state;
    judge(TT_AWS_S3, 404, XML("NoSuchBucket", "<Message>AKIA ASIA1 4442587FB7D0A2F9</Message>"));
    assert_string_equal(outcome.message, "NoSuchBucket: AKIA ASIA1 4442587FB7D0A2F9");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(codes_of_s3),
        cmocka_unit_test(codes_of_the_others),
        cmocka_unit_test(messages_decide_where_a_code_has_two_meanings),
        cmocka_unit_test(statuses_decide_where_no_code_does),
        cmocka_unit_test(success_is_ok),
        cmocka_unit_test(what_only_says_ok_failed),
        cmocka_unit_test(json_of_another_service_is_no_success),
        cmocka_unit_test(what_did_not_arrive_is_said_by_its_cause),
        cmocka_unit_test(a_refused_signature_may_be_a_wrong_clock),
        cmocka_unit_test(a_message_has_code_region_and_request),
        cmocka_unit_test(a_message_is_one_printable_line),
        cmocka_unit_test(a_message_is_cut_and_its_ends_are_kept),
        cmocka_unit_test(no_secret_gets_into_a_message),
        cmocka_unit_test(other_words_stay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
