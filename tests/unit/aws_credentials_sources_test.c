/* src/aws/credentials_web.c and credentials_metadata.c: what each source asks, what it takes, why
 * it gives up, and what it must never tell. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/stat.h>

#include "credentials_rig.h"

/* ---- web identity ---- */

static void web_identity_gives_keys(void **state) {
    (void)state;
    set_web_identity();
    assert_keys("WEB", SECRET, TOKEN "&/=");
    assert_int_equal(key_server->request_count, 1);
    assert_request(0, "POST / HTTP/1.1\r\n");
    assert_request(0, "\r\nContent-Type: application/x-www-form-urlencoded");
    assert_request(0,
                   "\r\n\r\nAction=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=arn%3Aaws"
                   "%3Aiam%3A%3A123456789012%3Arole%2Fa%20b&RoleSessionName=tintype-sync&"
                   "WebIdentityToken=" TOKEN ".a-b_c");
}

static void web_identity_takes_the_name_and_place_it_is_given(void **state) {
    (void)state;
    set_web_identity();
    set_variable("AWS_ROLE_SESSION_NAME", "node@1");
    set_variable("AWS_ENDPOINT_URL_STS", "");
    set_url("AWS_ENDPOINT_URL", "/sts/");
    key_server_answer("POST /sts/", 200, xml_keys("BELOW", 60));
    assert_keys("BELOW", SECRET, TOKEN "&/=");
    assert_request(0, "RoleSessionName=node%401&");
}

static void web_identity_may_stand_in_the_profile(void **state) {
    (void)state;
    set_web_identity();
    char text[SCRATCH_PATH_SIZE + 128];
    snprintf(text, sizeof text,
             "[default]\nrole_arn=arn:profile\nweb_identity_token_file=%s\n"
             "role_session_name=me\n",
             getenv("AWS_WEB_IDENTITY_TOKEN_FILE"));
    aws_file_write("AWS_CONFIG_FILE", "config", text);
    set_variable("AWS_WEB_IDENTITY_TOKEN_FILE", "");
    set_variable("AWS_ROLE_ARN", "");
    assert_keys("WEB", SECRET, TOKEN "&/=");
    assert_request(0, "RoleArn=arn%3Aprofile&RoleSessionName=me&WebIdentityToken=" TOKEN ".a-b_c");
}

static void web_identity_tells_why_it_fails(void **state) {
    (void)state;
    set_web_identity();
    set_container(); /* a later source must not stand in for a broken one */
    key_server_answer("POST /", 400,
                      "<ErrorResponse><Error><Code>ExpiredTokenException</Code>"
                      "<Message>" TOKEN "</Message></Error></ErrorResponse>");
    assert_none("400 ExpiredTokenException");
    key_server_answer("POST /", 503, "<Code>" TOKEN " x</Code>");
    assert_none("503");
    key_server_answer("POST /", 200, "<a>" TOKEN "</a>");
    assert_none("has no <Credentials>");
    key_server_answer("POST /", 200, xml_keys("EXPIRED", -1));
    assert_none("web identity gives keys that have expired");
    set_variable("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:1");
    assert_none("STS");
    set_variable("AWS_ENDPOINT_URL_STS", "http://" TOKEN "@127.0.0.1");
    assert_none("AWS_ENDPOINT_URL_STS");
    set_variable("AWS_ROLE_ARN", "");
    set_url("AWS_ENDPOINT_URL_STS", "");
    assert_none("without AWS_ROLE_ARN");
    assert_int_equal(key_server->request_count, 4);
}

static void web_identity_needs_its_file(void **state) {
    (void)state;
    set_web_identity();
    set_variable("AWS_WEB_IDENTITY_TOKEN_FILE", "/nowhere/token");
    assert_none("/nowhere/token cannot be read");
    set_variable("AWS_WEB_IDENTITY_TOKEN_FILE", scratch);
    assert_none("cannot be read");
    aws_file_write("AWS_WEB_IDENTITY_TOKEN_FILE", "token", "\n");
    assert_none("is empty");
    aws_file_write("AWS_WEB_IDENTITY_TOKEN_FILE", "token", TOKEN "\n" TOKEN "\n");
    assert_none("has a blank");
    char text[20003];
    memset(text, 'x', sizeof text);
    text[20001] = '\0';
    aws_file_write("AWS_WEB_IDENTITY_TOKEN_FILE", "token", text);
    assert_none("has over 20000 bytes");
    assert_int_equal(key_server->request_count, 0);
    /* The longest token is taken, also when all of it has to be escaped. */
    memset(text, '/', 20000);
    text[20000] = '\0';
    aws_file_write("AWS_WEB_IDENTITY_TOKEN_FILE", "token", text);
    const struct tt_aws_keys *keys;
    assert_int_equal(tt_aws_credentials_get(credentials, NOW_MS, &keys), TT_ERR_BUSY);
}

