/* src/base/config_value.c: which values the keys take. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/config_keys.h"

static struct tt_config config;
static char explanation[TT_CONFIG_EXPLANATION_SIZE];

static bool set(const char *section, const char *name, const char *value) {
    for (size_t i = 0; i < tt_config_key_count; i++)
        if (strcmp(tt_config_keys[i].section, section) == 0 &&
            strcmp(tt_config_keys[i].name, name) == 0)
            return tt_config_value_parse(&tt_config_keys[i], value, &config, explanation);
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
    char value[4096];

    (void)state;
    memset(value, 'a', sizeof value);
    value[sizeof config.server.listen] = '\0';
    assert_false(set("server", "listen", value));
    assert_string_equal(explanation, "the value has 108 bytes; listen takes 107 at most");
    value[sizeof config.server.listen - 1] = '\0';
    assert_true(set("server", "listen", value));
    assert_string_equal(config.server.listen, value);
    assert_false(set("server", "listen", ""));
    assert_false(set("storage", "dir", ""));
    assert_false(set("storage", "dir", "/a\x01"));
    assert_false(set("storage", "dir", "/a\xFF"));
    assert_true(set("storage", "dir", "/caf\xC3\xA9"));
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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_reach_fields_of_either_size),
        cmocka_unit_test(numbers_out_of_range_are_explained),
        cmocka_unit_test(bytes_take_a_suffix),
        cmocka_unit_test(bad_bytes_are_refused),
        cmocka_unit_test(choices_are_spelt_exactly),
        cmocka_unit_test(switches_have_several_spellings),
        cmocka_unit_test(texts_keep_to_their_size),
        cmocka_unit_test(base_paths),
        cmocka_unit_test(origins),
        cmocka_unit_test(buckets),
        cmocka_unit_test(prefixes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
