/* src/base/config_value.c and config_form.c: which values the keys take. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/config_value.h"

static struct tt_config config;
static char explanation[TT_CONFIG_EXPLANATION_SIZE];

static bool set(const char *section, const char *name, const char *value) {
    for (size_t i = 0; i < tt_config_key_count; i++)
        if (strcmp(tt_config_keys[i].section, section) == 0 &&
            strcmp(tt_config_keys[i].name, name) == 0)
            return tt_config_value_parse(&tt_config_keys[i], value,
                                         tt_config_field(&tt_config_keys[i], &config), explanation);
    fail_msg("no key %s in [%s]", name, section);
    return false;
}

static void numbers_reach_fields_of_either_size(void **state) {
    (void)state;
    assert_true(set("server", "workers", "0"));
    assert_int_equal(config.server.workers, 0);
    assert_true(set("image", "width", "16384"));
    assert_int_equal(config.image.options.width_px, 16384);
    assert_true(set("image", "max_pixels", "4294836225"));
    assert_int_equal(config.image.limits.max_pixels, INT64_C(4294836225));
}

static void numbers_out_of_range_are_explained(void **state) {
    static const char *const values[] = {"",    "0",  "101", "-1",
                                         "5.5", "1k", " 5",  "99999999999999999999"};
    (void)state;
    config.image.options.quality = 77;
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        assert_false(set("image", "quality", values[i]));
        assert_string_equal(explanation, "quality takes a whole number from 1 to 100");
    }
    assert_int_equal(config.image.options.quality, 77);
}

static void least_number_may_be_negative(void **state) {
    (void)state;
    assert_true(set("storage", "keep_local_seconds", "-1"));
    assert_int_equal(config.storage.keep_local_seconds, -1);
    assert_true(set("storage", "keep_local_seconds", "0"));
    assert_int_equal(config.storage.keep_local_seconds, 0);
    assert_false(set("storage", "keep_local_seconds", "-2"));
    assert_string_equal(explanation,
                        "keep_local_seconds takes a whole number from -1 to 1000000000");
    assert_false(set("storage", "keep_local_seconds", "-"));
}

static void bytes_take_a_suffix(void **state) {
    (void)state;
    assert_true(set("storage", "quota_bytes", "123"));
    assert_int_equal(config.storage.quota_bytes, 123);
    assert_true(set("storage", "quota_bytes", "3k"));
    assert_int_equal(config.storage.quota_bytes, 3 * 1024);
    assert_true(set("storage", "quota_bytes", "25M"));
    assert_int_equal(config.storage.quota_bytes, 25 * 1024 * 1024);
    assert_true(set("storage", "quota_bytes", "2G"));
    assert_int_equal(config.storage.quota_bytes, INT64_C(2) * 1024 * 1024 * 1024);
}

static void bad_bytes_are_refused(void **state) {
    static const char *const values[] = {"",    "k",   "1K", "1kB", "1T",
                                         "-1k", "1 k", "kk", "5G",  "9223372036854775807G"};
    (void)state;
    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        assert_false(set("server", "max_body_bytes", values[i]));
    assert_non_null(strstr(explanation, "k, M or G"));
    assert_true(set("server", "max_body_bytes", "4G"));
    assert_false(set("image", "max_memory_bytes", "15M"));
    assert_true(set("image", "max_memory_bytes", "16M"));
}

static void choices_are_spelt_exactly(void **state) {
    (void)state;
    assert_true(set("image", "fit", "cover"));
    assert_int_equal(config.image.options.fit, TT_FIT_COVER);
    assert_false(set("image", "fit", "Cover"));
    assert_string_equal(explanation, "fit takes one of: inside, cover, fill");
    assert_false(set("image", "fit", ""));
    assert_true(set("image", "format", "jpeg"));
    assert_int_equal(config.image.options.format, TT_FORMAT_JPEG);
    assert_int_equal(config.image.options.fit, TT_FIT_COVER);
    assert_false(set("auth", "mode", "token"));
}

static void switches_have_several_spellings(void **state) {
    static const char *const on[] = {"true", "yes", "on", "1"};
    static const char *const off[] = {"false", "no", "off", "0"};
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        assert_true(set("storage", "keep_original", on[i]));
        assert_true(config.storage.keep_original);
        assert_true(set("storage", "keep_original", off[i]));
        assert_false(config.storage.keep_original);
    }
    assert_false(set("storage", "keep_original", "maybe"));
}

static void texts_keep_to_their_size(void **state) {
    (void)state;
    char value[4096];
    memset(value, 'a', sizeof value);
    value[0] = '/';
    value[sizeof config.server.listen] = '\0';
    assert_false(set("server", "listen", value));
    assert_string_equal(explanation, "the value has 108 bytes; listen takes 107 at most");
    value[sizeof config.server.listen - 1] = '\0';
    assert_true(set("server", "listen", value));
    assert_string_equal(config.server.listen, value);
    assert_false(set("server", "listen", ""));
    assert_false(set("server", "listen", "127.0.0.1:9000"));
    assert_false(set("storage", "dir", ""));
    assert_false(set("storage", "dir", "/a\x01"));
    assert_false(set("storage", "dir", "/a\xFF"));
    assert_true(set("storage", "dir", "/caf\xC3\xA9"));
}

/* The environment could set such texts, but a line of the file never gives them. */
static void texts_fit_a_line_of_the_file(void **state) {
    static const char *const wrong[] = {" a", "a ", " ", ";a", ";", "a ;b", "a ;"};
    static const char *const right[] = {"", "a", "a b", "a;b", "a; b", "\xc2\xa0"};
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_false(set("image", "watermark_text", wrong[i]));
        assert_string_equal(explanation, "watermark_text takes text without blanks at its ends, "
                                         "and without a ; at its start or behind a blank");
    }
    for (size_t i = 0; i < sizeof right / sizeof *right; i++)
        assert_true(set("image", "watermark_text", right[i]));
}

