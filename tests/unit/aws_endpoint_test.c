/* src/aws/endpoint.c: which of configuration, environment and profile wins, the public addresses,
 * and both forms of S3's URLs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "aws/endpoint.h"
#include "aws_environment.h"
#include "tintype/aws.h"

static struct tt_config config;
static struct tt_aws_endpoint endpoint;

static int make_environment(void **state) {
    tt_err_take(TT_OK);
    memset(&config, 0, sizeof config);
    snprintf(config.s3.bucket, sizeof config.s3.bucket, "pictures");
    return aws_environment_make(state);
}

#define SET(member, text) snprintf(config.member, sizeof config.member, "%s", text)

static void set_variable(const char *name, const char *value) {
    assert_int_equal(setenv(name, value, 1), 0);
}

static void assert_found(enum tt_aws_service service) {
    if (tt_aws_endpoint_find(&endpoint, service, &config) != TT_OK)
        fail_msg("%s", tt_err_cause());
    assert_int_equal(endpoint.service, service);
}

static void assert_address(enum tt_aws_service service, const char *scheme, const char *host,
                           const char *path) {
    assert_found(service);
    assert_string_equal(endpoint.scheme, scheme);
    assert_string_equal(endpoint.host, host);
    assert_string_equal(endpoint.path, path);
}

static void assert_region(enum tt_aws_service service, const char *region) {
    assert_found(service);
    assert_string_equal(endpoint.region, region);
}

/* The endpoint is refused with a sentence that has this word. */
static void assert_refused(enum tt_aws_service service, const char *word) {
    assert_int_equal(tt_aws_endpoint_find(&endpoint, service, &config), TT_ERR_CONFIG);
    if (!strstr(tt_err_detail(TT_ERR_CONFIG), word))
        fail_msg("no \"%s\" in \"%s\"", word, tt_err_detail(TT_ERR_CONFIG));
    tt_err_take(TT_OK);
}

static void services_have_names(void **state) {
    (void)state;
    assert_string_equal(tt_aws_service_name(TT_AWS_S3), "S3");
    assert_string_equal(tt_aws_service_name(TT_AWS_DYNAMODB), "DynamoDB");
    assert_string_equal(tt_aws_service_name(TT_AWS_LOGS), "CloudWatch Logs");
}

static void public_addresses_follow_the_region(void **state) {
    (void)state;
    set_variable("AWS_REGION", "eu-central-1");
    assert_address(TT_AWS_S3, "https", "pictures.s3.eu-central-1.amazonaws.com", "");
    assert_false(endpoint.path_style);
    assert_address(TT_AWS_DYNAMODB, "https", "dynamodb.eu-central-1.amazonaws.com", "");
    assert_false(endpoint.path_style);
    assert_address(TT_AWS_LOGS, "https", "logs.eu-central-1.amazonaws.com", "");
    set_variable("AWS_REGION", "cn-north-1");
    assert_address(TT_AWS_S3, "https", "pictures.s3.cn-north-1.amazonaws.com.cn", "");
    assert_address(TT_AWS_DYNAMODB, "https", "dynamodb.cn-north-1.amazonaws.com.cn", "");
}

static void endpoints_beat_one_another(void **state) {
    (void)state;
    set_variable("AWS_REGION", "eu-central-1");
    set_variable("AWS_ENDPOINT_URL", "http://127.0.0.1:4566/");
    assert_address(TT_AWS_S3, "http", "127.0.0.1:4566", "");
    assert_address(TT_AWS_DYNAMODB, "http", "127.0.0.1:4566", "");
    assert_address(TT_AWS_LOGS, "http", "127.0.0.1:4566", "");
    set_variable("AWS_ENDPOINT_URL_S3", "http://s3.example:80");
    set_variable("AWS_ENDPOINT_URL_DYNAMODB", "https://[::1]:8000");
    set_variable("AWS_ENDPOINT_URL_CLOUDWATCH_LOGS", "https://Logs.Example/base/");
    assert_address(TT_AWS_S3, "http", "s3.example", "");
    assert_address(TT_AWS_DYNAMODB, "https", "[::1]:8000", "");
    assert_address(TT_AWS_LOGS, "https", "logs.example", "/base");
    SET(s3.endpoint, "https://gateway.example:7480/s3");
    SET(dynamodb.endpoint, "http://items.example");
    SET(cloudwatch.endpoint, "http://events.example");
    assert_address(TT_AWS_S3, "https", "gateway.example:7480", "/s3");
    assert_address(TT_AWS_DYNAMODB, "http", "items.example", "");
    assert_address(TT_AWS_LOGS, "http", "events.example", "");
    SET(s3.endpoint, "");
    set_variable("AWS_ENDPOINT_URL_S3", ""); /* an empty variable counts as one that is not set */
    assert_address(TT_AWS_S3, "http", "127.0.0.1:4566", "");
}

