/* Keys, looked for with real HTTP from a scripted server on 127.0.0.1: what the tests of
 * src/aws/credentials*.c share. A static inline function for each, as not every test calls all. */
#ifndef TINTYPE_TESTS_CREDENTIALS_RIG_H
#define TINTYPE_TESTS_CREDENTIALS_RIG_H

#include "aws_environment.h"
#include "key_server.h"
#include "tintype/aws.h"
#include "tintype/clock.h"

#define NOW_MS    INT64_C(1795503000000) /* 2026-11-24T06:50:00Z */
#define MINUTE_MS INT64_C(60000)
#define RUN_MS    50
#define RUNS_MAX  200

/* A secret, which no cause and no log may have in it. */
#define SECRET "hiddenSecretAccessKey"
#define TOKEN  "hiddenToken"

static struct tt_http *http;
static struct tt_aws_credentials *credentials;
static const struct tt_aws_endpoint s3 = {.region = "eu-central-1"};

static inline void set_variable(const char *name, const char *value) {
    assert_int_equal(setenv(name, value, 1), 0);
}

/* Sets the variable of that name to the server's address and this path. */
static inline void set_url(const char *name, const char *path) {
    char url[256];
    snprintf(url, sizeof url, "http://127.0.0.1:%d%s", key_server->port, path);
    set_variable(name, url);
}

static inline int open_all(void **state) {
    tt_err_take(TT_OK);
    if (aws_environment_make(state) != 0 || key_server_start() != 0)
        return -1;
    set_variable("AWS_EC2_METADATA_DISABLED", "true");
    http = tt_http_new(4);
    credentials = tt_aws_credentials_new(http, &s3);
    return http && credentials ? 0 : -1;
}

static inline int close_all(void **state) {
    tt_aws_credentials_free(credentials);
    tt_http_free(http);
    return key_server_stop() == 0 && scratch_remove(state) == 0 ? 0 : -1;
}

/* Asks until the answer is no longer that a look is under way. */
static inline enum tt_err get(int64_t now_ms, const struct tt_aws_keys **keys) {
    enum tt_err err = tt_aws_credentials_get(credentials, now_ms, keys);
    for (int i = 0; err == TT_ERR_BUSY && i < RUNS_MAX; i++) {
        assert_string_equal(tt_err_cause(), "");
        assert_null(*keys);
        assert_int_equal(tt_http_run(http, NULL, 0, RUN_MS), TT_OK);
        err = tt_aws_credentials_get(credentials, now_ms, keys);
    }
    return err;
}

/* Lets what runs in the background end. */
static inline void finish(void) {
    for (int i = 0; tt_http_in_flight(http) > 0 && i < RUNS_MAX; i++)
        assert_int_equal(tt_http_run(http, NULL, 0, RUN_MS), TT_OK);
    assert_int_equal(tt_http_in_flight(http), 0);
}

static inline void assert_keys_at(int64_t now_ms, const char *id, const char *secret,
                                  const char *token) {
    const struct tt_aws_keys *keys;
    if (get(now_ms, &keys) != TT_OK)
        fail_msg("%s", tt_err_cause());
    assert_string_equal(keys->access_key_id, id);
    assert_string_equal(keys->secret_access_key, secret);
    assert_string_equal(keys->session_token, token);
    assert_string_equal(tt_err_cause(), "");
}

static inline void assert_keys(const char *id, const char *secret, const char *token) {
    assert_keys_at(NOW_MS, id, secret, token);
}

/* Asserts that there are no keys, and that the cause has this text but no secret. */
static inline void assert_none_at(int64_t now_ms, const char *text) {
    const struct tt_aws_keys *keys;
    assert_int_equal(get(now_ms, &keys), TT_ERR_CLOUD_KEYS);
    assert_null(keys);
    if (!strstr(tt_err_cause(), text))
        fail_msg("no \"%s\" in \"%s\"", text, tt_err_cause());
    if (strstr(tt_err_cause(), "hidden"))
        fail_msg("told: \"%s\"", tt_err_cause());
    tt_err_take(TT_OK);
}

static inline void assert_none(const char *text) {
    assert_none_at(NOW_MS, text);
}

static inline void assert_request(int number, const char *text) {
    assert_true(number < key_server->request_count);
    if (!strcasestr(key_server->requests[number], text))
        fail_msg("no \"%s\" in \"%s\"", text, key_server->requests[number]);
}

static inline void write_keys(const char *id) {
    char text[256];
    snprintf(text, sizeof text,
             "[default]\naws_access_key_id=%s\naws_secret_access_key=" SECRET "\n", id);
    aws_file_write("AWS_SHARED_CREDENTIALS_FILE", "credentials", text);
}

/* Answers of the services, with keys that expire as many minutes after NOW_MS. */
static inline const char *json_keys(const char *id, int minutes) {
    static char text[512];
    char expires[TT_CLOCK_RFC3339_SIZE];
    tt_clock_format_rfc3339(NOW_MS + minutes * MINUTE_MS, expires);
    snprintf(text, sizeof text,
             "{\"Code\":\"Success\",\"AccessKeyId\":\"%s\",\"SecretAccessKey\":\"" SECRET
             "\",\"Token\":\"" TOKEN "\",\"Expiration\":\"%s\"}",
             id, expires);
    return text;
}

static inline const char *xml_keys(const char *id, int minutes) {
    static char text[1024];
    char expires[TT_CLOCK_RFC3339_SIZE];
    tt_clock_format_rfc3339(NOW_MS + minutes * MINUTE_MS, expires);
    snprintf(text, sizeof text,
             "<AssumeRoleWithWebIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/"
             "2011-06-15/\">\n <AssumeRoleWithWebIdentityResult><Credentials>\n"
             "<SessionToken>" TOKEN "&amp;&#x2F;&#61;</SessionToken>"
             "<SecretAccessKey>" SECRET "</SecretAccessKey>"
             "<Expiration>%s</Expiration> <AccessKeyId> %s </AccessKeyId>"
             "</Credentials></AssumeRoleWithWebIdentityResult>"
             "</AssumeRoleWithWebIdentityResponse>",
             expires, id);
    return text;
}

static inline void set_web_identity(void) {
    aws_file_write("AWS_WEB_IDENTITY_TOKEN_FILE", "token", TOKEN ".a-b_c\n");
    set_variable("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/a b");
    set_url("AWS_ENDPOINT_URL_STS", "");
    key_server_answer("POST /", 200, xml_keys("WEB", 60));
}

static inline void set_container(void) {
    set_url("AWS_CONTAINER_CREDENTIALS_FULL_URI", "/keys?x=1");
    key_server_answer("GET /keys?x=1", 200, json_keys("CONTAINER", 60));
}

static inline void set_instance(void) {
    set_variable("AWS_EC2_METADATA_DISABLED", "false");
    set_url("AWS_EC2_METADATA_SERVICE_ENDPOINT", "/");
    key_server_answer("PUT /latest/api/token", 200, "metadataToken==");
    key_server_answer("GET /latest/meta-data/iam/security-credentials/", 200, "role_1\nrole_2\n");
    key_server_answer("GET /latest/meta-data/iam/security-credentials/role_1", 200,
                      json_keys("INSTANCE", 60));
}

#endif
