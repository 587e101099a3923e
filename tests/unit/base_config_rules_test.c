/* src/base/config_rules.c: what keys ask of each other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/config_rules.h"
#include "base/config_value.h"

static struct tt_config config;
static char *problems;

static int set_up(void **state) {
    (void)state;
    memset(&config, 0, sizeof config);
    char text[TT_CONFIG_DEFAULT_SIZE];
    char explanation[TT_CONFIG_EXPLANATION_SIZE];
    for (size_t i = 0; i < tt_config_key_count; i++) {
        tt_config_default_format(&tt_config_keys[i], text);
        if (!tt_config_value_parse(&tt_config_keys[i], text,
                                   tt_config_field(&tt_config_keys[i], &config), explanation))
            return -1;
    }
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    free(problems);
    problems = NULL;
    return 0;
}

static int check(void) {
    size_t size = 0;
    free(problems);
    problems = NULL;
    FILE *out = open_memstream(&problems, &size);
    assert_non_null(out);
    int count = tt_config_check_rules(&config, out);
    assert_int_equal(fclose(out), 0);
    return count;
}

static void defaults_hold(void **state) {
    (void)state;
    assert_int_equal(check(), 0);
    assert_string_equal(problems, "");
}

static void table_needs_a_bucket(void **state) {
    (void)state;
    strcpy(config.dynamodb.table, "Images");
    assert_int_equal(check(), 1);
    assert_string_equal(problems, "dynamodb.table: an item names its image's object in S3; set "
                                  "s3.bucket too\n");
    strcpy(config.s3.bucket, "pictures");
    assert_int_equal(check(), 0);
}

static void log_group_needs_nothing(void **state) {
    (void)state;
    strcpy(config.cloudwatch.log_group, "tintype");
    assert_int_equal(check(), 0);
}

static void key_needs_kms(void **state) {
    (void)state;
    strcpy(config.s3.sse_kms_key_id, "key-1");
    assert_int_equal(check(), 1);
    config.s3.sse = TT_S3_SSE_AES256;
    assert_int_equal(check(), 1);
    assert_memory_equal(problems, "s3.sse_kms_key_id: ", 19);
    config.s3.sse = TT_S3_SSE_KMS;
    assert_int_equal(check(), 0);
    config.s3.sse_kms_key_id[0] = '\0';
    assert_int_equal(check(), 0);
}

static void cloudfront_needs_redirects(void **state) {
    (void)state;
    strcpy(config.delivery.cloudfront_url, "https://d1.cloudfront.net");
    assert_int_equal(check(), 0);
    config.delivery.remote = TT_DELIVERY_FETCH;
    assert_int_equal(check(), 1);
    assert_memory_equal(problems, "delivery.cloudfront_url: ", 25);
}

static void objects_need_names_of_their_own(void **state) {
    (void)state;
    strcpy(config.s3.original_prefix, config.s3.processed_prefix);
    assert_int_equal(check(), 1);
    assert_memory_equal(problems, "s3.original_prefix: ", 20);
}

static void every_broken_rule_is_told(void **state) {
    (void)state;
    strcpy(config.dynamodb.table, "Images");
    strcpy(config.s3.sse_kms_key_id, "key-1");
    strcpy(config.delivery.cloudfront_url, "https://d1.cloudfront.net");
    config.delivery.remote = TT_DELIVERY_FETCH;
    assert_int_equal(check(), 3);
    assert_non_null(strstr(problems, "\ns3.sse_kms_key_id: "));
    assert_non_null(strstr(problems, "\ndelivery.cloudfront_url: "));
}

int main(void) {
#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(defaults_hold),
        CASE(table_needs_a_bucket),
        CASE(log_group_needs_nothing),
        CASE(key_needs_kms),
        CASE(cloudfront_needs_redirects),
        CASE(objects_need_names_of_their_own),
        CASE(every_broken_rule_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