static void regions_beat_one_another(void **state) {
    (void)state;
    aws_file_write("AWS_CONFIG_FILE", "config",
                   "[default]\nregion = r-default\n[profile work]\nregion = r-work\n"
                   "[profile bare]\noutput = json\n");
    assert_region(TT_AWS_S3, "r-default");
    set_variable("AWS_PROFILE", "work");
    assert_region(TT_AWS_LOGS, "r-work");
    set_variable("AWS_DEFAULT_REGION", "r-second");
    assert_region(TT_AWS_S3, "r-second");
    set_variable("AWS_REGION", "r-first");
    assert_region(TT_AWS_S3, "r-first");
    SET(s3.region, "r-s3");
    SET(cloudwatch.region, "r-logs");
    assert_region(TT_AWS_S3, "r-s3");
    assert_region(TT_AWS_LOGS, "r-logs");
    assert_region(TT_AWS_DYNAMODB, "r-first");
    SET(dynamodb.region, "r-items");
    assert_region(TT_AWS_DYNAMODB, "r-items");
}

static void a_region_must_be_found(void **state) {
    (void)state;
    assert_refused(TT_AWS_S3, "s3.region");
    assert_refused(TT_AWS_DYNAMODB, "dynamodb.region");
    assert_refused(TT_AWS_LOGS, "AWS_REGION");
    set_variable("AWS_PROFILE", "nobody");
    assert_refused(TT_AWS_S3, "nobody");
    set_variable("AWS_REGION",
                 "eu-west-1"); /* with a region given, the profile is not read for it */
    assert_region(TT_AWS_S3, "eu-west-1");
}

static void endpoints_of_ones_own_need_no_region(void **state) {
    (void)state;
    set_variable("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:7480");
    assert_region(TT_AWS_S3, "us-east-1");
    assert_refused(TT_AWS_DYNAMODB, "dynamodb.region");
    set_variable("AWS_REGION", "eu-west-1");
    assert_region(TT_AWS_S3, "eu-west-1");
}

static void bad_regions_are_named(void **state) {
    (void)state;
    SET(s3.region, "eu central");
    assert_refused(TT_AWS_S3, "s3.region");
    SET(s3.region, "evil.example/");
    assert_refused(TT_AWS_S3, "s3.region");
    SET(s3.region, "");
    set_variable("AWS_DEFAULT_REGION", "a.b");
    assert_refused(TT_AWS_S3, "AWS_DEFAULT_REGION");
    set_variable("AWS_REGION", "0123456789012345678901234567890123456789012345678901234567890123");
    assert_refused(TT_AWS_S3, "AWS_REGION");
    set_variable("AWS_REGION", "");
    set_variable("AWS_DEFAULT_REGION", "");
    aws_file_write("AWS_CONFIG_FILE", "config", "[default]\nregion = a@b\n");
    assert_refused(TT_AWS_S3, "profile");
}

static void bad_endpoints_are_named_without_repeating_them(void **state) {
    (void)state;
    set_variable("AWS_REGION", "eu-west-1");
    SET(s3.endpoint, "gateway.example");
    assert_refused(TT_AWS_S3, "s3.endpoint");
    SET(cloudwatch.endpoint, "http://a/?b");
    assert_refused(TT_AWS_LOGS, "cloudwatch.endpoint");
    set_variable("AWS_ENDPOINT_URL", "ftp://a");
    assert_refused(TT_AWS_DYNAMODB, "AWS_ENDPOINT_URL ");
    set_variable("AWS_ENDPOINT_URL_DYNAMODB", "http://me:hidden@a");
    assert_int_equal(tt_aws_endpoint_find(&endpoint, TT_AWS_DYNAMODB, &config), TT_ERR_CONFIG);
    assert_non_null(strstr(tt_err_detail(TT_ERR_CONFIG), "AWS_ENDPOINT_URL_DYNAMODB"));
    assert_null(strstr(tt_err_detail(TT_ERR_CONFIG), "hidden"));
    assert_null(strstr(tt_err_cause(), "hidden"));
}

