/* src/base/buf.c: growth, the maximum, and what an overflow leaves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tintype/buf.h"

static void empty_text_before_the_first_append(void **state) {
    (void)state;
    struct tt_buf buf;
    tt_buf_init(&buf, 10);
    assert_string_equal(tt_buf_text(&buf), "");
    tt_buf_append(&buf, NULL, 0);
    assert_string_equal(tt_buf_text(&buf), "");
    assert_false(buf.overflowed);
    tt_buf_fini(&buf);
    tt_buf_fini(&buf);
}

static void appends_follow_each_other(void **state) {
    (void)state;
    struct tt_buf buf;
    tt_buf_init(&buf, 100);
    tt_buf_append_text(&buf, "one");
    tt_buf_append(&buf, ", two...", 5);
    tt_buf_append_format(&buf, ", %d%s", 3, "!");
    assert_string_equal(tt_buf_text(&buf), "one, two, 3!");
    assert_int_equal(buf.length, 12);
    tt_buf_fini(&buf);
}

static void bytes_may_hold_nul(void **state) {
    (void)state;
    struct tt_buf buf;
    tt_buf_init(&buf, 100);
    tt_buf_append(&buf, "a\0b", 3);
    assert_int_equal(buf.length, 3);
    assert_memory_equal(buf.data, "a\0b\0", 4);
    tt_buf_fini(&buf);
}

static void grows_to_the_maximum_and_no_further(void **state) {
    (void)state;
    struct tt_buf buf;
    tt_buf_init(&buf, 1000);
    for (int i = 0; i < 1000; i++)
        tt_buf_append(&buf, "x", 1);
    assert_false(buf.overflowed);
    assert_int_equal(buf.length, 1000);
    assert_int_equal(strlen(tt_buf_text(&buf)), 1000);
    tt_buf_append(&buf, "x", 1);
    assert_true(buf.overflowed);
    assert_int_equal(buf.length, 1000);
    tt_buf_fini(&buf);
}

static void overflow_sticks(void **state) {
    (void)state;
    struct tt_buf buf;
    tt_buf_init(&buf, 5);
    tt_buf_append_text(&buf, "abc");
    tt_buf_append_text(&buf, "def");
    assert_true(buf.overflowed);
    tt_buf_append_text(&buf, "g");
    tt_buf_append_format(&buf, "%d", 1);
    tt_buf_append(&buf, NULL, 0);
    assert_true(buf.overflowed);
    assert_string_equal(tt_buf_text(&buf), "abc");
    tt_buf_fini(&buf);
}

static void formatted_text_fits_exactly_or_not_at_all(void **state) {
    (void)state;
    struct tt_buf buf;
    tt_buf_init(&buf, 4);
    tt_buf_append_format(&buf, "%d", 1234);
    assert_string_equal(tt_buf_text(&buf), "1234");
    tt_buf_fini(&buf);
    tt_buf_append_format(&buf, "%d", 12345);
    assert_true(buf.overflowed);
    assert_string_equal(tt_buf_text(&buf), "");
    tt_buf_fini(&buf);
}

static void a_maximum_of_nothing(void **state) {
    (void)state;
    struct tt_buf buf;
    tt_buf_init(&buf, 0);
    tt_buf_append_text(&buf, "");
    assert_false(buf.overflowed);
    tt_buf_append_text(&buf, "a");
    assert_true(buf.overflowed);
    assert_string_equal(tt_buf_text(&buf), "");
    tt_buf_fini(&buf);
}

static void lengths_that_wrap_are_overflows(void **state) {
    (void)state;
    struct tt_buf buf;
    tt_buf_init(&buf, SIZE_MAX);
    tt_buf_append_text(&buf, "abc");
    tt_buf_append(&buf, "d", SIZE_MAX - 3);
    assert_true(buf.overflowed);
    assert_string_equal(tt_buf_text(&buf), "abc");
    tt_buf_fini(&buf);
}

static void assert_percent(const char *text, bool keep_slash, const char *encoded) {
    struct tt_buf buf;
    tt_buf_init(&buf, 100);
    tt_buf_append_percent(&buf, text, keep_slash);
    assert_string_equal(tt_buf_text(&buf), encoded);
    tt_buf_fini(&buf);
}

static void every_byte_is_encoded_or_kept(void **state) {
    static const char kept[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    (void)state;
    for (int byte = 1; byte < 256; byte++) {
        const char text[2] = {(char)byte, '\0'};
        char escaped[4];
        snprintf(escaped, sizeof escaped, "%%%02X", (unsigned)byte);
        assert_percent(text, false, strchr(kept, byte) ? text : escaped);
    }
    assert_percent("/a b/+%\xC3\xA9\xFF", false, "%2Fa%20b%2F%2B%25%C3%A9%FF");
    assert_percent("/a b//../", true, "/a%20b//../");
}

static void assert_json(const char *text, const char *expected) {
    struct tt_buf buf;
    tt_buf_init(&buf, 100);
    tt_buf_append_json(&buf, text);
    assert_string_equal(tt_buf_text(&buf), expected);
    tt_buf_fini(&buf);
}

static void json_strings_are_escaped(void **state) {
    (void)state;
    assert_json("", "\"\"");
    assert_json("a\"b\\c/\n\r\t\x01\x1f\x7f", "\"a\\\"b\\\\c/\\n\\r\\t\\u0001\\u001f\x7f\"");
    assert_json("\xC3\xA9", "\"\xC3\xA9\"");
    assert_json("\xE9", "\"\\u00e9\""); /* Latin-1 */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(empty_text_before_the_first_append),
        cmocka_unit_test(appends_follow_each_other),
        cmocka_unit_test(bytes_may_hold_nul),
        cmocka_unit_test(grows_to_the_maximum_and_no_further),
        cmocka_unit_test(overflow_sticks),
        cmocka_unit_test(formatted_text_fits_exactly_or_not_at_all),
        cmocka_unit_test(a_maximum_of_nothing),
        cmocka_unit_test(lengths_that_wrap_are_overflows),
        cmocka_unit_test(every_byte_is_encoded_or_kept),
        cmocka_unit_test(json_strings_are_escaped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