static void base_paths(void **state) {
    static const char *const refused[] = {"api", "/api/", "//", "/a//b", "/a b", "/a?b", "/a%20b"};
    (void)state;
    assert_true(set("server", "base_path", "/"));
    assert_string_equal(config.server.base_path, "");
    assert_true(set("server", "base_path", "/a/b"));
    assert_string_equal(config.server.base_path, "/a/b");
    assert_true(set("server", "base_path", ""));
    assert_string_equal(config.server.base_path, "");
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        assert_false(set("server", "base_path", refused[i]));
}

static void networks(void **state) {
    static const char *const taken[] = {"", "127.0.0.1", "::1 10.0.0.0/8",
                                        "2001:db8::/32   127.0.0.1"};
    static const char *const refused[] = {"localhost", "10.0.0.1/8",    "10.0.0.0/33",
                                          "*",         "127.0.0.1,::1", "127.0.0.1 x"};
    (void)state;
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++)
        assert_true(set("server", "trusted_proxies", taken[i]));
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        assert_false(set("server", "trusted_proxies", refused[i]));
}

static void origins(void **state) {
    static const char *const taken[] = {"", "*", "https://example.org",
                                        "http://localhost:3000  https://[::1]:8443"};
    static const char *const refused[] = {"example.org", "https://example.org/", "https://",
                                          "://a",        "https://a * ",         "* https://a",
                                          "https:/a",    "https://a, b"};
    (void)state;
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++)
        assert_true(set("server", "cors_origins", taken[i]));
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        assert_false(set("server", "cors_origins", refused[i]));
}

static void buckets(void **state) {
    static const char *const taken[] = {
        "", "abc", "my-bucket.example", "1a2",
        "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffggg"};
    static const char *const refused[] = {
        "ab",
        "Abc",
        "a_b",
        "-abc",
        "abc-",
        ".abc",
        "abc.",
        "a..b",
        "192.168.1.1",
        "a/b",
        "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffgggg"};
    (void)state;
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++)
        assert_true(set("s3", "bucket", taken[i]));
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        assert_false(set("s3", "bucket", refused[i]));
}

static void prefixes(void **state) {
    static const char *const refused[] = {"", "/", "/a/", "a", "a/b"};
    (void)state;
    assert_true(set("s3", "processed_prefix", "a/b/"));
    assert_string_equal(config.s3.processed_prefix, "a/b/");
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        assert_false(set("s3", "original_prefix", refused[i]));
}

static void regions(void **state) {
    static const char *const refused[] = {"EU-central-1", "eu_central_1", "-a",
                                          "a-",           "eu central",   "eu.central"};
    (void)state;
    assert_true(set("s3", "region", "eu-central-1"));
    assert_string_equal(config.s3.region, "eu-central-1");
    assert_true(set("dynamodb", "region", ""));
    assert_true(set("cloudwatch", "region", "us-gov-west-1"));
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        assert_false(set("s3", "region", refused[i]));
    assert_string_equal(explanation, "region takes a-z, 0-9 and inner hyphens, as in eu-central-1");
}