static void a_fifo_holds_nothing_up(void **state) {
    (void)state;
    set_web_identity();
    assert_int_equal(mkfifo(scratch_path("fifo"), 0600), 0);
    set_variable("AWS_WEB_IDENTITY_TOKEN_FILE", scratch_path("fifo"));
    assert_none("is empty");
}

/* ---- container ---- */

static void container_gives_keys(void **state) {
    (void)state;
    set_container();
    assert_keys("CONTAINER", SECRET, TOKEN);
    assert_request(0, "GET /keys?x=1 HTTP/1.1\r\n");
    assert_null(strcasestr(key_server->requests[0], "Authorization"));
    const struct tt_aws_keys *keys;
    assert_int_equal(tt_aws_credentials_get(credentials, NOW_MS, &keys), TT_OK);
    assert_int_equal(keys->expires_at_ms, NOW_MS + 60 * MINUTE_MS);
}

static void container_is_authorized(void **state) {
    (void)state;
    set_container();
    set_variable("AWS_CONTAINER_AUTHORIZATION_TOKEN", "Basic " TOKEN);
    assert_keys("CONTAINER", SECRET, TOKEN);
    assert_request(0, "\r\nAuthorization: Basic " TOKEN "\r\n");
    aws_file_write("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "token", "Fresh" TOKEN "\r\n");
    tt_aws_credentials_forget(credentials);
    assert_keys("CONTAINER", SECRET, TOKEN);
    assert_request(1, "\r\nAuthorization: Fresh" TOKEN "\r\n");
    aws_file_write("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "token", TOKEN "\r\nX-Forged: 1\n");
    tt_aws_credentials_forget(credentials);
    assert_none("control character");
    set_variable("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "/nowhere/token");
    assert_none("/nowhere/token cannot be read");
    assert_int_equal(key_server->request_count, 2);
}

static void container_hosts_are_trusted_or_secure(void **state) {
    static const char *const strangers[] = {
        "http://keys.example/",      "http://169.254.170.3/",  "http://10.0.0.1/", "http://127.1/",
        "http://localhost.example/", "http://[fd00:ec2::24]/", "http://0.0.0.0/"};
    static const char *const friends[] = {"http://169.254.170.2/",  "http://169.254.170.23/",
                                          "http://[fd00:ec2::23]/", "http://[FD00:EC2:0::23]/",
                                          "http://localhost:1/",    "http://127.9.9.9:1/",
                                          "http://[::1]:1/",        "https://127.0.0.1:1/"};
    (void)state;
    for (size_t i = 0; i < sizeof strangers / sizeof *strangers; i++) {
        set_variable("AWS_CONTAINER_CREDENTIALS_FULL_URI", strangers[i]);
        assert_none("in clear");
    }
    const struct tt_aws_keys *keys;
    for (size_t i = 0; i < sizeof friends / sizeof *friends; i++) {
        struct tt_aws_credentials *own = tt_aws_credentials_new(http, &s3);
        assert_non_null(own);
        set_variable("AWS_CONTAINER_CREDENTIALS_FULL_URI", friends[i]);
        assert_int_equal(tt_aws_credentials_get(own, NOW_MS, &keys), TT_ERR_BUSY);
        tt_aws_credentials_free(own);
        tt_http_free(http); /* this drops the request, so that nobody outside is asked */
        http = tt_http_new(4);
        assert_non_null(http);
    }
    tt_aws_credentials_free(credentials);
    credentials = tt_aws_credentials_new(http, &s3);
}

static void container_takes_the_relative_address_first(void **state) {
    (void)state;
    set_container();
    set_variable("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "@keys.example/");
    assert_none("does not begin with /");
    set_variable("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/a b");
    assert_none("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI has a blank");
    set_variable("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/credentials/1");
    const struct tt_aws_keys *keys;
    assert_int_equal(tt_aws_credentials_get(credentials, NOW_MS, &keys), TT_ERR_BUSY);
    assert_int_equal(key_server->request_count, 0);
}

static void container_tells_why_it_fails(void **state) {
    (void)state;
    set_container();
    set_instance(); /* a later source must not stand in for a broken one */
    key_server_answer("GET /keys?x=1", 403, TOKEN);
    assert_none("answered 403");
    key_server_answer("GET /keys?x=1", 200, TOKEN);
    assert_none("is no JSON object");
    key_server_answer("GET /keys?x=1", 200, json_keys("EXPIRED", -1));
    assert_none("container gives keys that have expired");
    char long_body[1024];
    memset(long_body, 'x', sizeof long_body);
    memcpy(long_body, "{\"AccessKeyId\":\"", 16);
    snprintf(long_body + 16 + 129, 64, "\",\"SecretAccessKey\":\"" SECRET "\"}");
    key_server_answer("GET /keys?x=1", 200, long_body);
    assert_none("AccessKeyId that has over 128 bytes");
    set_variable("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:1/");
    assert_none("container");
    assert_int_equal(key_server->request_count, 4);
}

/* ---- instance metadata ---- */

static void instance_metadata_gives_keys(void **state) {
    (void)state;
    set_instance();
    assert_keys("INSTANCE", SECRET, TOKEN);
    assert_int_equal(key_server->request_count, 3);
    assert_request(0, "PUT /latest/api/token HTTP/1.1\r\n");
    assert_request(0, "\r\nX-aws-ec2-metadata-token-ttl-seconds: 300\r\n");
    assert_request(1, "\r\nX-aws-ec2-metadata-token: metadataToken==\r\n");
    assert_request(2, "GET /latest/meta-data/iam/security-credentials/role_1 HTTP/1.1\r\n");
    assert_request(2, "\r\nX-aws-ec2-metadata-token: metadataToken==\r\n");
}

static void instance_metadata_tells_why_it_fails(void **state) {
    (void)state;
    set_instance();
    key_server_answer("GET /latest/meta-data/iam/security-credentials/role_1", 200,
                      "{\"Code\":\"AssumeRoleUnauthorizedAccess\",\"Message\":\"" TOKEN "\"}");
    assert_none("AssumeRoleUnauthorizedAccess");
    key_server_answer("GET /latest/meta-data/iam/security-credentials/role_1", 500, TOKEN);
    assert_none("500 when asked for keys");
    key_server_answer("GET /latest/meta-data/iam/security-credentials/", 200, "../../" TOKEN);
    assert_none("names no role");
    key_server_answer("GET /latest/meta-data/iam/security-credentials/", 404, TOKEN);
    assert_none("404 when asked for its role");
    key_server_answer("PUT /latest/api/token", 200, TOKEN "\r\nX-Forged: 1");
    assert_none("its token has a blank");
    key_server_answer("PUT /latest/api/token", 403, TOKEN);
    assert_none("403 when asked for a token");
    set_variable("AWS_EC2_METADATA_SERVICE_ENDPOINT", "169.254.169.254");
    assert_none("AWS_EC2_METADATA_SERVICE_ENDPOINT");
    set_variable("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:1");
    assert_none("instance metadata");
}

static void silent_instance_metadata_is_given_up(void **state) {
    int64_t start_ms = tt_clock_monotonic_ms();
    (void)state;
    set_instance();
    key_server_answer("PUT /latest/api/token", KEY_SERVER_SILENT, "");
    assert_none("instance metadata");
    assert_true(tt_clock_monotonic_ms() - start_ms >= 900);
    assert_true(tt_clock_monotonic_ms() - start_ms < 5000);
    assert_int_equal(key_server->request_count, 1);
}

static void instance_metadata_can_be_disabled(void **state) {
    (void)state;
    set_instance();
    set_variable("AWS_EC2_METADATA_DISABLED", "TRUE");
    assert_none("AWS_EC2_METADATA_DISABLED");
    assert_int_equal(key_server->request_count, 0);
}

static void expired_keys_of_an_instance_serve(void **state) {
    (void)state;
    set_instance();
    key_server_answer("GET /latest/meta-data/iam/security-credentials/role_1", 200,
                      json_keys("INSTANCE", -60));
    assert_keys("INSTANCE", SECRET, TOKEN);
    const struct tt_aws_keys *keys;
    assert_int_equal(tt_aws_credentials_get(credentials, NOW_MS, &keys), TT_OK);
    assert_true(keys->expires_at_ms > NOW_MS);
    assert_int_equal(key_server->request_count, 3);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_all, close_all)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(web_identity_gives_keys),
        TEST(web_identity_takes_the_name_and_place_it_is_given),
        TEST(web_identity_may_stand_in_the_profile),
        TEST(web_identity_tells_why_it_fails),
        TEST(web_identity_needs_its_file),
        TEST(a_fifo_holds_nothing_up),
        TEST(container_gives_keys),
        TEST(container_is_authorized),
        TEST(container_hosts_are_trusted_or_secure),
        TEST(container_takes_the_relative_address_first),
        TEST(container_tells_why_it_fails),
        TEST(instance_metadata_gives_keys),
        TEST(instance_metadata_tells_why_it_fails),
        TEST(silent_instance_metadata_is_given_up),
        TEST(instance_metadata_can_be_disabled),
        TEST(expired_keys_of_an_instance_serve),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