static void dotted_buckets_take_the_path_style(void **state) {
    (void)state;
    set_variable("AWS_REGION", "eu-west-1");
    SET(s3.bucket, "my.pictures");
    assert_address(TT_AWS_S3, "https", "s3.eu-west-1.amazonaws.com", "");
    assert_true(endpoint.path_style);
    config.s3.path_style = TT_S3_PATH_STYLE_OFF;
    assert_address(TT_AWS_S3, "https", "my.pictures.s3.eu-west-1.amazonaws.com", "");
    assert_false(endpoint.path_style);
}

static void path_style_is_as_asked_for(void **state) {
    (void)state;
    set_variable("AWS_REGION", "eu-west-1");
    config.s3.path_style = TT_S3_PATH_STYLE_ON;
    assert_address(TT_AWS_S3, "https", "s3.eu-west-1.amazonaws.com", "");
    assert_true(endpoint.path_style);
    SET(s3.endpoint, "http://gateway.example:7480/x");
    config.s3.path_style = TT_S3_PATH_STYLE_AUTO;
    assert_address(TT_AWS_S3, "http", "gateway.example:7480", "/x");
    assert_true(endpoint.path_style);
    config.s3.path_style = TT_S3_PATH_STYLE_OFF;
    assert_address(TT_AWS_S3, "http", "pictures.gateway.example:7480", "/x");
    assert_false(endpoint.path_style);
    /* Only S3 has buckets. */
    SET(dynamodb.endpoint, "http://items.example");
    assert_address(TT_AWS_DYNAMODB, "http", "items.example", "");
}

static void no_bucket_stands_before_an_address(void **state) {
    (void)state;
    config.s3.path_style = TT_S3_PATH_STYLE_OFF;
    SET(s3.endpoint, "http://127.0.0.1:7480");
    assert_refused(TT_AWS_S3, "s3.path_style");
    SET(s3.endpoint, "http://[::1]");
    assert_refused(TT_AWS_S3, "s3.path_style");
}

static void hosts_have_a_bound(void **state) {
    char text[300] = "http://";
    (void)state;
    memset(text + 7, 'a', 246);
    SET(s3.endpoint, text);
    config.s3.path_style = TT_S3_PATH_STYLE_OFF;
    assert_found(TT_AWS_S3);
    assert_int_equal(strlen(endpoint.host), 255);
    text[7 + 246] = 'a';
    SET(s3.endpoint, text);
    assert_refused(TT_AWS_S3, "s3.bucket");
}

static void ca_files_beat_one_another(void **state) {
    (void)state;
    set_variable("AWS_REGION", "eu-west-1");
    assert_found(TT_AWS_LOGS);
    assert_string_equal(endpoint.ca_file, "");
    set_variable("AWS_CA_BUNDLE", "/etc/passwd");
    assert_found(TT_AWS_LOGS);
    assert_string_equal(endpoint.ca_file, "/etc/passwd");
    SET(s3.ca_file, "/etc/group");
    assert_found(TT_AWS_LOGS);
    assert_string_equal(endpoint.ca_file, "/etc/group");
    SET(s3.ca_file, "/etc/no/such.pem");
    assert_refused(TT_AWS_LOGS, "s3.ca_file");
    SET(s3.ca_file, "");
    char path[TT_CONFIG_TEXT_MAX + 1];
    memset(path, 'a', sizeof path - 1);
    path[sizeof path - 1] = '\0';
    set_variable("AWS_CA_BUNDLE", path);
    assert_refused(TT_AWS_LOGS, "AWS_CA_BUNDLE");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_environment, scratch_remove)

static void knows_the_domains_of_aws(void **state) {
    (void)state;
    assert_string_equal(tt_aws_domain("eu-central-1"), "amazonaws.com");
    assert_string_equal(tt_aws_domain("us-gov-west-1"), "amazonaws.com");
    assert_string_equal(tt_aws_domain("cn-north-1"), "amazonaws.com.cn");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(services_have_names),
        TEST(public_addresses_follow_the_region),
        TEST(endpoints_beat_one_another),
        TEST(regions_beat_one_another),
        TEST(a_region_must_be_found),
        TEST(endpoints_of_ones_own_need_no_region),
        TEST(bad_regions_are_named),
        TEST(bad_endpoints_are_named_without_repeating_them),
        TEST(dotted_buckets_take_the_path_style),
        TEST(path_style_is_as_asked_for),
        TEST(no_bucket_stands_before_an_address),
        TEST(hosts_have_a_bound),
        TEST(ca_files_beat_one_another),
        cmocka_unit_test(knows_the_domains_of_aws),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