static void urls(void **state) {
    static const char *const taken[] = {"",
                                        "http://localhost:9000",
                                        "https://s3.example.org",
                                        "http://127.0.0.1:1",
                                        "http://[::1]:65535/a",
                                        "http://[::1]",
                                        "https://a_b/x.y/~z-1"};
    static const char *const refused[] = {
        "s3.example.org", "ftp://a",      "http://",        "http:///a",    "http://:80",
        "http://a:",      "http://a:0",   "http://a:65536", "http://a:8x",  "http://a:123456",
        "http://u@a",     "http://u:p@a", "http://a?b",     "http://a/b?c", "http://a/#b",
        "http://a/b//c",  "http://a/%20", "http://a b",     "http://[]",    "http://[::1",
        "http://[::1]x",  "http://::1",   "x http://a"};
    (void)state;
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++) {
        assert_true(set("s3", "endpoint", taken[i]));
        assert_string_equal(config.s3.endpoint, taken[i]);
    }
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        assert_false(set("s3", "endpoint", refused[i]));
    assert_string_equal(explanation, "endpoint takes http[s]://host[:port][/path], nothing more");
    assert_true(set("delivery", "cloudfront_url", "https://d1.cloudfront.net/x//"));
    assert_string_equal(config.delivery.cloudfront_url, "https://d1.cloudfront.net/x");
    assert_true(set("dynamodb", "endpoint", "http://localhost:8000/"));
    assert_string_equal(config.dynamodb.endpoint, "http://localhost:8000");
    assert_false(set("cloudwatch", "endpoint", "localhost"));
}

static void names_in_the_cloud(void **state) {
    static const char *const refused_tables[] = {"ab", "a b", "a/b", "Bild\xC3\xA9r"};
    (void)state;
    assert_true(set("dynamodb", "table", "Images_2.x-y"));
    assert_true(set("dynamodb", "table", ""));
    for (size_t i = 0; i < sizeof refused_tables / sizeof *refused_tables; i++)
        assert_false(set("dynamodb", "table", refused_tables[i]));
    assert_true(set("cloudwatch", "log_group", "/tintype/a_b.c#1"));
    assert_false(set("cloudwatch", "log_group", "a b"));
    assert_false(set("cloudwatch", "log_group", "a:b"));
    assert_true(set("cloudwatch", "log_stream", "one two/\xC3\xA9"));
    assert_false(set("cloudwatch", "log_stream", "a:b"));
    assert_false(set("sync", "node", "a*"));
    assert_string_equal(explanation, "node takes a name without : and *");
    assert_true(set("sync", "node", "node-1"));
    assert_true(set("s3", "sse_kms_key_id", "arn:aws:kms:eu-central-1:1:alias/My_key-1"));
    assert_false(set("s3", "sse_kms_key_id", "a key"));
    char long_name[514];
    memset(long_name, 'a', sizeof long_name - 1);
    long_name[513] = '\0';
    assert_false(set("cloudwatch", "log_group", long_name));
    long_name[512] = '\0';
    assert_true(set("cloudwatch", "log_group", long_name));
}

static void choices_of_the_cloud(void **state) {
    (void)state;
    assert_true(set("s3", "path_style", "true"));
    assert_int_equal(config.s3.path_style, TT_S3_PATH_STYLE_ON);
    assert_true(set("s3", "path_style", "false"));
    assert_int_equal(config.s3.path_style, TT_S3_PATH_STYLE_OFF);
    assert_true(set("s3", "path_style", "auto"));
    assert_int_equal(config.s3.path_style, TT_S3_PATH_STYLE_AUTO);
    assert_true(set("s3", "sse", "aws:kms"));
    assert_int_equal(config.s3.sse, TT_S3_SSE_KMS);
    assert_true(set("s3", "sse", "AES256"));
    assert_int_equal(config.s3.sse, TT_S3_SSE_AES256);
    assert_false(set("s3", "sse", "aes256"));
    assert_string_equal(explanation, "sse takes one of: none, AES256, aws:kms");
    assert_true(set("delivery", "remote", "fetch"));
    assert_int_equal(config.delivery.remote, TT_DELIVERY_FETCH);
    assert_false(set("sync", "in_flight", "0"));
    assert_false(set("sync", "in_flight", "129"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_reach_fields_of_either_size),
        cmocka_unit_test(numbers_out_of_range_are_explained),
        cmocka_unit_test(least_number_may_be_negative),
        cmocka_unit_test(bytes_take_a_suffix),
        cmocka_unit_test(bad_bytes_are_refused),
        cmocka_unit_test(choices_are_spelt_exactly),
        cmocka_unit_test(switches_have_several_spellings),
        cmocka_unit_test(texts_keep_to_their_size),
        cmocka_unit_test(texts_fit_a_line_of_the_file),
        cmocka_unit_test(base_paths),
        cmocka_unit_test(networks),
        cmocka_unit_test(origins),
        cmocka_unit_test(buckets),
        cmocka_unit_test(prefixes),
        cmocka_unit_test(regions),
        cmocka_unit_test(urls),
        cmocka_unit_test(names_in_the_cloud),
        cmocka_unit_test(choices_of_the_cloud),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
